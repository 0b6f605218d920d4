use reqwest::Method;
use serde_json::json;

use super::front::{Front, OTHER_FROM, OTHER_KEY, SENDER, message, with};

#[tokio::test]
async fn a_key_belongs_to_its_organization() {
    let front = Front::start().await;
    let ours = front.send_with_key("k", &message("one")).await.expect(200);

    let theirs =
        front.request(Method::POST, "/sms/send").bearer_auth(OTHER_KEY).header("Idempotency-Key", "k");
    let theirs = theirs.json(&with(message("one"), "from_phone_number", json!(OTHER_FROM)));
    let theirs = front.ask(theirs).await.expect(200);
    assert!(!theirs.is_replay());
    assert_ne!(ours.message_id(), theirs.message_id());

    let colleague =
        front.request(Method::POST, "/sms/send").bearer_auth(SENDER).header("Idempotency-Key", "k");
    let colleague = front.ask(colleague.json(&message("one"))).await.expect(200);
    assert!(colleague.is_replay());
    assert_eq!(ours.message_id(), colleague.message_id());
}
