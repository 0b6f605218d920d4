//! The metrics' recorder: installed once a process, rendered for Prometheus.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::http::header::CONTENT_TYPE;
use axum::routing::get;
use metrics_exporter_prometheus::{BuildError, Matcher, PrometheusBuilder, PrometheusHandle};
use metrics_process::Collector;
use sendyard_actors::engine::Engine;
use sendyard_actors::telemetry;
use tokio::task::JoinHandle;
use tokio::time::{MissedTickBehavior, interval};

use crate::api::{self, DiskRoom, MetricsPage};

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
    let mut builder = PrometheusBuilder::new();
    for metric in telemetry::METRICS {
        if let telemetry::Kind::Histogram(bounds) = metric.kind {
            builder = builder.set_buckets_for_metric(Matcher::Full(metric.name.to_owned()), bounds)?;
        }
    }
    let recorder = builder.install_recorder()?;
    telemetry::describe();
    telemetry::build(env!("CARGO_PKG_VERSION"));
    Collector::default().describe();
    *installed = Some(recorder.clone());
    Ok(recorder)
}

/// The page that Prometheus reads: what was counted, and what is looked at for it.
pub(super) fn page(recorder: PrometheusHandle, engine: Engine, disk: Option<Arc<DiskRoom>>) -> MetricsPage {
    let process = Collector::default();
    Arc::new(move || {
        process.collect();
        for check in api::checks(&engine, disk.as_deref()) {
            telemetry::not_ready(check.name, check.problem.is_some());
        }
        recorder.render()
    })
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
