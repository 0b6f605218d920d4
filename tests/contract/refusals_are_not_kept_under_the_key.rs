use serde_json::json;

use super::front::{Front, NOBODYS, OTHER_FROM, SLOW, message, with};

#[tokio::test]
async fn refusals_are_not_kept_under_the_key() {
    let front = Front::start().await;
    front.send_with_key("k", &message("")).await.expect(400);
    front
        .send_with_key("k", &with(message("one"), "send_at", json!("2099-01-01T00:00:00Z")))
        .await
        .expect(400);
    front.send_with_key("k", &with(message("one"), "from_phone_number", json!(NOBODYS))).await.expect(404);
    front.send_with_key("k", &with(message("one"), "from_phone_number", json!(OTHER_FROM))).await.expect(403);
    let accepted = front.send_with_key("k", &message("two")).await.expect(200);
    assert!(!accepted.is_replay());
}

#[tokio::test]
async fn a_full_queue_gives_the_key_back() {
    let front = Front::with("engine.queue_limit = 1").await;
    let slow = |text: &str| with(message(text), "from_phone_number", json!(SLOW));
    let first = front.send(&slow("one")).await.expect(200).message_id();
    front.until(&first, "sent").await;
    let second = front.send(&slow("two")).await.expect(200).message_id();
    front.send_with_key("k", &slow("three")).await.expect(429);
    front.delete(&format!("/sms/{second}")).await.expect(200);
    let accepted = front.send_with_key("k", &slow("another one")).await.expect(200);
    assert!(!accepted.is_replay());
}
