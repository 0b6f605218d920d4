//! What several hand-overs cost together, those with media and those without apart, so that every limit knows
//! its units of it.
//!
//! Sums are made part by part: one is enough for another only if each of its parts is.

use serde::{Deserialize, Serialize};

use super::cost::Cost;
use super::limit::{Counts, Traffic, Unit};

/// The cost of several hand-overs. Its form goes over the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
pub struct Costs {
    sms_segments: u32,
    sms_messages: u32,
    mms_segments: u32,
    mms_messages: u32,
}

impl From<Cost> for Costs {
    fn from(cost: Cost) -> Self {
        let Cost { segments, messages, mms } = cost;
        if mms {
            Self { mms_segments: segments, mms_messages: messages, ..Self::default() }
        } else {
            Self { sms_segments: segments, sms_messages: messages, ..Self::default() }
        }
    }
}

impl Costs {
    /// Nothing at all.
    pub const NOTHING: Self = Self { sms_segments: 0, sms_messages: 0, mms_segments: 0, mms_messages: 0 };

    /// One unit of whatever a limit may count.
    pub const ONE_OF_EACH: Self = Self { sms_segments: 1, sms_messages: 1, mms_segments: 1, mms_messages: 1 };

    /// So many hand-overs of this cost.
    #[must_use]
    pub fn times(cost: Cost, count: u32) -> Self {
        Self::from(cost).repeated(count)
    }

    /// So many of the same.
    #[must_use]
    pub fn repeated(self, count: u32) -> Self {
        self.each(|part| part.saturating_mul(count))
    }

    /// Both.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        self.with(other, u32::saturating_add)
    }

    /// What is left without the other.
    #[must_use]
    pub fn minus(self, other: Self) -> Self {
        self.with(other, u32::saturating_sub)
    }

    /// What both have.
    #[must_use]
    pub fn least(self, other: Self) -> Self {
        self.with(other, u32::min)
    }

    /// What is enough for either.
    #[must_use]
    pub fn most(self, other: Self) -> Self {
        self.with(other, u32::max)
    }

    /// Of that only what has media, or only what has none.
    #[must_use]
    pub const fn only(self, mms: bool) -> Self {
        let Self { sms_segments, sms_messages, mms_segments, mms_messages } = self;
        if mms {
            Self { mms_segments, mms_messages, ..Self::NOTHING }
        } else {
            Self { sms_segments, sms_messages, ..Self::NOTHING }
        }
    }

    /// Half of each part, rounded down.
    #[must_use]
    pub fn half(self) -> Self {
        self.each(|part| part / 2)
    }

    /// Is it enough for the other, whatever the limits count?
    pub fn covers(self, other: Self) -> bool {
        self.least(other) == other
    }

    /// Does it cost nothing, whatever the limits count?
    pub fn is_nothing(self) -> bool {
        self == Self::NOTHING
    }

    /// `part` in `whole` of each, rounded down.
    #[must_use]
    pub(super) fn share(self, part: u128, whole: u128) -> Self {
        self.each(|units| u32::try_from(u128::from(units) * part / whole.max(1)).unwrap_or(units))
    }

    /// The same, rounded up.
    #[must_use]
    pub fn share_or_more(self, part: u128, whole: u128) -> Self {
        self.each(|units| u32::try_from((u128::from(units) * part).div_ceil(whole.max(1))).unwrap_or(units))
    }

    /// Without what is counted by such a limit.
    #[must_use]
    pub(super) fn uncounted_by(self, counts: Counts) -> Self {
        let of = |unit: Unit, traffic: Traffic, units: u32| {
            let is_unit = (counts.unit == Unit::Segments) == (unit == Unit::Segments);
            let is_counted = is_unit && (counts.traffic == Traffic::Any || counts.traffic == traffic);
            if is_counted { 0 } else { units }
        };
        Self {
            sms_segments: of(Unit::Segments, Traffic::Sms, self.sms_segments),
            sms_messages: of(Unit::Messages, Traffic::Sms, self.sms_messages),
            mms_segments: of(Unit::Segments, Traffic::Mms, self.mms_segments),
            mms_messages: of(Unit::Messages, Traffic::Mms, self.mms_messages),
        }
    }

    /// How many units of such a limit it is.
    pub(super) fn units(self, counts: Counts) -> u64 {
        let sms = Cost { segments: self.sms_segments, messages: self.sms_messages, mms: false };
        let mms = Cost { segments: self.mms_segments, messages: self.mms_messages, mms: true };
        u64::from(counts.of(sms)) + u64::from(counts.of(mms))
    }

    fn each(self, change: impl Fn(u32) -> u32) -> Self {
        self.with(self, |part, _| change(part))
    }

    fn with(self, other: Self, join: impl Fn(u32, u32) -> u32) -> Self {
        Self {
            sms_segments: join(self.sms_segments, other.sms_segments),
            sms_messages: join(self.sms_messages, other.sms_messages),
            mms_segments: join(self.mms_segments, other.mms_segments),
            mms_messages: join(self.mms_messages, other.mms_messages),
        }
    }
}
