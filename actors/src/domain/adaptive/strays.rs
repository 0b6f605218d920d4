//! Refusals that come whatever the rate is.
//!
//! A limit refuses while one is above it, and no more once one is below. A provider that refuses three in a
//! hundred in any case does so at every rate; whoever takes each of them for a limit falls for ever. So what is
//! counted is refusals where none was to be expected: while a rate is held that had been cut already, or
//! where nothing was cut. Once there are two of them within some hundred messages, a single refusal changes
//! nothing any more; many among the last few messages still do.

/// Answers that are looked at together.
const LAST: u32 = 16;
const OF_LAST: u32 = (1 << LAST) - 1;

/// A refusal with fewer taken before it than this belongs to the one before.
const APART: u32 = 4;
const OF_APART: u32 = (1 << APART) - 1;

/// The share is a mean over so many messages.
const MEAN_OVER: u32 = 256;

/// All, as a share.
const ALL: u32 = 1 << 20;

/// From this share on there are strays: two refusals, not too far from each other.
const FEW: u32 = ALL / MEAN_OVER * 3 / 2;

/// So many of the last ones are then put up with, and three times as many as are to be expected on top.
const ALWAYS_SOME: u64 = 2;
const TIMES_EXPECTED: u64 = 3;

#[derive(Debug, Clone)]
pub(super) struct Strays {
    /// The last answers, the latest in the lowest bit; set: refused.
    answers: u32,
    /// Messages that are refused although none was to be expected, of [`ALL`].
    share: u32,
}

impl Strays {
    pub(super) const fn new() -> Self {
        Self { answers: 0, share: 0 }
    }

    /// A message was taken.
    pub(super) const fn taken(&mut self) {
        self.answers <<= 1;
        self.share -= self.share / MEAN_OVER;
    }

    /// A message was refused: is it one of those that say nothing of the rate? `is_calm`: none was to be expected.
    pub(super) fn refused(&mut self, is_calm: bool) -> bool {
        let is_apart = self.answers & OF_APART == 0;
        self.answers = (self.answers << 1) | 1;
        if is_calm && is_apart {
            self.share += (ALL - self.share) / MEAN_OVER;
        }
        if self.share < FEW {
            return false;
        }
        let refused = u64::from((self.answers & OF_LAST).count_ones());
        let expected = u64::from(self.share) * u64::from(LAST) * TIMES_EXPECTED;
        refused * u64::from(ALL) <= ALWAYS_SOME * u64::from(ALL) + expected
    }
}
