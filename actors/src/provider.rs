//! The provider actor: one per provider account, owner of the account's places and its pace.
//!
//! Senders ask it for a place when their next message may go, and claim only with one in hand. It
//! grants them in turn, one want per sender at a time, as far as places and the account-wide limits
//! allow; the last eighth of the places is kept for immediate messages, so that a busy queue does not
//! refuse them. It makes the last check of an attempt, stamps it, and starts its request with the
//! very next poll: nothing is awaited between check and write. The attempt then runs as a task of its
//! own (`attempt.rs`).
//!
//! State: wants and pace are lost with the actor and asked for again; places taken are counted
//! outside of it (`places.rs`).

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use ractor::{Actor, ActorProcessingErr, ActorRef};
use tokio::sync::oneshot;

use crate::alarm::Alarm;
use crate::attempt::ClaimedAttempt;
use crate::domain::message::{Kind, Message};
use crate::domain::pace::{Allowed, Pace, Permit};
use crate::domain::phone::E164;
use crate::domain::routing::Account;
use crate::domain::time::Time;
use crate::journal::Journal;
use crate::places::{AccountCharge, InFlight, Place};
use crate::ports::{Charge, Provider};
use crate::roster::Roster;
use crate::sender::SenderMessage;
use crate::telemetry;

/// Before asking the store again for what it could not say.
const LOAD_AGAIN_AFTER: Duration = Duration::from_secs(1);

/// What a provider actor is told.
pub enum ProviderMessage {
    /// A sender's next message may go now: a place, please. Asked again it only changes the cost.
    Want {
        /// Whose message.
        sender: E164,
        /// What it costs of the account's pace.
        cost: u32,
    },
    /// The sender wants none any more.
    WantNot(E164),
    /// An immediate message wants a place now, or none.
    WantNow(oneshot::Sender<Option<Place>>),
    /// A claimed message may be written.
    Begin(Begin),
    /// A place came back, with its permit if that was not used.
    PlaceBack {
        /// The permit to abandon.
        unused: Option<Permit>,
    },
    /// The account's earlier hand-overs, for its pace.
    Loaded(Vec<Charge>),
    /// The account's pace allows something again.
    Wake,
    /// Makes the actor fail, for tests.
    #[cfg(feature = "chaos")]
    Panic,
}

/// A claimed message to be written.
pub struct Begin {
    pub(crate) attempt: ClaimedAttempt,
    /// When it was due, to tell how late it is.
    pub(crate) due: Time,
    /// How far back the sender's pace looks.
    pub(crate) pace_memory: Duration,
}

/// The actor.
pub(crate) struct ProviderActor;

/// What it is started with.
pub(crate) struct ProviderArguments {
    pub(crate) account: Account,
    /// The account's numbers: their hand-overs are the account's.
    pub(crate) numbers: Vec<E164>,
    pub(crate) way_out: Arc<dyn Provider>,
    pub(crate) in_flight: InFlight,
    pub(crate) journal: Journal,
    pub(crate) roster: Roster,
}

pub(crate) struct ProviderState {
    with: ProviderArguments,
    wants: VecDeque<E164>,
    costs: HashMap<E164, u32>,
    /// `None` until the earlier hand-overs are known: nothing is granted before.
    pace: Option<Pace>,
    /// Hand-overs before the pace was there; immediate ones, so bounded by the tickets.
    written_early: Vec<(Time, u32)>,
    /// How far back the account's limits look.
    pace_memory: Duration,
    /// Since when somebody wants a place without a pause.
    since: Option<Time>,
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
        let pace_memory = Pace::new(&with.account.limits, None, [], Time::ZERO).memory();
        let mut state = ProviderState {
            with,
            wants: VecDeque::new(),
            costs: HashMap::new(),
            pace: None,
            written_early: Vec::new(),
            pace_memory,
            since: None,
            alarm: Alarm::default(),
        };
        if state.with.account.limits.is_empty() {
            state.pace = Some(Pace::new(&[], None, [], state.with.journal.now()));
        } else {
            state.load(&myself);
        }
        Ok(state)
    }

    async fn handle(
        &self,
        myself: ActorRef<ProviderMessage>,
        message: ProviderMessage,
        state: &mut ProviderState,
    ) -> Result<(), ActorProcessingErr> {
        match message {
            ProviderMessage::Want { sender, cost } => {
                if state.costs.insert(sender, cost).is_none() {
                    state.wants.push_back(sender);
                }
            }
            ProviderMessage::WantNot(sender) => {
                if state.costs.remove(&sender).is_some() {
                    state.wants.retain(|other| *other != sender);
                }
            }
            ProviderMessage::WantNow(reply) => {
                // One who has gone drops the place, which gives it back.
                let _ = reply.send(state.place_now());
            }
            ProviderMessage::Begin(begin) => state.begin(begin),
            ProviderMessage::PlaceBack { unused } => state.take_back(unused),
            ProviderMessage::Loaded(charges) => state.start_pace(&charges),
            ProviderMessage::Wake => state.alarm.rang(),
            #[cfg(feature = "chaos")]
            #[expect(clippy::panic, reason = "that is what it is for")]
            ProviderMessage::Panic => panic!("told to, by a test"),
        }
        state.grant(&myself);
        Ok(())
    }
}

