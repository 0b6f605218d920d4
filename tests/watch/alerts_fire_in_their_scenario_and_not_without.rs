//! A real Prometheus on a real engine: quiet while all is well; with faults the alerts that are meant for
//! them fire, and every panel has data.
//!
//! Ranges and waits of the rules are shortened (`prometheus.rs`). Not here, but in `rules_test.yml` alone, is
//! what a test cannot bring about in a minute: loops of restarts, slow mailboxes, files that run out, evidence
//! against us, a slow store, shards that change hands, and a disk that fills.

use std::fs;
use std::time::Duration;

use serde_json::json;
use tokio::task::JoinHandle;
use tokio::time::sleep;

use super::files::{dashboards, expressions, panels};
use super::prometheus::Prometheus;
use crate::process::on_redis::server::Redis;
use crate::process::yard::{ACCOUNT_SIDS, Api, PATIENCE, Setup, Yard, eventually};

/// Everything quick: what is open after a second is unknown, and is held a second later.
const QUICK: [(&str, &str); 5] = [
    ("begin_by", "\"500ms\""),
    ("attempt_deadline", "\"1s\""),
    ("margin", "\"200ms\""),
    ("evidence_deadline", "\"1s\""),
    ("queue_limit", "50"),
];

/// Scrapes for which it must stay quiet, and which the ranges of the shortened rules reach over.
const QUIET_SCRAPES: usize = 22;

/// Longer than any alert takes.
const FIRES_WITHIN: Duration = Duration::from_mins(1);

/// Expressions that may be empty, and why.
const MAY_BE_EMPTY: [(&str, &str); 0] = [];

/// Sends from this number as long as it lives, a few messages a second, and now and then an immediate one.
fn keep_sending(api: &Api, from: &str) -> JoinHandle<()> {
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

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn faults_of_providers_and_queues_fire_theirs_and_every_panel_has_data() {
    let mut setup = Setup::of_numbers(4, &[]);
    setup.engine = QUICK.to_vec();
    setup.numbers[0].limits = vec!["20/s"];
    setup.numbers[3].limits = vec!["1/h"];
    let from = |index: usize| format!("+1555010{index:04}");
    let mut yard = Yard::start(&setup).await;
    let Some(prometheus) = Prometheus::start(&[yard.addr()]).await else { return };
    let load = [0, 1].map(|index| keep_sending(&yard.api, &from(index)));

    eventually("it was quiet for long enough", FIRES_WITHIN, async || {
        let active = prometheus.active().await;
        assert!(active.is_empty(), "all is well, and yet: {active:?}");
        let scrapes = prometheus
            .query("count_over_time(up[1h]) and on() sum(rate(sendyard_hand_overs_total[5s])) > 0")
            .await;
        let scrapes: usize = scrapes.first()?["value"][1].as_str()?.parse().ok()?;
        (scrapes >= QUIET_SCRAPES).then_some(())
    })
    .await;

    yard.twin
        .set_faults(&json!({ "rules": [
            { "account": ACCOUNT_SIDS[0], "server_error": { "share": 1.0, "status": 503 } },
            { "account": ACCOUNT_SIDS[1], "hang": { "share": 1.0, "ms": 60_000 } },
        ] }))
        .await;
    for index in 0..30 {
        yard.api.send(&from(1), &format!("+15559{index:06}"), "burst", true, None).await.unwrap();
    }
    // One an hour goes; fifty may wait.
    let turned_away = keep_sending(&yard.api, &from(3));
    for index in 0..60 {
        yard.api.send(&from(3), &format!("+15558{index:06}"), "slow", true, None).await.unwrap();
    }
    assert_eq!(yard.api.get("/nowhere").await.unwrap().status, 404);
    let expected = [
        "SendyardCircuitOpen",
        "SendyardProviderFails",
        "SendyardUnknownOutcomes",
        "SendyardOutcomesToSettle",
        "SendyardOldMessages",
        "SendyardSenderBehind",
        "SendyardTurnsRequestsAway",
    ];
    prometheus.until_firing(&expected, FIRES_WITHIN).await;
    every_panel_has_data(&prometheus).await;

    yard.kill();
    load.iter().chain([&turned_away]).for_each(JoinHandle::abort);
    prometheus.until_firing(&["SendyardDown", "SendyardAllDown"], FIRES_WITHIN).await;

    let file = yard.home().join("directory.toml");
    let directory = fs::read_to_string(&file).unwrap();
    fs::write(&file, directory.replace(&from(3), "+15550109999")).unwrap();
    yard.start_engine().await;
    prometheus.until_firing(&["SendyardWithoutNumber"], FIRES_WITHIN).await;
}

async fn every_panel_has_data(prometheus: &Prometheus) {
    for (name, board) in dashboards() {
        for panel in panels(&board) {
            for expression in expressions(&panel) {
                if MAY_BE_EMPTY.iter().any(|(empty, _)| *empty == expression) {
                    continue;
                }
                let asked = expression
                    .replace("$__rate_interval", "30s")
                    .replace("$provider", ".*")
                    .replace("$account", ".*");
                let what = format!("{name}, {}: {asked}", panel["title"]);
                eventually(&what, PATIENCE, async || {
                    let series = prometheus.query(&asked).await;
                    series.iter().any(|series| series["value"][1] != "NaN").then_some(())
                })
                .await;
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_that_is_away_fires_its_own() {
    let Some(mut redis) = Redis::start(&[]).await else { return };
    let mut setup = Setup::of_numbers(2, &[]);
    setup.store = Some(redis.url());
    setup.engine = vec![("lease", "\"1s\"")];
    let yard = Yard::start(&setup).await;
    let Some(prometheus) = Prometheus::start(&[yard.addr()]).await else { return };
    let load = keep_sending(&yard.api, "+15550100000");
    eventually("messages go", FIRES_WITHIN, async || {
        let going = prometheus.query("sum(rate(sendyard_hand_overs_total[5s])) > 0").await;
        assert!(prometheus.active().await.is_empty());
        (!going.is_empty()).then_some(())
    })
    .await;
    redis.kill();
    let expected = ["SendyardStoreErrors", "SendyardNobodyReady", "SendyardLeasesNotRenewed"];
    prometheus.until_firing(&expected, FIRES_WITHIN).await;
    load.abort();
}
