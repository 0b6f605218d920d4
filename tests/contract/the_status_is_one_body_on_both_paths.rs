use serde_json::Value;

use super::front::{Front, message};
use super::shape::{Type, assert_shape};

const FIELDS: [(&str, Type); 15] = [
    ("success", Type::Bool),
    ("message_id", Type::Uuid),
    ("status", Type::Text),
    ("provider", Type::Text),
    ("provider_message_id", Type::TextOrNull),
    ("provider_status", Type::TextOrNull),
    ("error", Type::TextOrNull),
    ("error_code", Type::TextOrNull),
    ("error_message", Type::TextOrNull),
    ("segments", Type::Count),
    ("attempts", Type::Count),
    ("queued_at", Type::Time),
    ("sent_at", Type::TimeOrNull),
    ("delivered_at", Type::TimeOrNull),
    ("updated_at", Type::Time),
];

#[tokio::test]
async fn the_status_of_a_queued_message() {
    let front = Front::start().await;
    let id = front.wait_in_line().await.message_id();
    let one = front.get(&format!("/sms/{id}/status")).await.expect(200);
    let two = front.get(&format!("/sms/status/{id}")).await.expect(200);
    assert_eq!(one.text, two.text);
    assert_shape(&one.body, &FIELDS);
    assert_eq!(one.body["success"], true);
    assert_eq!(one.body["message_id"], id);
    assert_eq!(one.body["status"], "queued");
    assert_eq!(one.body["provider"], "twilio");
    assert_eq!(one.body["segments"], 1);
    assert_eq!(one.body["attempts"], 0);
    for field in ["provider_message_id", "error", "error_code", "error_message", "sent_at", "delivered_at"] {
        assert_eq!(one.body[field], Value::Null, "{field}");
    }
}

#[tokio::test]
async fn the_status_of_a_sent_message() {
    let front = Front::start().await;
    let id = front.send(&message("one")).await.expect(200).message_id();
    let body = front.until(&id, "sent").await;
    assert_shape(&body, &FIELDS);
    assert_shape(&body, &[("sent_at", Type::Time), ("error", Type::Null), ("error_code", Type::Null)]);
    assert_eq!(body["attempts"], 1);
    assert_eq!(body["provider_message_id"], front.ledger().await[0]["provider_message_id"]);
    let two = front.get(&format!("/sms/status/{id}")).await.expect(200);
    assert_eq!(body, two.body);
}

#[tokio::test]
async fn the_status_of_a_message_in_the_providers_hands() {
    let front = Front::start().await;
    let id = front.hang_in_the_air().await;
    let body = front.status(&id).await;
    assert_shape(&body, &FIELDS);
    assert_eq!(body["attempts"], 1);
    assert_eq!(body["sent_at"], Value::Null);
}

#[tokio::test]
async fn the_status_of_a_failed_message() {
    let front = Front::start().await;
    front.faults(serde_json::json!({ "opted_out": [super::front::TO] })).await;
    let id = front.send(&message("one")).await.expect(200).message_id();
    let body = front.until(&id, "failed").await;
    assert_shape(&body, &FIELDS);
    assert_shape(&body, &[("error", Type::Text), ("error_code", Type::Text), ("error_message", Type::Text)]);
    assert_eq!(body["error_code"], "21610", "a string, and Twilio's code for a recipient who opted out");
    assert_eq!(body["success"], true, "the question was answered");
    assert_eq!(body["sent_at"], Value::Null);
}
