//! Storing a queued message on behalf of a request.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::oneshot;

use super::forecast::{Began, Forecast};
use super::share::{others_got_more, tell_of_more};
use super::{Coming, Foreseen, SenderMessage, SenderState};
use crate::admission::Ticket;
use crate::crowding::Crowded;
use crate::domain::lanes::place;
use crate::domain::message::{Draft, Lane};
use crate::domain::pace::{Cost, Pace};
use crate::domain::time::Time;
use crate::ports::{Append, Appended, EstimateRule, StoreError, Waiting};
use crate::shares::Share;

/// A full queue is not said to have room sooner than this.
const SHORTEST_WAIT_FOR_ROOM: Duration = Duration::from_secs(1);

/// Where nobody can say when it has, for it is paused without an end: ask again then.
const UNTIL_IT_IS_RESUMED: Duration = Duration::from_mins(1);

/// A message to be stored, and who waits for the answer.
pub struct Submit {
    /// The message.
    pub draft: Draft,
    /// After this instant it must not be stored any more.
    pub until: Time,
    /// It may not go before this.
    pub not_before: Time,
    /// Its organization has no room for a new one.
    pub crowded: Option<Crowded>,
    /// Held for as long as the work is inside, also when the client has gone.
    pub ticket: Arc<Ticket>,
    /// Who waits. Dropped without an answer, the sender was stopping: ask again under the same id.
    pub reply: oneshot::Sender<SubmitAnswer>,
}

/// The answer to a [`Submit`].
pub struct SubmitAnswer {
    /// What the store said.
    pub appended: Result<Appended, StoreError>,
    /// If there was no room: whose, and when there will be some.
    pub room: Room,
    /// The estimate counts on what comes in higher lanes to go on coming.
    pub is_expectation: bool,
}

/// When a queue that is full has room for another message.
#[derive(Debug, Clone, Copy)]
pub struct Room {
    /// After so long.
    pub after: Duration,
    /// It is the organization that has none.
    pub of_organization: bool,
}

