//! The files, as they come. Instants are microseconds since the Unix epoch.

use std::collections::HashMap;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::Timestamp;
use serde::de::{DeserializeOwned, Error as _};
use serde::{Deserialize, Deserializer};
use uuid::Uuid;

use super::limits::Epoch;

/// How far two clocks, and two ways to the provider, may differ.
const DEFAULT_JITTER: Duration = Duration::from_millis(50);

/// One request that the provider's stand-in read whole.
#[derive(Debug, Clone, Deserialize)]
pub struct LedgerLine {
    /// In the order in which requests were read.
    pub seq: u64,
    /// When, by the stand-in's clock.
    pub at_us: u64,
    /// Would the provider send it?
    pub accepted: bool,
    /// The sending number.
    #[serde(default)]
    pub from: Option<String>,
    /// The recipient.
    pub to: String,
    /// By the stand-in's own count.
    pub segments: u32,
    /// What it carries beside its text.
    #[serde(default)]
    pub media: Vec<String>,
    /// Our token: `<message id>.<attempt>`, or the message id alone where a request is repeated as it
    /// was, byte for byte.
    #[serde(default)]
    pub token: Option<String>,
    /// The line of the acceptance whose answer was given again, of a request that was taken for a
    /// repetition of that one.
    #[serde(default)]
    pub replay_of: Option<u64>,
}

impl LedgerLine {
    /// Is it an MMS?
    pub(super) fn is_mms(&self) -> bool {
        !self.media.is_empty()
    }

    /// The message that the token names.
    pub(super) fn message_id(&self) -> Option<&str> {
        let token = self.token.as_deref()?;
        let Some((id, attempt)) = token.rsplit_once('.') else {
            return is_uuid(token).then_some(token);
        };
        let is_number = !attempt.is_empty() && attempt.bytes().all(|byte| byte.is_ascii_digit());
        (!id.is_empty() && is_number).then_some(id)
    }
}

/// In the form in which we write ids, so that a foreign token is not taken for one.
fn is_uuid(text: &str) -> bool {
    text.len() == 36 && Uuid::try_parse(text).is_ok()
}

/// How a message was asked to be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// Keeps order and pace.
    Queued,
    /// Waits for nothing.
    Immediate,
}

/// One request of a client and what it was told.
#[derive(Debug, Clone, Deserialize)]
pub struct Answer {
    /// As told; none where the answer had none.
    #[serde(default)]
    pub message_id: Option<String>,
    /// The sending number.
    pub from: String,
    /// The recipient.
    pub to: String,
    /// Queued or immediate.
    pub kind: Kind,
    /// The idempotency key it was sent with.
    #[serde(default)]
    pub key: Option<String>,
    /// When the request was made, by the clients' clock.
    pub asked_at_us: u64,
    /// When its answer was there, by the clients' clock.
    pub answered_at_us: u64,
    /// The answer's status; 0 where none came.
    pub http_status: u16,
    /// What a cancellation said: its `success`. None: nobody cancelled.
    #[serde(default)]
    pub cancelled: Option<bool>,
    /// When the cancellation's answer was there.
    #[serde(default)]
    pub cancel_answered_at_us: Option<u64>,
}

/// The five states that a client sees.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Shown {
    /// Waits.
    Queued,
    /// Handed over, or nobody knows.
    Sending,
    /// The provider has it.
    Sent,
    /// No provider has it.
    Failed,
    /// Called back.
    Cancelled,
}

/// Where a message stood at the end: the body of `GET /sms/{id}/status`.
#[derive(Debug, Clone, Deserialize)]
pub struct Status {
    /// None in the body of a `404`, which is no status.
    #[serde(default)]
    pub message_id: Option<String>,
    /// None in the body of a `404`.
    #[serde(default)]
    pub status: Option<Shown>,
    /// `unknown` beside `sending`: nobody knows whether the provider has it.
    #[serde(default)]
    pub provider_status: Option<String>,
    /// What it costs of the pace.
    #[serde(default = "one")]
    pub segments: u32,
    /// The engine's own instant of the hand-over; read from RFC 3339.
    #[serde(default, rename = "sent_at", deserialize_with = "micros")]
    pub sent_at_us: Option<u64>,
}

