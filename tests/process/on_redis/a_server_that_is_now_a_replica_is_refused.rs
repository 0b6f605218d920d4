//! A server that was made a replica takes no writes: nothing is answered 200, and all goes on when it is a
//! master again.

use super::{Fleet, is_unavailable};
use crate::process::on_redis::server::Redis;
use crate::process::yard::{PATIENCE, Setup, eventually};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_is_now_a_replica_is_refused() {
    let setup = Setup::of_numbers(1, &[]);
    let from = setup.numbers[0].number.clone();
    let Some(fleet) = Fleet::start(1, &setup).await else { return };
    let member = &fleet.members[0];
    // Of a master that nobody has: its data stay.
    Redis::tell(&member.url, &["REPLICAOF", "127.0.0.1", "1"]);
    for (queue, key) in [(true, None), (true, Some("a key")), (false, None)] {
        let reply = member.api.send(&from, "+15560000001", "hello", queue, key).await.unwrap();
        assert!(is_unavailable(&reply) && reply.code() == "store_unavailable", "{reply:?}");
        assert_eq!(reply.message_id(), None, "nothing is stored: {reply:?}");
    }
    let why = member.not_ready_because("").await;
    println!("/readyz: {why}");
    assert_eq!(fleet.yard.twin.count().await, 0);

    Redis::tell(&member.url, &["REPLICAOF", "NO", "ONE"]);
    member.is_ready_within_patience().await;
    let reply = member.api.send(&from, "+15560000001", "hello", true, Some("a key")).await.unwrap();
    let id = reply.message_id().expect("accepted");
    eventually("it is sent", PATIENCE, async || {
        (member.api.status(&id).await.body["status"] == "sent").then_some(())
    })
    .await;
    assert_eq!(fleet.yard.twin.count().await, 1);
}
