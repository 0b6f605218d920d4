//! The metrics' recorder: installed once a process, rendered for Prometheus.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::http::header::CONTENT_TYPE;
use axum::routing::get;
use metrics_exporter_prometheus::{BuildError, Matcher, PrometheusBuilder, PrometheusHandle};
use sendyard_actors::telemetry;
use tokio::task::JoinHandle;
use tokio::time::{MissedTickBehavior, interval};

use crate::api::MetricsPage;

/// Bounds of every histogram in seconds: from an fsync to the longest attempt.
const SECONDS: [f64; 16] =
    [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 25.0, 60.0];

/// Histograms keep every sample until they are tended, which scraping alone does too seldom.
const UPKEEP_EVERY: Duration = Duration::from_secs(5);

/// A process has one recorder, however many engines it starts.
static RECORDER: Mutex<Option<PrometheusHandle>> = Mutex::new(None);

/// The process' recorder, installed by the first call.
pub(super) fn recorder() -> Result<PrometheusHandle, BuildError> {
    let mut installed = RECORDER.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(recorder) = installed.as_ref() {
        return Ok(recorder.clone());
    }
    let recorder = PrometheusBuilder::new()
        .set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), &SECONDS)?
        .install_recorder()?;
    telemetry::describe();
    *installed = Some(recorder.clone());
    Ok(recorder)
}

/// Tends the recorder until it is dropped.
pub(super) struct Upkeep(JoinHandle<()>);

impl Upkeep {
    pub(super) fn start(recorder: PrometheusHandle) -> Self {
        Self(tokio::spawn(async move {
            let mut ticks = interval(UPKEEP_EVERY);
            ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
            loop {
                ticks.tick().await;
                recorder.run_upkeep();
            }
        }))
    }
}

impl Drop for Upkeep {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// What a listener of its own answers.
pub(super) fn router(page: MetricsPage) -> Router {
    let content_type = [(CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")];
    Router::new().route("/metrics", get(move || async move { (content_type, page()) }))
}
