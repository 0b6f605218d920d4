//! Accepted and durable, beside a bare axum endpoint with the same body and answer.

use std::time::Duration;

use sendyard::boot;
use sendyard::load::yardstick::accept::{Accept, Bare};
use sendyard::load::yardstick::median;
use sendyard::load::{Length, Numbers, SENTENCE};
use sendyard::twin::{self, TwinOptions};

use crate::redis::Redis;
use crate::yard;

const ROUNDS: usize = 5;
const ROUND: Duration = Duration::from_secs(3);

/// On the embedded store.
pub(crate) async fn run() {
    let bare = Bare::start().await.unwrap();
    for (connections, senders) in [(64, 1), (256, 1), (64, 64)] {
        let data = tempfile::tempdir().unwrap();
        let config = yard::config(data.path(), 64);
        measure(&bare, "embedded", &config, connections, senders).await;
    }
}

/// On a Redis server that syncs before each answer, and on one that syncs each second. `only`: on one of them.
pub(crate) async fn run_on_redis(only: Option<&str>) {
    let bare = Bare::start().await.unwrap();
    if std::env::var("MINIMAL").is_ok() {
        for fsync in ["always", "everysec"] {
            for connections in [64, 256] {
                let redis = Redis::start(fsync);
                let minimal = crate::minimal::Minimal::start(&redis.url()).await;
                let accept = Accept {
                    server: minimal.addr,
                    host: "bench".to_owned(),
                    path: "/sms/send".to_owned(),
                    key: yard::KEY.into(),
                    senders: Numbers::first_senders(1),
                    recipients: Numbers::recipients("+16660000001").unwrap(),
                    text: SENTENCE.to_owned(),
                    connections,
                    length: Length::Lasting(ROUND),
                };
                for _ in 0..ROUNDS {
                    println!("{:?}", accept.round(&bare).await.unwrap());
                }
            }
        }
        return;
    }
    for fsync in ["always", "everysec"].into_iter().filter(|fsync| only.is_none_or(|only| only == *fsync)) {
        for (connections, senders) in [(64, 1), (256, 1), (64, 64)] {
            let redis = Redis::start(fsync);
            let config = yard::config_on(&redis.url(), 64);
            measure(&bare, &format!("Redis, {fsync}"), &config, connections, senders).await;
        }
    }
}

async fn measure(bare: &Bare, store: &str, config: &str, connections: usize, senders: usize) {
    let twin = twin::start("127.0.0.1:0".parse().unwrap(), TwinOptions::default()).await.unwrap();
    // One in ten minutes: what is measured is acceptance, not hand-over.
    let directory = yard::directory(twin.addr(), senders, r#"["1/10min"]"#);
    let (config, directory) = yard::parse(config, &directory);
    let engine = boot::start(config, directory).await.unwrap();
    yard::until_ready(engine.addr()).await;
    let accept = Accept {
        server: engine.addr(),
        host: "bench".to_owned(),
        path: "/sms/send".to_owned(),
        key: yard::KEY.into(),
        senders: Numbers::first_senders(senders),
        recipients: Numbers::recipients("+16660000001").unwrap(),
        text: SENTENCE.to_owned(),
        connections,
        length: Length::Lasting(ROUND),
    };
    let mut rounds = Vec::new();
    for _ in 0..ROUNDS {
        rounds.push(accept.round(bare).await.unwrap());
    }
    println!(
        "accept on {store}, {connections} connections, {senders} senders: {:.3} of bare axum, p99 {:.1} times its; {:.0}/s here",
        median(rounds.iter().map(|round| round.ratio).collect()),
        median(rounds.iter().filter_map(|round| round.p99_ratio).collect()),
        median(rounds.iter().map(|round| round.per_second).collect())
    );
    engine.stop().await;
    twin.stop().await;
}