impl Room {
    /// What a full queue is answered with; `own` is when the sender's next message leaves it.
    pub(crate) fn of(crowded: Option<Crowded>, own: Duration) -> Self {
        let after = crowded.and_then(|crowded| crowded.room_after).unwrap_or(own);
        Self { after: after.max(SHORTEST_WAIT_FOR_ROOM), of_organization: crowded.is_some() }
    }
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
        let Submit { draft, until, not_before, crowded, ticket, reply } = submit;
        let now = self.journal.now();
        let next_leaves = self.next_leaves_after(now);
        let per_unit = self.pace.as_ref().map(Pace::per_unit).unwrap_or_default();
        let coming = Coming::of(&draft, not_before);
        let shares = self.shared_now();
        let Foreseen { estimate, is_expectation, number: submitted } = self.foresee(&coming, &shares, now);
        tell_of_more(&shares, usize::from(submitted.is_some()));
        let queue_limit = self.journal.settings().queue_limit;
        // One that is there already is answered all the same.
        let depth_limit = if crowded.is_some() { 0 } else { queue_limit };
        let append = Append { draft, estimate, depth_limit, request_until: until, not_before };
        let (journal, roster, number) = (self.journal.clone(), self.roster.clone(), self.number);
        tokio::spawn(async move {
            let appended = journal.append(append).await;
            let stored = Stored::by(&appended);
            // By number: if the sender has failed meanwhile, its successor must know.
            roster.hint(number, SenderMessage::SubmitEnded(stored, submitted));
            drop(ticket);
            let mut own = next_leaves;
            if matches!(appended, Ok(Appended::Full)) && crowded.is_none() {
                let depth = journal.store().depth(number).await.unwrap_or(queue_limit);
                // More than one too many: the limit was set lower.
                let further = u32::try_from(depth.saturating_sub(queue_limit)).unwrap_or(u32::MAX);
                own = own.saturating_add(per_unit.saturating_mul(further));
            }
            // A client that has gone finds it under its id.
            let _ = reply.send(SubmitAnswer { appended, room: Room::of(crowded, own), is_expectation });
        });
    }

    /// When the next message leaves the queue, as the sender stands now.
    pub(super) fn next_leaves_after(&mut self, now: Time) -> Duration {
        let paused_until = self.tuning.paused_until(now).unwrap_or(now);
        if paused_until == Time::MAX {
            return UNTIL_IT_IS_RESUMED;
        }
        let Some(head) = self.queue.head(now) else {
            return self.queue.next_due().unwrap_or(now).max(paused_until).since(now);
        };
        let since = self.since.unwrap_or(now);
        let allowed = self.pace.as_mut().and_then(|pace| pace.look_ahead(since, now, head.cost).at());
        let by_provider =
            if head.elsewhere { now } else { self.working.next_allowed(now, head.cost.segments) };
        let by_shared = if head.elsewhere { now } else { self.shares_allow(head.cost, now) };
        allowed.unwrap_or(now).max(by_provider).max(by_shared).max(paused_until).since(now)
    }

    /// When a message goes that is about to be stored. The caller tells `shares` that it came. One that goes
    /// later is not counted among them: it is behind what comes until then, of which nobody knows.
    pub(super) fn foresee(&mut self, coming: &Coming, shares: &[Arc<Share>], now: Time) -> Foreseen {
        if coming.not_before > now {
            return Foreseen { estimate: self.rough_estimate(now), is_expectation: false, number: None };
        }
        let (told, others_wait) = self.estimate(coming.lane, coming.cost, shares, now);
        let expected = self.expected(coming, told, now);
        let estimate = self.but_quiet(coming, expected.unwrap_or(told));
        self.arrivals.came(coming.lane, coming.cost.segments, now);
        self.submits_made += 1;
        self.storing.insert(self.submits_made, (coming.lane, coming.cost));
        Foreseen {
            estimate,
            is_expectation: expected.is_some() || others_wait,
            number: Some(self.submits_made),
        }
    }

    /// When a message goes that is stored now; of one that is away from its sender's account as of the others. True:
    /// it shares limits with others that wait.
    fn estimate(&mut self, lane: Lane, cost: Cost, shares: &[Arc<Share>], now: Time) -> (EstimateRule, bool) {
        let began = Began { since: self.since.unwrap_or(now), wanted_at: self.wanted_at };
        let unlimited = self.pace.as_ref().is_some_and(Pace::is_unlimited);
        let waits_for_others = self.waits_for_others(cost);
        if unlimited && !waits_for_others {
            return (EstimateRule { from: now, per_unit: Duration::ZERO }, false);
        }
        let known = self.forecasts.get_mut(place(lane)).and_then(Option::take);
        let fresh = known.filter(|known| {
            let knows_of_others = !waits_for_others || shares.is_empty() || !known.turns().is_empty();
            known.is_fresh(now) && knows_of_others && !others_got_more(shares, known, now)
        });
        let forecast = fresh.or_else(|| {
            let (pace, storing) = (self.pace.as_ref()?, self.storing.values().copied());
            let turns = self.turns(cost, now);
            Some(Box::new(Forecast::new(lane, pace, &self.queue, storing, began, turns, now)))
        });
        let Some(mut forecast) = forecast else { return (self.rough_estimate(now), false) };
        let told = (forecast.pass(cost, now), forecast.is_expectation());
        if let Some(known) = self.forecasts.get_mut(place(lane)) {
            *known = Some(forecast);
        }
        told
    }

    /// With what is to be expected in higher lanes, if that is known. What expires is judged by what is there: whether
    /// more comes nobody knows.
    fn expected(&mut self, coming: &Coming, told: EstimateRule, now: Time) -> Option<EstimateRule> {
        let weights = self.tuning.weights.unwrap_or(self.route.weights);
        let each = self.pace.as_ref().map(Pace::per_unit)?;
        let has_to_wait = told.from > now + each || !told.per_unit.is_zero();
        if !has_to_wait {
            return None;
        }
        let mut stretched = |wait| self.arrivals.stretched(coming.lane, wait, each, weights, now);
        let per_unit = stretched(told.per_unit)?;
        if coming.expires {
            return Some(told);
        }
        // Behind a queue that goes on in the store it is told from an instant that may have passed.
        let before = stretched(now.since(told.from))?;
        let after = stretched(told.from.since(now))?;
        Some(EstimateRule { from: now - before + after, per_unit })
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
            Stored::Waiting(message) => self.queue.stored(message),
            Stored::Perhaps => self.queue.start_over(),
            Stored::Nothing => {}
        }
    }
}
