//! The supervisor: spawns every actor, and the only place that knows the tree.
//!
//! ```text
//! supervisor ── directory
//!            ├─ provider (one per account)
//!            ├─ sender   (one per number, on demand)
//!            └─ sweeper
//! ```
//!
//! A changed directory comes in here, too (`redirect.rs`).
//!
//! An actor that fails is started again after a back-off that doubles with each failure in a row; its
//! state is read again from the store. A sender that stops because it is idle is simply forgotten.

mod redirect;

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use ractor::{Actor, ActorCell, ActorId, ActorProcessingErr, ActorRef, SpawnErr, SupervisionEvent};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use super::WaysOut;
use crate::admission::Tickets;
use crate::alarm::AlarmClock;
use crate::crowding::Crowding;
use crate::directory::{Directory, DirectoryActor, DirectoryState, Found, NoSender};
use crate::domain::ids::AccountName;
use crate::domain::phone::E164;
use crate::domain::routing::{Book, Sending};
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

/// The way of a changed directory to everybody. Cheap to clone.
#[derive(Clone)]
pub(super) struct Redirects(ActorRef<SupervisorMessage>);

impl Redirects {
    /// Everybody here goes by this from now on. False: the process is stopping.
    pub(super) async fn redirect(&self, book: Arc<Book>, ways_out: WaysOut) -> bool {
        let (done, heard) = oneshot::channel();
        let redirect = SupervisorMessage::Redirect { book, ways_out, done };
        self.0.send_message(redirect).is_ok() && heard.await.is_ok()
    }
}

/// What the actors are made of.
pub(crate) struct Tree {
    pub(crate) roster: Roster,
    pub(crate) alarms: AlarmClock,
    pub(crate) journal: Journal,
    pub(crate) directory: Directory,
    pub(crate) tickets: Tickets,
    pub(crate) crowding: Crowding,
}

/// What the supervisor is told.
pub enum SupervisorMessage {
    /// Start the sender of a number, unless it runs.
    SpawnSender {
        /// The number.
        number: E164,
        /// Who asks.
        reply: oneshot::Sender<Found>,
    },
    /// From now on by this directory.
    Redirect {
        /// Numbers and accounts.
        book: Arc<Book>,
        /// The way out of every account of the book.
        ways_out: WaysOut,
        /// Told when everybody has heard of it.
        done: oneshot::Sender<()>,
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
    /// When accounts got their first limits, where what they handed over before is not known.
    unknown_until: HashMap<AccountName, Time>,
}

/// The running tree.
pub(super) struct Supervised {
    supervisor: ActorRef<SupervisorMessage>,
    ended: JoinHandle<()>,
    roster: Roster,
    tickets: Tickets,
    directory: Directory,
}

/// Starts the supervisor, and it its children.
pub(super) async fn start(tree: Tree, lifeline: Lifeline) -> Result<Supervised, SpawnErr> {
    let (roster, tickets) = (tree.roster.clone(), tree.tickets.clone());
    let directory = tree.directory.clone();
    let arguments = (tree, lifeline);
    let (supervisor, ended) = Actor::spawn(None, Supervisor, arguments).await?;
    Ok(Supervised { supervisor, ended, roster, tickets, directory })
}

impl Supervised {
    pub(super) async fn stop(self, grace: Duration) {
        for sender in self.roster.senders() {
            // One that has stopped claims nothing.
            let _ = sender.send_message(SenderMessage::Halt);
        }
        let all_ended = async {
            while self.tickets.out() > 0 || self.attempts() > 0 {
                tokio::time::sleep(LOOK_EVERY).await;
            }
        };
        if tokio::time::timeout(grace, all_ended).await.is_err() {
            let attempts = self.attempts();
            tracing::warn!(attempts, "stopping with attempts in flight; they are unknown at the next start");
        }
        self.leave().await;
    }

    fn attempts(&self) -> usize {
        self.directory.plan().in_flight.values().map(InFlight::count).sum()
    }

    /// How the directory is changed.
    pub(super) fn redirects(&self) -> Redirects {
        Redirects(self.supervisor.clone())
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
        for account in self.directory.plan().in_flight.values() {
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
        let accounts: Vec<AccountName> = tree.directory.plan().book.accounts.keys().cloned().collect();
        let mut state = SupervisorState {
            tree,
            lifeline,
            children: HashMap::new(),
            troubles: HashMap::new(),
            unknown_until: HashMap::new(),
        };
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
            SupervisorMessage::SpawnSender { number, reply } => {
                let found = state.sender(number, &myself).await;
                // One who has gone asks again.
                let _ = reply.send(found);
            }
            SupervisorMessage::Redirect { book, ways_out, done } => {
                state.redirect(book, ways_out, &myself).await;
                // One who has gone needs no answer.
                let _ = done.send(());
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
    async fn sender(&mut self, number: E164, myself: &ActorRef<SupervisorMessage>) -> Found {
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
        // By the directory of now: whoever asks may have looked at an earlier one.
        let Some(sending) = self.tree.directory.plan().book.sending(number) else {
            return Err(NoSender::NoAssistant);
        };
        self.spawn_sender(number, sending, myself).await.map_err(|error| {
            tracing::error!(sender = ?number, %error, "a sender did not start");
            NoSender::Restarting(FIRST_BACK_OFF)
        })
    }

    async fn spawn_sender(
        &mut self,
        number: E164,
        sending: Sending,
        myself: &ActorRef<SupervisorMessage>,
    ) -> Result<ActorRef<SenderMessage>, SpawnErr> {
        let (journal, roster) = (self.tree.journal.clone(), self.tree.roster.clone());
        let alarms = self.tree.alarms.clone();
        let tenure = journal.tenure(number);
        let handled = Handled::default();
        let arguments =
            SenderArguments { number, sending, journal, roster, tenure, alarms, handled: handled.clone() };
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
                let state = DirectoryState { directory: tree.directory.clone(), supervisor: myself.clone() };
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
                    tickets: tree.tickets.clone(),
                    crowding: tree.crowding.clone(),
                };
                let (sweeper, _) = Actor::spawn_linked(None, SweeperActor, arguments, cell).await?;
                sweeper.get_id()
            }
            Child::Sender(number) => {
                let Some(sending) = tree.directory.plan().book.sending(*number) else { return Ok(()) };
                return self.spawn_sender(*number, sending, myself).await.map(drop);
            }
        };
        self.children.insert(id, child.clone());
        Ok(())
    }

    fn provider_arguments(&self, name: &AccountName) -> Option<ProviderArguments> {
        let (tree, plan) = (&self.tree, self.tree.directory.plan());
        let account = plan.book.accounts.get(name)?;
        Some(ProviderArguments {
            account: account.clone(),
            // Also those whose messages may have moved here. Charges do not say through which account, so all
            // of theirs count: for the longest of its windows after a start it is too slow, never too fast.
            reach: plan.book.reach(name),
            organization: OrganizationLimits::of(&plan.book, account),
            way_out: Arc::clone(plan.ways_out.get(name)?),
            unknown_until: self.unknown_until.get(name).copied(),
            in_flight: plan.in_flight.get(name)?.clone(),
            journal: tree.journal.clone(),
            roster: tree.roster.clone(),
            alarms: tree.alarms.clone(),
            handled: Handled::default(),
        })
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
