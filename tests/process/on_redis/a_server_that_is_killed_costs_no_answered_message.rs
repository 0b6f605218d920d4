//! A Redis server that is killed under traffic and comes back costs refusals and nothing else: what was
//! answered 200 is there, nothing goes twice, and the process works on.

use std::time::Duration;

use serde_json::json;
use tokio::time::Instant;

use super::clients::{Clients, all_sent_or_unknown, check_once_and_in_order};
use super::{Fleet, is_unavailable};
use crate::process::yard::{PATIENCE, Setup, eventually};

/// The documented client gives up at 30 s.
const ANSWERED_WITHIN: Duration = Duration::from_secs(25);

const SOME: usize = 150;

/// A line for each attempt whose outcome waits, a few for the rest: not one for each try.
const MOST_LINES: usize = 150;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_is_killed_costs_no_answered_message() {
    let setup = Setup::of_numbers(8, &[]);
    let Some(mut fleet) = Fleet::start(1, &setup).await else { return };
    let api = fleet.members[0].api.clone();
    fleet.yard.twin.set_faults(&json!({ "rules": [{ "latency_ms": 100 }] })).await;
    let numbers: Vec<String> = setup.numbers.iter().map(|number| number.number.clone()).collect();
    let clients = Clients::start(&fleet, &numbers);
    let sent = async |count| (clients.accepted() >= count).then_some(());
    eventually("some are sent", PATIENCE, async || sent(SOME).await).await;

    fleet.redis.kill();
    let (killed_at, refused) = (Instant::now(), clients.refused());
    for queue in [true, false] {
        let asked_at = Instant::now();
        let reply = api.send(&numbers[0], "+15580000001", "0", queue, None).await.unwrap();
        assert!(is_unavailable(&reply) && asked_at.elapsed() < ANSWERED_WITHIN, "{reply:?}");
    }
    assert_eq!(api.get("/livez").await.unwrap().status, 200);
    // Until its leases are over, at the latest.
    fleet.members[0].not_ready_because("").await;
    eventually("its leases are over", PATIENCE, async || {
        (killed_at.elapsed() > Duration::from_secs(4)).then_some(())
    })
    .await;
    assert!(clients.refused() > refused, "no client was refused");
    fleet.redis.start_again().await;
    let back_at = Instant::now();
    let before = clients.accepted();
    eventually("some more are sent", PATIENCE, async || sent(before + SOME).await).await;
    let ids = clients.finished().await;
    fleet.members[0].is_ready_within_patience().await;
    let ready_after = back_at.elapsed();

    let unknown = all_sent_or_unknown(&api, &ids).await;
    check_once_and_in_order(&fleet.yard.twin.ledger().await);
    let said = fleet.members[0].child().said();
    let complaints = said.lines().filter(|line| line.contains("WARN") || line.contains("ERROR")).count();
    println!(
        "{} answered 200, {} of them unknown; ready and {SOME} taken {ready_after:?} after the server's \
         return; {complaints} lines of complaint",
        ids.len(),
        unknown.len()
    );
    assert!(unknown.is_empty(), "no attempt was lost: {unknown:?}");
    assert!(complaints <= MOST_LINES, "{complaints} lines");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_process_that_nobody_asks_is_ready_again_too() {
    let setup = Setup::of_numbers(1, &[]);
    let Some(mut fleet) = Fleet::start(1, &setup).await else { return };
    let api = fleet.members[0].api.clone();
    fleet.redis.kill();
    let reply = api.send(&setup.numbers[0].number, "+15580000001", "0", true, None).await.unwrap();
    assert!(is_unavailable(&reply), "{reply:?}");
    fleet.members[0].not_ready_because("").await;
    fleet.redis.start_again().await;
    let back_at = Instant::now();
    fleet.members[0].is_ready_within_patience().await;
    println!("ready again {:?} after the server's return", back_at.elapsed());
}
