"""What schemathesis is to check beyond its own checks: an error's code is one that its status names."""

import schemathesis


@schemathesis.check
def code_is_described(ctx, response, case):
    if response.status_code < 400:
        return
    code = response.json()["code"]
    responses = case.operation.definition.raw["responses"]
    described = responses.get(str(response.status_code), {})
    examples = described.get("content", {}).get("application/json", {}).get("examples", {})
    # A method that the path does not take is described once, for all paths.
    if response.status_code == 405 and code == "method_not_allowed":
        return
    assert code in examples, f"{response.status_code} {code} is not described"
