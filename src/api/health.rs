//! For whoever runs the process: is it alive, is it ready, and its metrics. Without a key.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use sendyard_actors::engine::Readiness;
use serde::Serialize;
use utoipa::{IntoResponses, ToSchema};

use super::errors::{ApiError, Code, Described, described};
use super::router::Front;
use super::unbuilt;

/// The text format of Prometheus.
const PROMETHEUS: &str = "text/plain; version=0.0.4; charset=utf-8";

/// How the process is.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Health {
    /// One word.
    #[schema(value_type = String, example = "healthy")]
    status: &'static str,
    /// The running version.
    #[schema(value_type = String, example = "0.1.0")]
    version: &'static str,
}

const fn health_of(status: &'static str) -> Json<Health> {
    Json(Health { status, version: env!("CARGO_PKG_VERSION") })
}

/// Is it up?
#[utoipa::path(get, path = "/health", operation_id = "health", tag = "operations",
    responses((status = 200, description = "It is up", body = Health)))]
pub(super) async fn health() -> Json<Health> {
    health_of("healthy")
}

/// Is the process alive?
///
/// Restart it if this does not answer.
#[utoipa::path(get, path = "/livez", operation_id = "alive", tag = "operations",
    responses((status = 200, description = "It is alive", body = Health)))]
pub(super) async fn alive() -> Json<Health> {
    health_of("alive")
}

/// Can it take requests?
///
/// Send it none while this is `503`.
#[utoipa::path(get, path = "/readyz", operation_id = "ready", tag = "operations", responses(
    (status = 200, description = "It can", body = Health),
    ReadyErrors,
))]
pub(super) async fn ready(State(front): State<Arc<Front>>) -> Result<Json<Health>, ApiError> {
    answer(front.engine.readiness())
}

fn answer(readiness: Readiness) -> Result<Json<Health>, ApiError> {
    match readiness {
        Readiness::Ready => Ok(health_of("ready")),
        Readiness::NotReady(why) => Err(ApiError::new(Code::NotReady, why)),
    }
}

/// Metrics for Prometheus
///
/// Only where they have no port of their own.
#[utoipa::path(get, path = "/metrics", operation_id = "metrics", tag = "operations", responses(
    (status = 200, description = "The metrics", body = String, content_type = PROMETHEUS),
    MetricsErrors,
))]
pub(super) async fn metrics(State(front): State<Arc<Front>>) -> Response {
    match &front.metrics {
        Some(page) => ([(CONTENT_TYPE, PROMETHEUS)], page()).into_response(),
        None => unbuilt::not_found().into_response(),
    }
}

/// What `/readyz` may answer instead.
struct ReadyErrors;

impl IntoResponses for ReadyErrors {
    fn responses() -> Described {
        described(&[Code::NotReady])
    }
}

/// What `/metrics` answers where they have a port of their own, or cannot be written.
struct MetricsErrors;

impl IntoResponses for MetricsErrors {
    fn responses() -> Described {
        described(&[Code::NotFound, Code::Internal])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn not_ready_is_503_with_the_sentence() {
        let response = answer(Readiness::NotReady("the store is loading".to_owned())).into_response();
        assert_eq!(response.status().as_u16(), 503);
        let error = response.extensions().get::<ApiError>();
        assert!(format!("{error:?}").contains("the store is loading"));
    }
}
