//! Every metric of Sendyard, as data: what is shown to Prometheus, what docs/METRICS.md is made of, and what
//! dashboards and rules are checked against.
//!
//! Invariants: a name, its type, its unit and its labels stand here and nowhere else; the values of a label
//! are a closed set, or the names of the accounts in the directory. So the number of series depends on
//! providers and accounts, never on senders, messages or clients.

use std::fmt::Write;

use metrics::Unit;

/// What a metric is.
#[derive(Debug, Clone, Copy)]
pub enum Kind {
    /// Grows only.
    Counter,
    /// Goes up and down.
    Gauge,
    /// Counts observations in buckets with these upper bounds.
    Histogram(&'static [f64]),
}

/// A label and what it may be.
#[derive(Debug, Clone, Copy)]
pub struct Label {
    /// Its name.
    pub name: &'static str,
    /// Its values; empty where they are the names of accounts.
    pub values: &'static [&'static str],
}

/// One metric.
#[derive(Debug, Clone, Copy)]
pub struct Metric {
    /// Its name.
    pub name: &'static str,
    /// What it is.
    pub kind: Kind,
    /// What it counts or measures.
    pub unit: Unit,
    /// Its labels.
    pub labels: &'static [Label],
    /// One sentence.
    pub help: &'static str,
}

/// In seconds: from an fsync to the longest attempt.
const SECONDS: &[f64] =
    &[0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 25.0, 60.0];

/// Steps of one group of the embedded store.
const MESSAGES: &[f64] = &[0.0, 1.0, 3.0, 10.0, 30.0, 100.0, 300.0, 1000.0, 3000.0, 10_000.0];
const STEPS: &[f64] = &[1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0];

const PROVIDER: Label = Label { name: "provider", values: &["twilio", "telnyx", "vonage"] };
const ACCOUNT: Label = Label { name: "account", values: &[] };
const LANE: Label = Label { name: "lane", values: &["urgent", "normal", "bulk", "immediate"] };
const KIND: Label = Label { name: "kind", values: &["queued", "immediate"] };
const OUTCOME: Label = Label {
    name: "outcome",
    values: &[
        "accepted",
        "never_begun",
        "unknown",
        "recipient",
        "request",
        "content",
        "opted_out",
        "configuration",
        "retry",
        "next_window",
        "sender",
    ],
};
const REASON: Label = Label { name: "reason", values: REASONS };
const DOUBT: Label =
    Label { name: "reason", values: &["no_answer", "connection_lost", "unclear_answer", "process_gone"] };
const HOW: Label = Label { name: "how", values: &["evidence", "repeat", "resend", "hold", "person"] };
const STATUS: Label = Label { name: "status", values: &["failed", "cancelled"] };
const ACTOR: Label = Label { name: "actor", values: ACTORS };
const STEP: Label = Label {
    name: "step",
    values: &[
        "append",
        "append_sending",
        "cancel",
        "claim",
        "evidence",
        "lookup_key",
        "mark_unknown",
        "postpone",
        "release_key",
        "reserve_key",
        "retry",
        "settle",
        "settle_by_hand",
        "settle_unknown",
        "time_up",
    ],
};
const ERROR: Label = Label { name: "error", values: ERRORS };
const CHANGE: Label = Label { name: "change", values: CHANGES };
const STATE: Label = Label { name: "state", values: &["live", "dormant"] };
const SHARD_STATE: Label = Label { name: "state", values: &["owned", "leaving"] };
const LOSS: Label = Label { name: "reason", values: LOSSES };
const CHECK: Label = Label { name: "check", values: CHECKS };

/// Why a send request was refused.
pub(super) const REASONS: &[&str] = &[
    "no_assistant",
    "other_organization",
    "too_long",
    "idempotency_mismatch",
    "idempotency_in_progress",
    "expires_before",
    "queue_full",
    "organization_full",
    "busy",
    "provider_out",
    "store_unavailable",
    "outcome_unknown",
    "refused",
    "unknown",
    "stopping",
];

