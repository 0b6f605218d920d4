//! Storing a queued message on behalf of a request.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::oneshot;

use super::forecast::Forecast;
use super::{SenderMessage, SenderState};
use crate::admission::Ticket;
use crate::domain::lanes::place;
use crate::domain::message::{Draft, Lane};
use crate::domain::pace::Cost;
use crate::domain::time::Time;
use crate::ports::{Append, Appended, EstimateRule, StoreError, Waiting};

/// A full queue is not said to have room sooner than this.
const SHORTEST_WAIT_FOR_ROOM: Duration = Duration::from_secs(1);

/// A message to be stored, and who waits for the answer.
pub struct Submit {
    /// The message.
    pub draft: Draft,
    /// After this instant it must not be stored any more.
    pub until: Time,
    /// It may not go before this.
    pub not_before: Time,
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
        let Submit { draft, until, not_before, ticket, reply } = submit;
        let now = self.journal.now();
        let rough = self.rough_estimate(now);
        let room_after = rough.from.since(now).max(rough.per_unit).max(SHORTEST_WAIT_FOR_ROOM);
        // One that goes later is behind what comes until then, of which nobody knows.
        let (estimate, submitted) = if not_before > now {
            (rough, None)
        } else {
            let cost = draft.cost();
            let estimate = self.estimate(draft.lane, cost, now);
            let estimate = self.but_quiet(&draft, estimate);
            self.submits_made += 1;
            self.storing.insert(self.submits_made, (draft.lane, cost));
            (estimate, Some(self.submits_made))
        };
        let depth_limit = self.journal.settings().queue_limit;
        let append = Append { draft, estimate, depth_limit, request_until: until, not_before };
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
            roster.hint(number, SenderMessage::SubmitEnded(stored, submitted));
            drop(ticket);
            // A client that has gone finds it under its id.
            let _ = reply.send(SubmitAnswer { appended, room_after });
        });
    }

    /// When a message goes that is stored now; of one that is away from its sender's account as of the others.
    fn estimate(&mut self, lane: Lane, cost: Cost, now: Time) -> EstimateRule {
        let since = self.since.unwrap_or(now);
        let Some(pace) = self.pace.as_ref() else { return self.rough_estimate(now) };
        if pace.is_unlimited() {
            return EstimateRule { from: now, per_unit: Duration::ZERO };
        }
        let Some(known) = self.forecasts.get_mut(place(lane)) else { return self.rough_estimate(now) };
        let fresh = known.take().filter(|forecast| forecast.is_fresh(now));
        let storing = self.storing.values().copied();
        let forecast =
            fresh.unwrap_or_else(|| Box::new(Forecast::new(lane, pace, &self.queue, storing, since, now)));
        known.insert(forecast).pass(cost, now)
    }

    /// Where its turn comes while it is quiet, it goes afterwards.
    fn but_quiet(&self, draft: &Draft, told: EstimateRule) -> EstimateRule {
        let quiet_hours = self.route.quiet_hours.as_ref().filter(|_| draft.lane != Lane::Urgent);
        match quiet_hours {
            Some(hours) if told.per_unit.is_zero() => {
                EstimateRule { from: hours.first_allowed(draft.recipient, told.from), ..told }
            }
            Some(_) | None => told,
        }
    }

    /// Something changed that no estimate could foresee.
    pub(super) fn forget_forecasts(&mut self) {
        self.forecasts = Default::default();
    }

    pub(super) fn submit_ended(&mut self, stored: Stored, submitted: Option<u64>) {
        self.submits = self.submits.saturating_sub(1);
        if let Some(submitted) = submitted {
            self.storing.remove(&submitted);
            if !matches!(stored, Stored::Waiting(_)) {
                self.forget_forecasts();
            }
        }
        match stored {
            Stored::Waiting(message) => self.queue.of(message.lane).stored(message),
            Stored::Perhaps => self.queue.start_over(),
            Stored::Nothing => {}
        }
    }
}
