//! 401 comes first, is one and the same, and no body is read before it.

use axum::body::Body;
use axum::http::{Method, Request};
use futures::stream;

use super::app::{Answer, App, GOOD_BODY, KEY, assert_accepted};

async fn with_authorization(app: &App, value: Option<&[u8]>) -> Answer {
    let mut request = Request::post("/sms/send").header("content-type", "application/json");
    if let Some(value) = value {
        request = request.header("authorization", value);
    }
    app.ask(request.body(Body::from(GOOD_BODY)).unwrap()).await
}

#[tokio::test]
async fn whatever_is_wrong_with_a_key_the_answer_is_the_same() {
    let app = App::start().await;
    let cases: [Option<&[u8]>; 10] = [
        None,
        Some(b""),
        Some(b"Bearer"),
        Some(b"Bearer "),
        Some(b"Bearer unknown"),
        Some(b"Bearer key-of-acmeX"),
        Some(b"Bearer KEY-OF-ACME"),
        Some(b"Bearerkey-of-acme"),
        Some(b"Basic key-of-acme"),
        Some(b"Bearer \xff\xfe"),
    ];
    for case in cases {
        let answer = with_authorization(&app, case).await;
        let shown = case.map(String::from_utf8_lossy);
        assert_eq!(answer.error(401, "unauthorized"), "Missing or invalid API key", "{shown:?}");
        assert_eq!(answer.header("www-authenticate"), Some("Bearer"), "{shown:?}");
        assert_eq!(answer.json().as_object().unwrap().len(), 4, "{shown:?}");
    }
}

#[tokio::test]
async fn the_scheme_is_taken_in_any_case() {
    let app = App::start().await;
    for scheme in ["Bearer", "bearer", "BEARER", "bEaReR", "Bearer  "] {
        let value = format!("{scheme} {KEY}");
        assert_accepted(&with_authorization(&app, Some(value.as_bytes())).await);
    }
}

#[tokio::test]
async fn no_body_is_touched_before_the_key_is_checked() {
    let app = App::start().await;
    let untouchable = stream::poll_fn(|_| -> std::task::Poll<Option<Result<&str, std::io::Error>>> {
        panic!("the body was read");
    });
    let request =
        Request::post("/sms/send").header("content-type", "text/plain").header("content-length", "99999999");
    let answer = app.ask(request.body(Body::from_stream(untouchable)).unwrap()).await;
    answer.error(401, "unauthorized");
}

#[tokio::test]
async fn every_route_that_the_document_locks_is_locked() {
    let app = App::start().await;
    let document = serde_json::to_value(sendyard::api::openapi()).unwrap();
    let mut locked = 0;
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let method = Method::from_bytes(method.to_uppercase().as_bytes()).unwrap();
            let answer = app.call(method, path, "wrong").await;
            let by_key = operation["security"][0]["api_key"].is_array();
            if by_key {
                answer.error(401, "unauthorized");
                locked += 1;
            } else {
                assert_ne!(answer.status.as_u16(), 401, "{path}");
            }
        }
    }
    assert_eq!(locked, 18);
}