/// Kinds of actors.
pub(super) const ACTORS: &[&str] = &["directory", "provider", "sender", "sweeper"];

/// What a store can say instead of doing a step.
pub(super) const ERRORS: &[&str] = &["unanswered", "full", "unavailable", "corrupt"];

/// What can happen to the lease of a shard.
pub(super) const CHANGES: &[&str] = &["taken", "released", "lost"];

/// How a note between processes can be lost.
pub(super) const LOSSES: &[&str] = &["unreadable", "no_room", "not_sent"];

/// What `/readyz` looks at.
pub(super) const CHECKS: &[&str] = &["draining", "store", "leases", "directory", "disk_space"];

const NONE: &[Label] = &[];
const OF_ACCOUNT: &[Label] = &[PROVIDER, ACCOUNT];

const fn counter(name: &'static str, labels: &'static [Label], help: &'static str) -> Metric {
    Metric { name, kind: Kind::Counter, unit: Unit::Count, labels, help }
}

const fn gauge(name: &'static str, unit: Unit, labels: &'static [Label], help: &'static str) -> Metric {
    Metric { name, kind: Kind::Gauge, unit, labels, help }
}

const fn seconds(name: &'static str, labels: &'static [Label], help: &'static str) -> Metric {
    Metric { name, kind: Kind::Histogram(SECONDS), unit: Unit::Seconds, labels, help }
}

macro_rules! catalogue {
    ($($constant:ident = $metric:expr;)*) => {
        $(pub(super) const $constant: Metric = $metric;)*

        /// All of them, in the order in which they are documented.
        pub const METRICS: &[Metric] = &[$($constant),*];
    };
}

