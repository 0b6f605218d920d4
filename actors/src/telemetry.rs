//! Every metric, label and log event of the engine, once.
//!
//! Labels come from closed sets (provider, account, class, lane); never a phone number, an id or a
//! key. Durations are histograms in seconds.

// The one place where the macros may be used.
#![allow(clippy::disallowed_macros)]

use std::time::Duration;

use dashmap::DashMap;
use metrics::{
    Counter, Gauge, Histogram, Unit, counter, describe_counter, describe_gauge, describe_histogram, gauge,
    histogram,
};

use crate::domain::ids::{AccountName, ProviderKind};
use crate::domain::message::{Kind, Shown};
use crate::domain::outcome::{Class, Doubt, Outcome};

const ACCEPTED: &str = "sendyard_messages_accepted_total";
const REFUSED: &str = "sendyard_requests_refused_total";
const REPLAYED: &str = "sendyard_idempotent_replays_total";
const HANDED_OVER: &str = "sendyard_hand_overs_total";
const SEGMENTS: &str = "sendyard_segments_handed_over_total";
const RETRIES: &str = "sendyard_retries_total";
const UNKNOWN: &str = "sendyard_unknown_outcomes_total";
const UNKNOWN_SETTLED: &str = "sendyard_unknown_outcomes_settled_total";
const BELIED: &str = "sendyard_evidence_against_us_total";
const RESTARTS: &str = "sendyard_actor_restarts_total";
const ACCEPT_TIME: &str = "sendyard_accept_seconds";
const PROVIDER_TIME: &str = "sendyard_provider_answer_seconds";
const STORE_TIME: &str = "sendyard_store_step_seconds";
const LATENESS: &str = "sendyard_hand_over_lateness_seconds";
const IN_FLIGHT: &str = "sendyard_attempts_in_flight";
const CIRCUIT: &str = "sendyard_circuit_open";
const SENDERS: &str = "sendyard_senders_running";
const SHARDS: &str = "sendyard_shards";
const NOTES_LOST: &str = "sendyard_notes_lost_total";

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

/// Tells the recorder the help text and unit of every metric. Once, at the start.
pub fn describe() {
    describe_counter!(ACCEPTED, Unit::Count, "Messages accepted and durable, by provider and kind.");
    describe_counter!(REFUSED, Unit::Count, "Send requests refused, by reason.");
    describe_counter!(REPLAYED, Unit::Count, "Send requests answered again under their idempotency key.");
    describe_counter!(HANDED_OVER, Unit::Count, "Attempts that ended, by provider, account and outcome.");
    describe_counter!(SEGMENTS, Unit::Count, "Segments of accepted messages, by provider and account.");
    describe_counter!(
        RETRIES,
        Unit::Count,
        "Refused attempts that will be repeated, by provider and account."
    );
    describe_counter!(UNKNOWN, Unit::Count, "Attempts whose outcome nobody knows, by provider and reason.");
    describe_counter!(
        UNKNOWN_SETTLED,
        Unit::Count,
        "Unknown outcomes settled, or acted upon, by how: evidence, a repeat, a resend, a hold, a person."
    );
    describe_counter!(
        BELIED,
        Unit::Count,
        "Providers' word that they have a message that is failed or cancelled, by its status."
    );
    describe_counter!(RESTARTS, Unit::Count, "Actors restarted after a failure, by kind of actor.");
    describe_histogram!(ACCEPT_TIME, Unit::Seconds, "From a send request's arrival to its answer, by kind.");
    describe_histogram!(
        PROVIDER_TIME,
        Unit::Seconds,
        "From a hand-over's write to its outcome, by provider."
    );
    describe_histogram!(
        STORE_TIME,
        Unit::Seconds,
        "From asking the store for a step to its answer, by step."
    );
    describe_histogram!(
        LATENESS,
        Unit::Seconds,
        "From the instant a message was due to its write, by provider."
    );
    describe_gauge!(
        IN_FLIGHT,
        Unit::Count,
        "Attempts in flight and places granted for the next ones, by provider account."
    );
    describe_gauge!(
        CIRCUIT,
        Unit::Count,
        "1 while the circuit of a provider account is open, else 0, by account."
    );
    describe_gauge!(SENDERS, Unit::Count, "Sender actors that run.");
    describe_gauge!(
        SHARDS,
        Unit::Count,
        "Shards that this process works with, or is giving up to another, by state."
    );
    describe_counter!(
        NOTES_LOST,
        Unit::Count,
        "Notes between processes that were lost, by why: what they were about is found a moment later."
    );
}

const fn kind_label(kind: Kind) -> &'static str {
    match kind {
        Kind::Queued => "queued",
        Kind::Immediate => "immediate",
    }
}

