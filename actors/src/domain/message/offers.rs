//! Offers: immediate messages that a process which does not own their sender passes to the one that does.
//!
//! The requester stores the offer; the owner takes it while its time lasts; afterwards it is withdrawn, by
//! whoever asks. Both are compare-and-set on the record by the store's clock, so an offer that was
//! withdrawn is never taken, and nobody concludes anything from a clock of his own (`C9`).

use super::{Answer, Changed, ClaimRefused, ClaimTimes, Draft, Kind, Message, State};
use crate::domain::ids::ClaimId;
use crate::domain::time::Time;

impl Message {
    /// `forward_immediate`: an immediate message that is stored for its sender's owner to take.
    pub fn offered(draft: Draft, seq: u64, not_after: Time, now: Time) -> Self {
        let mut message = Self::queued(draft, seq, Answer { position: 0, estimate: now }, now);
        message.offer(not_after, now);
        message
    }

    /// `retry` of an immediate message that definitely failed, by a process that does not own its sender:
    /// `failed → offered`. One that is offered already, with the same last attempt, stays as it is.
    pub fn offer_again(&mut self, expected: u16, not_after: Time, now: Time) -> Result<(), Changed> {
        if self.state == State::Offered && self.attempt == expected {
            return Ok(());
        }
        let failed = self.state == State::Failed && self.unresolved.is_empty();
        let is_this = self.attempt == expected && self.draft.kind == Kind::Immediate;
        if !failed || !is_this || now > not_after {
            return Err(Changed);
        }
        self.offer(not_after, now);
        Ok(())
    }

    /// `take_immediate`: `offered → sending`, attempt `expected + 1`, by the owner. No order, no pace.
    pub fn take(&mut self, expected: u16, claim_id: ClaimId, times: ClaimTimes) -> Result<(), ClaimRefused> {
        let last = self.last_attempt();
        if self.state == State::Sending && last.is_some_and(|last| last.claim_id == claim_id) {
            return Err(ClaimRefused::Already);
        }
        let stands = self.not_after.is_some_and(|not_after| times.now <= not_after);
        if self.state != State::Offered || self.attempt != expected || !stands {
            return Err(ClaimRefused::Changed);
        }
        self.not_after = None;
        self.begin(claim_id, times);
        Ok(())
    }

    /// `withdraw`: `offered → failed` once its time is over. Anything else stays as it is.
    pub fn withdraw(&mut self, now: Time) -> Result<(), Changed> {
        let is_over = self.not_after.is_some_and(|not_after| now > not_after);
        if self.state != State::Offered || !is_over {
            return Err(Changed);
        }
        self.not_after = None;
        self.finish(State::Failed, now);
        Ok(())
    }

    fn offer(&mut self, not_after: Time, now: Time) {
        self.state = State::Offered;
        self.updated_at = now;
        self.not_after = Some(not_after);
    }
}
