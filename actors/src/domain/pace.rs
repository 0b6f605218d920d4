//! Pace: when the next message of a sender may go, so that no window ever holds more than its limit.
//!
//! Purpose: exact windows over the instants at which requests were really written (the *stamps*), with
//! even spacing on top; several limits at once, each in its own units. PACE.md §2 gives the rules and
//! their proof.
//!
//! Invariants: in every half-open window `(x − w, x]` whose last decision was a queued message, and in
//! every day, week or month of a zone, the units are at most the limit; it needs only that one owner
//! decides, that a permit is never stamped before the instant it was taken for, and that the clock never
//! goes back. Stamps may come late and in any order: until then a permit's units count as not yet
//! expired, also beyond the end of the day that it was taken in. So a permit needs no last moment: one
//! that is stamped on the next day was counted there, too, whatever was decided for that day meanwhile.
//! A refusal by one limit costs the others nothing: asking charges nothing.
//! What a message larger than its limit pays with later windows it owes to the limits that it was decided by.
//! Limits that are set later count it at the instant of its write at least; more of it only where it is still
//! remembered by itself.
//!
//! State: one owner per sender (or account), which asks, takes, and passes on what became of each
//! permit. Nothing here survives a restart; [`Pace::new`] rebuilds it from stored hand-overs.

mod calendar;
mod cost;
mod costs;
mod counted_traffic;
mod limit;
mod rule;
mod window;

use std::time::Duration;

pub use calendar::{Calendar, Every, Period};
pub use cost::Cost;
pub use costs::Costs;
pub use counted_traffic::CountedTraffic;
pub use limit::{BadLimit, Counts, Limit, Traffic, Unit, WindowKind, read_all};

use super::time::Time;
use rule::Rule;

/// What a late timer may catch up: the schedule goes on from the due time, but never from one that
/// is longer ago than this.
pub const CATCH_UP: Duration = Duration::from_millis(50);

/// The most segments that one message can cost. A text of 1600 code points has at most 3200 UTF-16
/// units, and two neighbouring parts hold more than 67 of them together: fewer than 97 parts.
const LARGEST_COST: u32 = 100;

/// A permit that was given by [`Pace::take`] and is not yet stamped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Permit(u64);

/// When a message may go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Allowed {
    /// At this instant, if nothing else is charged before; now if it has passed.
    At(Time),
    /// When a permit that is out is stamped or abandoned: an event, no timer.
    WhenStamped,
}

impl Allowed {
    /// The instant, where it is one.
    pub const fn at(self) -> Option<Time> {
        match self {
            Self::At(at) => Some(at),
            Self::WhenStamped => None,
        }
    }
}

/// A permit that is out.
#[derive(Debug, Clone, Copy)]
struct Open {
    permit: Permit,
    cost: Costs,
    due: Time,
}

/// From when on past hand-overs matter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Keep {
    /// One by one.
    pub each_from: Time,
    /// At least as sums, of which each lies within one window of every calendar.
    pub sums_from: Time,
}

impl Keep {
    /// Nothing may be forgotten.
    pub const EVERYTHING: Self = Self { each_from: Time::ZERO, sums_from: Time::ZERO };

    /// Nothing matters: no limit looks back.
    pub const NOTHING: Self = Self { each_from: Time::MAX, sums_from: Time::MAX };

    /// What matters here or there.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self {
            each_from: self.each_from.min(other.each_from),
            sums_from: self.sums_from.min(other.sums_from),
        }
    }
}

/// How much of a limit is in use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InUse {
    /// The limit.
    pub limit: Limit,
    /// Units in the window that ends now, or in the one of the calendar that holds now, and those that
    /// are being handed over. Immediate messages may take it over the limit.
    pub units: u64,
}

/// The pace of one sender (or one account).
#[derive(Debug, Clone)]
pub struct Pace {
    rules: Vec<Rule>,
    open: Vec<Open>,
    next_permit: u64,
    /// The due time last told. What held the head back may have expired and been dropped when its
    /// timer fires; without this the wait would look like lateness and be caught up as a burst.
    head_due: Option<Time>,
}

impl Pace {
    /// A pace that only `stamps` were charged to: the hand-overs to be counted, in any order. Those
    /// later than `now` count at `now`: they have happened. `guard` lengthens each sliding window;
    /// `None` is the default `min(window / 200, 250 ms)`.
    ///
    /// What may have been written at an unknown instant belongs into `stamps` too, at the last
    /// instant at which it can have been; and so do hand-overs that are only known added up.
    pub fn new(
        limits: &[Limit],
        guard: Option<Duration>,
        stamps: impl IntoIterator<Item = (Time, Cost)>,
        now: Time,
    ) -> Self {
        let mut pace = Self {
            rules: Vec::new(),
            open: Vec::new(),
            // So that a permit of an earlier pace of this sender is not taken for one of this.
            next_permit: now.as_nanos(),
            head_due: None,
        };
        pace.change(limits, guard, stamps, now);
        pace
    }

