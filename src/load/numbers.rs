//! Sending numbers and recipients: named, or derived from how many there shall be.

use sendyard_actors::domain::phone::E164;

/// The most of them, named or derived.
const MOST: usize = 100_000;

/// Derived sending numbers start with this.
const SENDERS: &str = "+1555";

/// Derived recipients start with this: the area code 666 is nobody's.
const RECIPIENTS: &str = "+1666";

/// What is no list of numbers. The sentence says what was expected.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadNumbers {
    /// Neither a count nor a list.
    #[error("expected how many, up to {MOST}, or numbers in E.164 form with commas between, found {0:?}")]
    Unreadable(String),
    /// None, or too many.
    #[error("{0} numbers, expected 1 to {MOST}")]
    Count(usize),
}

/// At least one number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Numbers(Vec<String>);

impl Numbers {
    /// Sending numbers: `10` is the first ten derived ones, `+15550000000` and so on.
    pub fn senders(text: &str) -> Result<Self, BadNumbers> {
        Self::read(text, SENDERS)
    }

    /// Recipients: `10` is the first ten derived ones, `+16660000000` and so on.
    pub fn recipients(text: &str) -> Result<Self, BadNumbers> {
        Self::read(text, RECIPIENTS)
    }

    /// The first `count` derived sending numbers; one where that is zero.
    pub fn first_senders(count: usize) -> Self {
        Self::derived(SENDERS, count.clamp(1, MOST))
    }

    fn read(text: &str, start: &str) -> Result<Self, BadNumbers> {
        let is_count = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        if is_count {
            let count = text.parse().unwrap_or(usize::MAX);
            return checked(count).map(|count| Self::derived(start, count));
        }
        let unreadable = || BadNumbers::Unreadable(text.to_owned());
        let parse = |number: &str| number.trim().parse::<E164>().map_err(|_| unreadable());
        let numbers: Vec<E164> = text.split(',').map(parse).collect::<Result<_, _>>()?;
        checked(numbers.len())?;
        Ok(Self(numbers.iter().map(E164::to_string).collect()))
    }

    fn derived(start: &str, count: usize) -> Self {
        Self((0..count).map(|n| format!("{start}{n:07}")).collect())
    }

    /// How many there are, at least 1.
    pub fn count(&self) -> usize {
        self.0.len()
    }

    /// The n-th, round and round.
    pub fn nth(&self, n: usize) -> &str {
        self.0.get(n % self.0.len().max(1)).map_or("", String::as_str)
    }

    /// Each once, in order.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }
}

fn checked(count: usize) -> Result<usize, BadNumbers> {
    if (1..=MOST).contains(&count) { Ok(count) } else { Err(BadNumbers::Count(count)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_named_or_derived_or_refused() {
        let table: [(&str, Option<&[&str]>); 9] = [
            ("1", Some(&["+15550000000"])),
            ("3", Some(&["+15550000000", "+15550000001", "+15550000002"])),
            ("+1234567890", Some(&["+1234567890"])),
            ("+1234567890, +15550100010", Some(&["+1234567890", "+15550100010"])),
            ("0", None),
            ("100001", None),
            ("99999999999999999999999", None),
            ("+1234567890,", None),
            ("", None),
        ];
        for (text, expected) in table {
            let read = Numbers::senders(text);
            let read = read.as_ref().map(|numbers| numbers.iter().collect::<Vec<_>>()).ok();
            assert_eq!(read.as_deref(), expected, "{text}");
        }
    }

    #[test]
    fn the_first_follows_the_last() {
        let numbers = Numbers::recipients("2").unwrap();
        assert_eq!(
            [numbers.nth(0), numbers.nth(1), numbers.nth(2)],
            ["+16660000000", "+16660000001", "+16660000000"]
        );
    }
}
