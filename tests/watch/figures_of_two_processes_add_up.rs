//! Two processes on one Redis server, watched by one Prometheus: what waits is counted once, every panel has
//! data, and a slow server and shards that change hands fire their alerts.

use std::time::Duration;

use tokio::task::JoinHandle;
use tokio::time::sleep;

use super::load::{FIRES_WITHIN, every_panel_has_data, keep_sending, quiet_for_long};
use super::prometheus::Prometheus;
use crate::process::on_redis::Fleet;
use crate::process::on_redis::server::Redis;
use crate::process::yard::{PATIENCE, Setup, eventually};

/// Longer than the server is slow at a time, so that no lease ends by it.
const LEASE: &str = r#""5s""#;

/// So long the server holds back every write, again and again.
const PAUSE: [&str; 4] = ["CLIENT", "PAUSE", "1500", "WRITE"];
const BETWEEN_PAUSES: Duration = Duration::from_millis(1800);

/// Sending numbers that hand over one an hour, and how many messages each gets.
const SLOW: usize = 6;
const EACH: usize = 5;

/// What those of the two busy ones that come and go are left out of.
const WAITS: &str = "sum(sendyard_queue_depth) - sum(sendyard_queue_depth) % 4";

/// Panels that are empty on Redis, and why.
const MAY_BE_EMPTY: [(&str, &str); 2] = [
    ("Steps made durable together", "groups are of the embedded store"),
    ("Room on the disk", "the disk is the server's"),
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn figures_of_two_processes_add_up_and_alerts_of_the_store_fire() {
    let mut setup = Setup::of_numbers(SLOW + 2, &["1/h"]);
    for busy in &mut setup.numbers[SLOW..] {
        busy.limits = vec!["20/s"];
    }
    setup.engine = vec![("lease", LEASE)];
    let Some(mut fleet) = Fleet::start(2, &setup).await else { return };
    let Some(prometheus) = Prometheus::start(&fleet.addresses()).await else { return };
    let apis = fleet.apis();
    let load = [0, 1].map(|index| keep_sending(&apis[index], &setup.numbers[SLOW + index].number));
    quiet_for_long(&prometheus).await;
    // A panel shows errors of the API, and nothing else here makes one for certain.
    for api in &apis {
        assert_eq!(api.get("/nowhere").await.unwrap().status, 404);
    }

    // Each process takes messages in for numbers of both.
    for number in &setup.numbers[..SLOW] {
        for index in 0..EACH {
            let to = format!("+1555020{index:04}");
            let reply = apis[index % 2].send(&number.number, &to, "slow", true, None).await.unwrap();
            assert_eq!(reply.status, 200, "{reply:?}");
        }
    }
    let waiting = SLOW * (EACH - 1);
    // For longer than either goes without telling it: neither tells of what the other has.
    let steady = format!("min_over_time(({WAITS})[8s:1s]) == max_over_time(({WAITS})[8s:1s])");
    for (figure, sum) in [
        (steady.as_str(), waiting),
        ("sum(sendyard_senders)", SLOW + 2),
        (r#"sum(sendyard_shards{state="owned"})"#, 256),
        ("count(max by (instance) (sendyard_not_ready) == 0)", 2),
        ("sum(sendyard_queue_depth_without_number) + 1", 1),
        // Each has some of it.
        ("count(sum by (instance) (sendyard_senders) > 0)", 2),
    ] {
        eventually(&format!("{figure} is {sum}"), PATIENCE, async || {
            let series = prometheus.query(figure).await;
            let value: f64 = series.first()?["value"][1].as_str()?.parse().ok()?;
            (value - f64::from(u32::try_from(sum).unwrap())).abs().lt(&1e-9).then_some(())
        })
        .await;
    }
    every_panel_has_data(&prometheus, &MAY_BE_EMPTY).await;

    let url = fleet.redis.url();
    let slow = tokio::spawn(async move {
        loop {
            Redis::tell(&url, &PAUSE);
            sleep(BETWEEN_PAUSES).await;
        }
    });
    prometheus.until_firing(&["SendyardStoreSlow"], FIRES_WITHIN).await;
    slow.abort();
    Redis::tell(&fleet.redis.url(), &["CLIENT", "UNPAUSE"]);
    fleet.shared_out().await;

    assert!(!prometheus.active().await.contains("SendyardLeaseChurn"));
    fleet.members[0].child().signal("STOP");
    eventually("the other has all shards", PATIENCE, async || {
        (fleet.members[1].shards().await? == 256).then_some(())
    })
    .await;
    fleet.members[0].child().signal("CONT");
    prometheus.until_firing(&["SendyardLeaseChurn"], FIRES_WITHIN).await;
    load.iter().for_each(JoinHandle::abort);
    fleet.members[0].kill();
}
