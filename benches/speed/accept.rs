//! Accepted and durable, beside a bare axum endpoint with the same body and answer.

use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use axum::routing::post;
use bytes::Bytes;
use sendyard::boot;
use sendyard::twin::{self, TwinOptions};

use crate::client::{Reached, closed_loop};
use crate::{median, yard};

const ROUNDS: usize = 5;
const ROUND: Duration = Duration::from_secs(3);

/// What an answer looks like, for the yardstick.
const ANSWER: &str = r#"{"success":true,"message_id":"01a20a0d-93ae-74c1-9285-de8cc24d00a3","message":"SMS queued successfully via twilio","provider":"twilio","status":"queued","queued":true,"queue_position":1,"estimated_send_time":"2026-11-23T20:16:31.663907Z","segments":1,"encoding":"GSM-7"}"#;

pub(crate) async fn run() {
    let bare = bare().await;
    for (connections, senders) in [(64, 1), (256, 1), (64, 64)] {
        let data = tempfile::tempdir().unwrap();
        let twin = twin::start("127.0.0.1:0".parse().unwrap(), TwinOptions::default()).await.unwrap();
        // One in ten minutes: what is measured is acceptance, not hand-over.
        let directory = yard::directory(twin.addr(), senders, r#"["1/10min"]"#);
        let (config, directory) = yard::parse(&yard::config(data.path(), 64), &directory);
        let engine = boot::start(config, directory).await.unwrap();
        let (mut ratios, mut p99s, mut rates) = (Vec::new(), Vec::new(), Vec::new());
        for _ in 0..ROUNDS {
            let yardstick = measure(bare, connections, senders).await;
            let ours = measure(engine.addr(), connections, senders).await;
            ratios.push(ours.per_second / yardstick.per_second);
            p99s.push(ours.p99.as_secs_f64() / yardstick.p99.as_secs_f64());
            rates.push(ours.per_second);
        }
        println!(
            "accept, {connections} connections, {senders} senders: {:.3} of bare axum, p99 {:.1} times its; {:.0}/s here",
            median(ratios),
            median(p99s),
            median(rates)
        );
        engine.stop().await;
        twin.stop().await;
    }
}

async fn measure(server: SocketAddr, connections: usize, senders: usize) -> Reached {
    closed_loop(server, connections, ROUND, |connection| request(connection, senders)).await
}

fn request(connection: usize, senders: usize) -> Vec<u8> {
    let from = yard::number(connection % senders);
    let text = "Your table for two at eight is confirmed. Answer STOP to hear no more from us.";
    let body =
        format!(r#"{{"from_phone_number":"{from}","to_phone_number":"+16660000001","message":"{text}"}}"#);
    let key = yard::KEY;
    format!(
        "POST /sms/send HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer {key}\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}

async fn bare() -> SocketAddr {
    let answer = |_body: Bytes| async { ([("content-type", "application/json")], ANSWER) };
    let router = Router::new().route("/sms/send", post(answer));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, router).await });
    address
}
