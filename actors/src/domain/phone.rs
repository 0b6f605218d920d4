//! Phone numbers: `E164`, the only form a number has inside.
//!
//! Parsed at the edge, never validated again. The form is exactly `^\+[1-9][0-9]{1,14}$`, nothing
//! stricter: the documented examples (`+1234567890`) are not dialable and must pass (API.md §1).

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A phone number in E.164 form.
///
/// 15 digits without a leading zero fit a `u64` and are told apart by it, so a number is one word:
/// `Copy`, ordered, and eight bytes in every key of the store.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct E164(u64);

/// The text is no E.164 number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a phone number in E.164 form: a plus sign, then 2 to 15 digits, the first not 0")]
pub struct NotE164;

impl E164 {
    /// The digits as a number; what the store's keys hold.
    pub const fn as_u64(self) -> u64 {
        self.0
    }

    /// Back from [`E164::as_u64`]; refuses what no number could have given.
    pub const fn from_u64(digits: u64) -> Option<Self> {
        match digits {
            10..=999_999_999_999_999 => Some(Self(digits)),
            _ => None,
        }
    }
}

impl FromStr for E164 {
    type Err = NotE164;

    fn from_str(text: &str) -> Result<Self, NotE164> {
        let digits = text.strip_prefix('+').ok_or(NotE164)?.as_bytes();
        if !(2..=15).contains(&digits.len()) || digits.first() == Some(&b'0') {
            return Err(NotE164);
        }
        let mut number = 0_u64;
        for digit in digits {
            if !digit.is_ascii_digit() {
                return Err(NotE164);
            }
            number = number * 10 + u64::from(digit - b'0');
        }
        Ok(Self(number))
    }
}

impl fmt::Display for E164 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "+{}", self.0)
    }
}

/// Masked, so that no log line holds a whole number: the first four and the last two digits show.
impl fmt::Debug for E164 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = self.0.to_string();
        let (Some(head), Some(tail)) = (digits.get(..4), digits.get(digits.len().saturating_sub(2)..)) else {
            return f.write_str("+•••");
        };
        if digits.len() < 9 {
            return f.write_str("+•••");
        }
        write!(f, "+{head}•••{tail}")
    }
}

impl Serialize for E164 {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        if to.is_human_readable() { to.collect_str(self) } else { to.serialize_u64(self.0) }
    }
}

impl<'de> Deserialize<'de> for E164 {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        if from.is_human_readable() {
            let text = String::deserialize(from)?;
            text.parse().map_err(serde::de::Error::custom)
        } else {
            let digits = u64::deserialize(from)?;
            Self::from_u64(digits).ok_or_else(|| serde::de::Error::custom(NotE164))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_exactly_the_documented_form() {
        for good in ["+12", "+1234567890", "+1555123456", "+999999999999999"] {
            assert_eq!(good.parse::<E164>().unwrap().to_string(), good);
        }
        let bad = [
            "",
            "+",
            "+1",
            "12",
            "+0123456",
            "+1234567890123456",
            "+12a",
            " +123",
            "+123 ",
            "+１２３",
            "++12",
            "+-12",
        ];
        for text in bad {
            assert_eq!(text.parse::<E164>(), Err(NotE164), "{text:?}");
        }
    }

    #[test]
    fn debug_shows_no_whole_number() {
        let number: E164 = "+15551230001".parse().unwrap();
        assert_eq!(format!("{number:?}"), "+1555•••01");
        assert_eq!(format!("{:?}", "+1234".parse::<E164>().unwrap()), "+•••");
    }
}
