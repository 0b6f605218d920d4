//! Claims: from the decision that a message goes to its begin, in the order of the decisions.
//!
//! What is decided at one time is claimed in one step, asked for by a task and answered to the sender;
//! what is claimed waits here for its instant and for those decided before it. A claim that was not made
//! gives its slot back.

use std::collections::VecDeque;

use ractor::ActorRef;

use super::{
    PLACE_AGAIN_AFTER, PLACE_AGAIN_SOONEST, STORE_AGAIN_AFTER, SenderMessage, SenderState, immediate,
};
use crate::attempt::ClaimedAttempt;
use crate::domain::ids::AccountName;
use crate::domain::message::Conversation;
use crate::domain::pace::Permit;
use crate::domain::phone::E164;
use crate::domain::time::Time;
use crate::journal::Journal;
use crate::places::Place;
use crate::ports::{Claimed, StoreError, Waiting};
use crate::provider::{Begin, NoPlace, ProviderMessage};
use crate::roster::Roster;

/// The store's answers to what was claimed at one time.
pub struct ClaimsAnswered {
    asked_at: Time,
    answers: Vec<(u64, ClaimResult)>,
}

enum ClaimResult {
    Ours(ClaimedAttempt),
    /// There is no place at its account, and when there may be.
    NoPlace(Time),
    NotDue(Time),
    Expired,
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

/// When a place that was not to be had is asked for again.
fn place_again_at(why: NoPlace, now: Time) -> Time {
    match why {
        NoPlace::Taken | NoPlace::Out => now + PLACE_AGAIN_AFTER,
        NoPlace::NotBefore(at) => at.max(now + PLACE_AGAIN_SOONEST),
    }
}

/// A message that goes, to be claimed.
pub(super) struct Decided {
    number: u64,
    message: Waiting,
    /// `None`: it goes through its fallback account, which has not been asked.
    place: Option<Place>,
}

impl SenderState {
    /// Notes that a message goes, behind those that were decided before it.
    pub(super) fn decide(
        &mut self,
        message: Waiting,
        permit: Permit,
        not_before: Time,
        place: Option<Place>,
    ) -> Decided {
        self.queue.start(&message, !self.storing.is_empty());
        self.claims_made += 1;
        let number = self.claims_made;
        self.starting.push_back(Starting { number, message, permit, not_before, claimed: None });
        Decided { number, message, place }
    }

    /// Claims what was decided: what has its place in one step, the rest one by one.
    pub(super) fn claim(&self, decided: Vec<Decided>, myself: &ActorRef<SenderMessage>) {
        let mut with_place = Vec::with_capacity(decided.len());
        for Decided { number, message, place } in decided {
            match place {
                Some(place) => with_place.push((number, message, place)),
                None => self.claim_elsewhere(number, message, myself),
            }
        }
        if with_place.is_empty() {
            return;
        }
        let claims = self.claims(myself);
        tokio::spawn(claims.make(with_place));
    }

    /// A task of its own: its account may be slow to say whether it has a place.
    fn claim_elsewhere(&self, number: u64, message: Waiting, myself: &ActorRef<SenderMessage>) {
        let fallback = self.route.fallback.as_ref().map(|fallback| fallback.account.clone());
        let account = fallback.unwrap_or_else(|| self.route.account.clone());
        let claims = self.claims(myself);
        tokio::spawn(async move {
            match immediate::place_now(&claims.roster, &account, Some(message.cost)).await {
                Ok(place) => claims.make(vec![(number, message, place)]).await,
                Err(why) => {
                    let again_at = place_again_at(why, claims.asked_at);
                    claims.answer(vec![(number, ClaimResult::NoPlace(again_at))]);
                }
            }
        });
    }

    fn claims(&self, myself: &ActorRef<SenderMessage>) -> Claims {
        let (journal, roster) = (self.journal.clone(), self.roster.clone());
        let asked_at = journal.now();
        Claims { journal, roster, sender: self.number, asked_at, myself: myself.clone() }
    }

    pub(super) fn claims_answered(&mut self, answered: ClaimsAnswered, myself: &ActorRef<SenderMessage>) {
        let now = self.journal.now();
        let took = now.since(answered.asked_at);
        self.usual_claim = (self.usual_claim * 7 + took) / 8;
        self.journal.claim_took(took, now);
        for (number, answer) in answered.answers {
            self.claim_answered(number, answer, now, myself);
        }
    }

