//! What was found, for machines (JSON) and for people (a table).

use std::fmt;

use serde::Serialize;

/// The most violations of one promise that are written out.
const EXAMPLES: usize = 20;

/// A promise that is checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum Promise {
    /// An answered message is not lost.
    Durable,
    /// A message is handed over once, and a key stands for one message.
    Once,
    /// What is called failed or cancelled was never accepted.
    Truth,
    /// After a successful cancellation no provider sees the message.
    #[serde(rename = "Truthful cancel")]
    TruthfulCancel,
    /// Conversations keep the order of acceptance.
    Order,
    /// No window holds more than the limit.
    Pace,
}

impl fmt::Display for Promise {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Durable => "Durable",
            Self::Once => "Once",
            Self::Truth => "Truth",
            Self::TruthfulCancel => "Truthful cancel",
            Self::Order => "Order",
            Self::Pace => "Pace",
        })
    }
}

/// What one check found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// What was checked.
    pub promise: Promise,
    /// How many things were judged. None judged is no proof.
    pub checked: u64,
    /// How many violate it.
    pub violations: u64,
    /// The first of them, a line each.
    pub examples: Vec<String>,
}

impl Finding {
    pub(super) fn new(promise: Promise) -> Self {
        Self { promise, checked: 0, violations: 0, examples: Vec::new() }
    }

    pub(super) fn violated(&mut self, line: String) {
        self.violations += 1;
        if self.examples.len() < EXAMPLES {
            self.examples.push(line);
        }
    }
}

/// How much there was of what.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// Requests of clients.
    pub requests: u64,
    /// Messages whose acceptance was answered `200`.
    pub answered: u64,
    /// Of these, immediate ones.
    pub immediate: u64,
    /// Of these, at the end: sent.
    pub sent: u64,
    /// Failed.
    pub failed: u64,
    /// Cancelled.
    pub cancelled: u64,
    /// Listed with an outcome that nobody knows.
    pub unknown: u64,
    /// Anything else: no status, or still on the way.
    pub undecided: u64,
    /// Requests that the provider accepted.
    pub accepted: u64,
    /// Requests that it refused.
    pub refused: u64,
    /// Requests that it answered as before, as repetitions of one that it had accepted.
    pub replayed: u64,
    /// Messages that it accepted and whose answer to a client was lost.
    pub unasked: u64,
    /// Accepted messages of senders whose limits were not given: their pace was not judged.
    pub without_limits: u64,
}

/// The verdict on one run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Report {
    /// One for each promise.
    pub findings: Vec<Finding>,
    /// What the run consisted of.
    pub counts: Counts,
}

impl Report {
    /// Violations of all promises.
    pub fn violations(&self) -> u64 {
        self.findings.iter().map(|finding| finding.violations).sum()
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{:<16} {:>10} {:>11}", "promise", "checked", "violations")?;
        for finding in &self.findings {
            let Finding { promise, checked, violations, examples } = finding;
            writeln!(f, "{promise:<16} {checked:>10} {violations:>11}")?;
            for example in examples {
                writeln!(f, "    {example}")?;
            }
            let hidden = violations.saturating_sub(examples.len() as u64);
            if hidden > 0 {
                writeln!(f, "    and {hidden} more")?;
            }
        }
        let counts = &self.counts;
        writeln!(f)?;
        for (name, count) in [
            ("requests of clients", counts.requests),
            ("messages answered 200", counts.answered),
            ("  immediate", counts.immediate),
            ("  sent", counts.sent),
            ("  failed", counts.failed),
            ("  cancelled", counts.cancelled),
            ("  unknown, listed", counts.unknown),
            ("  undecided", counts.undecided),
            ("ledger: accepted", counts.accepted),
            ("ledger: refused", counts.refused),
            ("ledger: replayed", counts.replayed),
            ("ledger: unasked", counts.unasked),
            ("without limits", counts.without_limits),
        ] {
            writeln!(f, "{name:<24} {count:>10}")?;
        }
        Ok(())
    }
}