catalogue! {
    ACCEPTED = counter("sendyard_messages_accepted_total", &[PROVIDER, ACCOUNT, LANE],
        "Messages accepted and durable.");
    REFUSED = counter("sendyard_requests_refused_total", &[REASON],
        "Send requests that the engine refused, by reason.");
    API_ERRORS = counter("sendyard_api_errors_total", &[Label { name: "code", values: &[] }],
        "Error answers of the API, by code (docs/ERRORS.md).");
    REPLAYED = counter("sendyard_idempotent_replays_total", NONE,
        "Send requests answered again under their idempotency key.");
    ACCEPT_TIME = seconds("sendyard_accept_seconds", &[KIND],
        "From a send request's arrival to its answer; of an immediate one that includes the provider.");
    REQUESTS = gauge("sendyard_requests_in_flight", Unit::Count, NONE,
        "Requests of clients inside the engine.");

    HANDED_OVER = counter("sendyard_hand_overs_total", &[PROVIDER, ACCOUNT, OUTCOME],
        "Attempts that ended, by outcome.");
    SEGMENTS = counter("sendyard_segments_handed_over_total", OF_ACCOUNT,
        "Segments of messages that the provider took, as it counts them.");
    RETRIES = counter("sendyard_retries_total", OF_ACCOUNT,
        "Refused attempts that will be repeated.");
    LATENESS = seconds("sendyard_hand_over_lateness_seconds", OF_ACCOUNT,
        "From the instant at which a message's turn had come, by pace and place, to its write.");
    PROVIDER_TIME = seconds("sendyard_provider_answer_seconds", OF_ACCOUNT,
        "From a hand-over's write to its outcome.");
    UNKNOWN = counter("sendyard_unknown_outcomes_total", &[PROVIDER, ACCOUNT, DOUBT],
        "Attempts whose outcome nobody knows, by reason.");
    UNKNOWN_SETTLED = counter("sendyard_unknown_outcomes_settled_total", &[HOW],
        "Unknown outcomes settled, or acted upon, by how.");
    UNKNOWN_WAITING = gauge("sendyard_unknown_outcomes_waiting", Unit::Count, NONE,
        "Messages of unknown outcome for which evidence is waited for now.");
    EXPIRED = counter("sendyard_messages_expired_total", NONE,
        "Messages that expired before they were handed over.");
    BELIED = counter("sendyard_contradicting_evidence_total", &[STATUS],
        "Providers' word that they have a message that is failed or cancelled.");
    IN_FLIGHT = gauge("sendyard_attempts_in_flight", Unit::Count, OF_ACCOUNT,
        "Attempts in flight and places granted for the next ones.");
    PLACES = gauge("sendyard_places_allowed", Unit::Count, OF_ACCOUNT,
        "Attempts that may be in flight while the circuit is closed; shrinks when the provider is in trouble.");
    CIRCUIT = gauge("sendyard_circuit_open", Unit::Count, OF_ACCOUNT,
        "1 while the circuit of an account is open, else 0.");

    DEPTH = gauge("sendyard_queue_depth", Unit::Count, OF_ACCOUNT,
        "Messages that wait, by the account of their number. Read every ten seconds.");
    HOMELESS = gauge("sendyard_queue_depth_without_number", Unit::Count, NONE,
        "Messages that wait at numbers that the directory has no more: nobody sends them.");
    OLDEST = gauge("sendyard_oldest_waiting_seconds", Unit::Seconds, OF_ACCOUNT,
        "How long ago the oldest message that waits was accepted. Asked of the senders every five seconds.");
    HELD_UP = gauge("sendyard_held_up_seconds", Unit::Seconds, OF_ACCOUNT,
        "The longest that a sender waits for a place, a circuit or the store although its pace lets it send.");
    BEHIND = gauge("sendyard_senders_behind", Unit::Count, OF_ACCOUNT,
        "Senders that have waited so for more than five seconds: they fall behind their limit.");
    PACE_USED = gauge("sendyard_pace_used_ratio", Unit::Count, OF_ACCOUNT,
        "Of senders with a limit and with work: how much of it their last window used, on average, 0 to 1.");
    SENDERS = gauge("sendyard_senders", Unit::Count, &[STATE],
        "Sending numbers of the directory: live ones have an actor, dormant ones nothing to do.");
    MAILBOX = seconds("sendyard_mailbox_wait_seconds", &[ACTOR],
        "How long a message that each sender and provider actor is sent every five seconds lay in its mailbox.");
    MAILBOX_DEPTH = Metric { name: "sendyard_mailbox_depth", kind: Kind::Histogram(MESSAGES), unit: Unit::Count,
        labels: &[ACTOR], help: "Behind how many messages it lay there." };
    RESTARTS = counter("sendyard_actor_restarts_total", &[ACTOR],
        "Actors restarted after a failure.");

    STORE_TIME = seconds("sendyard_store_step_seconds", &[STEP],
        "From asking the store for a step to its answer.");
    STORE_ERRORS = counter("sendyard_store_errors_total", &[ERROR],
        "Steps that the store did not do, or did not say that it did.");
    GROUP = Metric { name: "sendyard_store_group_size", kind: Kind::Histogram(STEPS), unit: Unit::Count,
        labels: NONE, help: "Steps that the embedded store made durable together." };
    SHARDS = gauge("sendyard_shards", Unit::Count, &[SHARD_STATE],
        "Shards of senders, of 256, that this process works with, or is giving up to another.");
    LEASES = counter("sendyard_lease_changes_total", &[CHANGE],
        "Leases of shards on a store that several processes share: taken, given up, or lost to another.");
    RENEWALS_FAILED = counter("sendyard_lease_renewals_failed_total", NONE,
        "Times that the leases could not be renewed, as the store did not answer.");
    NOTES_LOST = counter("sendyard_notes_lost_total", &[LOSS],
        "Notes between processes that were lost: what they were about is found a moment later.");
    DISK_FREE = gauge("sendyard_store_disk_free_bytes", Unit::Bytes, NONE,
        "Room left on the disk of the embedded store.");

    NOT_READY = gauge("sendyard_not_ready", Unit::Count, &[CHECK],
        "1 for each check of /readyz that fails, else 0.");
    BUILD = gauge("sendyard_build_info", Unit::Count, &[Label { name: "version", values: &[] }],
        "1, with the version as its label.");
}

