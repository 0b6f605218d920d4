//! Limits as text, and the history of them.

use std::str::FromStr;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer};

/// A limit that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("cannot understand the limit {0:?}: expected units per window, such as 10/s, 6/min or 2.5/10s")]
pub struct BadLimit(String);

/// At most `units` in every window of `window_us`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Limit {
    /// Segments, at least 1.
    pub units: u64,
    /// The window's length, in microseconds.
    pub window_us: u64,
}

impl FromStr for Limit {
    type Err = BadLimit;

    /// `units/window`: units may have a decimal point, `2.5/s` being 5 in every 2 s; the window is
    /// `ms`, `s`, `min` or `h`, with or without a whole number before it.
    fn from_str(text: &str) -> Result<Self, BadLimit> {
        read(text).ok_or_else(|| BadLimit(text.to_owned()))
    }
}

fn read(text: &str) -> Option<Limit> {
    let (units_text, window_text) = text.trim().split_once('/')?;
    let (whole, decimals) = units_text.split_once('.').unwrap_or((units_text, ""));
    let numerator: u64 = digits(&format!("{whole}{decimals}"))?;
    let denominator = 10_u64.checked_pow(u32::try_from(decimals.len()).ok()?)?;
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
    (units > 0 && window_us > 0).then_some(Limit { units, window_us })
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
            ("1/0s", None),
            ("-1/s", None),
            ("/s", None),
            ("99999999999999999999/s", None),
        ];
        for (text, expected) in table {
            let limit = text.parse::<Limit>().ok().map(|limit| (limit.units, limit.window_us));
            assert_eq!(limit, expected, "{text}");
        }
    }
}