    fn claim_answered(
        &mut self,
        number: u64,
        answer: ClaimResult,
        now: Time,
        myself: &ActorRef<SenderMessage>,
    ) {
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
        self.queue.not_started(&message);
        let window = self.queue.of(message.lane);
        match answer {
            // Of one that was put back the record has told already.
            ClaimResult::Ours(_) | ClaimResult::PutBack => {}
            ClaimResult::Changed => {
                window.mistaken(&message);
                window.release(message.recipient);
            }
            // Until that is recorded, the conversation waits: what follows must not be claimed before it.
            ClaimResult::Expired => self.record_expiry(message, myself),
            ClaimResult::NoPlace(due) | ClaimResult::NotDue(due) => {
                window.requeue(Waiting { due, ..message });
            }
            ClaimResult::NotHead => {
                // Something of this conversation is ahead that we do not know: look again shortly.
                window.mistaken(&message);
                let Waiting { recipient, lane, .. } = message;
                let conversation = Conversation { sender: self.number, recipient, lane };
                myself.send_after(STORE_AGAIN_AFTER, move || SenderMessage::ThreadAgain(conversation));
            }
            ClaimResult::Failed(error) => {
                if self.store_again_at.is_none() {
                    tracing::warn!(message_id = %message.id, %error, "could not claim; trying again shortly");
                }
                self.store_again_at = Some(now + STORE_AGAIN_AFTER);
                window.requeue(Waiting { due: now + STORE_AGAIN_AFTER, ..message });
            }
            ClaimResult::Stale => {
                tracing::error!(sender = ?self.number, "the lease of this sender's shard is over");
                self.leave(myself);
            }
        }
    }

    /// Passes on what is claimed, in the order of the decisions, each not before its instant. While it is paused by
    /// hand, nothing.
    pub(super) fn begin_in_order(&mut self, now: Time) {
        if self.paused_until(now).is_some() {
            return self.put_back_claimed();
        }
        let mut begins: Vec<(AccountName, Vec<Begin>)> = Vec::new();
        while let Some(begin) = self.next_begin(now) {
            let account = begin.attempt.message().map(|claimed| &claimed.draft.account);
            let account = account.unwrap_or(&self.route.account);
            match begins.last_mut() {
                Some((last, same)) if last == account => same.push(begin),
                Some(_) | None => begins.push((account.clone(), vec![begin])),
            }
        }
        for (account, begins) in begins {
            // A provider actor that is just failing drops the attempts, which puts them back.
            let _ = self.roster.pass(&account, ProviderMessage::Begin(begins));
        }
    }

    /// What is claimed and not begun goes back to its queue; what is being claimed follows with its answer.
    fn put_back_claimed(&mut self) {
        let all = std::mem::take(&mut self.starting);
        let (claimed, asked): (VecDeque<_>, VecDeque<_>) =
            all.into_iter().partition(|starting| starting.claimed.is_some());
        self.starting = asked;
        for Starting { message, permit, .. } in claimed {
            if let Some(pace) = self.pace.as_mut() {
                pace.abandon(permit);
            }
            // The record tells the rest once that is stored: its attempt is dropped here.
            self.queue.not_started(&message);
        }
    }

    fn next_begin(&mut self, now: Time) -> Option<Begin> {
        let first = self.starting.front()?;
        if first.claimed.is_none() || first.not_before > now {
            return None;
        }
        let Starting { message, permit, not_before, claimed, .. } = self.starting.pop_front()?;
        self.open.insert(message.id, permit);
        self.in_flight.insert(message.id, now);
        let quiet_from = self.quiet_from(&message, now);
        let (keep, counts) = (self.keep(now), self.counted());
        Some(Begin { attempt: claimed?, due: not_before, quiet_from, keep, counts })
    }
}

/// Claims that are being made for a sender.
struct Claims {
    journal: Journal,
    roster: Roster,
    sender: E164,
    asked_at: Time,
    myself: ActorRef<SenderMessage>,
}

impl Claims {
    /// Claims each with the place that it has, and tells the sender.
    async fn make(self, messages: Vec<(u64, Waiting, Place)>) {
        let named: Vec<_> = messages.iter().map(|(_, message, _)| (message.id, message.attempt)).collect();
        let claimed = self.journal.claim_all(self.sender, &named).await;
        let mut answers = Vec::with_capacity(named.len());
        for ((number, _, place), claimed) in messages.into_iter().zip(claimed) {
            answers.push((number, self.result(claimed, place).await));
        }
        self.answer(answers);
    }

    async fn result(&self, claimed: Result<Claimed, StoreError>, place: Place) -> ClaimResult {
        match claimed {
            Ok(Claimed::Yes(claimed) | Claimed::Already(claimed)) => {
                let Some(place) = immediate::place_for(&claimed, place, &self.roster).await else {
                    immediate::leave_for_later(&self.journal, &claimed).await;
                    return ClaimResult::PutBack;
                };
                ClaimResult::Ours(ClaimedAttempt::new(claimed, place, self.journal.clone()))
            }
            Ok(Claimed::NotDue(due)) => ClaimResult::NotDue(due),
            Ok(Claimed::Expired) => ClaimResult::Expired,
            Ok(Claimed::NotHead(_)) => ClaimResult::NotHead,
            Ok(Claimed::Changed) => ClaimResult::Changed,
            Ok(Claimed::Stale) => ClaimResult::Stale,
            Err(error) => ClaimResult::Failed(error),
        }
    }

    /// Nobody there: what was claimed goes back as it is dropped.
    fn answer(self, answers: Vec<(u64, ClaimResult)>) {
        let answered = ClaimsAnswered { asked_at: self.asked_at, answers };
        let _ = self.myself.send_message(SenderMessage::ClaimsAnswered(answered));
    }
}
