//! The assistant look-up: which assistant, organization and account a number belongs to, and the
//! actor that sends from it.
//!
//! Routes are read from the plan; addresses of running senders from the roster, without asking
//! anybody. A number whose sender does not run goes through the directory's mailbox, one at a time,
//! and on to the supervisor, which spawns it.
//!
//! The plan is replaced whole when the directory changes, by the supervisor alone. Whoever looks at it
//! twice keeps it in between, so that no request goes by halves of two.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use ractor::{Actor, ActorProcessingErr, ActorRef};
use tokio::sync::oneshot;

use crate::domain::ids::AccountName;
use crate::domain::phone::E164;
use crate::domain::routing::{Book, Route};
use crate::engine::WaysOut;
use crate::engine::supervisor::SupervisorMessage;
use crate::places::InFlight;
use crate::roster::Roster;
use crate::sender::SenderMessage;

/// How long a look-up may take before it is asked again.
const PATIENCE: Duration = Duration::from_secs(2);

/// Why there is no sender.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoSender {
    /// No assistant has the number.
    NoAssistant,
    /// Its actor failed and is started again after this long.
    Restarting(Duration),
    /// Another process sends from it, or may.
    NotOurs,
    /// The process is stopping.
    Stopping,
}

/// The answer to a look-up.
pub type Found = Result<ActorRef<SenderMessage>, NoSender>;

/// What the directory actor is told.
pub enum DirectoryMessage {
    /// The sender of a number, started if it does not run.
    Find {
        /// The number.
        number: E164,
        /// Who asks.
        reply: oneshot::Sender<Found>,
    },
}

/// The actor.
pub(crate) struct DirectoryActor;

/// What it is started with; also its state.
pub(crate) struct DirectoryState {
    pub(crate) directory: Directory,
    pub(crate) supervisor: ActorRef<SupervisorMessage>,
}

impl Actor for DirectoryActor {
    type Msg = DirectoryMessage;
    type State = DirectoryState;
    type Arguments = DirectoryState;

    async fn pre_start(
        &self,
        _myself: ActorRef<DirectoryMessage>,
        with: DirectoryState,
    ) -> Result<DirectoryState, ActorProcessingErr> {
        Ok(with)
    }

    async fn handle(
        &self,
        _myself: ActorRef<DirectoryMessage>,
        message: DirectoryMessage,
        state: &mut DirectoryState,
    ) -> Result<(), ActorProcessingErr> {
        let DirectoryMessage::Find { number, reply } = message;
        if state.directory.route(number).is_none() {
            // One who has gone needs no answer.
            let _ = reply.send(Err(NoSender::NoAssistant));
            return Ok(());
        }
        if let Some(sender) = state.directory.roster.sender(number) {
            let _ = reply.send(Ok(sender));
            return Ok(());
        }
        let spawn = SupervisorMessage::SpawnSender { number, reply };
        // A supervisor that is gone means that the process is stopping: the reply is dropped.
        let _ = state.supervisor.send_message(spawn);
        Ok(())
    }
}

/// All that the engine goes by, at one time.
#[derive(Default)]
pub(crate) struct Plan {
    /// Numbers and accounts.
    pub(crate) book: Arc<Book>,
    /// The way out of every account of the book.
    pub(crate) ways_out: WaysOut,
    /// Places and circuit of every account of the book, and of those of an earlier one with attempts in flight.
    pub(crate) in_flight: HashMap<AccountName, InFlight>,
}

impl Plan {
    /// The plan by another directory. What is on its way goes on counting where it began.
    pub(crate) fn changed(&self, book: Arc<Book>, ways_out: WaysOut, places: usize) -> Self {
        let still = |(name, account): (&AccountName, &InFlight)| {
            let counts = book.accounts.contains_key(name) || account.count() > 0;
            counts.then(|| (name.clone(), account.clone()))
        };
        let mut in_flight: HashMap<_, _> = self.in_flight.iter().filter_map(still).collect();
        for (name, account) in &book.accounts {
            let fresh = || InFlight::new(account.provider, name.clone(), places);
            in_flight.entry(name.clone()).or_insert_with(fresh);
        }
        Self { book, ways_out, in_flight }
    }
}

/// The directory as the front door asks it. Cheap to clone.
#[derive(Clone)]
pub struct Directory {
    plan: Arc<RwLock<Arc<Plan>>>,
    roster: Roster,
}

impl Directory {
    pub(crate) fn new(plan: Plan, roster: Roster) -> Self {
        Self { plan: Arc::new(RwLock::new(Arc::new(plan))), roster }
    }

    /// All that the engine goes by now.
    pub(crate) fn plan(&self) -> Arc<Plan> {
        Arc::clone(&self.plan.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Everybody goes by this from now on.
    pub(crate) fn replace(&self, plan: Arc<Plan>) {
        *self.plan.write().unwrap_or_else(PoisonError::into_inner) = plan;
    }

    /// Whose number it is.
    pub fn route(&self, number: E164) -> Option<Arc<Route>> {
        self.plan().book.numbers.get(&number).cloned()
    }

    /// The number's sender, started if it does not run.
    pub async fn sender(&self, number: E164) -> Found {
        if let Some(sender) = self.roster.sender(number) {
            return Ok(sender);
        }
        let restarting = NoSender::Restarting(Duration::from_millis(100));
        let Some(directory) = self.roster.directory() else { return Err(restarting) };
        let (reply, answer) = oneshot::channel();
        if directory.send_message(DirectoryMessage::Find { number, reply }).is_err() {
            return Err(restarting);
        }
        match tokio::time::timeout(PATIENCE, answer).await {
            Ok(Ok(found)) => found,
            Ok(Err(_)) | Err(_) => Err(restarting),
        }
    }
}
