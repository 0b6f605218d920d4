//! The working rate: how fast a sender (or a campaign) goes after its provider refused for pace.
//!
//! Purpose: find out what a provider takes where that is less than what is configured, and follow it
//! as it moves, at the price of few refusals (PACE.md §8). A refusal ends in a pause and a *cut*: the
//! rate falls a little below what was taken in the second before. It is held there for a while, then
//! a little more is tried; if that passes, the rate grows until the next refusal, or until what is
//! configured is reached and nothing is left of it here.
//!
//! Invariants: it only ever holds back, on top of the configured limits, so it is never above them;
//! a pause that was named lasts until the named time; refusals of what was sent before the last cut
//! say nothing new and only move the pause.
//!
//! State: one owner, as of a [`super::pace::Pace`]. All of it is lost with its owner: after a restart
//! the first refusal says it again.

mod pause;
mod rate;
mod recent;

use std::time::Duration;

pub use self::rate::Rate;

use self::pause::Pause;
use self::recent::Recent;
use super::pace::{Allowed, Cost, Limit, Pace};
use super::time::Time;

/// What was sent in this time before a refused request is what the provider took.
const ESTIMATE_OVER: Duration = Duration::from_secs(1);

/// The rate after a refusal, in percent of what the provider took.
const BACK_TO: u64 = 97;

/// The rate after a refusal that follows another one soon, in percent of the rate before it.
const BACK_AGAIN_TO: u64 = 90;

/// So soon: what an earlier, faster rate left with the provider has then been forgotten there.
const SOON: Duration = Duration::from_secs(3);

/// Counted to so many percent of what it was thought to be, it is what it was thought to be.
const AS_BEFORE: u64 = 90;

/// How long the rate is held after a cut, at least.
const HOLD: Duration = Duration::from_secs(5);

/// And for so many messages that were taken, which keeps refusals below 2 % at low rates, too.
const HOLD_MESSAGES: u32 = 60;

/// Where the provider names its pauses: so many of them long, as each try that fails costs one.
const HOLD_PAUSES: u32 = 6;

/// But not longer than this.
const LONGEST_HOLD: Duration = Duration::from_mins(5);

/// What is tried after that, in percent of what the provider took.
const TRY: u64 = 107;

/// How long it is tried, at least.
const TRY_FOR: Duration = Duration::from_millis(1500);

/// Growth after that: to so much, in percent, with each step. It doubles within a second.
const STEP_TO: u64 = 120;
const STEP_EVERY: Duration = Duration::from_millis(250);

/// How fast a sender (or campaign, or account) may go beside its configured limits.
#[derive(Debug, Clone)]
pub struct WorkingRate {
    /// What is configured; `None`: no limit.
    configured: Option<Rate>,
    recent: Recent,
    pause: Pause,
    cut: Option<Cut>,
}

/// What stands now, for those who look at it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    /// The working rate, while it is below what is configured.
    pub rate: Option<Rate>,
    /// Nothing is sent before this.
    pub paused_until: Option<Time>,
}

/// A rate below the configured one.
#[derive(Debug, Clone)]
struct Cut {
    rate: Rate,
    /// What the provider took, as far as is known.
    taken: Rate,
    /// When it was made.
    at: Time,
    /// Messages that were taken of what was sent since.
    messages: u32,
    stage: Stage,
    /// The rate as an exact window with even spacing. Charged when a message is decided.
    pace: Pace,
}

#[derive(Debug, Clone, Copy)]
enum Stage {
    /// The rate is held, until this at least.
    Held(Time),
    /// More is tried, since then.
    Tried(Time),
    /// It grows; the last step was then.
    Grows(Time),
}

impl WorkingRate {
    /// Nothing was refused yet. `configured` is the fastest that the configured limits let through for
    /// long; `None`: there are none.
    pub const fn new(configured: Option<Rate>) -> Self {
        Self { configured, recent: Recent::new(), pause: Pause::new(), cut: None }
    }

