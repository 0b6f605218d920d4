//! The backup and the restore of docs/OPERATIONS.md, with its own words of shell.

use std::process::Command;

use super::files::read;
use crate::process::yard::{Setup, Yard};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_copy_of_a_stopped_store_is_the_store() {
    let operations = read("docs/OPERATIONS.md");
    let command = |start: &str| {
        let line = operations.lines().find(|line| line.starts_with(start)).expect(start);
        line.split('#').next().unwrap().replace("sendyard-data", "data")
    };
    let (backup, restore) = (command("cp -a sendyard-data"), command("rm -r sendyard-data"));

    // One an hour goes; the others wait.
    let setup = Setup::of_numbers(1, &["1/h"]);
    let from = setup.numbers[0].number.clone();
    let mut yard = Yard::start(&setup).await;
    let mut before = Vec::new();
    for index in 0..20 {
        let reply = yard.api.send(&from, &format!("+1555020{index:04}"), "kept", true, None).await.unwrap();
        before.push(reply.message_id().unwrap());
    }
    yard.terminate();
    yard.ended().await;
    shell(&yard, &backup);

    yard.start_engine().await;
    let after = yard.api.send(&from, "+15550209999", "not kept", true, None).await.unwrap();
    yard.terminate();
    yard.ended().await;
    shell(&yard, &restore);

    yard.start_engine().await;
    for id in &before[1..] {
        assert_eq!(yard.api.status(id).await.body["status"], "queued", "{id}");
    }
    assert_eq!(yard.api.status(&after.message_id().unwrap()).await.status, 404);
    assert_eq!(yard.twin.count().await, 1, "the pace outlives it too");
}

fn shell(yard: &Yard, words: &str) {
    let status = Command::new("/bin/sh").arg("-c").arg(words).current_dir(yard.home()).status().unwrap();
    assert!(status.success(), "{words}");
}
