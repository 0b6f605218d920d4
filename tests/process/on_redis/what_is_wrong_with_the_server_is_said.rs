//! What keeps a process from working is one sentence in `/readyz` and in its log; what endangers its
//! messages is one in its log. No password is in either.

use super::Fleet;
use super::server::Redis;
use crate::process::yard::{PATIENCE, Setup, eventually};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn data_that_are_not_for_this_version_are_refused() {
    let Some(redis) = Redis::start(&[]).await else { return };
    let mut fleet = Fleet::over(redis, &Setup::of_numbers(1, &[])).await;
    for (query, mark, says) in [
        ("?db=1", ["99", "256"], "the data in Redis is of format 99, and this version reads format"),
        ("?db=2", ["1", "64"], "the data in Redis was created with 64 shards, and this version has 256"),
    ] {
        let url = fleet.redis.url_with(query);
        let [format, shards] = mark;
        Redis::tell(&url, &["HSET", "sendyard", "format", format, "shards", shards]);
        fleet.add(&url);
        let member = fleet.members.last().unwrap();
        let why = member.not_ready_because(says).await;
        assert!(member.child().said().contains(says), "{why}");
        // Somebody emptied the database.
        Redis::tell(&url, &["FLUSHDB"]);
        member.is_ready_within_patience().await;
    }
}

/// Somebody put other data in their place meanwhile.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn data_are_looked_at_again_when_the_server_was_away() {
    let Some(mut fleet) = Fleet::start(1, &Setup::of_numbers(1, &[])).await else { return };
    let url = fleet.redis.url();
    Redis::tell(&url, &["HSET", "sendyard", "format", "99"]);
    fleet.redis.kill();
    fleet.members[0].not_ready_because("").await;
    fleet.redis.start_again().await;
    let why = fleet.members[0].not_ready_because("the data in Redis is of format 99").await;
    println!("/readyz: {why}");
    for path in ["/sms/queue/stats", "/v1/messages?status=unknown"] {
        assert_eq!(fleet.members[0].api.get(path).await.unwrap().status, 503, "{path}");
    }
    Redis::tell(&url, &["HSET", "sendyard", "format", "1"]);
    fleet.shared_out().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wrong_password_is_said_without_it_and_may_be_mended_at_the_server() {
    let Some(redis) = Redis::start(&["--requirepass", "right-secret"]).await else { return };
    let mut fleet = Fleet::over(redis, &Setup::of_numbers(1, &[])).await;
    fleet.add(&fleet.redis.url_with("?pass=wrong-secret"));
    fleet.add(&fleet.redis.url());
    let why = fleet.members[0].not_ready_because("Password authentication failed").await;
    let none = fleet.members[1].not_ready_because("NOAUTH").await;
    println!("wrong: {why}\nnone: {none}");

    let right = fleet.redis.url_with("?pass=right-secret");
    Redis::tell(&right, &["CONFIG", "SET", "requirepass", "wrong-secret"]);
    fleet.members[0].is_ready_within_patience().await;
    for member in &fleet.members {
        let said = member.child().said();
        assert!(!said.contains("secret"), "{said}");
        assert!(said.contains("waiting why="), "{said}");
    }
    assert!(!why.contains("secret"), "{why}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_may_lose_messages_is_warned_of() {
    let options = ["--maxmemory-policy", "allkeys-lru", "--appendfsync", "no"];
    let Some(redis) = Redis::start(&options).await else { return };
    let mut fleet = Fleet::over(redis, &Setup::of_numbers(1, &[])).await;
    fleet.add(&fleet.redis.url());
    fleet.members[0].is_ready_within_patience().await;
    for says in ["maxmemory-policy is allkeys-lru, expected noeviction", "appendfsync is no, expected"] {
        let said = async || fleet.members[0].child().said().contains(says).then_some(());
        eventually(says, PATIENCE, said).await;
    }
}