impl Metric {
    const fn kind_word(&self) -> &'static str {
        match self.kind {
            Kind::Counter => "counter",
            Kind::Gauge => "gauge",
            Kind::Histogram(_) => "histogram",
        }
    }
}

/// docs/METRICS.md, whole.
pub fn document() -> String {
    let mut text = String::from(HEAD);
    for metric in METRICS {
        let labels = metric.labels.iter().map(|label| format!("`{}`", label.name)).collect::<Vec<_>>();
        let labels = labels.join(", ");
        // Writing to a string does not fail.
        let _ = writeln!(text, "| `{}` | {} | {labels} | {} |", metric.name, metric.kind_word(), metric.help);
    }
    text.push_str(BETWEEN);
    let mut told: Vec<Label> = Vec::new();
    for metric in METRICS {
        for label in metric.labels.iter().filter(|label| !label.values.is_empty()) {
            if told.iter().any(|other| other.values == label.values) {
                continue;
            }
            // Two of one name are told apart by who has them.
            let named_alike = told.iter().any(|other| other.name == label.name);
            let of = if named_alike { format!(" of `{}`", metric.name) } else { String::new() };
            told.push(*label);
            let values = label.values.iter().map(|value| format!("`{value}`")).collect::<Vec<_>>();
            let _ = writeln!(text, "| `{}`{of} | {} |", label.name, values.join(", "));
        }
    }
    text.push_str(TAIL);
    text
}

const HEAD: &str = "# Metrics

Made by `sendyard metrics`; do not edit. They are at `/metrics`, on a port of their own unless `metrics.listen` is empty.
What to look at and what to do about it: [OPERATIONS.md](OPERATIONS.md).

| metric | type | labels | |
|---|---|---|---|
";

const BETWEEN: &str = "
Figures are of one process: add them up over all (`sum`), or take the largest (`max`) of ages, circuits and checks. What is told of
queues, senders and unknown outcomes is of the shards that a process works with, so each is told by one process and a sum counts it
once; for some seconds after a shard has moved by two or none. Counters begin at zero with the process. No label holds a phone number, an id or a key, and 10,000 senders make as many series as ten.

| label | values |
|---|---|
";

const TAIL: &str = "| `account` | names of provider accounts in the directory |
| `code` | the codes in [ERRORS.md](ERRORS.md) |
| `version` | the program's |

Beside these there are the usual figures of the process: `process_cpu_seconds_total`, `process_resident_memory_bytes`,
`process_virtual_memory_bytes`, `process_virtual_memory_max_bytes`, `process_open_fds`, `process_max_fds`, `process_threads`,
`process_start_time_seconds`.
";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::ids::ProviderKind;
    use crate::domain::message::Shown;
    use crate::domain::outcome::{Class, Doubt, Outcome};

    #[test]
    fn the_closed_sets_are_those_of_the_types_behind_them() {
        let outcomes: Vec<_> = Outcome::LABELS.into_iter().chain(Class::ALL.map(Class::as_str)).collect();
        assert_eq!(OUTCOME.values, outcomes);
        assert_eq!(DOUBT.values, Doubt::ALL.map(Doubt::as_str));
        let providers = [ProviderKind::Twilio, ProviderKind::Telnyx, ProviderKind::Vonage];
        assert_eq!(PROVIDER.values, providers.map(ProviderKind::as_str));
        assert_eq!(STATUS.values, [Shown::Failed.as_str(), Shown::Cancelled.as_str()]);
    }

    #[test]
    fn names_are_unique_and_follow_the_customs() {
        let mut names: Vec<_> = METRICS.iter().map(|metric| metric.name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), METRICS.len());
        for metric in METRICS {
            assert!(metric.name.starts_with("sendyard_"), "{}", metric.name);
            assert_eq!(
                metric.name.ends_with("_total"),
                matches!(metric.kind, Kind::Counter),
                "{}",
                metric.name
            );
            assert_eq!(metric.name.ends_with("_seconds"), metric.unit == Unit::Seconds, "{}", metric.name);
            assert!(metric.help.ends_with('.'), "{}", metric.name);
        }
    }
}
