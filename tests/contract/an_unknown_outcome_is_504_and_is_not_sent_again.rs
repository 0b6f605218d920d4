use serde_json::{Value, json};

use super::front::{Front, Reply, immediate};
use super::shape::{Type, assert_shape};

/// Short deadlines: nobody waits 20 s in a test.
const IMPATIENT: &str = "[engine]\nbegin_by = \"200ms\"\nattempt_deadline = \"400ms\"\nmargin = \"50ms\"";

async fn lose_the_answer(faults: Value) -> (Front, Reply) {
    let front = Front::with(IMPATIENT).await;
    front.faults(faults).await;
    let unknown = front.send_with_key("k", &immediate("one")).await.expect(504);
    assert_shape(&unknown.body, &[("message_id", Type::Uuid)]);
    assert_eq!(unknown.body["retryable"], false, "it may send twice: {}", unknown.text);
    front.faults(json!({})).await;
    (front, unknown)
}

async fn assert_reported(front: &Front, unknown: &Reply) {
    let again = front.send_with_key("k", &immediate("one")).await.expect(504);
    assert_eq!(again.message_id(), unknown.message_id());
    let status = front.status(&unknown.message_id()).await;
    assert_eq!((&status["status"], &status["provider_status"]), (&json!("sending"), &json!("unknown")));
    assert_eq!(front.ledger().await.len(), 1, "handed over once");
}

#[tokio::test]
async fn no_answer_in_time_is_504_and_is_not_sent_again() {
    let (front, unknown) =
        lose_the_answer(json!({ "rules": [{ "hang": { "share": 1.0, "ms": 60_000 } }] })).await;
    front.until_provider_says(&unknown.message_id(), "unknown").await;
    assert_reported(&front, &unknown).await;
}

#[tokio::test]
async fn a_connection_cut_before_the_answer_is_504_and_is_not_sent_again() {
    let (front, unknown) =
        lose_the_answer(json!({ "rules": [{ "cut_after_body": { "share": 1.0 } }] })).await;
    front.until_provider_says(&unknown.message_id(), "unknown").await;
    assert_reported(&front, &unknown).await;
}

/// The repeat comes before the attempt's time is over, and is told when it is.
#[tokio::test]
async fn a_repeat_at_once_is_reported_too() {
    let (front, unknown) =
        lose_the_answer(json!({ "rules": [{ "cut_after_body": { "share": 1.0 } }] })).await;
    assert_reported(&front, &unknown).await;
}
