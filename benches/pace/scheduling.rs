//! Ten thousand senders at one a second: the processor time of it.
//!
//! In the figure is all that the engine does from a timer to the record of the outcome: wake-up, choice, pace, place,
//! claim, last check, the attempt's task, its end; the sweeper beside it. Not in it: a provider (it answers at once),
//! a disk, the recording of metrics. The store in memory does its steps on the same threads, so what they cost by
//! themselves is measured too, and the scheduling is the rest.

use std::sync::Arc;
use std::time::Duration;

use sendyard::clock::SystemClock;
use sendyard::store::memory::MemoryStore;
use tokio::time::Instant;

use crate::{bare, steps, yard};

const SECONDS: u32 = 15;

/// Until all senders run and nobody is behind any more.
const WARM_UP: Duration = Duration::from_secs(4);

/// Each has more than it can send meanwhile.
const EACH: usize = 22;

pub(crate) async fn run() {
    let waking = bare::cost_of_a_waking(SECONDS).await;
    let steps = steps::cost_of_a_hand_over(5).await;
    let (rate, cost) = hand_overs().await;
    let alone = cost.saturating_sub(steps);
    let cores = alone.as_secs_f64() * yard::SENDERS as f64;
    println!(
        "scheduling, {} senders at {}, {rate:.0} hand-overs a second: {:.1} µs of processor each, of which the store's \
         two steps take {:.1}; so the scheduling {:.1} µs, {:.1} times the waking of a bare actor ({:.1} µs)",
        yard::SENDERS,
        yard::LIMIT,
        micros(cost),
        micros(steps),
        micros(alone),
        alone.as_secs_f64() / waking.as_secs_f64(),
        micros(waking),
    );
    println!(
        "scheduling of 10,000 senders at 1/s: {cores:.3} cores (asked ≤ 0.1); with the store's steps {:.3}; \
         waking bare actors {:.3}",
        cost.as_secs_f64() * yard::SENDERS as f64,
        waking.as_secs_f64() * yard::SENDERS as f64,
    );
}

fn micros(of: Duration) -> f64 {
    of.as_secs_f64() * 1e6
}

/// Hand-overs a second, and the processor time of each.
async fn hand_overs() -> (f64, Duration) {
    let clock = SystemClock::start();
    let store = Arc::new(MemoryStore::new(Arc::new(clock)));
    let senders = yard::senders(yard::SENDERS);
    yard::fill(store.as_ref(), &senders, EACH).await;
    let provider = Arc::default();
    let running = yard::start(yard::book(&senders), store, &provider, clock).await;
    tokio::time::sleep(WARM_UP).await;
    let (start, before, taken) = (Instant::now(), yard::processor_time(), provider.taken());
    tokio::time::sleep(Duration::from_secs(u64::from(SECONDS))).await;
    let took = yard::processor_time().saturating_sub(before);
    let taken = provider.taken() - taken;
    let rate = taken as f64 / start.elapsed().as_secs_f64();
    running.stop(Duration::from_secs(5)).await;
    (rate, took / u32::try_from(taken.max(1)).unwrap())
}
