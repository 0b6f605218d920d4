//! What the Twilio face allows, and the books it keeps to know.
//!
//! `Books` owns two counts: requests being worked on per account, and the backlog of each sender,
//! which drains at the sender's rate by the twin's clock.

use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use secrecy::SecretString;

use super::error::TwilioError;
use super::request::{SendRequest, is_e164};

/// Toll-free codes of the North American plan.
const TOLL_FREE: [&str; 7] = ["800", "833", "844", "855", "866", "877", "888"];
/// Drained backlogs are swept out when there are more than this many, or twice those left last time.
const SWEEP_FROM: usize = 1_024;

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

/// What a `From` is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum SenderKind {
    LongCode,
    TollFree,
    ShortCode,
    Elsewhere,
    Name,
}

impl SenderKind {
    /// None: nothing that can send.
    pub(super) fn of(from: &str) -> Option<Self> {
        if is_e164(from) {
            let Some(national) = from.strip_prefix("+1") else { return Some(Self::Elsewhere) };
            let toll_free = TOLL_FREE.iter().any(|code| national.starts_with(code));
            return Some(if toll_free { Self::TollFree } else { Self::LongCode });
        }
        if (3..=8).contains(&from.len()) && from.bytes().all(|byte| byte.is_ascii_digit()) {
            return Some(Self::ShortCode);
        }
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b" +-_&".contains(&byte);
        let is_name = from.len() <= 11
            && from.bytes().all(allowed)
            && from.bytes().any(|byte| byte.is_ascii_alphabetic());
        is_name.then_some(Self::Name)
    }

    const fn rate(self, limits: &TwilioLimits) -> f64 {
        match self {
            Self::LongCode => limits.long_code_rate,
            Self::TollFree => limits.toll_free_rate,
            Self::ShortCode => limits.short_code_rate,
            Self::Elsewhere | Self::Name => limits.elsewhere_rate,
        }
    }
}

/// Limits and counts.
#[derive(Debug)]
pub(super) struct Books {
    limits: TwilioLimits,
    in_flight: Mutex<HashMap<String, usize>>,
    backlogs: Mutex<Backlogs>,
}

#[derive(Debug)]
struct Backlogs {
    /// Account and sender → when all is sent, on the twin's clock.
    empty_at_us: HashMap<(String, String), u64>,
    sweep_above: usize,
}

impl Books {
    /// Nothing counted yet.
    pub(super) fn new(limits: TwilioLimits) -> Self {
        let backlogs = Backlogs { empty_at_us: HashMap::new(), sweep_above: SWEEP_FROM };
        Self { limits, in_flight: Mutex::new(HashMap::new()), backlogs: Mutex::new(backlogs) }
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
    pub(super) fn enqueue(
        &self,
        account: &str,
        request: &SendRequest,
        now_us: u64,
    ) -> Result<(), TwilioError> {
        let Some(from) = &request.from else { return Ok(()) };
        let Some(kind) = SenderKind::of(from) else { return Ok(()) };
        let takes = Duration::try_from_secs_f64(f64::from(request.segments) / kind.rate(&self.limits))
            .unwrap_or(Duration::MAX);

        let mut backlogs = self.backlogs.lock().unwrap_or_else(PoisonError::into_inner);
        backlogs.sweep(now_us);
        let empty_at = backlogs.empty_at_us.entry((account.to_owned(), from.clone())).or_insert(now_us);
        let longest_us = micros(self.limits.queue);
        let empty_then = micros(takes).saturating_add((*empty_at).max(now_us));
        if empty_then - now_us > longest_us {
            return Err(TwilioError::QueueFull);
        }
        *empty_at = empty_then;
        Ok(())
    }
}

impl Backlogs {
    fn sweep(&mut self, now_us: u64) {
        if self.empty_at_us.len() <= self.sweep_above {
            return;
        }
        self.empty_at_us.retain(|_, empty_at| *empty_at > now_us);
        self.sweep_above = SWEEP_FROM.max(self.empty_at_us.len() * 2);
    }
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
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
