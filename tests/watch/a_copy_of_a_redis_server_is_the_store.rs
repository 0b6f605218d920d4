//! The backups and restores of a Redis server in docs/OPERATIONS.md, with its own words of shell.

use std::process::Command;

use super::files::read;
use crate::process::on_redis::server::Redis;
use crate::process::yard::{PATIENCE, Setup, Yard, eventually};

/// The blocks of shell below the heading, after their place in the text.
fn blocks() -> Vec<String> {
    let operations = read("docs/OPERATIONS.md");
    let (_, backup) = operations.split_once("## Backup and restore").unwrap();
    let (backup, _) = backup.split_once("\n## ").unwrap();
    let blocks = backup.split("```sh\n").skip(1);
    blocks.map(|block| block.split("```").next().unwrap().to_owned()).collect()
}

/// In the directory of the server, with a client that finds it.
fn shell(redis: &Redis, words: &str) {
    let client = format!("redis-cli -s {}", redis.socket().display());
    let words = format!("set -e\n{}", words.replace("redis-cli", &client));
    let output = Command::new("/bin/sh").arg("-c").arg(&words).current_dir(redis.home()).output().unwrap();
    assert!(output.status.success(), "{words}: {output:?}");
}

/// One message an hour goes; the others wait.
async fn with_messages(redis: &Redis) -> (Yard, Vec<String>) {
    let mut setup = Setup::of_numbers(1, &["1/h"]);
    setup.store = Some(redis.url());
    let yard = Yard::start(&setup).await;
    let mut ids = Vec::new();
    for index in 0..20 {
        ids.push(queue(&yard, &format!("+1555020{index:04}")).await);
    }
    let first = ids[0].clone();
    eventually("the first is sent", PATIENCE, async || {
        (yard.api.status(&first).await.body["status"] == "sent").then_some(())
    })
    .await;
    (yard, ids)
}

async fn queue(yard: &Yard, to: &str) -> String {
    let reply = yard.api.send("+15550100000", to, "kept", true, None).await.unwrap();
    reply.message_id().unwrap()
}

/// Everything of before the copy is there, nothing of after it, and nothing went twice.
async fn is_as_it_was(yard: &Yard, before: &[String], after: &str) {
    assert_eq!(yard.api.status(&before[0]).await.body["status"], "sent");
    for id in &before[1..] {
        assert_eq!(yard.api.status(id).await.body["status"], "queued", "{id}");
    }
    assert_eq!(yard.api.status(after).await.status, 404);
    assert_eq!(yard.twin.count().await, 1, "the pace outlives it too");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_copy_of_append_only_files_is_the_store() {
    let Some(mut redis) = Redis::start(&[]).await else { return };
    let blocks = blocks();
    let (backup, restore) = (&blocks[1], &blocks[2]);
    let (mut yard, before) = with_messages(&redis).await;
    shell(&redis, backup);
    let after = queue(&yard, "+15550209999").await;
    yard.terminate();
    yard.ended().await;
    redis.kill();
    shell(&redis, restore);

    redis.start_again().await;
    yard.start_engine().await;
    is_as_it_was(&yard, &before, &after).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_snapshot_is_the_store_where_the_server_reads_it() {
    let Some(mut redis) = Redis::start(&[]).await else { return };
    let append_only = &blocks()[3];
    let (mut yard, before) = with_messages(&redis).await;
    shell(&redis, "redis-cli BGSAVE");
    shell(&redis, "until redis-cli INFO persistence | grep -q rdb_bgsave_in_progress:0; do sleep 1; done");
    shell(&redis, "cp dump.rdb copy.rdb");
    let after = queue(&yard, "+15550209999").await;
    yard.terminate();
    yard.ended().await;
    redis.kill();
    shell(&redis, "rm -r appendonlydir && mv copy.rdb dump.rdb");

    // The last option of a name counts.
    redis.start_again_with(&["--appendonly", "no"]).await;
    shell(&redis, append_only);
    redis.kill();
    redis.start_again().await;
    yard.start_engine().await;
    is_as_it_was(&yard, &before, &after).await;
}
