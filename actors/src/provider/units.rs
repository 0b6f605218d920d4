//! The limits of an account that several processes send through, as one process has them: the units that the
//! account's owner grants it (`domain/grants.rs`).
//!
//! The owner is the process that has the lease of the account's shard; its provider actor grants
//! (`granting.rs`), to itself like to any other. Whatever is said goes over the notes of processes and may be lost:
//! that costs use, never a window.
//!
//! State: lost with the provider actor. Units that were taken before are then worth nothing, and the messages
//! that were claimed with them go back to their queues.

use std::time::Duration;

use ractor::ActorRef;

use super::granting::Granting;
use super::{NoPlace, ProviderArguments, ProviderMessage};
use crate::alarm::Alarm;
use crate::domain::grants::{Purse, Tab, Unit, Word};
use crate::domain::ids::{AccountName, Shard};
use crate::domain::pace::Keep;
use crate::domain::phone::E164;
use crate::domain::time::Time;
use crate::journal::Journal;
use crate::ports::{Charge, Note, To};

/// Other processes are told at most this often what became of their grants.
const REPORT_EVERY: Duration = Duration::from_millis(3);

/// A queued message that has no turn asks for units again after so long.
const AWAY_AGAIN_AFTER: Duration = Duration::from_millis(10);

/// If it has not come by then, it does not come: others may have its units.
const AWAY_WAITS: Duration = Duration::from_millis(200);

/// What a provider actor is told of the units of its account.
pub enum UnitsMessage {
    /// What another process says.
    Heard(Word),
    /// The account's earlier hand-overs, for the owner under this fence.
    Loaded {
        /// Of the lease that they were read under.
        fence: u64,
        /// Them.
        charges: Vec<Charge>,
    },
    /// Something is to be said, or granted.
    Wake,
}

/// What could go at once, had it the units.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Demand {
    /// Units of all that could go.
    pub(super) units: u32,
    /// Units of the next one.
    pub(super) next: u32,
}

/// A queued message that has no turn waits for units.
#[derive(Debug, Clone, Copy)]
struct Away {
    cost: u32,
    until: Time,
}

/// The units of one account.
pub(super) struct Units {
    account: AccountName,
    shard: Shard,
    journal: Journal,
    purse: Purse,
    tab: Tab,
    granting: Granting,
    away: Option<Away>,
    /// The last units went to one that has no turn: the next go by turns.
    away_had: bool,
    report_from: Time,
    alarm: Alarm,
}

impl Units {
    /// `None` where the account has no limits, or no other process can send through it.
    pub(super) fn of(with: &ProviderArguments) -> Option<Self> {
        let ProviderArguments { account, reach, unknown_until, journal, .. } = with;
        if account.limits.is_empty() || !journal.is_shared() {
            return None;
        }
        let now = journal.now();
        let granting = Granting::new(account.limits.clone(), reach.numbers.clone(), *unknown_until);
        let memory = now.since(granting.keep(now).each_from);
        Some(Self {
            account: account.name.clone(),
            shard: Shard::of_account(&account.name),
            journal: journal.clone(),
            purse: Purse::new(journal.me(), now),
            tab: Tab::new(journal.me(), memory, now),
            granting,
            away: None,
            away_had: false,
            report_from: now,
            alarm: Alarm::default(),
        })
    }

    /// From now on it is these numbers whose earlier hand-overs count, when they are read.
    pub(super) fn count_of(&mut self, numbers: Vec<E164>) {
        self.granting.count_of(numbers);
    }

    /// Units for a message whose turn it is, if there are enough.
    pub(super) fn take(&mut self, cost: u32, now: Time) -> Option<Unit> {
        let kept = if self.away_had { 0 } else { self.kept_for_away(now) };
        if self.purse.left(now) < cost.saturating_add(kept) {
            return None;
        }
        self.away_had = false;
        self.purse.take(cost, now)
    }

    /// Units for a queued message that has no turn. Where there are none they are asked for, and kept for it
    /// when they come.
    pub(super) fn take_now(&mut self, cost: u32, now: Time) -> Result<Unit, NoPlace> {
        if let Some(unit) = self.purse.take(cost, now) {
            self.away = None;
            self.away_had = true;
            return Ok(unit);
        }
        self.away = Some(Away { cost, until: now + AWAY_WAITS });
        Err(NoPlace::NotBefore(now + AWAY_AGAIN_AFTER))
    }

    /// What past the account's limits need.
    pub(super) fn keep(&self, now: Time) -> Keep {
        self.granting.keep(now)
    }

    /// The message is written at `now`, if that is said to be in time; else it must not be.
    pub(super) fn spend(&mut self, unit: Unit, now: Time) -> bool {
        self.purse.spend(unit, now)
    }

