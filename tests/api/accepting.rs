//! A queued message: its answer, its status, its place in the counts.

use sendyard_actors::domain::message::State;
use serde_json::{Value, json};

use super::app::{App, GOOD_BODY, assert_accepted};
use crate::engine::yard::Builder;

#[tokio::test(start_paused = true)]
async fn a_queued_message_is_answered_as_documented() {
    let app = App::of(Builder { limits: vec!["1/min"], ..Builder::default() }).await;
    app.accepted().await;
    let answer = app.send(GOOD_BODY).await;
    assert_accepted(&answer);
    assert_eq!(answer.header("idempotent-replayed"), None);
    let mut body = answer.json();
    let fields = body.as_object_mut().unwrap();
    let id = fields.remove("message_id").unwrap();
    assert_eq!(id.as_str().unwrap().len(), 36, "a UUID");
    let estimate = fields.remove("estimated_send_time").unwrap();
    assert!(estimate.as_str().unwrap().ends_with('Z'), "{estimate}");
    let position = fields.remove("queue_position").unwrap();
    assert!(position.as_u64().unwrap() >= 1, "{position}");
    let expected = json!({
        "success": true, "message": "SMS queued successfully via twilio", "provider": "twilio",
        "status": "queued", "queued": true, "segments": 1, "encoding": "GSM-7",
    });
    assert_eq!(body, expected);
}

#[tokio::test(start_paused = true)]
async fn its_status_follows_it_on_both_paths() {
    let app = App::start().await;
    let id = app.accepted().await;
    app.yard.until(id, State::Sent).await;
    let body = app.status(id).await;
    assert_eq!((&body["success"], &body["status"]), (&json!(true), &json!("sent")));
    assert_eq!(body["provider_message_id"], format!("SM{id}"));
    assert_eq!((&body["attempts"], &body["delivered_at"]), (&json!(1), &Value::Null));
    assert_eq!(app.get(&format!("/sms/status/{id}")).await.json(), body);
}

#[tokio::test(start_paused = true)]
async fn the_counts_tell_what_waits_and_what_is_done() {
    let app = App::of(Builder { limits: vec!["1/min"], ..Builder::default() }).await;
    let first = app.accepted().await;
    app.accepted().await;
    app.yard.until(first, State::Sent).await;
    for (path, waiting) in [
        ("/sms/queue/stats", 1),
        ("/sms/queue/stats?provider=twilio", 1),
        ("/sms/queue/stats?provider=vonage", 0),
    ] {
        let body = app.get(path).await.json();
        assert_eq!(body["total_queued"], waiting, "{path}");
        assert_eq!(body["completed_last_hour"], waiting, "{path}");
        let twilio = json!({"pending": 1, "active": 0, "failed": 0, "sent": 1});
        let queues = if waiting == 1 { json!({"twilio": twilio}) } else { json!({}) };
        assert_eq!(body["queues"], queues, "{path}");
    }
}
