//! Limits that a sender shares with others, in a forecast: whoever wants its turn first goes first, and the limits
//! say when (`shares.rs` knows who waits).
//!
//! Pure. Provider actors grant in the same order, one message in a turn. What comes to other senders later is not
//! known, so what is told here is an expectation wherever others wait.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use crate::domain::pace::{CATCH_UP, Cost, Costs, Pace};
use crate::domain::time::Time;
use crate::shares::{Backlog, Standing};

/// More others are taken together in groups.
const MOST_GROUPS: usize = 256;

/// Turns of others that are gone through. Where more are to be expected, several messages go in each.
const MOST_TURNS: u64 = 1024;

/// Some senders whose messages go alike, in their turn.
#[derive(Debug, Clone)]
struct Other {
    backlog: Backlog,
    gone: u64,
    /// How many senders these are.
    senders: u32,
}

impl Other {
    const fn has_more(&self) -> bool {
        self.gone < self.backlog.messages
    }

    /// Its next messages, at most so many: how many, and what they cost.
    fn take(&mut self, most: u64) -> (u32, Costs) {
        let mut costs = Costs::NOTHING;
        let mut count = 0;
        while self.has_more() && u64::from(count) < most {
            costs = costs.plus(self.backlog.cost_of(self.gone));
            self.gone += 1;
            count += 1;
        }
        (count, costs.repeated(self.senders))
    }
}

/// The turns of one account or organization.
#[derive(Debug)]
pub(super) struct Turns {
    pace: Pace,
    /// When the last one went.
    reached: Time,
    others: Vec<Other>,
    /// The other accounts of the organization: each goes once when one of this account does.
    accounts: Vec<Other>,
    wanting: BinaryHeap<Reverse<(Time, usize)>>,
    /// So many messages go in one turn, of whoever has it.
    at_once: u64,
    /// Our own so far.
    own: u64,
    /// Of those that came since this was made.
    own_came: u64,
    /// To so many the limits are passed on in turns, and so many of these are here.
    sharers: (u32, u32),
    came: u64,
    waiting: u64,
    /// At how many others those waited.
    senders: u32,
    /// So many turns were gone through.
    steps: usize,
    delayed: bool,
}

impl Turns {
    /// As the senders stand now.
    pub(super) fn new(standing: Standing, now: Time) -> Self {
        let Standing { pace, others, accounts, sharers, of_these_here, came } = standing;
        let messages: u64 = others.iter().chain(&accounts).map(|other| other.messages).sum();
        let senders = u32::try_from(others.len().saturating_add(accounts.len())).unwrap_or(u32::MAX);
        let accounts = accounts.into_iter().map(|backlog| Other { backlog, gone: 0, senders: 1 }).collect();
        let waiting = messages;
        let others = grouped(others);
        let wanting =
            others.iter().enumerate().map(|(place, other)| Reverse((other.backlog.wants_at, place)));
        Self {
            pace,
            reached: now,
            wanting: wanting.collect(),
            others,
            accounts,
            at_once: messages.div_ceil(MOST_TURNS).max(1),
            own: 0,
            own_came: 0,
            sharers: (sharers, of_these_here),
            came,
            waiting,
            senders,
            steps: 0,
            delayed: false,
        }
    }

    /// What came in all when this was made.
    pub(super) const fn came(&self) -> u64 {
        self.came
    }

    /// So much of that is our own.
    pub(super) const fn own_came(&self) -> u64 {
        self.own_came
    }

    /// One of our own came.
    pub(super) const fn comes(&mut self) {
        self.own_came += 1;
    }

    /// Messages that waited at others when this was made.
    pub(super) const fn waiting(&self) -> u64 {
        self.waiting
    }

    /// At how many others those waited.
    pub(super) const fn senders(&self) -> u32 {
        self.senders
    }

    /// So many turns were gone through: that is what a forecast takes.
    pub(super) const fn steps(&self) -> usize {
        self.steps
    }

    /// Has anything gone later because of others?
    pub(super) const fn is_expectation(&self) -> bool {
        self.delayed
    }

    /// When our next message goes, which wants its turn then.
    pub(super) fn pass(&mut self, cost: Cost, wants_at: Time) -> Time {
        let begins = self.own.is_multiple_of(self.at_once);
        self.own += 1;
        while begins && let Some(place) = self.before(wants_at) {
            self.other_goes(place);
        }
        if begins {
            self.accounts_go();
        }
        self.delayed |= self.sharers.0 > self.sharers.1;
        self.go(cost.into(), wants_at)
    }

    /// Who wants its turn before that.
    fn before(&mut self, wants_at: Time) -> Option<usize> {
        let Reverse((at, place)) = *self.wanting.peek()?;
        if at > wants_at {
            return None;
        }
        self.wanting.pop();
        Some(place)
    }

    fn other_goes(&mut self, place: usize) {
        self.accounts_go();
        let Some(mut other) = self.others.get(place).cloned() else { return };
        self.goes(&mut other);
        if other.has_more() {
            self.wanting.push(Reverse((other.backlog.wants_at, place)));
        }
        if let Some(known) = self.others.get_mut(place) {
            *known = other;
        }
    }

    /// One of this account is about to go: so does one of each other that has some.
    fn accounts_go(&mut self) {
        let mut accounts = std::mem::take(&mut self.accounts);
        for account in &mut accounts {
            if account.has_more() && account.backlog.wants_at <= self.reached {
                self.goes(account);
            }
        }
        self.accounts = accounts;
    }

    fn goes(&mut self, other: &mut Other) {
        let (count, costs) = other.take(self.at_once);
        let wants_at = other.backlog.wants_at;
        let went = self.go(costs, wants_at);
        self.delayed |= went > wants_at;
        let takes = other.backlog.each.saturating_mul(count);
        other.backlog.wants_at = went.max(wants_at.max(went - CATCH_UP) + takes);
    }

    fn go(&mut self, costs: Costs, wants_at: Time) -> Time {
        self.steps += 1;
        // What goes elsewhere goes in turns with this.
        let (all, here) = self.sharers;
        let costs = costs.share_or_more(u128::from(all), u128::from(here));
        let now = self.reached.max(wants_at);
        // Nothing is open in the copy.
        let at = self.pace.look_ahead(Time::ZERO, now, costs).at().unwrap_or(now).max(now);
        let permit = self.pace.take(at, at, costs);
        self.pace.stamp(permit, at);
        self.reached = at;
        at
    }
}

/// Those with about as many messages together, if there are many.
fn grouped(mut others: Vec<Backlog>) -> Vec<Other> {
    others.retain(|other| other.messages > 0);
    others.sort_unstable_by_key(|other| (other.messages, other.wants_at));
    let in_a_group = others.len().div_ceil(MOST_GROUPS).max(1);
    let group = |group: &[Backlog]| {
        let middle = group.get(group.len() / 2)?;
        Some(Other {
            backlog: middle.clone(),
            gone: 0,
            senders: u32::try_from(group.len()).unwrap_or(u32::MAX),
        })
    };
    others.chunks(in_a_group).filter_map(group).collect()
}

/// Later turns of two limits that both hold.
pub(super) fn pass_all(turns: &mut [Turns], cost: Cost, wants_at: Time) -> Time {
    turns.iter_mut().fold(wants_at, |at, turns| at.max(turns.pass(cost, at)))
}
