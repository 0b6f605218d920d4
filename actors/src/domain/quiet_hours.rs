//! Quiet hours: the hours of a recipient's day in which an organization sends nothing but what is urgent.
//!
//! Written as `21:00-08:00@Europe/Berlin`: from, until, and the organization's zone. They go by the
//! recipient's clock where the number makes its zone certain (`zones.rs`), else by the organization's. It
//! is quiet while the clock on the wall there says so, from the first minute up to the second; so an hour
//! that a zone skips is skipped, and one that it repeats counts twice.
//!
//! Pure. The zones are those built into the program, so every process of a store has the same.

mod zones;

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use jiff::Timestamp;
use jiff::tz::{TimeZone, TimeZoneDatabase};

use super::phone::E164;
use super::time::Time;

const MINUTES_OF_DAY: u16 = 24 * 60;

const NANOS_OF_MINUTE: u64 = 60_000_000_000;

const NANOS_OF_DAY: u64 = MINUTES_OF_DAY as u64 * NANOS_OF_MINUTE;

/// Between two changes between quiet and not lie at most a day and the few changes of a zone's clock.
const MOST_STEPS: usize = 16;

/// The quiet hours of an organization.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QuietHours {
    /// Minute of the day; never that of `until`.
    from: u16,
    until: u16,
    /// Of recipients whose own is not certain.
    zone: TimeZone,
}

/// Quiet hours that cannot be read; the text says why and what is expected.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} {1}: expected quiet hours such as \"21:00-08:00@Europe/Berlin\"")]
pub struct BadQuietHours(String, &'static str);

impl QuietHours {
    /// The first instant from `at` on at which this recipient may be sent to: `at` itself if it is not
    /// quiet there then.
    pub fn first_allowed(&self, recipient: E164, at: Time) -> Time {
        self.first(recipient, at, false)
    }

    /// When it is quiet for this recipient next: `at` itself if it is then.
    pub fn next_quiet(&self, recipient: E164, at: Time) -> Time {
        self.first(recipient, at, true)
    }

    fn first(&self, recipient: E164, at: Time, quiet: bool) -> Time {
        let own = zones::zone_of(recipient);
        let zone = own.as_ref().unwrap_or(&self.zone);
        let mut instant = at;
        for _ in 0..MOST_STEPS {
            let Some(clock) = Clock::of(zone, instant) else { return Time::MAX };
            if self.is_quiet(clock.nanos_of_day) == quiet {
                return instant;
            }
            let edge = if quiet { self.from } else { self.until };
            instant = clock.next(edge);
        }
        Time::MAX
    }

    fn is_quiet(&self, nanos_of_day: u64) -> bool {
        let (from, until) = (nanos(self.from), nanos(self.until));
        if from < until {
            from <= nanos_of_day && nanos_of_day < until
        } else {
            from <= nanos_of_day || nanos_of_day < until
        }
    }
}

fn nanos(minute: u16) -> u64 {
    u64::from(minute) * NANOS_OF_MINUTE
}

/// What the clocks of a zone show at an instant.
struct Clock {
    at: Time,
    nanos_of_day: u64,
    /// Up to here they go on evenly.
    changes_at: Time,
}

impl Clock {
    fn of(zone: &TimeZone, at: Time) -> Option<Self> {
        let instant = Timestamp::from_nanosecond(i128::from(at.as_nanos())).ok()?;
        let shown = zone.to_datetime(instant);
        let since_midnight = shown.duration_since(shown.start_of_day());
        let changes_at = zone.following(instant).next().map(|next| next.timestamp().as_nanosecond());
        let changes_at = changes_at.and_then(|nanos| u64::try_from(nanos).ok());
        Some(Self {
            at,
            nanos_of_day: u64::try_from(since_midnight.as_nanos()).ok()?,
            changes_at: changes_at.map_or(Time::MAX, Time::from_nanos),
        })
    }

    /// When they show this minute next, or change before that.
    fn next(&self, minute: u16) -> Time {
        let ahead = (nanos(minute) + NANOS_OF_DAY - self.nanos_of_day) % NANOS_OF_DAY;
        let ahead = if ahead == 0 { NANOS_OF_DAY } else { ahead };
        (self.at + Duration::from_nanos(ahead)).min(self.changes_at)
    }
}

impl FromStr for QuietHours {
    type Err = BadQuietHours;

    fn from_str(text: &str) -> Result<Self, BadQuietHours> {
        let bad = |why| BadQuietHours(text.to_owned(), why);
        let (hours, name) = text.split_once('@').ok_or_else(|| bad("names no zone"))?;
        let (from, until) = hours.split_once('-').ok_or_else(|| bad("is not two times of day"))?;
        let from = minute(from.trim()).ok_or_else(|| bad("does not begin at a time of day"))?;
        let until = minute(until.trim()).ok_or_else(|| bad("does not end at a time of day"))?;
        if from == until {
            return Err(bad("begins when it ends"));
        }
        let zone = zone(name.trim()).ok_or_else(|| bad("names an unknown zone"))?;
        Ok(Self { from, until, zone })
    }
}

impl fmt::Display for QuietHours {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = |minute: u16| (minute / 60, minute % 60);
        let ((from, from_minute), (until, until_minute)) = (shown(self.from), shown(self.until));
        let name = self.zone.iana_name().unwrap_or_default();
        write!(f, "{from:02}:{from_minute:02}-{until:02}:{until_minute:02}@{name}")
    }
}

/// The minute of the day that `07:30` is.
fn minute(text: &str) -> Option<u16> {
    let (hour, minute) = text.split_once(':')?;
    let digits = |part: &str| part.len() == 2 && part.bytes().all(|byte| byte.is_ascii_digit());
    if !digits(hour) || !digits(minute) {
        return None;
    }
    let (hour, minute): (u16, u16) = (hour.parse().ok()?, minute.parse().ok()?);
    let is_time = hour < 24 && minute < 60;
    is_time.then_some(hour * 60 + minute)
}

fn zone(name: &str) -> Option<TimeZone> {
    let zone = TimeZoneDatabase::bundled().get(name).ok()?;
    zone.iana_name().is_some().then_some(zone)
}

#[cfg(test)]
mod tests;
