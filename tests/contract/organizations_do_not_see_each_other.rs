use reqwest::Method;
use serde_json::json;

use super::front::{Front, OTHER_FROM, OTHER_KEY, SLOW, message, with};

#[tokio::test]
async fn nobody_sends_from_another_organizations_number() {
    let front = Front::start().await;
    let reply = front.send(&with(message("one"), "from_phone_number", json!(OTHER_FROM))).await.expect(403);
    assert_eq!(reply.detail(), "Unauthorized: phone number belongs to different organization");
    assert!(front.ledger().await.is_empty());
}

#[tokio::test]
async fn another_organizations_message_is_an_unknown_one() {
    let front = Front::start().await;
    let id = front.wait_in_line().await.message_id();
    for (method, path) in [
        (Method::GET, format!("/sms/{id}/status")),
        (Method::GET, format!("/sms/status/{id}")),
        (Method::DELETE, format!("/sms/{id}")),
        (Method::POST, format!("/sms/cancel/{id}")),
    ] {
        let reply = front.ask(front.request(method, &path).bearer_auth(OTHER_KEY)).await.expect(404);
        assert_eq!(reply.detail(), format!("Message {id} not found"));
    }
    assert_eq!(front.status(&id).await["status"], "queued");
}

#[tokio::test]
async fn stats_count_the_callers_organization_only() {
    let front = Front::start().await;
    let slow = |text| with(message(text), "from_phone_number", json!(SLOW));
    let first = front.send(&slow("first")).await.expect(200).message_id();
    front.until(&first, "sent").await;
    front.send(&slow("second")).await.expect(200);
    assert_eq!(front.stats().await["pending"], 1);
    let theirs = front.get_as(OTHER_KEY, "/sms/queue/stats").await.expect(200).body;
    for counter in ["total_queued", "pending", "processing", "completed_last_hour", "failed_last_hour"] {
        assert_eq!(theirs[counter], 0, "{theirs}");
    }
}
