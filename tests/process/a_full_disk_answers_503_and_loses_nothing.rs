//! A disk without room refuses messages; it never loses one that was answered.
//!
//! The disk is full for one process: a limit on the size of its files, with the signal that would
//! come with it ignored, gives its writes the same kind of error.

use std::fs;

use super::yard::{PATIENCE, Setup, Yard, eventually};

/// Above what the empty store has, in the shell's blocks of 512 bytes.
const ROOM_BLOCKS: u64 = 4096;

/// Far more messages than there is room for.
const MANY: usize = 20_000;

/// Requests at one time.
const CLIENTS: usize = 8;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_answers_503_and_loses_nothing() {
    // So slow that nothing is handed over meanwhile.
    let setup = Setup::of_numbers(1, &["1/h"]);
    let mut yard = Yard::start(&setup).await;
    yard.terminate();
    yard.ended().await;
    let blocks = fs::metadata(yard.data_file()).unwrap().len() / 512 + ROOM_BLOCKS;
    yard.start_engine_as(yard.serve_after(&format!("trap '' XFSZ; ulimit -f {blocks}"))).await;

    let from = setup.numbers[0].number.clone();
    let tasks: Vec<_> = (0..CLIENTS)
        .map(|client| {
            let (api, from) = (yard.api.clone(), from.clone());
            tokio::spawn(async move {
                let text = "x".repeat(1500);
                let mut accepted = Vec::new();
                for index in 0..MANY / CLIENTS {
                    let to = format!("+1555{client:02}{index:05}");
                    let reply = api.send(&from, &to, &text, true, None).await.expect("an answer");
                    if reply.status != 200 {
                        return (accepted, Some(reply));
                    }
                    accepted.push(reply.message_id().unwrap());
                }
                (accepted, None)
            })
        })
        .collect();
    let mut accepted = Vec::new();
    for task in tasks {
        let (ids, refused) = task.await.unwrap();
        accepted.extend(ids);
        let refused = refused.expect("a full disk refuses");
        assert_eq!(refused.status, 503, "{refused:?}");
        let seconds: u64 = refused.retry_after.expect("Retry-After").parse().expect("an integer");
        assert!(seconds > 0);
    }
    assert!(!accepted.is_empty(), "there was room for nothing");
    assert_eq!(yard.api.get("/livez").await.unwrap().status, 200);

    yard.kill();
    yard.start_engine().await;
    println!("{} messages were accepted before the disk was full", accepted.len());
    for id in &accepted {
        let status = yard.api.status(id).await;
        assert_eq!(status.status, 200, "{id} was answered and is lost: {status:?}");
    }
    eventually("there is room again", PATIENCE, async || {
        let reply = yard.api.send(&from, "+15559999999", "room", true, None).await.unwrap();
        (reply.status == 200).then_some(())
    })
    .await;
}
