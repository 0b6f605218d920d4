//! Handles that are looked up once: what a message passes costs an addition, no look-up.
//!
//! To be made once the recorder of the metrics is there; before that they count nothing.

use std::time::Duration;

use dashmap::DashMap;
use metrics::{Counter, Gauge, Histogram, counter, gauge, histogram};

use super::{catalogue as of, in_metrics};
use crate::domain::ids::{AccountName, ProviderKind};
use crate::domain::message::{Kind, Lane};
use crate::domain::outcome::{Class, Doubt, Outcome};
use crate::engine::NotSent;

/// What happens with every message, of one provider account.
#[derive(Debug)]
pub(crate) struct AccountMeters {
    accepted: [(&'static str, Counter); 4],
    ended: Vec<(&'static str, Counter)>,
    answer_time: Histogram,
    segments: Counter,
    retries: Counter,
    unknown: Vec<(Doubt, Counter)>,
    lateness: Histogram,
    in_flight: Gauge,
    places: Gauge,
    circuit: Gauge,
    depth: Gauge,
    oldest: Gauge,
    held_up: Gauge,
    behind: Gauge,
    pace_used: Gauge,
}

/// What the senders of one account said of their queues.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(crate) struct QueueFigures {
    /// How long ago the oldest message that waits was accepted.
    pub(crate) oldest: Duration,
    /// The longest that one waits although its pace lets it send.
    pub(crate) held_up: Duration,
    /// How many have waited so for long.
    pub(crate) behind: usize,
    /// How much of their limits those with work used, 0 to 1.
    pub(crate) pace_used: f64,
}

const fn lane_label(kind: Kind, lane: Lane) -> &'static str {
    match (kind, lane) {
        (Kind::Immediate, _) => "immediate",
        (Kind::Queued, Lane::Urgent) => "urgent",
        (Kind::Queued, Lane::Normal) => "normal",
        (Kind::Queued, Lane::Bulk) => "bulk",
    }
}

impl AccountMeters {
    /// Of an account at that provider.
    pub(crate) fn new(provider: ProviderKind, account: &AccountName) -> Self {
        let ours = || [("provider", provider.as_str().to_owned()), ("account", account.as_str().to_owned())];
        let with = |name: &'static str, label: &'static str, value: &'static str| {
            let [provider, account] = ours();
            counter!(name, &[provider, account, (label, value.to_owned())])
        };
        let outcomes = Outcome::LABELS.into_iter().chain(Class::ALL.map(Class::as_str));
        Self {
            accepted: ["urgent", "normal", "bulk", "immediate"]
                .map(|lane| (lane, with(of::ACCEPTED.name, "lane", lane))),
            ended: outcomes
                .map(|outcome| (outcome, with(of::HANDED_OVER.name, "outcome", outcome)))
                .collect(),
            answer_time: histogram!(of::PROVIDER_TIME.name, &ours()),
            segments: counter!(of::SEGMENTS.name, &ours()),
            retries: counter!(of::RETRIES.name, &ours()),
            unknown: Doubt::ALL
                .into_iter()
                .map(|doubt| (doubt, with(of::UNKNOWN.name, "reason", doubt.as_str())))
                .collect(),
            lateness: histogram!(of::LATENESS.name, &ours()),
            in_flight: gauge!(of::IN_FLIGHT.name, &ours()),
            places: gauge!(of::PLACES.name, &ours()),
            circuit: gauge!(of::CIRCUIT.name, &ours()),
            depth: gauge!(of::DEPTH.name, &ours()),
            oldest: gauge!(of::OLDEST.name, &ours()),
            held_up: gauge!(of::HELD_UP.name, &ours()),
            behind: gauge!(of::BEHIND.name, &ours()),
            pace_used: gauge!(of::PACE_USED.name, &ours()),
        }
    }

