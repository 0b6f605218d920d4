//! Pace: when the next message of a sender may go, so that no sliding window ever holds more than its limit.
//!
//! Purpose: exact sliding windows over the instants at which requests were really written (the
//! *stamps*), with even spacing on top. PACE.md §2 gives the rules and their proof.
//!
//! Invariants: in every half-open window `(x − w, x]` whose last decision was a queued message the
//! units are at most the limit; it needs only that one owner decides, that a permit is never stamped
//! before the instant it was taken for, and that the clock never goes back. Stamps may come late and
//! in any order: until then a permit's units count as not yet expired.
//!
//! State: one owner per sender (or account), which asks, takes, and passes on what became of each
//! permit. Nothing here survives a restart; [`Pace::new`] rebuilds it from stored hand-overs.

mod limit;
mod window;

use std::time::Duration;

pub use limit::{BadLimit, Limit};

use super::time::Time;
use window::Window;

/// What a late timer may catch up: the schedule goes on from the due time, but never from one that
/// is longer ago than this.
const CATCH_UP: Duration = Duration::from_millis(50);

/// The most segments that one message can cost. A text of 1600 code points has at most 3200 UTF-16
/// units, and two neighbouring parts hold more than 67 of them together: fewer than 97 parts.
const LARGEST_COST: u32 = 100;

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

/// The spacing before a permit was given.
#[derive(Debug, Clone, Copy)]
struct Undo {
    permit: Permit,
    last_due: Time,
    debt: u64,
}

/// The pace of one sender (or one account).
#[derive(Debug, Clone)]
pub struct Pace {
    windows: Vec<Window>,
    open: Vec<(Permit, u32)>,
    open_units: u64,
    next_permit: u64,
    /// The due time of the last hand-over; the next one is spaced from here.
    last_due: Time,
    /// Units that the spacing from `last_due` must make up for.
    debt: u64,
    /// The spacing as it was before the last permit was given, until something else is charged.
    undo: Option<Undo>,
    /// The due time last told. What held the head back may have expired and been dropped when its
    /// timer fires; without this the wait would look like lateness and be caught up as a burst.
    head_due: Option<Time>,
}

impl Pace {
    /// A pace that only `stamps` were charged to: the hand-overs to be counted, in any order, with
    /// their units. Those later than `now` count at `now`: they have happened. `guard` lengthens each
    /// window; `None` is the default `min(window / 200, 250 ms)`.
    ///
    /// What may have been written at an unknown instant belongs into `stamps` too, at the last
    /// instant at which it can have been.
    pub fn new(
        limits: &[Limit],
        guard: Option<Duration>,
        stamps: impl IntoIterator<Item = (Time, u32)>,
        now: Time,
    ) -> Self {
        let mut pace = Self {
            windows: Vec::new(),
            open: Vec::new(),
            open_units: 0,
            // So that a permit of an earlier pace of this sender is not taken for one of this.
            next_permit: now.as_nanos(),
            last_due: Time::ZERO,
            debt: 0,
            undo: None,
            head_due: None,
        };
        if let Some((latest, units)) = pace.rebuild(limits, guard, stamps, now) {
            (pace.last_due, pace.debt) = (latest, u64::from(units));
        }
        pace
    }

    /// How far back stamps matter: the longest window with its guard, as many times as the largest
    /// message fills it.
    pub fn memory(&self) -> Duration {
        let reaches = self.windows.iter().map(|window| window.reach(u64::from(LARGEST_COST)));
        reaches.max().unwrap_or_default()
    }

    /// The earliest instant at which every limit allows `cost`. Charges nothing. `since` is when the
    /// sender last began to have eligible work (or was resumed).
    pub fn next_allowed(&mut self, since: Time, now: Time, cost: u32) -> Allowed {
        let allowed = self.look_ahead(since, now, cost);
        if let Allowed::At(at) = allowed {
            self.head_due = Some(at);
        }
        allowed
    }

    /// What [`Pace::next_allowed`] would say, without telling it to anybody: for estimates.
    pub fn look_ahead(&mut self, since: Time, now: Time, cost: u32) -> Allowed {
        let told_and_passed = self.head_due.filter(|told| *told <= now).unwrap_or_default();
        let mut at = since.max(self.spread_end()).max(told_and_passed);
        for window in &mut self.windows {
            window.forget_expired(now);
            match window.room(self.open_units, u64::from(cost)) {
                Allowed::At(from) => at = at.max(from),
                Allowed::WhenStamped => return Allowed::WhenStamped,
            }
        }
        Allowed::At(at)
    }

    /// Decides: `at` is what [`Pace::next_allowed`] said, and the permit must not be stamped before
    /// it. `now` may be earlier than `at` by what the caller needs to prepare the hand-over.
    pub fn take(&mut self, at: Time, now: Time, cost: u32) -> Permit {
        let permit = Permit(self.next_permit);
        self.next_permit = self.next_permit.wrapping_add(1);
        self.open.push((permit, cost));
        self.open_units = self.open_units.saturating_add(u64::from(cost));
        self.undo = Some(Undo { permit, last_due: self.last_due, debt: self.debt });
        self.last_due = at.max(now - CATCH_UP);
        self.debt = u64::from(cost);
        self.head_due = None;
        permit
    }

