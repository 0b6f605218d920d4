//! Storing a queued message on behalf of a request.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::oneshot;

use super::{SenderMessage, SenderState};
use crate::admission::Ticket;
use crate::domain::message::Draft;
use crate::domain::time::Time;
use crate::ports::{Append, Appended, StoreError, Waiting};

/// A full queue is not said to have room sooner than this.
const SHORTEST_WAIT_FOR_ROOM: Duration = Duration::from_secs(1);

/// A message to be stored, and who waits for the answer.
pub struct Submit {
    /// The message.
    pub draft: Draft,
    /// After this instant it must not be stored any more.
    pub until: Time,
    /// Held for as long as the work is inside, also when the client has gone.
    pub ticket: Arc<Ticket>,
    /// Who waits. Dropped without an answer, the sender was stopping: ask again under the same id.
    pub reply: oneshot::Sender<SubmitAnswer>,
}

/// The answer to a [`Submit`].
pub struct SubmitAnswer {
    /// What the store said.
    pub appended: Result<Appended, StoreError>,
    /// When there will be room, if the queue is full.
    pub room_after: Duration,
}

/// What a submit has left in the sender's queue.
#[derive(Debug, Clone, Copy)]
pub enum Stored {
    /// This.
    Waiting(Waiting),
    /// Nobody knows.
    Perhaps,
    /// Nothing.
    Nothing,
}

impl SenderState {
    /// Passes the message to the journal and goes on. The sender hears of it before the client does,
    /// so that of two messages of which one was answered before the other was sent, the sender knows
    /// them in that order.
    pub(super) fn submit(&mut self, submit: Submit) {
        self.submits += 1;
        self.has_begun = true;
        let Submit { draft, until, ticket, reply } = submit;
        let now = self.journal.now();
        let estimate = self.estimate(now);
        let room_after = estimate.from.since(now).max(estimate.per_unit).max(SHORTEST_WAIT_FOR_ROOM);
        let depth_limit = self.journal.settings().queue_limit;
        let append = Append { draft, estimate, depth_limit, request_until: until };
        let (journal, roster, number) = (self.journal.clone(), self.roster.clone(), self.number);
        tokio::spawn(async move {
            let appended = journal.append(append).await;
            let stored = match &appended {
                Ok(Appended::Stored(message) | Appended::Exists(message)) if message.is_waiting() => {
                    Stored::Waiting(Waiting::of(message))
                }
                Err(StoreError::Unanswered) => Stored::Perhaps,
                Ok(_) | Err(_) => Stored::Nothing,
            };
            // By number: if the sender has failed meanwhile, its successor must know.
            roster.hint(number, SenderMessage::SubmitEnded(stored));
            drop(ticket);
            // A client that has gone finds it under its id.
            let _ = reply.send(SubmitAnswer { appended, room_after });
        });
    }

    pub(super) fn submit_ended(&mut self, stored: Stored) {
        self.submits = self.submits.saturating_sub(1);
        match stored {
            Stored::Waiting(message) => self.queue.of(message.lane).stored(message),
            Stored::Perhaps => self.queue.start_over(),
            Stored::Nothing => {}
        }
    }
}
