//! Generator, endpoint and store each in a process of their own, as they are where they are in use.

use std::io::{BufRead, BufReader, Write};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use sendyard::boot;
use sendyard::load::yardstick::accept::Bare;
use sendyard::load::yardstick::median;
use sendyard::load::yardstick::wire::closed_loop;
use sendyard::load::{Length, Numbers, SENTENCE};
use sendyard::twin::{self, TwinOptions};
use serde_json::json;

use crate::minimal::Minimal;
use crate::redis::Redis;
use crate::yard;

/// A process of this program's that plays one part. Ends with its value.
pub(crate) struct Part {
    child: Child,
    said: String,
}

impl Part {
    fn start(words: &[&str]) -> Self {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .arg("part")
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

fn until_told() {
    let _ = std::io::stdin().read_line(&mut String::new());
}

/// Plays the part that these words say.
pub(crate) async fn play(words: &[String]) {
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match words[..] {
        ["bare"] => {
            let bare = Bare::start().await.unwrap();
            println!("{}", bare.addr());
            tokio::task::spawn_blocking(until_told).await.unwrap();
        }
        ["minimal", url] => {
            let minimal = Minimal::start(url).await;
            println!("{}", minimal.addr);
            tokio::task::spawn_blocking(until_told).await.unwrap();
        }
        ["engine", url, senders] => {
            let twin = twin::start("127.0.0.1:0".parse().unwrap(), TwinOptions::default()).await.unwrap();
            let directory = yard::directory(twin.addr(), senders.parse().unwrap(), r#"["1/10min"]"#);
            let (config, directory) = yard::parse(&yard::config_on(url, 64), &directory);
            let engine = boot::start(config, directory).await.unwrap();
            yard::until_ready(engine.addr()).await;
            println!("{}", engine.addr());
            tokio::task::spawn_blocking(until_told).await.unwrap();
            engine.stop().await;
        }
        ["generator", at, connections, senders] => {
            let at: SocketAddr = at.parse().unwrap();
            let senders = Numbers::first_senders(senders.parse().unwrap());
            let recipients = Numbers::recipients("+16660000001").unwrap();
            let request = |connection: usize| {
                let body = json!({"from_phone_number": senders.nth(connection), "to_phone_number": recipients.nth(connection / senders.count()), "message": SENTENCE}).to_string();
                format!("POST /sms/send HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer {}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}", yard::KEY, body.len()).into_bytes()
            };
            let reached = closed_loop(
                at,
                connections.parse().unwrap(),
                Length::Lasting(Duration::from_secs(3)),
                request,
            )
            .await
            .unwrap();
            println!("{} {}", reached.per_second, reached.p99.as_micros());
            let _ = std::io::stdout().flush();
        }
        _ => panic!("no such part"),
    }
}

fn reach(at: &str, connections: usize, senders: usize) -> (f64, f64) {
    let part = Part::start(&["generator", at, &connections.to_string(), &senders.to_string()]);
    let (rate, p99) = part.said.split_once(' ').unwrap();
    (rate.parse().unwrap(), p99.parse().unwrap())
}

pub(crate) fn run(fsyncs: &[&str]) {
    let only: Option<usize> = std::env::var("ONLY").ok().and_then(|n| n.parse().ok());
    let bare = Part::start(&["bare"]);
    for fsync in fsyncs {
        for (connections, senders) in [(64, 1), (256, 1), (64, 64)]
            .into_iter()
            .enumerate()
            .filter(|(n, _)| only.is_none_or(|o| o == *n))
            .map(|(_, c)| c)
        {
            let (one, other) = (Redis::start(fsync), Redis::start(fsync));
            let minimal = Part::start(&["minimal", &one.url()]);
            let engine = Part::start(&["engine", &other.url(), &senders.to_string()]);
            let (mut rounds, mut least) = (Vec::new(), Vec::new());
            for _ in 0..5 {
                let b = reach(&bare.said, connections, senders);
                let m = if std::env::var("NOMIN").is_ok() {
                    b
                } else {
                    reach(&minimal.said, connections, senders)
                };
                let (c, r) = (cpu(engine.child.id()), cpu(redis_of(&other)));
                let e = reach(&engine.said, connections, senders);
                let each = |from: f64, to: f64| (to - from) / (e.0 * 3.0) * 1e6;
                println!(
                    "   bare {:.0} {:.0}, minimal {:.0} {:.0}, engine {:.0} {:.0}; engine {:.1} us, redis {:.1} us, all {:.1}",
                    b.0,
                    b.1,
                    m.0,
                    m.1,
                    e.0,
                    e.1,
                    each(c, cpu(engine.child.id())),
                    each(r, cpu(redis_of(&other))),
                    2e6 / e.0
                );
                rounds.push((e.0 / b.0, e.1 / b.1));
                least.push((m.0 / b.0, m.1 / b.1));
            }
            let of = |all: &[(f64, f64)]| {
                (median(all.iter().map(|r| r.0).collect()), median(all.iter().map(|r| r.1).collect()))
            };
            println!(
                "apart, {fsync}, {connections} connections, {senders} senders: engine {:?}, minimal {:?}",
                of(&rounds),
                of(&least)
            );
        }
    }
}

fn cpu(pid: u32) -> f64 {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    let f: Vec<&str> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
    (f[11].parse::<f64>().unwrap() + f[12].parse::<f64>().unwrap()) / 100.0
}

fn redis_of(redis: &Redis) -> u32 {
    let shell = redis.holder.id();
    let children = std::fs::read_to_string(format!("/proc/{shell}/task/{shell}/children")).unwrap();
    children
        .split_whitespace()
        .filter_map(|c| c.parse().ok())
        .find(|pid: &u32| std::fs::read_to_string(format!("/proc/{pid}/comm")).unwrap().starts_with("redis"))
        .unwrap()
}
