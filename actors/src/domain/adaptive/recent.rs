//! What was sent in the last seconds and is not known to be refused.
//!
//! Bounded: what goes within the same 10 ms is one entry, counted at its last instant, and nothing but the
//! last few is older than [`KEEP`]: 300 entries.

use std::collections::VecDeque;
use std::time::Duration;

use super::super::time::Time;
use super::rate::Rate;

/// Behind the latest entry. A refusal that comes later than this finds little to count.
const KEEP: Duration = Duration::from_secs(3);

/// So many entries are kept however old they are: below one unit a second the window is longer, and holds one.
const KEEP_ENTRIES: usize = 8;

const SLOT: u64 = 10_000_000;

/// Is demand so many percent of a rate, the rate is what bounds it.
const USED: u64 = 50;

#[derive(Debug, Clone)]
struct Sent {
    at: Time,
    units: u32,
}

/// Sorted by instant.
#[derive(Debug, Clone)]
pub(super) struct Recent {
    sent: VecDeque<Sent>,
}

impl Recent {
    pub(super) const fn new() -> Self {
        Self { sent: VecDeque::new() }
    }

    pub(super) fn add(&mut self, at: Time, units: u32) {
        let place = self.sent.partition_point(|earlier| earlier.at <= at);
        let before = place.checked_sub(1).and_then(|before| self.sent.get_mut(before));
        match before.filter(|before| slot(before.at) == slot(at)) {
            Some(before) => {
                before.units = before.units.saturating_add(units);
                before.at = at;
            }
            None => self.sent.insert(place, Sent { at, units }),
        }
        let Some(latest) = self.sent.back().map(|last| last.at) else { return };
        while self.sent.len() > KEEP_ENTRIES
            && self.sent.front().is_some_and(|first| first.at + KEEP < latest)
        {
            self.sent.pop_front();
        }
    }

    /// So many units sent then were refused. What is known of when is a little before the write, so
    /// they are taken off the latest entries up to then.
    pub(super) fn take_off(&mut self, sent: Time, units: u32) {
        let mut left = units;
        let place = self.sent.partition_point(|entry| slot(entry.at) <= slot(sent));
        for entry in self.sent.range_mut(..place).rev() {
            let taken = left.min(entry.units);
            entry.units -= taken;
            left -= taken;
            if left == 0 {
                break;
            }
        }
    }

    /// Units sent after `from` and not after `to`.
    pub(super) fn sum(&self, from: Time, to: Time) -> u64 {
        let within = self.sent.iter().filter(|entry| entry.at > from && entry.at <= to);
        within.map(|entry| u64::from(entry.units)).sum()
    }

    /// Was so much sent in this time that the rate was what bounded it?
    pub(super) fn used(&self, rate: Rate, from: Time, to: Time) -> bool {
        let Ok(nanos) = u64::try_from(to.since(from).as_nanos()) else { return true };
        let possible = u128::from(rate.as_millis()) * u128::from(nanos) / 1_000_000_000_000;
        // One unit may lie on either side of both ends.
        u128::from(self.sum(from, to)) * 100 + 100 >= possible * u128::from(USED)
    }

    /// From when on so many units more fit into a window that holds at most `most`. What is larger than that
    /// needs it empty.
    pub(super) fn has_room(&self, most: u32, window: Duration, units: u32, now: Time) -> Time {
        let room = u64::from(most.saturating_sub(units));
        let mut sum = 0_u64;
        for entry in self.sent.iter().rev().take_while(|entry| entry.at + window > now) {
            sum = sum.saturating_add(u64::from(entry.units));
            if sum > room {
                return entry.at + window;
            }
        }
        Time::ZERO
    }
}

const fn slot(at: Time) -> u64 {
    at.as_nanos() / SLOT
}
