//! Nobody sends from, sees or cancels what is another organization's.

use axum::body::Body;
use axum::http::{Method, Request};
use serde_json::json;

use super::app::{App, GOOD_BODY, OTHER_KEY};
use crate::engine::yard::Builder;

#[tokio::test(start_paused = true)]
async fn a_number_without_an_assistant_is_404() {
    let app = App::start().await;
    let detail = app.send(GOOD_BODY.replace("+1234567890", "+1234567891")).await.error(404, "no_assistant");
    assert_eq!(detail, "No assistant found for phone number +1234567891");
}

#[tokio::test(start_paused = true)]
async fn a_number_of_another_organization_is_403() {
    let app = App::start().await;
    let request = Request::post("/sms/send").header("authorization", format!("Bearer {OTHER_KEY}"));
    let answer = app.ask(request.body(Body::from(GOOD_BODY)).unwrap()).await;
    let detail = answer.error(403, "other_organization");
    assert_eq!(detail, "Unauthorized: phone number belongs to different organization");
}

#[tokio::test(start_paused = true)]
async fn a_message_of_another_organization_is_unknown() {
    let app = App::of(Builder { limits: vec!["1/min"], ..Builder::default() }).await;
    app.accepted().await;
    let id = app.accepted().await;
    let paths = [
        (Method::GET, format!("/sms/{id}/status")),
        (Method::GET, format!("/sms/status/{id}")),
        (Method::DELETE, format!("/sms/{id}")),
        (Method::POST, format!("/sms/cancel/{id}")),
    ];
    for (method, path) in paths {
        let detail = app.call(method, &path, OTHER_KEY).await.error(404, "message_not_found");
        assert_eq!(detail, format!("Message {id} not found"));
    }
    assert_eq!(app.status(id).await["status"], "queued", "nothing happened to it");
    let stats = app.call(Method::GET, "/sms/queue/stats", OTHER_KEY).await.json();
    assert_eq!(stats["queues"], json!({}));
}
