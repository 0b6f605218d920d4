//! Accepted and durable on Redis, beside a bare axum endpoint with the same body and answer, and beside the least that
//! could be durable there (`minimal.rs`), with the least step and with that of the store. Generator, endpoint, engine and
//! server are each a process of their own, as they are where they are in use; they share the machine.

use std::fmt;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use sendyard::load::yardstick::accept::Bare;
use sendyard::load::yardstick::median;

use crate::accept::{self, ROUND, ROUNDS};
use crate::minimal::Minimal;
use crate::redis::Redis;
use crate::{processor, yard};

/// The first word of a process that plays a part.
pub(crate) const PART: &str = "part";

/// On a Redis server that syncs before each answer, and on one that syncs each second. `only`: on one of them.
pub(crate) fn run(only: Option<&str>) {
    let bare = Part::start(&["bare"]);
    for fsync in ["always", "everysec"].into_iter().filter(|fsync| only.is_none_or(|only| only == *fsync)) {
        for (connections, senders) in [(64, 1), (256, 1), (64, 64)] {
            measure(&bare, fsync, connections, senders);
        }
    }
}

fn measure(bare: &Part, fsync: &str, connections: usize, senders: usize) {
    let of_engine = ["engine", &senders.to_string()];
    let mut measured =
        [&of_engine[..], &["minimal"], &["whole-step"]].map(|part| Measured::start(fsync, part));
    for _ in 0..ROUNDS {
        let yardstick = Reached::by(&bare.said, connections, senders);
        for one in &mut measured {
            one.measure(yardstick, connections, senders);
        }
    }
    let [engine, minimal, whole_step] = measured.map(|one| one.figures);
    println!("accept on Redis, {fsync}, {connections} connections, {senders} senders: {engine}");
    println!("    the minimal program: {minimal}");
    println!("    the same with the store's whole step: {whole_step}");
}

/// What stores, on a server of its own.
struct Measured {
    part: Part,
    redis: Redis,
    figures: Figures,
}

impl Measured {
    /// The part that the first of these words names.
    fn start(fsync: &str, part: &[&str]) -> Self {
        let redis = Redis::start(fsync);
        let url = redis.url();
        let words: Vec<&str> = part.iter().copied().chain([url.as_str()]).collect();
        Self { part: Part::start(&words), redis, figures: Figures::default() }
    }

    fn measure(&mut self, bare: Reached, connections: usize, senders: usize) {
        let Self { part, redis, figures } = self;
        let before = (processor::time_of(part.child.id()), redis.time());
        let reached = Reached::by(&part.said, connections, senders);
        let own = processor::time_of(part.child.id()).saturating_sub(before.0);
        let server = redis.time().saturating_sub(before.1);
        let each = |took: Duration| took.as_secs_f64() * 1e6 / (reached.per_second * ROUND.as_secs_f64());
        figures.ratios.push(reached.per_second / bare.per_second);
        figures.p99_ratios.push(reached.p99_us / bare.p99_us);
        figures.per_second.push(reached.per_second);
        figures.micros.push(each(own));
        figures.micros_of_server.push(each(server));
    }
}

/// What one of them reached in each round.
#[derive(Default)]
struct Figures {
    ratios: Vec<f64>,
    p99_ratios: Vec<f64>,
    per_second: Vec<f64>,
    /// µs of processor for a message, in its process and in the server.
    micros: Vec<f64>,
    micros_of_server: Vec<f64>,
}

impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let middle = |all: &[f64]| median(all.to_vec());
        let (ratio, p99, rate) = (middle(&self.ratios), middle(&self.p99_ratios), middle(&self.per_second));
        let (own, server) = (middle(&self.micros), middle(&self.micros_of_server));
        write!(
            f,
            "{ratio:.3} of bare axum, p99 {p99:.1} times its; {rate:.0}/s here, {own:.1} µs and the server's {server:.1}"
        )
    }
}

/// What a generator reached.
#[derive(Clone, Copy)]
struct Reached {
    per_second: f64,
    p99_us: f64,
}

impl Reached {
    /// In one round, at this address.
    fn by(at: &str, connections: usize, senders: usize) -> Self {
        let generator = Part::start(&["generator", at, &connections.to_string(), &senders.to_string()]);
        let (per_second, p99_us) = generator.said.split_once(' ').expect("the generator failed");
        Self { per_second: per_second.parse().unwrap(), p99_us: p99_us.parse().unwrap() }
    }
}

/// This program once more, in a process that plays one part. Ends with its value.
struct Part {
    child: Child,
    /// Its first line: where it listens, or what it reached.
    said: String,
}

impl Part {
    fn start(words: &[&str]) -> Self {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .arg(PART)
            .args(words)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut said = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut said).unwrap();
        Self { child, said: said.trim().to_owned() }
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        let _ = self.child.wait();
    }
}

/// Plays the part that these words say, until its input ends.
pub(crate) async fn play(words: &[String]) {
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match words[..] {
        ["bare"] => {
            let bare = Bare::start().await.unwrap();
            say_and_wait(bare.addr()).await;
        }
        ["minimal", url] => {
            let minimal = Minimal::start(url).await;
            say_and_wait(minimal.addr).await;
        }
        ["whole-step", url] => {
            let minimal = Minimal::start_with_whole_step(url).await;
            say_and_wait(minimal.addr).await;
        }
        ["engine", senders, url] => {
            let (engine, _twin) = accept::engine(&yard::config_on(url, 64), senders.parse().unwrap()).await;
            say_and_wait(engine.addr()).await;
            engine.stop().await;
        }
        ["generator", at, connections, senders] => {
            let (connections, senders) = (connections.parse().unwrap(), senders.parse().unwrap());
            let reached = accept::generator(at.parse().unwrap(), connections, senders).once().await.unwrap();
            println!("{} {}", reached.per_second, reached.p99.as_micros());
        }
        _ => panic!("no such part: {words:?}"),
    }
}

async fn say_and_wait(at: SocketAddr) {
    println!("{at}");
    let until_told = || std::io::stdin().read_line(&mut String::new());
    tokio::task::spawn_blocking(until_told).await.unwrap().unwrap();
}
