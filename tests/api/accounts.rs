use std::time::Duration;

use axum::http::Method;
use sendyard_actors::domain::outcome::Class;
use serde_json::json;

use super::app::{App, GOOD_BODY, KEY, OTHER_KEY, READ_KEY};
use crate::engine::yard::{Builder, Line};

#[tokio::test(start_paused = true)]
async fn accounts_show_circuit_and_places() {
    let app = App::start().await;
    let body = app.get("/v1/accounts").await.json();
    let expected = json!({"accounts": [{
        "name": "acme-twilio", "provider": "twilio", "unknown_outcome": "hold",
        "circuit": {"state": "closed", "reason": null, "since": null, "probe_at": null},
        "places": {"in_flight": 0, "allowed": 64, "configured": 64},
    }]});
    assert_eq!(body, expected);
    assert_eq!(app.get("/v1/accounts/").await.json(), expected);
    assert_eq!(
        app.call(Method::GET, "/v1/accounts", OTHER_KEY).await.json(),
        json!({"accounts": []}),
        "another organization sees its own"
    );
    app.call(Method::GET, "/v1/accounts", READ_KEY).await.error(403, "missing_scope");
}

#[tokio::test(start_paused = true)]
async fn an_open_circuit_is_shown_and_closed_by_hand() {
    let script = vec![Line::Refuse(Class::Configuration, Duration::ZERO), Line::Accept(Duration::ZERO)];
    let app = App::of(Builder { script, ..Builder::default() }).await;
    app.accepted().await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    let circuit = app.get("/v1/accounts").await.json()["accounts"][0]["circuit"].clone();
    assert_eq!((&circuit["state"], &circuit["reason"]), (&json!("open"), &json!("configuration")));
    assert!(circuit["since"].is_string() && circuit["probe_at"].is_string(), "{circuit}");

    let path = "/v1/accounts/acme-twilio/close";
    app.call(Method::POST, path, READ_KEY).await.error(403, "missing_scope");
    let detail = app.call(Method::POST, path, OTHER_KEY).await.error(404, "account_not_found");
    assert_eq!(detail, "There is no account acme-twilio");
    let closed = app.call(Method::POST, path, KEY).await.json();
    assert_eq!(closed["circuit"]["state"], "closed");
    assert_eq!(closed["places"]["allowed"], 1);
}

#[tokio::test(start_paused = true)]
async fn an_immediate_message_is_500_while_the_circuit_is_open() {
    let script = vec![Line::Refuse(Class::Configuration, Duration::ZERO)];
    let app = App::of(Builder { script, ..Builder::default() }).await;
    app.accepted().await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    let now = GOOD_BODY.replace("\"hi\"", "\"hi\",\"queue\":false");
    let answer = app.send(now).await;
    assert_eq!(answer.error(500, "send_failed"), "Failed to send SMS via twilio");
    let body = answer.json();
    assert_eq!((&body["retryable"], &body["provider_code"]), (&json!(true), &json!(null)));
    assert_eq!(body.get("message_id"), None, "nothing is stored");
}