    /// The same without a limit, of a part of what another one counts: what that has sent is the most that the
    /// part can have sent.
    #[must_use]
    pub fn of_a_part(&self) -> Self {
        Self { configured: None, recent: self.recent.clone(), pause: Pause::new(), cut: None }
    }

    /// The configured limits changed.
    pub fn configure(&mut self, configured: Option<Rate>) {
        self.configured = configured;
        self.end_if_above();
    }

    /// The earliest instant at which so many units may go as far as this is concerned. Charges nothing.
    /// A hint: it may be earlier by the time it comes, see [`Self::changes_at`].
    pub fn next_allowed(&mut self, now: Time, units: u32) -> Time {
        self.advance(now);
        let pause_ends = self.pause.ends();
        let Some(cut) = self.cut.as_mut() else { return pause_ends };
        match cut.pace.look_ahead(Time::ZERO, now, Cost::sms(units)) {
            Allowed::At(at) => at.max(pause_ends),
            // Nothing is ever left open here.
            Allowed::WhenStamped => pause_ends,
        }
    }

    /// Nothing is sent before this.
    pub const fn pauses_until(&self) -> Time {
        self.pause.ends()
    }

    /// When the rate changes next if nothing else happens, and [`Self::next_allowed`] is to be asked again.
    pub fn changes_at(&self) -> Option<Time> {
        let cut = self.cut.as_ref()?;
        match cut.stage {
            Stage::Held(until) => (cut.messages >= HOLD_MESSAGES).then_some(until),
            Stage::Tried(since) => Some(since + TRY_FOR.max(cut.rate.interval() * 2)),
            // Not before a message more has gone.
            Stage::Grows(stepped) => Some(stepped + STEP_EVERY.max(cut.rate.interval())),
        }
    }

    /// So many units were decided to go at `at`: what [`Self::next_allowed`] said, or later. Also for
    /// what did not ask.
    pub fn sent(&mut self, units: u32, at: Time) {
        self.recent.add(at, units);
        if let Some(cut) = self.cut.as_mut() {
            let permit = cut.pace.take(at, at, Cost::sms(units));
            cut.pace.stamp(permit, at);
        }
    }

    /// A message that was sent then was taken.
    pub fn accepted(&mut self, sent: Time) {
        let Some(cut) = self.cut.as_mut() else { return self.pause.passed() };
        if sent < cut.at {
            return;
        }
        cut.messages = cut.messages.saturating_add(1);
        self.pause.passed();
    }

    /// A message of so many units that was sent then was refused for pace; `named` is how long the
    /// provider asks to wait, from `now` on.
    pub fn refused(&mut self, units: u32, sent: Time, named: Option<Duration>, now: Time) {
        self.advance(now);
        self.recent.take_off(sent, units);
        let is_new = self.cut.as_ref().is_none_or(|cut| sent >= cut.at);
        if is_new {
            let taken = self.taken_before(sent, now);
            self.pause.refused_again();
            self.pause.set(named, taken.interval(), now);
            self.cut_to(taken, named, now);
        } else if let Some(cut) = &self.cut {
            self.pause.set(named, cut.taken.interval(), now);
        }
    }

    /// The same of a refusal that need not speak of a rate: it pauses and cuts nothing.
    pub fn paused(&mut self, sent: Time, named: Option<Duration>, now: Time) {
        // What was on its way when the pause began says nothing new.
        if sent >= self.pause.ends() {
            self.pause.refused_again();
        }
        self.pause.set(named, Duration::ZERO, now);
    }

    /// Where it stands.
    pub fn standing(&mut self, now: Time) -> Standing {
        self.advance(now);
        Standing {
            rate: self.cut.as_ref().map(|cut| cut.rate),
            paused_until: Some(self.pause.ends()).filter(|end| *end > now),
        }
    }

    /// How long one unit takes; zero while nothing holds back.
    pub fn per_unit(&self) -> Duration {
        self.cut.as_ref().map_or(Duration::ZERO, |cut| cut.rate.interval())
    }

