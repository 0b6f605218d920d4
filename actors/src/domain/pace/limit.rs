//! A limit and how it is written: units per window, such as `1/s`, `6/min`, `30/10s`, `0.1/s`.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

/// The most units in one window.
const MOST_UNITS: u64 = 100_000;

/// The longest window, in seconds.
const LONGEST_WINDOW: u64 = 3600;

/// A limit with a decimal point must come out at a window that is still spread, in seconds.
const LONGEST_DECIMAL: u64 = 60;

/// Digits behind the decimal point.
const MOST_DECIMALS: usize = 6;

/// Names of windows and their seconds, the longest first.
const NAMES: [(&str, u64); 3] = [("h", 3600), ("min", 60), ("s", 1)];

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

    /// Reads `units/window`. The window is `s`, `min` or `h`, with or without a whole number before
    /// it, up to an hour. Units with a decimal point become the exact whole limit: `2.5/s` is 5 in
    /// every 2 s.
    fn from_str(text: &str) -> Result<Self, BadLimit> {
        let Some((units_text, window_text)) = text.split_once('/') else {
            return Err(bad(text, "is not units per window"));
        };
        let window = seconds(window_text).map_err(|why| bad(text, why))?;
        let (numerator, denominator) = fraction(units_text).map_err(|why| bad(text, why))?;
        let common = gcd(numerator, denominator);
        let units = numerator / common;
        let parts = denominator / common;
        let whole_window = window.saturating_mul(parts);

        let exact = Self {
            units: u32::try_from(units).unwrap_or(u32::MAX),
            window: Duration::from_secs(whole_window),
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
}

impl fmt::Display for Limit {
    /// As it is written in configuration, in whole units.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.window.as_secs();
        let divides = |(_, size): &&(&str, u64)| seconds >= *size && seconds.is_multiple_of(*size);
        let whole = self.window.subsec_nanos() == 0;
        match NAMES.iter().find(divides) {
            Some((name, size)) if whole && seconds == *size => write!(f, "{}/{name}", self.units),
            Some((name, size)) if whole => write!(f, "{}/{}{name}", self.units, seconds / size),
            Some(_) | None => write!(f, "{}/{:?}", self.units, self.window),
        }
    }
}

/// The seconds of `s`, `10s`, `min`, `2min`, `h`.
fn seconds(text: &str) -> Result<u64, &'static str> {
    if text.contains("day") || text.contains('@') {
        return Err("is a limit per day, which is not supported yet");
    }
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (count_text, name) = text.split_at(digits);
    let Some((_, size)) = NAMES.iter().find(|(known, _)| *known == name) else {
        return Err("has an unknown window: it is s, min or h");
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
    if text.contains("message") || text.contains("request") {
        return Err("counts messages or requests, which is not supported yet: limits count segments");
    }
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
