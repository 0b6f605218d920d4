//! An account whose provider hangs, with 10,000 messages waiting, leaves the other account's
//! hand-overs as punctual as they were.
//!
//! What is asserted is a ratio of two counts of one run. The lateness is printed.

use std::collections::HashMap;
use std::time::Duration;

use serde_json::json;

use super::yard::{ACCOUNT_SIDS, Api, Line, PATIENCE, Setup, Yard, eventually, now_us};

/// Of each of the other account's numbers; the guard of its window makes its spread interval 201 ms.
const RATE: &str = "5/s";
const INTERVAL_US: u64 = 201_000;

/// Even indices belong to the account that hangs.
const NUMBERS: usize = 40;
const WAITING: usize = 10_000;
/// At each of the other account's numbers before each measurement: more than goes meanwhile.
const ENOUGH: usize = 60;
const MEASURED: Duration = Duration::from_secs(5);
/// Clients at each number, so that the store has groups to make durable.
const CLIENTS: usize = 4;

/// Queues `count` messages at each number.
async fn queue(api: &Api, numbers: &[String], count: usize) {
    let clients =
        numbers.iter().enumerate().flat_map(|number| (0..CLIENTS).map(move |client| (number, client)));
    let tasks: Vec<_> = clients
        .map(|((place, from), client)| {
            let (api, from) = (api.clone(), from.clone());
            tokio::spawn(async move {
                for index in (client..count).step_by(CLIENTS) {
                    let to = format!("+1556{place:03}{index:05}");
                    let reply = api.send(&from, &to, "hello", true, None).await.unwrap();
                    assert_eq!(reply.status, 200, "{reply:?}");
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
}

/// The other account's requests within the time that is measured from now on.
async fn measure(yard: &Yard) -> Vec<Line> {
    let from_us = now_us();
    let until_us = from_us + u64::try_from(MEASURED.as_micros()).unwrap();
    eventually("the time is over", PATIENCE, async || (now_us() >= until_us).then_some(())).await;
    let mut lines = yard.twin.ledger().await;
    lines.retain(|line| line.account == ACCOUNT_SIDS[1] && (from_us..until_us).contains(&line.at_us));
    lines
}

/// How much later than its interval the latest but one percent of the hand-overs came.
fn p99_late_us(lines: &[Line]) -> u64 {
    let mut last: HashMap<&str, u64> = HashMap::new();
    let mut late: Vec<u64> = lines
        .iter()
        .filter_map(|line| {
            let before = last.insert(&line.from, line.at_us)?;
            Some((line.at_us - before).saturating_sub(INTERVAL_US))
        })
        .collect();
    late.sort_unstable();
    late.get(late.len() * 99 / 100).copied().unwrap_or_default()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_hanging_account_does_not_slow_another() {
    let setup = Setup::of_numbers(NUMBERS, &[RATE]);
    let yard = Yard::start(&setup).await;
    let of_account = |account| {
        let numbers = setup.numbers.iter().filter(move |number| number.account == account);
        numbers.map(|number| number.number.clone()).collect::<Vec<_>>()
    };
    let (hanging, other) = (of_account(0), of_account(1));
    queue(&yard.api, &other, ENOUGH).await;
    let alone = measure(&yard).await;

    let hang = json!({ "account": ACCOUNT_SIDS[0], "hang": { "share": 1, "ms": 30_000 } });
    yard.twin.set_faults(&json!({ "rules": [hang] })).await;
    queue(&yard.api, &hanging, WAITING / hanging.len()).await;
    queue(&yard.api, &other, ENOUGH).await;
    let beside = measure(&yard).await;

    let hung = yard.twin.ledger().await.iter().filter(|line| line.account == ACCOUNT_SIDS[0]).count();
    println!(
        "hand-overs of the other account in {MEASURED:?}: {} alone, {} beside {hung} that hang; \
         p99 late: {} us alone, {} us beside",
        alone.len(),
        beside.len(),
        p99_late_us(&alone),
        p99_late_us(&beside)
    );
    assert!(hung > 0 && !alone.is_empty(), "nothing was measured");
    assert!(beside.len() * 10 >= alone.len() * 8, "{} hand-overs, {} before", beside.len(), alone.len());
}
