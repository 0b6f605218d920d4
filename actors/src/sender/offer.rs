//! Offers: immediate messages that another process took in, and this one, the sender's owner, hands over.
//!
//! As with any immediate message no queue is waited for, and the hand-over is charged when it is written.
//! Where there is no place, or the account's circuit is open, the offer is taken and given back unbegun: it
//! has failed then, and its requester need not wait for the end of its time.

use super::immediate::place_now;
use super::submit::Stored;
use super::{SenderMessage, SenderState};
use crate::attempt::ClaimedAttempt;
use crate::domain::ids::{Incarnation, MessageId};
use crate::domain::message::{Settlement, State};
use crate::domain::pace::{CountedTraffic, Keep};
use crate::domain::phone::E164;
use crate::journal::Journal;
use crate::ports::Claimed;
use crate::provider::{Begin, ProviderMessage};
use crate::roster::Roster;

impl SenderState {
    /// `by`: who is to hear of its end.
    pub(super) fn offered(&mut self, id: MessageId, by: Option<Incarnation>) {
        self.submits += 1;
        let (journal, roster, sender) = (self.journal.clone(), self.roster.clone(), self.number);
        let (keep, counts) = (self.keep(journal.now()), self.counted());
        let taking = Taking { journal, roster, sender, keep, counts, by };
        // As many run at a time as processes have requests in flight, and each for as long as its steps take.
        tokio::spawn(async move {
            let hints = taking.roster.clone();
            taking.take(id).await;
            hints.hint(sender, SenderMessage::SubmitEnded(Stored::Nothing, None));
        });
    }
}

struct Taking {
    journal: Journal,
    roster: Roster,
    sender: E164,
    keep: Keep,
    counts: CountedTraffic,
    by: Option<Incarnation>,
}

impl Taking {
    /// What fails here is found again by the sweeper, while the offer stands.
    async fn take(self, id: MessageId) {
        let Ok(Some(offer)) = self.journal.store().message(id).await else { return };
        let (State::Offered, Some(not_after)) = (offer.state, offer.not_after) else { return };
        let account = offer.draft.account.clone();
        let place = place_now(&self.roster, &account, None).await;
        // From before the attempt, so that its outcome cannot be missed.
        let ending = self.journal.await_end(id, offer.attempt + 1);
        let taken = self.journal.take_immediate(id, self.sender, offer.attempt, not_after).await;
        let Ok(Claimed::Yes(message) | Claimed::Already(message)) = taken else { return };
        if let Some(by) = self.by {
            ending.tell(by);
        }
        let Ok(place) = place else {
            let never_begun = Settlement::NeverBegun { due: self.journal.now() };
            self.journal.settle(self.sender, id, message.attempt, never_begun, None, Keep::EVERYTHING).await;
            return;
        };
        let due = self.journal.now();
        let attempt = ClaimedAttempt::new(message, place, self.journal);
        let begin = Begin { attempt, due, quiet_from: None, keep: self.keep, counts: self.counts };
        // A provider actor that is just failing drops the attempt, which settles it as never begun.
        let _ = self.roster.pass(&account, ProviderMessage::Begin(vec![begin]));
    }
}
