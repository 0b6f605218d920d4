//! Bodies have a size and a time.

use std::convert::Infallible;

use axum::body::{Body, Bytes};
use futures::{StreamExt, stream};
use tokio::time::Instant;

use super::app::{App, BODY_TIMEOUT, GOOD_BODY, assert_accepted, send_request};

const LIMIT: usize = 64 * 1024;

fn padded_to(length: usize) -> String {
    format!("{GOOD_BODY}{}", " ".repeat(length - GOOD_BODY.len()))
}

/// A body in chunks, its length not announced.
fn in_chunks(text: String) -> Body {
    let chunks: Vec<_> = text.into_bytes().chunks(1000).map(Bytes::copy_from_slice).collect();
    Body::from_stream(stream::iter(chunks).map(Ok::<_, Infallible>))
}

#[tokio::test]
async fn a_body_over_64_kib_is_413_announced_or_not() {
    let app = App::start().await;
    assert_accepted(&app.send(padded_to(LIMIT)).await);
    assert_accepted(&app.send(in_chunks(padded_to(LIMIT))).await);
    app.send(padded_to(LIMIT + 1)).await.error(413, "body_too_large");
    app.send(in_chunks(padded_to(LIMIT + 1))).await.error(413, "body_too_large");
}

#[tokio::test(start_paused = true)]
async fn a_body_that_does_not_end_in_time_is_408() {
    let app = App::start().await;
    let begun = Instant::now();
    let start = stream::iter([Ok::<_, Infallible>(Bytes::from_static(b"{\"message\":"))]);
    let body = Body::from_stream(start.chain(stream::pending()));
    app.send(body).await.error(408, "request_timeout");
    assert_eq!(begun.elapsed().as_secs(), BODY_TIMEOUT.as_secs());
}

#[tokio::test]
async fn a_body_that_breaks_off_is_400() {
    let app = App::start().await;
    let broken = stream::iter([Ok(Bytes::from_static(b"{")), Err(std::io::Error::other("gone"))]);
    let request = send_request().body(Body::from_stream(broken)).unwrap();
    app.ask(request).await.error(400, "invalid_json");
}
