//! What a sender takes that has sent a message and is idle: memory that was asked for and not given back.
//!
//! Not what is resident, which the bench of pace measures: how much more that is depends on the machine.
//! `cargo nextest run an_idle_sender_costs_little --no-capture` says the figure.

use std::time::Duration;

use allocation_counter::measure;
use sendyard_actors::settings::Settings;
use tokio::runtime::Runtime;

use super::yard::{Builder, Line, Yard};

const FEW: usize = 100;
const MANY: usize = 600;

/// 9,991 to 10,002 were counted, with its message's record in the memory store, its number and what the test itself
/// notes; 11,567 of one that keeps its empty maps. What is asked for a sender, without those, is 10,240.
const MOST_BYTES: usize = 10_240;

/// Of so many senders that each have sent a message, in bytes, with all else that runs.
fn kept(senders: usize) -> usize {
    let mut runs: Option<(Runtime, Yard)> = None;
    let taken = measure(|| {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build();
        let runtime = runtime.unwrap();
        let yard = runtime.block_on(started(senders));
        runs = Some((runtime, yard));
    });
    let (runtime, yard) = runs.unwrap();
    assert_eq!(yard.engine.senders_running(), senders);
    runtime.block_on(async { drop(yard) });
    usize::try_from(taken.bytes_current).unwrap()
}

/// They send, and all of their windows end.
async fn started(senders: usize) -> Yard {
    let numbers: Vec<String> = (0..senders).map(|n| format!("+1202555{n:04}")).collect();
    let settings = Settings { idle_after: Duration::from_hours(1), ..Settings::default() };
    let script = vec![Line::Accept(Duration::from_millis(20))];
    let builder = Builder {
        limits: vec!["1/s"],
        more_numbers: numbers.clone(),
        settings,
        script,
        ..Builder::default()
    };
    let yard = builder.start().await;
    for from in &numbers {
        yard.queue_from(from, "+15551110000").await;
    }
    tokio::time::sleep(Duration::from_secs(5)).await;
    assert_eq!(yard.seen().len(), senders);
    yard
}

#[test]
fn an_idle_sender_costs_little() {
    // The first leaves what every other one uses again.
    kept(1);
    let bytes = (kept(MANY) - kept(FEW)) / (MANY - FEW);
    println!("{bytes} bytes for each sender and its message");
    assert!(bytes <= MOST_BYTES, "{bytes} bytes for each sender and its message");
}
