//! How a limit is written: `NUMBER [sms|mms] [segments|messages|requests] / WINDOW`.
//!
//! The window is `s`, `min` or `h`, with or without a whole number before it, or `day`, `week` or
//! `month` with its zone. An MMS counts as one where its unit is not given. Refused is what cannot be
//! meant, with a sentence that says what can.

use std::str::FromStr;
use std::time::Duration;

use super::super::calendar::{Calendar, Every};
use super::{Counts, Limit, NAMES, Traffic, Unit, WindowKind};

/// The most units in one sliding window.
const MOST_UNITS: u64 = 100_000;

/// The most units in one window of the calendar.
const MOST_CALENDAR_UNITS: u64 = 100_000_000;

/// The longest sliding window, in seconds.
const LONGEST_WINDOW: u64 = 3600;

/// A limit with a decimal point must come out at a window that is still spread, in seconds.
const LONGEST_DECIMAL: u64 = 60;

/// Digits behind the decimal point.
const MOST_DECIMALS: usize = 6;

/// The most limits in one list.
const MOST_LIMITS: usize = 16;

/// A limit that cannot be read; the text says why and what is expected.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct BadLimit(pub String);

/// Reads a list of limits; of one that cannot be read also its place in the list. All of them are to
/// hold, so each is a cost: more than 16 are refused, at the place of the first too many.
pub fn read_all<T: AsRef<str>>(texts: &[T]) -> Result<Vec<Limit>, (usize, BadLimit)> {
    if texts.len() > MOST_LIMITS {
        return Err((MOST_LIMITS, BadLimit(format!("expected at most {MOST_LIMITS} limits"))));
    }
    let limit = |(place, text): (usize, &T)| text.as_ref().parse().map_err(|bad| (place, bad));
    texts.iter().enumerate().map(limit).collect()
}

impl FromStr for Limit {
    type Err = BadLimit;

    /// Reads one limit. Units with a decimal point become the exact whole limit: `2.5/s` is 5 in every
    /// 2 s.
    fn from_str(text: &str) -> Result<Self, BadLimit> {
        // A zone has slashes of its own.
        let Some((units_text, window_text)) = text.split_once('/') else {
            return Err(bad(text, "is not units per window"));
        };
        let (number, words) = units_text.trim().split_once(' ').unwrap_or((units_text.trim(), ""));
        let counts = counts(words).map_err(|why| bad(text, why))?;
        let fraction = fraction(number).map_err(|why| bad(text, why))?;
        match calendar(window_text) {
            Some(calendar) => in_calendar(text, fraction, counts, calendar.map_err(|why| bad(text, why))?),
            None => sliding(text, fraction, counts, seconds(window_text).map_err(|why| bad(text, why))?),
        }
    }
}

fn sliding(text: &str, number: (u64, u64), counts: Counts, window: u64) -> Result<Limit, BadLimit> {
    let (numerator, denominator) = number;
    let common = gcd(numerator, denominator);
    let units = numerator / common;
    let parts = denominator / common;
    let whole_window = window.saturating_mul(parts);

    let exact = Limit {
        units: u32::try_from(units).unwrap_or(u32::MAX),
        counts,
        window: WindowKind::Sliding(Duration::from_secs(whole_window)),
    };
    if units > MOST_UNITS {
        return Err(bad(text, &format!("allows more than {MOST_UNITS} units per window")));
    }
    if whole_window > LONGEST_WINDOW {
        return Err(bad(text, "has a window longer than an hour"));
    }
    if parts > 1 && units > 1 && whole_window > LONGEST_DECIMAL {
        return Err(bad(text, &format!("is exact only as {exact}: write that if it is meant")));
    }
    Ok(exact)
}

