//! The supervisor: spawns every actor, and the only place that knows the tree.
//!
//! ```text
//! supervisor ── directory
//!            ├─ provider (one per account)
//!            ├─ sender   (one per number, on demand)
//!            └─ sweeper
//! ```
//!
//! An actor that fails is started again after a back-off that doubles with each failure in a row; its
//! state is read again from the store. A sender that stops because it is idle is simply forgotten.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use ractor::{Actor, ActorCell, ActorId, ActorProcessingErr, ActorRef, SpawnErr, SupervisionEvent};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use super::WaysOut;
use crate::admission::Tickets;
use crate::crowding::Crowding;
use crate::directory::{Directory, DirectoryActor, DirectoryState, Found, NoSender};
use crate::domain::ids::AccountName;
use crate::domain::phone::E164;
use crate::domain::routing::{Account, Book, Route};
use crate::domain::time::Time;
use crate::handled::Handled;
use crate::journal::Journal;
use crate::places::InFlight;
use crate::provider::{OrganizationLimits, ProviderActor, ProviderArguments};
use crate::roster::Roster;
use crate::sender::{SenderActor, SenderArguments, SenderMessage};
use crate::sweeper::{SweeperActor, SweeperArguments};
use crate::telemetry;

/// The first back-off; doubled with each failure in a row up to [`LONGEST_BACK_OFF`].
const FIRST_BACK_OFF: Duration = Duration::from_millis(50);

/// The longest back-off.
const LONGEST_BACK_OFF: Duration = Duration::from_secs(10);

/// An actor that has not failed for this long starts its back-off anew.
const WELL_AFTER: Duration = Duration::from_mins(1);

/// How often a stopping engine looks whether everything on its way has ended.
const LOOK_EVERY: Duration = Duration::from_millis(10);

/// Says to everybody at once that the process is stopping. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Lifeline {
    stopping: Arc<AtomicBool>,
}

impl Lifeline {
    pub(super) fn stop(&self) {
        self.stopping.store(true, Ordering::Release);
    }

    /// Is the process stopping?
    pub fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::Acquire)
    }
}

/// What the actors are made of.
pub(crate) struct Tree {
    pub(crate) book: Arc<Book>,
    pub(crate) roster: Roster,
    pub(crate) journal: Journal,
    pub(crate) directory: Directory,
    pub(crate) ways_out: Arc<WaysOut>,
    pub(crate) tickets: Tickets,
    pub(crate) crowding: Crowding,
    pub(crate) in_flight: Arc<HashMap<AccountName, InFlight>>,
}

/// What the supervisor is told.
pub enum SupervisorMessage {
    /// Start the sender of a number, unless it runs.
    SpawnSender {
        /// The number.
        number: E164,
        /// What the directory knows of it.
        route: Route,
        /// Who asks.
        reply: oneshot::Sender<Found>,
    },
    /// The back-off of a child is over.
    Restart(Child),
}

/// An actor of the tree, by what it is for.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Child {
    /// The directory.
    Directory,
    /// The provider actor of an account.
    Provider(AccountName),
    /// The sender of a number.
    Sender(E164),
    /// The sweeper.
    Sweeper,
}

impl Child {
    const fn kind(&self) -> &'static str {
        match self {
            Self::Directory => "directory",
            Self::Provider(_) => "provider",
            Self::Sender(_) => "sender",
            Self::Sweeper => "sweeper",
        }
    }
}

struct Trouble {
    in_a_row: u32,
    back_at: Time,
}

/// The actor.
struct Supervisor;

struct SupervisorState {
    tree: Tree,
    lifeline: Lifeline,
    children: HashMap<ActorId, Child>,
    troubles: HashMap<Child, Trouble>,
}

/// The running tree.
pub(super) struct Supervised {
    supervisor: ActorRef<SupervisorMessage>,
    ended: JoinHandle<()>,
    roster: Roster,
    tickets: Tickets,
    in_flight: Vec<InFlight>,
}

