//! Limits that hold for more than one provider actor, as one of them has them: the units that their owner grants
//! it (`domain/grants.rs`). Of an account, where several processes send through it; of an organization always, since
//! any of its accounts may use them.
//!
//! The owner is the process that has the lease of the account's or the organization's shard; its provider actor
//! grants (`granting.rs`), of an organization that of its first account; to itself like to any other. Within a process
//! it is said from actor to actor, else over the notes of processes, where it may be lost: that costs use, never a
//! window.
//!
//! State: lost with the provider actor. Units that were taken before are then worth nothing, and the messages
//! that were claimed with them go back to their queues.

use std::sync::Arc;
use std::time::Duration;

use ractor::ActorRef;

use super::granting::Granting;
use super::{NoPlace, ProviderArguments, ProviderMessage};
use crate::alarm::Alarm;
use crate::domain::grants::{Grant, Party, Purse, Tab, Unit, Word};
use crate::domain::ids::{AccountName, Incarnation, OrganizationId, Shard};
use crate::domain::pace::{Costs, Keep, Limit};
use crate::domain::phone::E164;
use crate::domain::routing::{Account, Book};
use crate::domain::time::Time;
use crate::journal::Journal;
use crate::ports::{Charge, Note, To};
use crate::roster::Roster;
use crate::shares::{Share, Sharing};

/// Other processes are told at most this often what became of their grants.
const REPORT_EVERY: Duration = Duration::from_millis(3);

/// A queued message that has no turn asks for units again after so long.
const AWAY_AGAIN_AFTER: Duration = Duration::from_millis(10);

/// If it has not come by then, it does not come: others may have its units.
const AWAY_WAITS: Duration = Duration::from_millis(200);

/// Whose limits they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Whose {
    /// The provider actor's account's.
    Account,
    /// That account's organization's.
    Organization,
}

/// What a provider actor is told of the units of limits.
pub enum UnitsMessage {
    /// What another provider actor says.
    Heard {
        /// Of an organization, who says it, or is told it.
        by: Option<Party>,
        /// It.
        word: Word,
    },
    /// Earlier hand-overs, for the owner under this fence.
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
    pub(super) units: Costs,
    /// Units of the next one.
    pub(super) next: Costs,
}

/// A queued message that has no turn waits for units.
#[derive(Debug, Clone, Copy)]
struct Away {
    cost: Costs,
    until: Time,
}

/// The limits of an organization, and what their owner must know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct OrganizationLimits {
    /// At least one.
    pub(crate) limits: Vec<Limit>,
    /// All of its numbers; none where another provider actor grants.
    pub(crate) numbers: Vec<E164>,
    /// Whose provider actor grants, in the process that owns them.
    pub(crate) granted_by: AccountName,
}

impl OrganizationLimits {
    /// Those of the account's organization; `None` where it has none.
    pub(crate) fn of(book: &Book, account: &Account) -> Option<Self> {
        let organization = account.organization;
        let limits = book.limits_of(organization).to_vec();
        if limits.is_empty() {
            return None;
        }
        let granted_by = book.granting_account(organization)?.clone();
        let grants = granted_by == account.name;
        let ours = book.numbers.iter().filter(|(_, route)| grants && route.organization == organization);
        let mut numbers: Vec<E164> = ours.map(|(number, _)| *number).collect();
        numbers.sort_unstable();
        Some(Self { limits, numbers, granted_by })
    }
}

/// The units of one account, or of its organization.
pub(super) struct Units {
    whose: Whose,
    organization: OrganizationId,
    /// Who uses them.
    me: Party,
    granted_by: AccountName,
    shard: Shard,
    journal: Journal,
    roster: Roster,
    purse: Purse,
    tab: Tab,
    granting: Granting,
    /// How many are granted units in turns, as was last told.
    sharers: u32,
    away: Option<Away>,
    /// The last units went to one that has no turn: the next go by turns.
    away_had: bool,
    report_from: Time,
    alarm: Alarm,
}

