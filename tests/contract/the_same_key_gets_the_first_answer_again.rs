use serde_json::{Value, json};

use super::front::{Front, Reply, immediate, message, with};

#[track_caller]
fn assert_replay(first: &Reply, again: &Reply) {
    assert!(!first.is_replay());
    assert!(again.is_replay(), "{:?}", again.headers);
    assert_eq!(first.body, again.body);
}

#[tokio::test]
async fn the_same_key_gets_the_first_answer_again() {
    let front = Front::start().await;
    for body in [message("one"), immediate("one")] {
        let key = body.to_string();
        let first = front.send_with_key(&key, &body).await.expect(200);
        front.until(&first.message_id(), "sent").await;
        let again = front.send_with_key(&key, &body).await.expect(200);
        assert_replay(&first, &again);
    }
    assert_eq!(front.ledger().await.len(), 2);
}

#[tokio::test]
async fn a_key_in_the_body_counts_as_one_in_the_header() {
    let front = Front::start().await;
    let body = with(message("one"), "idempotency_key", json!("k"));
    let first = front.send(&body).await.expect(200);
    assert_replay(&first, &front.send(&body).await.expect(200));
    assert_replay(&first, &front.send_with_key("k", &message("one")).await.expect(200));
}

#[tokio::test]
async fn the_header_wins_over_the_body() {
    let front = Front::start().await;
    let with_key = |key: &str| with(message("one"), "idempotency_key", json!(key));
    let first = front.send_with_key("header", &with_key("b")).await.expect(200);
    assert_replay(&first, &front.send_with_key("header", &with_key("c")).await.expect(200));
    let other = front.send_with_key("other header", &with_key("b")).await.expect(200);
    assert_ne!(first.message_id(), other.message_id());
    let by_the_body = front.send(&with_key("b")).await.expect(200);
    assert!(!by_the_body.is_replay(), "b was never a key");
}

#[tokio::test]
async fn an_empty_key_counts_as_absent() {
    let front = Front::start().await;
    for body in [
        message("one"),
        with(message("one"), "idempotency_key", json!("")),
        with(message("one"), "idempotency_key", Value::Null),
    ] {
        let first = front.send_with_key("", &body).await.expect(200);
        let second = front.send(&body).await.expect(200);
        assert_ne!(first.message_id(), second.message_id());
        assert!(!first.is_replay() && !second.is_replay());
    }
    let in_the_body = with(message("one"), "idempotency_key", json!("k"));
    let first = front.send_with_key("", &in_the_body).await.expect(200);
    assert_replay(&first, &front.send(&in_the_body).await.expect(200));
}

#[tokio::test]
async fn the_same_request_may_be_written_differently() {
    let front = Front::start().await;
    let first = front.send_with_key("k", &message("one €")).await.expect(200);
    let written = br#" { "message" : "one \u20ac", "to_phone_number":"+1555123456",
        "from_phone_number":"+1234567890", "idempotency_key": "k" } "#;
    assert_replay(&first, &front.send_bytes(written).await.expect(200));
    let with_defaults = json!({ "queue": true, "media_urls": null });
    let mut body = message("one €");
    body.as_object_mut().unwrap().extend(with_defaults.as_object().unwrap().clone());
    assert_replay(&first, &front.send_with_key("k", &body).await.expect(200));
}
