//! Requests for a number that another process sends from, or nobody for the moment.
//!
//! A queued message needs no lease: it is stored, and the owner is told (`Journal::append`). An immediate one
//! is offered (`offers.rs`).

use std::sync::Arc;
use std::time::Duration;

use super::{Bound, COME_AGAIN_AFTER, Intake};
use crate::admission::Ticket;
use crate::crowding::Crowded;
use crate::domain::message::Draft;
use crate::domain::pace::Pace;
use crate::domain::phone::E164;
use crate::domain::time::Time;
use crate::engine::{NotSent, Sent};
use crate::ports::{Append, EstimateRule, StoreError};
use crate::sender::{Room, SenderMessage, SubmitAnswer};

/// What is asked of a message that is to be queued.
#[derive(Debug, Clone, Copy)]
pub(super) struct Asked {
    /// It may not go before this.
    pub(super) not_before: Time,
    /// After this it must not be stored any more.
    pub(super) until: Time,
    /// Its organization has no room for a new one.
    pub(super) crowded: Option<Crowded>,
    /// Whoever was asked before has answered.
    pub(super) all_answered: bool,
}

impl Intake {
    /// Stores a message whose number another process sends from, which is told. No sender runs here, so the
    /// estimate goes by the number's limits alone.
    pub(super) async fn queue_elsewhere(
        &self,
        draft: Draft,
        asked: Asked,
        bound: &Bound,
        ticket: &Arc<Ticket>,
    ) -> Result<Sent, NotSent> {
        let (id, sender) = (draft.id, draft.sender);
        let (estimate, room_after) = self.estimate_elsewhere(sender);
        let Asked { not_before, until, crowded, all_answered } = asked;
        let depth_limit = if crowded.is_some() { 0 } else { self.journal.settings().queue_limit };
        let append = Append { draft, estimate, depth_limit, request_until: until, not_before };
        let (journal, ticket) = (self.journal.clone(), Arc::clone(ticket));
        // A task of its own: if the client goes, the owner is told all the same.
        let stored = tokio::spawn(async move {
            let appended = journal.append(append).await;
            drop(ticket);
            appended
        });
        let appended = stored.await.unwrap_or(Err(StoreError::Unanswered));
        self.look_again_if_ours(sender).await;
        let room = Room::of(crowded, room_after);
        let is_expectation = self.shares_limits(sender);
        self.answer_of(SubmitAnswer { appended, room, is_expectation }, bound, id, all_answered).await
    }

    /// Has its account or its organization limits? Then what waits at others counts, which is not known here.
    pub(super) fn shares_limits(&self, sender: E164) -> bool {
        let sending = self.directory.plan().book.sending(sender);
        sending.is_some_and(|sending| !sending.account_limits.is_empty())
    }

    /// What can be said here of a number that another process sends from, by its limits: when its messages go, and
    /// when a full queue has room.
    pub(super) fn estimate_elsewhere(&self, sender: E164) -> (EstimateRule, Duration) {
        let route = self.directory.route(sender);
        let limits = route.as_ref().map_or(&[][..], |route| &route.limits);
        let now = self.journal.now();
        let per_unit = Pace::new(limits, None, [], now).per_unit();
        (EstimateRule { from: now, per_unit }, per_unit.max(COME_AGAIN_AFTER))
    }

    /// The number may be ours by now, taken before what was just stored was there.
    pub(super) async fn look_again_if_ours(&self, sender: E164) {
        if self.journal.owns(sender)
            && let Ok(running) = self.directory.sender(sender).await
        {
            // One that has just been started reads it.
            let _ = running.send_message(SenderMessage::LookAgain);
        }
    }
}
