//! A process' side: the units that it has, how long it may use them, and what it says of them.

use std::collections::HashMap;

use super::{BACK_BEFORE_END, DRIFT, Grant, LASTS, NEW_WANT_AFTER, REPEAT_WANT_AFTER, Report, Want};
use crate::domain::ids::Incarnation;
use crate::domain::pace::Costs;
use crate::domain::time::Time;

/// Units of a grant.
#[derive(Debug)]
struct Held {
    owner: Incarnation,
    number: u64,
    left: Costs,
    used: Costs,
    unused: Costs,
    last_used: Time,
    /// By our own clock; the first instant at which it is worth nothing.
    until: Time,
    /// More than a limit allows in one window: its pace is that of one message.
    is_for_one: bool,
    /// Something that its owner has not been told.
    news: bool,
}

/// Units that were taken for one message and are neither used nor given back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Unit(u64);

/// The parts of a [`Unit`], by owner and number of their grants.
type Parts = Vec<(Incarnation, u64, Costs)>;

/// The units of one account that this process may use.
#[derive(Debug)]
pub struct Purse {
    me: Incarnation,
    held: Vec<Held>,
    taken: HashMap<Unit, Parts>,
    next_unit: u64,
    want_number: u64,
    /// What the owner thinks that we want, and that the next message needs.
    told: Costs,
    told_next: Costs,
    told_at: Option<Time>,
    seen: u64,
}

impl Purse {
    /// An empty one. `now` makes its numbers greater than those of an earlier one of this process.
    pub fn new(me: Incarnation, now: Time) -> Self {
        Self {
            me,
            held: Vec::new(),
            taken: HashMap::new(),
            next_unit: now.as_nanos(),
            want_number: now.as_nanos(),
            told: Costs::NOTHING,
            told_next: Costs::NOTHING,
            told_at: None,
            seen: 0,
        }
    }

    /// What to tell the owner, if anything: `eligible` units could be used now, the ones that are held
    /// among them, and the next message costs `next`.
    pub fn want(&mut self, eligible: Costs, next: Costs, now: Time) -> Option<Want> {
        let (units, next) = self.missing(eligible, next, now);
        if !self.is_to_be_told(units, next, now) {
            return None;
        }
        self.want_number += 1;
        (self.told, self.told_next) = (units, next);
        self.told_at = Some(now);
        Some(Want { process: self.me, number: self.want_number, units, next, seen: self.seen, sent_at: now })
    }

    /// When to ask [`Purse::want`] again, if nothing happens before; `None`: the owner knows that we want
    /// nothing.
    pub fn want_again_at(&self, eligible: Costs, next: Costs, now: Time) -> Option<Time> {
        let (units, next) = self.missing(eligible, next, now);
        let told_at = self.told_at?;
        if (units, next) != (self.told, self.told_next) {
            return Some(told_at + NEW_WANT_AFTER);
        }
        (!units.is_nothing()).then_some(told_at + REPEAT_WANT_AFTER)
    }

    /// A grant came. One that is known, or over, is nothing new. `is_for_one`: it is larger than a limit of those
    /// that it is of, so it allows one such message and not several small ones.
    pub fn granted(&mut self, grant: Grant, is_for_one: bool, now: Time) {
        let until = grant.asked_at + grant.held + LASTS.saturating_sub(DRIFT);
        let known = self.held.iter().any(|held| held.owner == grant.owner && held.number == grant.number);
        if grant.process != self.me || known || until <= now {
            return;
        }
        self.seen = self.seen.max(grant.number);
        self.told = self.told.minus(grant.units);
        self.held.push(Held {
            owner: grant.owner,
            number: grant.number,
            left: grant.units,
            used: Costs::NOTHING,
            unused: Costs::NOTHING,
            last_used: Time::ZERO,
            until,
            is_for_one,
            news: false,
        });
    }

    /// Units for one message of this cost, if there are enough. To be used before their end.
    pub fn take(&mut self, cost: Costs, now: Time) -> Option<Unit> {
        if !self.left(now).covers(cost) {
            return None;
        }
        let mut missing = cost;
        let mut parts = Parts::new();
        // One that is for one message is not broken for what others pay for.
        for is_for_one in [false, true] {
            let usable = |held: &&mut Held| held.is_for_one == is_for_one && now < held.until;
            for held in self.held.iter_mut().filter(usable) {
                let part = held.left.least(missing);
                if part.is_nothing() {
                    continue;
                }
                held.left = held.left.minus(part);
                missing = missing.minus(part);
                parts.push((held.owner, held.number, part));
                if is_for_one {
                    held.give_back();
                }
            }
        }
        self.next_unit += 1;
        let unit = Unit(self.next_unit);
        self.taken.insert(unit, parts);
        Some(unit)
    }