fn in_calendar(
    text: &str,
    number: (u64, u64),
    counts: Counts,
    calendar: Calendar,
) -> Result<Limit, BadLimit> {
    let (numerator, denominator) = number;
    if !numerator.is_multiple_of(denominator) {
        return Err(bad(text, "has a decimal point, which no window of the calendar can have"));
    }
    match u32::try_from(numerator / denominator) {
        Ok(units) if u64::from(units) <= MOST_CALENDAR_UNITS => {
            Ok(Limit { units, counts, window: WindowKind::Calendar(calendar) })
        }
        Ok(_) | Err(_) => Err(bad(text, &format!("allows more than {MOST_CALENDAR_UNITS} units per window"))),
    }
}

/// What the words between number and slash count.
fn counts(words: &str) -> Result<Counts, &'static str> {
    let mut words = words.split_ascii_whitespace().peekable();
    let traffic = match words.next_if(|word| matches!(*word, "sms" | "mms")) {
        Some("sms") => Traffic::Sms,
        Some(_) => Traffic::Mms,
        None => Traffic::Any,
    };
    let unit = match words.next() {
        Some("message" | "messages") => Unit::Messages,
        Some("request" | "requests") => Unit::Requests,
        None if traffic == Traffic::Mms => Unit::Messages,
        Some("segment" | "segments") | None => Unit::Segments,
        Some(_) => return Err("counts something unknown: it is sms or mms, segments, messages or requests"),
    };
    match words.next() {
        None => Ok(Counts { unit, traffic }),
        Some(_) => Err("has too many words before the slash"),
    }
}

/// `day@ZONE`, `week@ZONE`, `month@ZONE`; `None` if it begins otherwise.
fn calendar(window: &str) -> Option<Result<Calendar, &'static str>> {
    let (name, zone) = window.split_once('@').map_or((window, None), |(name, zone)| (name, Some(zone)));
    let Some(every) = Every::ALL.into_iter().find(|every| every.as_str() == name) else {
        return zone.map(|_| Err("has a zone and no window of the calendar: that is day, week or month"));
    };
    let Some(zone) = zone else {
        return Some(Err("needs the zone whose dates count, such as 2000/day@America/Los_Angeles"));
    };
    Some(
        Calendar::new(every, zone)
            .ok_or("has an unknown zone: it is a name such as America/Los_Angeles or UTC"),
    )
}

/// The seconds of `s`, `10s`, `min`, `2min`, `h`.
fn seconds(text: &str) -> Result<u64, &'static str> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (count_text, name) = text.split_at(digits);
    let Some((_, size)) = NAMES.iter().find(|(known, _)| *known == name) else {
        return Err("has an unknown window: it is s, min or h, or day@ZONE, week@ZONE or month@ZONE");
    };
    if count_text.is_empty() {
        return Ok(*size);
    }
    match count_text.parse::<u64>() {
        Ok(0) => Err("has an empty window"),
        Ok(count) => Ok(size.saturating_mul(count)),
        Err(_) => Err("has a window longer than an hour"),
    }
}

/// The units as a fraction: whole number and power of ten.
fn fraction(text: &str) -> Result<(u64, u64), &'static str> {
    let (whole, decimals) = text.split_once('.').unwrap_or((text, "0"));
    let all_digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    if !all_digits(whole) || !all_digits(decimals) {
        return Err("has no plain number above zero before the slash");
    }
    if decimals.len() > MOST_DECIMALS {
        return Err("has more than 6 digits after its point");
    }
    let joined = format!("{whole}{decimals}");
    let denominator = decimals.bytes().fold(1_u64, |power, _| power.saturating_mul(10));
    match joined.parse::<u64>() {
        Ok(0) => Err("allows nothing"),
        Ok(numerator) => Ok((numerator, denominator)),
        Err(_) => Err("allows more units per window than can be counted"),
    }
}

fn gcd(a: u64, b: u64) -> u64 {
    if b == 0 { a } else { gcd(b, a % b) }
}

fn bad(text: &str, why: &str) -> BadLimit {
    let shown: String = text.chars().take(40).collect();
    BadLimit(format!("limit `{shown}` {why}; expected units per window, such as 1/s, 6/min, 30/10s or 0.1/s"))
}
