//! When a message that is accepted now will go: a copy of pace and lanes that runs ahead (PACE.md §5).
//!
//! It begins as the sender stands, and sends what is known of the queue until the lane that is asked about is
//! empty. The next message of that lane is then told its instant, and the copy goes on from there: as much
//! work as one decision. What comes later in other lanes, it does not know; it is made anew once a second, and
//! whenever something changed that it could not foresee.
//!
//! Limits that it shares with other senders are gone through with what those have waiting (`turns.rs`).
//!
//! Of a queue that is longer than the window the rest is told by how fast the known part goes.

use std::collections::VecDeque;
use std::time::Duration;

use super::queue::Queue;
use super::turns::{Turns, pass_all};
use crate::domain::lanes::{LANES, Lanes, place};
use crate::domain::message::Lane;
use crate::domain::pace::{Allowed, Cost, Pace};
use crate::domain::time::Time;
use crate::ports::EstimateRule;

/// So long a copy is gone on with.
const FRESH_FOR: Duration = Duration::from_secs(1);

/// A step of a copy takes about so long.
const STEP: Duration = Duration::from_nanos(150);

/// Senders that share limits hear of each other's messages with every one that comes. For copies that they make anew
/// because of that, all of them together take one part in so many of a processor, or so many steps for each message.
const PART_OF_A_PROCESSOR: u32 = 8;
const STEPS_OF_A_MESSAGE: u32 = 16;

/// A known part that is shorter tells too little of how fast the rest will go.
const ENOUGH: usize = 32;

/// When a sender began what it does.
#[derive(Debug, Clone, Copy)]
pub(super) struct Began {
    /// As for [`Pace::next_allowed`].
    pub(super) since: Time,
    /// Since when it wants its turn at its account, if it does.
    pub(super) wanted_at: Option<Time>,
}

/// A copy that has run ahead.
#[derive(Debug)]
pub(super) struct Forecast {
    lane: Lane,
    made_at: Time,
    since: Time,
    pace: Pace,
    /// The limits that it shares with other senders.
    turns: Vec<Turns>,
    /// Since when it wants its turn, if it does.
    wanted_at: Option<Time>,
    lanes: Lanes,
    queues: [VecDeque<Cost>; 3],
    /// The lane's queue goes on in the store behind what is known of it.
    goes_on: bool,
    /// When the last one went.
    reached: Time,
    /// Of how many messages of the queue, and of how many segments.
    went: (usize, u64),
}

impl Forecast {
    /// The copy of a sender that stands so, for one lane; `on_their_way` are messages that are being stored.
    pub(super) fn new(
        lane: Lane,
        pace: &Pace,
        queue: &Queue,
        on_their_way: impl Iterator<Item = (Lane, Cost)>,
        began: Began,
        turns: Vec<Turns>,
        now: Time,
    ) -> Self {
        let Began { since, wanted_at } = began;
        let mut queues = LANES.map(|lane| queue.costs(lane).collect::<VecDeque<Cost>>());
        let goes_on = !queue.is_whole(lane);
        for (lane, cost) in on_their_way {
            if let Some(queue) = queues.get_mut(place(lane)) {
                queue.push_back(cost);
            }
        }
        let (pace, lanes) = (pace.ahead(now), queue.lanes().clone());
        let mut forecast = Self {
            lane,
            made_at: now,
            since,
            pace,
            turns,
            wanted_at,
            lanes,
            queues,
            goes_on,
            reached: now,
            went: (0, 0),
        };
        while forecast.has_work() && forecast.send_next().is_some() {}
        forecast
    }

    /// Does it still say what is to be expected?
    pub(super) fn is_fresh(&self, now: Time) -> bool {
        now < self.made_at + FRESH_FOR
    }

    /// May another be made for so many messages that have come to others? The more work that is, the older this one
    /// must be, or the more messages these.
    pub(super) fn may_be_made_anew(&self, came: u64, now: Time) -> bool {
        let steps = self.turns.iter().map(Turns::steps).fold(self.went.0, usize::saturating_add);
        let senders = self.turns.iter().map(Turns::senders).max().unwrap_or_default().saturating_add(1);
        let steps = u32::try_from(steps).unwrap_or(u32::MAX).saturating_mul(senders);
        let age = STEP.saturating_mul(steps).saturating_mul(PART_OF_A_PROCESSOR);
        now >= self.made_at + age || came >= u64::from(steps / STEPS_OF_A_MESSAGE)
    }

