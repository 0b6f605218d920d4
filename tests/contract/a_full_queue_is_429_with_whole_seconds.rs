use serde_json::json;

use super::front::{Front, SLOW, message, with};

#[tokio::test]
async fn a_full_queue_is_429_with_whole_seconds() {
    let front = Front::with("engine.queue_limit = 3").await;
    let slow = |text: &str| with(message(text), "from_phone_number", json!(SLOW));
    let first = front.send(&slow("goes at once")).await.expect(200).message_id();
    front.until(&first, "sent").await;
    for text in ["one", "two", "three"] {
        front.send(&slow(text)).await.expect(200);
    }
    let before = front.stats().await;
    let reply = front.send(&slow("four")).await.expect(429);
    let seconds: u64 = reply.header("retry-after").unwrap().parse().unwrap();
    assert!((1..=63).contains(&seconds), "room comes with the next slot, within the minute: {seconds}");
    assert_eq!(reply.body["retryable"], true);
    assert_eq!(front.stats().await, before, "nothing is stored");
    front.send(&message("another sender's queue has room")).await.expect(200);
}
