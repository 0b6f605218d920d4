//! A known key without the scope is 403, before any body is read.

use axum::http::Method;

use super::app::{App, READ_KEY, SEND_KEY};

#[tokio::test]
async fn each_route_asks_for_its_scope() {
    let app = App::start().await;
    let id = "0199f1f0-0000-7000-8000-0000000000a3";
    let cases = [
        (Method::POST, "/sms/send".to_owned(), READ_KEY, "sms:send"),
        (Method::DELETE, format!("/sms/{id}"), READ_KEY, "sms:send"),
        (Method::POST, format!("/sms/cancel/{id}"), READ_KEY, "sms:send"),
        (Method::GET, format!("/sms/{id}/status"), SEND_KEY, "sms:read"),
        (Method::GET, format!("/sms/status/{id}"), SEND_KEY, "sms:read"),
        (Method::GET, "/sms/queue/stats".to_owned(), SEND_KEY, "sms:read"),
    ];
    for (method, path, key, scope) in cases {
        let detail = app.call(method.clone(), &path, key).await.error(403, "missing_scope");
        assert_eq!(detail, format!("This API key lacks the scope {scope}"));
        let other = if key == READ_KEY { SEND_KEY } else { READ_KEY };
        assert_ne!(app.call(method, &path, other).await.status.as_u16(), 403, "{path}");
    }
}
