//! A process whose Redis server is away starts, says so, refuses, and works by itself when the server comes.

use std::os::unix::net::UnixListener;

use super::{Fleet, is_unavailable};
use crate::process::on_redis::server::Redis;
use crate::process::yard::{Api, PATIENCE, Setup, eventually};

async fn refuses(api: &Api, from: &str) {
    assert_eq!(api.get("/livez").await.unwrap().status, 200);
    for queue in [true, false] {
        let reply = api.send(from, "+15560000001", "hello", queue, Some("a key")).await.unwrap();
        assert!(is_unavailable(&reply) && reply.code() == "store_unavailable", "{reply:?}");
    }
    let reply = api.get("/sms/queue/stats").await.unwrap();
    assert!(is_unavailable(&reply), "{reply:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_is_away_is_waited_for() {
    let setup = Setup::of_numbers(1, &[]);
    let from = setup.numbers[0].number.clone();
    let Some(redis) = Redis::away(&[]) else { return };
    let mut fleet = Fleet::over(redis, &setup).await;
    fleet.add(&fleet.redis.url());
    let api = fleet.members[0].api.clone();
    let why = fleet.members[0].not_ready_because("cannot connect to Redis").await;
    println!("/readyz: {why}");
    refuses(&api, &from).await;

    // One that takes connections and answers nothing.
    let hanging = UnixListener::bind(fleet.redis.socket()).unwrap();
    fleet.members[0].not_ready_because("did not answer").await;
    refuses(&api, &from).await;
    drop(hanging);
    std::fs::remove_file(fleet.redis.socket()).unwrap();

    fleet.redis.start_again().await;
    fleet.members[0].is_ready_within_patience().await;
    let reply = api.send(&from, "+15560000001", "hello", true, Some("a key")).await.unwrap();
    let id = reply.message_id().expect("accepted");
    eventually("it is sent", PATIENCE, async || {
        (api.status(&id).await.body["status"] == "sent").then_some(())
    })
    .await;
    let said = fleet.members[0].child().said();
    let waits = said.lines().filter(|line| line.contains("WARN") || line.contains("ERROR")).count();
    assert!(waits <= 5, "said once for each change:\n{said}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_process_that_waits_for_its_server_ends_when_it_is_told_to() {
    let Some(redis) = Redis::away(&[]) else { return };
    let mut fleet = Fleet::over(redis, &Setup::of_numbers(1, &[])).await;
    let _hanging = UnixListener::bind(fleet.redis.socket()).unwrap();
    fleet.add(&fleet.redis.url());
    let api = fleet.members[0].api.clone();
    eventually("it listens", PATIENCE, async || api.get("/livez").await.ok()).await;
    fleet.members[0].leave().await;
}
