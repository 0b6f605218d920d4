//! Accepted and durable on the embedded store, beside a bare axum endpoint with the same body and answer; all in this
//! process.

use std::net::SocketAddr;
use std::time::Duration;

use sendyard::boot::{self, Running};
use sendyard::load::yardstick::accept::{Accept, Bare};
use sendyard::load::yardstick::median;
use sendyard::load::{Length, Numbers, SENTENCE};
use sendyard::twin::{self, RunningTwin, TwinOptions};

use crate::yard;

pub(crate) const ROUNDS: usize = 5;
pub(crate) const ROUND: Duration = Duration::from_secs(3);

/// On the embedded store.
pub(crate) async fn run() {
    let bare = Bare::start().await.unwrap();
    for (connections, senders) in [(64, 1), (256, 1), (64, 64)] {
        let data = tempfile::tempdir().unwrap();
        let config = yard::config(data.path(), 64);
        measure(&bare, &config, connections, senders).await;
    }
}

async fn measure(bare: &Bare, config: &str, connections: usize, senders: usize) {
    let (engine, twin) = engine(config, senders).await;
    let accept = generator(engine.addr(), connections, senders);
    let mut rounds = Vec::new();
    for _ in 0..ROUNDS {
        rounds.push(accept.round(bare).await.unwrap());
    }
    println!(
        "accept on embedded, {connections} connections, {senders} senders: {:.3} of bare axum, p99 {:.1} times its; {:.0}/s here",
        median(rounds.iter().map(|round| round.ratio).collect()),
        median(rounds.iter().filter_map(|round| round.p99_ratio).collect()),
        median(rounds.iter().map(|round| round.per_second).collect())
    );
    engine.stop().await;
    twin.stop().await;
}

/// An engine that accepts much and hands over little, and the twin that it sends to.
pub(crate) async fn engine(config: &str, senders: usize) -> (Running, RunningTwin) {
    let twin = twin::start("127.0.0.1:0".parse().unwrap(), TwinOptions::default()).await.unwrap();
    // One in ten minutes: what is measured is acceptance, not hand-over.
    let directory = yard::directory(twin.addr(), senders, r#"["1/10min"]"#);
    let (config, directory) = yard::parse(config, &directory);
    let engine = boot::start(config, directory).await.unwrap();
    yard::until_ready(engine.addr()).await;
    (engine, twin)
}

/// What sends to it for a round, or to what stands in its place.
pub(crate) fn generator(server: SocketAddr, connections: usize, senders: usize) -> Accept {
    Accept {
        server,
        host: "bench".to_owned(),
        path: "/sms/send".to_owned(),
        key: yard::KEY.into(),
        senders: Numbers::first_senders(senders),
        recipients: Numbers::recipients("+16660000001").unwrap(),
        text: SENTENCE.to_owned(),
        connections,
        length: Length::Lasting(ROUND),
    }
}
