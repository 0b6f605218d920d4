//! A process that is stopped for longer than its lease and goes on is replaced meanwhile. It begins nothing
//! more, the answer that was waiting for it is recorded, and it is the next to take over.

use serde_json::json;

use super::Fleet;
use crate::process::yard::{Api, PATIENCE, Setup, eventually};

/// The provider answers after so long: while the process is stopped, before the other takes over.
const LATENCY_MS: u64 = 500;

/// Messages at the number with a pace, some of which go from each process.
const PACED: usize = 5;

async fn queue(api: &Api, from: &str, to: &str) -> String {
    let reply = api.send(from, to, "hello", true, None).await.unwrap();
    reply.message_id().unwrap_or_else(|| panic!("{reply:?}"))
}

/// How many attempts of this process have ended.
async fn attempts_ended(api: &Api) -> usize {
    let metrics = api.text("/metrics").await;
    let lines = metrics.lines().filter(|line| line.starts_with("sendyard_hand_overs_total{"));
    lines.map(|line| line.rsplit(' ').next().unwrap().parse::<usize>().unwrap()).sum()
}

async fn is_sent(api: &Api, id: &str) {
    eventually("it is sent", PATIENCE, async || {
        (api.status(id).await.body["status"] == "sent").then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stopped_process_begins_nothing_more() {
    let mut setup = Setup::of_numbers(2, &[]);
    setup.numbers[1].limits = vec!["1/s"];
    setup.engine = vec![("begin_by", r#""1s""#), ("margin", r#""500ms""#)];
    let Some(mut fleet) = Fleet::start(2, &setup).await else { return };
    let works = fleet.ready().await;
    let other = 1 - works;
    let (old, new) = (fleet.members[works].api.clone(), fleet.members[other].api.clone());
    fleet.members[other].not_ready_because("another process works on this store").await;
    fleet.yard.twin.set_faults(&json!({ "rules": [{ "latency_ms": LATENCY_MS }] })).await;

    let (open, paced) = (setup.numbers[0].number.clone(), setup.numbers[1].number.clone());
    let mut ids = Vec::new();
    for index in 0..PACED {
        ids.push(queue(&old, &paced, &format!("+1556001000{index}")).await);
    }
    let (first, second) =
        (queue(&old, &open, "+15560000002").await, queue(&old, &open, "+15560000002").await);
    let seen = async |id: &str| {
        let ledger = fleet.yard.twin.ledger().await;
        ledger.iter().any(|line| line.message_id() == Some(id)).then_some(())
    };
    eventually("it is at the provider", PATIENCE, async || seen(&first).await).await;
    fleet.members[works].child().signal("STOP");
    let begun = fleet.yard.twin.ledger().await.len();

    fleet.members[other].is_ready_within_patience().await;
    // Nobody but the stopped process can know.
    assert_eq!(new.status(&first).await.body["status"], "sending");
    assert_eq!(new.status(&second).await.body["status"], "queued", "never two in flight");
    eventually("the other has begun something", PATIENCE, async || {
        (fleet.yard.twin.count().await > begun as u64).then_some(())
    })
    .await;

    fleet.members[works].child().signal("CONT");
    is_sent(&new, &first).await;
    is_sent(&new, &second).await;
    fleet.members[works].not_ready_because("another process works on this store").await;
    for id in &ids {
        is_sent(&new, id).await;
    }
    let ended = attempts_ended(&old).await;
    assert!(ended <= begun, "the woken process began something: {ended}, {begun} before it was stopped");
    assert_eq!(attempts_ended(&new).await + ended, PACED + 2);
    assert_eq!(fleet.yard.twin.count().await, PACED as u64 + 2, "something went twice");

    fleet.members[other].leave().await;
    fleet.members[works].is_ready_within_patience().await;
    let last = queue(&old, &open, "+15560000003").await;
    is_sent(&old, &last).await;
}
