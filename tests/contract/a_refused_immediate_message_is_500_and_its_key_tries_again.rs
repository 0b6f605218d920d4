use serde_json::json;

use super::front::{Front, TO, immediate};
use super::shape::{Type, assert_shape};

#[tokio::test]
async fn a_refused_immediate_message_is_500_and_its_key_tries_again() {
    let front = Front::start().await;
    front.faults(json!({ "opted_out": [TO] })).await;
    let failed = front.send_with_key("k", &immediate("one")).await.expect(500);
    assert_eq!(failed.detail(), "Failed to send SMS via twilio");
    assert_shape(&failed.body, &[("message_id", Type::Uuid), ("provider_code", Type::Text)]);
    assert_eq!(failed.body["provider_code"], "21610");
    assert_eq!(failed.body["retryable"], false, "{}", failed.text);
    assert_eq!(front.status(&failed.message_id()).await["status"], "failed");

    front.faults(json!({})).await;
    let sent = front.send_with_key("k", &immediate("one")).await.expect(200);
    assert_eq!(sent.message_id(), failed.message_id());
    assert_eq!(front.status(&failed.message_id()).await["status"], "sent");
    let again = front.send_with_key("k", &immediate("one")).await.expect(200);
    assert!(again.is_replay());
    assert_eq!(again.body, sent.body);
    assert_eq!(front.ledger().await.len(), 2);
}

#[tokio::test]
async fn without_a_key_the_next_request_is_another_message() {
    let front = Front::start().await;
    front.faults(json!({ "opted_out": [TO] })).await;
    let one = front.send(&immediate("one")).await.expect(500);
    let two = front.send(&immediate("one")).await.expect(500);
    assert_ne!(one.message_id(), two.message_id());
}

#[tokio::test]
async fn a_provider_that_is_out_fails_an_immediate_message_and_says_to_repeat() {
    let front = Front::start().await;
    front.faults(json!({ "refuse": true })).await;
    let failed = front.send(&immediate("one")).await.expect(500);
    assert_eq!(failed.detail(), "Failed to send SMS via twilio");
    assert_eq!(failed.body["retryable"], true, "{}", failed.text);
    assert_shape(&failed.body, &[("message_id", Type::Uuid), ("provider_code", Type::TextOrNull)]);
    assert_eq!(front.status(&failed.message_id()).await["status"], "failed");
    front.faults(json!({})).await;
    assert!(front.ledger().await.is_empty(), "an immediate message is not tried again by itself");
}

#[tokio::test]
async fn a_throttled_immediate_message_fails_too() {
    let front = Front::start().await;
    front.faults(json!({ "rules": [{ "throttle": { "share": 1.0 } }] })).await;
    let failed = front.send(&immediate("one")).await.expect(500);
    assert_eq!(failed.detail(), "Failed to send SMS via twilio");
    assert_eq!(failed.body["retryable"], true, "{}", failed.text);
}
