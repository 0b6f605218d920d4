use serde_json::{Value, json};

use super::front::{Front, message, with};

#[tokio::test]
async fn good_requests_pass_up_to_the_limits() {
    let front = Front::start().await;
    let address = |n: usize| json!(format!("http://example.com/{n}.png?a=b#c"));
    for (field, value) in [
        ("message", json!("x")),
        ("message", json!("a".repeat(1_600))),
        ("message", json!("  spaces around  ")),
        ("message", json!("line\nbreak\tand \"quotes\" \\ é € 中 👩‍👩‍👧")),
        ("media_urls", Value::Null),
        ("media_urls", json!([])),
        ("media_urls", Value::Array((0..10).map(address).collect())),
        ("queue", json!(true)),
        ("idempotency_key", Value::Null),
        ("idempotency_key", json!("é".repeat(256))),
        ("a field that nobody knows", json!({ "deep": [1, 2.5, null] })),
    ] {
        front.send(&with(message("one"), field, value)).await.expect(200);
    }
    front.send_with_key(&"k".repeat(256), &message("one")).await.expect(200);
}

/// Lengths are code points, not bytes and not UTF-16 units: what the provider makes of such a text is
/// another question, with another answer.
#[tokio::test]
async fn sixteen_hundred_emoji_are_not_too_many_characters() {
    let front = Front::start().await;
    let reply = front.send(&message(&"😀".repeat(1_600))).await;
    let is_for_the_provider = reply.status == 400 && reply.body["code"] == "message_too_long";
    assert!(reply.status == 200 || is_for_the_provider, "{}", reply.text);
}

/// What was accepted reaches the provider as it was written.
#[tokio::test]
async fn the_text_arrives_unchanged() {
    let front = Front::start().await;
    let text = "  line\nbreak\tand \"quotes\" \\ é € 中 👩‍👩‍👧  ";
    let id = front.send(&message(text)).await.expect(200).message_id();
    front.until(&id, "sent").await;
    assert_eq!(front.ledger().await[0]["text"], text);
}
