//! What is set of a number on one process holds at once where it is sent from, whichever process that is,
//! and over a take-over. Another number that nobody pauses is the clock.

use serde_json::json;

use super::Fleet;
use crate::process::yard::{PATIENCE, Setup, eventually, now_us};

/// The clock's messages for which a pause is watched; it sends five a second.
const TICKS: usize = 8;

async fn seen(fleet: &Fleet, from: &str) -> Vec<u64> {
    let ledger = fleet.yard.twin.ledger().await;
    ledger.iter().filter(|line| line.from == from).map(|line| line.at_us).collect()
}

/// Waits until so many more of a number's messages are handed over.
async fn goes_on(fleet: &Fleet, from: &str, messages: usize) {
    let before = seen(fleet, from).await.len();
    let more = async || (seen(fleet, from).await.len() >= before + messages).then_some(());
    eventually("it goes on", PATIENCE, more).await;
}

/// What its next message waits for, as the process says that sends from it.
async fn waits_for(fleet: &Fleet, path: &str) -> Option<String> {
    for member in fleet.members.iter().filter(|member| member.child.is_some()) {
        let shown = member.api.get(path).await.ok()?;
        if let Some(word) = shown.body["waiting_for"].as_str() {
            return Some(word.to_owned());
        }
    }
    None
}

/// From when its sender says that it is paused until now, while the clock ticks, it hands nothing over.
async fn is_at_rest(fleet: &Fleet, number: &str, clock: &str) {
    let path = format!("/v1/senders/{number}");
    let rests = async || (waits_for(fleet, &path).await? == "pause").then_some(());
    eventually("its sender knows of the pause", PATIENCE, rests).await;
    // What was claimed before may still go: it is written at once.
    goes_on(fleet, clock, 1).await;
    let from = now_us();
    goes_on(fleet, clock, TICKS).await;
    let late = seen(fleet, number).await.into_iter().filter(|at| *at > from).count();
    assert_eq!(late, 0, "handed over in a pause");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_number_is_tuned_through_any_process() {
    let setup = Setup::of_numbers(2, &["5/s"]);
    let Some(mut fleet) = Fleet::start(2, &setup).await else { return };
    let [number, clock] = [0, 1].map(|index| setup.numbers[index].number.clone());
    for index in 0..300 {
        for from in [&number, &clock] {
            let api = &fleet.members[index % 2].api;
            let queued = api.send(from, &format!("+1555111{index:04}"), "x", true, None).await.unwrap();
            assert_eq!(queued.status, 200);
        }
    }
    let path = format!("/v1/senders/{number}");
    for place in [0, 1] {
        let paused = fleet.members[place].api.post(&format!("{path}/pause"), &json!({})).await.unwrap();
        assert_eq!((paused.status, &paused.body["paused"]), (200, &json!(true)), "{:?}", paused.body);
        is_at_rest(&fleet, &number, &clock).await;
        for member in &fleet.members {
            assert_eq!(member.api.get(&path).await.unwrap().body["paused"], json!(true), "each shows it");
        }
        let resumed = fleet.members[place].api.post(&format!("{path}/resume"), &json!({})).await.unwrap();
        assert_eq!((resumed.status, &resumed.body["paused"]), (200, &json!(false)), "{:?}", resumed.body);
        goes_on(&fleet, &number, 5).await;
    }

    let paused = fleet.members[0].api.post(&format!("{path}/pause"), &json!({})).await.unwrap();
    assert_eq!(paused.status, 200);
    fleet.members[0].kill();
    fleet.shared_out().await;
    is_at_rest(&fleet, &number, &clock).await;
}
