//! The provider actor: one per provider account, owner of the account's places and its pace.
//!
//! Senders ask it for a place when their next message may go, and claim only with one in hand (while it
//! would only say yes, they need not ask: `places.rs`). It grants them in turn (`lines.rs`), a few at a time to
//! each sender, as far as places and the account-wide limits allow (`turns.rs`); the last eighth of the places,
//! 32 at the most, is kept for immediate messages, so that a busy queue does not refuse them. It makes the
//! last check of an attempt, stamps it, and starts its request with the very next poll (`beginning.rs`):
//! nothing is awaited between check and write. The attempt then runs as a task of its own (`attempt.rs`).
//!
//! State: wants and pace are lost with the actor and asked for again; places taken are counted
//! outside of it (`places.rs`).

mod beginning;
mod granting;
mod lines;
mod message;
mod slowing;
mod turns;
mod units;

use std::sync::Arc;
use std::time::Duration;

use futures::stream::{self, StreamExt, TryStreamExt};
use ractor::{Actor, ActorProcessingErr, ActorRef};

pub use self::message::{Begin, NoPlace, ProviderMessage};
pub(crate) use self::units::OrganizationLimits;
pub use self::units::{UnitsMessage, Whose};

use self::lines::{Line, Lines};
use self::slowing::Slowing;
use self::units::{Demand, Units};
use crate::alarm::{Alarm, AlarmClock};
use crate::domain::breaker::Answer;
use crate::domain::outcome::Slows;
use crate::domain::pace::{Allowed, Cost, Costs, CountedTraffic, Limit, Pace, Permit};
use crate::domain::phone::E164;
use crate::domain::routing::{Account, Reach};
use crate::domain::time::Time;
use crate::handled::Handled;
use crate::journal::Journal;
use crate::places::{AccountCharge, Charges, FreeBelow, InFlight, Place, PlacesAt, UnusedCharges};
use crate::ports::{Charge, Provider};
use crate::roster::Roster;
use crate::shares::{Share, Sharing};
use crate::slowing::TooFast;

/// No more places than this are kept back for immediate messages.
const MOST_KEPT_BACK: usize = 32;

/// How often all that is ready to run has its turn before a place that came back is granted: so more of them are
/// granted, and claimed, together. Measured (benches/README.md).
const GIVES_WAY: usize = 4;

/// So many numbers' earlier hand-overs are read at a time.
const READ_AT_A_TIME: usize = 32;

/// Before asking the store again for what it could not say.
const LOAD_AGAIN_AFTER: Duration = Duration::from_secs(1);

/// The actor.
pub(crate) struct ProviderActor;

/// What it is started with.
pub(crate) struct ProviderArguments {
    pub(crate) account: Account,
    /// The numbers whose messages may go through it: their hand-overs count as the account's.
    pub(crate) reach: Reach,
    /// What its organization allows, if that has limits.
    pub(crate) organization: Option<OrganizationLimits>,
    pub(crate) way_out: Arc<dyn Provider>,
    /// When it got its first limits, if what its numbers handed over until then is not known.
    pub(crate) unknown_until: Option<Time>,
    pub(crate) in_flight: InFlight,
    pub(crate) journal: Journal,
    pub(crate) roster: Roster,
    pub(crate) alarms: AlarmClock,
    pub(crate) handled: Handled,
}

pub(crate) struct ProviderState {
    with: ProviderArguments,
    /// What the limits count, of the account and of its organization. The rest asks only for places.
    counted: CountedTraffic,
    places_at: Arc<PlacesAt>,
    /// Whose turn it is.
    lines: Lines,
    /// `None` until the earlier hand-overs are known: nothing is granted before.
    pace: Option<Pace>,
    /// How fast the provider lets the account and its campaigns go, where that is less.
    slowing: Slowing,
    /// The account's limits where other processes send through it too: then `pace` has none.
    units: Option<Units>,
    /// The limits of its organization, which hold for all of its accounts together.
    organization: Option<Units>,
    /// What is told to those who estimate, of the account's limits and of its organization's.
    shares: [Option<Arc<Share>>; 2],
    /// Hand-overs before the pace was there; immediate ones, so bounded by the tickets.
    written_early: Vec<(Time, Cost)>,
    alarm: Alarm,
}

impl Actor for ProviderActor {
    type Msg = ProviderMessage;
    type State = ProviderState;
    type Arguments = ProviderArguments;

