//! A server whose writes take too long leaves them unknown: they are repeated under the message's id, so it
//! is stored once; and whose time runs out first is told the id, never that it was taken or that it was not.

use std::time::Duration;

use tokio::time::Instant;

use super::{Fleet, is_unavailable};
use crate::process::on_redis::server::Redis;
use crate::process::yard::{PATIENCE, Setup, eventually};

/// So long that a step was given up and made again at least once.
const LONGER_THAN_A_STEP: Duration = Duration::from_secs(3);

/// Holds back every write, and lets reads pass.
const PAUSE: [&str; 4] = ["CLIENT", "PAUSE", "60000", "WRITE"];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_is_slow_leaves_nothing_twice() {
    let mut setup = Setup::of_numbers(1, &[]);
    // The leases outlast the pauses, so that requests come as far as the store.
    setup.engine = vec![("lease", r#""1m""#)];
    let from = setup.numbers[0].number.clone();
    let Some(fleet) = Fleet::start(1, &setup).await else { return };
    let (api, url) = (fleet.members[0].api.clone(), fleet.members[0].url.clone());

    Redis::tell(&url, &PAUSE);
    let paused_at = Instant::now();
    let (slow, ()) = tokio::join!(api.send(&from, "+15560000001", "slow", true, None), async {
        eventually("a step was given up", PATIENCE, async || {
            (paused_at.elapsed() > LONGER_THAN_A_STEP).then_some(())
        })
        .await;
        Redis::tell(&url, &["CLIENT", "UNPAUSE"]);
    });
    let slow = slow.unwrap();
    assert_eq!(slow.status, 200, "{slow:?}");
    let id = slow.message_id().expect("accepted");
    eventually("it is sent", PATIENCE, async || {
        (api.status(&id).await.body["status"] == "sent").then_some(())
    })
    .await;

    Redis::tell(&url, &PAUSE);
    let unknown = api.send(&from, "+15560000001", "slower", true, None).await.unwrap();
    assert!(is_unavailable(&unknown) && unknown.code() == "outcome_unknown", "{unknown:?}");
    let unknown_id = unknown.message_id().expect("its id is told");
    assert_ne!(unknown_id, id);
    let keyed = api.send(&from, "+15560000001", "slower", true, Some("a key")).await.unwrap();
    assert!(is_unavailable(&keyed), "{keyed:?}");
    Redis::tell(&url, &["CLIENT", "UNPAUSE"]);
    fleet.members[0].is_ready_within_patience().await;
    // The steps that came after their time store nothing, so what is said now stays so.
    assert_eq!(api.status(&unknown_id).await.status, 404);
    let again = api.send(&from, "+15560000001", "slower", true, Some("a key")).await.unwrap();
    let again = again.message_id().expect("accepted");
    eventually("the repeat is sent", PATIENCE, async || {
        (api.status(&again).await.body["status"] == "sent").then_some(())
    })
    .await;
    assert_eq!(fleet.yard.twin.count().await, 2, "something went twice");
}
