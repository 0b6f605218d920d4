//! A start after SIGKILL with a million messages queued: how soon the first goes, in how much memory.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use sendyard::store::redis::RedisStore;
use sendyard::twin::{self, RunningTwin, TwinOptions};
use sendyard_actors::domain::ids::ProviderKind;
use tokio::time::Instant;

use crate::redis::Redis;
use crate::{hand_over, yard};

const MESSAGES: usize = 1_000_000;
const SENDERS: usize = 100;

/// Of these many senders each has so many messages when a process of two is killed.
const MANY_SENDERS: usize = 10_000;
const EACH: usize = 20;

/// On the embedded store.
pub(crate) async fn run() {
    let home = tempfile::tempdir().unwrap();
    let data = home.path().join("data");
    hand_over::fill(&data, MESSAGES, SENDERS).await;
    let yard = Yard::start(home.path(), &yard::config(&data, 64), SENDERS, "10/s").await;
    yard.killed_and_started("embedded").await;
}

/// On Redis, each message with a key and 160 characters: also how much of its memory one takes, with a body frozen for
/// Telnyx and without.
pub(crate) async fn run_on_redis() {
    for provider in [ProviderKind::Telnyx, ProviderKind::Twilio] {
        let redis = Redis::start("everysec");
        let store = RedisStore::open(&redis.url(), 0).unwrap();
        store.check().await.unwrap();
        let empty = redis.memory().await;
        yard::fill(&store, MESSAGES, SENDERS, Some(provider)).await;
        drop(store);
        let bytes = (redis.memory().await - empty) as f64 / MESSAGES as f64;
        println!(
            "backlog of {MESSAGES} on Redis through {provider}: {bytes:.0} bytes of its memory for each message"
        );
        if provider == ProviderKind::Twilio {
            let home = tempfile::tempdir().unwrap();
            let yard = Yard::start(home.path(), &yard::config_on(&redis.url(), 64), SENDERS, "10/s").await;
            yard.killed_and_started("Redis").await;
        }
    }
}

/// Two processes on one Redis server, of which one is killed: how soon the other works for all senders.
pub(crate) async fn run_taken_over() {
    let home = tempfile::tempdir().unwrap();
    let redis = Redis::start("always");
    let store = RedisStore::open(&redis.url(), 0).unwrap();
    store.check().await.unwrap();
    yard::fill(&store, MANY_SENDERS * EACH, MANY_SENDERS, None).await;
    drop(store);
    let config = yard::config_on(&redis.url(), 64);
    let yard = Yard::start(home.path(), &config, MANY_SENDERS, "1/20s").await;
    let (at_first, at_second) = (free_address(), free_address());
    let mut first = yard.serve_at(&at_first);
    let mut second = yard.serve_at(&at_second);
    let seen = async |at: &str| {
        (
            metric(at, "sendyard_shards{state=\"owned\"}").await,
            metric(at, "sendyard_senders{state=\"live\"}").await,
        )
    };
    while seen(&at_first).await.1 + seen(&at_second).await.1 < MANY_SENDERS {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    println!("before: {:?} and {:?} (shards, senders)", seen(&at_first).await, seen(&at_second).await);
    first.kill().unwrap();
    let killed = Instant::now();
    first.wait().unwrap();
    let mut shards = None;
    loop {
        let now = seen(&at_second).await;
        if now.0 == 256 && shards.is_none() {
            shards = Some(killed.elapsed());
        }
        if now.1 == MANY_SENDERS {
            break;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    println!(
        "taken over after SIGKILL: all shards after {:.2} s, all {MANY_SENDERS} senders at work after {:.2} s",
        shards.unwrap_or_default().as_secs_f64(),
        killed.elapsed().as_secs_f64()
    );
    second.kill().unwrap();
    second.wait().unwrap();
    yard.twin.stop().await;
}

/// An address that nobody listens on at this moment.
fn free_address() -> String {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().to_string()
}

/// A gauge of a process; zero while it does not answer.
async fn metric(at: &str, name: &str) -> usize {
    let Ok(answer) = reqwest::get(format!("http://{at}/metrics")).await else { return 0 };
    let text = answer.text().await.unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix(name));
    line.and_then(|value| value.trim().parse().ok()).unwrap_or(0)
}

/// A twin, and the configuration of an engine that sends to it.
struct Yard {
    twin: RunningTwin,
    config: PathBuf,
}

impl Yard {
    async fn start(home: &Path, config: &str, senders: usize, limit: &str) -> Self {
        let twin = twin::start("127.0.0.1:0".parse().unwrap(), TwinOptions::default()).await.unwrap();
        let directory = home.join("directory.toml");
        let limits = format!("[\"{limit}\"]");
        std::fs::write(&directory, yard::directory(twin.addr(), senders, &limits)).unwrap();
        let path = home.join("sendyard.toml");
        let text = format!("{config}[directory]\nfile = \"{}\"\n", directory.display());
        std::fs::write(&path, text).unwrap();
        Self { twin, config: path }
    }

    async fn killed_and_started(self, store: &str) {
        let mut first = self.serve();
        self.until_handed_over(0).await;
        first.kill().unwrap();
        first.wait().unwrap();

        // What the killed process had in the socket arrives first, and its leases run out.
        tokio::time::sleep(Duration::from_secs(5)).await;
        let before = self.handed_over().await;
        let start = Instant::now();
        let mut second = self.serve();
        self.until_handed_over(before).await;
        let took = start.elapsed();
        tokio::time::sleep(Duration::from_secs(10)).await;
        let peak = peak_memory(second.id());
        second.kill().unwrap();
        second.wait().unwrap();
        println!(
            "backlog of {MESSAGES} on {store}: first hand-over {:.2} s after a start after SIGKILL, {peak} MiB at the most",
            took.as_secs_f64()
        );
        self.twin.stop().await;
    }

    /// With its API and its metrics there.
    fn serve_at(&self, address: &str) -> Child {
        let mut command = self.command();
        command.env("SENDYARD__HTTP__LISTEN", address);
        command.spawn().unwrap()
    }

    fn serve(&self) -> Child {
        self.command().spawn().unwrap()
    }

    fn command(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_sendyard"));
        command.args(["serve", "--config"]).arg(&self.config).stdout(Stdio::null()).stderr(Stdio::null());
        command
    }

    async fn handed_over(&self) -> usize {
        let url = format!("http://{}/_twin/ledger?limit=100000", self.twin.control_addr());
        reqwest::get(url).await.unwrap().text().await.unwrap().lines().count()
    }

    async fn until_handed_over(&self, before: usize) {
        while self.handed_over().await <= before {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}

fn peak_memory(process: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
    let kib: u64 = line.split_whitespace().nth(1).unwrap().parse().unwrap();
    kib / 1024
}