    async fn pre_start(
        &self,
        myself: ActorRef<ProviderMessage>,
        with: ProviderArguments,
    ) -> Result<ProviderState, ActorProcessingErr> {
        let ProviderArguments { account, reach, in_flight, roster, .. } = &with;
        let slowing = Slowing::new(reach.campaigns.clone());
        in_flight.set_slowed(false);
        in_flight.free_below(FreeBelow::NOTHING);
        let places_at = PlacesAt::new(account.name.clone(), in_flight.clone(), roster.clone());
        let (units, organization) = (Units::of(&with, &myself), Units::of_organization(&with, &myself));
        let (alarms, address) = (with.alarms.clone(), myself.clone());
        let mut state = ProviderState {
            shares: shares_of(&with),
            counted: CountedTraffic::by(limits_of(&with)),
            with,
            units,
            organization,
            places_at: Arc::new(places_at),
            lines: Lines::default(),
            pace: None,
            slowing,
            written_early: Vec::new(),
            alarm: Alarm::new(&alarms, move || {
                let _ = address.send_message(ProviderMessage::Wake);
            }),
        };
        if state.with.account.limits.is_empty() || state.units.is_some() {
            state.pace = Some(Pace::new(&[], None, [], state.with.journal.now()));
        } else {
            state.load(&myself);
        }
        if let Some(organization) = &mut state.organization {
            organization.prepare(&myself);
        }
        Ok(state)
    }

    async fn handle(
        &self,
        myself: ActorRef<ProviderMessage>,
        message: ProviderMessage,
        state: &mut ProviderState,
    ) -> Result<(), ActorProcessingErr> {
        state.with.handled.one();
        match message {
            ProviderMessage::Want { sender, places, cost } => {
                state.lines.wants(sender, places, cost);
            }
            ProviderMessage::WantNot(sender) => state.lines.wants_not(sender),
            ProviderMessage::WantNow { queued, reply } => {
                // One who has gone drops the place, which gives it back.
                let _ = reply.send(state.place_now(queued));
            }
            ProviderMessage::Begin(begins) => begins.into_iter().for_each(|begin| state.begin(begin)),
            ProviderMessage::PlaceBack { unused } => {
                state.take_back(unused);
                // What is ready to run goes first: under load more places come back by that, and are
                // granted with this one.
                for _ in 0..GIVES_WAY {
                    tokio::task::yield_now().await;
                }
            }
            ProviderMessage::Counted { at, more } => {
                state.stamp(Some(Charges::DIRECT), more, at);
            }
            ProviderMessage::TooFast(slows, refused) => state.too_fast(slows, &refused),
            ProviderMessage::Taken { sender, sent } => state.taken(sender, sent),
            ProviderMessage::Loaded(charges) => state.start_pace(&charges),
            ProviderMessage::Units(whose, message) => {
                let units = match whose {
                    Whose::Account => state.units.as_mut(),
                    Whose::Organization => state.organization.as_mut(),
                };
                if let Some(units) = units {
                    units.hear(message, &myself);
                }
            }
            ProviderMessage::Wake => state.alarm.rang(),
            ProviderMessage::Redirected(reach, way_out) => state.redirected(reach, way_out),
            ProviderMessage::Report(asked) => {
                let lay = state.with.handled.lay_before(asked.handled);
                asked.survey.provider_lay(state.with.journal.now().since(asked.at), lay);
                return Ok(());
            }
            #[cfg(feature = "chaos")]
            #[expect(clippy::panic, reason = "that is what it is for")]
            ProviderMessage::Panic => panic!("told to, by a test"),
        }
        state.grant();
        while state.speak(&myself) {
            state.grant();
        }
        state.let_take_freely();
        Ok(())
    }
}

impl ProviderState {
    fn load(&self, myself: &ActorRef<ProviderMessage>) {
        let (journal, numbers, address) =
            (self.with.journal.clone(), self.with.reach.numbers.clone(), myself.clone());
        let blank = self.blank_pace();
        tokio::spawn(async move {
            let charges = loop {
                match charges_of(&journal, &numbers, &blank).await {
                    Ok(charges) => break charges,
                    Err(error) => {
                        tracing::error!(%error, "an account's earlier hand-overs could not be read");
                    }
                }
                tokio::time::sleep(LOAD_AGAIN_AFTER).await;
            };
            // If it failed meanwhile, its successor loads for itself.
            let _ = address.send_message(ProviderMessage::Loaded(charges));
        });
    }

    fn start_pace(&mut self, charges: &[Charge]) {
        let stamps = charges.iter().map(|charge| (charge.at, charge.cost));
        let stamps: Vec<(Time, Cost)> = stamps.chain(self.written_early.drain(..)).collect();
        let now = self.with.journal.now();
        if let [Some(share), _] = &self.shares {
            share.loaded(stamps.iter().copied(), now);
        }
        let mut pace = Pace::new(&self.with.account.limits, None, stamps, now);
        if let Some(at) = self.with.unknown_until {
            pace.fill(at, now);
        }
        self.pace = Some(pace);
    }

