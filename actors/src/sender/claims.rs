//! Claims: from the decision that a message goes to its begin, in the order of the decisions.
//!
//! A claim is asked for by a task and answered to the sender; what is claimed waits here for its
//! instant and for those decided before it. A claim that was not made gives its slot back.

use ractor::ActorRef;

use super::{PLACE_AGAIN_AFTER, STORE_AGAIN_AFTER, SenderMessage, SenderState, immediate};
use crate::attempt::ClaimedAttempt;
use crate::domain::pace::Permit;
use crate::domain::time::Time;
use crate::places::Place;
use crate::ports::{Claimed, StoreError, Waiting};
use crate::provider::{Begin, ProviderMessage};

/// The store's answer to a claim.
pub struct ClaimAnswered {
    number: u64,
    asked_at: Time,
    answer: ClaimResult,
}

enum ClaimResult {
    Ours(ClaimedAttempt),
    /// There is no place at its account.
    NoPlace,
    NotDue(Time),
    NotHead,
    Changed,
    PutBack,
    Stale,
    Failed(StoreError),
}

/// A message that is being claimed, or waits claimed for its instant or for those before it.
pub(super) struct Starting {
    pub(super) number: u64,
    pub(super) message: Waiting,
    pub(super) permit: Permit,
    pub(super) not_before: Time,
    pub(super) claimed: Option<ClaimedAttempt>,
}

impl SenderState {
    pub(super) fn claim(
        &mut self,
        message: Waiting,
        permit: Permit,
        not_before: Time,
        place: Option<Place>,
        myself: &ActorRef<SenderMessage>,
    ) {
        self.claims_made += 1;
        let number = self.claims_made;
        self.starting.push_back(Starting { number, message, permit, not_before, claimed: None });
        let (journal, roster) = (self.journal.clone(), self.roster.clone());
        let (sender, myself) = (self.number, myself.clone());
        let elsewhere = self
            .route
            .fallback
            .as_ref()
            .map_or_else(|| self.account.clone(), |fallback| fallback.account.clone());
        tokio::spawn(async move {
            let asked_at = journal.now();
            let place = match place {
                Some(place) => Ok(place),
                None => immediate::place_now(&roster, &elsewhere).await,
            };
            let Ok(place) = place else {
                let answered = ClaimAnswered { number, asked_at, answer: ClaimResult::NoPlace };
                let _ = myself.send_message(SenderMessage::ClaimAnswered(answered));
                return;
            };
            let answer = match journal.claim(message.id, sender, message.attempt).await {
                Ok(Claimed::Yes(claimed) | Claimed::Already(claimed)) => {
                    if let Some(place) = immediate::place_for(&claimed, place, &roster).await {
                        ClaimResult::Ours(ClaimedAttempt::new(claimed, place, journal))
                    } else {
                        immediate::leave_for_later(&journal, &claimed).await;
                        ClaimResult::PutBack
                    }
                }
                Ok(Claimed::NotDue(due)) => ClaimResult::NotDue(due),
                Ok(Claimed::NotHead(_)) => ClaimResult::NotHead,
                Ok(Claimed::Changed) => ClaimResult::Changed,
                Ok(Claimed::Stale) => ClaimResult::Stale,
                Err(error) => ClaimResult::Failed(error),
            };
            // Nobody there: what was claimed goes back as it is dropped.
            let answered = ClaimAnswered { number, asked_at, answer };
            let _ = myself.send_message(SenderMessage::ClaimAnswered(answered));
        });
    }

    pub(super) fn claim_answered(&mut self, answered: ClaimAnswered, myself: &ActorRef<SenderMessage>) {
        let ClaimAnswered { number, asked_at, answer } = answered;
        let now = self.journal.now();
        self.usual_claim = (self.usual_claim * 7 + now.since(asked_at)) / 8;
        let Some(place) = self.starting.iter().position(|starting| starting.number == number) else { return };
        if let ClaimResult::Ours(claimed) = answer {
            self.store_again_at = None;
            if let Some(starting) = self.starting.get_mut(place) {
                starting.claimed = Some(claimed);
            }
            return;
        }
        let Some(starting) = self.starting.remove(place) else { return };
        let message = starting.message;
        if let Some(pace) = self.pace.as_mut() {
            pace.abandon(starting.permit);
        }
        match answer {
            // Of one that was put back the record has told already.
            ClaimResult::Ours(_) | ClaimResult::PutBack => {}
            ClaimResult::Changed => {
                self.window.mistaken(&message);
                self.window.release(message.recipient);
            }
            ClaimResult::NoPlace => {
                self.window.requeue(Waiting { due: now + PLACE_AGAIN_AFTER, ..message });
            }
            ClaimResult::NotDue(due) => self.window.requeue(Waiting { due, ..message }),
            ClaimResult::NotHead => {
                // Something of this conversation is ahead that we do not know: look again shortly.
                self.window.mistaken(&message);
                let recipient = message.recipient;
                myself.send_after(STORE_AGAIN_AFTER, move || SenderMessage::ThreadAgain(recipient));
            }
            ClaimResult::Failed(error) => {
                if self.store_again_at.is_none() {
                    tracing::warn!(message = %message.id, %error, "could not claim; trying again shortly");
                }
                self.store_again_at = Some(now + STORE_AGAIN_AFTER);
                self.window.requeue(Waiting { due: now + STORE_AGAIN_AFTER, ..message });
            }
            ClaimResult::Stale => {
                tracing::error!(sender = ?self.number, "the lease of this sender's shard is over");
                self.leave(myself);
            }
        }
    }

    /// Passes on what is claimed, in the order of the decisions, each not before its instant.
    pub(super) fn begin_in_order(&mut self, now: Time) {
        while let Some(first) = self.starting.front() {
            if first.claimed.is_none() || first.not_before > now {
                return;
            }
            let Some(Starting { message, permit, not_before, claimed: Some(attempt), .. }) =
                self.starting.pop_front()
            else {
                return;
            };
            self.open.insert(message.id, permit);
            let account = attempt.message().map(|claimed| claimed.draft.account.clone());
            let pace_memory = self.pace_memory;
            let begin = ProviderMessage::Begin(Begin { attempt, due: not_before, pace_memory });
            // A provider actor that is just failing drops the attempt, which puts it back.
            let _ = self.roster.pass(account.as_ref().unwrap_or(&self.account), begin);
        }
    }
}