    /// The hand-over of a permit was written at `at`. A permit that is not open here is ignored.
    pub fn stamp(&mut self, permit: Permit, at: Time) {
        let Some(units) = self.close(permit) else { return };
        self.count(at, units);
    }

    /// The permit was not used. If nothing was decided or charged after it, its place in the spacing
    /// is given again: a message that was cancelled in time costs its sender no slot.
    pub fn abandon(&mut self, permit: Permit) {
        let _ = self.close(permit);
        if let Some(undo) = self.undo.take_if(|undo| undo.permit == permit) {
            (self.last_due, self.debt) = (undo.last_due, undo.debt);
        }
    }

    /// Of a permit that stands for several hand-overs, so many units were written at `at`. What is left of it
    /// stays open.
    pub fn stamp_part(&mut self, permit: Permit, units: u32, at: Time) {
        let stamped = self.close_part(permit, units);
        if stamped > 0 {
            self.count(at, stamped);
        }
    }

    /// Of a permit that stands for several hand-overs, so many units were not used. What is left of it stays
    /// open. As with [`Pace::abandon`], the spacing does not count them if nothing was decided after it.
    pub fn abandon_part(&mut self, permit: Permit, units: u32) {
        let unused = self.close_part(permit, units);
        if self.undo.is_some_and(|undo| undo.permit == permit) {
            self.debt = self.debt.saturating_sub(u64::from(unused));
        }
    }

    /// An immediate message was handed over at `at`, without asking. The queue yields.
    pub fn charge(&mut self, at: Time, cost: u32) {
        self.undo = None;
        self.count(at, cost);
        if at >= self.spread_end() {
            (self.last_due, self.debt) = (at, u64::from(cost));
        } else {
            self.debt = self.debt.saturating_add(u64::from(cost));
        }
    }

    /// The limits change while it runs, either way: goes on with the same facts under new limits.
    /// `stamps` as for [`Pace::new`], as far back as the *new* limits need them, without those of
    /// open permits. Ask [`Pace::next_allowed`] again after it.
    pub fn change(
        &mut self,
        limits: &[Limit],
        guard: Option<Duration>,
        stamps: impl IntoIterator<Item = (Time, u32)>,
        now: Time,
    ) {
        self.rebuild(limits, guard, stamps, now);
        self.head_due = None;
    }

    /// How much of its limits the last windows used, in thousandths: of the fullest one. `None` without limits.
    pub fn used(&mut self, now: Time) -> Option<u64> {
        self.windows.iter_mut().map(|window| window.used(now)).max()
    }

    /// How long one unit takes at the tightest limit: the spread interval; zero without limits.
    pub fn per_unit(&self) -> Duration {
        self.windows.iter().map(|window| window.interval(1)).max().unwrap_or_default()
    }

    /// Fills fresh windows; says which stamp was the latest.
    fn rebuild(
        &mut self,
        limits: &[Limit],
        guard: Option<Duration>,
        stamps: impl IntoIterator<Item = (Time, u32)>,
        now: Time,
    ) -> Option<(Time, u32)> {
        self.windows = limits.iter().map(|limit| Window::new(*limit, guard)).collect();
        let mut latest = None;
        for (stamped, units) in stamps {
            let at = stamped.min(now);
            self.count(at, units);
            latest = latest.max(Some((at, units)));
        }
        for window in &mut self.windows {
            window.forget_expired(now);
        }
        latest
    }

    fn count(&mut self, at: Time, units: u32) {
        for window in &mut self.windows {
            window.count(at, u64::from(units));
        }
    }

    fn close(&mut self, permit: Permit) -> Option<u32> {
        let place = self.open.iter().position(|(open, _)| *open == permit)?;
        let (_, units) = self.open.swap_remove(place);
        self.open_units = self.open_units.saturating_sub(u64::from(units));
        Some(units)
    }

    /// Takes up to so many units off an open permit; how many it had.
    fn close_part(&mut self, permit: Permit, units: u32) -> u32 {
        let Some(place) = self.open.iter().position(|(open, _)| *open == permit) else { return 0 };
        let Some((_, left)) = self.open.get_mut(place) else { return 0 };
        let closed = units.min(*left);
        *left -= closed;
        if *left == 0 {
            self.open.swap_remove(place);
        }
        self.open_units = self.open_units.saturating_sub(u64::from(closed));
        closed
    }

    /// When the last hand-over has been made up for, by even spacing; long past without a limit that
    /// is spread.
    fn spread_end(&self) -> Time {
        let spread = self.windows.iter().filter(|window| window.is_spread());
        spread.map(|window| self.last_due + window.interval(self.debt)).max().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests;