/// Starts the supervisor, and it its children.
pub(super) async fn start(tree: Tree, lifeline: Lifeline) -> Result<Supervised, SpawnErr> {
    let (roster, tickets) = (tree.roster.clone(), tree.tickets.clone());
    let counts = tree.in_flight.values().cloned().collect();
    let arguments = (tree, lifeline);
    let (supervisor, ended) = Actor::spawn(None, Supervisor, arguments).await?;
    Ok(Supervised { supervisor, ended, roster, tickets, in_flight: counts })
}

impl Supervised {
    pub(super) async fn stop(self, grace: Duration) {
        for sender in self.roster.senders() {
            // One that has stopped claims nothing.
            let _ = sender.send_message(SenderMessage::Halt);
        }
        let all_ended = async {
            while self.tickets.out() > 0 || self.in_flight.iter().any(|account| account.count() > 0) {
                tokio::time::sleep(LOOK_EVERY).await;
            }
        };
        if tokio::time::timeout(grace, all_ended).await.is_err() {
            let attempts: usize = self.in_flight.iter().map(InFlight::count).sum();
            tracing::warn!(attempts, "stopping with attempts in flight; they are unknown at the next start");
        }
        self.leave().await;
    }

    /// Stops the actors, whatever is on its way.
    pub(super) async fn leave(self) {
        for sender in self.roster.senders() {
            let _ = sender.send_message(SenderMessage::Halt);
        }
        self.supervisor.get_cell().stop_children_and_wait(None, None).await;
        self.supervisor.stop(None);
        if let Err(error) = self.ended.await {
            tracing::error!(%error, "the supervisor did not end well");
        }
        telemetry::senders(0, 0, 0);
        telemetry::shards(0, 0);
        for account in &self.in_flight {
            account.leave();
        }
    }
}

impl Actor for Supervisor {
    type Msg = SupervisorMessage;
    type State = SupervisorState;
    type Arguments = (Tree, Lifeline);

    async fn pre_start(
        &self,
        myself: ActorRef<SupervisorMessage>,
        (tree, lifeline): Self::Arguments,
    ) -> Result<SupervisorState, ActorProcessingErr> {
        let accounts: Vec<AccountName> = tree.book.accounts.keys().cloned().collect();
        let mut state =
            SupervisorState { tree, lifeline, children: HashMap::new(), troubles: HashMap::new() };
        state.spawn(&Child::Directory, &myself).await?;
        for account in accounts {
            state.spawn(&Child::Provider(account), &myself).await?;
        }
        state.spawn(&Child::Sweeper, &myself).await?;
        Ok(state)
    }

    async fn handle(
        &self,
        myself: ActorRef<SupervisorMessage>,
        message: SupervisorMessage,
        state: &mut SupervisorState,
    ) -> Result<(), ActorProcessingErr> {
        match message {
            SupervisorMessage::SpawnSender { number, route, reply } => {
                let found = state.sender(number, route, &myself).await;
                // One who has gone asks again.
                let _ = reply.send(found);
            }
            SupervisorMessage::Restart(child) => state.restart(&child, &myself).await,
        }
        Ok(())
    }

    /// Overridden: the default would stop the supervisor with its first child.
    async fn handle_supervisor_evt(
        &self,
        myself: ActorRef<SupervisorMessage>,
        event: SupervisionEvent,
        state: &mut SupervisorState,
    ) -> Result<(), ActorProcessingErr> {
        match event {
            SupervisionEvent::ActorFailed(who, error) => state.failed(&who, &error, &myself),
            SupervisionEvent::ActorTerminated(who, _, _) => {
                state.forget(&who);
            }
            SupervisionEvent::ActorStarted(_) | SupervisionEvent::ProcessGroupChanged(_) => {}
        }
        Ok(())
    }
}