    /// A number that is new here brings no past: what it handed over before went through another account.
    fn redirected(&mut self, reach: Reach, way_out: Arc<dyn Provider>) {
        self.slowing.belong(reach.campaigns.clone());
        if let Some(units) = &mut self.units {
            units.count_of(reach.numbers.clone());
        }
        self.with.reach = reach;
        self.with.way_out = way_out;
    }

    /// The account's pace without a past, to ask what past it needs.
    fn blank_pace(&self) -> Pace {
        Pace::new(&self.with.account.limits, None, [], Time::ZERO)
    }

    fn places(&self) -> usize {
        self.with.journal.settings().places_in_flight.max(1)
    }

    fn places_for_queues(&self) -> usize {
        let all = self.places();
        (all - (all / 8).min(MOST_KEPT_BACK)).max(1)
    }

    fn too_fast(&mut self, slows: Slows, refused: &TooFast) {
        let now = self.with.journal.now();
        self.slowing.too_fast(slows, refused, now);
        self.with.in_flight.set_slowed(self.slowing.slows(now));
    }

    fn taken(&mut self, sender: E164, sent: Time) {
        self.slowing.taken(sender, sent);
        self.with.in_flight.set_slowed(self.slowing.slows(self.with.journal.now()));
    }

    fn place_now(&mut self, queued: Option<Cost>) -> Result<Place, NoPlace> {
        let now = self.with.journal.now();
        let answer = self.with.in_flight.circuit().ask(now);
        let places = if queued.is_some() { self.places_for_queues() } else { self.places() };
        let most = match answer {
            Answer::UpTo(allowed) => places.min(allowed),
            Answer::Probe => places,
            Answer::NotBefore(_) | Answer::Probing => return Err(NoPlace::Out),
        };
        if self.with.in_flight.count() >= most {
            return Err(NoPlace::Taken);
        }
        let pauses_until = self.slowing.account_pauses_until();
        if queued.is_some() && pauses_until > now {
            return Err(NoPlace::NotBefore(pauses_until));
        }
        let charges = match queued {
            Some(cost) => self.charges_now(now, cost)?,
            None => Charges::DIRECT,
        };
        if let Some(cost) = queued {
            self.slowing.sent_from_elsewhere(cost.segments, now);
        }
        let place = Place::take(&self.places_at, charges, queued);
        Ok(if answer == Answer::Probe { place.for_probe() } else { place })
    }

    /// What one needs that has no turn, of account and organization.
    fn charges_now(&mut self, now: Time, cost: Cost) -> Result<Charges, NoPlace> {
        if !self.counted.includes(cost) {
            return Ok(Charges::UNCOUNTED);
        }
        let organization = match &mut self.organization {
            Some(units) => Some(units.take_now(cost.into(), now)?),
            None => None,
        };
        let account = match &mut self.units {
            Some(units) => units.take_now(cost.into(), now).map(AccountCharge::Unit),
            None => self.permit_now(now, cost).map(AccountCharge::Permit),
        };
        match (account, &mut self.organization, organization) {
            (Ok(account), _, organization) => Ok(Charges { account, organization }),
            (Err(why), Some(units), Some(unit)) => {
                units.put_back_for_away(unit, cost.into(), now);
                Err(why)
            }
            (Err(why), _, _) => Err(why),
        }
    }

    /// The account's pace for one that has no turn. Those that have are served first, as they are woken
    /// at the very instant.
    fn permit_now(&mut self, now: Time, cost: Cost) -> Result<Permit, NoPlace> {
        let pace = self.pace.as_mut().ok_or(NoPlace::Taken)?;
        match pace.look_ahead(Time::ZERO, now, cost) {
            Allowed::At(at) if at <= now => Ok(pace.take(at, now, cost)),
            Allowed::At(at) => Err(NoPlace::NotBefore(at)),
            Allowed::WhenStamped => Err(NoPlace::Taken),
        }
    }

    fn take_back(&mut self, unused: Option<UnusedCharges>) {
        let Some(UnusedCharges(Charges { account, organization })) = unused else { return };
        match (account, self.pace.as_mut(), self.units.as_mut()) {
            (AccountCharge::Permit(permit), Some(pace), _) => pace.abandon(permit),
            (AccountCharge::Unit(unit), _, Some(units)) => units.put_back(unit),
            _ => {}
        }
        if let (Some(unit), Some(units)) = (organization, self.organization.as_mut()) {
            units.put_back(unit);
        }
    }

