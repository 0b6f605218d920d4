//! Jumps of the wall clock while nothing ran: noticed at a start, by the machine's own count of time.
//!
//! The clock of a process is anchored to the wall clock at its start. If that was set forward since the process
//! before, what was noted then looks older than it is, and the pace would let a window go over. So each process leaves
//! word, once a second, of what its clock shows and how long the machine has been up; the next one compares. On the
//! same boot it knows the jump exactly. On another one only that the machine has been up for so long: what was handed
//! over in the last minute of before is taken to be that young, which holds up windows of a minute and less, once.
//!
//! A clock that was set back needs nothing: what seems to come later than now has happened, and counts as now.

use std::time::Duration;

use sendyard_actors::domain::time::Time;
use serde::{Deserialize, Serialize};

/// Of another boot, what was noted in so long before its last word may have been just before this start.
const LAST_MINUTE: Duration = Duration::from_mins(1);

/// No more are kept than this, the latest: each takes a start.
const MOST: usize = 16;

/// What a process last said of its time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Beat {
    /// Names the boot of the machine.
    pub boot: String,
    /// How long the machine had been up, also while it slept.
    pub up: Duration,
    /// What the clock of the process showed.
    pub at: Time,
}

/// A forward jump.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct Jump {
    /// What was noted from here on,
    from: Time,
    /// and before here, which is the start at which it was noticed,
    to: Time,
    /// is later by this.
    by: Duration,
}

/// The jumps that are known, the earliest first.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Jumps(Vec<Jump>);

impl Jumps {
    /// With what shows between the last word of the process before and the start of this one. By how much the clock
    /// jumped, if it did.
    pub fn note(&mut self, last: &Beat, start: &Beat) -> Option<Duration> {
        let is_same_boot = last.boot == start.boot;
        if !is_same_boot && start.up >= LAST_MINUTE {
            return None;
        }
        let (passed, from) = if is_same_boot {
            (start.up.saturating_sub(last.up), Time::ZERO)
        } else {
            (start.up, last.at - LAST_MINUTE)
        };
        let by = start.at.since(last.at).saturating_sub(passed);
        if by.is_zero() {
            return None;
        }
        if self.0.len() >= MOST {
            self.0.remove(0);
        }
        self.0.push(Jump { from, to: start.at, by });
        Some(by)
    }

    /// What an instant that was noted by the clock of its time is by today's.
    pub fn of_before(&self, noted: Time) -> Time {
        self.0.iter().fold(noted, |at, jump| {
            let is_concerned = jump.from <= at && at < jump.to;
            if is_concerned { (at + jump.by).min(jump.to) } else { at }
        })
    }

    /// No instant that was noted before this one is at or after `from` by today's clock.
    pub fn noted_from(&self, from: Time) -> Time {
        self.0.iter().rev().fold(from, |from, jump| if from <= jump.to { from - jump.by } else { from })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: Time = Time::from_millis(1_800_000_000_000);
    const HOUR: Duration = Duration::from_hours(1);

    fn seconds(count: u64) -> Duration {
        Duration::from_secs(count)
    }

    fn beat(boot: &str, up: u64, at: Time) -> Beat {
        Beat { boot: boot.to_owned(), up: seconds(up), at }
    }

    #[test]
    fn on_the_same_boot_what_was_noted_before_is_as_old_as_it_is() {
        let mut jumps = Jumps::default();
        let start = START + seconds(10) + HOUR;
        assert_eq!(jumps.note(&beat("a", 100, START), &beat("a", 110, start)), Some(HOUR));
        assert_eq!(jumps.of_before(START - seconds(1)), START - seconds(1) + HOUR);
        // Handed over behind the last word, and before the end.
        assert_eq!(jumps.of_before(START + seconds(1)), START + seconds(1) + HOUR);
        assert_eq!(jumps.of_before(start), start, "noted by this process");
        assert_eq!(jumps.noted_from(start - seconds(60)), START - seconds(50));
    }

    #[test]
    fn a_clock_that_did_not_jump_or_was_set_back_changes_nothing() {
        for shown in [seconds(10), seconds(3), Duration::ZERO] {
            let mut jumps = Jumps::default();
            assert_eq!(jumps.note(&beat("a", 100, START), &beat("a", 110, START + shown)), None);
            assert_eq!((jumps.of_before(START), jumps.noted_from(START)), (START, START));
        }
    }

    #[test]
    fn after_a_boot_the_last_minute_is_as_young_as_it_can_be() {
        let mut jumps = Jumps::default();
        let start = START + HOUR;
        assert_eq!(
            jumps.note(&beat("a", 9000, START), &beat("b", 20, start)),
            Some(Duration::from_secs(3580))
        );
        assert_eq!(jumps.of_before(START), start - seconds(20));
        assert_eq!(jumps.of_before(START - seconds(60)), start - seconds(80));
        assert_eq!(
            jumps.of_before(START - seconds(61)),
            START - seconds(61),
            "longer ago than any such window"
        );
        assert_eq!(jumps.of_before(START + seconds(30)), start, "no later than the start");
        let mut long_after = Jumps::default();
        assert_eq!(long_after.note(&beat("a", 9000, START), &beat("b", 60, start)), None);
    }

    #[test]
    fn several_jumps_add_up_and_the_latest_are_kept() {
        let mut jumps = Jumps::default();
        let mut last = beat("a", 0, START);
        for n in 1..=20 {
            let start = beat("a", n, START + (HOUR + seconds(1)) * u32::try_from(n).unwrap());
            assert_eq!(jumps.note(&last, &start), Some(HOUR));
            last = start;
        }
        assert_eq!(jumps.0.len(), MOST);
        // By the process that started three before the last.
        let noted = last.at - (HOUR + seconds(1)) * 3 + Duration::from_millis(500);
        assert_eq!(jumps.of_before(noted), last.at - Duration::from_millis(2500));
        assert!(jumps.noted_from(last.at - Duration::from_millis(2500)) <= noted);
    }
}