impl Units {
    /// Those of an account; `None` where it has no limits, or no other process can send through it.
    pub(super) fn of(with: &ProviderArguments, myself: &ActorRef<ProviderMessage>) -> Option<Self> {
        let ProviderArguments { account, reach, unknown_until, journal, .. } = with;
        if account.limits.is_empty() || !journal.is_shared() {
            return None;
        }
        let granting =
            Granting::new(Whose::Account, account.limits.clone(), reach.numbers.clone(), *unknown_until);
        let shard = Shard::of_account(&account.name);
        let granted_by = account.name.clone();
        Some(Self::new(Whose::Account, granted_by, shard, journal.me(), granting, with, myself))
    }

    /// Those of its organization, if that has limits.
    pub(super) fn of_organization(
        with: &ProviderArguments,
        myself: &ActorRef<ProviderMessage>,
    ) -> Option<Self> {
        let ProviderArguments { account, organization, unknown_until, journal, .. } = with;
        let of = organization.as_ref()?;
        let granting =
            Granting::new(Whose::Organization, of.limits.clone(), of.numbers.clone(), *unknown_until);
        let shard = Shard::of_organization(account.organization);
        let name = journal.me().at_account(&account.name);
        let granted_by = of.granted_by.clone();
        Some(Self::new(Whose::Organization, granted_by, shard, name, granting, with, myself))
    }

    fn new(
        whose: Whose,
        granted_by: AccountName,
        shard: Shard,
        name: Incarnation,
        granting: Granting,
        with: &ProviderArguments,
        myself: &ActorRef<ProviderMessage>,
    ) -> Self {
        let ProviderArguments { account, journal, roster, alarms, .. } = with;
        let now = journal.now();
        let myself = myself.clone();
        let alarm = Alarm::new(alarms, move || {
            let _ = myself.send_message(ProviderMessage::Units(whose, UnitsMessage::Wake));
        });
        let memory = now.since(granting.keep(now).each_from);
        Self {
            whose,
            organization: account.organization,
            me: Party { process: journal.me(), account: account.name.clone() },
            granted_by,
            shard,
            journal: journal.clone(),
            roster: roster.clone(),
            purse: Purse::new(name, now),
            tab: Tab::new(name, memory, now),
            granting,
            sharers: 1,
            away: None,
            away_had: false,
            report_from: now,
            alarm,
        }
    }

    /// Reads what its owner must know before somebody asks, where this process is sure to be the owner.
    pub(super) fn prepare(&mut self, myself: &ActorRef<ProviderMessage>) {
        if !self.grants_here() || self.journal.is_shared() {
            return;
        }
        if let Some(fence) = self.journal.fence(self.shard) {
            self.granting.is_loaded(fence, &self.journal, myself);
        }
    }

    /// Are there enough for a message whose turn it is?
    pub(super) fn are_enough(&mut self, cost: Costs, now: Time) -> bool {
        let kept = if self.away_had { Costs::NOTHING } else { self.kept_for_away(now) };
        self.purse.left(now).covers(cost.plus(kept))
    }

    /// From now on it is these numbers whose earlier hand-overs count, when they are read.
    pub(super) fn count_of(&mut self, numbers: Vec<E164>) {
        self.granting.count_of(numbers);
    }

    /// Units for a message whose turn it is, if there are enough.
    pub(super) fn take(&mut self, cost: Costs, now: Time) -> Option<Unit> {
        if !self.are_enough(cost, now) {
            return None;
        }
        self.away_had = false;
        self.purse.take(cost, now)
    }

    /// Units for a queued message that has no turn. Where there are none they are asked for, and kept for it
    /// when they come.
    pub(super) fn take_now(&mut self, cost: Costs, now: Time) -> Result<Unit, NoPlace> {
        if let Some(unit) = self.purse.take(cost, now) {
            self.away = None;
            self.away_had = true;
            return Ok(unit);
        }
        Err(self.keep_for_away(cost, now))
    }

