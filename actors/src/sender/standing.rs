//! How a sender stands, for who asks: what its head waits for, and how much of each limit is in use.

use std::time::Duration;

use super::SenderState;
use crate::domain::adaptive::Standing;
use crate::domain::pace::{InUse, Limit, Pace};
use crate::domain::time::Time;

/// How a running sender stands.
#[derive(Debug, Clone)]
pub struct SenderStanding {
    /// What its next message waits for.
    pub waits: Waits,
    /// When that goes at the earliest, where that is a matter of time.
    pub not_before: Option<Time>,
    /// Its limits.
    pub limits: Vec<InUse>,
    /// How fast its provider lets it go, where that is less.
    pub working: Standing,
    /// How many messages of its queue are in flight.
    pub in_flight: usize,
    /// How long a segment takes at its pace.
    pub per_segment: Duration,
}

impl SenderStanding {
    /// When so many segments are gone, about. Where a day, week or month has no room for all of them, or its
    /// sender is paused without an end, nobody can say.
    pub(crate) fn empty_at(&self, segments: u64, now: Time) -> Option<Time> {
        let endless = self.waits == Waits::Pause && self.not_before.is_none();
        let over = |used: &InUse| {
            used.limit.sliding().is_none()
                && used.units.saturating_add(segments) > u64::from(used.limit.units)
        };
        if segments == 0 || endless || self.limits.iter().any(over) {
            return None;
        }
        let behind_the_first = u32::try_from(segments - 1).unwrap_or(u32::MAX);
        Some(self.not_before.unwrap_or(now).max(now) + self.per_segment.saturating_mul(behind_the_first))
    }
}

/// What the next message of a sender waits for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Waits {
    /// There is none.
    Nothing,
    /// Its sender has just started, or got new limits, and reads what it must know.
    Start,
    /// Its sender is paused.
    Pause,
    /// The pace: this limit, or even spacing by it.
    Pace(Limit),
    /// Its provider, which refused messages for their pace: a pause, or the working rate after it.
    Provider,
    /// What went before it in its conversation has no outcome yet.
    Conversation,
    /// Its retry is due later.
    Retry,
    /// An outcome of what is in flight of its own: as many are as may be.
    Places,
    /// A place at its provider account: its circuit, its limits and those of its organization, what is in flight there.
    Account,
    /// Nothing: it is going.
    Going,
}

impl SenderState {
    pub(super) fn standing(&mut self) -> SenderStanding {
        let now = self.journal.now();
        let (waits, not_before) = self.waits(now);
        let limits = self.pace.as_mut().map(|pace| pace.in_use(now)).unwrap_or_default();
        let per_segment = self.pace.as_ref().map(Pace::per_unit).unwrap_or_default();
        let per_segment = per_segment.max(self.working.per_unit());
        let (working, in_flight) = (self.working.standing(now), self.in_flight_count());
        SenderStanding { waits, not_before, limits, working, in_flight, per_segment }
    }

    fn waits(&mut self, now: Time) -> (Waits, Option<Time>) {
        let head = self.queue.head(now);
        let paused_until = self.tuning.paused_until(now);
        if let Some(until) = paused_until.filter(|_| head.is_some()) {
            return (Waits::Pause, Some(until).filter(|until| *until < Time::MAX));
        }
        let Some(pace) = self.pace.as_mut() else { return (Waits::Start, None) };
        let Some(head) = head else {
            return match self.queue.next_due() {
                Some(due) => (Waits::Retry, Some(due)),
                None if self.queue.is_empty() => (Waits::Nothing, None),
                None => (Waits::Conversation, None),
            };
        };
        let since = self.since.unwrap_or(now);
        let allowed = pace.look_ahead(since, now, head.cost);
        let by_provider =
            if head.elsewhere { now } else { self.working.next_allowed(now, head.cost.segments) };
        if by_provider > now && allowed.at().is_some_and(|at| at < by_provider) {
            return (Waits::Provider, Some(by_provider));
        }
        if let Some(limit) = pace.held_back_by(now, head.cost) {
            return (Waits::Pace(limit.clone()), allowed.at());
        }
        if !self.may_fly(now) {
            return (Waits::Places, None);
        }
        if self.places_wanted > 0 { (Waits::Account, None) } else { (Waits::Going, allowed.at()) }
    }
}