impl SupervisorState {
    /// The sender of a number: the running one, or a new one.
    async fn sender(&mut self, number: E164, route: Route, myself: &ActorRef<SupervisorMessage>) -> Found {
        if self.lifeline.is_stopping() {
            return Err(NoSender::Stopping);
        }
        if let Some(sender) = self.tree.roster.sender(number) {
            return Ok(sender);
        }
        if !self.tree.journal.owns(number) {
            return Err(NoSender::NotOurs);
        }
        let now = self.tree.journal.now();
        if let Some(trouble) = self.troubles.get(&Child::Sender(number))
            && trouble.back_at > now
        {
            return Err(NoSender::Restarting(trouble.back_at.since(now)));
        }
        self.spawn_sender(number, route, myself).await.map_err(|error| {
            tracing::error!(sender = ?number, %error, "a sender did not start");
            NoSender::Restarting(FIRST_BACK_OFF)
        })
    }

    async fn spawn_sender(
        &mut self,
        number: E164,
        route: Route,
        myself: &ActorRef<SupervisorMessage>,
    ) -> Result<ActorRef<SenderMessage>, SpawnErr> {
        let (journal, roster) = (self.tree.journal.clone(), self.tree.roster.clone());
        let tenure = journal.tenure(number);
        let limits_of = |account: &AccountName| {
            self.tree.book.accounts.get(account).map(|account| account.limits.clone()).unwrap_or_default()
        };
        let of_organization = self.tree.book.limits_of(route.organization).to_vec();
        let handled = Handled::default();
        let arguments = SenderArguments {
            number,
            account_limits: [limits_of(&route.account), of_organization].concat(),
            fallback_limits: route.fallback.as_ref().map(|to| limits_of(&to.account)).unwrap_or_default(),
            route,
            journal,
            roster,
            tenure,
            handled: handled.clone(),
        };
        let (sender, _) = Actor::spawn_linked(None, SenderActor, arguments, myself.get_cell()).await?;
        self.children.insert(sender.get_id(), Child::Sender(number));
        self.tree.roster.enter_sender(number, sender.clone(), handled);
        if !self.tree.journal.owns(number) {
            // Given up meanwhile, by one who did not find it in the roster.
            let _ = sender.send_message(SenderMessage::Leave);
        }
        // What changes from here on reaches it; what changed before, it reads.
        let _ = sender.send_message(SenderMessage::Start);
        Ok(sender)
    }

    async fn spawn(&mut self, child: &Child, myself: &ActorRef<SupervisorMessage>) -> Result<(), SpawnErr> {
        let cell = myself.get_cell();
        let tree = &self.tree;
        let id = match child {
            Child::Directory => {
                let (book, roster) = (Arc::clone(&tree.book), tree.roster.clone());
                let state = DirectoryState { book, roster, supervisor: myself.clone() };
                let (directory, _) = Actor::spawn_linked(None, DirectoryActor, state, cell).await?;
                tree.roster.enter_directory(Some(directory.clone()));
                directory.get_id()
            }
            Child::Provider(account) => {
                let Some(arguments) = self.provider_arguments(account) else { return Ok(()) };
                let handled = arguments.handled.clone();
                let (provider, _) = Actor::spawn_linked(None, ProviderActor, arguments, cell).await?;
                tree.roster.enter_provider(account.clone(), provider.clone(), handled);
                provider.get_id()
            }
            Child::Sweeper => {
                let arguments = SweeperArguments {
                    journal: tree.journal.clone(),
                    directory: tree.directory.clone(),
                    roster: tree.roster.clone(),
                    in_flight: Arc::clone(&tree.in_flight),
                    tickets: tree.tickets.clone(),
                    crowding: tree.crowding.clone(),
                };
                let (sweeper, _) = Actor::spawn_linked(None, SweeperActor, arguments, cell).await?;
                sweeper.get_id()
            }
            Child::Sender(number) => {
                let Some(route) = tree.directory.route(*number).cloned() else { return Ok(()) };
                return self.spawn_sender(*number, route, myself).await.map(drop);
            }
        };
        self.children.insert(id, child.clone());
        Ok(())
    }