impl Status {
    /// Is it one whose outcome nobody knows?
    pub(super) fn is_unknown(&self) -> bool {
        self.status == Some(Shown::Sending) && self.provider_status.as_deref() == Some("unknown")
    }
}

fn one() -> u32 {
    1
}

fn micros<'de, D: Deserializer<'de>>(from: D) -> Result<Option<u64>, D::Error> {
    let Some(text) = Option::<String>::deserialize(from)? else { return Ok(None) };
    let time: Timestamp = text.parse().map_err(D::Error::custom)?;
    u64::try_from(time.as_microsecond()).map(Some).map_err(D::Error::custom)
}

/// What a run may be judged by.
#[derive(Debug, Clone, Copy)]
pub struct Options {
    /// How far the ledger's clock and way may differ from the engine's and the clients'.
    pub jitter: Duration,
    /// The accounts' policy for unknown outcomes is `resend`, which may double a message.
    pub resend: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self { jitter: DEFAULT_JITTER, resend: false }
    }
}

/// Where the files are.
#[derive(Debug, Clone)]
pub struct Paths {
    /// NDJSON, a [`LedgerLine`] each.
    pub ledger: PathBuf,
    /// NDJSON, an [`Answer`] each.
    pub answers: PathBuf,
    /// NDJSON, a [`Status`] each.
    pub statuses: PathBuf,
    /// JSON, number or numbers → list of [`Epoch`]. None: no pace is judged.
    pub limits: Option<PathBuf>,
}

/// All that a run is judged by.
#[derive(Debug, Clone, Default)]
pub struct Inputs {
    /// The provider's side.
    pub ledger: Vec<LedgerLine>,
    /// The clients' side.
    pub answers: Vec<Answer>,
    /// The engine's last word on each message.
    pub statuses: Vec<Status>,
    /// Per sending number, or several that share them with a space between, the limits that were in force,
    /// oldest first.
    pub limits: HashMap<String, Vec<Epoch>>,
    /// What is allowed for.
    pub options: Options,
}

/// A file that cannot be read. Names the file, and the line where it is one.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// It cannot be opened, or breaks off.
    #[error("cannot read {}", path.display())]
    File {
        /// Which one.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A line is not what this file holds.
    #[error("cannot understand {} line {line}", path.display())]
    Line {
        /// Which file.
        path: PathBuf,
        /// From 1.
        line: usize,
        /// Why.
        source: serde_json::Error,
    },
}

impl Inputs {
    /// Reads the files. Empty lines are skipped, unknown fields ignored.
    pub fn read(paths: &Paths, options: Options) -> Result<Self, ReadError> {
        let mut limits = match &paths.limits {
            Some(path) => read_json::<HashMap<String, Vec<Epoch>>>(path)?,
            None => HashMap::new(),
        };
        for history in limits.values_mut() {
            history.sort_by_key(|epoch| epoch.from_us);
        }
        Ok(Self {
            ledger: read_lines(&paths.ledger)?,
            answers: read_lines(&paths.answers)?,
            statuses: read_lines(&paths.statuses)?,
            limits,
            options,
        })
    }
}

fn open(path: &Path) -> Result<BufReader<File>, ReadError> {
    let file = File::open(path).map_err(|source| ReadError::File { path: path.to_owned(), source })?;
    Ok(BufReader::new(file))
}

fn read_lines<T: DeserializeOwned>(path: &Path) -> Result<Vec<T>, ReadError> {
    let mut rows = Vec::new();
    for (index, line) in open(path)?.lines().enumerate() {
        let text = line.map_err(|source| ReadError::File { path: path.to_owned(), source })?;
        if text.trim().is_empty() {
            continue;
        }
        let row = serde_json::from_str(&text);
        rows.push(row.map_err(|source| ReadError::Line {
            path: path.to_owned(),
            line: index + 1,
            source,
        })?);
    }
    Ok(rows)
}

fn read_json<T: DeserializeOwned>(path: &Path) -> Result<T, ReadError> {
    serde_json::from_reader(open(path)?).map_err(|source| ReadError::Line {
        path: path.to_owned(),
        line: source.line(),
        source,
    })
}
