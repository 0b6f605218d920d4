//! How long claims took lately, at the most: so far ahead of its instant a claim is worth making, if it is to be
//! made by then.
//!
//! State: of one process, of all its senders together, as they claim in one store.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::domain::time::Time;

/// So long is lately, and up to twice as long.
const LATELY: Duration = Duration::from_secs(8);

/// The slowest ones. Cheap to ask.
#[derive(Debug, Default)]
pub(super) struct ClaimTimes(Mutex<Turns>);

#[derive(Debug, Default, Clone, Copy)]
struct Turns {
    began: Time,
    /// The slowest since then.
    now: Duration,
    /// The slowest of the time before that.
    before: Duration,
}

impl ClaimTimes {
    /// One has just been answered, and took so long.
    pub(super) fn took(&self, took: Duration, now: Time) {
        self.with(now, |turns| turns.now = turns.now.max(took));
    }

    /// The slowest of the last seconds.
    pub(super) fn slowest(&self, now: Time) -> Duration {
        self.with(now, |turns| turns.now.max(turns.before))
    }

    fn with<T>(&self, now: Time, what: impl FnOnce(&mut Turns) -> T) -> T {
        let mut turns = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let age = now.since(turns.began);
        if age >= LATELY {
            let before = if age < 2 * LATELY { turns.now } else { Duration::ZERO };
            *turns = Turns { began: now, now: Duration::ZERO, before };
        }
        what(&mut turns)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_slowest_is_known_for_a_while_and_then_forgotten() {
        let times = ClaimTimes::default();
        let (slow, quick) = (Duration::from_millis(70), Duration::from_millis(2));
        let at = |millis| Time::from_nanos(1_800_000_000_000_000_000) + Duration::from_millis(millis);
        assert_eq!(times.slowest(at(0)), Duration::ZERO);
        times.took(quick, at(10));
        times.took(slow, at(20));
        times.took(quick, at(30));
        assert_eq!(times.slowest(at(40)), slow);
        assert_eq!(times.slowest(at(8_100)), slow);
        times.took(quick, at(8_200));
        assert_eq!(times.slowest(at(16_000)), slow);
        assert_eq!(times.slowest(at(16_200)), quick);
        assert_eq!(times.slowest(at(60_000)), Duration::ZERO, "after a pause nothing is known");
    }
}
