//! Latencies, in microseconds, to three digits.

use std::time::Duration;

use hdrhistogram::{CreationError, Histogram};
use serde::Serialize;

/// An hour; what takes longer counts as this.
const LONGEST_US: u64 = 3_600_000_000;

/// To three digits.
const DIGITS: u8 = 3;

/// Latencies of one kind of requests.
#[derive(Debug, Clone)]
pub(super) struct Latencies(Histogram<u64>);

impl Latencies {
    pub(super) fn new() -> Result<Self, CreationError> {
        Ok(Self(Histogram::new_with_bounds(1, LONGEST_US, DIGITS)?))
    }

    pub(super) fn record(&mut self, latency: Duration) {
        self.0.saturating_record(u64::try_from(latency.as_micros()).unwrap_or(u64::MAX));
    }

    /// None of none.
    pub(super) fn summary(&self) -> Option<Latency> {
        if self.0.is_empty() {
            return None;
        }
        let at = |quantile| self.0.value_at_quantile(quantile);
        let (p50, p90, p99, p99_9) = (at(0.5), at(0.9), at(0.99), at(0.999));
        Some(Latency { count: self.0.len(), p50, p90, p99, p99_9, max: self.0.max() })
    }
}

/// A summary of them. Microseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Latency {
    /// How many were measured.
    pub count: u64,
    /// Half took no longer.
    pub p50: u64,
    /// Nine of ten took no longer.
    pub p90: u64,
    /// 99 of 100 took no longer.
    pub p99: u64,
    /// 999 of 1,000 took no longer.
    pub p99_9: u64,
    /// The longest.
    pub max: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_summary_is_exact_to_three_digits() {
        let mut latencies = Latencies::new().unwrap();
        assert_eq!(latencies.summary(), None);
        for milli in 1..=1000 {
            latencies.record(Duration::from_millis(milli));
        }
        let summary = latencies.summary().unwrap();
        assert_eq!(summary.count, 1000);
        for (value, expected) in [
            (summary.p50, 500_000),
            (summary.p90, 900_000),
            (summary.p99, 990_000),
            (summary.p99_9, 999_000),
            (summary.max, 1_000_000),
        ] {
            assert!(value.abs_diff(expected) <= expected / 1000, "{value} {expected}");
        }
    }

    #[test]
    fn what_takes_longer_than_an_hour_counts_as_an_hour() {
        let mut latencies = Latencies::new().unwrap();
        latencies.record(Duration::MAX);
        let max = latencies.summary().unwrap().max;
        assert!(max.abs_diff(LONGEST_US) <= LONGEST_US / 1000, "{max}");
    }
}
