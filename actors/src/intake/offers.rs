//! Immediate messages for a number that another process sends from, or nobody for the moment.
//!
//! The message is stored as an offer, and the owner is told: it takes the offer while that stands, hands it
//! over, and tells us when it has ended (`sender/offer.rs`). Whatever of this is lost is found by looking at
//! the record now and then. Once its time is over the offer is withdrawn by a step of the store: that alone
//! says whether it was taken, never our own clock (`C9`).

use std::sync::Arc;
use std::time::Duration;

use tokio::time::timeout;

use super::{ASK_AGAIN, Bound, Intake, LOOK_EVERY, sent};
use crate::admission::Ticket;
use crate::domain::message::{Draft, Message, State};
use crate::domain::time::Time;
use crate::engine::{NotSent, Sent};
use crate::outcomes::{Verdict, Waiter};
use crate::ports::{Appended, SettleAnswer, StoreError};

/// For so long an owner may take an offer: long enough for another process to take the number over.
const OFFER_LASTS: Duration = Duration::from_secs(5);

/// What became of the step that offers.
enum Offer {
    /// It stands: what follows is attempt `next`, until `not_after`.
    Stands { next: u16, not_after: Time, waiter: Waiter },
    /// An earlier request under the same key has sent it, or is sending it.
    Earlier(Box<Message>),
}

impl Intake {
    /// Has the message handed over by its number's owner, and waits for the outcome.
    pub(super) async fn send_now_elsewhere(
        &self,
        draft: &Draft,
        bound: &Bound,
        ticket: &Arc<Ticket>,
        all_answered: bool,
        asked_at: Time,
    ) -> Result<Sent, NotSent> {
        match self.offer(draft, bound, ticket, all_answered).await? {
            Offer::Stands { next, not_after, waiter } => {
                self.take_if_ours(draft).await;
                self.await_taken(draft, next, not_after, waiter, asked_at).await
            }
            Offer::Earlier(message) => self.report(&message, asked_at).await,
        }
    }

    async fn offer(
        &self,
        draft: &Draft,
        bound: &Bound,
        ticket: &Arc<Ticket>,
        all_answered: bool,
    ) -> Result<Offer, NotSent> {
        let (id, provider) = (draft.id, draft.provider);
        for _ in 0..ASK_AGAIN {
            // From before the offer, so that its end cannot be missed.
            let waiter = self.outcomes.wait_for(id, 1);
            let not_after = self.journal.now() + OFFER_LASTS;
            let (journal, ticket, copy) = (self.journal.clone(), Arc::clone(ticket), draft.clone());
            // A task of its own: if the client goes, the owner is told all the same.
            let stored = tokio::spawn(async move {
                let forwarded = journal.forward_immediate(copy, not_after).await;
                drop(ticket);
                forwarded
            });
            let found = match stored.await.unwrap_or(Err(StoreError::Unanswered)) {
                Ok(Appended::Stored(message)) => {
                    return Ok(Offer::Stands { next: message.attempt.max(1), not_after, waiter });
                }
                Ok(Appended::Exists(message)) if message.state == State::Failed => message,
                Ok(Appended::Exists(message)) => return Ok(Offer::Earlier(message)),
                Err(StoreError::Unanswered) => return Err(NotSent::Unknown { id, provider }),
                Ok(_) | Err(_) if all_answered => {
                    self.give_key_back(bound, id).await;
                    return Err(NotSent::StoreUnavailable);
                }
                Ok(_) | Err(_) => return Err(NotSent::OutcomeUnknown(id)),
            };
            // A definite failure: the same key tries again, under the same id.
            let next = found.attempt + 1;
            let waiter = self.outcomes.wait_for(id, next);
            match self.journal.forward_again(draft.sender, id, found.attempt, not_after).await {
                Ok(SettleAnswer::Done(_)) => return Ok(Offer::Stands { next, not_after, waiter }),
                // Another request under the key was faster: read again.
                Ok(SettleAnswer::Known | SettleAnswer::Stale) => {}
                Err(StoreError::Unanswered) => return Err(NotSent::Unknown { id, provider }),
                Err(_) => return Err(NotSent::StoreUnavailable),
            }
        }
        Err(NotSent::OutcomeUnknown(id))
    }

    /// The number may be ours by now, taken before the offer was there.
    async fn take_if_ours(&self, draft: &Draft) {
        if self.journal.owns(draft.sender)
            && let Ok(sender) = self.directory.sender(draft.sender).await
        {
            // One that is just stopping: the sweeper finds the offer.
            let _ = sender.send_message(crate::sender::SenderMessage::Offered { id: draft.id, by: None });
        }
    }

    /// Waits for attempt `next`, or for the end of the offer.
    async fn await_taken(
        &self,
        draft: &Draft,
        next: u16,
        not_after: Time,
        mut waiter: Waiter,
        asked_at: Time,
    ) -> Result<Sent, NotSent> {
        let (id, provider) = (draft.id, draft.provider);
        loop {
            let patience = self.patience(asked_at);
            if patience.is_zero() {
                return Err(NotSent::Unknown { id, provider });
            }
            let wait = patience.min(self.until_a_look(not_after));
            if let Ok(heard) = timeout(wait, &mut waiter.verdict).await {
                return verdict_for(draft, heard.unwrap_or(Verdict::Unknown));
            }
            if let Some(verdict) = self.look_at_offer(draft, next, not_after).await {
                return verdict_for(draft, verdict);
            }
        }
    }

    /// Now and then, and as soon as the offer's time is over.
    fn until_a_look(&self, not_after: Time) -> Duration {
        let now = self.journal.now();
        let just_after = not_after + Duration::from_millis(1);
        if now < just_after { LOOK_EVERY.min(just_after.since(now)) } else { LOOK_EVERY }
    }

    /// What the record says of it. If the store fails, the next look comes.
    async fn look_at_offer(&self, draft: &Draft, next: u16, not_after: Time) -> Option<Verdict> {
        let now = self.journal.now();
        let found = if now > not_after {
            self.journal.withdraw(draft.id, now).await
        } else {
            self.journal.store().message(draft.id).await
        };
        let message = found.ok().flatten()?;
        if message.attempt < next {
            // Nobody took it, and nobody will.
            let is_withdrawn = message.state == State::Failed;
            return is_withdrawn.then_some(Verdict::Refused { provider_code: None, retryable: true });
        }
        Verdict::of(&message)
    }
}

fn verdict_for(draft: &Draft, verdict: Verdict) -> Result<Sent, NotSent> {
    let (id, provider) = (draft.id, draft.provider);
    match verdict {
        Verdict::Sent => Ok(sent(draft, false)),
        Verdict::Refused { provider_code, retryable } => {
            Err(NotSent::Refused { id, provider, provider_code, retryable })
        }
        Verdict::Unknown => Err(NotSent::Unknown { id, provider }),
    }
}
