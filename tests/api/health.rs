//! What whoever runs the process asks, without a key.

use std::sync::Arc;

use sendyard::api::MetricsPage;

use super::app::App;
use crate::engine::yard::Builder;

#[tokio::test]
async fn health_names_status_and_version() {
    let app = App::start().await;
    for (path, status) in [("/health", "healthy"), ("/livez", "alive"), ("/readyz", "ready")] {
        let answer = app.get_keyless(path).await;
        assert_eq!(answer.status.as_u16(), 200, "{path}");
        let body = answer.json();
        assert_eq!((&body["status"], &body["version"]), (&status.into(), &env!("CARGO_PKG_VERSION").into()));
    }
}

#[tokio::test]
async fn metrics_are_here_only_where_they_have_no_port_of_their_own() {
    App::start().await.get_keyless("/metrics").await.error(404, "not_found");
    let page: MetricsPage = Arc::new(|| "up 1\n".to_owned());
    let app = App::with_metrics(Builder::default(), Some(page)).await;
    let answer = app.get_keyless("/metrics").await;
    assert_eq!(answer.status.as_u16(), 200);
    assert_eq!(answer.header("content-type"), Some("text/plain; version=0.0.4; charset=utf-8"));
    assert_eq!(answer.body, b"up 1\n");
}
