//! A cancellation is 200 whether it was in time or not; the body says which.

use axum::http::Method;
use sendyard_actors::domain::message::State;
use serde_json::json;

use super::app::{App, KEY};
use crate::engine::yard::Builder;

#[tokio::test(start_paused = true)]
async fn what_waits_is_cancelled_and_a_repeat_says_so_again() {
    let app = App::of(Builder { limits: vec!["1/min"], ..Builder::default() }).await;
    app.accepted().await;
    for (method, path) in [(Method::DELETE, "/sms/"), (Method::POST, "/sms/cancel/")] {
        let id = app.accepted().await;
        for previous in ["queued", "cancelled"] {
            let answer = app.call(method.clone(), &format!("{path}{id}"), KEY).await;
            assert_eq!(answer.status.as_u16(), 200);
            let expected = json!({
                "success": true, "message_id": id.to_string(), "message": "SMS cancelled successfully",
                "previous_status": previous, "new_status": "cancelled", "status": "cancelled",
            });
            assert_eq!(answer.json(), expected);
        }
        assert_eq!(app.status(id).await["status"], "cancelled");
    }
}

#[tokio::test(start_paused = true)]
async fn too_late_is_200_without_success() {
    let app = App::start().await;
    let id = app.accepted().await;
    for (state, word) in [(State::Sending, "sending"), (State::Sent, "sent")] {
        app.yard.until(id, state).await;
        let answer = app.call(Method::DELETE, &format!("/sms/{id}"), KEY).await;
        assert_eq!(answer.status.as_u16(), 200);
        let expected = json!({
            "success": false, "message_id": id.to_string(), "message": format!("Message is already {word}"),
            "previous_status": word, "new_status": null, "status": word,
        });
        assert_eq!(answer.json(), expected);
    }
}
