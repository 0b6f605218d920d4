//! For whoever runs the process: is it alive, is it ready, and its metrics. Without a key.
//!
//! Readiness is a list of named checks: the engine's own, and the disk of the embedded store.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::Json;
use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use sendyard_actors::engine::{Check, Engine};
use serde::Serialize;
use utoipa::{IntoResponses, ToSchema};

use super::errors::{ApiError, CheckAnswer, Code, Described, described};
use super::router::Front;
use super::unbuilt;

/// The text format of Prometheus.
const PROMETHEUS: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Room on the disk of the embedded store, as it was looked at last.
#[derive(Debug)]
pub struct DiskRoom {
    free: AtomicU64,
    least: u64,
}

impl DiskRoom {
    /// Not looked at yet. With less than `least` bytes the process is not ready.
    pub const fn unseen(least: u64) -> Self {
        Self { free: AtomicU64::new(u64::MAX), least }
    }

    /// It has so many bytes.
    pub fn saw(&self, free: u64) {
        self.free.store(free, Ordering::Relaxed);
    }

    fn problem(&self) -> Option<String> {
        let free = self.free.load(Ordering::Relaxed);
        let (is_short, mib) = (free < self.least, |bytes: u64| bytes >> 20);
        is_short.then(|| {
            format!("{} MiB are left on the disk of the store, of at least {}", mib(free), mib(self.least))
        })
    }
}

/// Every check, in the order in which they are told.
pub fn checks(engine: &Engine, disk: Option<&DiskRoom>) -> Vec<Check> {
    let mut checks = engine.checks();
    if let Some(disk) = disk {
        checks.push(Check { name: "disk_space", problem: disk.problem() });
    }
    checks
}

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

/// That it can take requests, and what was looked at.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "status": "ready",
    "version": "0.1.0",
    "checks": [{ "check": "draining", "ok": true }, { "check": "store", "ok": true }],
}))]
pub(super) struct Ready {
    #[serde(flatten)]
    health: Health,
    /// All of them passed.
    checks: Vec<CheckAnswer>,
}

const fn health_of(status: &'static str) -> Health {
    Health { status, version: env!("CARGO_PKG_VERSION") }
}

/// Is it up?
#[utoipa::path(get, path = "/health", operation_id = "health", tag = "operations",
    responses((status = 200, description = "It is up", body = Health)))]
pub(super) async fn health() -> Json<Health> {
    Json(health_of("healthy"))
}

/// Is the process alive?
///
/// Restart it if this does not answer.
#[utoipa::path(get, path = "/livez", operation_id = "alive", tag = "operations",
    responses((status = 200, description = "It is alive", body = Health)))]
pub(super) async fn alive() -> Json<Health> {
    Json(health_of("alive"))
}

/// Can it take requests?
///
/// Send it none while this is `503`. The checks: `draining`, `store`, `leases`, `directory`, and of an embedded
/// store `disk_space`.
#[utoipa::path(get, path = "/readyz", operation_id = "ready", tag = "operations", responses(
    (status = 200, description = "It can", body = Ready),
    ReadyErrors,
))]
pub(super) async fn ready(State(front): State<Arc<Front>>) -> Result<Json<Ready>, ApiError> {
    let mut checks = checks(&front.engine, front.disk.as_deref());
    let trouble = front.directory.as_ref().and_then(|desk| desk.trouble());
    if let Some(check) = checks.iter_mut().find(|check| check.name == "directory") {
        check.problem = check.problem.take().or(trouble);
    }
    answer(checks)
}

fn answer(checks: Vec<Check>) -> Result<Json<Ready>, ApiError> {
    let first = checks.iter().find_map(|check| check.problem.clone());
    let checks = checks.into_iter().map(CheckAnswer::from).collect();
    match first {
        None => Ok(Json(Ready { health: health_of("ready"), checks })),
        Some(why) => Err(ApiError::new(Code::NotReady, why).checks(checks)),
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
    fn not_ready_is_503_with_the_sentence_and_the_names_of_the_checks() {
        let disk = DiskRoom::unseen(100 << 20);
        disk.saw(3 << 20);
        let checks = vec![
            Check { name: "store", problem: None },
            Check { name: "disk_space", problem: disk.problem() },
        ];
        let response = answer(checks).into_response();
        assert_eq!(response.status().as_u16(), 503);
        let error = format!("{:?}", response.extensions().get::<ApiError>());
        assert!(error.contains("3 MiB are left on the disk of the store, of at least 100"), "{error}");
        assert!(error.contains("disk_space") && error.contains("ok: true"), "{error}");
    }

    #[test]
    fn a_disk_that_was_not_looked_at_has_room() {
        assert_eq!(DiskRoom::unseen(1).problem(), None);
    }
}