    /// The units are not used for their message.
    pub(super) fn put_back(&mut self, unit: Unit) {
        self.purse.put_back(unit);
    }

    /// Units were used at `at` that nobody asked for.
    pub(super) fn charge(&mut self, at: Time, units: u32) {
        self.tab.charge(at, units);
    }

    /// Takes in what it is told.
    pub(super) fn hear(&mut self, message: UnitsMessage, myself: &ActorRef<ProviderMessage>) {
        let now = self.journal.now();
        match message {
            UnitsMessage::Heard(Word::Grant(grant)) => self.purse.granted(grant, now),
            UnitsMessage::Heard(Word::Heard { number }) => self.tab.heard(number),
            UnitsMessage::Heard(word @ (Word::Want(_) | Word::Report(_) | Word::Charged(_))) => {
                self.hear_as_owner(word, myself);
            }
            UnitsMessage::Loaded { fence, charges } => {
                self.granting.loaded(fence, &charges, self.journal.me(), now);
            }
            UnitsMessage::Wake => self.alarm.rang(),
        }
    }

    /// Says what is to be said, and grants what is due if this process is the owner. True: it has granted
    /// itself something.
    pub(super) fn speak(&mut self, demand: Demand, myself: &ActorRef<ProviderMessage>) -> bool {
        let now = self.journal.now();
        let kept = self.kept_for_away(now);
        let eligible = demand.units.saturating_add(kept);
        let next = if kept > 0 { demand.next.max(kept) } else { demand.next };
        self.purse.give_back_beyond(eligible, now);
        if let Some(want) = self.purse.want(eligible, next, now) {
            self.tell_owner(Word::Want(want), myself);
        }
        if let Some(charged) = self.tab.to_tell(now) {
            self.tell_owner(Word::Charged(charged), myself);
        }
        let report_at = self.report(now, myself);
        let (granted, grant_at) = self.grant(now);
        let wants_at = self.purse.want_again_at(eligible, now);
        let away_at = self.away.map(|away| away.until);
        let next_at =
            [report_at, grant_at, wants_at, self.tab.again_at(), away_at].into_iter().flatten().min();
        match next_at {
            Some(at) => {
                self.alarm.arm(myself, at, now, || ProviderMessage::Units(UnitsMessage::Wake));
            }
            None => self.alarm.disarm(),
        }
        granted
    }

    /// What became of grants, to who granted them; or when that is to be told.
    fn report(&mut self, now: Time, myself: &ActorRef<ProviderMessage>) -> Option<Time> {
        if now < self.report_from {
            return self.purse.has_news().then_some(self.report_from);
        }
        for report in self.purse.reports(now) {
            self.report_from = now + REPORT_EVERY;
            if report.owner == self.journal.me() {
                self.hear_as_owner(Word::Report(report), myself);
            } else {
                self.tell(To::Process(report.owner), Word::Report(report));
            }
        }
        None
    }

    /// Passes on what is due; whether some of it is our own, and when to look again.
    fn grant(&mut self, now: Time) -> (bool, Option<Time>) {
        let Some(fence) = self.journal.fence(self.shard) else {
            self.granting.end();
            return (false, None);
        };
        let granted = self.granting.grant(fence, now);
        let mut ours = false;
        for grant in granted.grants {
            if grant.process == self.journal.me() {
                self.purse.granted(grant, now);
                ours = true;
            } else {
                self.tell(To::Process(grant.process), Word::Grant(grant));
            }
        }
        (ours, granted.again_at)
    }

    fn tell_owner(&mut self, word: Word, myself: &ActorRef<ProviderMessage>) {
        if self.journal.fence(self.shard).is_some() {
            self.hear_as_owner(word, myself);
        } else {
            self.tell(To::Shard(self.shard), word);
        }
    }

    /// Whoever is not the owner any more hears nothing: it is said again to who is.
    fn hear_as_owner(&mut self, word: Word, myself: &ActorRef<ProviderMessage>) {
        let Some(fence) = self.journal.fence(self.shard) else { return self.granting.end() };
        if !self.granting.is_loaded(fence, &self.journal, myself) {
            return;
        }
        let now = self.journal.now();
        let Some(heard) = self.granting.hear(word, now) else { return };
        let word = Word::Heard { number: heard.number };
        if heard.process == self.journal.me() {
            self.tab.heard(heard.number);
        } else {
            self.tell(To::Process(heard.process), word);
        }
    }

    fn tell(&self, to: To, word: Word) {
        self.journal.tell_peers(to, Note::Account(self.account.clone(), word));
    }

    fn kept_for_away(&mut self, now: Time) -> u32 {
        let _ = self.away.take_if(|away| away.until <= now);
        self.away.map_or(0, |away| away.cost)
    }
}
