//! Handed over, beside a bare reqwest loop against the same stand-in for the provider.
//!
//! A running server is given its messages over HTTP, so its figure has their acceptance in it: from
//! the first request to the last hand-over. What a full store alone gives is measured by the benchmark
//! `benches/speed.rs`, with the same [`bare`] loop: it fills a store behind the engine's back, which
//! the shipped program must not be able to do.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use reqwest::StatusCode;
use tokio::task::JoinSet;
use tokio::time::Instant;
use url::Url;

use super::report::{Round, YardstickReport};
use crate::load::client::Failure;
use crate::load::numbers::Numbers;
use crate::load::plan::Plan;
use crate::load::report::{Agreement, Report, per_second};
use crate::load::run::Load;
use crate::load::schedule::Length;
use crate::load::twin::{Twin, TwinFailure};

/// Whom the messages are billed to; the stand-in lets every account in.
const ACCOUNT: &str = "AC00000000000000000000000000000001";

/// Why the loop ended early.
#[derive(Debug, thiserror::Error)]
pub enum BareFailure {
    /// No answer.
    #[error(
        "no answer from the twin at {url}; start one with `sendyard twin`, or name the right one with --twin"
    )]
    Http {
        /// Who was asked.
        url: Url,
        /// Why.
        source: reqwest::Error,
    },
    /// The stand-in does not accept the message: a fault is set, or a limit reached.
    #[error("the twin at {url} answered {status}, expected 201; look at its faults and its ledger")]
    Refused {
        /// Who was asked.
        url: Url,
        /// What it said.
        status: StatusCode,
    },
    /// A part of the loop broke.
    #[error("the loop broke")]
    Broken(#[from] tokio::task::JoinError),
}

/// Why a round gave no figure.
#[derive(Debug, thiserror::Error)]
pub enum HandOverFailure {
    /// The yardstick broke.
    #[error(transparent)]
    Bare(#[from] BareFailure),
    /// The plan names no number of messages.
    #[error("hand-overs are measured by number of messages, not by time")]
    Endless,
    /// There is nobody to send through.
    #[error(transparent)]
    Load(#[from] Failure),
    /// There is no ledger.
    #[error(transparent)]
    Twin(#[from] TwinFailure),
    /// Not every message was taken.
    #[error("the server did not take every message:\n\n{0}")]
    NotAccepted(Box<Report>),
    /// Not every message arrived, or too many did.
    #[error(
        "{0}the senders must have no limits, the server must send to this twin, and nothing else may; \
         or wait longer with --settle"
    )]
    NotHandedOver(Agreement),
}

/// What is measured.
#[derive(Debug)]
pub struct HandOver {
    /// As the engine calls providers.
    pub client: reqwest::Client,
    /// The stand-in, which the server's account points to.
    pub twin: Url,
    /// Of the bare loop, and of the loop that gives the server its messages.
    pub connections: usize,
    /// How long the last hand-overs are waited for.
    pub settle: Duration,
}

impl HandOver {
    /// One round: the messages of `plan` through the server, after as many through the bare loop.
    pub async fn round(&self, plan: Plan) -> Result<Round, HandOverFailure> {
        let Self { client, twin, connections, settle } = self;
        let Length::Requests(messages) = plan.length else { return Err(HandOverFailure::Endless) };
        let messages = usize::try_from(messages).unwrap_or(usize::MAX);
        let yardstick = bare(client.clone(), twin, *connections, messages, &plan.senders).await?;
        let mut ledger = Twin::at(twin.clone()).await?;
        let load = Load::new(plan)?;
        let start = Instant::now();
        let report = load.run().await;
        if !report.is_ok() {
            return Err(HandOverFailure::NotAccepted(Box::new(report)));
        }
        let agreement = ledger.agree(&report, *settle).await?;
        if !agreement.agree {
            return Err(HandOverFailure::NotHandedOver(agreement));
        }
        let ours = per_second(report.accepted, start.elapsed());
        Ok(Round {
            yardstick_per_second: yardstick,
            per_second: ours,
            ratio: ours / yardstick,
            yardstick_p99_us: None,
            p99_us: None,
            p99_ratio: None,
        })
    }

    /// What the rounds said.
    pub fn report(&self, senders: usize, rounds: Vec<Round>) -> YardstickReport {
        YardstickReport::of("hand-over", self.connections, senders, rounds)
    }
}

/// So many tasks that each post one form after the other. Returns messages in a second.
pub async fn bare(
    client: reqwest::Client,
    twin: &Url,
    places: usize,
    messages: usize,
    senders: &Numbers,
) -> Result<f64, BareFailure> {
    let left = Arc::new(AtomicUsize::new(messages));
    let start = Instant::now();
    let mut tasks = JoinSet::new();
    for n in 0..places {
        let from = senders.nth(n).to_owned();
        tasks.spawn(post_until_none_is_left(client.clone(), twin.clone(), from, Arc::clone(&left)));
    }
    while let Some(ended) = tasks.join_next().await {
        ended??;
    }
    Ok(per_second(messages as u64, start.elapsed()))
}

async fn post_until_none_is_left(
    client: reqwest::Client,
    twin: Url,
    from: String,
    left: Arc<AtomicUsize>,
) -> Result<(), BareFailure> {
    let failed = |source| BareFailure::Http { url: twin.clone(), source };
    let base = twin.as_str().trim_end_matches('/');
    let address = format!("{base}/2010-04-01/Accounts/{ACCOUNT}/Messages.json");
    let form = [("From", from.as_str()), ("To", "+15551234567"), ("Body", "bench")];
    while left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |n| n.checked_sub(1)).is_ok() {
        let call = client.post(&address).basic_auth(ACCOUNT, Some("x")).form(&form);
        let answer = call.send().await.map_err(failed)?;
        let status = answer.status();
        if status != StatusCode::CREATED {
            return Err(BareFailure::Refused { url: twin.clone(), status });
        }
        answer.bytes().await.map_err(failed)?;
    }
    Ok(())
}