    /// Units are asked for, and kept when they come, for a queued message that has no turn; when to ask again.
    fn keep_for_away(&mut self, cost: Costs, now: Time) -> NoPlace {
        self.away = Some(Away { cost, until: now + AWAY_WAITS });
        NoPlace::NotBefore(now + AWAY_AGAIN_AFTER)
    }

    /// Those of [`Units::take_now`] are of no use yet: they are kept for it.
    pub(super) fn put_back_for_away(&mut self, unit: Unit, cost: Costs, now: Time) {
        self.purse.put_back(unit);
        let _ = self.keep_for_away(cost, now);
    }

    /// What past the limits need.
    pub(super) fn keep(&self, now: Time) -> Keep {
        self.granting.keep(now)
    }

    /// The message is written at `now`, if that is said to be in time; else it must not be.
    pub(super) fn spend(&mut self, unit: Unit, now: Time) -> bool {
        self.purse.spend(unit, now)
    }

    /// Can it be written at `now`?
    pub(super) fn lasts(&self, unit: Unit, now: Time) -> bool {
        self.purse.lasts(unit, now)
    }

    /// The units are not used for their message.
    pub(super) fn put_back(&mut self, unit: Unit) {
        self.purse.put_back(unit);
    }

    /// Units were used at `at` that nobody asked for.
    pub(super) fn charge(&mut self, at: Time, units: Costs) {
        self.tab.charge(at, units);
    }

    /// Takes in what it is told.
    pub(super) fn hear(&mut self, message: UnitsMessage, myself: &ActorRef<ProviderMessage>) {
        let now = self.journal.now();
        match message {
            UnitsMessage::Heard { by, word } => self.heard(by.as_ref(), word, now, myself),
            UnitsMessage::Loaded { fence, charges } => {
                if let Some(share) = self.share() {
                    share.loaded(charges.iter().map(|charge| (charge.at, charge.cost)), now);
                }
                self.granting.loaded(fence, &charges, self.journal.me(), now);
            }
            UnitsMessage::Wake => self.alarm.rang(),
        }
    }

    fn heard(&mut self, by: Option<&Party>, word: Word, now: Time, myself: &ActorRef<ProviderMessage>) {
        match word {
            Word::Grant(grant) => self.granted(grant, now),
            Word::Heard { number } => self.tab.heard(number),
            Word::Want(_) | Word::Report(_) | Word::Charged(_) => self.hear_as_owner(by, word, myself),
        }
    }

    fn granted(&mut self, grant: Grant, now: Time) {
        if self.sharers != grant.sharers {
            self.sharers = grant.sharers;
            self.share().iter().for_each(|share| share.passed_on_to(grant.sharers));
        }
        let is_for_one = self.granting.is_beyond_a_limit(grant.units);
        self.purse.granted(grant, is_for_one, now);
    }

    /// What those go by who estimate.
    fn share(&self) -> Option<Arc<Share>> {
        self.roster.shares().of(&match self.whose {
            Whose::Account => Sharing::Account(self.me.account.clone()),
            Whose::Organization => Sharing::Organization(self.organization),
        })
    }

    /// Says what is to be said, and grants what is due if this process is the owner. True: it has granted
    /// itself something.
    pub(super) fn speak(&mut self, demand: Demand, myself: &ActorRef<ProviderMessage>) -> bool {
        let now = self.journal.now();
        let kept = self.kept_for_away(now);
        let eligible = demand.units.plus(kept);
        let next = demand.next.most(kept);
        self.purse.give_back_beyond(eligible, now);
        self.purse.give_back_unused(now);
        if let Some(want) = self.purse.want(eligible, next, now) {
            self.tell_owner(Word::Want(want), myself);
        }
        if let Some(charged) = self.tab.to_tell(now) {
            self.tell_owner(Word::Charged(charged), myself);
        }
        let report_at = self.report(now, myself);
        let (granted, grant_at) = self.grant(now);
        let wants_at = self.purse.want_again_at(eligible, next, now);
        let away_at = self.away.map(|away| away.until);
        let back_at = self.purse.give_back_at(now);
        let next_at = [report_at, grant_at, wants_at, self.tab.again_at(), away_at, back_at]
            .into_iter()
            .flatten()
            .min();
        match next_at {
            Some(at) => self.alarm.arm(at, now),
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
            if report.owner == self.me.process {
                self.tell_owner_here(Word::Report(report), myself);
            } else {
                self.tell_elsewhere(To::Process(report.owner), self.me.clone(), Word::Report(report));
            }
        }
        None
    }