impl ProviderState {
    fn load(&self, myself: &ActorRef<ProviderMessage>) {
        let (journal, numbers, address) =
            (self.with.journal.clone(), self.with.numbers.clone(), myself.clone());
        let memory = self.pace_memory;
        tokio::spawn(async move {
            let charges = loop {
                match charges_of(&journal, &numbers, memory).await {
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
        let stamps = charges.iter().map(|charge| (charge.at, charge.units));
        let stamps = stamps.chain(self.written_early.drain(..));
        self.pace = Some(Pace::new(&self.with.account.limits, None, stamps, self.with.journal.now()));
    }

    fn places(&self) -> usize {
        self.with.journal.settings().places_in_flight.max(1)
    }

    fn places_for_queues(&self) -> usize {
        let all = self.places();
        (all - all / 8).max(1)
    }

    /// Grants places in turn for as long as there are any and the account's pace allows.
    fn grant(&mut self, myself: &ActorRef<ProviderMessage>) {
        let places = self.places_for_queues();
        let now = self.with.journal.now();
        let Some(pace) = self.pace.as_mut() else { return };
        if self.wants.is_empty() {
            self.since = None;
            self.alarm.disarm();
        }
        while let Some(sender) = self.wants.front().copied() {
            if self.with.in_flight.count() >= places {
                // A place that comes back wakes us.
                return;
            }
            let cost = self.costs.get(&sender).copied().unwrap_or(1);
            let since = *self.since.get_or_insert(now);
            let at = match pace.next_allowed(since, now, cost) {
                Allowed::At(at) if at <= now => at,
                Allowed::At(at) => return self.alarm.arm(myself, at, now, || ProviderMessage::Wake),
                Allowed::WhenStamped => return,
            };
            let permit = pace.take(at, now, cost);
            self.wants.pop_front();
            self.costs.remove(&sender);
            let charge = AccountCharge::Permit(permit);
            let account = self.with.account.name.clone();
            let place = Place::take(account, charge, cost, &self.with.in_flight, &self.with.roster);
            // A sender that runs no more drops it, which gives it back.
            self.with.roster.hint(sender, SenderMessage::Granted(place));
        }
    }

    fn place_now(&self) -> Option<Place> {
        if self.with.in_flight.count() >= self.places() {
            return None;
        }
        let account = self.with.account.name.clone();
        let charge = AccountCharge::Direct;
        Some(Place::take(account, charge, u32::MAX, &self.with.in_flight, &self.with.roster))
    }

    fn take_back(&mut self, unused: Option<Permit>) {
        if let (Some(pace), Some(permit)) = (self.pace.as_mut(), unused) {
            pace.abandon(permit);
        }
        telemetry::in_flight(&self.with.account.name, self.with.in_flight.count());
    }

    /// The last check, the stamp and the start of the request: one poll, nothing awaited between.
    fn begin(&mut self, begin: Begin) {
        let Begin { mut attempt, due, pace_memory } = begin;
        let Some(facts) = attempt.message().map(Facts::of) else { return };
        let now = self.with.journal.now();
        if now >= attempt.begin_by() {
            // Dropped, it goes back to its queue.
            return;
        }
        self.stamp(attempt.use_charge(), facts.cost, now);
        // The store's charges serve both paces: the sender's and the account's.
        let keep_from = now - pace_memory.max(self.pace_memory);
        let Some((hand_over, begun)) = attempt.begin(now, keep_from) else { return };
        let patience = hand_over.deadline.since(now);
        let mut call = self.with.way_out.send(hand_over, patience);
        let started = call.as_mut().poll(&mut Context::from_waker(Waker::noop()));
        self.with
            .roster
            .hint(facts.sender, SenderMessage::Written { id: facts.id, at: now, cost: facts.cost });
        if facts.kind == Kind::Queued {
            telemetry::lateness(self.with.account.provider, now.since(due));
        }
        telemetry::in_flight(&self.with.account.name, self.with.in_flight.count());
        match started {
            Poll::Ready(outcome) => {
                tokio::spawn(begun.finish(Box::pin(std::future::ready(outcome))));
            }
            Poll::Pending => {
                tokio::spawn(begun.finish(call));
            }
        }
    }

    fn stamp(&mut self, charge: Option<AccountCharge>, cost: u32, now: Time) {
        match (self.pace.as_mut(), charge) {
            (Some(pace), Some(AccountCharge::Permit(permit))) => pace.stamp(permit, now),
            (Some(pace), Some(AccountCharge::Direct)) => pace.charge(now, cost),
            (None, Some(_)) => self.written_early.push((now, cost)),
            (_, None) => {}
        }
    }
}

/// What is still needed of a message once it is on its way.
struct Facts {
    id: crate::domain::ids::MessageId,
    sender: E164,
    kind: Kind,
    cost: u32,
}

impl Facts {
    fn of(message: &Message) -> Self {
        let draft = &message.draft;
        Self { id: draft.id, sender: draft.sender, kind: draft.kind, cost: draft.cost() }
    }
}

async fn charges_of(
    journal: &Journal,
    numbers: &[E164],
    memory: Duration,
) -> Result<Vec<Charge>, crate::ports::StoreError> {
    let now = journal.now();
    let mut charges = Vec::new();
    for number in numbers {
        charges.extend(journal.store().charges(*number, now - memory).await?);
        // What is still open may be written at any moment up to now.
        let open = journal.store().unsettled(Some(*number)).await?;
        let open = open.iter().filter(|attempt| attempt.evidence_until.is_none());
        charges.extend(open.map(|attempt| Charge { at: now, units: attempt.cost }));
    }
    Ok(charges)
}