    pub(crate) fn accepted(&self, kind: Kind, lane: Lane, messages: u64) {
        let label = lane_label(kind, lane);
        if let Some((_, counter)) = self.accepted.iter().find(|(name, _)| *name == label) {
            counter.increment(messages);
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

    pub(crate) fn retry(&self) {
        self.retries.increment(1);
    }

    pub(crate) fn unknown(&self, doubt: Doubt) {
        if let Some((_, counter)) = self.unknown.iter().find(|(known, _)| *known == doubt) {
            counter.increment(1);
        }
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

    pub(crate) fn places(&self, allowed: usize) {
        self.places.set(in_metrics(allowed as u64));
    }

    pub(crate) fn circuit(&self, open: bool) {
        self.circuit.set(f64::from(u8::from(open)));
    }

    pub(crate) fn depth(&self, messages: u64) {
        self.depth.set(in_metrics(messages));
    }

    pub(crate) fn queues(&self, figures: QueueFigures) {
        self.oldest.set(figures.oldest.as_secs_f64());
        self.held_up.set(figures.held_up.as_secs_f64());
        self.behind.set(in_metrics(figures.behind as u64));
        self.pace_used.set(figures.pace_used);
    }

    /// A process that works no more says nothing of queues and circuits.
    pub(crate) fn rest(&self) {
        self.circuit(false);
        self.depth(0);
        self.queues(QueueFigures::default());
    }
}

/// What happens with every request.
#[derive(Debug)]
pub(crate) struct IntakeMeters {
    queued_time: Histogram,
    immediate_time: Histogram,
    replayed: Counter,
    refused: Vec<(&'static str, Counter)>,
}

impl IntakeMeters {
    pub(crate) fn new() -> Self {
        let refused =
            of::REASONS.iter().map(|reason| (*reason, counter!(of::REFUSED.name, "reason" => *reason)));
        Self {
            queued_time: histogram!(of::ACCEPT_TIME.name, "kind" => "queued"),
            immediate_time: histogram!(of::ACCEPT_TIME.name, "kind" => "immediate"),
            replayed: counter!(of::REPLAYED.name),
            refused: refused.collect(),
        }
    }

    /// So many messages at once, after the same time.
    pub(crate) fn answered(&self, kind: Kind, took: Duration, messages: usize) {
        match kind {
            Kind::Queued => self.queued_time.record_many(took, messages),
            Kind::Immediate => self.immediate_time.record_many(took, messages),
        }
    }

    pub(crate) fn replayed(&self) {
        self.replayed.increment(1);
    }

    pub(crate) fn refused(&self, why: &NotSent) {
        let reason = why.reason();
        if let Some((_, counter)) = self.refused.iter().find(|(known, _)| *known == reason) {
            counter.increment(1);
        }
    }
}

/// The times of the store's steps.
#[derive(Debug, Default)]
pub(crate) struct StepTimes {
    known: DashMap<&'static str, Histogram>,
}

impl StepTimes {
    pub(crate) fn record(&self, step: &'static str, took: Duration) {
        if let Some(histogram) = self.known.get(step) {
            return histogram.record(took);
        }
        let histogram = histogram!(of::STORE_TIME.name, "step" => step);
        histogram.record(took);
        self.known.insert(step, histogram);
    }
}

/// How long messages lie in mailboxes, and behind how many others.
#[derive(Debug)]
pub(crate) struct MailboxMeters {
    pub(crate) sender: MailboxMeter,
    pub(crate) provider: MailboxMeter,
}

/// Of one kind of actor.
#[derive(Debug)]
pub(crate) struct MailboxMeter {
    wait: Histogram,
    depth: Histogram,
}

impl MailboxMeter {
    /// A question lay so long, behind so many messages.
    pub(crate) fn lay(&self, wait: Duration, behind: u64) {
        self.wait.record(wait);
        self.depth.record(in_metrics(behind));
    }
}

impl MailboxMeters {
    pub(crate) fn new() -> Self {
        let of = |actor| MailboxMeter {
            wait: histogram!(of::MAILBOX.name, "actor" => actor),
            depth: histogram!(of::MAILBOX_DEPTH.name, "actor" => actor),
        };
        Self { sender: of("sender"), provider: of("provider") }
    }
}

/// What an embedded store tells of itself.
#[derive(Debug)]
pub struct StoreMeters {
    group: Histogram,
}

impl StoreMeters {
    /// To be made once the recorder of the metrics is there.
    #[expect(clippy::new_without_default, reason = "not a value: a look-up in the recorder")]
    pub fn new() -> Self {
        Self { group: histogram!(of::GROUP.name) }
    }

    /// So many steps were made durable together.
    pub fn group(&self, steps: usize) {
        self.group.record(in_metrics(steps as u64));
    }
}
