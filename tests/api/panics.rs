//! A panic is an answer, not a cut connection, and says nothing of itself.

use std::sync::Arc;

use axum::body::Body;
use axum::http::Request;

use super::app::{app_with_metrics, ask};

#[tokio::test]
async fn a_panic_is_500() {
    let app = app_with_metrics(Some(Arc::new(|| panic!("a secret"))));
    let answer = ask(app, Request::get("/metrics").body(Body::empty()).unwrap()).await;
    assert_eq!(answer.error(500, "internal"), "Internal server error");
}
