//! All that came back, counted in one place.

use std::collections::BTreeMap;
use std::time::Duration;

use hdrhistogram::CreationError;

use super::client::{Answer, Ended, Loss};
use super::kind::{ByKind, Kind};
use super::latency::Latencies;
use super::letters::Letter;
use super::report::Losses;

/// The most rows of statuses and codes; what would be more counts as the code `other`.
const MOST_ROWS: usize = 100;

/// The longest code or sentence that is kept, in characters.
const LONGEST_TEXT: usize = 300;

/// A status and the code beside it.
pub(super) type Said = (u16, Option<String>);

/// How often something was said.
#[derive(Debug, Default)]
pub(super) struct Row {
    pub(super) count: u64,
    /// The first sentence with it.
    pub(super) detail: Option<String>,
}

/// The counts of a run.
#[derive(Debug)]
pub(super) struct Tally {
    /// Requests begun.
    pub(super) sent: u64,
    /// Requests that were due and found no place among the outstanding.
    pub(super) not_sent: u64,
    /// Messages that the server took.
    pub(super) accepted: u64,
    /// Requests that may have made a message that nobody told us of.
    pub(super) doubtful: u64,
    /// Answered `200`, but not with what the API promises.
    pub(super) wrong: u64,
    /// Of requests answered as expected.
    pub(super) latencies: ByKind<Latencies>,
    /// Of all other requests, to whatever end they came.
    pub(super) otherwise: Latencies,
    /// How much later than its instant a request was begun.
    pub(super) lateness: Latencies,
    pub(super) said: BTreeMap<Said, Row>,
    pub(super) losses: Losses,
}

impl Tally {
    pub(super) fn new() -> Result<Self, CreationError> {
        let latencies = ByKind {
            queued: Latencies::new()?,
            immediate: Latencies::new()?,
            keyed: Latencies::new()?,
            replay: Latencies::new()?,
        };
        Ok(Self {
            sent: 0,
            not_sent: 0,
            accepted: 0,
            doubtful: 0,
            wrong: 0,
            latencies,
            otherwise: Latencies::new()?,
            lateness: Latencies::new()?,
            said: BTreeMap::new(),
            losses: Losses::default(),
        })
    }

    /// Counts one request that came to its end.
    pub(super) fn count(&mut self, letter: &Letter, ended: &Ended, latency: Duration) {
        self.sent += 1;
        if is_doubtful(letter.kind, ended) {
            self.doubtful += 1;
        }
        let is_expected = match ended {
            Ended::Answered(answer) => self.count_answer(letter, answer),
            Ended::Lost(loss) => {
                self.count_loss(*loss);
                false
            }
        };
        let latencies = if is_expected { self.latencies.get_mut(letter.kind) } else { &mut self.otherwise };
        latencies.record(latency);
    }

    /// Is it the answer that the API promises?
    fn count_answer(&mut self, letter: &Letter, answer: &Answer) -> bool {
        self.count_said(answer);
        if answer.status != 200 {
            return false;
        }
        if !answer.is_replay {
            self.accepted += 1;
        }
        let is_expected = is_expected(letter, answer);
        if !is_expected {
            self.wrong += 1;
        }
        is_expected
    }

    fn count_said(&mut self, answer: &Answer) {
        let code = answer.body.code.as_deref().map(cut);
        let mut said = (answer.status, code);
        if self.said.len() >= MOST_ROWS && !self.said.contains_key(&said) {
            said = (0, Some("other".to_owned()));
        }
        let row = self.said.entry(said).or_default();
        row.count += 1;
        if row.detail.is_none() {
            row.detail = answer.body.detail.as_deref().map(cut);
        }
    }

    const fn count_loss(&mut self, loss: Loss) {
        let losses = &mut self.losses;
        *match loss {
            Loss::Connect => &mut losses.connect,
            Loss::Timeout => &mut losses.timeout,
            Loss::Cut => &mut losses.cut,
            Loss::TooLong => &mut losses.too_long,
        } += 1;
    }
}

fn cut(text: &str) -> String {
    text.chars().take(LONGEST_TEXT).collect()
}

/// What API.md §2 promises for a request of this kind.
fn is_expected(letter: &Letter, answer: &Answer) -> bool {
    let Answer { status, is_replay, body } = answer;
    let says = |expected: &str| body.status.as_deref() == Some(expected);
    if *status != 200 || body.message_id.is_none() {
        return false;
    }
    match letter.kind {
        Kind::Queued | Kind::Keyed => says("queued") && !is_replay,
        Kind::Immediate => says("sent") && !is_replay,
        Kind::Replay => says("queued") && *is_replay && body.message_id == letter.expected_id,
    }
}

