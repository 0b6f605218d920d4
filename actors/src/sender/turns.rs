//! Limits that a sender shares with others, in a forecast: whoever wants its turn first goes first, and the limits
//! say when (`shares.rs` knows who waits).
//!
//! Pure. Provider actors grant in the same order, one message in a turn. What comes to other senders later is not
//! known, so what is told here is an expectation wherever others wait.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};

use crate::domain::pace::{Cost, Costs, Pace};
use crate::domain::time::Time;
use crate::shares::{Backlog, Standing};

/// More others than this are taken together in groups, of each account its part.
const MOST_GROUPS: usize = 256;

/// Turns of others that are gone through. Where more are to be expected, several messages go in each.
const MOST_TURNS: u64 = 1024;

/// A copy of another's pace takes as long as so many turns.
const STEPS_OF_A_COPY: usize = 10;

/// Some senders whose messages go alike, in their turn.
#[derive(Debug)]
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

    /// What its next messages cost all of these senders, at most so many of each.
    fn next_costs(&self, most: u64) -> Costs {
        let messages = most.min(self.backlog.messages.saturating_sub(self.gone));
        let costs = (0..messages).map(|behind| self.backlog.cost_of(self.gone + behind));
        costs.fold(Costs::NOTHING, Costs::plus).repeated(self.senders)
    }

    /// So many of each go at `at`, or as soon after it as the sender's own limits allow.
    fn goes(&mut self, most: u64, at: Time) {
        for _ in 0..most {
            if !self.has_more() {
                return;
            }
            let (this, next) = (self.backlog.cost_of(self.gone), self.backlog.cost_of(self.gone + 1));
            let Backlog { own, wants_at, .. } = &mut self.backlog;
            let at = at.max(*wants_at);
            own.goes(this, *wants_at, at);
            *wants_at = own.next(next, at);
            self.gone += 1;
        }
    }
}

/// Those of one account that wait, the first of them first.
#[derive(Debug, Default)]
struct Account {
    others: Vec<Other>,
    /// Since when each wants its turn, and its place; of two that want it at the same instant the one first that has
    /// waited for longer.
    wanting: BinaryHeap<Reverse<(Time, usize, usize)>>,
    went: usize,
}

impl Account {
    fn new(others: Vec<Backlog>, groups: usize) -> Self {
        let others = grouped(others, groups);
        let wanting = others.iter().enumerate();
        let wanting = wanting.map(|(place, other)| Reverse((other.backlog.wants_at, 0, place))).collect();
        Self { others, wanting, went: 0 }
    }

    /// Since when, or from when on, its first one wants its turn.
    fn wants_at(&self) -> Option<Time> {
        self.wanting.peek().map(|Reverse((at, ..))| *at)
    }
}

/// Whose turn it is.
enum Turn {
    /// The sender's that is asked about.
    Ours,
    /// That of an account's first.
    Of(usize),
}

/// The turns of one account or organization.
#[derive(Debug)]
pub(super) struct Turns {
    pace: Pace,
    /// When the last one went.
    reached: Time,
    /// Our own account, and of an organization its others, by turns.
    accounts: Vec<Account>,
    /// The places of these, whose turn comes first in front; ours is 0.
    in_turn: VecDeque<usize>,
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
    /// So many turns were gone through, or what takes as long.
    steps: usize,
    delayed: bool,
}

impl Turns {
    /// As the senders stand now.
    pub(super) fn new(standing: Standing, now: Time) -> Self {
        let Standing { pace, others, accounts, before, sharers, of_these_here, came } = standing;
        let accounts = [vec![others], accounts].concat();
        let waiting: u64 = accounts.iter().flatten().map(|other| other.messages).sum();
        let senders = accounts.iter().map(Vec::len).fold(0, usize::saturating_add);
        let groups = MOST_GROUPS.div_ceil(accounts.len().max(1));
        let accounts: Vec<Account> =
            accounts.into_iter().map(|others| Account::new(others, groups)).collect();
        let copies = accounts.iter().map(|account| account.others.len()).fold(0, usize::saturating_add);
        // Ours is the first of them.
        let mut in_turn: VecDeque<usize> = (1..accounts.len()).collect();
        in_turn.insert(before.min(in_turn.len()), 0);
        Self {
            pace,
            reached: now,
            in_turn,
            accounts,
            at_once: waiting.div_ceil(MOST_TURNS).max(1),
            own: 0,
            own_came: 0,
            sharers: (sharers, of_these_here),
            came,
            waiting,
            senders: u32::try_from(senders).unwrap_or(u32::MAX),
            steps: copies.saturating_mul(STEPS_OF_A_COPY),
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

    /// So many turns were gone through, or what takes as long: that is what a forecast takes.
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
        while begins && let Turn::Of(account) = self.next_turn(wants_at) {
            self.other_goes(account);
        }
        self.delayed |= self.sharers.0 > self.sharers.1;
        self.go(cost.into(), wants_at)
    }

    /// Whose turn is next, if we want ours then: that of the account which had none for longest, among those that
    /// want one by now, or of the first to want one; in it, of who wanted it first.
    fn next_turn(&mut self, ours_at: Time) -> Turn {
        let wants_at = |place: usize| {
            let others = self.accounts.get(place).and_then(Account::wants_at);
            let ours = (place == 0).then_some(ours_at);
            others.into_iter().chain(ours).min()
        };
        let by_now = |place: &usize| wants_at(*place).is_some_and(|at| at < self.reached);
        let waiting = self.in_turn.iter().position(|place| by_now(place));
        let first = || {
            let wanting = self.in_turn.iter().enumerate();
            let wanting = wanting.filter_map(|(index, place)| Some((wants_at(*place)?, index)));
            wanting.min().map_or(0, |(_, index)| index)
        };
        let index = waiting.unwrap_or_else(first);
        let Some(place) = self.in_turn.remove(index) else { return Turn::Ours };
        self.in_turn.push_back(place);
        let others_at = self.accounts.get(place).and_then(Account::wants_at);
        let is_ours = place == 0 && others_at.is_none_or(|at| at > ours_at);
        if is_ours { Turn::Ours } else { Turn::Of(place) }
    }

    /// The first of an account goes.
    fn other_goes(&mut self, of: usize) {
        let Some(mut account) = self.accounts.get_mut(of).map(std::mem::take) else { return };
        if let Some(Reverse((wants_at, _, place))) = account.wanting.pop()
            && let Some(other) = account.others.get_mut(place)
        {
            let went = self.go(other.next_costs(self.at_once), wants_at);
            self.delayed |= went > wants_at;
            other.goes(self.at_once, went);
            if other.has_more() {
                account.went += 1;
                account.wanting.push(Reverse((other.backlog.wants_at, account.went, place)));
            }
        }
        if let Some(known) = self.accounts.get_mut(of) {
            *known = account;
        }
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
fn grouped(mut others: Vec<Backlog>, groups: usize) -> Vec<Other> {
    others.retain(|other| other.messages > 0);
    others.sort_unstable_by_key(|other| (other.messages, other.wants_at));
    let in_a_group = others.len().div_ceil(groups).max(1);
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
