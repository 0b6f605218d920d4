//! How much comes into each lane, as far as what came lately tells it: for estimates of what waits behind it.
//!
//! Pure; owned by the sender actor, and lost with it.

use std::time::Duration;

use crate::domain::lanes::{LANES, Weights, place};
use crate::domain::message::Lane;
use crate::domain::time::Time;

/// What came in this time and the one before it is what comes.
const LATELY: Duration = Duration::from_mins(1);

/// Fewer messages tell no rate.
const ENOUGH: u64 = 5;

/// Work of higher lanes leaves a lane so much of the pace at least, in thousandths.
const LEAST_LEFT: u128 = 10;

const WHOLE: u128 = 1000;

#[derive(Debug, Default)]
pub(super) struct Arrivals {
    lanes: [Recent; 3],
}

#[derive(Debug, Default, Clone, Copy)]
struct Recent {
    began: Time,
    now: Counted,
    before: Counted,
}

#[derive(Debug, Default, Clone, Copy)]
struct Counted {
    messages: u32,
    segments: u32,
}

impl Arrivals {
    /// A message came.
    pub(super) fn came(&mut self, lane: Lane, segments: u32, now: Time) {
        let Some(recent) = self.lanes.get_mut(place(lane)) else { return };
        recent.turn(now);
        recent.now.messages = recent.now.messages.saturating_add(1);
        recent.now.segments = recent.now.segments.saturating_add(segments);
    }

    /// How long something waits in a lane, of which `wait` is told by what is there already, if what comes in higher
    /// lanes goes on coming. `None`: nothing comes there, or too little to tell how much.
    ///
    /// Each segment takes `per_unit` of the sender. A lane gets at most its share while this one has work.
    pub(super) fn stretched(
        &mut self,
        lane: Lane,
        wait: Duration,
        per_unit: Duration,
        weights: Weights,
        now: Time,
    ) -> Option<Duration> {
        let (mut segments, mut messages, mut shares) = (0_u64, 0_u64, 0);
        let mut over = Duration::ZERO;
        for higher in LANES.into_iter().take(place(lane)) {
            let Some(recent) = self.lanes.get_mut(place(higher)) else { continue };
            recent.turn(now);
            let all = recent.all();
            if all.messages > 0 {
                (segments, messages) =
                    (segments + u64::from(all.segments), messages + u64::from(all.messages));
                shares += u128::from(weights.of(higher));
                over = over.max(recent.over(now));
            }
        }
        if messages < ENOUGH || over.is_zero() {
            return None;
        }
        let needs = u128::from(segments) * per_unit.as_nanos() * WHOLE / over.as_nanos();
        let share = shares * WHOLE / (shares + u128::from(weights.of(lane)));
        let left = (WHOLE - needs.min(share).min(WHOLE)).max(LEAST_LEFT);
        let nanos = wait.as_nanos() * WHOLE / left;
        Some(u64::try_from(nanos).map_or(Duration::MAX, Duration::from_nanos))
    }
}

impl Recent {
    /// What is long ago is forgotten.
    fn turn(&mut self, now: Time) {
        if now < self.began + LATELY {
            return;
        }
        let follows = now < self.began + LATELY * 2;
        self.before = if follows { self.now } else { Counted::default() };
        self.now = Counted::default();
        self.began = if follows { self.began + LATELY } else { now };
    }

    const fn all(&self) -> Counted {
        Counted {
            messages: self.now.messages.saturating_add(self.before.messages),
            segments: self.now.segments.saturating_add(self.before.segments),
        }
    }

    /// In what time that came.
    fn over(&self, now: Time) -> Duration {
        let before = if self.before.messages > 0 { LATELY } else { Duration::ZERO };
        before + now.since(self.began)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    const fn at(seconds: u64) -> Time {
        Time::from_millis((1_000 + seconds) * 1000)
    }

    /// An urgent segment every two seconds, for so long.
    fn half_a_segment_a_second(seconds: u64) -> Arrivals {
        let mut arrivals = Arrivals::default();
        (0..seconds).step_by(2).for_each(|second| arrivals.came(Lane::Urgent, 1, at(second)));
        arrivals
    }

    fn stretched(arrivals: &mut Arrivals, lane: Lane, now: u64) -> Option<Duration> {
        arrivals.stretched(lane, 60 * SECOND, SECOND, Weights::default(), at(now))
    }

    #[test]
    fn what_comes_in_a_higher_lane_takes_of_the_pace() {
        let mut arrivals = half_a_segment_a_second(50);
        let wait = stretched(&mut arrivals, Lane::Normal, 50).unwrap();
        assert!(wait > 115 * SECOND && wait < 126 * SECOND, "half of the pace is left: {wait:?}");
        assert_eq!(stretched(&mut arrivals, Lane::Urgent, 50), None, "it is the highest");
    }

    #[test]
    fn it_takes_no_more_than_its_share() {
        let mut arrivals = Arrivals::default();
        (0..600).for_each(|index| arrivals.came(Lane::Urgent, 1, at(index / 20)));
        let wait = stretched(&mut arrivals, Lane::Normal, 30).unwrap();
        assert!(wait > 219 * SECOND && wait < 222 * SECOND, "three elevenths are left: {wait:?}");
    }

    #[test]
    fn a_few_messages_or_old_ones_tell_nothing() {
        let mut few = half_a_segment_a_second(8);
        assert_eq!(stretched(&mut few, Lane::Bulk, 8), None);
        let mut old = half_a_segment_a_second(50);
        assert!(stretched(&mut old, Lane::Bulk, 100).is_some());
        assert_eq!(stretched(&mut old, Lane::Bulk, 300), None);
    }
}
