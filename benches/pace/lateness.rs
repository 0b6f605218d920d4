//! How late the hand-overs of ten thousand senders begin, by the engine's own metric: from the instant at which the
//! pace allows one to the instant right before its request is written. On the embedded store, so each waits for the
//! claim that is durable; beside bare timers.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use hdrhistogram::Histogram;
use metrics::{Counter, Gauge, HistogramFn, Key, KeyName, Metadata, Recorder, SharedString, Unit};
use sendyard::clock::SystemClock;
use sendyard::store::redb::RedbStore;
use sendyard_actors::domain::phone::E164;
use tokio::time::Instant;

use crate::{bare, processor, yard};

/// The engine's metric.
const LATENESS: &str = "sendyard_hand_over_lateness_seconds";

const SECONDS: u32 = 15;

/// In these all senders start, each with work that may go.
const START: Duration = Duration::from_secs(4);

/// Each has more than it can send meanwhile.
const EACH: usize = 22;

/// Keeps the lateness in microseconds, and no other metric.
#[derive(Debug, Clone)]
struct Late(Arc<Mutex<Histogram<u64>>>);

impl Late {
    fn new() -> Self {
        Self(Arc::new(Mutex::new(Histogram::new(3).unwrap())))
    }

    fn take(&self) -> Histogram<u64> {
        let mut late = self.0.lock().unwrap();
        let taken = late.clone();
        late.reset();
        taken
    }
}

impl HistogramFn for Late {
    fn record(&self, seconds: f64) {
        let micros = Duration::from_secs_f64(seconds).as_micros();
        self.0.lock().unwrap().record(u64::try_from(micros).unwrap()).unwrap();
    }
}

impl Recorder for Late {
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
        if key.name() == LATENESS {
            metrics::Histogram::from_arc(Arc::new(self.clone()))
        } else {
            metrics::Histogram::noop()
        }
    }
}

pub(crate) async fn run() {
    let timers = bare::lateness_of_timers(SECONDS).await;
    let late = Late::new();
    metrics::set_global_recorder(late.clone()).unwrap();

    let data = tempfile::tempdir().unwrap();
    let clock = SystemClock::start();
    let store = Arc::new(RedbStore::open(data.path(), Arc::new(clock)).unwrap());
    let senders = yard::senders(yard::SENDERS);
    yard::fill(store.as_ref(), &senders, EACH).await;
    let provider = Arc::new(yard::Instantly::with_ledger());
    let running = yard::start(yard::book(&senders, Some(yard::LIMIT)), store, &provider, clock).await;
    tokio::time::sleep(START).await;
    let at_the_start = late.take();
    let (before, taken) = (processor::time(), provider.taken());
    tokio::time::sleep(Duration::from_secs(u64::from(SECONDS))).await;
    let busy = late.take();
    let cores = processor::time().saturating_sub(before).as_secs_f64() / f64::from(SECONDS);
    let rate = (provider.taken() - taken) / u64::from(SECONDS);
    running.stop(Duration::from_secs(5)).await;
    println!(
        "lateness, {} senders at {}, {rate} hand-overs a second, {cores:.2} cores with the store: p99 {} (asked ≤ 5 ms), \
         median {}, most {}; bare timers p99 {}, most {}",
        yard::SENDERS,
        yard::LIMIT,
        millis(busy.value_at_quantile(0.99)),
        millis(busy.value_at_quantile(0.5)),
        millis(busy.max()),
        millis(timers.value_at_quantile(0.99)),
        millis(timers.max()),
    );
    println!(
        "lateness in the first {START:?} of a process, all senders with work: p99 {}, median {}, most {}",
        millis(at_the_start.value_at_quantile(0.99)),
        millis(at_the_start.value_at_quantile(0.5)),
        millis(at_the_start.max()),
    );
    let (over, least) = judged(provider.ledger());
    println!(
        "windows over, as the provider saw it: {over}; the sender that used least used {least:.4} (asked ≥ 0.99)"
    );
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
