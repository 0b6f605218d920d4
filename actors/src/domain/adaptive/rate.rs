//! A rate in thousandths of a unit per second.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::super::pace::{Counts, Limit};

/// So many units per second. Exact to a thousandth.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Rate(u64);

const MILLIS: u64 = 1000;
const NANOS_BY_MILLIS: u128 = 1_000_000_000_000;

impl Rate {
    /// One unit in 50 s: nothing goes slower for good.
    pub const LOWEST: Self = Self(20);
    /// One unit per second: where neither a limit nor anything that was taken says more.
    pub(super) const UNKNOWN: Self = Self(MILLIS);
    /// 10,000 units per second: what is faster is not held back.
    pub const HIGHEST: Self = Self(10_000 * MILLIS);

    /// So many units in this time; not below [`Self::LOWEST`], not above [`Self::HIGHEST`].
    pub fn of(units: u64, within: Duration) -> Self {
        let millis = u128::from(units) * NANOS_BY_MILLIS / within.as_nanos().max(1);
        Self(u64::try_from(millis).unwrap_or(u64::MAX)).bounded()
    }

    /// The fastest that these limits let segments through, by a sliding one of them; `None` without any.
    /// The fastest and not the tightest: a rate above the tightest may still hold back within its window.
    pub fn fastest(limits: &[Limit]) -> Option<Self> {
        let counted = limits.iter().filter(|limit| limit.counts == Counts::default());
        counted.filter_map(|limit| Some(Self::of(u64::from(limit.units), limit.sliding()?))).max()
    }

    /// Thousandths of a unit per second.
    pub const fn as_millis(self) -> u64 {
        self.0
    }

    /// So many percent of it.
    pub(super) fn percent(self, percent: u64) -> Self {
        Self(self.0.saturating_mul(percent) / 100).bounded()
    }

    /// That of which it is so many percent.
    pub(super) fn percent_of(self, percent: u64) -> Self {
        Self(self.0.saturating_mul(100) / percent.max(1)).bounded()
    }

    /// The middle between the two.
    pub(super) const fn halfway_to(self, other: Self) -> Self {
        Self(self.0.midpoint(other.0))
    }

    /// How long one unit takes.
    pub(super) fn interval(self) -> Duration {
        Duration::from_nanos(u64::try_from(NANOS_BY_MILLIS / u128::from(self.0.max(1))).unwrap_or(u64::MAX))
    }

    /// The rate as a window of a second or longer, with whole units: what fits into it fits into each
    /// second of a provider that counts so.
    pub(super) fn as_window(self) -> (u32, Duration) {
        let units = self.0.div_ceil(MILLIS).max(1);
        let nanos = u128::from(units) * NANOS_BY_MILLIS / u128::from(self.0.max(1));
        let window = Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX));
        (u32::try_from(units).unwrap_or(u32::MAX), window)
    }

    fn bounded(self) -> Self {
        self.clamp(Self::LOWEST, Self::HIGHEST)
    }
}

/// As a limit would be written: `19.4/s`.
impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (whole, thousandths) = (self.0 / MILLIS, self.0 % MILLIS);
        if thousandths == 0 {
            return write!(f, "{whole}/s");
        }
        let decimals = format!("{thousandths:03}");
        write!(f, "{whole}.{}/s", decimals.trim_end_matches('0'))
    }
}
