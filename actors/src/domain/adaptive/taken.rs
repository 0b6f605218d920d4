//! What a provider can be thought to take, by a refusal.
//!
//! It is between what was taken in the second before and what would have been too much: of a message of
//! three segments that is refused, two might still have passed.

use std::time::Duration;

use super::super::time::Time;
use super::{BACK_TO, Cut, Rate, Stage, WorkingRate};

/// What was sent in this time before a refused request is what the provider took.
const OVER: Duration = Duration::from_secs(1);

/// The rate after a refusal that follows another one soon, in percent of the rate before it.
const BACK_AGAIN_TO: u64 = 90;

/// So soon: what an earlier, faster rate left with the provider has then been forgotten there.
const SOON: Duration = Duration::from_secs(3);

/// No lower than this, in percent of the rate, where only a moment's count speaks for it.
const BY_A_MOMENT: u64 = 75;

/// Counted to so many percent of what it was thought to be, it is what it was thought to be.
const AS_BEFORE: u64 = 90;

impl WorkingRate {
    /// What the provider takes, by its refusal of a message of so many units that was sent then.
    pub(super) fn taken_before(&self, refused: u32, sent: Time, now: Time) -> Rate {
        let units = self.recent.sum(sent - OVER, sent);
        let counted = (units > 0).then(|| Rate::of(units, OVER));
        let Some(cut) = &self.cut else {
            let half = || self.configured.map_or(Rate::UNKNOWN, |configured| configured.percent(50));
            return counted.unwrap_or_else(half);
        };
        let least = counted.unwrap_or_else(|| cut.rate.percent(50));
        let most = least.max(Rate::of(units.saturating_add(u64::from(refused)).saturating_sub(1), OVER));
        let between = least.halfway_to(most);
        match cut.stage {
            _ if cut.is_soon(now) => between.min(self.taken_again(cut, sent)),
            // As was to be expected. What was counted is a unit more or less, by the way there.
            Stage::Tried(_) if most >= cut.taken.percent(AS_BEFORE) => {
                least.max(cut.taken.min(most)).min(cut.rate)
            }
            Stage::Tried(_) | Stage::Grows(_) => between.max(cut.taken.min(most)).min(cut.rate),
            // Of a rate that is held it was thought that it passes.
            Stage::Held(_) => most.min(cut.rate),
        }
    }

    /// The most that it takes if the last cut was followed by a refusal soon: slower than then. If that cut ended
    /// growth it told too much, as of a bucket that had filled up: then what has been taken since it, or what is known
    /// to pass, says more.
    fn taken_again(&self, cut: &Cut, sent: Time) -> Rate {
        let slower = cut.rate.percent(BACK_AGAIN_TO).percent_of(BACK_TO);
        let moment = sent.since(cut.at).max(Duration::from_millis(1));
        let since = Rate::of(self.recent.sum(cut.at, sent), moment);
        slower.min(since.max(cut.known).max(cut.rate.percent(BY_A_MOMENT)))
    }

    /// What is known to pass, if the present rate is refused. `None`: nothing.
    pub(super) fn known_to_pass(&self, now: Time) -> Option<Rate> {
        let cut = self.cut.as_ref()?;
        match cut.stage {
            Stage::Tried(_) | Stage::Grows(_) => Some(cut.taken),
            Stage::Held(_) => cut.is_soon(now).then_some(cut.known),
        }
    }
}

impl Cut {
    /// Was it made just now, or has nothing passed since?
    fn is_soon(&self, now: Time) -> bool {
        self.messages == 0 || now <= self.at + SOON
    }
}
