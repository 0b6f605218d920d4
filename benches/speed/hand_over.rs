//! Handed over with every durable transition, beside a bare reqwest loop against the same twin.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use sendyard::boot;
use sendyard::clock::SystemClock;
use sendyard::load::Numbers;
use sendyard::load::yardstick::{hand_over, median};
use sendyard::providers::http_client;
use sendyard::store::redb::RedbStore;
use sendyard::store::redis::RedisStore;
use sendyard::twin::{self, TwinOptions};
use tokio::time::Instant;

use crate::redis::Redis;
use crate::{processor, yard};

const ROUNDS: usize = 3;

/// Latency of the provider in milliseconds, places, messages, senders.
type Case = (u64, usize, usize, usize);

const CASES: [Case; 3] = [(0, 64, 20_000, 10), (50, 1000, 80_000, 10), (0, 64, 20_000, 100)];

/// On the embedded store. `only`: at this latency alone.
pub(crate) async fn run(only: Option<u64>) {
    run_on(On::Embedded, only).await;
}

/// On a Redis server that syncs before each answer.
pub(crate) async fn run_on_redis() {
    run_on(On::Redis, None).await;
}

#[derive(Clone, Copy)]
enum On {
    Embedded,
    Redis,
}

async fn run_on(on: On, only: Option<u64>) {
    let store = match on {
        On::Embedded => "",
        On::Redis => " on Redis",
    };
    let cases = CASES.into_iter().filter(|(latency, ..)| only.is_none_or(|only| *latency == only));
    for (latency_ms, places, messages, senders) in cases {
        let mut ratios = Vec::new();
        let mut rates = Vec::new();
        let mut bare_costs = Vec::new();
        let mut costs = Vec::new();
        for _ in 0..ROUNDS {
            let twin = twin::start("127.0.0.1:0".parse().unwrap(), TwinOptions::default()).await.unwrap();
            set_latency(twin.control_addr(), latency_ms).await;
            let url = format!("http://{}", twin.addr()).parse().unwrap();
            let client = http_client(places).unwrap();
            let numbers = Numbers::first_senders(senders);
            let before = processor::time();
            let yardstick = hand_over::bare(client, &url, places, messages, &numbers).await.unwrap();
            bare_costs.push(micros_each(processor::time().saturating_sub(before), messages));
            let (ours, cost) = match on {
                On::Embedded => ours(twin.addr(), places, messages, senders).await,
                On::Redis => ours_on_redis(twin.addr(), places, messages, senders).await,
            };
            ratios.push(ours / yardstick);
            rates.push(ours);
            costs.push(cost);
            twin.stop().await;
        }
        println!(
            "hand-over{store}, provider at {latency_ms} ms, {places} places, {senders} senders: {:.3} of bare reqwest; {:.0}/s here; \
             {:.1} µs of processor each, the twin's among them, the bare loop's {:.1}",
            median(ratios),
            median(rates),
            median(costs),
            median(bare_costs)
        );
    }
}

async fn set_latency(control: SocketAddr, latency_ms: u64) {
    let faults = format!(r#"{{"rules":[{{"latency_ms":{latency_ms}}}]}}"#);
    let client = reqwest::Client::new();
    let url = format!("http://{control}/_twin/faults");
    let answer =
        client.put(url).header("content-type", "application/json").body(faults).send().await.unwrap();
    assert!(answer.status().is_success(), "{}", answer.text().await.unwrap());
}

fn micros_each(time: Duration, messages: usize) -> f64 {
    time.as_secs_f64() * 1e6 / messages as f64
}

async fn ours(twin: SocketAddr, places: usize, messages: usize, senders: usize) -> (f64, f64) {
    let data = tempfile::tempdir().unwrap();
    fill(data.path(), messages, senders).await;
    drain(twin, &yard::config(data.path(), places), messages, senders).await
}

async fn ours_on_redis(twin: SocketAddr, places: usize, messages: usize, senders: usize) -> (f64, f64) {
    let redis = Redis::start("always");
    let store = RedisStore::open(&redis.url(), 0).unwrap();
    store.check().await.unwrap();
    yard::fill(&store, messages, senders, None).await;
    drain(twin, &yard::config_on(&redis.url(), places), messages, senders).await
}

/// Of a store that holds the messages already; measured from the start of the engine to the last one. Messages a
/// second, and microseconds of this process' time for each.
async fn drain(twin: SocketAddr, config: &str, messages: usize, senders: usize) -> (f64, f64) {
    let directory = yard::directory(twin, senders, "[]");
    let (config, directory) = yard::parse(config, &directory);
    let before = processor::time();
    let start = Instant::now();
    let engine = boot::start(config, directory).await.unwrap();
    let client = reqwest::Client::new();
    loop {
        let stats = client.get(format!("http://{}/sms/queue/stats", engine.addr()));
        let stats = stats.bearer_auth(yard::KEY).send().await.unwrap();
        let stats: serde_json::Value = stats.json().await.unwrap();
        if stats["completed_last_hour"].as_u64() == Some(messages as u64) {
            break;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let took = start.elapsed();
    let cost = micros_each(processor::time().saturating_sub(before), messages);
    engine.stop().await;
    (messages as f64 / took.as_secs_f64(), cost)
}

/// An embedded store with messages in its queue.
pub(crate) async fn fill(data: &std::path::Path, messages: usize, senders: usize) {
    let store = RedbStore::open(data, Arc::new(SystemClock::start())).unwrap();
    yard::fill(&store, messages, senders, None).await;
}