/// May there be a message that we were not told of? Docs/ERRORS.md says which refusals are certain.
fn is_doubtful(kind: Kind, ended: &Ended) -> bool {
    if kind == Kind::Replay {
        // Its message was told before.
        return false;
    }
    match ended {
        Ended::Lost(loss) => *loss != Loss::Connect,
        Ended::Answered(Answer { status, body, .. }) => {
            let is_certain = matches!(
                body.code.as_deref(),
                Some("send_failed" | "busy" | "store_unavailable" | "stopping" | "not_ready")
            );
            *status >= 500 && !is_certain
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::load::client::Body;

    const LATENCY: Duration = Duration::from_millis(1);

    fn letter(kind: Kind) -> Letter {
        let expected_id = (kind == Kind::Replay).then(|| "first".to_owned());
        Letter { kind, body: "{}".into(), key: None, expected_id }
    }

    fn answer(
        status: u16,
        is_replay: bool,
        id: Option<&str>,
        says: Option<&str>,
        code: Option<&str>,
    ) -> Ended {
        let owned = |text: Option<&str>| text.map(str::to_owned);
        let body =
            Body { message_id: owned(id), status: owned(says), code: owned(code), detail: owned(code) };
        Ended::Answered(Answer { status, is_replay, body })
    }

    #[test]
    fn each_end_of_a_request_is_counted_as_what_it_is() {
        let ok = |says| answer(200, false, Some("first"), Some(says), None);
        let replay = |id| answer(200, true, Some(id), Some("queued"), None);
        let refused = |status, code| answer(status, false, None, None, Some(code));
        // Expected, accepted, doubtful, wrong.
        let table = [
            (Kind::Queued, ok("queued"), [1, 1, 0, 0]),
            (Kind::Keyed, ok("queued"), [1, 1, 0, 0]),
            (Kind::Immediate, ok("sent"), [1, 1, 0, 0]),
            (Kind::Replay, replay("first"), [1, 0, 0, 0]),
            // A key that made a second message.
            (Kind::Replay, ok("queued"), [0, 1, 0, 1]),
            (Kind::Replay, replay("second"), [0, 0, 0, 1]),
            (Kind::Keyed, replay("first"), [0, 0, 0, 1]),
            (Kind::Queued, ok("sent"), [0, 1, 0, 1]),
            (Kind::Immediate, ok("queued"), [0, 1, 0, 1]),
            (Kind::Queued, answer(200, false, None, Some("queued"), None), [0, 1, 0, 1]),
            (Kind::Queued, refused(429, "queue_full"), [0, 0, 0, 0]),
            (Kind::Immediate, refused(500, "send_failed"), [0, 0, 0, 0]),
            (Kind::Immediate, refused(504, "outcome_unknown"), [0, 0, 1, 0]),
            (Kind::Queued, refused(503, "outcome_unknown"), [0, 0, 1, 0]),
            (Kind::Queued, refused(503, "busy"), [0, 0, 0, 0]),
            (Kind::Queued, answer(502, false, None, None, None), [0, 0, 1, 0]),
            (Kind::Queued, Ended::Lost(Loss::Connect), [0, 0, 0, 0]),
            (Kind::Queued, Ended::Lost(Loss::Timeout), [0, 0, 1, 0]),
            (Kind::Queued, Ended::Lost(Loss::Cut), [0, 0, 1, 0]),
            (Kind::Replay, Ended::Lost(Loss::Cut), [0, 0, 0, 0]),
        ];
        for (kind, ended, expected) in table {
            let mut tally = Tally::new().unwrap();
            tally.count(&letter(kind), &ended, LATENCY);
            let measured = tally.latencies.get_mut(kind).summary().map_or(0, |latency| latency.count);
            let counts = [measured, tally.accepted, tally.doubtful, tally.wrong];
            assert_eq!(counts, expected, "{kind:?} {ended:?}");
            let otherwise = tally.otherwise.summary().map_or(0, |latency| latency.count);
            assert_eq!((tally.sent, measured + otherwise), (1, 1), "every request is measured once");
        }
    }

    #[test]
    fn a_server_that_invents_codes_fills_no_memory() {
        let mut tally = Tally::new().unwrap();
        for n in 0..1000 {
            let code = format!("{n}{}", "x".repeat(1000));
            let ended = answer(400, false, None, None, Some(&code));
            tally.count(&letter(Kind::Queued), &ended, LATENCY);
        }
        assert_eq!(tally.said.len(), MOST_ROWS + 1);
        assert_eq!(tally.said.values().map(|row| row.count).sum::<u64>(), 1000);
        assert!(tally.said.keys().all(|(_, code)| code.as_ref().unwrap().len() <= LONGEST_TEXT));
    }
}
