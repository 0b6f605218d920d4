//! Requests for a number that another process sends from, or nobody for the moment.
//!
//! A queued message needs no lease: it is stored, and the owner is told (`Journal::append`). An immediate one
//! is offered (`offers.rs`).

use std::sync::Arc;

use super::{Bound, COME_AGAIN_AFTER, Intake};
use crate::admission::Ticket;
use crate::crowding::Crowded;
use crate::domain::message::Draft;
use crate::domain::pace::Pace;
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
        let limits = self.directory.route(sender).map_or(&[][..], |route| &route.limits);
        let now = self.journal.now();
        let per_unit = Pace::new(limits, None, [], now).per_unit();
        let estimate = EstimateRule { from: now, per_unit };
        let Asked { not_before, until, crowded, all_answered } = asked;
        let queue_limit = self.journal.settings().queue_limit;
        let depth_limit = if crowded.is_some() { 0 } else { queue_limit };
        let append = Append { draft, estimate, depth_limit, request_until: until, not_before };
        let (journal, ticket) = (self.journal.clone(), Arc::clone(ticket));
        // A task of its own: if the client goes, the owner is told all the same.
        let stored = tokio::spawn(async move {
            let appended = journal.append(append).await;
            drop(ticket);
            appended
        });
        let appended = stored.await.unwrap_or(Err(StoreError::Unanswered));
        // It may be ours by now, taken before the message was there.
        if self.journal.owns(sender)
            && let Ok(running) = self.directory.sender(sender).await
        {
            // One that has just been started reads it.
            let _ = running.send_message(SenderMessage::LookAgain);
        }
        let room = Room::of(crowded, per_unit.max(COME_AGAIN_AFTER));
        self.answer_of(SubmitAnswer { appended, room, is_expectation: false }, bound, id, all_answered).await
    }
}
