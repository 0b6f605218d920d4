//! What a run reached, for machines (JSON) and for people.
//!
//! The JSON's names are promised in docs/LOAD.md: fields may be added, none goes or changes.

use std::fmt;
use std::time::Duration;

use serde::Serialize;

use super::kind::ByKind;
pub use super::latency::Latency;
use super::plan::Arrivals;
use super::tally::Tally;

/// What a run reached.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    /// `closed` or `open`.
    #[serde(rename = "loop")]
    kind: &'static str,
    /// Of a closed loop.
    connections: Option<usize>,
    /// Of an open loop.
    rate_per_second: Option<f64>,
    /// Of an open loop: the most requests without an answer.
    outstanding_limit: Option<usize>,
    /// From the first request to the last answer.
    elapsed_us: u64,
    /// How many requests came to which end.
    pub requests: Requests,
    /// Answers in a second, of whatever kind.
    answers_per_second: f64,
    /// Messages that the server said it took: `200`, and no replay.
    pub accepted: u64,
    /// Requests without a clear answer: each may have made one more message.
    pub doubtful: u64,
    /// Where latency begins: `scheduled`, the instant for which a request was planned, or `sent`.
    latency_from: &'static str,
    /// Of the requests that were answered as expected, by kind; null where there was none.
    latency_us: ByKind<Option<Latency>>,
    /// Of the others, to whatever end they came.
    latency_otherwise_us: Option<Latency>,
    /// Of an open loop: how much later than its instant a request was begun, by the generator's fault.
    lateness_us: Option<Latency>,
    /// What was answered how often.
    pub answers: Vec<AnswerRow>,
    /// Requests without an answer.
    pub errors: Losses,
    /// How the provider's stand-in agrees, where there is one.
    pub twin: Option<Agreement>,
    /// Was everything as expected? The exit code says the same.
    ok: bool,
}

/// How many requests came to which end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Requests {
    /// Were begun.
    pub sent: u64,
    /// Were answered as the API promises for their kind.
    pub as_expected: u64,
    /// Came to another end: `wrong`, refused, or no answer.
    pub unexpected: u64,
    /// Of these, answered `200`, but not with what the API promises.
    pub wrong: u64,
    /// Of an open loop: were due, but as many as allowed were outstanding.
    pub not_sent: u64,
}

/// A status and a code that were answered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AnswerRow {
    /// Of HTTP; 0 beside the code `other`, which gathers what is too varied to list.
    pub status: u16,
    /// The error's code; null where there is none.
    pub code: Option<String>,
    /// How often.
    pub count: u64,
    /// The first sentence that came with it.
    pub detail: Option<String>,
}

/// Requests without an answer, by why.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Losses {
    /// No connection was made.
    pub connect: u64,
    /// The time was over.
    pub timeout: u64,
    /// The connection broke before the answer's end.
    pub cut: u64,
    /// The answer is longer than any of the API.
    pub too_long: u64,
}

impl Losses {
    /// All of them.
    pub const fn total(&self) -> u64 {
        self.connect + self.timeout + self.cut + self.too_long
    }
}

/// How the ledger of the provider's stand-in agrees with the answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Agreement {
    /// Messages that the server said it took.
    pub accepted: u64,
    /// Messages that it may have taken besides.
    pub doubtful: u64,
    /// Requests that the stand-in accepted since the start.
    pub hand_overs: u64,
    /// Requests that it refused since the start.
    pub refused: u64,
    /// Are there as many hand-overs as accepted messages, or more by no more than the doubtful ones?
    pub agree: bool,
    /// How long they were waited for.
    pub waited_us: u64,
}

impl Report {
    pub(super) fn of(arrivals: Arrivals, elapsed: Duration, tally: &Tally) -> Self {
        let summaries = &tally.latencies;
        let latency_us = ByKind {
            queued: summaries.queued.summary(),
            immediate: summaries.immediate.summary(),
            keyed: summaries.keyed.summary(),
            replay: summaries.replay.summary(),
        };
        let as_expected = [latency_us.queued, latency_us.immediate, latency_us.keyed, latency_us.replay]
            .into_iter()
            .flatten()
            .map(|latency| latency.count)
            .sum();
        let requests = Requests {
            sent: tally.sent,
            as_expected,
            unexpected: tally.sent - as_expected,
            wrong: tally.wrong,
            not_sent: tally.not_sent,
        };
        let answers = tally.said.iter().map(|((status, code), row)| AnswerRow {
            status: *status,
            code: code.clone(),
            count: row.count,
            detail: row.detail.clone(),
        });
        let (kind, connections, rate_per_second, outstanding_limit, latency_from) = match arrivals {
            Arrivals::Closed { connections } => ("closed", Some(connections), None, None, "sent"),
            Arrivals::Open { rate, outstanding } => {
                ("open", None, Some(rate.per_second()), Some(outstanding), "scheduled")
            }
        };
        let answered = tally.sent - tally.losses.total();
        Self {
            kind,
            connections,
            rate_per_second,
            outstanding_limit,
            elapsed_us: micros(elapsed),
            requests,
            answers_per_second: per_second(answered, elapsed),
            accepted: tally.accepted,
            doubtful: tally.doubtful,
            latency_from,
            latency_us,
            latency_otherwise_us: tally.otherwise.summary(),
            lateness_us: tally.lateness.summary(),
            answers: answers.collect(),
            errors: tally.losses,
            twin: None,
            ok: requests.unexpected == 0 && requests.not_sent == 0,
        }
    }

