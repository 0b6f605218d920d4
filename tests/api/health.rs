//! What whoever runs the process asks, without a key.

use std::sync::Arc;

use axum::body::Body;
use axum::http::Request;

use super::app::{Answer, app, app_with_metrics, ask};

async fn keyless(path: &str) -> Answer {
    ask(app(), Request::get(path).body(Body::empty()).unwrap()).await
}

#[tokio::test]
async fn health_names_status_and_version() {
    for (path, status) in [("/health", "healthy"), ("/livez", "alive"), ("/readyz", "ready")] {
        let answer = keyless(path).await;
        assert_eq!(answer.status.as_u16(), 200, "{path}");
        let body = answer.json();
        assert_eq!((&body["status"], &body["version"]), (&status.into(), &env!("CARGO_PKG_VERSION").into()));
    }
}

#[tokio::test]
async fn metrics_are_here_only_where_they_have_no_port_of_their_own() {
    keyless("/metrics").await.error(404, "not_found");
    let app = app_with_metrics(Some(Arc::new(|| "up 1\n".to_owned())));
    let answer = ask(app, Request::get("/metrics").body(Body::empty()).unwrap()).await;
    assert_eq!(answer.status.as_u16(), 200);
    assert_eq!(answer.header("content-type"), Some("text/plain; version=0.0.4; charset=utf-8"));
    assert_eq!(answer.body, b"up 1\n");
}
