//! The engine: its handle for the front door, its start and its end. `supervisor` is the only place
//! that knows the tree of actors.

mod accounts;
mod readiness;
mod request;
mod senders;
pub mod supervisor;

use std::collections::HashMap;
use std::sync::{Arc, OnceLock, PoisonError, RwLock};
use std::time::Duration;

use futures::future::try_join_all;

pub use self::accounts::AccountStanding;
use self::accounts::Accounts;
pub use self::readiness::Check;
pub use self::request::{NotSent, QueuedAt, SendRequest, Sent};
use self::senders::Senders;
pub use self::senders::{NotTuned, SenderView};
use self::supervisor::{Lifeline, Redirects, Supervised};
use crate::admission::Tickets;
use crate::alarm::AlarmClock;
use crate::backlog::Backlogs;
use crate::crowding::Crowding;
use crate::directory::{Directory, Plan};
use crate::domain::filter::Filter;
use crate::domain::ids::{AccountName, Incarnation, MessageId, OrganizationId, SHARDS};
use crate::domain::message::{ByHand, Cancelled, Message, NotByHand, Shown};
use crate::domain::outcome::Acceptance;
use crate::domain::phone::E164;
use crate::domain::routing::Book;
use crate::domain::shard_set::ShardSet;
use crate::domain::time::Time;
use crate::domain::tuning::Retune;
use crate::ears::Ears;
use crate::inquiries::Inquiries;
use crate::intake::Intake;
pub use crate::journal::Heard;
use crate::journal::{Journal, JournalArguments};
use crate::listing::{CancelledMany, Listing, Page, Place, cancel_many};
use crate::outcomes::Outcomes;
use crate::ports::{Clock, Ids, Peers, Provider, Store, StoreError, Tally};
use crate::roster::Roster;
use crate::settings::Settings;
use crate::shards::Shards;
use crate::sharing::{Sharing, SharingArguments, Standing as Sharings};
use crate::slowing::{self, TooFast};
use crate::telemetry::{self, IntakeMeters};

/// A step on behalf of a request is repeated for so long if the store does not answer.
const STEP_WITHIN: Duration = Duration::from_secs(10);

/// Every account's way out.
pub type WaysOut = HashMap<AccountName, Arc<dyn Provider>>;

/// What the engine is made of.
#[derive(Clone)]
pub struct Parts {
    /// What an operator set.
    pub settings: Settings,
    /// Numbers and accounts.
    pub book: Arc<Book>,
    /// The store.
    pub store: Arc<dyn Store>,
    /// The other processes on a store that several share; `None` where it is this process' own.
    pub peers: Option<Arc<dyn Peers>>,
    /// The way out of every account of the book.
    pub providers: WaysOut,
    /// The clock.
    pub clock: Arc<dyn Clock>,
    /// Ids and randomness.
    pub ids: Arc<dyn Ids>,
}

/// Can the engine take requests?
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Readiness {
    /// Yes.
    Ready,
    /// No; one sentence says why.
    NotReady(String),
}

/// Why the engine did not start.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// The store cannot be worked with now.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// An account of the book has no way out.
    #[error("no way out was given for account {0}")]
    NoWayOut(AccountName),
    /// The supervisor did not start.
    #[error("the supervisor did not start: {0}")]
    Supervisor(String),
}

/// The engine as the front door sees it: it works, or it says why not yet. Cheap to clone.
#[derive(Clone)]
pub struct Engine {
    standing: Arc<RwLock<Standing>>,
    clock: Arc<dyn Clock>,
    /// The same for all its tries to work: what a try took is not in the way of the next.
    incarnation: Arc<OnceLock<Incarnation>>,
}

enum Standing {
    Works(Arc<Working>),
    /// One sentence says what for.
    Waits(String),
}

/// The engine at work.
struct Working {
    intake: Intake,
    accounts: Accounts,
    senders: Senders,
    redirects: Redirects,
    lifeline: Lifeline,
    shared: Option<Sharings>,
}

