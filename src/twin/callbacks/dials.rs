//! The dials of callbacks, and the course they give a message: a pure function of dials, seed and the
//! request's number in the ledger.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{Event, Failure, State};
use crate::twin::dice::{self, Throw};
use crate::twin::faults::{LONGEST_HOLD_MS, Share};

/// Between two states unless told otherwise, in milliseconds.
const DEFAULT_DELAY_MS: u64 = 100;

/// Dials of all callbacks; as they stand when a message is accepted, so they hold for all of its
/// callbacks. Shares are drawn apart from each other.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(in crate::twin) struct CallbackDials {
    /// From the acceptance to the first state, and from each to the next.
    delay_ms: u64,
    /// And up to this much longer.
    delay_jitter_ms: u64,
    /// Messages that fail.
    failed: Option<Share>,
    /// Messages whose first callback comes before the answer to their request.
    early: Option<Share>,
    /// Messages whose callbacks come late.
    late: Option<Late>,
    /// Messages whose callbacks come last first.
    disordered: Option<Share>,
    /// Callbacks that come twice.
    doubled: Option<Share>,
    /// Callbacks that never come.
    lost: Option<Share>,
}

/// Of the messages, by how much.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Late {
    share: f64,
    ms: u64,
}

impl Default for CallbackDials {
    fn default() -> Self {
        Self {
            delay_ms: DEFAULT_DELAY_MS,
            delay_jitter_ms: 0,
            failed: None,
            early: None,
            late: None,
            disordered: None,
            doubled: None,
            lost: None,
        }
    }
}

/// A callback and its time.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Step {
    /// On the twin's clock.
    pub(super) due_us: u64,
    pub(super) event: Event,
}

/// All callbacks of a message, in the order in which they go.
#[derive(Debug, Default)]
pub(super) struct Course {
    pub(super) steps: VecDeque<Step>,
    /// How many never come.
    pub(super) lost: u64,
    /// The first comes before the answer.
    pub(super) early: bool,
}

impl CallbackDials {
    /// The error is a sentence.
    pub(in crate::twin) fn check(&self) -> Result<(), String> {
        let plain = |dial: Option<Share>| dial.map_or(0.0, |dial| dial.share);
        for (dial, share) in [
            ("failed", plain(self.failed)),
            ("early", plain(self.early)),
            ("late", self.late.map_or(0.0, |dial| dial.share)),
            ("disordered", plain(self.disordered)),
            ("doubled", plain(self.doubled)),
            ("lost", plain(self.lost)),
        ] {
            if !(0.0..=1.0).contains(&share) {
                return Err(format!("the share of {dial} is {share}, it must be from 0 to 1"));
            }
        }
        for (field, ms) in [
            ("delay_ms", self.delay_ms),
            ("delay_jitter_ms", self.delay_jitter_ms),
            ("late.ms", self.late.map_or(0, |dial| dial.ms)),
        ] {
            if ms > LONGEST_HOLD_MS {
                return Err(format!("{field} is {ms}, at most {LONGEST_HOLD_MS} (an hour) is possible"));
            }
        }
        Ok(())
    }

    /// Does the first callback of this message come before the answer to its request?
    pub(in crate::twin) fn is_early(&self, seed: u64, seq: u64) -> bool {
        strikes(self.early, seed, seq, Throw::Early)
    }

    /// Why this message fails; none if it does not.
    pub(super) fn failure(
        &self,
        seed: u64,
        seq: u64,
        reasons: &'static [Failure],
    ) -> Option<&'static Failure> {
        if !strikes(self.failed, seed, seq, Throw::Failed) {
            return None;
        }
        let count = u64::try_from(reasons.len()).unwrap_or(u64::MAX);
        let pick = dice::number(seed, seq, Throw::Reason).checked_rem(count)?;
        reasons.get(usize::try_from(pick).ok()?)
    }

    /// When each of the states is told to whoever wants to know.
    pub(super) fn course(&self, seed: u64, seq: u64, accepted_us: u64, states: Vec<State>) -> Course {
        let mut course = Course { early: self.is_early(seed, seq), ..Course::default() };
        let late_us = match self.late {
            Some(dial) if dice::share(seed, seq, Throw::Late) < dial.share => dial.ms * 1_000,
            Some(_) | None => 0,
        };
        let mut told = Vec::new();
        let mut at_us = accepted_us;
        for (index, state) in (0..).zip(states) {
            if !(course.early && index == 0) {
                at_us = at_us.saturating_add(self.delay_us(seed, seq, index));
            }
            if strikes(self.lost, seed, seq, Throw::Lost(index)) {
                course.lost += 1;
                continue;
            }
            let event = Event { id: Uuid::new_v4(), state, at_us };
            if strikes(self.doubled, seed, seq, Throw::Doubled(index)) {
                told.push(event.clone());
            }
            told.push(event);
        }
        let due_us: Vec<u64> = told.iter().map(|event| event.at_us.saturating_add(late_us)).collect();
        if strikes(self.disordered, seed, seq, Throw::Disordered) {
            told.reverse();
        }
        course.steps = due_us.into_iter().zip(told).map(|(due_us, event)| Step { due_us, event }).collect();
        if course.early
            && let Some(first) = course.steps.front_mut()
        {
            first.due_us = accepted_us;
        }
        course
    }

    fn delay_us(&self, seed: u64, seq: u64, index: u8) -> u64 {
        let range_us = self.delay_jitter_ms * 1_000 + 1;
        let added_us =
            if range_us == 1 { 0 } else { dice::number(seed, seq, Throw::Delay(index)) % range_us };
        self.delay_ms * 1_000 + added_us
    }
}

