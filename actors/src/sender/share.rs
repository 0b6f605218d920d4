//! What a sender tells of its queue to those who share the limits of its account or organization with it, and what
//! it knows of theirs: for estimates (`shares.rs`, `turns.rs`).

use std::sync::Arc;

use super::SenderState;
use super::forecast::Forecast;
use super::turns::Turns;
use crate::domain::lanes::LANES;
use crate::domain::pace::{Cost, Pace};
use crate::domain::time::Time;
use crate::shares::{Backlog, OwnPace, Share, Sharing, SmallCost};

/// With so many messages that are ready what the sender handed over before is told with them.
const PAST_MATTERS: u64 = 8;

/// What was told last.
#[derive(Debug)]
pub(super) struct ToldShare {
    backlog: Option<Backlog>,
    /// How many messages were ready when it was looked what one costs, and how many had ever been decided to go.
    looked_at: u64,
    decided: u64,
    /// What they cost, and the sender's own pace at that time.
    costs: Arc<[SmallCost]>,
    own: Option<OwnPace>,
    /// Messages that waited in the store when that was last said.
    pub(super) waiting: u64,
}

impl SenderState {
    /// Says what waits, if that has changed; `next` is when the first of it may go by the sender's own limits.
    pub(super) fn tell_share(&mut self, next: Option<Time>, now: Time) {
        if !self.shared.is_any() {
            return;
        }
        let backlog = self.backlog(next, now);
        let before = match &backlog {
            Some(_) => std::mem::replace(&mut self.share().backlog, backlog.clone()),
            None => self.share.take().and_then(|told| told.backlog),
        };
        if backlog == before {
            return;
        }
        self.shares().for_each(|share| share.waits(self.number, &self.route.account, backlog.clone()));
    }

    /// Nothing of it waits here any more.
    pub(super) fn leave_shares(&self) {
        if self.shared.is_any() {
            self.shares().for_each(|share| share.waits(self.number, &self.route.account, None));
        }
    }

    /// The limits that it shares, as they stand.
    pub(super) fn turns(&self, now: Time) -> Vec<Turns> {
        if !self.shared.is_any() {
            return Vec::new();
        }
        self.shares()
            .map(|share| Turns::new(share.standing(self.number, &self.route.account, now), now))
            .collect()
    }

    /// The limits that it shares, to be told of more and asked about others: for as long as one message of the actor
    /// is worked on, as they may be replaced.
    pub(super) fn shared_now(&self) -> Vec<Arc<Share>> {
        if self.shared.is_any() { self.shares().collect() } else { Vec::new() }
    }

    /// When the limits that it shares allow this, if nobody else goes before.
    pub(super) fn shares_allow(&self, cost: Cost, now: Time) -> Time {
        if !self.shared.is_any() {
            return now;
        }
        self.shares().map(|share| share.allows(cost, now)).max().unwrap_or(now)
    }

    fn shares(&self) -> impl Iterator<Item = Arc<Share>> {
        let shares = self.roster.shares();
        let account = shares.of(&Sharing::Account(self.route.account.clone()));
        let organization = shares.of(&Sharing::Organization(self.route.organization));
        account.into_iter().chain(organization)
    }

    fn backlog(&mut self, next: Option<Time>, now: Time) -> Option<Backlog> {
        let ready = u64::try_from(self.queue.ready().saturating_add(self.storing.len())).unwrap_or(u64::MAX);
        if ready == 0 || self.halted {
            return None;
        }
        let is_whole = LANES.iter().all(|lane| self.queue.is_whole(*lane));
        self.look_at_costs(ready, now);
        let decided = self.claims_made;
        let share = self.share();
        let messages = if is_whole { ready } else { ready.max(share.waiting) };
        let (costs, own) = (Arc::clone(&share.costs), share.own.clone()?);
        let first = decided.saturating_sub(share.decided);
        let wants_at = self.wanted_at.unwrap_or_else(|| next.unwrap_or(now));
        Some(Backlog { messages, costs, first, own, wants_at })
    }

    /// Looks at what the messages cost that are known of, when there are more, or fewer, by an eighth: else each
    /// message would cost a look at all.
    fn look_at_costs(&mut self, ready: u64, now: Time) {
        let looked_at = self.share().looked_at;
        if ready.abs_diff(looked_at) * 64 <= looked_at {
            return;
        }
        let queued = LANES.iter().flat_map(|lane| self.queue.costs(*lane));
        let costs = Backlog::costs(queued.chain(self.storing.values().map(|(_, cost)| *cost)));
        // A short queue is over before its past matters much, and comes often.
        let own = match &self.pace {
            Some(pace) if ready >= PAST_MATTERS => pace.ahead(now),
            Some(_) | None => Pace::new(&self.route.limits, None, [], Time::ZERO),
        };
        let decided = self.claims_made;
        let share = self.share();
        share.decided = decided;
        (share.own, share.costs, share.looked_at) = (Some(OwnPace::copy_of(own)), costs, ready);
    }

    /// What was told last.
    pub(super) fn share(&mut self) -> &mut ToldShare {
        self.share.get_or_insert_default()
    }
}

/// Has so much come to others that a forecast is off by one part in a hundred, and is another worth its making?
pub(super) fn others_got_more(shares: &[Arc<Share>], forecast: &Forecast, now: Time) -> bool {
    let grew = |(turns, share): (&Turns, &Arc<Share>)| {
        let more = share.came_since(turns.came()).saturating_sub(turns.own_came());
        more > turns.waiting() / 100 && forecast.may_be_made_anew(more, now)
    };
    forecast.turns().iter().zip(shares).any(grew)
}

/// So many more wait.
pub(super) fn tell_of_more(shares: &[Arc<Share>], messages: usize) {
    let messages = u64::try_from(messages).unwrap_or(u64::MAX);
    for share in shares {
        share.came(messages);
    }
}

impl Default for ToldShare {
    fn default() -> Self {
        Self { backlog: None, looked_at: 0, decided: 0, costs: Arc::new([]), own: None, waiting: 0 }
    }
}
