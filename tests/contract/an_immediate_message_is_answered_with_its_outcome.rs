use super::front::{Front, immediate};
use super::shape::{Type, assert_shape};

#[tokio::test]
async fn an_immediate_message_is_answered_with_its_outcome() {
    let front = Front::start().await;
    let reply = front.send(&immediate("Now")).await.expect(200);
    assert_shape(
        &reply.body,
        &[
            ("message_id", Type::Uuid),
            ("queue_position", Type::Null),
            ("estimated_send_time", Type::Null),
            ("segments", Type::Count),
            ("encoding", Type::Text),
        ],
    );
    assert_eq!(reply.body["success"], true);
    assert_eq!(reply.body["message"], "SMS sent successfully via twilio");
    assert_eq!(reply.body["provider"], "twilio");
    assert_eq!(reply.body["status"], "sent");
    assert_eq!(reply.body["queued"], false);
    assert_eq!(front.ledger().await.len(), 1, "handed over before the answer");

    let status = front.status(&reply.message_id()).await;
    assert_eq!(status["status"], "sent");
    assert_ne!(status["provider_message_id"], reply.body["message_id"], "the id is ours");
}