fn strikes(dial: Option<Share>, seed: u64, seq: u64, throw: Throw) -> bool {
    dial.is_some_and(|dial| dice::share(seed, seq, throw) < dial.share)
}

#[cfg(test)]
mod tests {
    use super::*;

    const STATES: [State; 3] = [State::good("one"), State::good("two"), State::good("three")];

    const REASONS: [Failure; 2] = [
        Failure { state: "failed", code: 1, title: "one" },
        Failure { state: "failed", code: 2, title: "two" },
    ];

    fn course(json: &str) -> Course {
        let dials: CallbackDials = serde_json::from_str(json).unwrap();
        dials.check().unwrap();
        dials.course(0, 1, 1_000_000, STATES.to_vec())
    }

    /// Names, and milliseconds after the acceptance.
    fn told(course: &Course) -> Vec<(&'static str, u64)> {
        let told = |step: &Step| (step.event.state.name, (step.due_us - 1_000_000) / 1_000);
        course.steps.iter().map(told).collect()
    }

    #[test]
    fn each_dial_changes_the_course_as_told() {
        let table: [(&str, &[(&str, u64)]); 8] = [
            ("{}", &[("one", 100), ("two", 200), ("three", 300)]),
            (r#"{"delay_ms":5}"#, &[("one", 5), ("two", 10), ("three", 15)]),
            (r#"{"late":{"share":1,"ms":1000}}"#, &[("one", 1_100), ("two", 1_200), ("three", 1_300)]),
            (r#"{"early":{"share":1}}"#, &[("one", 0), ("two", 100), ("three", 200)]),
            (
                r#"{"early":{"share":1},"late":{"share":1,"ms":1000}}"#,
                &[("one", 0), ("two", 1_100), ("three", 1_200)],
            ),
            (r#"{"disordered":{"share":1}}"#, &[("three", 100), ("two", 200), ("one", 300)]),
            (
                r#"{"delay_ms":0,"doubled":{"share":1}}"#,
                &[("one", 0), ("one", 0), ("two", 0), ("two", 0), ("three", 0), ("three", 0)],
            ),
            (r#"{"lost":{"share":1}}"#, &[]),
        ];
        for (json, expected) in table {
            assert_eq!(told(&course(json)), expected, "{json}");
        }
        assert_eq!(course(r#"{"lost":{"share":1}}"#).lost, 3);
        assert!(course(r#"{"early":{"share":1}}"#).early);
    }

    #[test]
    fn what_comes_twice_is_the_same_event_and_what_comes_late_happened_before() {
        let doubled = course(r#"{"doubled":{"share":1}}"#);
        assert_eq!(doubled.steps[0].event, doubled.steps[1].event);
        assert_ne!(doubled.steps[1].event.id, doubled.steps[2].event.id);
        let late = course(r#"{"late":{"share":1,"ms":1000}}"#);
        assert_eq!(late.steps[0].event.at_us, 1_100_000);
        let disordered = course(r#"{"disordered":{"share":1}}"#);
        assert_eq!(disordered.steps[0].event.at_us, 1_300_000);
    }

    #[test]
    fn shares_are_drawn_apart_and_jitter_stays_within_its_bounds() {
        let dials: CallbackDials = serde_json::from_str(
            r#"{"delay_ms":10,"delay_jitter_ms":5,"failed":{"share":0.5},"lost":{"share":0.5},"early":{"share":0.5}}"#,
        )
        .unwrap();
        let mut seen = std::collections::HashSet::new();
        for seq in 0..1_000 {
            let course = dials.course(0, seq, 0, STATES.to_vec());
            let failure = dials.failure(0, seq, &REASONS).map(|failure| failure.code);
            seen.insert((failure, course.early, course.lost));
            assert!((10_000..=15_000).contains(&dials.delay_us(0, seq, 0)));
        }
        assert_eq!(seen.len(), 3 * 2 * 4, "all combinations occur");
    }

    #[test]
    fn what_cannot_be_done_is_refused_with_a_sentence() {
        for (json, word) in [
            (r#"{"failed":{"share":1.1}}"#, "the share of failed"),
            (r#"{"late":{"share":-1,"ms":1}}"#, "the share of late"),
            (r#"{"late":{"share":1,"ms":3600001}}"#, "late.ms"),
            (r#"{"delay_ms":3600001}"#, "delay_ms"),
        ] {
            let dials: CallbackDials = serde_json::from_str(json).unwrap();
            assert!(dials.check().unwrap_err().contains(word), "{json}");
        }
    }
}