/// A running engine and the right to stop it.
pub struct RunningEngine {
    /// The handle for the front door.
    pub engine: Engine,
    supervised: Supervised,
    lifeline: Lifeline,
    /// `None` where no other process can have the store open.
    shared: Option<(Sharing, Ears)>,
}

impl Engine {
    /// One that waits, because of `why`.
    pub fn waiting(clock: Arc<dyn Clock>, why: String) -> Self {
        Self { standing: Arc::new(RwLock::new(Standing::Waits(why))), clock, incarnation: Arc::default() }
    }

    /// A new one, at work: see [`Engine::work`].
    pub async fn start(parts: Parts) -> Result<RunningEngine, EngineError> {
        let waiting = Self::waiting(Arc::clone(&parts.clock), "it is starting".to_owned());
        waiting.work(parts).await
    }

    /// Works on the store: alone, or with its share of the shards, which it has when this returns if nobody
    /// else has them. If the store does not answer, the engine goes on waiting.
    pub async fn work(&self, parts: Parts) -> Result<RunningEngine, EngineError> {
        let Parts { settings, book, store, peers, providers, clock, ids } = parts;
        all_have_a_way_out(&book, &providers)?;
        let incarnation = *self.incarnation.get_or_init(|| Incarnation(ids.token().as_u128()));
        let shards = Shards::none(incarnation);
        match &peers {
            None => take_all(&shards, store.as_ref(), &settings).await?,
            // Where the store does not even take this, nothing is started.
            Some(peers) => drop(peers.announce(incarnation, ShardSet::NONE, settings.lease).await?),
        }
        let roster = Roster::default();
        let outcomes = Outcomes::default();
        let journal = Journal::new(JournalArguments {
            store: Arc::clone(&store),
            clock: Arc::clone(&clock),
            ids,
            shards: shards.clone(),
            peers: peers.clone(),
            settings,
            incarnation,
            roster: roster.clone(),
            outcomes: outcomes.clone(),
        });
        let plan = Plan::default().changed(book, providers, settings.places_in_flight);
        let directory = Directory::new(plan, roster.clone());
        let tickets = Tickets::new(settings.requests_in_flight);
        let crowding = Crowding::default();
        let lifeline = Lifeline::default();
        let intake = Intake {
            directory: directory.clone(),
            journal: journal.clone(),
            outcomes,
            crowding: crowding.clone(),
            tickets: tickets.clone(),
            meters: Arc::new(IntakeMeters::new()),
        };
        let accounts = Accounts {
            directory: directory.clone(),
            roster: roster.clone(),
            places: settings.places_in_flight,
        };
        let backlogs =
            Backlogs { journal: journal.clone(), directory: directory.clone(), roster: roster.clone() };
        let inquiries = Inquiries::default();
        let senders = Senders::new(&directory, &journal, &roster, &inquiries);
        let alarms = AlarmClock::start();
        let tree = supervisor::Tree { roster: roster.clone(), alarms, journal, directory, tickets, crowding };
        let started = supervisor::start(tree, lifeline.clone()).await;
        let supervised = started.map_err(|error| EngineError::Supervisor(error.to_string()))?;
        let standing = Sharings::default();
        let mut shared = None;
        if let Some(peers) = peers {
            let ears = Ears::open(peers.listen(incarnation), backlogs.clone(), inquiries);
            let me = incarnation;
            let standing = standing.clone();
            let with =
                SharingArguments { me, store, peers, clock, settings, shards, roster, backlogs, standing };
            shared = Some((Sharing::start(with).await, ears));
        }
        let is_shared = shared.is_some();
        let shared_with = is_shared.then_some(standing);
        let redirects = supervised.redirects();
        let working =
            Working { intake, accounts, senders, redirects, lifeline: lifeline.clone(), shared: shared_with };
        self.stand(Standing::Works(Arc::new(working)));
        Ok(RunningEngine { engine: self.clone(), supervised, lifeline, shared })
    }

    /// Says what it waits for; whether that is news.
    pub fn wait_for(&self, why: &str) -> bool {
        match self.stand(Standing::Waits(why.to_owned())) {
            Standing::Waits(before) => before != why,
            Standing::Works(_) => true,
        }
    }