    /// The limits that it shares with other senders.
    pub(super) fn turns(&self) -> &[Turns] {
        &self.turns
    }

    /// Were others held in front, of whom nobody knows what comes to them later?
    pub(super) fn is_expectation(&self) -> bool {
        self.turns.iter().any(Turns::is_expectation)
    }

    /// When a message of its lane goes that is stored now, as the store's step computes it.
    pub(super) fn pass(&mut self, cost: Cost, now: Time) -> EstimateRule {
        self.turns.iter_mut().for_each(Turns::comes);
        if self.goes_on {
            return self.beyond();
        }
        self.reached = self.reached.max(now);
        if let Some(queue) = self.queues.get_mut(place(self.lane)) {
            queue.push_back(cost);
        }
        while self.has_work() && self.send_next().is_some() {}
        EstimateRule { from: self.reached, per_unit: Duration::ZERO }
    }

    /// Behind what is known: what the store counts beyond it goes as fast as that did.
    fn beyond(&self) -> EstimateRule {
        let (messages, segments) = self.went;
        let took = self.reached.since(self.made_at);
        let usual = self.pace.per_unit();
        let measured = u32::try_from(segments).ok().and_then(|segments| took.checked_div(segments));
        let per_unit = if messages < ENOUGH { usual } else { measured.unwrap_or(usual) };
        let covered = u32::try_from(segments).unwrap_or(u32::MAX);
        EstimateRule { from: self.reached - per_unit.saturating_mul(covered), per_unit }
    }

    fn has_work(&self) -> bool {
        self.queues.get(place(self.lane)).is_some_and(|queue| !queue.is_empty())
    }

    fn send_next(&mut self) -> Option<()> {
        let has_work = self.queues.each_ref().map(|queue| !queue.is_empty());
        let lane = self.lanes.next(has_work)?;
        let cost = self.queues.get_mut(place(lane))?.pop_front()?;
        self.lanes.take(lane, cost.segments);
        let at = match self.pace.look_ahead(self.since, self.reached, cost) {
            Allowed::At(at) => at.max(self.reached),
            // Nothing is open in the copy.
            Allowed::WhenStamped => self.reached,
        };
        let own = at;
        let at = own.max(pass_all(&mut self.turns, cost, self.wanted_at.take().unwrap_or(own)));
        let permit = self.pace.take(own, at, cost);
        self.pace.stamp(permit, at);
        self.reached = at;
        let (messages, segments) = self.went;
        self.went = (messages + 1, segments + u64::from(cost.segments));
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::lanes::Weights;
    use crate::domain::pace::Limit;
    use crate::shares::{Backlog, OwnPace, Standing};

    fn pace() -> Pace {
        Pace::new(&[Limit::segments(10, Duration::from_secs(1))], None, [], Time::ZERO)
    }

    fn others(senders: usize) -> Turns {
        let backlog = Backlog {
            messages: 50,
            costs: Backlog::costs([Cost::sms(1)].into_iter()),
            first: 0,
            own: OwnPace::copy_of(pace()),
            wants_at: Time::ZERO,
            had_turn_at: Time::ZERO,
        };
        let others = vec![backlog; senders];
        let (accounts, sharers, of_these_here) = (Vec::new(), 1, 1);
        Turns::new(
            Standing { pace: pace(), others, accounts, sharers, of_these_here, came: 0 },
            Time::ZERO,
            Time::ZERO,
        )
    }

    fn beside(senders: usize) -> Forecast {
        let began = Began { since: Time::ZERO, wanted_at: None };
        let own = [(Lane::Normal, Cost::sms(1)); 20].into_iter();
        let queue = Queue::new(Weights::default());
        Forecast::new(Lane::Normal, &pace(), &queue, own, began, vec![others(senders)], Time::ZERO)
    }

    #[test]
    fn the_more_work_another_is_the_more_must_have_come_or_the_older_is_this_one() {
        let at_once = |forecast: &Forecast, came| forecast.may_be_made_anew(came, Time::ZERO);
        let (few, many) = (beside(2), beside(100));
        assert!(!at_once(&few, 0) && at_once(&few, 20));
        assert!(!at_once(&many, 2) && !at_once(&many, 500) && at_once(&many, 20_000));
        let after = |millis| Time::ZERO + Duration::from_millis(millis);
        assert!(few.may_be_made_anew(0, after(1)));
        assert!(!many.may_be_made_anew(0, after(1)) && many.may_be_made_anew(0, after(1000)));
    }
}
