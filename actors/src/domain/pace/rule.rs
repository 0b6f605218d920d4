//! One limit at work: its windows, what is open of it, and its spacing.
//!
//! Everything here is in the limit's own units. Spacing is kept for each limit, as each counts
//! otherwise: an MMS does not move the next text message of a limit that counts only those.

use std::time::Duration;

use super::super::time::Time;
use super::calendar::CalendarWindow;
use super::costs::Costs;
use super::limit::{Limit, WindowKind};
use super::window::Window;
use super::{Allowed, Permit};

/// Even spacing: the next hand-over follows `debt` intervals behind `last_due`.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Spacing {
    /// The due time of the last hand-over; the next one is spaced from here.
    last_due: Time,
    /// Units that the spacing from `last_due` must make up for.
    debt: u64,
}

/// A limit and what it must know.
#[derive(Debug, Clone)]
pub(super) struct Rule {
    limit: Limit,
    windows: Windows,
    open: u64,
    spacing: Spacing,
    /// The spacing as it was before the last permit was given, until something else is charged.
    undo: Option<(Permit, Spacing)>,
}

#[derive(Debug, Clone)]
enum Windows {
    Sliding(Window),
    Calendar(Box<CalendarWindow>),
}

impl Rule {
    pub(super) fn new(limit: &Limit, guard: Option<Duration>) -> Self {
        let units = u64::from(limit.units.max(1));
        let windows = match &limit.window {
            WindowKind::Sliding(length) => Windows::Sliding(Window::new(units, *length, guard)),
            WindowKind::Calendar(calendar) => {
                Windows::Calendar(Box::new(CalendarWindow::new(units, calendar.clone())))
            }
        };
        Self { limit: limit.clone(), windows, open: 0, spacing: Spacing::default(), undo: None }
    }

    pub(super) const fn limit(&self) -> &Limit {
        &self.limit
    }

    /// Goes on with the spacing of a limit that counted in the same way, if there was one.
    pub(super) fn go_on_from(&mut self, earlier: &[Self]) -> bool {
        let same = |other: &&Self| other.limit.counts == self.limit.counts;
        let Some(before) = earlier.iter().find(same) else { return false };
        self.spacing = before.spacing;
        true
    }

    /// Spaces from a hand-over of the past, if it counts here and nothing later is known.
    pub(super) fn space_from(&mut self, at: Time, cost: Costs) {
        let units = self.units(cost);
        if units > 0 && (at, units) > (self.spacing.last_due, self.spacing.debt) {
            self.spacing = Spacing { last_due: at, debt: units };
        }
    }

    /// Is it more than the limit?
    pub(super) fn is_beyond(&self, cost: Costs) -> bool {
        self.units(cost) > u64::from(self.limit.units)
    }

    /// How far back hand-overs matter one by one.
    pub(super) fn reach(&self, cost: u64) -> Duration {
        match &self.windows {
            Windows::Sliding(window) => window.reach(cost),
            Windows::Calendar(window) => window.reach(cost),
        }
    }

    /// From when on the sum of hand-overs matters; where that is what is remembered one by one, `now`.
    pub(super) fn sums_from(&self, now: Time) -> Time {
        match &self.windows {
            Windows::Sliding(_) => now,
            Windows::Calendar(window) => window.begins(now),
        }
    }

    /// The earliest instant at which this limit allows it; always, if it does not count here.
    pub(super) fn allows(&mut self, now: Time, cost: Costs) -> Allowed {
        let units = self.units(cost);
        if units == 0 {
            return Allowed::At(Time::ZERO);
        }
        self.forget_expired(now);
        let room = match &mut self.windows {
            Windows::Sliding(window) => window.room(self.open, units),
            Windows::Calendar(window) => window.room(now, self.open, units),
        };
        match room {
            Allowed::At(from) => Allowed::At(from.max(self.spread_end())),
            Allowed::WhenStamped => Allowed::WhenStamped,
        }
    }

    pub(super) fn take(&mut self, permit: Permit, due: Time, cost: Costs) {
        let units = self.units(cost);
        self.undo = None;
        if units == 0 {
            return;
        }
        self.open = self.open.saturating_add(units);
        self.undo = Some((permit, self.spacing));
        self.spacing = Spacing { last_due: due, debt: units };
    }