    /// How it stood before.
    fn stand(&self, standing: Standing) -> Standing {
        std::mem::replace(&mut self.standing.write().unwrap_or_else(PoisonError::into_inner), standing)
    }

    /// At work on a store that can be worked with.
    fn working(&self) -> Result<Arc<Working>, StoreError> {
        let working = self.working_or_why().map_err(StoreError::Unavailable)?;
        match working.away_because(self.now()) {
            Some(why) => Err(StoreError::Unavailable(why)),
            None => Ok(working),
        }
    }

    fn working_or_why(&self) -> Result<Arc<Working>, String> {
        match &*self.standing.read().unwrap_or_else(PoisonError::into_inner) {
            Standing::Works(working) => Ok(Arc::clone(working)),
            Standing::Waits(why) => Err(why.clone()),
        }
    }

    /// Takes one message in: replay, route, store; for an immediate one also its outcome, within 25 s.
    pub async fn send(&self, request: SendRequest) -> Result<Sent, NotSent> {
        let working = self.working().map_err(|_| NotSent::StoreUnavailable)?;
        if working.lifeline.is_stopping() {
            return Err(NotSent::Stopping);
        }
        working.intake.send(request).await
    }

    /// Takes queued messages in, each as [`Engine::send`] does, several in one step of the store where they are of
    /// one shard; an answer for each, in their order. Those of a sender are stored in the order in which they are
    /// given. What is not begun before `begin_until` is [`NotSent::Busy`]; nothing is stored of it.
    pub async fn send_all(
        &self,
        requests: Vec<SendRequest>,
        begin_until: Time,
    ) -> Vec<Result<Sent, NotSent>> {
        let refused = |why: NotSent, many| (0..many).map(|_| Err(why.clone())).collect();
        let Ok(working) = self.working() else {
            return refused(NotSent::StoreUnavailable, requests.len());
        };
        if working.lifeline.is_stopping() {
            return refused(NotSent::Stopping, requests.len());
        }
        working.intake.send_all(requests, begin_until).await
    }

    /// The record of a message of this organization.
    pub async fn message(
        &self,
        organization: OrganizationId,
        id: MessageId,
    ) -> Result<Option<Box<Message>>, StoreError> {
        let message = self.working()?.intake.journal.store().message(id).await?;
        Ok(message.filter(|message| message.draft.organization == organization))
    }

    /// Cancels a message of this organization.
    pub async fn cancel(
        &self,
        organization: OrganizationId,
        id: MessageId,
    ) -> Result<Option<(Cancelled, Shown)>, StoreError> {
        let working = self.working()?;
        let journal = &working.intake.journal;
        journal.cancel(id, organization, journal.now() + STEP_WITHIN).await
    }

    /// What a provider told, by another way than its answer, of a message that it has: `attempt` where it
    /// named that. Whoever calls this has checked that it is the provider who tells.
    pub async fn evidence(
        &self,
        id: MessageId,
        attempt: Option<u16>,
        acceptance: Acceptance,
    ) -> Result<Heard, StoreError> {
        let working = self.working()?;
        let journal = &working.intake.journal;
        journal.evidence(id, attempt, acceptance, journal.now() + STEP_WITHIN).await
    }

    /// Takes in that a delivery report refuses a message with this code, by the attempt that was handed over; `None`:
    /// by its last one. What such a code says of a pace slows whose it is, as a refusal at once does; the record is not
    /// changed. Whether it says so of any.
    pub async fn delivery_refused(
        &self,
        id: MessageId,
        attempt: Option<u16>,
        code: &str,
    ) -> Result<bool, StoreError> {
        let working = self.working()?;
        let Intake { journal, directory, .. } = &working.intake;
        let Some(message) = journal.store().message(id).await? else { return Ok(false) };
        let number = attempt.unwrap_or(message.attempt);
        let sent = message.attempts.iter().find(|attempt| attempt.number == number);
        let (Some(sent), Some(account)) =
            (sent.and_then(|attempt| attempt.written_at), message.account_of(number))
        else {
            return Ok(false);
        };
        let plan = directory.plan();
        let slows = plan.ways_out.get(account).and_then(|way_out| way_out.slows(code));
        let Some((slows, named)) = slows else { return Ok(false) };
        let (sender, segments) = (message.draft.sender, message.draft.cost().segments);
        let too_fast = TooFast { account: account.clone(), sender, segments, sent, named };
        slowing::tell_of_report(&working.senders.roster, journal, slows, too_fast);
        Ok(true)
    }

