//! Windows of the calendar: the days, weeks and months of a zone, and what was handed over in them.
//!
//! A window is [first instant of its first date, first instant of the next window's first date), by
//! the zone's dates and never by adding 24 hours: days last 22 to 26 hours, and some have no midnight.
//! The zones are those built into the program, so every process of a store has the same.
//!
//! Invariants: `used` is sorted by the windows' first instants. A window may lie in the future: that is
//! how a message larger than the limit pays with the windows after it. As those are full but for the
//! last one, and all windows before it too, a window with room is followed by windows with room.

use std::collections::VecDeque;
use std::fmt;
use std::time::Duration;

use jiff::civil::Date;
use jiff::tz::{TimeZone, TimeZoneDatabase};
use jiff::{Timestamp, ToSpan};

use super::super::time::Time;
use super::Allowed;

/// How often a window of the calendar begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Every {
    /// With each date.
    Day,
    /// With each Monday.
    Week,
    /// With the first date of each month.
    Month,
}

impl Every {
    pub(super) const ALL: [Self; 3] = [Self::Day, Self::Week, Self::Month];

    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Day => "day",
            Self::Week => "week",
            Self::Month => "month",
        }
    }

    /// No window is longer.
    pub(super) const fn longest(self) -> Duration {
        match self {
            Self::Day => Duration::from_hours(26),
            Self::Week => Duration::from_hours(7 * 24 + 2),
            Self::Month => Duration::from_hours(31 * 24 + 2),
        }
    }

    fn first_date(self, of: Date) -> Option<Date> {
        match self {
            Self::Day => Some(of),
            Self::Week => of.checked_sub(i64::from(of.weekday().to_monday_zero_offset()).days()).ok(),
            Self::Month => Some(of.first_of_month()),
        }
    }

    fn next_first_date(self, first: Date) -> Option<Date> {
        match self {
            Self::Day => first.checked_add(1.day()).ok(),
            Self::Week => first.checked_add(7.days()).ok(),
            Self::Month => first.checked_add(1.month()).ok(),
        }
    }
}

/// The windows of a zone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Calendar {
    every: Every,
    zone: TimeZone,
}

/// One window: from its first instant up to the next one's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Period {
    /// Its first instant.
    pub from: Time,
    /// The first one behind it.
    pub until: Time,
}

impl Calendar {
    /// The windows of the zone of this name; `None` if there is no such zone.
    pub fn new(every: Every, zone: &str) -> Option<Self> {
        // The database knows names in any case; a limit is shown as the zone is named.
        let zone = TimeZoneDatabase::bundled().get(zone).ok()?;
        zone.iana_name().is_some().then_some(Self { every, zone })
    }

    /// The window that holds this instant. Without an answer, which no instant up to the year 2554 is:
    /// one that never ends, the safe side.
    pub fn period(&self, at: Time) -> Period {
        self.found_period(at).unwrap_or(Period { from: Time::ZERO, until: Time::MAX })
    }

    /// No window is longer.
    pub(super) const fn longest(&self) -> Duration {
        self.every.longest()
    }

    fn found_period(&self, at: Time) -> Option<Period> {
        let instant = Timestamp::from_nanosecond(i128::from(at.as_nanos())).ok()?;
        let first = self.every.first_date(self.zone.to_datetime(instant).date())?;
        let next = self.every.next_first_date(first)?;
        Some(Period { from: self.first_instant(first)?, until: self.first_instant(next)? })
    }

    fn first_instant(&self, of: Date) -> Option<Time> {
        let noon = of.at(12, 0, 0, 0).to_zoned_datetime(self.zone.clone()).ok()?;
        let start = noon.start_of_day().ok()?.timestamp().as_nanosecond();
        Some(Time::from_nanos(u64::try_from(start.max(0)).ok()?))
    }
}

impl fmt::Display for Calendar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}", self.every.as_str(), self.zone.iana_name().unwrap_or_default())
    }
}

#[derive(Debug, Clone)]
struct Used {
    from: Time,
    units: u64,
}

/// What was handed over in this window of the calendar and in later ones.
#[derive(Debug, Clone)]
pub(super) struct CalendarWindow {
    units: u64,
    calendar: Calendar,
    used: VecDeque<Used>,
    /// The window that was looked at last.
    current: Period,
}

impl CalendarWindow {
    pub(super) const fn new(units: u64, calendar: Calendar) -> Self {
        let current = Period { from: Time::ZERO, until: Time::ZERO };
        Self { units, calendar, used: VecDeque::new(), current }
    }

    /// How long a message of `cost` is to be remembered by itself, as it pays with the windows after
    /// it; zero where its sum within a window says it all.
    pub(super) fn reach(&self, cost: u64) -> Duration {
        let windows = u32::try_from(cost.div_ceil(self.units).max(1)).unwrap_or(u32::MAX);
        if windows == 1 { Duration::ZERO } else { self.calendar.longest().saturating_mul(windows) }
    }

    /// The first instant of the window that holds this one.
    pub(super) fn begins(&self, at: Time) -> Time {
        self.calendar.period(at).from
    }

    /// From when on there is room for `cost` beside `open` units that have no stamp yet.
    pub(super) fn room(&mut self, now: Time, open: u64, cost: u64) -> Allowed {
        let needed = open.saturating_add(cost.min(self.units));
        if needed > self.units {
            return Allowed::WhenStamped;
        }
        let mut from = Time::ZERO;
        let mut period = self.period(now);
        while self.used_in(period.from).saturating_add(needed) > self.units && period.until < Time::MAX {
            period = self.calendar.period(period.until);
            from = period.from;
        }
        Allowed::At(from)
    }

    /// Counts a hand-over; one that is larger than the limit takes up this window and the next ones.
    pub(super) fn count(&mut self, at: Time, cost: u64) {
        let mut left = cost;
        let mut period = self.period(at);
        while left > self.units && period.until < Time::MAX {
            self.add(period.from, self.units);
            left = left.saturating_sub(self.units);
            period = self.calendar.period(period.until);
        }
        self.add(period.from, left);
    }

    /// Counts hand-overs that are added up: all in this window.
    pub(super) fn count_sum(&mut self, at: Time, units: u64) {
        let from = self.period(at).from;
        self.add(from, units);
    }

    /// What is used of the window that holds this instant.
    pub(super) fn used(&mut self, at: Time) -> u64 {
        let from = self.period(at).from;
        self.used_in(from)
    }

    /// Drops the windows that are over.
    pub(super) fn forget_expired(&mut self, now: Time) {
        let from = self.period(now).from;
        while self.used.front().is_some_and(|oldest| oldest.from < from) {
            self.used.pop_front();
        }
        if self.used.is_empty() {
            self.used = VecDeque::new();
        }
    }

    fn used_in(&self, from: Time) -> u64 {
        self.used.iter().find(|one| one.from == from).map_or(0, |one| one.units)
    }

    fn add(&mut self, from: Time, units: u64) {
        let place = self.used.partition_point(|one| one.from < from);
        match self.used.get_mut(place) {
            Some(same) if same.from == from => same.units = same.units.saturating_add(units),
            Some(_) | None => self.used.insert(place, Used { from, units }),
        }
    }

    fn period(&mut self, at: Time) -> Period {
        if at < self.current.from || at >= self.current.until {
            self.current = self.calendar.period(at);
        }
        self.current
    }

    /// Memory behind it, for the tests.
    #[cfg(test)]
    pub(super) fn heap_bytes(&self) -> usize {
        self.used.capacity() * size_of::<Used>()
    }
}
