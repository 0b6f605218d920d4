"""Validates an OpenAPI document, and every example in it against its own schema.

Usage: openapi_check.py FILE

Ends with 0 and the line `valid, with N examples`; an exception is a failure.
"""

import json
import sys

from openapi_schema_validator import OAS31Validator, oas31_format_checker
from openapi_spec_validator import validate


def check_all(node, document):
    """Walks the document; counts the examples that were checked."""
    count = 0
    if isinstance(node, list):
        return sum(check_all(item, document) for item in node)
    if not isinstance(node, dict):
        return 0
    for schema, example in examples(node):
        whole = {"components": document["components"], **schema}
        OAS31Validator(whole, format_checker=oas31_format_checker).validate(example)
        count += 1
    return count + sum(check_all(item, document) for name, item in node.items() if name != "example")


def examples(node):
    """The examples of a media type, a parameter or a schema, each with what it must fit."""
    if isinstance(node.get("schema"), dict):
        if "example" in node:
            yield node["schema"], node["example"]
        for named in node.get("examples", {}).values():
            yield node["schema"], named["value"]
    elif "example" in node and ("type" in node or "$ref" in node or "allOf" in node):
        yield {name: value for name, value in node.items() if name != "example"}, node["example"]


document = json.load(open(sys.argv[1]))
validate(document)
print(f"valid, with {check_all(document, document)} examples")