    /// Says what is to be said of the units of account and organization; true: there are more of them now.
    fn speak(&mut self, myself: &ActorRef<ProviderMessage>) -> bool {
        if self.units.is_none() && self.organization.is_none() {
            return false;
        }
        let now = self.with.journal.now();
        let lines: Vec<Line> = self.lines.in_order().collect();
        let mut more = false;
        if self.units.is_some() {
            let firsts: Vec<(Line, Cost)> =
                lines.iter().filter_map(|line| Some((*line, self.first_of(*line, now).ok()?.1))).collect();
            let demand = self.demand(&firsts);
            more = self.units.as_mut().is_some_and(|units| units.speak(demand, myself));
        }
        if self.organization.is_none() {
            return more;
        }
        // What the account's own pace or pauses hold back has no use for what its organization allows: other accounts
        // have. An account that has to ask for units itself asks for both at once.
        let allowed: Vec<(Line, Cost)> =
            lines.iter().filter_map(|line| Some((*line, self.account_allows(*line, now)?))).collect();
        let demand = self.demand(&allowed);
        self.organization.as_mut().is_some_and(|units| units.speak(demand, myself)) || more
    }

    /// What could go now of these lines, whose next messages cost so much, as far as places and circuit allow.
    fn demand(&self, lines: &[(Line, Cost)]) -> Demand {
        let in_flight = &self.with.in_flight;
        let places = self.places_for_queues();
        let most = match in_flight.circuit().ask(self.with.journal.now()) {
            Answer::UpTo(allowed) => places.min(allowed),
            Answer::Probe => places.min(in_flight.count() + 1),
            Answer::NotBefore(_) | Answer::Probing => return Demand::default(),
        };
        if !in_flight.is_below(most) {
            // A place that comes back wakes us.
            return Demand::default();
        }
        let counted = |cost: &Cost| self.counted.includes(*cost);
        let next = lines.iter().map(|(_, cost)| *cost).filter(counted);
        let mut demand = Demand {
            next: next.fold(Costs::NOTHING, |all, cost| all.plus(cost.into())),
            ..Demand::default()
        };
        let mut free = most.saturating_sub(in_flight.count()).max(1);
        for (_, wanted) in self.lines.all().filter(|(line, _)| lines.iter().any(|(asked, _)| asked == line)) {
            if counted(&wanted.cost) {
                let places = u32::try_from(wanted.places.min(free)).unwrap_or(u32::MAX);
                demand.units = demand.units.plus(Costs::times(wanted.cost, places));
            }
            if wanted.places >= free {
                in_flight.awaited();
                break;
            }
            free -= wanted.places;
        }
        demand
    }
}

/// Those of the account and of its organization.
fn limits_of(with: &ProviderArguments) -> impl Iterator<Item = &Limit> {
    let organization = with.organization.as_ref().map_or(&[][..], |organization| &organization.limits);
    with.account.limits.iter().chain(organization)
}

/// What the senders know of the limits that they share, of the account and of its organization.
fn shares_of(with: &ProviderArguments) -> [Option<Arc<Share>>; 2] {
    let (shares, now) = (with.roster.shares(), with.journal.now());
    let account = Sharing::Account(with.account.name.clone());
    let organization = Sharing::Organization(with.account.organization);
    let limits = with.organization.as_ref().map_or(&[][..], |organization| &organization.limits);
    [shares.begin(account, &with.account.limits, now), shares.begin(organization, limits, now)]
}

/// What its numbers handed over, and may still hand over, as far back as such a pace needs it. Of several at a time:
/// an account may have thousands, and each is a way to the store and back.
async fn charges_of(
    journal: &Journal,
    numbers: &[E164],
    blank: &Pace,
) -> Result<Vec<Charge>, crate::ports::StoreError> {
    let from = blank.keep(journal.now()).sums_from;
    let each = stream::iter(numbers.to_vec()).map(|number| charges_of_one(journal, number, from));
    each.buffered(READ_AT_A_TIME).try_concat().await
}

async fn charges_of_one(
    journal: &Journal,
    number: E164,
    from: Time,
) -> Result<Vec<Charge>, crate::ports::StoreError> {
    // First: what is settled between the reads counts twice rather than not at all.
    let open = journal.store().unsettled(Some(number)).await?;
    let mut charges = journal.hand_overs(number, from).await?;
    // What is still open may be written at any moment up to now.
    let now = journal.now();
    let open = open.iter().filter(|attempt| attempt.is_open());
    charges.extend(open.map(|attempt| Charge { at: now, cost: attempt.cost }));
    Ok(charges)
}
