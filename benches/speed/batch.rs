//! Messages in batches beside messages sent alone: both accepted and durable, on the same engine, in turn.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use sendyard::boot;
use sendyard::load::yardstick::{median, wire};
use sendyard::load::{Length, Numbers, SENTENCE};
use sendyard::twin::{self, TwinOptions};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::redis::Redis;
use crate::{processor, yard};

const ROUNDS: usize = 5;
const ROUND: Duration = Duration::from_secs(2);

/// Connections that send alone, as `accept` has them.
const CONNECTIONS: usize = 64;

/// Batches at one time: what the server takes.
const BATCHES: usize = 4;

/// Messages of each batch.
const OF_BATCH: usize = 1000;

/// On the embedded store.
pub(crate) async fn run() {
    for senders in [1, 64] {
        let data = tempfile::tempdir().unwrap();
        measure("embedded", &yard::config(data.path(), 64), senders).await;
    }
}

/// On a Redis server that syncs before each answer.
pub(crate) async fn run_on_redis() {
    for senders in [1, 64] {
        let redis = Redis::start("always");
        measure("Redis, always", &yard::config_on(&redis.url(), 64), senders).await;
    }
}

async fn measure(store: &str, config: &str, senders: usize) {
    let twin = twin::start("127.0.0.1:0".parse().unwrap(), TwinOptions::default()).await.unwrap();
    // One in ten minutes: what is measured is acceptance, not hand-over.
    let directory = yard::directory(twin.addr(), senders, r#"["1/10min"]"#);
    let (config, directory) = yard::parse(config, &directory);
    let engine = boot::start(config, directory).await.unwrap();
    yard::until_ready(engine.addr()).await;
    let numbers = Numbers::first_senders(senders);
    let mut rounds = Vec::new();
    for _ in 0..ROUNDS {
        let alone = alone(engine.addr(), &numbers).await;
        let cpu = processor::time();
        let (messages, in_batches) = in_batches(engine.addr(), &numbers).await;
        let used = processor::time().saturating_sub(cpu);
        let each = used.as_secs_f64() * 1e6 / messages as f64;
        rounds.push((in_batches / alone, alone, in_batches, each));
    }
    println!(
        "batch on {store}, {senders} senders: {BATCHES} batches of {OF_BATCH} at a time reach {:.2} times the messages of \
         {CONNECTIONS} connections that send alone; {:.0}/s to {:.0}/s here, {:.1} µs of processor each",
        median(rounds.iter().map(|round| round.0).collect()),
        median(rounds.iter().map(|round| round.2).collect()),
        median(rounds.iter().map(|round| round.1).collect()),
        median(rounds.iter().map(|round| round.3).collect()),
    );
    engine.stop().await;
    twin.stop().await;
}

fn message(senders: &Numbers, nth: usize) -> Value {
    json!({
        "from_phone_number": senders.nth(nth),
        "to_phone_number": format!("+1666{nth:07}"),
        "message": SENTENCE,
    })
}

fn request(path: &str, body: &str) -> Vec<u8> {
    format!(
        "POST {path} HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer {}\r\nContent-Type: application/json\r\n\
         Content-Length: {}\r\n\r\n{body}",
        yard::KEY,
        body.len()
    )
    .into_bytes()
}

/// Messages in a second, each a request.
async fn alone(server: SocketAddr, senders: &Numbers) -> f64 {
    // To the same recipients: each has a row of its own kind, and where that lies is a part of the cost.
    let one = |n| request("/sms/send", &message(senders, n % (BATCHES * OF_BATCH)).to_string());
    wire::closed_loop(server, CONNECTIONS, Length::Lasting(ROUND), one).await.unwrap().per_second
}

/// Messages, and messages in a second.
async fn in_batches(server: SocketAddr, senders: &Numbers) -> (u64, f64) {
    let (start, sent) = (Instant::now(), Arc::new(AtomicU64::new(0)));
    let mut connections = JoinSet::new();
    for n in 0..BATCHES {
        let all: Vec<Value> = (0..OF_BATCH).map(|place| message(senders, n * OF_BATCH + place)).collect();
        let request = request("/v1/messages/batch", &json!(all).to_string());
        connections.spawn(connection(server, request, start, Arc::clone(&sent)));
    }
    connections.join_all().await;
    let sent = sent.load(Ordering::Relaxed);
    (sent, sent as f64 / start.elapsed().as_secs_f64())
}

async fn connection(server: SocketAddr, request: Vec<u8>, start: Instant, sent: Arc<AtomicU64>) {
    let mut stream = TcpStream::connect(server).await.unwrap();
    stream.set_nodelay(true).unwrap();
    let mut answer = vec![0; 1024 * 1024];
    while start.elapsed() < ROUND {
        stream.write_all(&request).await.unwrap();
        let mut filled = 0;
        let mut whole = usize::MAX;
        while filled < whole {
            let read = stream.read(&mut answer[filled..]).await.unwrap();
            assert!(read > 0, "the server ended");
            filled += read;
            if whole == usize::MAX {
                whole = length_of(&answer[..filled]);
            }
        }
        let all_are_in = format!("\"accepted\":{OF_BATCH},\"refused\":0,");
        let text = String::from_utf8_lossy(&answer[..filled.min(512)]);
        assert!(text.contains(&all_are_in), "{text}");
        sent.fetch_add(OF_BATCH as u64, Ordering::Relaxed);
    }
}

/// Of head and body together, once the head is there.
fn length_of(answer: &[u8]) -> usize {
    let text = String::from_utf8_lossy(&answer[..answer.len().min(1024)]).to_ascii_lowercase();
    let Some(head) = text.find("\r\n\r\n") else { return usize::MAX };
    let length = text.split("content-length: ").nth(1).and_then(|rest| rest.lines().next());
    head + 4 + length.unwrap().parse::<usize>().unwrap()
}
