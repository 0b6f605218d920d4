//! A sliding window: the hand-overs that have not yet left it.
//!
//! Invariants: entries are sorted by instant, no two at the same one; `sum` is the sum of their
//! units. An entry leaves `length` after its instant. An entry may lie in the future: that is how a
//! message larger than the limit pays with the windows after it.

use std::collections::VecDeque;
use std::time::Duration;

use super::super::time::Time;
use super::Allowed;

/// Limits above this count by slices of the window: this many entries at most, use 99.9 % at least.
const SLICES: u64 = 1000;

/// Windows up to this are spread: their units are spaced evenly.
const LONGEST_SPREAD: Duration = Duration::from_mins(1);

/// The default guard is a window's 200th part, and at most [`LONGEST_GUARD`].
const GUARD_PART: u32 = 200;
const LONGEST_GUARD: Duration = Duration::from_millis(250);

#[derive(Debug, Clone)]
struct Entry {
    at: Time,
    units: u64,
}

/// A sliding window and what it holds.
#[derive(Debug, Clone)]
pub(super) struct Window {
    units: u64,
    /// The limit's window and the guard, in nanoseconds.
    length: u64,
    spread: bool,
    /// Hand-overs of the same slice count at its last instant; 1 ns is exact.
    slice: u64,
    ring: VecDeque<Entry>,
    sum: u64,
}

impl Window {
    pub(super) fn new(units: u64, window: Duration, guard: Option<Duration>) -> Self {
        let guard = guard.unwrap_or_else(|| (window / GUARD_PART).min(LONGEST_GUARD));
        let length = nanos(window.saturating_add(guard).as_nanos());
        let slice = if units > SLICES { (length / SLICES).max(1) } else { 1 };
        let spread = window <= LONGEST_SPREAD;
        Self { units, length, spread, slice, ring: VecDeque::new(), sum: 0 }
    }

    pub(super) const fn is_spread(&self) -> bool {
        self.spread
    }

    /// How long `units` take when they are spaced evenly. Multiplies first: a rounded interval would
    /// cost 0.2 % at 3000/s.
    pub(super) fn interval(&self, units: u64) -> Duration {
        let nanos_by_units = u128::from(units) * u128::from(self.length);
        Duration::from_nanos(nanos(nanos_by_units / u128::from(self.units)))
    }

    /// How long a message of `cost` stays in the window.
    pub(super) fn reach(&self, cost: u64) -> Duration {
        self.windows_after(cost.div_ceil(self.units).max(1))
    }

    /// From when on there is room for `cost` beside `open` units that have no stamp yet. A message
    /// larger than the limit needs the window empty.
    pub(super) fn room(&self, open: u64, cost: u64) -> Allowed {
        let needed = open.saturating_add(cost.min(self.units));
        if needed > self.units {
            return Allowed::WhenStamped;
        }
        let mut total = self.sum.saturating_add(needed);
        let mut from = Time::ZERO;
        for entry in &self.ring {
            if total <= self.units {
                break;
            }
            total = total.saturating_sub(entry.units);
            from = self.leaves(entry);
        }
        Allowed::At(from)
    }

    /// Counts a hand-over. One that is larger than the limit is a chain: the whole limit in this
    /// window and the next ones, the rest in the last. Until the last but one ends that is simply
    /// full, so two entries say it all.
    pub(super) fn count(&mut self, at: Time, cost: u64) {
        self.forget_expired(at);
        let more_windows = cost.div_ceil(self.units).saturating_sub(1);
        let rest = cost.saturating_sub(more_windows.saturating_mul(self.units));
        if more_windows > 0 {
            self.insert(
                at + self.windows_after(more_windows.saturating_sub(1)),
                self.units.saturating_sub(rest),
            );
        }
        self.insert(at + self.windows_after(more_windows), rest);
    }

    /// Counts hand-overs that are added up: all at this instant.
    pub(super) fn count_sum(&mut self, at: Time, units: u64) {
        self.forget_expired(at);
        self.insert(at, units);
    }

    /// What is in it, but for what pays with windows to come.
    pub(super) fn used(&mut self, now: Time) -> u64 {
        self.forget_expired(now);
        let until_now = self.ring.iter().take_while(|entry| entry.at <= self.end_of_slice(now));
        until_now.map(|entry| entry.units).sum()
    }

    /// Drops what has left the window; gives the memory back when nothing is left.
    pub(super) fn forget_expired(&mut self, now: Time) {
        while self.ring.front().is_some_and(|oldest| self.leaves(oldest) <= now) {
            let units = self.ring.pop_front().map_or(0, |oldest| oldest.units);
            self.sum = self.sum.saturating_sub(units);
        }
        if self.ring.is_empty() {
            self.ring = VecDeque::new();
        }
    }

    fn insert(&mut self, at: Time, units: u64) {
        if units == 0 {
            return;
        }
        self.sum = self.sum.saturating_add(units);
        let counted_at = self.end_of_slice(at);
        let place = self.ring.partition_point(|entry| entry.at < counted_at);
        match self.ring.get_mut(place) {
            Some(same) if same.at == counted_at => same.units = same.units.saturating_add(units),
            Some(_) | None => self.ring.insert(place, Entry { at: counted_at, units }),
        }
    }

    fn end_of_slice(&self, at: Time) -> Time {
        let into_slice = at.as_nanos() % self.slice;
        at + Duration::from_nanos(self.slice - 1 - into_slice)
    }

    fn leaves(&self, entry: &Entry) -> Time {
        entry.at + Duration::from_nanos(self.length)
    }

    fn windows_after(&self, windows: u64) -> Duration {
        Duration::from_nanos(self.length.saturating_mul(windows))
    }

    /// Memory behind it, for the tests.
    #[cfg(test)]
    pub(super) fn heap_bytes(&self) -> usize {
        self.ring.capacity() * size_of::<Entry>()
    }
}

fn nanos(of: u128) -> u64 {
    u64::try_from(of).unwrap_or(u64::MAX)
}
