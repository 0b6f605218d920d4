//! How late the hand-overs of ten thousand senders begin, by the engine's own metric: from the instant at which the
//! pace allows one to the instant right before its request is written. On the store in memory, which is the
//! scheduling's own, and on the embedded one, where each waits for a claim that is durable; beside bare timers.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use hdrhistogram::Histogram;
use metrics::{Counter, Gauge, HistogramFn, Key, KeyName, Metadata, Recorder, SharedString, Unit};
use sendyard::clock::SystemClock;
use sendyard::store::memory::MemoryStore;
use sendyard::store::redb::RedbStore;
use sendyard_actors::domain::phone::E164;
use sendyard_actors::ports::Store;
use tokio::time::Instant;

use crate::{bare, processor, yard};

/// The engine's metric.
const LATENESS: &str = "sendyard_hand_over_lateness_seconds";

const SECONDS: u32 = 15;

/// In these all senders start, each with work that may go.
const START: Duration = Duration::from_secs(4);

/// Each has more than it can send meanwhile.
const EACH: usize = 22;

/// What is told beside it: where the time may have gone.
const STEPS: &str = "sendyard_store_step_seconds";

/// One of them, in microseconds.
#[derive(Debug, Clone)]
struct Times(Arc<Mutex<Histogram<u64>>>);

impl Times {
    fn new() -> Self {
        Self(Arc::new(Mutex::new(Histogram::new(3).unwrap())))
    }

    fn take(&self) -> Histogram<u64> {
        let mut times = self.0.lock().unwrap();
        let taken = times.clone();
        times.reset();
        taken
    }
}

impl HistogramFn for Times {
    fn record(&self, seconds: f64) {
        let micros = Duration::from_secs_f64(seconds).as_micros();
        self.0.lock().unwrap().record(u64::try_from(micros).unwrap()).unwrap();
    }
}

/// Keeps the lateness and the times of the store's claims, and no other metric.
#[derive(Debug, Clone)]
struct Kept {
    late: Times,
    claims: Times,
}

impl Recorder for Kept {
    fn describe_counter(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn describe_gauge(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn describe_histogram(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn register_counter(&self, _: &Key, _: &Metadata<'_>) -> Counter {
        Counter::noop()
    }

    fn register_gauge(&self, _: &Key, _: &Metadata<'_>) -> Gauge {
        Gauge::noop()
    }

    fn register_histogram(&self, key: &Key, _: &Metadata<'_>) -> metrics::Histogram {
        let of_claims = key.labels().any(|label| label.value() == "claim");
        match key.name() {
            LATENESS => metrics::Histogram::from_arc(Arc::new(self.late.clone())),
            STEPS if of_claims => metrics::Histogram::from_arc(Arc::new(self.claims.clone())),
            _ => metrics::Histogram::noop(),
        }
    }
}

pub(crate) async fn run() {
    let timers = bare::lateness_of_timers(SECONDS).await;
    println!("bare timers: {}", told(&timers));
    let kept = Kept { late: Times::new(), claims: Times::new() };
    metrics::set_global_recorder(kept.clone()).unwrap();
    let clock = SystemClock::start();
    of_store("in memory", Arc::new(MemoryStore::new(Arc::new(clock))), clock, &kept).await;
    let data = tempfile::tempdir().unwrap();
    let embedded = Arc::new(RedbStore::open(data.path(), Arc::new(clock)).unwrap());
    of_store("embedded", embedded, clock, &kept).await;
}

async fn of_store(name: &str, store: Arc<dyn Store>, clock: SystemClock, kept: &Kept) {
    let senders = yard::senders(yard::SENDERS);
    yard::fill(store.as_ref(), &senders, EACH).await;
    let provider = Arc::new(yard::Instantly::with_ledger());
    let running = yard::start(yard::book(&senders, Some(yard::LIMIT)), store, &provider, clock).await;
    tokio::time::sleep(START).await;
    let at_the_start = kept.late.take();
    kept.claims.take();
    let (before, taken) = (processor::time(), provider.taken());
    tokio::time::sleep(Duration::from_secs(u64::from(SECONDS))).await;
    let (busy, claims) = (kept.late.take(), kept.claims.take());
    let cores = processor::time().saturating_sub(before).as_secs_f64() / f64::from(SECONDS);
    let rate = (provider.taken() - taken) / u64::from(SECONDS);
    running.stop(Duration::from_secs(5)).await;
    println!(
        "store {name}, {} senders at {}, {rate} hand-overs a second, {cores:.2} cores:",
        yard::SENDERS,
        yard::LIMIT
    );
    println!("  lateness {} (asked: p99 ≤ 5 ms)", told(&busy));
    println!("  of this, claims in the store {}", told(&claims));
    println!(
        "  lateness in the first {START:?} of a process, all senders with work: {}",
        told(&at_the_start)
    );
    let (over, least) = judged(provider.ledger());
    println!(
        "  windows over, as the provider saw it: {over}; the sender that used least used {least:.4} (asked ≥ 0.99)"
    );
}

fn told(micros: &Histogram<u64>) -> String {
    let [p99, median] = [0.99, 0.5].map(|quantile| millis(micros.value_at_quantile(quantile)));
    format!("p99 {p99}, median {median}, most {}", millis(micros.max()))
}

/// By the provider's instants, of senders at 1/s: how many follow another within a second, and the part of its limit
/// that the one used that used least, from the first hand-over to its last.
fn judged(ledger: Vec<(E164, Instant)>) -> (usize, f64) {
    let second = Duration::from_secs(1);
    let mut by_sender: HashMap<E164, Vec<Instant>> = HashMap::new();
    for (sender, at) in ledger {
        by_sender.entry(sender).or_default().push(at);
    }
    let (mut over, mut least) = (0, 1.0_f64);
    for instants in by_sender.into_values() {
        over += instants
            .windows(2)
            .filter(|pair| matches!(pair, [a, b] if b.duration_since(*a) < second))
            .count();
        if let [first, .., last] = instants.as_slice() {
            let earliest = (instants.len() - 1) as f64;
            least = least.min(earliest / last.duration_since(*first).as_secs_f64());
        }
    }
    (over, least)
}

fn millis(micros: u64) -> String {
    format!("{:.1} ms", micros as f64 / 1000.0)
}
