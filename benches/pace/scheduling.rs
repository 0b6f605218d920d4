//! Ten thousand senders at one a second: the processor time of it, and how much of that the pace costs.
//!
//! The whole of a hand-over is all that the engine does from a timer to the record of the outcome: wake-up, choice, pace,
//! place, claim, last check, the attempt's task, its end; the sweeper beside it; and the steps of the store in memory,
//! which are done on the same threads. Not in it: a provider (it answers at once), a disk, the recording of metrics.
//! The same messages of the same senders without limits, each with one place, so that it claims them one by one as
//! well, need all of that but for being scheduled: the difference is the scheduling, the median of three rounds. What is
//! saved by claiming several at a time, which only who is not paced can, is told beside it, as are the store's two
//! steps by themselves and a bare actor that a timer wakes.

use std::sync::Arc;
use std::time::Duration;

use sendyard::clock::SystemClock;
use sendyard::store::memory::MemoryStore;
use sendyard_actors::domain::tuning::Tuning;
use sendyard_actors::ports::Store;
use tokio::time::Instant;

use crate::{bare, processor, steps, yard};

const SECONDS: u32 = 8;

const ROUNDS: usize = 3;

/// Until all senders run and nobody is behind any more.
const WARM_UP: Duration = Duration::from_secs(4);

/// Each has more than it can send meanwhile.
const EACH: usize = 22;

pub(crate) async fn run() {
    let waking = bare::cost_of_a_waking(SECONDS).await;
    let steps = steps::cost_of_a_hand_over(5).await;
    let several = without_limits(None).await;
    let mut rounds = Vec::with_capacity(ROUNDS);
    for _ in 0..ROUNDS {
        let one_by_one = without_limits(Some(1)).await;
        let (rate, paced) = hand_overs().await;
        println!(
            "a scheduled hand-over, {} senders at {}, {rate:.0} a second: {:.1} µs of processor; without limits, one by one, \
             {:.1}",
            yard::SENDERS,
            yard::LIMIT,
            micros(paced),
            micros(one_by_one),
        );
        rounds.push((paced.saturating_sub(one_by_one), paced));
    }
    rounds.sort_unstable();
    let Some(&(alone, paced)) = rounds.get(ROUNDS / 2) else { return };
    println!(
        "the scheduling of 10,000 senders at 1/s: {:.3} cores (asked ≤ 0.1), {:.1} times the waking of bare actors \
         ({:.3}); with claiming one by one, where several are claimed at a time without limits, {:.3}; with handing over \
         and the store {:.3}, of which the store's two steps are {:.3}",
        cores(alone),
        alone.as_secs_f64() / waking.as_secs_f64(),
        cores(waking),
        cores(paced.saturating_sub(several)),
        cores(paced),
        cores(steps),
    );
}

/// Of ten thousand a second.
fn cores(each: Duration) -> f64 {
    each.as_secs_f64() * yard::SENDERS as f64
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
    let running = yard::start(yard::book(&senders, Some(yard::LIMIT)), store, &provider, clock).await;
    tokio::time::sleep(WARM_UP).await;
    let (start, before, taken) = (Instant::now(), processor::time(), provider.taken());
    tokio::time::sleep(Duration::from_secs(u64::from(SECONDS))).await;
    let took = processor::time().saturating_sub(before);
    let taken = provider.taken() - taken;
    let rate = taken as f64 / start.elapsed().as_secs_f64();
    running.stop(Duration::from_secs(5)).await;
    (rate, took / u32::try_from(taken.max(1)).unwrap())
}

/// The processor time of each hand-over where nothing is scheduled. `places`: of each sender, if it has fewer than
/// its account.
async fn without_limits(places: Option<u16>) -> Duration {
    let clock = SystemClock::start();
    let store = Arc::new(MemoryStore::new(Arc::new(clock)));
    let senders = yard::senders(yard::SENDERS);
    yard::fill(store.as_ref(), &senders, EACH).await;
    for sender in senders.iter().filter(|_| places.is_some()) {
        let tuning = Tuning { generation: 1, places, ..Tuning::default() };
        assert!(store.tune(*sender, tuning).await.unwrap());
    }
    let all = u64::try_from(senders.len() * EACH).unwrap();
    let provider: Arc<yard::Instantly> = Arc::default();
    let before = processor::time();
    let running = yard::start(yard::book(&senders, None), store, &provider, clock).await;
    while provider.taken() < all {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    running.stop(Duration::from_secs(5)).await;
    processor::time().saturating_sub(before) / u32::try_from(all).unwrap()
}
