//! A real Prometheus on a real engine: quiet while all is well; with faults the alerts that are meant for
//! them fire, and every panel has data.
//!
//! Ranges and waits of the rules are shortened (`prometheus.rs`). Every alert has its scenario here or in the
//! files beside this one.

use std::fs;

use serde_json::json;
use tokio::task::JoinHandle;

use super::load::{FIRES_WITHIN, every_panel_has_data, keep_sending, quiet_for_long};
use super::prometheus::Prometheus;
use crate::process::on_redis::server::Redis;
use crate::process::yard::{ACCOUNT_SIDS, Setup, Yard, eventually};

/// Everything quick: what is open after a second is unknown, and is held a second later.
const QUICK: [(&str, &str); 5] = [
    ("begin_by", "\"500ms\""),
    ("attempt_deadline", "\"1s\""),
    ("margin", "\"200ms\""),
    ("evidence_deadline", "\"1s\""),
    ("queue_limit", "50"),
];

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

    quiet_for_long(&prometheus).await;

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
    every_panel_has_data(&prometheus, &[]).await;

    yard.kill();
    load.iter().chain([&turned_away]).for_each(JoinHandle::abort);
    prometheus.until_firing(&["SendyardDown", "SendyardAllDown"], FIRES_WITHIN).await;

    let file = yard.home().join("directory.toml");
    let directory = fs::read_to_string(&file).unwrap();
    fs::write(&file, directory.replace(&from(3), "+15550109999")).unwrap();
    yard.start_engine().await;
    prometheus.until_firing(&["SendyardWithoutNumber"], FIRES_WITHIN).await;
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
