//! The ledger of the provider's stand-in, read from where it stood at the start (docs/TWIN.md).

use std::time::Duration;

use reqwest::StatusCode;
use serde::Deserialize;
use tokio::time::{Instant, sleep};
use url::Url;

use super::client::plain_http;
use super::report::{Agreement, Report, micros};

/// Lines in a page.
const PAGE: usize = 1_000;

/// Between two looks.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// A page takes no longer.
const TIMEOUT: Duration = Duration::from_secs(30);

/// The stand-in cannot be asked.
#[derive(Debug, thiserror::Error)]
pub enum TwinFailure {
    /// No HTTP client can be built.
    #[error("cannot build the http client; check the system's tls certificates")]
    Client(#[source] reqwest::Error),
    /// No answer.
    #[error(
        "no answer from the twin at {url}; start one with `sendyard twin`, or name the right one with --twin"
    )]
    Unreachable {
        /// Who was asked.
        url: Url,
        /// Why.
        source: reqwest::Error,
    },
    /// An answer that is not the twin's.
    #[error("{url} answered {status} when asked for its ledger; is this a twin's address?")]
    NotTwin {
        /// Who was asked.
        url: Url,
        /// What it said.
        status: StatusCode,
    },
    /// A line that cannot be read.
    #[error("cannot understand the ledger of {url}; is the twin of this version?")]
    Line {
        /// Whose.
        url: Url,
        /// Why.
        source: serde_json::Error,
    },
}

/// What was written down since the start.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Seen {
    accepted: u64,
    refused: u64,
}

#[derive(Debug, Deserialize)]
struct Health {
    ledger_lines: u64,
}

#[derive(Debug, Deserialize)]
struct Line {
    seq: u64,
    accepted: bool,
}

/// A stand-in's ledger from some line on.
#[derive(Debug)]
pub struct Twin {
    http: reqwest::Client,
    url: Url,
    /// The last line that has been read.
    after: u64,
    /// Lines that were there at the start.
    lines_before: u64,
    seen: Seen,
}

impl Twin {
    /// Everything that is in the ledger now is passed over.
    pub async fn at(url: Url) -> Result<Self, TwinFailure> {
        let http = plain_http(TIMEOUT).build().map_err(TwinFailure::Client)?;
        let mut twin = Self { http, url, after: 0, lines_before: 0, seen: Seen::default() };
        twin.pass_over().await?;
        Ok(twin)
    }

    /// Numbers have no gaps, so the first line and how many there are tell the last.
    async fn pass_over(&mut self) -> Result<(), TwinFailure> {
        let first = self.page(1).await?;
        let Some(Line { seq, .. }) = first.first() else { return Ok(()) };
        self.lines_before = self.lines().await?;
        self.after = seq.saturating_add(self.lines_before).saturating_sub(1);
        Ok(())
    }

    /// Waits until there are so many new lines, whatever they say, but no longer than `until`.
    ///
    /// It asks for their number only: reading them would take time from those who write them.
    async fn grows_by(&self, lines: u64, until: Instant) -> Result<(), TwinFailure> {
        while self.lines().await?.saturating_sub(self.lines_before) < lines {
            if Instant::now() >= until {
                break;
            }
            sleep(LOOK_EVERY).await;
        }
        Ok(())
    }

    async fn lines(&self) -> Result<u64, TwinFailure> {
        let health = self.get("/_twin/health").await?;
        let health: Health = serde_json::from_str(&health).map_err(|source| self.unreadable(source))?;
        Ok(health.ledger_lines)
    }

    /// Waits until the hand-overs agree with the answers, but no longer than `settle`.
    pub async fn agree(&mut self, report: &Report, settle: Duration) -> Result<Agreement, TwinFailure> {
        let (accepted, doubtful) = (report.accepted, report.doubtful);
        let start = Instant::now();
        let until = start + settle;
        self.grows_by(accepted, until).await?;
        loop {
            self.read_on().await?;
            let hand_overs = self.seen.accepted;
            let agree = (accepted..=accepted.saturating_add(doubtful)).contains(&hand_overs);
            // More than there can be will not become fewer.
            if hand_overs >= accepted || Instant::now() >= until {
                let (refused, waited_us) = (self.seen.refused, micros(start.elapsed()));
                return Ok(Agreement { accepted, doubtful, hand_overs, refused, agree, waited_us });
            }
            sleep(LOOK_EVERY).await;
        }
    }

    /// Reads to the end.
    async fn read_on(&mut self) -> Result<(), TwinFailure> {
        loop {
            let lines = self.page(PAGE).await?;
            for line in &lines {
                self.after = line.seq;
                let count = if line.accepted { &mut self.seen.accepted } else { &mut self.seen.refused };
                *count += 1;
            }
            if lines.len() < PAGE {
                return Ok(());
            }
        }
    }

    async fn page(&self, limit: usize) -> Result<Vec<Line>, TwinFailure> {
        let text = self.get(&format!("/_twin/ledger?after={}&limit={limit}", self.after)).await?;
        let lines = text.lines().map(serde_json::from_str);
        lines.collect::<Result<_, _>>().map_err(|source| self.unreadable(source))
    }

    async fn get(&self, path: &str) -> Result<String, TwinFailure> {
        let address = format!("{}{path}", self.url.as_str().trim_end_matches('/'));
        let unreachable = |source| TwinFailure::Unreachable { url: self.url.clone(), source };
        let answer = self.http.get(address).send().await.map_err(unreachable)?;
        let status = answer.status();
        if !status.is_success() {
            return Err(TwinFailure::NotTwin { url: self.url.clone(), status });
        }
        answer.text().await.map_err(unreachable)
    }

    fn unreadable(&self, source: serde_json::Error) -> TwinFailure {
        TwinFailure::Line { url: self.url.clone(), source }
    }
}
