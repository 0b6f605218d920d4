//! An id that names no message of the caller's, whatever its form, is 404 with the documented sentence.

use axum::http::Method;

use super::app::{App, KEY};

async fn details(app: &App, id: &str) -> Vec<String> {
    let cases = [
        (Method::GET, format!("/sms/{id}/status")),
        (Method::GET, format!("/sms/status/{id}")),
        (Method::DELETE, format!("/sms/{id}")),
        (Method::POST, format!("/sms/cancel/{id}")),
    ];
    let mut details = Vec::new();
    for (method, path) in cases {
        details.push(app.call(method, &path, KEY).await.error(404, "message_not_found"));
    }
    details
}

#[tokio::test]
async fn an_unknown_id_is_404_on_every_path() {
    let app = App::start().await;
    let long = "x".repeat(5000);
    let short = format!("{}…", "x".repeat(64));
    let cases = [
        ("0199f1f0-0000-7000-8000-0000000000a3", "0199f1f0-0000-7000-8000-0000000000a3"),
        ("0199f1f0-0000-4000-8000-0000000000a3", "0199f1f0-0000-4000-8000-0000000000a3"),
        ("0199f1f0-0000-7000-8000-00000000ffff", "0199f1f0-0000-7000-8000-00000000ffff"),
        ("12345", "12345"),
        ("null", "null"),
        ("..", ".."),
        ("a%20b%00%3Cscript%3E", "a?b??script?"),
        ("a%2Fb", "a?b"),
        ("%F0%9F%98%80", "?"),
        ("%ff", "?"),
        (long.as_str(), short.as_str()),
    ];
    for (id, shown) in cases {
        for detail in details(&app, id).await {
            assert_eq!(detail, format!("Message {shown} not found"));
        }
    }
}

#[tokio::test]
async fn words_of_other_paths_are_ids_too() {
    let app = App::start().await;
    for path in ["/sms/queue/status", "/sms/send/status", "/sms/status/status", "/sms/status/stats"] {
        app.call(Method::GET, path, KEY).await.error(404, "message_not_found");
    }
    app.call(Method::DELETE, "/sms/queue", KEY).await.error(404, "message_not_found");
}
