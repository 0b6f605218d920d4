//! Unknown paths and methods answer in the one form of errors, and nothing redirects.

use axum::http::Method;

use super::app::{App, KEY};

#[tokio::test]
async fn an_unknown_path_is_404() {
    let app = App::start().await;
    for path in
        ["/", "/nothing", "/sms", "/sms/", "/sms/send/", "/sms/a/b/c", "//", "//health", "/v1", "/%ff"]
    {
        assert_eq!(app.get(path).await.error(404, "not_found"), "Not found", "{path}");
    }
}

#[tokio::test]
async fn another_method_is_405_and_told_which_are_allowed() {
    let app = App::start().await;
    let id = "0199f1f0-0000-7000-8000-0000000000a3";
    let cases = [
        (Method::GET, "/sms/send".to_owned(), "POST"),
        (Method::OPTIONS, "/sms/send".to_owned(), "POST"),
        (Method::DELETE, "/sms/send".to_owned(), "POST"),
        (Method::GET, format!("/sms/{id}"), "DELETE"),
        (Method::POST, format!("/sms/{id}/status"), "GET,HEAD"),
        (Method::PUT, format!("/sms/status/{id}"), "GET,HEAD"),
        (Method::GET, format!("/sms/cancel/{id}"), "POST"),
        (Method::POST, "/sms/queue/stats".to_owned(), "GET,HEAD"),
        (Method::POST, "/health".to_owned(), "GET,HEAD"),
    ];
    for (method, path, allowed) in cases {
        let answer = app.call(method, &path, KEY).await;
        answer.error(405, "method_not_allowed");
        assert_eq!(answer.header("allow"), Some(allowed), "{path}");
    }
}

#[tokio::test]
async fn list_paths_answer_with_and_without_the_final_slash() {
    let app = App::start().await;
    for path in ["/sms/queue/stats", "/sms/queue/stats/", "/sms/queue/stats/?provider=twilio"] {
        assert_eq!(app.get(path).await.status.as_u16(), 200, "{path}");
    }
}
