//! When the n-th request of an open loop is sent. Pure: instants are offsets from the start.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

/// The highest rate, requests a window.
const HIGHEST: u64 = 1_000_000;

/// What is no rate.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(r#"expected a rate such as "500/s" or "30/min", up to {HIGHEST}, found {0:?}"#)]
pub struct BadRate(String);

/// So many requests in every second or minute, evenly spaced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    /// From 1 to a million.
    requests: u64,
    window: Duration,
}

impl Rate {
    /// From the start to the n-th request, from 0. Exact: nothing adds up over time.
    pub(super) fn offset(self, n: u64) -> Duration {
        let nanos = self.window.as_nanos() * u128::from(n) / u128::from(self.requests);
        Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
    }

    /// Requests a second.
    #[expect(clippy::cast_precision_loss, reason = "a million is exact")]
    pub fn per_second(self) -> f64 {
        self.requests as f64 / self.window.as_secs_f64()
    }
}

impl FromStr for Rate {
    type Err = BadRate;

    fn from_str(text: &str) -> Result<Self, BadRate> {
        let bad = || BadRate(text.to_owned());
        let (requests, unit) = text.split_once('/').ok_or_else(bad)?;
        let window = match unit {
            "s" => Duration::from_secs(1),
            "min" => Duration::from_mins(1),
            _ => return Err(bad()),
        };
        let requests = requests.parse().map_err(|_| bad())?;
        if (1..=HIGHEST).contains(&requests) { Ok(Self { requests, window }) } else { Err(bad()) }
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let unit = if self.window == Duration::from_secs(1) { "s" } else { "min" };
        write!(f, "{}/{unit}", self.requests)
    }
}

/// How long a run lasts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Length {
    /// Requests are begun for so long.
    Lasting(Duration),
    /// So many requests are begun.
    Requests(u64),
}

/// All instants of an open loop.
#[derive(Debug, Clone, Copy)]
pub(super) struct Schedule {
    pub(super) rate: Rate,
    pub(super) length: Length,
}

impl Schedule {
    /// When the n-th request is due, from 0, counted from the start. None: the run is over by then.
    pub(super) fn due(&self, n: u64) -> Option<Duration> {
        let offset = self.rate.offset(n);
        let is_within = match self.length {
            Length::Lasting(lasting) => offset < lasting,
            Length::Requests(requests) => n < requests,
        };
        is_within.then_some(offset)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dues(rate: &str, length: Length) -> Vec<Duration> {
        let schedule = Schedule { rate: rate.parse().unwrap(), length };
        (0..).map_while(|n| schedule.due(n)).collect()
    }

    #[test]
    fn rates_are_read_or_refused() {
        for (text, per_second) in [("1/s", 1.0), ("500/s", 500.0), ("30/min", 0.5), ("1000000/s", 1e6)] {
            let rate: Rate = text.parse().unwrap();
            assert!((rate.per_second() - per_second).abs() < f64::EPSILON, "{text}");
            assert_eq!(rate.to_string(), text);
        }
        for text in ["", "5", "0/s", "-1/s", "1.5/s", "1000001/s", "5/h", "5/ s", "/s"] {
            assert_eq!(text.parse::<Rate>(), Err(BadRate(text.to_owned())));
        }
    }

    #[test]
    fn instants_are_even_from_the_start_until_the_time_is_over() {
        let millis = |values: &[u64]| values.iter().map(|ms| Duration::from_millis(*ms)).collect::<Vec<_>>();
        assert_eq!(dues("4/s", Length::Lasting(Duration::from_secs(1))), millis(&[0, 250, 500, 750]));
        assert_eq!(dues("4/s", Length::Requests(3)), millis(&[0, 250, 500]));
        assert_eq!(dues("6/min", Length::Requests(2)), millis(&[0, 10_000]));
        assert_eq!(dues("4/s", Length::Requests(0)), millis(&[]));
    }

    #[test]
    fn a_rate_that_divides_no_second_does_not_drift() {
        let rate: Rate = "3/s".parse().unwrap();
        assert_eq!(rate.offset(1), Duration::from_nanos(333_333_333));
        assert_eq!(rate.offset(3_000_000), Duration::from_secs(1_000_000));
        assert_eq!(rate.offset(u64::MAX), Duration::from_nanos(u64::MAX));
    }
}