    /// Adds what the provider's stand-in says.
    pub fn compare(&mut self, twin: Agreement) {
        self.twin = Some(twin);
        self.ok &= twin.agree;
    }

    /// Was every request sent and answered as expected, and does the stand-in agree?
    pub const fn is_ok(&self) -> bool {
        self.ok
    }
}

pub(super) fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

/// Zero where no time has passed.
#[expect(clippy::cast_precision_loss, reason = "a rate of so many is no exact figure")]
pub(super) fn per_second(count: u64, elapsed: Duration) -> f64 {
    let seconds = elapsed.as_secs_f64();
    if seconds > 0.0 { count as f64 / seconds } else { 0.0 }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.write_head(f)?;
        self.write_latencies(f)?;
        self.write_answers(f)?;
        if let Some(twin) = &self.twin {
            write!(f, "\n{twin}")?;
        }
        Ok(())
    }
}

impl Report {
    fn write_head(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Requests { sent, as_expected, unexpected, not_sent, .. } = self.requests;
        let (took, rate) = (Micros(self.elapsed_us), self.answers_per_second);
        writeln!(f, "{sent} requests in {took}, {rate:.0} answers/s")?;
        match (self.connections, self.rate_per_second) {
            (Some(connections), _) => {
                writeln!(
                    f,
                    "closed loop, {connections} connections: latency is from a request to its answer"
                )?;
            }
            (None, rate) => {
                let rate = rate.unwrap_or_default();
                writeln!(f, "open loop, {rate}/s: latency is from the scheduled instant to the answer")?;
            }
        }
        writeln!(f, "as expected {as_expected}, otherwise {unexpected}, not sent {not_sent}")
    }

    fn write_latencies(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let by_kind = &self.latency_us;
        let rows = [
            ("queued", by_kind.queued),
            ("immediate", by_kind.immediate),
            ("keyed", by_kind.keyed),
            ("replay", by_kind.replay),
            ("otherwise", self.latency_otherwise_us),
            ("begun late by", self.lateness_us),
        ];
        let (p50, p90, p99, p99_9, max) = ("p50", "p90", "p99", "p99.9", "max");
        writeln!(f, "\n{:<14} {:>9} {p50:>9} {p90:>9} {p99:>9} {p99_9:>9} {max:>9}", "latency", "count")?;
        for (name, latency) in rows {
            let Some(Latency { count, p50, p90, p99, p99_9, max }) = latency else { continue };
            let [p50, p90, p99, p99_9, max] = [p50, p90, p99, p99_9, max].map(Micros);
            writeln!(f, "{name:<14} {count:>9} {p50:>9} {p90:>9} {p99:>9} {p99_9:>9} {max:>9}")?;
        }
        Ok(())
    }

    fn write_answers(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "\n{:<28} {:>9}", "answer", "count")?;
        for AnswerRow { status, code, count, detail } in &self.answers {
            let said = format!("{status} {}", code.as_deref().unwrap_or_default());
            write!(f, "{:<28} {count:>9}", said.trim_end())?;
            if let Some(detail) = detail {
                write!(f, "  {detail}")?;
            }
            writeln!(f)?;
        }
        let Losses { connect, timeout, cut, too_long } = self.errors;
        let wrong = self.requests.wrong;
        for (name, count) in [
            ("  200, but not as promised", wrong),
            ("none: not connected", connect),
            ("none: timed out", timeout),
            ("none: cut off", cut),
            ("none: too long", too_long),
        ] {
            if count > 0 {
                writeln!(f, "{name:<28} {count:>9}")?;
            }
        }
        Ok(())
    }
}

impl fmt::Display for Agreement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { accepted, doubtful, hand_overs, refused, agree, waited_us } = *self;
        let verdict = if agree { "they agree" } else { "they do not agree" };
        let waited = Micros(waited_us);
        write!(f, "accepted {accepted}, handed over {hand_overs}: {verdict}, after {waited}")?;
        for (count, what) in [(doubtful, "without a clear answer"), (refused, "refused by the twin")] {
            if count > 0 {
                write!(f, "; {count} {what}")?;
            }
        }
        writeln!(f)
    }
}

/// Microseconds, for people.
pub(super) struct Micros(pub(super) u64);

impl fmt::Display for Micros {
    #[expect(clippy::cast_precision_loss, reason = "three digits are shown")]
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let micros = self.0;
        let text = match micros {
            0..1_000 => format!("{micros} us"),
            1_000..1_000_000 => format!("{:.1} ms", micros as f64 / 1e3),
            _ => format!("{:.2} s", micros as f64 / 1e6),
        };
        f.pad(&text)
    }
}
