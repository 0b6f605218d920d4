use reqwest::Method;
use serde_json::json;

use super::front::{Front, KEY};

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
