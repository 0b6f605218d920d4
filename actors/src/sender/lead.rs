//! How long before its instant a message is claimed.

use std::time::Duration;

use super::SenderState;
use crate::domain::pace::{Limit, Pace};
use crate::domain::time::Time;

/// The most that a claim is made ahead of its instant.
const LONGEST_LEAD: Duration = Duration::from_millis(5);

/// The same where places are plenty: as long as the slowest claims take, so that those are made by their instants, too.
/// Nor is it more than a part of what a unit takes: what is claimed is ahead of whatever is more urgent and comes then.
const LEAD_OF_PLENTY: Duration = Duration::from_millis(100);
const PARTS_OF_A_UNIT: u32 = 10;

/// Windows at least this long gain nothing by claiming ahead.
const LONG_WINDOW: Duration = Duration::from_secs(10);

impl SenderState {
    /// So long before its instant a message is claimed.
    pub(super) fn lead(&self, now: Time) -> Duration {
        let shortest = self.route.limits.iter().filter_map(Limit::sliding).min();
        if shortest.is_none_or(|window| window >= LONG_WINDOW) {
            return Duration::ZERO;
        }
        let usual = self.usual_claim.min(LONGEST_LEAD);
        if !self.places_at.as_ref().is_some_and(|places| places.are_plenty()) {
            return usual;
        }
        let unit = self.pace.as_ref().map(Pace::per_unit).unwrap_or_default();
        let most = LEAD_OF_PLENTY.min(unit / PARTS_OF_A_UNIT);
        usual.max(self.journal.slowest_claim(now).min(most))
    }
}
