//! Pace: when the next message of a sender may go.

use std::str::FromStr;
use std::time::Duration;

use super::time::Time;

/// One limit: at most `units` segments in every sliding window of `window`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limit {
    /// Segments per window, at least 1.
    pub units: u32,
    /// The window's length.
    pub window: Duration,
}

/// A limit that cannot be read; the text says why and what is expected.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct BadLimit(pub String);

impl FromStr for Limit {
    type Err = BadLimit;

    fn from_str(text: &str) -> Result<Self, BadLimit> {
        Err(BadLimit(text.to_owned()))
    }
}

/// A permit that was given by [`Pace::take`] and is not yet stamped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Permit(u64);

/// When a message may go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Allowed {
    /// At this instant, if nothing else is charged before; now if it has passed.
    At(Time),
    /// When a permit that is out is stamped or abandoned: an event, no timer.
    WhenStamped,
}

/// The pace of one sender (or one account).
#[derive(Debug)]
pub struct Pace;

impl Pace {
    /// A pace that nothing has been charged to. `guard` lengthens each window; `None` is the default
    /// `min(window / 200, 250 ms)`. `stamps` are the hand-overs to be counted, in any order; those
    /// later than `now` count at `now`.
    pub fn new(
        limits: &[Limit],
        guard: Option<Duration>,
        stamps: impl IntoIterator<Item = (Time, u32)>,
        now: Time,
    ) -> Self {
        let _ = (limits, guard, stamps, now);
        Self
    }

    /// How far back stamps matter: the longest window with its guard.
    pub fn memory(&self) -> Duration {
        Duration::ZERO
    }

    /// The earliest instant at which every limit allows `cost`. Charges nothing. `since` is when the
    /// sender last began to have eligible work.
    pub fn next_allowed(&mut self, since: Time, now: Time, cost: u32) -> Allowed {
        let _ = (since, cost);
        Allowed::At(now)
    }

    /// Decides: `at` is what `next_allowed` said.
    pub fn take(&mut self, at: Time, now: Time, cost: u32) -> Permit {
        let _ = (at, now, cost);
        Permit(0)
    }

    /// The hand-over of a permit was written at `at`.
    pub fn stamp(&mut self, permit: Permit, at: Time) {
        let _ = (permit, at);
    }

    /// The permit was not used.
    pub fn abandon(&mut self, permit: Permit) {
        let _ = permit;
    }

    /// An immediate message was handed over at `at`, without asking.
    pub fn charge(&mut self, at: Time, cost: u32) {
        let _ = (at, cost);
    }

    /// How long one unit takes at the tightest limit: the spread interval; zero without limits.
    pub fn per_unit(&self) -> Duration {
        Duration::ZERO
    }
}