    /// Messages of this organization whose outcome is unknown, by id; those behind `after`, at most
    /// `limit`.
    pub async fn doubtful(
        &self,
        organization: OrganizationId,
        after: Option<MessageId>,
        limit: usize,
    ) -> Result<Vec<Message>, StoreError> {
        self.working()?.intake.journal.store().doubtful(organization, after, limit).await
    }

    /// Settles a message of this organization, of unknown outcome, as a person says. `None`: there is no
    /// such message.
    pub async fn settle_by_hand(
        &self,
        organization: OrganizationId,
        id: MessageId,
        verdict: ByHand,
    ) -> Result<Option<Result<Box<Message>, NotByHand>>, StoreError> {
        let working = self.working()?;
        let journal = &working.intake.journal;
        let until = journal.now() + STEP_WITHIN;
        let settled = journal.settle_by_hand(id, organization, verdict, until).await?;
        if let Some(Ok(message)) = &settled
            && message.is_waiting()
            && journal.owns(message.draft.sender)
        {
            // If its number has no sender now, the sweeper finds it later.
            let _ = working.intake.directory.sender(message.draft.sender).await;
        }
        Ok(settled)
    }

    /// A page of the messages that are meant, at most `limit`, from `place` on.
    pub async fn list(
        &self,
        filter: &Filter,
        place: Option<Place>,
        limit: usize,
    ) -> Result<Page, StoreError> {
        let working = self.working()?;
        Listing::new(working.intake.journal.store(), filter).page(place, limit).await
    }

    /// Cancels the messages that wait and are meant, from `place` on, for ten seconds at the most.
    pub async fn cancel_many(
        &self,
        filter: &Filter,
        place: Option<Place>,
    ) -> Result<CancelledMany, StoreError> {
        cancel_many(&self.working()?.intake.journal, filter, place, STEP_WITHIN).await
    }

    /// Counts for this organization, per provider.
    pub async fn tallies(&self, organization: OrganizationId) -> Result<Vec<Tally>, StoreError> {
        self.working()?.intake.journal.store().tallies(organization).await
    }

    /// The provider accounts of this organization, by name.
    pub fn accounts(&self, organization: OrganizationId) -> Result<Vec<AccountStanding>, StoreError> {
        Ok(self.working_or_why().map_err(StoreError::Unavailable)?.accounts.of(organization))
    }

    /// Closes the circuit of an account of this organization by hand. `None`: it has no such account;
    /// false: it was closed.
    pub fn close_circuit(
        &self,
        organization: OrganizationId,
        account: &AccountName,
    ) -> Result<Option<bool>, StoreError> {
        let working = self.working_or_why().map_err(StoreError::Unavailable)?;
        Ok(working.accounts.close_circuit(organization, account))
    }

    /// Senders of this organization, by number; those behind `after`, at most `limit`.
    pub async fn senders(
        &self,
        organization: OrganizationId,
        after: Option<E164>,
        limit: usize,
    ) -> Result<Vec<SenderView>, StoreError> {
        let working = self.working()?;
        // Side by side: each may wait for the process that sends from it.
        let numbers = working.senders.numbers(organization, after, limit);
        let views = numbers.into_iter().map(|number| working.senders.view(organization, number));
        Ok(try_join_all(views).await?.into_iter().flatten().collect())
    }

    /// One of them. `None`: it is not this organization's.
    pub async fn sender(
        &self,
        organization: OrganizationId,
        number: E164,
    ) -> Result<Option<SenderView>, StoreError> {
        self.working()?.senders.view(organization, number).await
    }

