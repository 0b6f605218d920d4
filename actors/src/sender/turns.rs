//! Limits that a sender shares with others, in a forecast: of those that want their turn whoever had one longest ago
//! goes first, and the limits say when (`shares.rs` knows who waits).
//!
//! Pure. Provider actors grant in the same order, one message in a turn (`provider/lines.rs`), and the limits of an
//! organization are passed on to its accounts in the same way (`domain/grants`). What comes to other senders later is
//! not known, so what is told here is an expectation wherever others wait.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};
use std::time::Duration;

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
    /// The number of its last turn.
    had: u64,
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

/// Those of one account that wait.
#[derive(Debug, Default)]
struct Account {
    others: Vec<Other>,
    /// Those that do not want their turn yet, whoever does so first in front.
    later: BinaryHeap<Reverse<(Time, usize)>>,
    /// Those that do, whoever had one longest ago in front.
    waiting: BinaryHeap<Reverse<(u64, usize)>>,
}

impl Account {
    fn new(others: Vec<Other>) -> Self {
        let later = others.iter().enumerate().map(|(place, other)| Reverse((other.backlog.wants_at, place)));
        Self { later: later.collect(), others, waiting: BinaryHeap::new() }
    }

    /// Who is first among those that want their turn by then.
    fn first_by(&mut self, time: Time) -> Option<&Other> {
        while let Some(Reverse((_, place))) =
            self.later.peek().copied().filter(|Reverse((at, _))| *at <= time)
        {
            self.later.pop();
            let had = self.others.get(place).map_or(0, |other| other.had);
            self.waiting.push(Reverse((had, place)));
        }
        let Reverse((_, place)) = self.waiting.peek()?;
        self.others.get(*place)
    }

    /// When the first of those wants its turn that do not yet.
    fn wanted_from(&self) -> Option<Time> {
        self.later.peek().map(|Reverse((wants_at, _))| *wants_at)
    }
}

/// Whose turn it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Turn {
    /// The sender's that is asked about.
    Ours,
    /// That of the first of the account with this place.
    Of(usize),
}

