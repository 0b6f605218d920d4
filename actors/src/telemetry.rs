//! Every metric of the engine: what it is (`catalogue.rs`), and who counts it; and the spans of its traces.
//!
//! Labels come from closed sets and the names of accounts; never a phone number, an id or a key. What
//! happens with every message goes through handles that are looked up once (`AccountMeters`,
//! `IntakeMeters`, `StepTimes`, [`StoreMeters`]); the rest is rare enough to be looked up each time. What
//! would need a look at all senders is asked of them now and then (`survey.rs`), never per message.

// The one place where the macros may be used, with its submodules.
#![allow(clippy::disallowed_macros)]

mod catalogue;
mod meters;
mod spans;

use metrics::{counter, describe_counter, describe_gauge, describe_histogram, gauge};

pub use self::catalogue::{Kind, Label, METRICS, Metric, document};
pub use self::meters::StoreMeters;
pub(crate) use self::meters::{AccountMeters, IntakeMeters, MailboxMeters, QueueFigures, StepTimes};
pub use self::spans::TRACE;
pub(crate) use self::spans::{accept, answered, ended, hand_over};
use crate::domain::message::Shown;
use crate::ports::StoreError;

/// How an unknown outcome was settled, or what was done about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum UnknownSettled {
    /// The provider told by another way.
    Evidence,
    /// The request is repeated, to the byte.
    Repeat,
    /// The message is sent again, by the account's policy.
    Resend,
    /// It is listed for a person.
    Hold,
    /// A person settled it.
    Person,
}

impl UnknownSettled {
    const ALL: [Self; 5] = [Self::Evidence, Self::Repeat, Self::Resend, Self::Hold, Self::Person];

    const fn as_str(self) -> &'static str {
        match self {
            Self::Evidence => "evidence",
            Self::Repeat => "repeat",
            Self::Resend => "resend",
            Self::Hold => "hold",
            Self::Person => "person",
        }
    }
}

/// What happens to the leases of shards.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LeaseChange {
    /// They are ours now.
    Taken,
    /// We gave them up.
    Released,
    /// They are another process's.
    Lost,
}

/// Tells the recorder the help text and unit of every metric, and begins each counter at zero: one that
/// appears with its first event hides that event from whoever looks at its growth. Once, at the start.
pub fn describe() {
    for Metric { name, kind, unit, help, .. } in METRICS.iter().copied() {
        match kind {
            Kind::Counter => describe_counter!(name, unit, help),
            Kind::Gauge => describe_gauge!(name, unit, help),
            Kind::Histogram(_) => describe_histogram!(name, unit, help),
        }
    }
    for how in UnknownSettled::ALL {
        counter!(catalogue::UNKNOWN_SETTLED.name, "how" => how.as_str()).increment(0);
    }
    for shown in [Shown::Failed, Shown::Cancelled] {
        counter!(catalogue::BELIED.name, "status" => shown.as_str()).increment(0);
    }
    for actor in catalogue::ACTORS {
        counter!(catalogue::RESTARTS.name, "actor" => *actor).increment(0);
    }
    for error in catalogue::ERRORS {
        counter!(catalogue::STORE_ERRORS.name, "error" => *error).increment(0);
    }
    for change in catalogue::CHANGES {
        counter!(catalogue::LEASES.name, "change" => *change).increment(0);
    }
    counter!(catalogue::RENEWALS_FAILED.name).increment(0);
    counter!(catalogue::EXPIRED.name).increment(0);
    for reason in catalogue::LOSSES {
        counter!(catalogue::NOTES_LOST.name, "reason" => *reason).increment(0);
    }
    for check in catalogue::CHECKS {
        not_ready(check, false);
    }
}

/// The version that runs.
pub fn build(version: &'static str) {
    gauge!(catalogue::BUILD.name, "version" => version).set(1.0);
}

/// An error answer of the API.
pub fn api_error(code: &'static str) {
    counter!(catalogue::API_ERRORS.name, "code" => code).increment(1);
}

/// Whether a check of `/readyz` fails.
pub fn not_ready(check: &'static str, fails: bool) {
    gauge!(catalogue::NOT_READY.name, "check" => check).set(f64::from(u8::from(fails)));
}

/// Room left on the disk of the embedded store.
pub fn disk_free(bytes: u64) {
    gauge!(catalogue::DISK_FREE.name).set(in_metrics(bytes));
}

pub(crate) fn unknown_settled(how: UnknownSettled) {
    counter!(catalogue::UNKNOWN_SETTLED.name, "how" => how.as_str()).increment(1);
}

pub(crate) fn expired() {
    counter!(catalogue::EXPIRED.name).increment(1);
}

pub(crate) fn unknown_waiting(messages: u64) {
    gauge!(catalogue::UNKNOWN_WAITING.name).set(in_metrics(messages));
}

pub(crate) fn belied(shown: Shown) {
    counter!(catalogue::BELIED.name, "status" => shown.as_str()).increment(1);
}

pub(crate) fn restarted(actor: &'static str) {
    counter!(catalogue::RESTARTS.name, "actor" => actor).increment(1);
}

pub(crate) fn store_failed(error: &StoreError) {
    let word = match error {
        StoreError::Unanswered => "unanswered",
        StoreError::Full(_) => "full",
        StoreError::Unavailable(_) => "unavailable",
        StoreError::Corrupt(_) => "corrupt",
    };
    counter!(catalogue::STORE_ERRORS.name, "error" => word).increment(1);
}

pub(crate) fn leases(change: LeaseChange, shards: usize) {
    let change = match change {
        LeaseChange::Taken => "taken",
        LeaseChange::Released => "released",
        LeaseChange::Lost => "lost",
    };
    counter!(catalogue::LEASES.name, "change" => change).increment(shards as u64);
}

pub(crate) fn renewal_failed() {
    counter!(catalogue::RENEWALS_FAILED.name).increment(1);
}

pub(crate) fn shards(owned: usize, leaving: usize) {
    gauge!(catalogue::SHARDS.name, "state" => "owned").set(in_metrics(owned as u64));
    gauge!(catalogue::SHARDS.name, "state" => "leaving").set(in_metrics(leaving as u64));
}

/// A note of another process, or for one, was lost: `unreadable`, `no_room` or `not_sent`.
pub fn note_lost(reason: &'static str) {
    counter!(catalogue::NOTES_LOST.name, "reason" => reason).increment(1);
}

/// Of the sending numbers in the directory, and messages at numbers that are not there.
pub(crate) fn senders(live: usize, dormant: usize, homeless: u64) {
    gauge!(catalogue::SENDERS.name, "state" => "live").set(in_metrics(live as u64));
    gauge!(catalogue::SENDERS.name, "state" => "dormant").set(in_metrics(dormant as u64));
    gauge!(catalogue::HOMELESS.name).set(in_metrics(homeless));
}

pub(crate) fn requests_in_flight(requests: usize) {
    gauge!(catalogue::REQUESTS.name).set(in_metrics(requests as u64));
}

// Counts of things in memory, or bytes of a disk: under 2^53, or shown only.
#[allow(clippy::cast_precision_loss)]
const fn in_metrics(count: u64) -> f64 {
    count as f64
}
