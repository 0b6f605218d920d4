//! Limits as text, and the history of them.

use std::str::FromStr;

use jiff::civil::{Date, Weekday};
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};

/// A limit that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "cannot understand the limit {0:?}: expected units per window, such as 10/s, 6/min, 2.5/10s, \
     30 requests/s, 15 mms/s or 2000/day@America/Los_Angeles"
)]
pub struct BadLimit(String);

/// At most `units` in every window.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Limit {
    /// At least 1.
    pub units: u64,
    /// Is every message one, or as many as it has segments?
    pub one_each: bool,
    /// Counts only messages with media, or only those without.
    pub only_mms: Option<bool>,
    /// The windows.
    pub window: Window,
}

/// The windows of a limit.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Window {
    /// All of this length, in microseconds.
    Sliding(u64),
    /// The dates of a zone, or the weeks or months of such.
    Dates(Every, String),
}

/// How many dates are a window.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Every {
    /// One.
    Day,
    /// Those from a Monday on.
    Week,
    /// Those of a month.
    Month,
}

impl Limit {
    /// What a hand-over counts.
    pub(super) fn units_of(&self, segments: u64, mms: bool) -> u64 {
        match self.only_mms {
            Some(only_mms) if only_mms != mms => 0,
            Some(_) | None if self.one_each => 1,
            Some(_) | None => segments,
        }
    }
}

impl Every {
    /// The first date of the window that holds this instant, as the zone's calendar shows it.
    pub(super) fn window(self, zone: &TimeZone, at_us: u64) -> Option<Date> {
        let at = Timestamp::from_microsecond(i64::try_from(at_us).ok()?).ok()?;
        let date = zone.to_datetime(at).date();
        match self {
            Self::Day => Some(date),
            Self::Week => date.checked_sub(i64::from(date.weekday().since(Weekday::Monday)).days()).ok(),
            Self::Month => Some(date.first_of_month()),
        }
    }

    /// The first date of the window behind the one that begins with this date.
    pub(super) fn next(self, first: Date) -> Option<Date> {
        match self {
            Self::Day => first.tomorrow().ok(),
            Self::Week => first.checked_add(1.week()).ok(),
            Self::Month => first.checked_add(1.month()).ok(),
        }
    }

    /// No window is longer, in microseconds.
    pub(super) const fn longest_us(self) -> u64 {
        let days = match self {
            Self::Day => 1,
            Self::Week => 7,
            Self::Month => 31,
        };
        (days * 24 + 2) * 3_600_000_000
    }
}

impl FromStr for Limit {
    type Err = BadLimit;

    /// `units/window`: units may have a decimal point, `2.5/s` being 5 in every 2 s; the window is
    /// `ms`, `s`, `min` or `h`, with or without a whole number before it, or `day`, `week` or `month` with
    /// `@` and a zone. Behind the units may stand `sms` or `mms`, then `segments`, `messages` or
    /// `requests`.
    fn from_str(text: &str) -> Result<Self, BadLimit> {
        read(text).ok_or_else(|| BadLimit(text.to_owned()))
    }
}

fn read(text: &str) -> Option<Limit> {
    let (front, window_text) = text.trim().split_once('/')?;
    let mut words = front.split_whitespace();
    let (numerator, denominator) = fraction(words.next()?)?;
    let words: Vec<&str> = words.collect();
    let (only_mms, rest) = match words.as_slice() {
        ["sms", rest @ ..] => (Some(false), rest),
        ["mms", rest @ ..] => (Some(true), rest),
        rest => (None, rest),
    };
    let one_each = match rest {
        [] => only_mms == Some(true),
        ["segment" | "segments"] => false,
        ["message" | "messages" | "request" | "requests"] => true,
        _ => return None,
    };
    let (units, window) = match window_text.split_once('@') {
        Some((name, zone)) => (whole(numerator, denominator)?, Window::Dates(dates(name)?, zone_name(zone)?)),
        None => sliding(numerator, denominator, window_text)?,
    };
    (units > 0).then_some(Limit { units, one_each, only_mms, window })
}

