//! The adaptive engine in real time: a number with 100/s configured against a twin that takes less and does not tell,
//! a limit that doubles or halves ten times on the way. What was taken of what the twin would take, and what was refused.
//!
//! Judged by the twin's ledger alone. It needs little processor: the four settings run beside each other.

use std::collections::HashSet;
use std::net::SocketAddr;
use std::time::{Duration, SystemTime};

use reqwest::Client;
use sendyard::boot;
use sendyard::load::of_length;
use sendyard::twin::{self, TwinOptions};
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::yard;

const CONFIGURED: u64 = 100;

/// What the twin takes a second, in turn.
const LIMITS: [u64; 10] = [20, 40, 20, 10, 20, 40, 80, 160, 80, 40];

/// So many messages wait at any time.
const WAITING: usize = 300;

/// What is left when the last turn is over has so long.
const PATIENCE: Duration = Duration::from_mins(2);

const SENDER: &str = "+15550000000";
const SECOND_US: u64 = 1_000_000;

#[derive(Clone, Copy)]
struct Case {
    name: &'static str,
    counts: &'static str,
    retry_after: Option<u64>,
    /// Messages have from one segment to this many.
    largest: usize,
}

const CASES: [Case; 4] = [
    Case { name: "sliding second", counts: "sliding_second", retry_after: None, largest: 1 },
    Case { name: "the same, Retry-After: 1", counts: "sliding_second", retry_after: Some(1), largest: 1 },
    Case { name: "the same, 1 to 3 segments", counts: "sliding_second", retry_after: None, largest: 3 },
    Case { name: "token bucket", counts: "token_bucket", retry_after: None, largest: 1 },
];

/// Ten turns of this length.
pub(crate) async fn run(turn: Duration) {
    let [first, second, third, fourth] = CASES;
    tokio::join!(measure(first, turn), measure(second, turn), measure(third, turn), measure(fourth, turn));
}

async fn measure(case: Case, turn: Duration) {
    let twin = twin::start("127.0.0.1:0".parse().unwrap(), TwinOptions::default()).await.unwrap();
    let data = tempfile::tempdir().unwrap();
    let directory = yard::directory(twin.addr(), 1, &format!("[\"{CONFIGURED}/s\"]")).replace(
        "provider = \"twilio\"",
        // Its refusal of a number's pace names no time of its own.
        "provider = \"telnyx\"",
    );
    let directory = directory.replace(
        "{ account_sid = \"AC00000000000000000000000000000001\", auth_token = \"x\" }",
        // The usual limit of such an account is lower than the number's.
        "{ api_key = \"KEY0123\" }\nlimits = []",
    );
    let (config, directory) = yard::parse(&yard::config(data.path(), 64), &directory);
    let engine = boot::start(config, directory).await.unwrap();
    let mut run = Run {
        case,
        client: Client::new(),
        engine: engine.addr(),
        twin: twin.control_addr(),
        posted: 0,
        lines: Vec::new(),
        taken: 0,
    };
    let mut turned = Vec::new();
    for limit in LIMITS {
        run.turn(json!({ "rules": [{ "sender_limit": {
            "per_second": limit, "counts": case.counts, "retry_after": case.retry_after
        } }] }))
        .await;
        turned.push((now_us(), limit));
        run.feed(turn).await;
    }
    let end = now_us();
    run.turn(json!({})).await;
    run.all_are_taken_once().await;
    run.report(&turned, end);
    engine.stop().await;
    twin.stop().await;
}

struct Run {
    case: Case,
    client: Client,
    engine: SocketAddr,
    twin: SocketAddr,
    posted: usize,
    /// Of the twin's ledger.
    lines: Vec<Value>,
    /// How many of them were taken.
    taken: usize,
}

impl Run {
    async fn turn(&self, faults: Value) {
        let url = format!("http://{}/_twin/faults", self.twin);
        let answer = self.client.put(url).json(&faults).send().await.unwrap();
        assert!(answer.status().is_success(), "{}", answer.text().await.unwrap());
    }

    /// Keeps messages waiting for so long.
    async fn feed(&mut self, time: Duration) {
        let end = Instant::now() + time;
        while Instant::now() < end {
            self.read_ledger().await;
            while self.posted < self.taken + WAITING {
                self.post().await;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    async fn post(&mut self) {
        // 160 characters are one segment, each further one has 153.
        let segments = 1 + self.posted % self.case.largest;
        let body = json!({
            "from_phone_number": SENDER, "to_phone_number": format!("+1666{:07}", self.posted),
            "message": of_length(150 * segments),
        });
        let url = format!("http://{}/sms/send", self.engine);
        let answer = self.client.post(url).bearer_auth(yard::KEY).json(&body).send().await.unwrap();
        assert!(answer.status().is_success(), "{}", answer.text().await.unwrap());
        self.posted += 1;
    }

    async fn read_ledger(&mut self) {
        let after = self.lines.len();
        let url = format!("http://{}/_twin/ledger?after={after}&limit=100000", self.twin);
        let text = self.client.get(url).send().await.unwrap().text().await.unwrap();
        let lines = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        self.lines.extend(lines.inspect(|line| self.taken += usize::from(line["accepted"] == true)));
    }

    async fn all_are_taken_once(&mut self) {
        let start = Instant::now();
        while self.taken < self.posted {
            assert!(start.elapsed() < PATIENCE, "{} of {} taken", self.taken, self.posted);
            tokio::time::sleep(Duration::from_millis(100)).await;
            self.read_ledger().await;
        }
        let taken = self.lines.iter().filter(|line| line["accepted"] == true);
        let recipients: HashSet<&str> = taken.filter_map(|line| line["to"].as_str()).collect();
        assert_eq!((recipients.len(), self.taken), (self.posted, self.posted), "each once");
    }

    fn report(&self, turned: &[(u64, u64)], end: u64) {
        let begin = turned[0].0;
        let at = |line: &Value| line["at_us"].as_u64().unwrap();
        let during: Vec<&Value> = self.lines.iter().filter(|line| at(line) < end).collect();
        let refused: Vec<u64> =
            during.iter().filter(|line| line["accepted"] == false).map(|line| at(line)).collect();
        let taken = during.iter().filter(|line| line["accepted"] == true);
        let taken: u64 = taken.map(|line| line["segments"].as_u64().unwrap()).sum();
        let pause_us = self.case.retry_after.unwrap_or_default() * SECOND_US;
        // By milliseconds: what the twin would take while no pause that it named lasts.
        let mut possible = 0;
        for now in (begin..end).step_by(1000) {
            let last_refused =
                refused.partition_point(|at| *at <= now).checked_sub(1).map(|place| refused[place]);
            if last_refused.is_some_and(|at| now < at + pause_us) {
                continue;
            }
            let limit = turned[turned.partition_point(|(at, _)| *at <= now) - 1].1;
            possible += limit.min(CONFIGURED);
        }
        println!(
            "adaptive, {}: {:.3} of {} segments taken, {:.2} % of {} requests refused, {} messages, each taken once; \
             {} s beside the pauses that were named",
            self.case.name,
            taken as f64 * 1000.0 / possible as f64,
            possible / 1000,
            refused.len() as f64 * 100.0 / during.len() as f64,
            during.len(),
            self.posted,
            (end - begin) / SECOND_US
        );
    }
}

fn now_us() -> u64 {
    u64::try_from(SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_micros()).unwrap()
}
