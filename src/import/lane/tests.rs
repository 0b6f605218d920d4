use serde_json::json;

use super::*;

fn answer(status: u16, code: &str, retryable: bool) -> Answer {
    let body = json!({ "detail": "a sentence", "code": code, "retryable": retryable });
    Answer { status, retry_after: Some(Duration::from_secs(7)), is_replay: false, body }
}

fn word(next: &Next) -> String {
    match next {
        Next::Accepted { .. } => "accepted".to_owned(),
        Next::Refused(reason) => format!("refused {}", reason.code),
        Next::Again { wait, .. } => format!("again {:?}", wait.map(|wait| wait.as_secs())),
        Next::Over(failure) => format!("over {failure}").split(';').next().unwrap().to_owned(),
    }
}

#[test]
fn every_answer_has_its_consequence() {
    let cases = [
        (answer(400, "invalid_request", false), "refused invalid_request"),
        (answer(404, "no_assistant", false), "refused no_assistant"),
        (answer(422, "idempotency_mismatch", false), "refused idempotency_mismatch"),
        (answer(409, "idempotency_in_progress", true), "again Some(7)"),
        (answer(429, "queue_full", true), "again Some(7)"),
        (answer(503, "stopping", true), "again Some(7)"),
        (answer(503, "outcome_unknown", false), "again Some(7)"),
        (answer(504, "outcome_unknown", false), "refused outcome_unknown"),
        (answer(500, "send_failed", false), "refused send_failed"),
        (answer(500, "internal", false), "again None"),
        (answer(401, "unauthorized", false), "over the server does not know the API key"),
        (answer(404, "not_found", false), "over the answer 404 is not Sendyard's"),
    ];
    for (answer, expected) in cases {
        let shown = format!("{answer:?}");
        assert_eq!(word(&next(Ok(answer), 1)), expected, "{shown}");
    }
    for lost in [NoAnswer::Connect, NoAnswer::Timeout, NoAnswer::Cut] {
        assert_eq!(word(&next(Err(lost), 1)), "again None", "{lost:?}");
    }
    assert_eq!(word(&next(Ok(answer(500, "internal", false)), FAULTS)), "refused internal");
}

#[test]
fn waits_grow_and_are_bounded() {
    assert_eq!(back_off(1), FIRST_WAIT);
    assert_eq!(back_off(2), FIRST_WAIT * 2);
    assert_eq!(back_off(u32::MAX), LONGEST_WAIT);
}
