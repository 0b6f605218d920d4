//! A process that is killed in the middle of its work is replaced by the other one; nothing that was
//! answered is lost or sent twice, and what was at the provider is listed as unknown.

use std::time::Duration;

use serde_json::json;
use tokio::time::Instant;

use super::Fleet;
use super::clients::{Clients, all_sent_or_unknown, check_once_and_in_order};
use crate::process::yard::{PATIENCE, Setup, eventually};

/// Per account; there are two.
const PLACES: usize = 24;

/// The engine promises 5 s; the machine is busy.
const TAKEN_OVER_WITHIN: Duration = Duration::from_secs(10);

/// What the clients are to have sent before the kill, and after the take-over.
const SOME: usize = 150;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_process_is_replaced() {
    let mut setup = Setup::of_numbers(8, &[]);
    setup.engine = vec![
        ("begin_by", r#""1s""#),
        ("attempt_deadline", r#""3s""#),
        ("margin", r#""200ms""#),
        ("evidence_deadline", r#""1s""#),
        ("places_in_flight", "24"),
    ];
    let Some(mut fleet) = Fleet::start(2, &setup).await else { return };
    fleet.yard.twin.set_faults(&json!({ "rules": [{ "latency_ms": 100, "latency_jitter_ms": 50 }] })).await;
    let numbers: Vec<String> = setup.numbers.iter().map(|number| number.number.clone()).collect();
    let clients = Clients::start(&fleet, &numbers);
    let sent = async |count| (clients.accepted() >= count).then_some(());
    eventually("some are sent", PATIENCE, async || sent(SOME).await).await;

    let (works, next) = (0, 1);
    fleet.members[works].kill();
    let killed_at = Instant::now();
    let met = fleet.yard.twin.ledger().await.iter().filter(|line| line.accepted && !line.answered).count();
    fleet.shared_out().await;
    let took = killed_at.elapsed();
    let before = clients.accepted();
    eventually("some more are sent", PATIENCE, async || sent(before + SOME).await).await;

    let ids = clients.finished().await;
    let unknown = all_sent_or_unknown(&fleet.members[next].api, &ids).await;
    let ledger = fleet.yard.twin.ledger().await;
    println!(
        "taken over {took:?} after the kill, which met {met} attempts; {} messages were answered, {} of \
         them are unknown; the provider saw {}",
        ids.len(),
        unknown.len(),
        ledger.len()
    );
    assert!(took < TAKEN_OVER_WITHIN, "{took:?}");
    assert!(met > 0, "the kill met no attempt");
    assert!(unknown.len() <= 2 * PLACES, "{} are unknown", unknown.len());
    check_once_and_in_order(&ledger);
}
