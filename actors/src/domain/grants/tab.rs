//! Units that were used without a grant, by messages that ask nobody: told to the account's owner until it
//! says that it has heard of them.
//!
//! They are told one [`Charged`] at a time, by number: one that comes twice counts once, and one that is lost is
//! told again. What is used meanwhile is added up for the next. All units of one count at the instant of the
//! last, which is never too early.

use std::time::Duration;

use super::{Charged, REPEAT_CHARGED_AFTER};
use crate::domain::ids::Incarnation;
use crate::domain::pace::Costs;
use crate::domain::time::Time;

/// Units, and when the last of them was used.
#[derive(Debug, Clone, Copy)]
struct Used {
    units: Costs,
    last_at: Time,
}

/// What a process has used of one account without asking.
#[derive(Debug)]
pub struct Tab {
    me: Incarnation,
    /// For how long it matters.
    memory: Duration,
    number: u64,
    /// What the owner is being told, under this number.
    telling: Option<Used>,
    told_at: Option<Time>,
    /// What has come since.
    next: Option<Used>,
}

impl Tab {
    /// Nothing yet. `memory`: how far back the account's limits look. `now` makes its numbers greater than those
    /// of an earlier one of this process.
    pub fn new(me: Incarnation, memory: Duration, now: Time) -> Self {
        Self { me, memory, number: now.as_nanos(), telling: None, told_at: None, next: None }
    }

    /// Units were used at `at`.
    pub fn charge(&mut self, at: Time, units: Costs) {
        self.next = Some(match self.next {
            Some(used) => Used { units: used.units.plus(units), last_at: used.last_at.max(at) },
            None => Used { units, last_at: at },
        });
    }

    /// What to tell the owner now, if anything.
    pub fn to_tell(&mut self, now: Time) -> Option<Charged> {
        if self.telling.is_some_and(|used| used.last_at + self.memory < now) {
            self.telling = None;
        }
        if self.telling.is_none() {
            self.telling = Some(self.next.take()?);
            self.number += 1;
            self.told_at = None;
        }
        let used = self.telling?;
        if self.told_at.is_some_and(|told_at| told_at + REPEAT_CHARGED_AFTER > now) {
            return None;
        }
        self.told_at = Some(now);
        Some(Charged {
            process: self.me,
            number: self.number,
            units: used.units,
            age: now.since(used.last_at),
        })
    }

    /// When to ask [`Tab::to_tell`] again; `None`: the owner has heard everything.
    pub fn again_at(&self) -> Option<Time> {
        self.telling?;
        self.told_at.map(|told_at| told_at + REPEAT_CHARGED_AFTER)
    }

    /// The owner has heard the one of this number.
    pub fn heard(&mut self, number: u64) {
        if number == self.number {
            self.telling = None;
        }
    }
}
