use serde_json::json;

use super::front::{Front, message};

#[tokio::test]
async fn a_queued_message_is_cancelled_on_both_paths() {
    let front = Front::start().await;
    for is_delete in [true, false] {
        let id = front.wait_in_line().await.message_id();
        let reply = if is_delete {
            front.delete(&format!("/sms/{id}")).await
        } else {
            front.post(&format!("/sms/cancel/{id}")).await
        };
        assert_eq!(
            reply.expect(200).body,
            json!({
                "success": true,
                "message_id": id,
                "message": "SMS cancelled successfully",
                "previous_status": "queued",
                "new_status": "cancelled",
                "status": "cancelled",
            })
        );
        assert_eq!(front.status(&id).await["status"], "cancelled");
    }
}

/// Its first answer may have been lost on the way.
#[tokio::test]
async fn a_repeated_cancellation_succeeds_again() {
    let front = Front::start().await;
    let id = front.wait_in_line().await.message_id();
    front.delete(&format!("/sms/{id}")).await.expect(200);
    let again = front.delete(&format!("/sms/{id}")).await.expect(200);
    assert_eq!((&again.body["success"], &again.body["status"]), (&json!(true), &json!("cancelled")));
    assert_eq!(again.body["previous_status"], "cancelled");
}

/// The provider is away, so that the second waits behind the first, which is of the same conversation.
#[tokio::test]
async fn what_was_cancelled_is_never_handed_over() {
    let front = Front::start().await;
    front.faults(json!({ "refuse": true })).await;
    front.send(&message("first")).await.expect(200);
    let cancelled = front.send(&message("cancelled")).await.expect(200).message_id();
    let last = front.send(&message("last")).await.expect(200).message_id();
    let reply = front.delete(&format!("/sms/{cancelled}")).await.expect(200);
    assert_eq!(reply.body["success"], true, "{}", reply.text);

    front.faults(json!({})).await;
    front.until(&last, "sent").await;
    let texts: Vec<_> = front.ledger().await.iter().map(|line| line["text"].clone()).collect();
    assert_eq!(texts, ["first", "last"]);
}
