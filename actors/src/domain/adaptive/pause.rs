//! The pause after a refusal: the named time, or one that doubles with each refusal in a row.

use std::time::Duration;

use super::super::time::Time;

/// The first pause where none is named: half of what a unit takes, within these.
const SHORTEST: Duration = Duration::from_millis(50);
const LONGEST_FIRST: Duration = Duration::from_secs(1);

/// The longest where none is named.
const LONGEST: Duration = Duration::from_mins(1);

/// A provider that names a longer one is not believed.
const LONGEST_NAMED: Duration = Duration::from_hours(24);

#[derive(Debug, Clone)]
pub(super) struct Pause {
    ends: Time,
    /// Refusals without anything taken in between.
    in_a_row: u32,
}

impl Pause {
    pub(super) const fn new() -> Self {
        Self { ends: Time::ZERO, in_a_row: 0 }
    }

    pub(super) const fn ends(&self) -> Time {
        self.ends
    }

    /// Something was taken.
    pub(super) const fn passed(&mut self) {
        self.in_a_row = 0;
    }

    /// Something new was refused.
    pub(super) const fn refused_again(&mut self) {
        self.in_a_row = self.in_a_row.saturating_add(1);
    }

    /// Pauses from `now` on; never shorter than it did already.
    pub(super) fn set(&mut self, named: Option<Duration>, interval: Duration, now: Time) {
        let pause = match named {
            Some(named) => named.min(LONGEST_NAMED),
            None => self.unnamed(interval),
        };
        self.ends = self.ends.max(now + pause);
    }

    fn unnamed(&self, interval: Duration) -> Duration {
        let first = (interval / 2).clamp(SHORTEST, LONGEST_FIRST);
        let doublings = self.in_a_row.saturating_sub(1).min(16);
        first.saturating_mul(1 << doublings).min(LONGEST)
    }
}
