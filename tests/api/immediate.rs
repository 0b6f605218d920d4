//! `"queue": false`: the answer is the outcome.

use std::time::Duration;

use sendyard_actors::domain::message::State;
use sendyard_actors::domain::outcome::Class;
use serde_json::{Value, json};
use tokio::time::Instant;

use super::app::{Answer, App, GOOD_BODY, assert_accepted};
use crate::engine::yard::{Builder, Line};

async fn send_now(script: Line) -> (App, Answer) {
    let app = App::of(Builder { script: vec![script], ..Builder::default() }).await;
    let answer = app.send(GOOD_BODY.replace("\"hi\"", "\"hi\",\"queue\":false")).await;
    (app, answer)
}

#[tokio::test(start_paused = true)]
async fn a_message_that_the_provider_takes_is_sent() {
    let (_app, answer) = send_now(Line::Accept(Duration::from_millis(50))).await;
    assert_accepted(&answer);
    let mut body = answer.json();
    body.as_object_mut().unwrap().remove("message_id").unwrap();
    let expected = json!({
        "success": true, "message": "SMS sent successfully via twilio", "provider": "twilio",
        "status": "sent", "queued": false, "queue_position": null, "estimated_send_time": null,
        "segments": 1, "encoding": "GSM-7",
    });
    assert_eq!(body, expected);
}

#[tokio::test(start_paused = true)]
async fn a_refusal_is_500_with_the_code_of_the_provider() {
    for (class, retryable) in [(Class::Recipient, false), (Class::Retry, true)] {
        let (app, answer) = send_now(Line::Refuse(class, Duration::from_millis(50))).await;
        assert_eq!(answer.error(500, "send_failed"), "Failed to send SMS via twilio");
        let body = answer.json();
        assert_eq!((&body["provider_code"], &body["retryable"]), (&json!("42"), &json!(retryable)));
        let id = body["message_id"].as_str().unwrap().parse().unwrap();
        let status = app.status(id).await;
        assert_eq!((&status["status"], &status["error_code"]), (&json!("failed"), &json!("42")));
        assert_ne!(status["error"], Value::Null);
    }
}

#[tokio::test(start_paused = true)]
async fn an_outcome_that_nobody_knows_is_504_in_time_for_the_client() {
    let begun = Instant::now();
    let (app, answer) = send_now(Line::LoseAnswer).await;
    assert!(begun.elapsed() <= Duration::from_secs(25), "{:?}", begun.elapsed());
    answer.error(504, "outcome_unknown");
    let id = answer.json()["message_id"].as_str().unwrap().parse().unwrap();
    app.yard.until(id, State::Unknown).await;
    let status = app.status(id).await;
    assert_eq!((&status["status"], &status["provider_status"]), (&json!("sending"), &json!("unknown")));
}