pub(crate) fn accepted(provider: ProviderKind, kind: Kind) {
    counter!(ACCEPTED, "provider" => provider.as_str(), "kind" => kind_label(kind)).increment(1);
}

pub(crate) fn refused(reason: &'static str) {
    counter!(REFUSED, "reason" => reason).increment(1);
}

pub(crate) fn replayed() {
    counter!(REPLAYED).increment(1);
}

pub(crate) fn accept_time(kind: Kind, took: Duration) {
    histogram!(ACCEPT_TIME, "kind" => kind_label(kind)).record(took);
}

/// What happens with every message, of one provider account: its metrics are looked up once.
#[derive(Debug)]
pub(crate) struct AccountMeters {
    ended: Vec<(&'static str, Counter)>,
    answer_time: Histogram,
    segments: Counter,
    lateness: Histogram,
    in_flight: Gauge,
}

impl AccountMeters {
    /// Of an account at that provider. To be made once the recorder of the metrics is there.
    pub(crate) fn new(provider: ProviderKind, account: &AccountName) -> Self {
        let (provider, name) = (provider.as_str(), account.as_str());
        let outcomes = Outcome::LABELS.into_iter().chain(Class::ALL.map(Class::as_str));
        let ended = outcomes.map(|outcome| {
            let labels = [
                ("provider", provider.to_owned()),
                ("account", name.to_owned()),
                ("outcome", outcome.to_owned()),
            ];
            (outcome, counter!(HANDED_OVER, &labels))
        });
        Self {
            ended: ended.collect(),
            answer_time: histogram!(PROVIDER_TIME, "provider" => provider),
            segments: counter!(SEGMENTS, "provider" => provider, "account" => name.to_owned()),
            lateness: histogram!(LATENESS, "provider" => provider),
            in_flight: gauge!(IN_FLIGHT, "account" => name.to_owned()),
        }
    }

    pub(crate) fn attempt_ended(&self, outcome: &Outcome, took: Duration) {
        let label = outcome.label();
        if let Some((_, counter)) = self.ended.iter().find(|(name, _)| *name == label) {
            counter.increment(1);
        }
        self.answer_time.record(took);
    }

    pub(crate) fn segments(&self, segments: u32) {
        self.segments.increment(u64::from(segments));
    }

    pub(crate) fn lateness(&self, late: Duration) {
        self.lateness.record(late);
    }

    // By steps: a count that was read and then written late would stay.
    pub(crate) fn place_taken(&self) {
        self.in_flight.increment(1.0);
    }

    pub(crate) fn place_back(&self) {
        self.in_flight.decrement(1.0);
    }
}

/// The times of the store's steps: each step's metric is looked up once.
#[derive(Debug, Default)]
pub(crate) struct StepTimes {
    known: DashMap<&'static str, Histogram>,
}

impl StepTimes {
    pub(crate) fn record(&self, step: &'static str, took: Duration) {
        if let Some(histogram) = self.known.get(step) {
            return histogram.record(took);
        }
        let histogram = histogram!(STORE_TIME, "step" => step);
        histogram.record(took);
        self.known.insert(step, histogram);
    }
}

pub(crate) fn retry(provider: ProviderKind, account: &AccountName) {
    let account = account.as_str().to_owned();
    counter!(RETRIES, "provider" => provider.as_str(), "account" => account).increment(1);
}

pub(crate) fn unknown(provider: ProviderKind, doubt: Doubt) {
    counter!(UNKNOWN, "provider" => provider.as_str(), "reason" => doubt.as_str()).increment(1);
}

pub(crate) fn unknown_settled(how: UnknownSettled) {
    counter!(UNKNOWN_SETTLED, "how" => how.as_str()).increment(1);
}

pub(crate) fn belied(shown: Shown) {
    counter!(BELIED, "status" => shown.as_str()).increment(1);
}

pub(crate) fn restarted(actor: &'static str) {
    counter!(RESTARTS, "actor" => actor).increment(1);
}

pub(crate) fn circuit(account: &AccountName, open: bool) {
    gauge!(CIRCUIT, "account" => account.as_str().to_owned()).set(if open { 1.0 } else { 0.0 });
}

// A count of things in memory: far under 2^53.
#[allow(clippy::cast_precision_loss)]
pub(crate) fn senders_running(senders: usize) {
    gauge!(SENDERS).set(senders as f64);
}

// 256 at the most.
#[allow(clippy::cast_precision_loss)]
pub(crate) fn shards(owned: usize, leaving: usize) {
    gauge!(SHARDS, "state" => "owned").set(owned as f64);
    gauge!(SHARDS, "state" => "leaving").set(leaving as f64);
}

/// A note of another process, or for one, was lost: `unreadable`, `no_room` or `not_sent`.
pub fn note_lost(why: &'static str) {
    counter!(NOTES_LOST, "why" => why).increment(1);
}
