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
const HANDED_OVER: usize = 5_000;

impl Load {
    pub(super) async fn accept(&self) -> Result<ExitCode, Failure> {
        self.check().await?;
        let accept = Accept {
            server: plain_address(&self.url).await?,
            host: host(&self.url),
            path: format!("{}/sms/send", self.url.path().trim_end_matches('/')),
            key: self.key.clone(),
            senders: self.senders.clone(),
            recipients: self.recipients.clone(),
            text: load::of_length(self.text_length),
            connections: self.connections,
            length: self.length(HALF),
        };
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
            return Err(anyhow!(
                "a round of hand-overs has an end only with --messages, not with --duration"
            )
            .into());
        }
        self.check().await?;
        let messages = match self.messages {
            Some(messages) => usize::try_from(messages).context("--messages")?,
            None => HANDED_OVER,
        };
        let client = providers::http_client(self.connections).map_err(anyhow::Error::new)?;
        let (connections, settle) = (self.connections, self.settle);
        let hand_over = HandOver { client, twin, connections, messages, settle };
        let mut rounds = Vec::new();
        for _ in 0..self.rounds {
            let plan = self.plan(Length::Requests(messages as u64))?;
            rounds.push(hand_over.round(plan).await.map_err(anyhow::Error::new)?);
        }
        self.print(&hand_over.report(self.senders.count(), rounds))?;
        Ok(ExitCode::SUCCESS)
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