/// A message whose turn it may be.
#[derive(Debug, Clone, Copy)]
struct Candidate {
    turn: Turn,
    /// Its account's place among those in turn.
    index: usize,
    wants_at: Time,
    costs: Costs,
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
    /// Turns so far, and the number of our last one.
    numbered: u64,
    had: u64,
    /// Our own messages so far.
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
    /// As the senders stand now; ours had its last turn then.
    pub(super) fn new(standing: Standing, had_turn_at: Time, now: Time) -> Self {
        let Standing { pace, others, accounts, sharers, of_these_here, came } = standing;
        let accounts = [vec![others], accounts].concat();
        let waiting: u64 = accounts.iter().flatten().map(|other| other.messages).sum();
        let senders = accounts.iter().map(Vec::len).fold(0, usize::saturating_add);
        let groups = MOST_GROUPS.div_ceil(accounts.len().max(1));
        let mut accounts: Vec<Vec<Other>> =
            accounts.into_iter().map(|others| grouped(others, groups)).collect();
        let had = number_turns(accounts.iter_mut().flatten(), had_turn_at);
        let accounts: Vec<Account> = accounts.into_iter().map(Account::new).collect();
        let copies = accounts.iter().map(|account| account.others.len()).fold(0, usize::saturating_add);
        // An account had its last turn with the last of its senders that had one.
        let last = |place: &usize| {
            let ours = (*place == 0).then_some(had.1);
            let others = accounts.get(*place).into_iter().flat_map(|account| &account.others);
            others.map(|other| other.had).chain(ours).max()
        };
        let mut in_turn: Vec<usize> = (0..accounts.len()).collect();
        in_turn.sort_by_key(last);
        Self {
            pace,
            reached: now,
            in_turn: in_turn.into(),
            accounts,
            at_once: waiting.div_ceil(MOST_TURNS).max(1),
            numbered: had.0,
            had: had.1,
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
        while begins && let Turn::Of(account) = self.next_turn(cost.into(), wants_at) {
            self.other_goes(account);
        }
        self.numbered += 1;
        self.had = self.numbered;
        self.delayed |= self.sharers.0 > self.sharers.1;
        self.go(cost.into(), wants_at)
    }

    /// Whose turn is next, if this is our next message.
    fn next_turn(&mut self, costs: Costs, wants_at: Time) -> Turn {
        let ours = Candidate { turn: Turn::Ours, index: 0, wants_at, costs };
        let before = |time: Time| time - Duration::from_nanos(1);
        let mut by = before(self.reached);
        let mut next = loop {
            if let Some(first) = self.first_by(by, ours) {
                break first;
            }
            let wanted_from = self.accounts.iter().filter_map(Account::wanted_from).min();
            by = wanted_from.map_or(wants_at, |at| at.min(wants_at));
        };
        // Who begins to want its turn meanwhile may come before it.
        loop {
            by = by.max(before(self.allowed(next.wants_at, next.costs)));
            match self.first_by(by, ours) {
                Some(other) if other.turn != next.turn => next = other,
                Some(_) | None => break,
            }
        }
        let place = self.in_turn.remove(next.index);
        self.in_turn.extend(place);
        next.turn
    }

    /// Of those that want their turn by then the first of the account that had none for longest.
    fn first_by(&mut self, time: Time, ours: Candidate) -> Option<Candidate> {
        for (index, place) in self.in_turn.iter().enumerate() {
            let Some(account) = self.accounts.get_mut(*place) else { continue };
            let other = account.first_by(time);
            if *place == 0 && ours.wants_at <= time && other.is_none_or(|other| self.had < other.had) {
                return Some(Candidate { index, ..ours });
            }
            if let Some(other) = other {
                let costs = other.next_costs(self.at_once);
                return Some(Candidate {
                    turn: Turn::Of(*place),
                    index,
                    wants_at: other.backlog.wants_at,
                    costs,
                });
            }
        }
        None
    }

    /// The first of an account goes.
    fn other_goes(&mut self, of: usize) {
        let Some(mut account) = self.accounts.get_mut(of).map(std::mem::take) else { return };
        if let Some(Reverse((_, place))) = account.waiting.pop()
            && let Some(other) = account.others.get_mut(place)
        {
            let wants_at = other.backlog.wants_at;
            let went = self.go(other.next_costs(self.at_once), wants_at);
            self.delayed |= went > wants_at;
            self.numbered += 1;
            other.had = self.numbered;
            other.goes(self.at_once, went);
            if other.has_more() {
                account.later.push(Reverse((other.backlog.wants_at, place)));
            }
        }
        if let Some(known) = self.accounts.get_mut(of) {
            *known = account;
        }
    }

    fn go(&mut self, costs: Costs, wants_at: Time) -> Time {
        self.steps += 1;
        let at = self.allowed(wants_at, costs);
        let costs = self.with_elsewhere(costs);
        let permit = self.pace.take(at, at, costs);
        self.pace.stamp(permit, at);
        self.reached = at;
        at
    }

    /// When the limits allow this, which wants its turn then.
    fn allowed(&mut self, wants_at: Time, costs: Costs) -> Time {
        let (now, costs) = (self.reached.max(wants_at), self.with_elsewhere(costs));
        // Nothing is open in the copy.
        self.pace.look_ahead(Time::ZERO, now, costs).at().unwrap_or(now).max(now)
    }

    /// What goes elsewhere goes in turns with this.
    fn with_elsewhere(&self, costs: Costs) -> Costs {
        let (all, here) = self.sharers;
        costs.share_or_more(u128::from(all), u128::from(here))
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
            had: 0,
        })
    };
    others.chunks(in_a_group).filter_map(group).collect()
}

/// Numbers their last turns, and ours, in their order; how many these are, and the number of ours.
fn number_turns<'a>(others: impl Iterator<Item = &'a mut Other>, ours: Time) -> (u64, u64) {
    let mut others: Vec<&mut Other> = others.collect();
    others.sort_by_key(|other| (other.backlog.had_turn_at, other.backlog.wants_at));
    let (mut turns, mut had) = (0, None);
    for other in others {
        if ours < other.backlog.had_turn_at && had.is_none() {
            turns += 1;
            had = Some(turns);
        }
        turns += 1;
        other.had = turns;
    }
    (turns + 1, had.unwrap_or(turns + 1))
}

/// Later turns of two limits that both hold.
pub(super) fn pass_all(turns: &mut [Turns], cost: Cost, wants_at: Time) -> Time {
    turns.iter_mut().fold(wants_at, |at, turns| at.max(turns.pass(cost, at)))
}
