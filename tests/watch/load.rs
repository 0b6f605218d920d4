//! Messages for a service that is watched, and what its panels make of them.

use std::time::Duration;

use tokio::task::JoinHandle;
use tokio::time::sleep;

use super::files::{dashboards, expressions, panels};
use super::prometheus::Prometheus;
use crate::process::yard::{Api, PATIENCE, eventually};

/// Longer than any alert of the shortened rules takes.
pub(super) const FIRES_WITHIN: Duration = Duration::from_mins(1);

/// Scrapes for which it must stay quiet, and which the ranges of the shortened rules reach over.
const QUIET_SCRAPES: usize = 22;

/// Sends from this number as long as it lives, a few messages a second, and now and then an immediate one.
pub(super) fn keep_sending(api: &Api, from: &str) -> JoinHandle<()> {
    let (api, from) = (api.clone(), from.to_owned());
    tokio::spawn(async move {
        for index in 0_u32.. {
            let to = format!("+1555{:07}", index % 1000);
            // Also what is refused, and the end of the service, is part of the test.
            let _ = api.send(&from, &to, "hello", !index.is_multiple_of(10), None).await;
            sleep(Duration::from_millis(150)).await;
        }
    })
}

/// Waits until no alert was about to fire for long enough, while messages went.
pub(super) async fn quiet_for_long(prometheus: &Prometheus) {
    eventually("it was quiet for long enough", FIRES_WITHIN, async || {
        let active = prometheus.active().await;
        assert!(active.is_empty(), "all is well, and yet: {active:?}");
        let scrapes = prometheus
            .query("min(count_over_time(up[1h])) and on() sum(rate(sendyard_hand_overs_total[5s])) > 0")
            .await;
        let scrapes: usize = scrapes.first()?["value"][1].as_str()?.parse().ok()?;
        (scrapes >= QUIET_SCRAPES).then_some(())
    })
    .await;
}

/// Every expression of every panel gives something, but these, each with the reason.
pub(super) async fn every_panel_has_data(prometheus: &Prometheus, may_be_empty: &[(&str, &str)]) {
    for (name, board) in dashboards() {
        for panel in panels(&board) {
            for expression in expressions(&panel) {
                let title = panel["title"].as_str().unwrap();
                if may_be_empty.iter().any(|(empty, _)| *empty == title) {
                    continue;
                }
                let asked = expression
                    .replace("$__rate_interval", "30s")
                    .replace("$provider", ".*")
                    .replace("$account", ".*");
                let what = format!("{name}, {title}: {asked}");
                eventually(&what, PATIENCE, async || {
                    let series = prometheus.query(&asked).await;
                    series.iter().any(|series| series["value"][1] != "NaN").then_some(())
                })
                .await;
            }
        }
    }
}
