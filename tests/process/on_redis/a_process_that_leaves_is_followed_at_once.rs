//! A process that is told to end gives its shards up at once, also while an attempt of it hangs, and another
//! goes on with them; the outcome of that attempt is recorded all the same.

use std::time::Duration;

use serde_json::json;
use tokio::time::Instant;

use super::clients::{Clients, all_sent_or_unknown, check_once_and_in_order};
use super::{Fleet, SHARDS};
use crate::process::yard::{PATIENCE, Setup, eventually};

/// The engine promises 1 s, and a lease lasts for much longer. The machine is busy.
const LEASE: &str = r#""30s""#;
const FOLLOWED_WITHIN: Duration = Duration::from_secs(5);

/// The attempt that hangs is answered after so long.
const HANGS_MS: u64 = 12_000;

const SOME: usize = 50;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_process_that_leaves_is_followed_at_once() {
    let mut setup = Setup::of_numbers(4, &[]);
    setup.engine = vec![("lease", LEASE)];
    let Some(mut fleet) = Fleet::start(2, &setup).await else { return };
    let numbers: Vec<String> = setup.numbers.iter().map(|number| number.number.clone()).collect();
    fleet.yard.twin.set_faults(&json!({ "rules": [{ "latency_ms": HANGS_MS }] })).await;
    let reply = fleet.members[0].api.send(&numbers[0], "+15590000001", "0", true, None).await.unwrap();
    let hangs = reply.message_id().expect("accepted");
    let leaves = fleet.busy().await;
    let met = async || (fleet.yard.twin.count().await > 0).then_some(());
    eventually("it is at the provider", PATIENCE, met).await;
    let stays = 1 - leaves;
    fleet.yard.twin.set_faults(&json!({ "rules": [{ "latency_ms": 100 }] })).await;
    let clients = Clients::start(&fleet, &numbers);
    let sent = async |count| (clients.accepted() >= count).then_some(());
    eventually("some are sent", PATIENCE, async || sent(SOME).await).await;

    let child = fleet.members[leaves].child.take().expect("it runs");
    child.terminate();
    let told_at = Instant::now();
    eventually("the other has all shards", PATIENCE, async || {
        (fleet.members[stays].gauge(SHARDS).await? == 256).then_some(())
    })
    .await;
    let took = told_at.elapsed();
    let before = clients.accepted();
    eventually("some more are sent", PATIENCE, async || sent(before + SOME).await).await;
    let api = fleet.members[stays].api.clone();
    assert_eq!(api.status(&hangs).await.body["status"], "sending");
    assert_eq!(child.ended(PATIENCE).await.code(), Some(0));
    assert_eq!(api.status(&hangs).await.body["status"], "sent");

    let ids = clients.finished().await;
    let unknown = all_sent_or_unknown(&api, &ids).await;
    println!("followed {took:?} after it was told to end");
    assert!(took < FOLLOWED_WITHIN, "{took:?}");
    assert!(unknown.is_empty(), "{unknown:?}");
    check_once_and_in_order(&fleet.yard.twin.ledger().await);
}
