//! Which traffic limits count at all: what they do not count asks nobody and is not noted for them.

use super::cost::Cost;
use super::limit::Limit;

/// Which messages some limits count: those without media, those with, both or none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct CountedTraffic {
    sms: bool,
    mms: bool,
}

impl CountedTraffic {
    /// Nothing.
    pub const NOTHING: Self = Self { sms: false, mms: false };

    /// All of it.
    pub const EVERYTHING: Self = Self { sms: true, mms: true };

    /// What any of these limits counts.
    pub fn by<'a>(limits: impl IntoIterator<Item = &'a Limit>) -> Self {
        let each = limits.into_iter().map(|limit| Self {
            sms: limit.counts.of(Cost::sms(1)) > 0,
            mms: limit.counts.of(Cost::mms(1)) > 0,
        });
        each.fold(Self::NOTHING, Self::or)
    }

    /// What is counted here or there.
    #[must_use]
    pub const fn or(self, other: Self) -> Self {
        Self { sms: self.sms || other.sms, mms: self.mms || other.mms }
    }

    /// What is counted here and there.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self { sms: self.sms && other.sms, mms: self.mms && other.mms }
    }

    /// Is anything counted?
    pub const fn is_any(self) -> bool {
        self.sms || self.mms
    }

    /// Is everything counted that the other counts?
    pub const fn covers(self, other: Self) -> bool {
        (self.sms || !other.sms) && (self.mms || !other.mms)
    }

    /// Is a message of this cost counted?
    pub const fn includes(self, cost: Cost) -> bool {
        if cost.mms { self.mms } else { self.sms }
    }
}
