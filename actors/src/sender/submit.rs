//! Storing a queued message on behalf of a request.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::oneshot;

use super::forecast::Forecast;
use super::{Coming, SenderMessage, SenderState};
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

impl Stored {
    /// By what the store said.
    pub(crate) fn by(appended: &Result<Appended, StoreError>) -> Self {
        match appended {
            Ok(Appended::Stored(message) | Appended::Exists(message)) if message.is_waiting() => {
                Self::Waiting(Waiting::of(message))
            }
            Err(StoreError::Unanswered) => Self::Perhaps,
            Ok(_) | Err(_) => Self::Nothing,
        }
    }
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
        let room_after = self.room_after(now);
        let coming = Coming::of(&draft, not_before);
        let (estimate, submitted) = self.foresee(&coming, now);
        let depth_limit = self.journal.settings().queue_limit;
        let append = Append { draft, estimate, depth_limit, request_until: until, not_before };
        let (journal, roster, number) = (self.journal.clone(), self.roster.clone(), self.number);
        tokio::spawn(async move {
            let appended = journal.append(append).await;
            let stored = Stored::by(&appended);
            // By number: if the sender has failed meanwhile, its successor must know.
            roster.hint(number, SenderMessage::SubmitEnded(stored, submitted));
            drop(ticket);
            // A client that has gone finds it under its id.
            let _ = reply.send(SubmitAnswer { appended, room_after });
        });
    }

    /// When a full queue will have room.
    pub(super) fn room_after(&mut self, now: Time) -> Duration {
        let rough = self.rough_estimate(now);
        rough.from.since(now).max(rough.per_unit).max(SHORTEST_WAIT_FOR_ROOM)
    }

    /// When a message goes that is about to be stored, and its number among those that are being stored. One that
    /// goes later has none: it is behind what comes until then, of which nobody knows.
    pub(super) fn foresee(&mut self, coming: &Coming, now: Time) -> (EstimateRule, Option<u64>) {
        if coming.not_before > now {
            return (self.rough_estimate(now), None);
        }
        let estimate = self.estimate(coming.lane, coming.cost, now);
        let estimate = self.but_quiet(coming, estimate);
        self.submits_made += 1;
        self.storing.insert(self.submits_made, (coming.lane, coming.cost));
        (estimate, Some(self.submits_made))
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
    fn but_quiet(&self, coming: &Coming, told: EstimateRule) -> EstimateRule {
        let quiet_hours = self.route.quiet_hours.as_ref().filter(|_| coming.lane != Lane::Urgent);
        match quiet_hours {
            Some(hours) if told.per_unit.is_zero() => {
                EstimateRule { from: hours.first_allowed(coming.recipient, told.from), ..told }
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