    /// Is it slower than configured, or paused?
    pub fn holds_back(&self, now: Time) -> bool {
        self.is_cut() || self.pause.ends() > now
    }

    /// Is it slower than configured, so that what is taken matters?
    pub const fn is_cut(&self) -> bool {
        self.cut.is_some()
    }

    /// What the provider can be thought to take, by a refusal of what was sent then.
    fn taken_before(&self, sent: Time, now: Time) -> Rate {
        let units = self.recent.sum(sent - ESTIMATE_OVER, sent);
        let counted = (units > 0).then(|| Rate::of(units, ESTIMATE_OVER));
        let Some(cut) = &self.cut else {
            let half = || self.configured.map_or(Rate::UNKNOWN, |configured| configured.percent(50));
            return counted.unwrap_or_else(half);
        };
        let counted = counted.unwrap_or_else(|| cut.rate.percent(50));
        let was_soon = cut.messages == 0 || now <= cut.at + SOON;
        match cut.stage {
            // What is slower than the rate that has just been refused.
            _ if was_soon => counted.min(cut.rate.percent(BACK_AGAIN_TO).percent_of(BACK_TO)),
            // As was to be expected. What was counted is a unit more or less, by the way there.
            Stage::Tried(_) if counted >= cut.taken.percent(AS_BEFORE) => {
                counted.max(cut.taken).min(cut.rate)
            }
            // Of a rate that is held it was thought that it passes.
            Stage::Held(_) | Stage::Tried(_) | Stage::Grows(_) => counted.min(cut.rate),
        }
    }

    fn cut_to(&mut self, taken: Rate, named: Option<Duration>, now: Time) {
        let rate = taken.percent(BACK_TO);
        let hold = named.map_or(HOLD, |named| named.saturating_mul(HOLD_PAUSES).clamp(HOLD, LONGEST_HOLD));
        let stage = Stage::Held(self.pause.ends() + hold);
        let pace = match self.cut.take() {
            Some(cut) => cut.pace,
            None => Pace::new(&[], None, [], now),
        };
        self.cut = Some(Cut { rate, taken, at: now, messages: 0, stage, pace });
        self.go_at(rate, now);
    }

    /// Does what time brings.
    fn advance(&mut self, now: Time) {
        loop {
            let Some(due) = self.changes_at().filter(|due| *due <= now) else { return };
            let Some(cut) = self.cut.as_mut() else { return };
            let (stage, rate) = match cut.stage {
                Stage::Held(_) => (Stage::Tried(now), cut.rate.max(cut.taken.percent(TRY))),
                // Not tried enough: too little was to be sent.
                Stage::Tried(since) if !self.recent.used(cut.rate, since, now) => {
                    cut.stage = Stage::Tried(now);
                    return;
                }
                Stage::Tried(_) => (Stage::Grows(now), cut.rate),
                Stage::Grows(_) if !self.recent.used(cut.rate, now - ESTIMATE_OVER, now) => {
                    cut.stage = Stage::Grows(now);
                    return;
                }
                Stage::Grows(_) => (Stage::Grows(due), cut.rate.percent(STEP_TO)),
            };
            cut.stage = stage;
            self.go_at(rate, now);
        }
    }

    fn go_at(&mut self, rate: Rate, now: Time) {
        let Some(cut) = self.cut.as_mut() else { return };
        cut.rate = rate;
        let (units, window) = rate.as_window();
        let stamps = self.recent.since(now - window);
        cut.pace.change(&[Limit::segments(units, window)], Some(Duration::ZERO), stamps, now);
        self.end_if_above();
    }

    /// A rate that holds nothing back is none.
    fn end_if_above(&mut self) {
        let most = self.configured.unwrap_or(Rate::HIGHEST);
        if self.cut.as_ref().is_some_and(|cut| cut.rate >= most) {
            self.cut = None;
        }
    }
}

#[cfg(test)]
mod tests;