    /// How far back stamps matter one by one: the longest sliding window with its guard, as many times
    /// as the largest message fills it. The days of a calendar are remembered as sums, but for those
    /// that the largest message fills.
    pub fn memory(&self) -> Duration {
        let reaches = self.rules.iter().map(|rule| rule.reach(u64::from(LARGEST_COST)));
        reaches.max().unwrap_or_default()
    }

    /// What is to be known of the past. Depends on the limits alone.
    pub fn keep(&self, now: Time) -> Keep {
        if self.rules.is_empty() {
            return Keep::NOTHING;
        }
        let each_from = now - self.memory();
        let sums_from = self.rules.iter().map(|rule| rule.sums_from(now)).min().unwrap_or(now);
        Keep { each_from, sums_from: sums_from.min(each_from) }
    }

    /// The earliest instant at which every limit allows `cost`. Charges nothing. `since` is when the
    /// sender last began to have eligible work (or was resumed).
    pub fn next_allowed(&mut self, since: Time, now: Time, cost: impl Into<Costs>) -> Allowed {
        let allowed = self.look_ahead(since, now, cost);
        if let Allowed::At(at) = allowed {
            self.head_due = Some(at);
        }
        allowed
    }

    /// What [`Pace::next_allowed`] would say, without telling it to anybody: for estimates.
    pub fn look_ahead(&mut self, since: Time, now: Time, cost: impl Into<Costs>) -> Allowed {
        let cost = cost.into();
        let told_and_passed = self.head_due.filter(|told| *told <= now).unwrap_or_default();
        let mut at = since.max(told_and_passed);
        for rule in &mut self.rules {
            match rule.allows(now, cost) {
                Allowed::At(from) => at = at.max(from),
                Allowed::WhenStamped => return Allowed::WhenStamped,
            }
        }
        Allowed::At(at)
    }

    /// The limit that holds `cost` back the longest, if any does.
    pub fn held_back_by(&mut self, now: Time, cost: Cost) -> Option<&Limit> {
        let mut latest = now;
        let mut holds = None;
        for rule in &mut self.rules {
            match rule.allows(now, cost.into()) {
                Allowed::At(from) if from <= latest => {}
                Allowed::At(from) => (latest, holds) = (from, Some(rule.limit())),
                Allowed::WhenStamped => return Some(rule.limit()),
            }
        }
        holds
    }

    /// Decides: `at` is what [`Pace::next_allowed`] said, and the permit must not be stamped before
    /// it. `now` may be earlier than `at` by what the caller needs to prepare the hand-over.
    pub fn take(&mut self, at: Time, now: Time, cost: impl Into<Costs>) -> Permit {
        let cost = cost.into();
        let permit = Permit(self.next_permit);
        self.next_permit = self.next_permit.wrapping_add(1);
        let due = at.max(now - CATCH_UP);
        self.open.push(Open { permit, cost, due });
        for rule in &mut self.rules {
            rule.take(permit, due, cost);
        }
        self.head_due = None;
        permit
    }

    /// The hand-over of a permit was written at `at`. A permit that is not open here is ignored.
    pub fn stamp(&mut self, permit: Permit, at: Time) {
        let Some(cost) = self.close(permit) else { return };
        self.count(at, cost);
    }

    /// A copy to run ahead with, for estimates: in it what is open is written when it is due.
    #[must_use]
    pub fn ahead(&self, now: Time) -> Self {
        let mut copy = self.clone();
        for open in &self.open {
            copy.stamp(open.permit, open.due.max(now));
        }
        copy.head_due = None;
        copy
    }

    /// The permit was not used. If nothing was decided or charged after it, its place in the spacing
    /// is given again: a message that was cancelled in time costs its sender no slot.
    pub fn abandon(&mut self, permit: Permit) {
        let _ = self.close(permit);
        for rule in &mut self.rules {
            rule.give_back(permit);
        }
    }

    /// Of a permit that stands for several hand-overs, so much was written at `at`. What is left of it stays
    /// open.
    pub fn stamp_part(&mut self, permit: Permit, part: Costs, at: Time) {
        if let Some(stamped) = self.close_part(permit, part) {
            self.count(at, stamped);
        }
    }

    /// Of a permit that stands for several hand-overs, so much was not used. What is left of it stays open. As
    /// with [`Pace::abandon`], the spacing does not count it if nothing was decided after it.
    pub fn abandon_part(&mut self, permit: Permit, part: Costs) {
        let Some(unused) = self.close_part(permit, part) else { return };
        for rule in &mut self.rules {
            rule.give_back_part(permit, unused);
        }
    }

    /// An immediate message was handed over at `at`, without asking. The queue yields.
    pub fn charge(&mut self, at: Time, cost: impl Into<Costs>) {
        let cost = cost.into();
        self.count(at, cost);
        for rule in &mut self.rules {
            rule.yield_to(at, cost);
        }
    }

