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

/// See `look_at_costs`.
const LOOK_AT_ONE_IN: u64 = 64;

/// With so many messages that are ready what the sender handed over before is told with them.
const PAST_MATTERS: u64 = 8;

/// What was told last.
#[derive(Debug)]
pub(super) struct ToldShare {
    backlog: Option<Backlog>,
    /// How many messages were ready when it was looked what one costs, and how many had ever been decided to go.
    looked_at: u64,
    decided: u64,
    /// What they cost, and the sender's own pace at that time; `None` where no shared limit counts any of them.
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
        let ready = u64::try_from(self.queue.ready().saturating_add(self.storing.len())).unwrap_or(u64::MAX);
        let (backlog, before) = if ready == 0 || self.halted {
            (None, self.share.take().and_then(|told| told.backlog))
        } else {
            let backlog = self.backlog(ready, next, now);
            let before = std::mem::replace(&mut self.share().backlog, backlog.clone());
            (backlog, before)
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

    /// Does a message of this cost, or one that waits, wait for limits that it shares?
    pub(super) fn waits_for_others(&self, cost: Cost) -> bool {
        self.shared.includes(cost) || self.share.as_ref().is_some_and(|told| told.own.is_some())
    }

    /// The limits that it shares, as they stand; none if neither this nor what waits is counted by them.
    pub(super) fn turns(&self, cost: Cost, now: Time) -> Vec<Turns> {
        if !self.waits_for_others(cost) {
            return Vec::new();
        }
        self.shares()
            .map(|share| {
                Turns::new(share.standing(self.number, &self.route.account, now), self.had_turn_at, now)
            })
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

    /// Of those that are ready; `None` where no shared limit counts any of them.
    fn backlog(&mut self, ready: u64, next: Option<Time>, now: Time) -> Option<Backlog> {
        let is_whole = LANES.iter().all(|lane| self.queue.is_whole(*lane));
        self.look_at_costs(ready, now);
        let decided = self.claims_made;
        let share = self.share();
        let messages = if is_whole { ready } else { ready.max(share.waiting) };
        let (costs, own) = (Arc::clone(&share.costs), share.own.clone()?);
        let first = decided.saturating_sub(share.decided);
        let had_turn_at = self.had_turn_at;
        let wants_at = self.wanted_at.unwrap_or_else(|| next.unwrap_or(now));
        Some(Backlog { messages, costs, first, own, wants_at, had_turn_at })
    }

    /// Looks at what the messages cost that are known of, when more have come than one in so many, or half of those
    /// that were looked at have gone and there are others: else each message would cost a look at all.
    fn look_at_costs(&mut self, ready: u64, now: Time) {
        let decided = self.claims_made;
        let share = self.share();
        let gone = decided.saturating_sub(share.decided);
        let came = ready.saturating_add(gone).abs_diff(share.looked_at);
        let looked_at = share.looked_at;
        let known = u64::try_from(share.costs.len()).unwrap_or(u64::MAX);
        if came * LOOK_AT_ONE_IN <= looked_at && (gone * 2 <= known || known >= looked_at) {
            return;
        }
        let known = || {
            let queued = LANES.iter().flat_map(|lane| self.queue.costs(*lane));
            queued.chain(self.storing.values().map(|(_, cost)| *cost))
        };
        let (costs, own) = if known().any(|cost| self.shared.includes(cost)) {
            (Backlog::costs(known()), Some(OwnPace::copy_of(self.pace_to_run_ahead(ready, now))))
        } else {
            (Arc::default(), None)
        };
        let share = self.share();
        (share.own, share.costs, share.looked_at, share.decided) = (own, costs, ready, decided);
    }

    /// Its own limits for what others forecast. A short queue is over before its past matters much, and comes often.
    fn pace_to_run_ahead(&self, ready: u64, now: Time) -> Pace {
        match &self.pace {
            Some(pace) if ready >= PAST_MATTERS => pace.ahead(now),
            Some(_) | None => self.blank_pace(),
        }
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
