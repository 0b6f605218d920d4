//! A process that is stopped for longer than its leases and goes on is replaced meanwhile. It begins nothing
//! that it had in mind, the answer that was waiting for it is recorded, and it has its share again.

use serde_json::json;

use super::{ENDED, Fleet};
use crate::process::yard::{Api, PATIENCE, Setup, eventually};

/// The provider answers after so long: while the process is stopped, before the other takes over.
const LATENCY_MS: u64 = 1500;

/// Messages of other conversations of the number, which has a pace: all but the first wait.
const PACED: usize = 4;

async fn queue(api: &Api, from: &str, to: &str) -> String {
    let reply = api.send(from, to, "hello", true, None).await.unwrap();
    reply.message_id().unwrap_or_else(|| panic!("{reply:?}"))
}

async fn is_sent(api: &Api, id: &str) {
    eventually("it is sent", PATIENCE, async || {
        (api.status(id).await.body["status"] == "sent").then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stopped_process_begins_nothing_more() {
    let mut setup = Setup::of_numbers(1, &["1/2s"]);
    setup.engine = vec![("begin_by", r#""1s""#), ("margin", r#""500ms""#)];
    let Some(mut fleet) = Fleet::start(2, &setup).await else { return };
    fleet.yard.twin.set_faults(&json!({ "rules": [{ "latency_ms": LATENCY_MS }] })).await;

    let from = setup.numbers[0].number.clone();
    let api = fleet.members[0].api.clone();
    let first = queue(&api, &from, "+15560000002").await;
    let works = fleet.busy().await;
    let other = 1 - works;
    let (old, new) = (fleet.members[works].api.clone(), fleet.members[other].api.clone());
    let mut paced = Vec::new();
    for index in 0..PACED {
        // On both: those of the other reach it by a note.
        let api = if index % 2 == 0 { &old } else { &new };
        paced.push(queue(api, &from, &format!("+1556001000{index}")).await);
    }
    let second = queue(&old, &from, "+15560000002").await;
    let seen = async |id: &str| {
        let ledger = fleet.yard.twin.ledger().await;
        ledger.iter().any(|line| line.message_id() == Some(id)).then_some(())
    };
    eventually("it is at the provider", PATIENCE, async || seen(&first).await).await;
    fleet.members[works].child().signal("STOP");
    let begun = fleet.yard.twin.ledger().await.len();

    for id in &paced {
        is_sent(&new, id).await;
    }
    if begun == 1 {
        // Nobody but the stopped process can know.
        assert_eq!(new.status(&first).await.body["status"], "sending");
        assert_eq!(new.status(&second).await.body["status"], "queued", "never two in flight");
    }
    fleet.members[works].child().signal("CONT");
    is_sent(&new, &first).await;
    is_sent(&new, &second).await;
    fleet.shared_out().await;
    let ended = fleet.members[works].gauge(ENDED).await.unwrap();
    let last = usize::from(fleet.yard.twin.count().await == PACED as u64 + 2);
    assert_eq!(last, 1, "something went twice");
    // The last one was queued behind what it had begun, and may be anybody's by then.
    assert!(ended <= begun + 1, "the woken process began something: {ended}, {begun} before it was stopped");

    fleet.members[other].leave().await;
    let more = queue(&old, &from, "+15560000003").await;
    is_sent(&old, &more).await;
}
