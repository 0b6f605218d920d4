//! Paths that the contract describes and this version has not got are refused, not denied.

use axum::body::Body;
use axum::http::{Method, Request};

use super::app::{App, KEY};

#[tokio::test]
async fn described_paths_are_not_supported_once_the_key_is_checked() {
    let app = App::start().await;
    let paths = [
        "/v1/opt-outs",
        "/v1/events",
        "/api/v1/sms-conversations",
        "/api/v1/sms-conversations/",
        "/api/v1/sms-conversations/12/messages",
        "/api/v1/sms-logs/",
        "/api/v1/sms-logs/stats?date_from=x",
    ];
    for path in paths {
        for method in [Method::GET, Method::POST, Method::PATCH, Method::DELETE] {
            app.call(method.clone(), path, KEY).await.error(400, "not_supported");
            app.call(method, path, "wrong").await.error(401, "unauthorized");
        }
    }
}

#[tokio::test]
async fn webhooks_are_not_supported_without_a_key() {
    let app = App::start().await;
    for path in ["/webhooks/sms/twilio", "/webhooks/sms/vonage", "/telnyx-sms-webhook"] {
        let request = Request::post(path).body(Body::from("MessageSid=1")).unwrap();
        app.ask(request).await.error(400, "not_supported");
    }
}

#[tokio::test]
async fn what_only_begins_like_a_path_that_is_there_is_not_found() {
    let app = App::start().await;
    for path in ["/v1/messages/batch/", "/v1/messages/a/b/c", "/v1/senders/+1/x", "/v1/accounts/a/b"] {
        app.call(Method::POST, path, KEY).await.error(404, "not_found");
    }
}
