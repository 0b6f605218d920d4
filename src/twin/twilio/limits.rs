//! What the Twilio face allows, and the books it keeps to know.
//!
//! `Books` owns two counts: requests being worked on per account, and the backlog of each sender,
//! which drains at the sender's rate by the twin's clock.

use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use secrecy::SecretString;

use super::error::TwilioError;
use crate::twin::backlogs::{self, Backlogs, QueueFull};
use crate::twin::senders::SenderKind;
use crate::twin::verdict::Asked;

/// Twilio's limits, with Twilio's defaults. Rates are message segments a second.
#[derive(Debug)]
pub struct TwilioLimits {
    /// Credentials that are let in. Empty: any account or API key with any token.
    pub accounts: Vec<TwilioAccount>,
    /// Numbers that may be sent from. Empty: any.
    pub numbers: HashSet<String>,
    /// Requests of one account at a time; the real number is not published.
    pub concurrency: usize,
    /// The most that a sender's queue may hold, in time. Source: error 21611.
    pub queue: Duration,
    /// A number in the US or Canada. Source: error 21611.
    pub long_code_rate: f64,
    /// A toll-free number there.
    pub toll_free_rate: f64,
    /// A short code. Source: error 21611.
    pub short_code_rate: f64,
    /// A number elsewhere, or a name.
    pub elsewhere_rate: f64,
}

/// Credentials for one account.
#[derive(Debug)]
pub struct TwilioAccount {
    /// `AC…`, as in the path.
    pub account_sid: String,
    /// The user name: the account, or an API key `SK…`.
    pub user: String,
    /// Its password.
    pub token: SecretString,
}

impl Default for TwilioLimits {
    fn default() -> Self {
        Self {
            accounts: Vec::new(),
            numbers: HashSet::new(),
            concurrency: 2_000,
            queue: Duration::from_hours(10),
            long_code_rate: 1.0,
            toll_free_rate: 3.0,
            short_code_rate: 100.0,
            elsewhere_rate: 10.0,
        }
    }
}

impl TwilioLimits {
    const fn rate(&self, kind: SenderKind) -> f64 {
        match kind {
            SenderKind::LongCode => self.long_code_rate,
            SenderKind::TollFree => self.toll_free_rate,
            SenderKind::ShortCode => self.short_code_rate,
            SenderKind::Elsewhere | SenderKind::Name => self.elsewhere_rate,
        }
    }
}

/// Limits and counts.
#[derive(Debug)]
pub(super) struct Books {
    limits: TwilioLimits,
    in_flight: Mutex<HashMap<String, usize>>,
    /// Account and sender → what they wait for.
    backlogs: Mutex<Backlogs<(String, String)>>,
}

impl Books {
    /// Nothing counted yet.
    pub(super) fn new(limits: TwilioLimits) -> Self {
        Self { limits, in_flight: Mutex::new(HashMap::new()), backlogs: Mutex::new(Backlogs::new()) }
    }

    pub(super) fn limits(&self) -> &TwilioLimits {
        &self.limits
    }

    /// One more request of this account, until the guard is dropped.
    pub(super) fn enter<'a>(&'a self, account: &'a str) -> InFlight<'a> {
        let mut in_flight = self.in_flight.lock().unwrap_or_else(PoisonError::into_inner);
        let count = in_flight.entry(account.to_owned()).or_insert(0);
        *count += 1;
        InFlight { books: self, account, count: *count }
    }

    /// Adds a message to its sender's backlog, or refuses where that is too long already. A
    /// Messaging Service picks its sender later: nothing to count.
    pub(super) fn enqueue(&self, account: &str, asked: &Asked, now_us: u64) -> Result<(), TwilioError> {
        let Some(from) = &asked.from else { return Ok(()) };
        let Some(kind) = SenderKind::of(from) else { return Ok(()) };
        let takes = backlogs::takes(asked.segments, self.limits.rate(kind));
        let queue = (account.to_owned(), from.clone());
        let mut backlogs = self.backlogs.lock().unwrap_or_else(PoisonError::into_inner);
        let placed = backlogs.enqueue([(queue, takes)], self.limits.queue, now_us);
        placed.map(|_| ()).map_err(|QueueFull| TwilioError::QueueFull)
    }
}

/// A request being worked on.
#[derive(Debug)]
pub(super) struct InFlight<'a> {
    books: &'a Books,
    account: &'a str,
    count: usize,
}

impl InFlight<'_> {
    /// Of this account when it came, itself included.
    pub(super) fn count(&self) -> usize {
        self.count
    }

    pub(super) fn too_many(&self) -> bool {
        self.count > self.books.limits.concurrency
    }
}

impl Drop for InFlight<'_> {
    fn drop(&mut self) {
        let mut in_flight = self.books.in_flight.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = in_flight.get_mut(self.account) {
            *count -= 1;
            if *count == 0 {
                in_flight.remove(self.account);
            }
        }
    }
}