    /// The limits change while it runs, either way: goes on with the same facts under new limits.
    /// `stamps` as for [`Pace::new`], as far back as the *new* limits need them, without those of
    /// open permits. Ask [`Pace::next_allowed`] again after it.
    pub fn change(
        &mut self,
        limits: &[Limit],
        guard: Option<Duration>,
        stamps: impl IntoIterator<Item = (Time, Cost)>,
        now: Time,
    ) {
        let mut stamps: Vec<(Time, Cost)> = stamps.into_iter().collect();
        stamps.sort_unstable_by_key(|(at, _)| *at);
        let mut rules: Vec<Rule> = limits.iter().map(|limit| Rule::new(limit, guard)).collect();
        for rule in &mut rules {
            let goes_on = rule.go_on_from(&self.rules);
            for (stamped, cost) in &stamps {
                let at = (*stamped).min(now);
                // Of hand-overs that are added up nobody knows the last one.
                let is_sum = cost.messages > 1;
                let cost = Costs::from(*cost);
                if is_sum {
                    rule.count_sum(at, cost);
                    continue;
                }
                rule.count(at, cost);
                if !goes_on {
                    rule.space_from(at, cost);
                }
            }
            for open in &self.open {
                rule.hold(open.cost);
                if !goes_on {
                    rule.space_from(open.due, open.cost);
                }
            }
            rule.forget_expired(now);
        }
        self.rules = rules;
        self.head_due = None;
    }

    /// How much of its limits is in use, in thousandths: of the fullest one. `None` without limits.
    pub fn used(&mut self, now: Time) -> Option<u64> {
        self.rules.iter_mut().map(|rule| rule.used_thousandths(now)).max()
    }

    /// What was handed over until `at` is not known: every sliding window counts as full then, so nothing goes
    /// before it has passed. Windows of the calendar count from then on, as the rest of a month would be long.
    pub fn fill(&mut self, at: Time, now: Time) {
        for rule in &mut self.rules {
            rule.fill(at.min(now));
        }
    }

    /// Which traffic its limits count.
    pub fn counted(&self) -> CountedTraffic {
        CountedTraffic::by(self.rules.iter().map(Rule::limit))
    }

    /// Has it no limits?
    pub const fn is_unlimited(&self) -> bool {
        self.rules.is_empty()
    }

    /// Goes on with the spacing of another pace of this sender, where its limits counted in the same way.
    pub fn space_as(&mut self, before: &Self) {
        for rule in &mut self.rules {
            rule.go_on_from(&before.rules);
        }
    }

    /// Is this more than one of the limits allows in a window of its own?
    pub fn is_beyond_a_limit(&self, costs: Costs) -> bool {
        self.rules.iter().any(|rule| rule.is_beyond(costs))
    }

    /// How long one text message of one segment takes at the tightest limit: the spread interval; zero
    /// without limits.
    pub fn per_unit(&self) -> Duration {
        self.interval(Cost::sms(1).into())
    }

    /// How much of each limit is in use.
    pub fn in_use(&mut self, now: Time) -> Vec<InUse> {
        let in_use = |rule: &mut Rule| InUse { limit: rule.limit().clone(), units: rule.used(now) };
        self.rules.iter_mut().map(in_use).collect()
    }

    /// So much of it as no limit spaces over more than this time; what no limit counts in proportion.
    #[must_use]
    pub fn portion(&self, of: Costs, time: Duration) -> Costs {
        let takes = self.interval(of);
        if takes <= time {
            return of;
        }
        let counted = of.share(time.as_nanos(), takes.as_nanos());
        let in_proportion = of.share_or_more(self.interval(counted).as_nanos(), takes.as_nanos());
        let counts = self.rules.iter().map(|rule| rule.limit().counts);
        counted.most(counts.fold(in_proportion, Costs::uncounted_by))
    }

    /// How long it takes where it is spaced evenly, by the limit that spaces it the furthest.
    pub fn interval(&self, costs: Costs) -> Duration {
        self.rules.iter().map(|rule| rule.interval(costs)).max().unwrap_or_default()
    }

    fn count(&mut self, at: Time, cost: Costs) {
        for rule in &mut self.rules {
            rule.count(at, cost);
        }
    }

    fn close(&mut self, permit: Permit) -> Option<Costs> {
        let place = self.open.iter().position(|open| open.permit == permit)?;
        let open = self.open.swap_remove(place);
        for rule in &mut self.rules {
            rule.close(open.cost);
        }
        Some(open.cost)
    }

    /// Takes up to so much off an open permit: what it had of it.
    fn close_part(&mut self, permit: Permit, most: Costs) -> Option<Costs> {
        let place = self.open.iter().position(|open| open.permit == permit)?;
        let open = self.open.get_mut(place)?;
        let part = open.cost.least(most);
        open.cost = open.cost.minus(part);
        if open.cost.is_nothing() {
            self.open.swap_remove(place);
        }
        for rule in &mut self.rules {
            rule.close(part);
        }
        Some(part).filter(|part| !part.is_nothing())
    }
}

#[cfg(test)]
mod tests;