    /// Passes on what is due; whether some of it is our own, and when to look again.
    fn grant(&mut self, now: Time) -> (bool, Option<Time>) {
        let fence = self.journal.fence(self.shard).filter(|_| self.grants_here());
        let Some(fence) = fence else {
            self.granting.end();
            return (false, None);
        };
        let granted = self.granting.grant(fence, now);
        let mut ours = false;
        for grant in granted.grants {
            let to = self.granting.party(grant.process).unwrap_or_else(|| self.of_account(grant.process));
            if to == self.me {
                self.granted(grant, now);
                ours = true;
            } else {
                self.tell(to, Word::Grant(grant));
            }
        }
        (ours, granted.again_at)
    }

    fn tell_owner(&mut self, word: Word, myself: &ActorRef<ProviderMessage>) {
        if self.journal.fence(self.shard).is_some() {
            self.tell_owner_here(word, myself);
        } else {
            self.tell_elsewhere(To::Shard(self.shard), self.me.clone(), word);
        }
    }

    /// The provider actor of this process that grants.
    fn tell_owner_here(&mut self, word: Word, myself: &ActorRef<ProviderMessage>) {
        let me = self.me.clone();
        if self.grants_here() {
            self.hear_as_owner(Some(&me), word, myself);
        } else {
            self.pass(&self.granted_by, me, word);
        }
    }

    /// Whoever is not the owner any more hears nothing: it is said again to who is.
    fn hear_as_owner(&mut self, by: Option<&Party>, word: Word, myself: &ActorRef<ProviderMessage>) {
        let fence = self.journal.fence(self.shard).filter(|_| self.grants_here());
        let Some(fence) = fence else { return self.granting.end() };
        if !self.granting.is_loaded(fence, &self.journal, myself) {
            return;
        }
        let now = self.journal.now();
        let by = by.filter(|_| self.whose == Whose::Organization);
        let Some(heard) = self.granting.hear(by, word, now) else { return };
        let to = by.cloned().unwrap_or_else(|| self.of_account(heard.process));
        if to == self.me {
            self.tab.heard(heard.number);
        } else {
            self.tell(to, Word::Heard { number: heard.number });
        }
    }

    /// Is this the provider actor that grants, where this process is the owner?
    fn grants_here(&self) -> bool {
        self.me.account == self.granted_by
    }

    /// Of an account each process asks for itself, under its own name.
    fn of_account(&self, process: Incarnation) -> Party {
        Party { process, account: self.me.account.clone() }
    }

    /// Tells who uses units.
    fn tell(&self, to: Party, word: Word) {
        if to.process == self.me.process {
            self.pass(&to.account.clone(), to, word);
        } else {
            self.tell_elsewhere(To::Process(to.process), to, word);
        }
    }

    /// Without that provider actor nothing is granted and nothing used; the next one asks anew.
    fn pass(&self, account: &AccountName, by: Party, word: Word) {
        let heard = UnitsMessage::Heard { by: Some(by), word };
        let _ = self.roster.pass(account, ProviderMessage::Units(self.whose, heard));
    }

    fn tell_elsewhere(&self, to: To, party: Party, word: Word) {
        let note = match self.whose {
            Whose::Account => Note::Account(self.me.account.clone(), word),
            Whose::Organization => Note::Organization(self.organization, party, word),
        };
        self.journal.tell_peers(to, note);
    }

    fn kept_for_away(&mut self, now: Time) -> Costs {
        let _ = self.away.take_if(|away| away.until <= now);
        self.away.map_or(Costs::NOTHING, |away| away.cost)
    }
}
