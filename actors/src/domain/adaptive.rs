//! The working rate: how fast a sender (or a campaign) goes after its provider refused for pace.
//!
//! Purpose: find out what a provider takes where that is less than what is configured, and follow it
//! as it moves, at the price of few refusals (PACE.md §8). A refusal ends in a pause and a *cut*: the
//! rate falls a little below what was taken in the second before. It is held there for a while, then
//! a little more is tried; if that passes, the rate grows until the next refusal, or until what is
//! configured is reached and nothing is left of it here. Refusals that come however slowly one goes
//! are found out (`strays`) and change nothing.
//!
//! Invariants: it only ever holds back, on top of the configured limits, so it is never above them;
//! a pause that was named lasts until the named time; refusals of what was sent before the last cut
//! say nothing new and only move the pause; each refusal that is taken for the rate's costs sixty messages
//! before more is tried (two of them at the most), which keeps refusals at about 2 % or below.
//!
//! State: one owner, as of a [`super::pace::Pace`]. All of it is lost with its owner: after a restart
//! the first refusal says it again.

mod pause;
mod rate;
mod recent;
mod strays;
mod taken;

use std::time::Duration;

pub use self::rate::Rate;

use self::pause::Pause;
use self::recent::Recent;
use self::strays::Strays;
use super::time::Time;

/// The rate after a refusal, in percent of what the provider took.
const BACK_TO: u64 = 98;

/// How long the rate is held after a cut, at least.
const HOLD: Duration = Duration::from_secs(5);

/// And for so many messages that are taken, for each refusal, but not for more than two of them: who goes
/// slowly must not wait for minutes.
const OWED_EACH: u32 = 60;
const MOST_OWED: u32 = 2 * OWED_EACH;

/// Nor for longer than this after a cut, which is for rates below one in five seconds.
const LONGEST_OWED: Duration = Duration::from_mins(10);

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

/// Over this time it must have been used to grow.
const USED_OVER: Duration = Duration::from_secs(1);

/// Messages taken since a cut after which a refusal does not come of what went before it any more.
const CALM_AFTER: u32 = 16;

/// How fast a sender (or campaign, or account) may go beside its configured limits.
#[derive(Debug, Clone)]
pub struct WorkingRate {
    /// What is configured; `None`: no limit.
    configured: Option<Rate>,
    recent: Recent,
    pause: Pause,
    strays: Strays,
    /// Messages that are to be taken before more is tried.
    owed: u32,
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
    /// The same before more was last tried: what is known to pass, if that try told too much.
    known: Rate,
    /// When it was made.
    at: Time,
    /// Messages that were taken of what was sent since.
    messages: u32,
    stage: Stage,
    /// When the next one is due by even spacing.
    due: Time,
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
        Self {
            configured,
            recent: Recent::new(),
            pause: Pause::new(),
            strays: Strays::new(),
            owed: 0,
            cut: None,
        }
    }

    /// The same without a limit, of a part of what another one counts: what that has sent is the most that the
    /// part can have sent.
    #[must_use]
    pub fn of_a_part(&self) -> Self {
        Self { recent: self.recent.clone(), ..Self::new(None) }
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
        let Some(cut) = &self.cut else { return pause_ends };
        // An exact window, so that what passes in one of its seconds passes in all, and even spacing, from
        // which messages of several segments may depart by half of it: they would not fill it otherwise.
        let (most, window) = cut.rate.as_window();
        let has_room = self.recent.has_room(most, window, units, now);
        has_room.max(cut.due - window / 2).max(pause_ends)
    }

    /// Nothing is sent before this.
    pub const fn pauses_until(&self) -> Time {
        self.pause.ends()
    }

    /// When the rate changes next if nothing else happens, and [`Self::next_allowed`] is to be asked again.
    pub fn changes_at(&self) -> Option<Time> {
        let cut = self.cut.as_ref()?;
        match cut.stage {
            Stage::Held(until) if self.owed == 0 => Some(until),
            Stage::Held(until) => Some(until.max(cut.at + LONGEST_OWED)),
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
            cut.due = cut.due.max(at) + cut.rate.interval().saturating_mul(units);
        }
    }

    /// A message that was sent then was taken.
    pub fn accepted(&mut self, sent: Time) {
        self.strays.taken();
        self.owed = self.owed.saturating_sub(1);
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
        // Where pauses are named each one is kept, and then nobody can tell.
        if is_new && named.is_none() && self.strays.refused(self.is_calm()) {
            return;
        }
        self.owed = self.owed.saturating_add(OWED_EACH).min(MOST_OWED);
        if is_new {
            let taken = self.taken_before(units, sent, now);
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

    /// Is nothing tried, and what went before the last cut forgotten at the provider?
    fn is_calm(&self) -> bool {
        let Some(cut) = &self.cut else { return true };
        matches!(cut.stage, Stage::Held(_)) && cut.messages >= CALM_AFTER
    }

    fn cut_to(&mut self, taken: Rate, named: Option<Duration>, now: Time) {
        let hold = named.map_or(HOLD, |named| named.saturating_mul(HOLD_PAUSES).clamp(HOLD, LONGEST_HOLD));
        self.cut = Some(Cut {
            rate: taken.percent(BACK_TO),
            taken,
            known: self.known_to_pass(now).map_or(taken, |known| known.min(taken)),
            at: now,
            messages: 0,
            stage: Stage::Held(self.pause.ends() + hold),
            due: self.cut.as_ref().map_or(now, |cut| cut.due),
        });
        self.end_if_above();
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
                Stage::Grows(_) if !self.recent.used(cut.rate, now - USED_OVER, now) => {
                    cut.stage = Stage::Grows(now);
                    return;
                }
                Stage::Grows(_) => (Stage::Grows(due), cut.rate.percent(STEP_TO)),
            };
            cut.stage = stage;
            cut.rate = rate;
            self.end_if_above();
        }
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
