//! What the Telnyx face allows, and the books it keeps to know: requests of each account, queues of
//! accounts and senders, and the answers kept for idempotency keys.

use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use secrecy::SecretString;

use super::error::TelnyxError;
use super::idempotency::{Kept, KeptAnswers, Key};
use super::request::{Kind, SendRequest};
use crate::twin::allowance::{Allowance, Standing};
use crate::twin::backlogs::{self, Backlogs, QueueFull};
use crate::twin::ledger::Line;
use crate::twin::senders::SenderKind;

/// Telnyx's limits, with Telnyx's defaults. Rates are messages a second, whatever their parts.
/// Source, where no other is named: Telnyx's guide on messaging rate limits.
#[derive(Debug)]
pub struct TelnyxLimits {
    /// Keys that are let in. Empty: any.
    pub accounts: Vec<TelnyxAccount>,
    /// Numbers that may be sent from. Empty: any.
    pub numbers: HashSet<String>,
    /// API requests of one account; the real number is not published.
    pub requests_per_second: u32,
    /// All SMS of an account.
    pub sms_rate: f64,
    /// All MMS of an account.
    pub mms_rate: f64,
    /// The most that a queue may hold, in time.
    pub queue: Duration,
    /// A number, to the US or Canada. None: no limit of its own, as its campaigns limit it.
    pub us_long_code_rate: Option<f64>,
    /// A number, to other countries.
    pub long_code_rate: f64,
    /// A toll-free number.
    pub toll_free_rate: f64,
    /// A short code.
    pub short_code_rate: f64,
    /// An alphanumeric sender.
    pub name_rate: f64,
    /// Answers kept for idempotency keys, at a kilobyte or so each. Past it the oldest is forgotten
    /// before its time.
    pub idempotency_keys: usize,
    /// How long each is kept. Source: Telnyx's guide on idempotency.
    pub idempotency_life: Duration,
}

/// A key, and what the ledger and the faults call its account.
#[derive(Debug)]
pub struct TelnyxAccount {
    /// Its name; not secret.
    pub name: String,
    /// The API key.
    pub key: SecretString,
}

impl Default for TelnyxLimits {
    fn default() -> Self {
        Self {
            accounts: Vec::new(),
            numbers: HashSet::new(),
            requests_per_second: 1_000,
            sms_rate: 50.0,
            mms_rate: 15.0,
            queue: Duration::from_hours(4),
            us_long_code_rate: None,
            long_code_rate: 0.1,
            toll_free_rate: 20.0,
            short_code_rate: 1_000.0,
            name_rate: 0.1,
            idempotency_keys: 1_000_000,
            idempotency_life: Duration::from_hours(24),
        }
    }
}

impl TelnyxLimits {
    /// The documented rate of a number is for destinations outside the US; a number's own country
    /// does not matter.
    fn sender_rate(&self, kind: SenderKind, to: &str) -> Option<f64> {
        match kind {
            SenderKind::LongCode | SenderKind::Elsewhere if to.starts_with("+1") => self.us_long_code_rate,
            SenderKind::LongCode | SenderKind::Elsewhere => Some(self.long_code_rate),
            SenderKind::TollFree => Some(self.toll_free_rate),
            SenderKind::ShortCode => Some(self.short_code_rate),
            SenderKind::Name => Some(self.name_rate),
        }
    }
}

/// Whose queue: all messages of one kind of an account, or all of a sender.
#[derive(Debug, PartialEq, Eq, Hash)]
enum Queue {
    Account(String, Kind),
    Sender(String, String),
}

/// Limits and counts.
#[derive(Debug)]
pub(super) struct Books {
    limits: TelnyxLimits,
    requests: Mutex<Allowance>,
    backlogs: Mutex<Backlogs<Queue>>,
    kept: Mutex<KeptAnswers>,
}

impl Books {
    /// Nothing counted yet.
    pub(super) fn new(limits: TelnyxLimits) -> Self {
        Self {
            requests: Mutex::new(Allowance::new(limits.requests_per_second)),
            backlogs: Mutex::new(Backlogs::new()),
            kept: Mutex::new(KeptAnswers::new(limits.idempotency_keys, limits.idempotency_life)),
            limits,
        }
    }

    pub(super) fn limits(&self) -> &TelnyxLimits {
        &self.limits
    }

    /// One more request of this account.
    pub(super) fn count_request(&self, account: &str, now_us: u64) -> Standing {
        self.requests.lock().unwrap_or_else(PoisonError::into_inner).count(account, now_us)
    }

    /// The answer to give again, if there is one.
    pub(super) fn replay(&self, key: Option<&Key>, now_us: u64) -> Result<Option<Kept>, TelnyxError> {
        let Some(key) = key else { return Ok(None) };
        self.kept.lock().unwrap_or_else(PoisonError::into_inner).find(key, now_us)
    }

    /// Keeps the answer to an accepted request that had a key.
    pub(super) fn keep(&self, key: Option<Key>, line: &Line, answer: &[u8]) {
        let Some(key) = key else { return };
        let kept = Kept { seq: line.seq, answer: answer.to_vec() };
        self.kept.lock().unwrap_or_else(PoisonError::into_inner).keep(key, kept, line.at_us);
    }

    /// Adds a message to its account's and its sender's queue, or refuses where one is too long
    /// already. Returns how long it waits. A number pool picks its sender later: nothing to count.
    pub(super) fn enqueue(&self, request: &SendRequest, now_us: u64) -> Result<Duration, TelnyxError> {
        let asked = &request.asked;
        let account_rate = match request.kind() {
            Kind::Sms => self.limits.sms_rate,
            Kind::Mms => self.limits.mms_rate,
        };
        let of_account = Queue::Account(asked.account.clone(), request.kind());
        let mut queues = vec![(of_account, backlogs::takes(1, account_rate))];
        if let Some(from) = &asked.from
            && let Some(rate) = SenderKind::of(from).and_then(|kind| self.limits.sender_rate(kind, &asked.to))
        {
            let of_sender = Queue::Sender(asked.account.clone(), from.clone());
            queues.push((of_sender, backlogs::takes(1, rate)));
        }
        let mut backlogs = self.backlogs.lock().unwrap_or_else(PoisonError::into_inner);
        backlogs.enqueue(queues, self.limits.queue, now_us).map_err(|QueueFull| TelnyxError::QueueFull)
    }
}
