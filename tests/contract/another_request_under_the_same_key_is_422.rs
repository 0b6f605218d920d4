use serde_json::json;

use super::front::{Front, SLOW, message, with};

#[tokio::test]
async fn another_request_under_the_same_key_is_422() {
    let front = Front::start().await;
    let first = front.send_with_key("k", &message("one")).await.expect(200);
    for (field, value) in [
        ("from_phone_number", json!(SLOW)),
        ("to_phone_number", json!("+1555123457")),
        ("message", json!("One")),
        ("message", json!("one ")),
        ("media_urls", json!(["https://example.com/a.png"])),
        ("queue", json!(false)),
    ] {
        let reply = front.send_with_key("k", &with(message("one"), field, value)).await.expect(422);
        assert!(!reply.is_replay());
    }
    let again = front.send_with_key("k", &message("one")).await.expect(200);
    assert_eq!(again.message_id(), first.message_id(), "the key still stands for its own request");
    front.until(&first.message_id(), "sent").await;
    assert_eq!(front.ledger().await.len(), 1);
}
