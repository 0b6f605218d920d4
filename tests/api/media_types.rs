//! A body that is declared as something else than JSON is 415.

use axum::body::Body;

use super::app::{Answer, App, GOOD_BODY, assert_accepted, send_request};

async fn declared_as(app: &App, content_type: Option<&[u8]>) -> Answer {
    let mut request = send_request();
    if let Some(content_type) = content_type {
        request = request.header("content-type", content_type);
    }
    app.ask(request.body(Body::from(GOOD_BODY)).unwrap()).await
}

#[tokio::test]
async fn json_and_the_undeclared_pass() {
    let app = App::start().await;
    let cases: [&[u8]; 5] = [
        b"application/json",
        b"application/json; charset=utf-8",
        b"Application/JSON",
        b" application/json ;charset=UTF-8",
        b"application/vnd.api+json",
    ];
    for content_type in cases {
        assert_accepted(&declared_as(&app, Some(content_type)).await);
    }
    assert_accepted(&declared_as(&app, None).await);
}

#[tokio::test]
async fn anything_else_is_415() {
    let app = App::start().await;
    let cases: [&[u8]; 9] = [
        b"",
        b"text/plain",
        b"text/json",
        b"application/x-www-form-urlencoded",
        b"multipart/form-data; boundary=x",
        b"application/jsonp",
        b"application/xml",
        b"text/plain; application/json",
        b"\xff",
    ];
    for content_type in cases {
        declared_as(&app, Some(content_type)).await.error(415, "unsupported_media_type");
    }
}
