//! How fast this sender goes after its provider refused it for pace (`domain/adaptive.rs`).
//!
//! Only what goes through its own account counts: a message that moved goes by the fallback's.

use super::SenderState;
use crate::domain::adaptive::Rate;
use crate::domain::time::Time;
use crate::slowing::TooFast;

impl SenderState {
    /// A message of this sender was refused for its pace.
    pub(super) fn too_fast(&mut self, refused: &TooFast) {
        if refused.account != self.route.account {
            return;
        }
        let now = self.journal.now();
        self.working.refused(refused.segments, refused.sent, refused.named, now);
        let standing = self.working.standing(now);
        tracing::debug!(sender = ?self.number, rate = ?standing.rate, until = ?standing.paused_until, "slower");
        // Places in hand are of use to others.
        self.want_no_place();
    }

    /// New limits: the working rate ends where it is above them.
    pub(super) fn configure_working_rate(&mut self) {
        self.working.configure(Rate::fastest(&self.route.limits));
    }

    /// When to look again, of a head that may go at `at`: sooner, if the rate grows before.
    pub(super) fn look_again_at(&self, at: Time) -> Time {
        self.working.changes_at().map_or(at, |change| at.min(change))
    }
}
