//! `sendyard load --yardstick`: the server beside the least that could stand in its place.

use std::net::SocketAddr;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, anyhow, bail};
use tokio::net::lookup_host;
use url::Url;

use super::{Failure, Load};
use crate::load::yardstick::accept::{Accept, Bare};
use crate::load::yardstick::hand_over::HandOver;
use crate::load::{self, Length};
use crate::providers;

/// Half a round of acceptance, unless told otherwise.
const HALF: Duration = Duration::from_secs(3);

/// Messages in half a round of hand-overs, unless told otherwise.
const HANDED_OVER: u64 = 5_000;

/// The longest half of a round: each of its answers is kept until its end.
const LONGEST_HALF: Duration = Duration::from_mins(1);
const MOST_MESSAGES: u64 = 1_000_000;

impl Load {
    pub(super) async fn accept(&self) -> Result<ExitCode, Failure> {
        let accept = Accept {
            server: plain_address(&self.url).await?,
            host: host(&self.url),
            path: format!("{}/sms/send", self.url.path().trim_end_matches('/')),
            key: self.key.clone(),
            senders: self.senders.clone(),
            recipients: self.recipients.clone(),
            text: load::of_length(self.text_length),
            connections: self.connections,
            length: self.half(Length::Lasting(HALF))?,
        };
        self.check().await?;
        let bare = Bare::start().await.context("cannot listen for the bare endpoint")?;
        let mut rounds = Vec::new();
        for _ in 0..self.rounds {
            rounds.push(accept.round(&bare).await.map_err(anyhow::Error::new)?);
        }
        self.print(&accept.report(rounds))?;
        Ok(ExitCode::SUCCESS)
    }

    pub(super) async fn hand_over(&self) -> Result<ExitCode, Failure> {
        let Some(twin) = self.twin.clone() else {
            return Err(anyhow!("name the twin that the server sends to with --twin").into());
        };
        if self.duration.is_some() {
            return Err(anyhow!("hand-overs are measured by number: use --messages, not --duration").into());
        }
        let length = self.half(Length::Requests(HANDED_OVER))?;
        self.check().await?;
        let client = providers::http_client(self.connections).map_err(anyhow::Error::new)?;
        let hand_over = HandOver { client, twin, connections: self.connections, settle: self.settle };
        let mut rounds = Vec::new();
        for _ in 0..self.rounds {
            rounds.push(hand_over.round(self.plan(length)?).await.map_err(anyhow::Error::new)?);
        }
        self.print(&hand_over.report(self.senders.count(), rounds))?;
        Ok(ExitCode::SUCCESS)
    }

    /// What was asked for, or this.
    fn half(&self, default: Length) -> anyhow::Result<Length> {
        let length = match (self.messages, self.duration) {
            (Some(messages), _) => Length::Requests(messages),
            (None, Some(duration)) => Length::Lasting(duration),
            (None, None) => default,
        };
        let is_short = match length {
            Length::Requests(requests) => requests <= MOST_MESSAGES,
            Length::Lasting(lasting) => lasting <= LONGEST_HALF,
        };
        if !is_short {
            bail!("half a round of a yardstick is {LONGEST_HALF:?} or {MOST_MESSAGES} messages at the most");
        }
        Ok(length)
    }

    /// Is there a server that knows the key?
    async fn check(&self) -> Result<(), Failure> {
        let load = load::Load::new(self.plan(Length::Requests(0))?).map_err(anyhow::Error::new)?;
        Ok(load.check().await.map_err(anyhow::Error::new)?)
    }
}

/// Where bare connections go to: TLS would be a difference that the yardstick has not.
async fn plain_address(url: &Url) -> anyhow::Result<SocketAddr> {
    if url.scheme() != "http" {
        bail!("the yardstick speaks http only: name the server's own http:// address with --url");
    }
    let (host, port) = (url.host_str().unwrap_or_default(), url.port_or_known_default().unwrap_or(80));
    let host = host.trim_start_matches('[').trim_end_matches(']');
    let mut addresses = lookup_host((host, port)).await.with_context(|| format!("cannot find {host}"))?;
    addresses.next().with_context(|| format!("cannot find {host}"))
}

fn host(url: &Url) -> String {
    let name = url.host_str().unwrap_or_default();
    url.port().map_or_else(|| name.to_owned(), |port| format!("{name}:{port}"))
}
