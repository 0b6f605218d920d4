use std::time::Duration;

use axum::body::Body;
use axum::http::{Method, Request};
use sendyard_actors::domain::ids::MessageId;
use sendyard_actors::domain::message::State;
use serde_json::json;

use super::app::{Answer, App, KEY, OTHER_KEY, READ_KEY, SEND_KEY};
use crate::engine::yard::{Builder, Line};

async fn with_unknown() -> (App, MessageId) {
    let script = vec![Line::LoseAnswer, Line::Accept(Duration::ZERO)];
    let app = App::of(Builder { script, ..Builder::default() }).await;
    let id = app.accepted().await;
    app.yard.until(id, State::Unknown).await;
    (app, id)
}

async fn settle(app: &App, id: &str, key: &str, body: &str) -> Answer {
    let request = Request::post(format!("/v1/messages/{id}/settle"));
    let request = request.header("authorization", format!("Bearer {key}"));
    app.ask(request.body(Body::from(body.to_owned())).unwrap()).await
}

#[tokio::test(start_paused = true)]
async fn messages_of_unknown_outcome_are_listed() {
    let (app, id) = with_unknown().await;
    let page = app.get("/v1/messages?status=unknown").await.json();
    let listed = &page["messages"][0];
    assert_eq!(listed["message_id"], id.to_string());
    assert_eq!((&listed["status"], &listed["provider_status"]), (&json!("sending"), &json!("unknown")));
    assert_eq!(listed["from_phone_number"], "+1234567890");
    assert_eq!(listed["to_phone_number"], "+1555123456");
    assert_eq!((&listed["account"], &listed["listed"]), (&json!("acme-twilio"), &json!(false)));
    assert!(listed["evidence_until"].is_string());
    assert_eq!(page["next_cursor"], json!(null));

    let others = app.call(Method::GET, "/v1/messages?status=unknown", OTHER_KEY).await.json();
    assert_eq!(others["messages"], json!([]));
    app.call(Method::GET, "/v1/messages?status=unknown", SEND_KEY).await.error(403, "missing_scope");
}

#[tokio::test(start_paused = true)]
async fn the_list_is_paged() {
    let app = App::of(Builder { script: vec![Line::Swallow], ..Builder::default() }).await;
    let mut ids = Vec::new();
    for n in 0..3 {
        let to = format!("+1555123450{n}");
        ids.push(app.yard.queue(&to, "hi").await.id);
    }
    for id in &ids {
        app.yard.until(*id, State::Unknown).await;
    }
    ids.sort();
    let mut seen = Vec::new();
    let mut cursor = String::new();
    for _ in 0..4 {
        let page = app.get(&format!("/v1/messages?status=unknown&limit=1{cursor}")).await.json();
        let Some(message) = page["messages"][0]["message_id"].as_str() else { break };
        seen.push(message.parse::<MessageId>().unwrap());
        cursor = format!("&cursor={}", page["next_cursor"].as_str().unwrap());
    }
    assert_eq!(seen, ids);
}

#[tokio::test(start_paused = true)]
async fn what_the_list_does_not_know_is_refused() {
    let app = App::start().await;
    for query in [
        "sender=x",
        "status=lost",
        "lane=fast",
        "limit=0",
        "limit=1001",
        "limit=x",
        "cursor=x",
        "since=yesterday",
        "client_reference=",
    ] {
        app.get(&format!("/v1/messages?{query}")).await.error(400, "invalid_request");
    }
    app.get("/v1/messages?from_phone_number=x").await.error(400, "invalid_phone_number");
}

#[tokio::test(start_paused = true)]
async fn a_person_settles_one() {
    for (outcome, status) in [("sent", "sent"), ("failed", "failed"), ("retry", "sending")] {
        let (app, id) = with_unknown().await;
        let id = id.to_string();
        let body = json!({ "outcome": outcome }).to_string();
        settle(&app, &id, READ_KEY, &body).await.error(403, "missing_scope");
        settle(&app, &id, OTHER_KEY, &body).await.error(404, "message_not_found");
        let settled = settle(&app, &id, KEY, &body).await.json();
        assert_eq!((&settled["message_id"], &settled["status"]), (&json!(id), &json!(status)));
    }
}

#[tokio::test(start_paused = true)]
async fn there_must_be_something_to_settle() {
    let (app, id) = with_unknown().await;
    let id = id.to_string();
    for body in ["", "[]", "{", "{\"outcome\":\"sent\",\"outcome\":\"sent\"}"] {
        settle(&app, &id, KEY, body).await.error(400, "invalid_json");
    }
    for body in ["{}", "{\"outcome\":1}", "{\"outcome\":\"cancelled\"}"] {
        settle(&app, &id, KEY, body).await.error(400, "invalid_request");
    }
    settle(&app, "nonsense", KEY, "{\"outcome\":\"sent\"}").await.error(404, "message_not_found");
    let sent = app.accepted().await;
    app.yard.until(sent, State::Sent).await;
    let detail = settle(&app, &sent.to_string(), KEY, "{\"outcome\":\"failed\"}").await;
    assert_eq!(detail.error(409, "not_unknown"), "The outcome of this message is known; ask for its status");
}
