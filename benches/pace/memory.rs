//! What a sender takes of memory: one that runs and is idle, and one that does not run.
//!
//! Each is measured in a process of its own, as the growth of what is resident, so what an earlier part gave back is
//! in nobody's way. A live idle sender has sent one message; what the store in memory keeps of that is measured by
//! itself and taken off. A dormant one is its entry in the directory, and whatever else the engine keeps by number.

use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use sendyard::clock::SystemClock;
use sendyard::store::memory::MemoryStore;
use sendyard_actors::domain::fingerprint::Fingerprint;
use sendyard_actors::domain::message::{Kind, Lane};
use sendyard_actors::domain::phone::E164;
use sendyard_actors::domain::validity::Validity;
use sendyard_actors::engine::{Engine, SendRequest};

use crate::{bare, steps, yard};

/// What a process is told that is to measure one of these.
pub(crate) const CHILD: &str = "memory-of";

const DORMANT: usize = 100_000;

/// Requests at one time, so that little more than the senders themselves is ever needed.
const AT_A_TIME: usize = 100;

pub(crate) fn run() {
    let [bare, record, with_record, dormant] = ["bare", "record", "live", "dormant"].map(measured);
    println!(
        "memory of a live idle sender: {} bytes (asked ≤ 10,240), {:.2} bare ractor actors of {bare}; \
         the record of its message, {record}, is taken off",
        with_record.saturating_sub(record),
        with_record.saturating_sub(record) as f64 / bare as f64,
    );
    println!("memory of a dormant sender: {dormant} bytes (asked ≤ 400)");
}

fn measured(of: &str) -> usize {
    let this = std::env::current_exe().unwrap();
    let output = Command::new(this).args([CHILD, of]).output().unwrap();
    let printed = String::from_utf8(output.stdout).unwrap();
    printed.trim().parse().unwrap_or_else(|_| panic!("{of}: {printed:?}"))
}

/// Measures one of them and prints it, in bytes.
pub(crate) async fn run_child(of: &str) {
    let bytes = match of {
        "bare" => of_a_bare_actor().await,
        "record" => of_a_record().await,
        "live" => of_a_live_sender().await,
        "dormant" => of_a_dormant_sender().await,
        _ => panic!("what is {of}?"),
    };
    println!("{bytes}");
}

async fn of_a_bare_actor() -> usize {
    let first = bare::actors(AT_A_TIME, None).await;
    let before = resident();
    let actors = bare::actors(yard::SENDERS, None).await;
    let grown = resident() - before;
    drop((first, actors));
    grown / yard::SENDERS
}

async fn of_a_record() -> usize {
    let clock = SystemClock::start();
    let store = MemoryStore::new(Arc::new(clock));
    let before = resident();
    steps::hand_over_all(&store, clock, 1).await;
    (resident() - before) / yard::SENDERS
}

async fn of_a_live_sender() -> usize {
    let clock = SystemClock::start();
    let store = Arc::new(MemoryStore::new(Arc::new(clock)));
    let senders = yard::senders(yard::SENDERS + AT_A_TIME);
    let (first, rest) = senders.split_at(AT_A_TIME);
    let provider = Arc::default();
    let running = yard::start(yard::book(&senders, Some(yard::LIMIT)), store, &provider, clock).await;
    send_one_each(&running.engine, first).await;
    let before = resident();
    for some in rest.chunks(AT_A_TIME) {
        send_one_each(&running.engine, some).await;
    }
    // The last outcomes are recorded, and every window of the pace is over.
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert_eq!(running.engine.senders_running(), senders.len());
    assert_eq!(provider.taken(), senders.len() as u64);
    let grown = resident() - before;
    running.stop(Duration::from_secs(5)).await;
    grown / rest.len()
}

async fn send_one_each(engine: &Engine, senders: &[E164]) {
    let sends = senders.iter().map(|from| engine.send(request(*from)));
    for sent in futures::future::join_all(sends).await {
        sent.unwrap();
    }
}

fn request(from: E164) -> SendRequest {
    let (to, text): (E164, &str) = ("+16660000000".parse().unwrap(), sendyard::load::SENTENCE);
    SendRequest {
        organization: yard::ORGANIZATION,
        from,
        to,
        text: text.to_owned(),
        media: Vec::new(),
        kind: Kind::Queued,
        lane: Lane::Normal,
        key: None,
        fingerprint: Fingerprint::of(from, to, text, &[], true),
        validity: Validity::default(),
        client_reference: None,
        metadata: None,
    }
}

async fn of_a_dormant_sender() -> usize {
    let senders = yard::senders(DORMANT);
    let clock = SystemClock::start();
    let store = Arc::new(MemoryStore::new(Arc::new(clock)));
    let before = resident();
    let running = yard::start(yard::book(&senders, Some(yard::LIMIT)), store, &Arc::default(), clock).await;
    let grown = resident() - before;
    running.stop(Duration::ZERO).await;
    grown / DORMANT
}

/// What is resident of this process, in bytes; zero where there is no `/proc`.
fn resident() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap_or_default();
    let kilobytes: Option<usize> = line.split_whitespace().nth(1).and_then(|word| word.parse().ok());
    kilobytes.unwrap_or_default() * 1024
}