    /// The message is written at `now`, if that is said to be in time; else it must not be.
    pub fn spend(&mut self, unit: Unit, now: Time) -> bool {
        let in_time = self.lasts(unit, now);
        let Some(parts) = self.taken.remove(&unit) else { return false };
        for (owner, number, units) in parts {
            let Some(held) = self.held.iter_mut().find(|held| held.is(owner, number)) else { continue };
            held.news = true;
            if in_time {
                held.used = held.used.plus(units);
                held.last_used = now;
            } else {
                held.unused = held.unused.plus(units);
            }
        }
        in_time
    }

    /// The units are not used for the message: another may have them.
    pub fn put_back(&mut self, unit: Unit) {
        for (owner, number, units) in self.taken.remove(&unit).unwrap_or_default() {
            if let Some(held) = self.held.iter_mut().find(|held| held.is(owner, number)) {
                held.left = held.left.plus(units);
            }
        }
    }

    /// Nothing could use what is left beyond `eligible` units: it goes back to its owner.
    pub fn give_back_beyond(&mut self, eligible: Costs, now: Time) {
        let mut beyond = self.left(now).minus(eligible);
        for held in self.held.iter_mut().filter(|held| now < held.until) {
            let part = held.left.least(beyond);
            if !part.is_nothing() {
                held.left = held.left.minus(part);
                held.unused = held.unused.plus(part);
                held.news = true;
                beyond = beyond.minus(part);
            }
        }
    }

    /// What was not taken and ends soon goes back to its owner.
    pub fn give_back_unused(&mut self, now: Time) {
        for held in self.held.iter_mut().filter(|held| now < held.until && held.back_at() <= now) {
            held.give_back();
        }
    }

    /// When to ask for [`Purse::give_back_unused`], if anything is held.
    pub fn give_back_at(&self, now: Time) -> Option<Time> {
        let held = self.held.iter().filter(|held| now < held.until && !held.left.is_nothing());
        held.map(Held::back_at).min()
    }

    /// Can the message be written at `now` with these?
    pub fn lasts(&self, unit: Unit, now: Time) -> bool {
        let lasts = |(owner, number, _): &(Incarnation, u64, Costs)| {
            self.held.iter().any(|held| held.is(*owner, *number) && now < held.until)
        };
        self.taken.get(&unit).is_some_and(|parts| parts.iter().all(lasts))
    }

    /// What to tell owners of what became of their grants. What is over and told is forgotten.
    pub fn reports(&mut self, now: Time) -> Vec<Report> {
        let mut reports = Vec::new();
        for held in &mut self.held {
            if std::mem::take(&mut held.news) {
                reports.push(held.report(now));
            }
        }
        let taken = &self.taken;
        let is_taken =
            |held: &Held| taken.values().flatten().any(|(owner, number, _)| held.is(*owner, *number));
        self.held.retain(|held| now < held.until || is_taken(held));
        reports
    }

    /// Is there something that owners have not been told?
    pub fn has_news(&self) -> bool {
        self.held.iter().any(|held| held.news)
    }

    /// How many units can be taken now.
    pub fn left(&self, now: Time) -> Costs {
        let lasting = self.held.iter().filter(|held| now < held.until);
        lasting.fold(Costs::NOTHING, |all, held| all.plus(held.left))
    }

    /// What is wanted beyond what is held, and of that what the next message needs.
    fn missing(&self, eligible: Costs, next: Costs, now: Time) -> (Costs, Costs) {
        let left = self.left(now);
        let units = eligible.minus(left);
        (units, next.minus(left).least(units))
    }

    /// Of too small a grant nothing can be used, so it is told too when only the next message is another.
    fn is_to_be_told(&self, units: Costs, next: Costs, now: Time) -> bool {
        let Some(told_at) = self.told_at else { return !units.is_nothing() };
        if (units, next) == (self.told, self.told_next) {
            return !units.is_nothing() && told_at + REPEAT_WANT_AFTER <= now;
        }
        // From nothing to something at once, and back.
        units.is_nothing() || self.told.is_nothing() || told_at + NEW_WANT_AFTER <= now
    }
}

impl Held {
    fn is(&self, owner: Incarnation, number: u64) -> bool {
        self.owner == owner && self.number == number
    }

    /// What is left goes back.
    fn give_back(&mut self) {
        self.news |= !self.left.is_nothing();
        self.unused = self.unused.plus(std::mem::take(&mut self.left));
    }

    /// From when on what is left goes back.
    fn back_at(&self) -> Time {
        self.until - BACK_BEFORE_END
    }

    fn report(&self, now: Time) -> Report {
        let Self { owner, number, used, unused, last_used, .. } = *self;
        let age = if used.is_nothing() { std::time::Duration::ZERO } else { now.since(last_used) };
        Report { owner, number, used, unused, age }
    }
}