fn sliding(numerator: u64, denominator: u64, window_text: &str) -> Option<(u64, Window)> {
    let common = gcd(numerator, denominator);
    let digits_end = window_text.bytes().take_while(u8::is_ascii_digit).count();
    let (count_text, name) = window_text.split_at(digits_end);
    let count = if count_text.is_empty() { 1 } else { digits(count_text)? };
    let unit_us: u64 = match name {
        "ms" => 1_000,
        "s" => 1_000_000,
        "min" => 60_000_000,
        "h" => 3_600_000_000,
        _ => return None,
    };
    let units = numerator.checked_div(common)?;
    let window_us = count.checked_mul(unit_us)?.checked_mul(denominator / common)?;
    (window_us > 0).then_some((units, Window::Sliding(window_us)))
}

fn dates(name: &str) -> Option<Every> {
    match name {
        "day" => Some(Every::Day),
        "week" => Some(Every::Week),
        "month" => Some(Every::Month),
        _ => None,
    }
}

fn zone_name(name: &str) -> Option<String> {
    TimeZone::get(name).is_ok().then(|| name.to_owned())
}

fn fraction(units_text: &str) -> Option<(u64, u64)> {
    let (whole, decimals) = units_text.split_once('.').unwrap_or((units_text, ""));
    let numerator: u64 = digits(&format!("{whole}{decimals}"))?;
    Some((numerator, 10_u64.checked_pow(u32::try_from(decimals.len()).ok()?)?))
}

fn whole(numerator: u64, denominator: u64) -> Option<u64> {
    numerator.is_multiple_of(denominator).then_some(numerator / denominator)
}

fn digits(text: &str) -> Option<u64> {
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok())?
}

fn gcd(a: u64, b: u64) -> u64 {
    if b == 0 { a } else { gcd(b, a % b) }
}

/// What was in force from an instant on, until the next epoch's.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Epoch {
    /// When the engine applied it.
    pub from_us: u64,
    /// All must allow a message. One text, or a list.
    #[serde(rename = "limit", deserialize_with = "one_or_more")]
    pub limits: Vec<Limit>,
}

fn one_or_more<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<Limit>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Written {
        One(String),
        More(Vec<String>),
    }
    let texts = match Written::deserialize(from)? {
        Written::One(text) => vec![text],
        Written::More(texts) => texts,
    };
    texts.iter().map(|text| text.parse().map_err(D::Error::custom)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_are_read_exactly_or_refused() {
        let table = [
            ("1/s", Some((1, 1_000_000))),
            ("10/s", Some((10, 1_000_000))),
            ("6/min", Some((6, 60_000_000))),
            ("100/h", Some((100, 3_600_000_000))),
            ("30/10s", Some((30, 10_000_000))),
            ("5/250ms", Some((5, 250_000))),
            ("2.5/s", Some((5, 2_000_000))),
            ("0.1/s", Some((1, 10_000_000))),
            ("0/s", None),
            ("1", None),
            ("1/", None),
            ("1/day", None),
            ("1/day@Nowhere", None),
            ("1/hour@UTC", None),
            ("0.5/day@UTC", None),
            ("1 call/s", None),
            ("1/0s", None),
            ("-1/s", None),
            ("/s", None),
            ("99999999999999999999/s", None),
        ];
        for (text, expected) in table {
            let limit = text.parse::<Limit>().ok().map(|limit| match limit.window {
                Window::Sliding(window_us) => (limit.units, window_us),
                Window::Dates(..) => panic!("{text}"),
            });
            assert_eq!(limit, expected, "{text}");
        }
    }

    #[test]
    fn what_a_limit_counts_is_read() {
        // Of two segments: of a text, and with media.
        for (text, sms, mms) in [
            ("9/s", 2, 2),
            ("9 segments/s", 2, 2),
            ("9 messages/s", 1, 1),
            ("9 request/s", 1, 1),
            ("9 sms/s", 2, 0),
            ("9 sms messages/s", 1, 0),
            ("9 mms/s", 0, 1),
            ("9 mms segments/s", 0, 2),
            ("9 messages/week@Europe/Berlin", 1, 1),
        ] {
            let limit: Limit = text.parse().unwrap();
            assert_eq!((limit.units_of(2, false), limit.units_of(2, true)), (sms, mms), "{text}");
        }
    }
}
