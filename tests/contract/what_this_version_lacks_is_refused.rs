use reqwest::Method;
use serde_json::json;

use super::front::{Front, KEY, message, with};

#[tokio::test]
async fn fields_that_this_version_lacks_are_refused_and_not_ignored() {
    let front = Front::start().await;
    for (field, value) in [
        ("send_at", json!("2099-01-01T00:00:00Z")),
        ("expires_at", json!("2099-01-01T00:00:00Z")),
        ("validity_seconds", json!(60)),
    ] {
        let reply = front.send(&with(message("later"), field, value)).await.expect(400);
        assert_eq!(reply.body["code"], "not_supported", "{field}: {}", reply.text);
        assert!(reply.detail().contains(field), "{}", reply.text);
    }
    assert!(front.ledger().await.is_empty());
}

#[tokio::test]
async fn paths_that_this_version_lacks_are_refused() {
    let front = Front::start().await;
    for (method, path) in [
        (Method::GET, "/v1/events"),
        (Method::GET, "/v1/opt-outs"),
        (Method::GET, "/api/v1/sms-conversations"),
        (Method::GET, "/api/v1/sms-conversations/"),
        (Method::GET, "/api/v1/sms-conversations/7/messages"),
        (Method::DELETE, "/api/v1/sms-conversations/7"),
        (Method::GET, "/api/v1/sms-logs/"),
        (Method::GET, "/api/v1/sms-logs/stats"),
        (Method::POST, "/webhooks/sms/twilio"),
        (Method::POST, "/twilio-sms-webhook"),
    ] {
        let request = front.request(method.clone(), path).bearer_auth(KEY);
        let reply = front.ask(request).await;
        assert_eq!((reply.status, &reply.body["code"]), (400, &json!("not_supported")), "{method} {path}");
    }
}