    fn provider_arguments(&self, name: &AccountName) -> Option<ProviderArguments> {
        let tree = &self.tree;
        let account = tree.book.accounts.get(name)?;
        // Also those whose messages may have moved here. Charges do not say through which account, so all of
        // theirs count: for the longest of its windows after a start it is too slow, never too fast.
        let numbers = tree.book.numbers.iter().filter(|(_, route)| route.may_go_through(name));
        let own = tree.book.numbers.iter().filter(|(_, route)| route.account == *name);
        let campaigns = own.filter_map(|(number, route)| Some((*number, route.campaign.clone()?)));
        Some(ProviderArguments {
            account: account.clone(),
            numbers: numbers.map(|(number, _)| *number).collect(),
            campaigns: campaigns.collect(),
            organization: self.organization_limits(account),
            way_out: Arc::clone(tree.ways_out.get(name)?),
            in_flight: tree.in_flight.get(name)?.clone(),
            journal: tree.journal.clone(),
            roster: tree.roster.clone(),
            handled: Handled::default(),
        })
    }

    /// Those that one of its accounts goes by, beside its own.
    fn organization_limits(&self, account: &Account) -> Option<OrganizationLimits> {
        let (book, organization) = (&self.tree.book, account.organization);
        let limits = book.limits_of(organization).to_vec();
        if limits.is_empty() {
            return None;
        }
        let granted_by = book.granting_account(organization)?.clone();
        let grants = granted_by == account.name;
        let numbers = book.numbers.iter().filter(|(_, route)| grants && route.organization == organization);
        Some(OrganizationLimits { limits, numbers: numbers.map(|(number, _)| *number).collect(), granted_by })
    }

    fn forget(&mut self, who: &ActorCell) -> Option<Child> {
        let child = self.children.remove(&who.get_id())?;
        match &child {
            Child::Sender(number) => self.tree.roster.leave_sender(*number, who.get_id()),
            Child::Provider(account) => self.tree.roster.leave_provider(account, who.get_id()),
            Child::Directory => self.tree.roster.enter_directory(None),
            Child::Sweeper => {}
        }
        Some(child)
    }

    fn failed(&mut self, who: &ActorCell, error: &ActorProcessingErr, myself: &ActorRef<SupervisorMessage>) {
        let Some(child) = self.forget(who) else { return };
        let now = self.tree.journal.now();
        self.troubles.retain(|_, trouble| trouble.back_at + WELL_AFTER > now);
        let in_a_row = self.troubles.get(&child).map_or(0, |trouble| trouble.in_a_row);
        let back_off = FIRST_BACK_OFF.saturating_mul(1 << in_a_row.min(16)).min(LONGEST_BACK_OFF);
        let actor = child.kind();
        tracing::error!(actor, %error, ?back_off, "an actor failed; it is started again");
        telemetry::restarted(actor);
        let trouble = Trouble { in_a_row: in_a_row + 1, back_at: now + back_off };
        self.troubles.insert(child.clone(), trouble);
        myself.send_after(back_off, move || SupervisorMessage::Restart(child));
    }

    async fn restart(&mut self, child: &Child, myself: &ActorRef<SupervisorMessage>) {
        let runs = match child {
            Child::Sender(number) => {
                self.tree.roster.sender(*number).is_some() || !self.tree.journal.owns(*number)
            }
            Child::Directory | Child::Provider(_) | Child::Sweeper => false,
        };
        if runs || self.lifeline.is_stopping() {
            return;
        }
        if let Err(error) = self.spawn(child, myself).await {
            tracing::error!(actor = child.kind(), %error, "an actor did not start; trying again");
            let child = child.clone();
            myself.send_after(LONGEST_BACK_OFF, move || SupervisorMessage::Restart(child));
        }
    }
}
