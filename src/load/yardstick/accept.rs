//! Accepted and durable, beside a bare axum endpoint with the same body and answer.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};

use axum::Router;
use axum::routing::post;
use bytes::Bytes;
use secrecy::{ExposeSecret, SecretString};
use serde_json::json;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use super::report::{Round, YardstickReport};
use super::wire::{self, Reached, WireError};
use crate::load::numbers::Numbers;
use crate::load::report::micros;
use crate::load::schedule::Length;

/// What an answer of the server looks like.
const ANSWER: &str = r#"{"success":true,"message_id":"01a20a0d-93ae-74c1-9285-de8cc24d00a3","message":"SMS queued successfully via twilio","provider":"twilio","status":"queued","queued":true,"queue_position":1,"estimated_send_time":"2026-11-23T20:16:31.663907Z","segments":1,"encoding":"GSM-7"}"#;

/// The bare endpoint, at any free port of this machine. Ends when it is dropped.
#[derive(Debug)]
pub struct Bare {
    addr: SocketAddr,
    task: JoinHandle<()>,
}

impl Bare {
    /// Answers `POST /sms/send` whatever it says.
    pub async fn start() -> io::Result<Self> {
        let answer = |_body: Bytes| async { ([("content-type", "application/json")], ANSWER) };
        let router = Router::new().route("/sms/send", post(answer));
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let addr = listener.local_addr()?;
        let task = tokio::spawn(async move {
            // It serves until it is aborted.
            let _ = axum::serve(listener, router).await;
        });
        Ok(Self { addr, task })
    }

    /// Where it listens.
    pub const fn addr(&self) -> SocketAddr {
        self.addr
    }
}

impl Drop for Bare {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// What is measured.
#[derive(Debug, Clone)]
pub struct Accept {
    /// Where the server listens; without TLS.
    pub server: SocketAddr,
    /// Name and port for the header `Host`.
    pub host: String,
    /// The path of its `/sms/send`.
    pub path: String,
    /// The API key.
    pub key: SecretString,
    /// Connections take turns at them: each keeps one.
    pub senders: Numbers,
    /// The same.
    pub recipients: Numbers,
    /// What the messages say.
    pub text: String,
    /// At a time.
    pub connections: usize,
    /// Of the yardstick, and of the server, in each round.
    pub length: Length,
}

impl Accept {
    /// One round: the yardstick, then the server. Any answer but `200` ends it.
    pub async fn round(&self, bare: &Bare) -> Result<Round, WireError> {
        let yardstick = self.measure(bare.addr, "/sms/send").await?;
        let ours = self.once().await?;
        Ok(Round {
            yardstick_per_second: yardstick.per_second,
            per_second: ours.per_second,
            ratio: ours.per_second / yardstick.per_second,
            yardstick_p99_us: Some(micros(yardstick.p99)),
            p99_us: Some(micros(ours.p99)),
            p99_ratio: Some(ours.p99.as_secs_f64() / yardstick.p99.as_secs_f64()),
        })
    }

    /// The server alone.
    pub async fn once(&self) -> Result<Reached, WireError> {
        self.measure(self.server, &self.path).await
    }

    /// What the rounds said.
    pub fn report(&self, rounds: Vec<Round>) -> YardstickReport {
        YardstickReport::of("accept", self.connections, self.senders.count(), rounds)
    }

    async fn measure(&self, server: SocketAddr, path: &str) -> Result<Reached, WireError> {
        wire::closed_loop(server, self.connections, self.length, |n| self.request(n, path)).await
    }

    /// All bytes of a connection's requests.
    fn request(&self, connection: usize, path: &str) -> Vec<u8> {
        let body = json!({
            "from_phone_number": self.senders.nth(connection),
            "to_phone_number": self.recipients.nth(connection / self.senders.count()),
            "message": self.text,
        })
        .to_string();
        let (host, key) = (&self.host, self.key.expose_secret());
        format!(
            "POST {path} HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {key}\r\n\
             Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        )
        .into_bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_endpoint_is_as_fast_as_itself() {
        let (bare, other) = (Bare::start().await.unwrap(), Bare::start().await.unwrap());
        let accept = Accept {
            server: other.addr,
            host: "test".to_owned(),
            path: "/sms/send".to_owned(),
            key: "key".into(),
            senders: Numbers::first_senders(2),
            recipients: Numbers::recipients("1").unwrap(),
            text: "hello".to_owned(),
            connections: 2,
            length: Length::Requests(50),
        };
        let round = accept.round(&bare).await.unwrap();
        let report = accept.report(vec![round]);
        assert!(report.ratio > 0.0 && report.p99_ratio.is_some_and(|ratio| ratio > 0.0), "{report}");
        assert_eq!((report.yardstick, report.connections, report.senders), ("accept", 2, 2));
    }
}
