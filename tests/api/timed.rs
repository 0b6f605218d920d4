//! Messages that are sent later, or not after a time.

use std::time::Duration;

use sendyard_actors::domain::ids::MessageId;
use sendyard_actors::domain::message::State;
use serde_json::{Value, json};

use super::app::{App, assert_accepted};
use crate::engine::yard::{Builder, Line};

fn body(fields: &Value) -> String {
    let mut body = json!({
        "from_phone_number": "+1234567890", "to_phone_number": "+1555123456", "message": "in time",
    });
    body.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
    body.to_string()
}

fn id_of(answer: &Value) -> MessageId {
    serde_json::from_value(answer["message_id"].clone()).unwrap()
}

fn after(app: &App, time: Duration) -> String {
    let nanos = i128::from((app.yard.now() + time).as_nanos());
    jiff::Timestamp::from_nanosecond(nanos / 1000 * 1000).unwrap().to_string()
}

#[tokio::test(start_paused = true)]
async fn a_message_with_a_send_at_is_queued_until_then() {
    let app = App::start().await;
    let send_at = after(&app, Duration::from_hours(1));
    let answer = app.send(body(&json!({ "send_at": send_at }))).await;
    assert_accepted(&answer);
    let answer = answer.json();
    assert_eq!((&answer["status"], &answer["queue_position"]), (&json!("queued"), &json!(1)));
    let told: jiff::Timestamp = answer["estimated_send_time"].as_str().unwrap().parse().unwrap();
    assert_eq!(told, send_at.parse().unwrap());
    let id = id_of(&answer);
    tokio::time::sleep(Duration::from_mins(59)).await;
    assert_eq!(app.status(id).await["status"], "queued");
    app.yard.until(id, State::Sent).await;
}

#[tokio::test(start_paused = true)]
async fn an_expired_message_is_failed_with_its_code() {
    let app = App::of(Builder { script: vec![Line::NoConnection], ..Builder::default() }).await;
    let answer = app.send(body(&json!({ "validity_seconds": 30 }))).await;
    let id = id_of(&answer.json());
    app.yard.until(id, State::Failed).await;
    let status = app.status(id).await;
    assert_eq!((&status["status"], &status["error_code"]), (&json!("failed"), &json!("expired")));
    assert_eq!(status["error"], "The message expired before it could be handed over");
    assert_eq!(status["retryable"], false);
}

#[tokio::test(start_paused = true)]
async fn an_expiry_that_cannot_be_met_is_409_with_the_earliest_time() {
    let app = App::of(Builder { limits: vec!["1/min"], ..Builder::default() }).await;
    for _ in 0..4 {
        app.accepted().await;
    }
    let answer = app.send(body(&json!({ "validity_seconds": 60 }))).await;
    answer.error(409, "expires_before_turn");
    let refused = answer.json();
    let earliest: jiff::Timestamp = refused["earliest_send_time"].as_str().unwrap().parse().unwrap();
    assert!(refused["detail"].as_str().unwrap().contains(refused["earliest_send_time"].as_str().unwrap()));
    assert_eq!(refused["retryable"], false);
    let wait = u64::try_from(earliest.as_nanosecond()).unwrap() - app.yard.now().as_nanos();
    assert!((150..250).contains(&(wait / 1_000_000_000)), "{wait}");
    // As it says, it can then.
    assert_accepted(&app.send(body(&json!({ "validity_seconds": 250 }))).await);
}

#[tokio::test(start_paused = true)]
async fn the_same_key_with_another_time_is_another_request() {
    let app = App::start().await;
    let send_at = after(&app, Duration::from_hours(1));
    let keyed = |send_at: &str| body(&json!({ "send_at": send_at, "idempotency_key": "once" }));
    let first = app.send(keyed(&send_at)).await.json();
    // Also when its time has passed.
    tokio::time::sleep(Duration::from_hours(2)).await;
    assert_eq!(app.send(keyed(&send_at)).await.json()["message_id"], first["message_id"]);
    app.send(keyed(&after(&app, Duration::from_hours(1)))).await.error(422, "idempotency_mismatch");
    app.send(body(&json!({ "idempotency_key": "once" }))).await.error(422, "idempotency_mismatch");
}