    /// Tunes one of them while it runs: kept over restarts, and applied at once. `None`: it is not this
    /// organization's.
    pub async fn tune(
        &self,
        organization: OrganizationId,
        number: E164,
        change: &Retune,
    ) -> Result<Option<()>, NotTuned> {
        self.working()?.senders.tune(organization, number, change).await
    }

    /// Goes by this directory from now on, in this process: what is queued stays, what is on its way ends
    /// where it began. The directory in which a number goes without its account is the caller's mistake.
    /// Nothing happens if it does not work, or is stopping: it is started with a directory.
    pub async fn redirect(&self, book: Arc<Book>, ways_out: WaysOut) -> Result<(), EngineError> {
        all_have_a_way_out(&book, &ways_out)?;
        if let Ok(working) = self.working_or_why() {
            working.redirects.redirect(book, ways_out).await;
        }
        Ok(())
    }

    /// Does a message wait for the directory, which has its number, or its account, no more?
    pub fn lacks_a_way_for(&self, message: &Message) -> bool {
        let Ok(working) = self.working_or_why() else { return false };
        let plan = working.intake.directory.plan();
        let draft = &message.draft;
        !plan.book.numbers.contains_key(&draft.sender) || !plan.book.accounts.contains_key(&draft.account)
    }

    /// Can it take requests now?
    pub fn readiness(&self) -> Readiness {
        let problem = self.checks().into_iter().find_map(|check| check.problem);
        problem.map_or(Readiness::Ready, Readiness::NotReady)
    }

    /// The engine's clock.
    pub fn now(&self) -> Time {
        self.clock.now()
    }

    /// Makes the sender of a number fail, for tests.
    #[cfg(feature = "chaos")]
    pub fn make_sender_panic(&self, number: E164) {
        if let Ok(working) = self.working() {
            working.intake.journal.hint(number, crate::sender::SenderMessage::Panic);
        }
    }

    /// Makes the provider actor of an account fail, for tests.
    #[cfg(feature = "chaos")]
    pub fn make_provider_panic(&self, account: &AccountName) {
        if let Ok(working) = self.working() {
            working.intake.journal.hint_provider(account, crate::provider::ProviderMessage::Panic);
        }
    }

    /// The shards that this process works with now, for tests.
    #[cfg(feature = "chaos")]
    pub fn shards(&self) -> ShardSet {
        self.working().map_or(ShardSet::NONE, |working| working.intake.journal.owned())
    }

    /// How many senders run, for tests.
    #[cfg(feature = "chaos")]
    pub fn senders_running(&self) -> usize {
        self.working().map_or(0, |working| working.intake.journal.senders_running())
    }
}

impl RunningEngine {
    /// Takes nothing more in. Shards that other processes may have are theirs at once; what is on its way ends
    /// within `grace`, and is recorded. Then the actors stop. What was not begun waits in the store.
    pub async fn stop(self, grace: Duration) {
        self.lifeline.stop();
        if let Some((sharing, ears)) = self.shared {
            drop(ears);
            sharing.leave().await;
        }
        self.supervised.stop(grace).await;
    }
}

impl Working {
    /// Why the store cannot be worked with now, where others may have taken its shards.
    fn away_because(&self, now: Time) -> Option<String> {
        self.shared.as_ref().and_then(|standing| standing.away_because(now))
    }
}

fn all_have_a_way_out(book: &Book, ways_out: &WaysOut) -> Result<(), EngineError> {
    let lacks = book.accounts.keys().find(|name| !ways_out.contains_key(*name));
    lacks.map_or(Ok(()), |name| Err(EngineError::NoWayOut(name.clone())))
}

/// Of a store that is this process' own.
async fn take_all(shards: &Shards, store: &dyn Store, settings: &Settings) -> Result<(), StoreError> {
    let orphans = shards.take_all(store, settings).await?;
    if orphans > 0 {
        tracing::warn!(orphans, "attempts that were open when the last process ended are unknown now");
    }
    telemetry::shards(usize::from(SHARDS), 0);
    Ok(())
}
