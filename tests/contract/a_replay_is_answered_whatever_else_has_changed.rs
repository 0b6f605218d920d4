use serde_json::json;

use super::front::{Front, OTHER_FROM, SLOW, message, with};

#[tokio::test]
async fn a_replay_is_answered_although_the_number_is_gone() {
    let front = Front::start().await;
    let first = front.send_with_key("k", &message("one")).await.expect(200);
    let front = front.restart(|directory| directory.replace("+1234567890", "+15550100009")).await;
    front.send(&message("one")).await.expect(404);
    let again = front.send_with_key("k", &message("one")).await.expect(200);
    assert!(again.is_replay());
    assert_eq!(first.body, again.body);
}

#[tokio::test]
async fn a_replay_is_answered_although_the_number_is_anothers() {
    let front = Front::start().await;
    let first = front.send_with_key("k", &message("one")).await.expect(200);
    let swap = |directory: &str| {
        let hidden = directory.replace("+1234567890", "swapped");
        hidden.replace(OTHER_FROM, "+1234567890").replace("swapped", OTHER_FROM)
    };
    let front = front.restart(swap).await;
    front.send(&message("one")).await.expect(403);
    assert_eq!(front.send_with_key("k", &message("one")).await.expect(200).body, first.body);
}

#[tokio::test]
async fn a_replay_is_answered_although_the_queue_is_full() {
    let front = Front::with("engine.queue_limit = 1").await;
    let slow = |text: &str| with(message(text), "from_phone_number", json!(SLOW));
    let first = front.send_with_key("k", &slow("one")).await.expect(200);
    front.until(&first.message_id(), "sent").await;
    front.send(&slow("two")).await.expect(200);
    front.send(&slow("three")).await.expect(429);
    assert_eq!(front.send_with_key("k", &slow("one")).await.expect(200).body, first.body);
}
