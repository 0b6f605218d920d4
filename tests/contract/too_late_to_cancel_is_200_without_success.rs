use serde_json::{Value, json};

use super::front::{Front, message};

async fn assert_too_late(front: &Front, id: &str, status: &str) -> String {
    let one = front.delete(&format!("/sms/{id}")).await.expect(200);
    let two = front.post(&format!("/sms/cancel/{id}")).await.expect(200);
    assert_eq!(one.text, two.text);
    let sentence = one.body["message"].as_str().unwrap().to_owned();
    assert_eq!(
        one.body,
        json!({
            "success": false,
            "message_id": id,
            "message": sentence,
            "previous_status": status,
            "new_status": Value::Null,
            "status": status,
        })
    );
    assert_eq!(front.status(id).await["status"], status);
    sentence
}

#[tokio::test]
async fn a_message_in_the_providers_hands_is_too_late_to_cancel() {
    let front = Front::start().await;
    let id = front.hang_in_the_air().await;
    assert_eq!(assert_too_late(&front, &id, "sending").await, "Message is already sending");
}

#[tokio::test]
async fn a_sent_message_is_too_late_to_cancel() {
    let front = Front::start().await;
    let id = front.send(&message("one")).await.expect(200).message_id();
    front.until(&id, "sent").await;
    assert_eq!(assert_too_late(&front, &id, "sent").await, "Message is already sent");
}