    /// Notes a permit that was taken before this rule was made.
    pub(super) fn hold(&mut self, cost: Costs) {
        self.open = self.open.saturating_add(self.units(cost));
    }

    /// The permit is stamped or abandoned.
    pub(super) fn close(&mut self, cost: Costs) {
        self.open = self.open.saturating_sub(self.units(cost));
    }

    /// Gives the permit's place in the spacing again, if it was the last that was given.
    pub(super) fn give_back(&mut self, permit: Permit) {
        if let Some((_, before)) = self.undo.take_if(|(last, _)| *last == permit) {
            self.spacing = before;
        }
    }

    /// The same of a part of it.
    pub(super) fn give_back_part(&mut self, permit: Permit, unused: Costs) {
        if self.undo.is_some_and(|(last, _)| last == permit) {
            self.spacing.debt = self.spacing.debt.saturating_sub(self.units(unused));
        }
    }

    /// Spaces behind a hand-over that asked nobody.
    pub(super) fn yield_to(&mut self, at: Time, cost: Costs) {
        let units = self.units(cost);
        if units == 0 {
            return;
        }
        self.undo = None;
        if at >= self.spread_end() {
            self.spacing = Spacing { last_due: at, debt: units };
        } else {
            self.spacing.debt = self.spacing.debt.saturating_add(units);
        }
    }

    /// Counts a hand-over.
    pub(super) fn count(&mut self, at: Time, cost: Costs) {
        let units = self.units(cost);
        if units == 0 {
            return;
        }
        match &mut self.windows {
            Windows::Sliding(window) => window.count(at, units),
            Windows::Calendar(window) => window.count(at, units),
        }
    }

    /// Counts hand-overs of the past that are added up.
    pub(super) fn count_sum(&mut self, at: Time, cost: Costs) {
        let units = self.units(cost);
        if units == 0 {
            return;
        }
        match &mut self.windows {
            Windows::Sliding(window) => window.count_sum(at, units),
            Windows::Calendar(window) => window.count_sum(at, units),
        }
    }

    /// Counts a sliding window as full at `at`.
    pub(super) fn fill(&mut self, at: Time) {
        if let Windows::Sliding(window) = &mut self.windows {
            window.count_sum(at, u64::from(self.limit.units));
        }
    }

    /// Units in the window that ends now, or that holds now, with those that are open.
    pub(super) fn used(&mut self, now: Time) -> u64 {
        let stamped = match &mut self.windows {
            Windows::Sliding(window) => window.used(now),
            Windows::Calendar(window) => window.used(now),
        };
        stamped.saturating_add(self.open)
    }

    /// The same of its limit, in thousandths.
    pub(super) fn used_thousandths(&mut self, now: Time) -> u64 {
        self.used(now).saturating_mul(1000) / u64::from(self.limit.units.max(1))
    }

    pub(super) fn forget_expired(&mut self, now: Time) {
        match &mut self.windows {
            Windows::Sliding(window) => window.forget_expired(now),
            Windows::Calendar(window) => window.forget_expired(now),
        }
    }

    /// How long such a hand-over takes when they are spaced evenly; zero in windows of the calendar.
    pub(super) fn interval(&self, cost: Costs) -> Duration {
        match &self.windows {
            Windows::Sliding(window) => window.interval(self.units(cost)),
            Windows::Calendar(_) => Duration::ZERO,
        }
    }

    /// When the last hand-over has been made up for; long past where nothing is spread.
    fn spread_end(&self) -> Time {
        match &self.windows {
            Windows::Sliding(window) if window.is_spread() => {
                self.spacing.last_due + window.interval(self.spacing.debt)
            }
            Windows::Sliding(_) | Windows::Calendar(_) => Time::ZERO,
        }
    }

    fn units(&self, cost: Costs) -> u64 {
        cost.units(self.limit.counts)
    }

    /// Memory behind it, for the tests.
    #[cfg(test)]
    pub(super) fn heap_bytes(&self) -> usize {
        match &self.windows {
            Windows::Sliding(window) => window.heap_bytes(),
            Windows::Calendar(window) => size_of::<CalendarWindow>() + window.heap_bytes(),
        }
    }
}
