//! Every answer names its request.

use axum::body::Body;
use axum::http::Request;

use super::app::{Answer, App};

async fn with_id(app: &App, id: &[u8]) -> Answer {
    let request = Request::get("/nothing").header("x-request-id", id);
    app.ask(request.body(Body::empty()).unwrap()).await
}

#[tokio::test]
async fn every_answer_has_an_id_and_no_two_the_same() {
    let app = App::start().await;
    let mut seen = Vec::new();
    for path in ["/health", "/sms/queue/stats", "/nothing", "/sms/send", "/sms/1/status"] {
        let answer = app.get(path).await;
        seen.push(answer.header("x-request-id").unwrap().to_owned());
    }
    seen.sort();
    seen.dedup();
    assert_eq!(seen.len(), 5);
}

#[tokio::test]
async fn a_sane_id_of_the_client_is_kept() {
    let app = App::start().await;
    let longest = "x".repeat(128);
    for id in ["a", "A-b_c.9", "0199f1f0-0000-7000-8000-0000000000a3", longest.as_str()] {
        let answer = with_id(&app, id.as_bytes()).await;
        assert_eq!(answer.header("x-request-id"), Some(id));
        answer.error(404, "not_found");
    }
}

#[tokio::test]
async fn any_other_id_is_replaced() {
    let app = App::start().await;
    let too_long = "x".repeat(129);
    let cases: [&[u8]; 7] = [b"", b"a b", b"a\tb", b"<script>", b"a,b", b"\xc3\xa9", too_long.as_bytes()];
    for id in cases {
        let answer = with_id(&app, id).await;
        let given = answer.header("x-request-id").unwrap();
        assert_ne!(given.as_bytes(), id);
        assert_eq!(given.len(), 36, "{given}");
    }
}
