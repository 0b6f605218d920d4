//! A process that is told to end gives its store up, and the one that waited works on it at once.

use std::time::Duration;

use serde_json::json;
use tokio::time::Instant;

use super::Fleet;
use super::clients::{Clients, all_sent_or_unknown, check_once_and_in_order};
use crate::process::yard::{PATIENCE, Setup, eventually};

/// The engine promises 1 s, and a lease lasts for much longer.
const LEASE: &str = r#""30s""#;
const FOLLOWED_WITHIN: Duration = Duration::from_secs(5);

const SOME: usize = 50;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_process_that_leaves_is_followed_at_once() {
    let mut setup = Setup::of_numbers(4, &[]);
    setup.engine = vec![("lease", LEASE)];
    let Some(mut fleet) = Fleet::start(2, &setup).await else { return };
    fleet.yard.twin.set_faults(&json!({ "rules": [{ "latency_ms": 100 }] })).await;
    let numbers: Vec<String> = setup.numbers.iter().map(|number| number.number.clone()).collect();
    let clients = Clients::start(&fleet, &numbers);
    let sent = async |count| (clients.accepted() >= count).then_some(());
    eventually("some are sent", PATIENCE, async || sent(SOME).await).await;

    let works = fleet.ready().await;
    fleet.members[works].leave().await;
    let ended_at = Instant::now();
    let next = fleet.ready().await;
    let took = ended_at.elapsed();
    let before = clients.accepted();
    eventually("some more are sent", PATIENCE, async || sent(before + SOME).await).await;

    let ids = clients.finished().await;
    let unknown = all_sent_or_unknown(&fleet.members[next].api, &ids).await;
    println!("followed {took:?} after its end");
    assert!(took < FOLLOWED_WITHIN, "{took:?}");
    assert!(unknown.is_empty(), "{unknown:?}");
    check_once_and_in_order(&fleet.yard.twin.ledger().await);
}
