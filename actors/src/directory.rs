//! The assistant look-up: which assistant, organization and account a number belongs to, and the
//! actor that sends from it.
//!
//! Routes are read from the book; addresses of running senders from the roster, without asking
//! anybody. A number whose sender does not run goes through the directory's mailbox, one at a time,
//! and on to the supervisor, which spawns it.

use std::sync::Arc;
use std::time::Duration;

use ractor::{Actor, ActorProcessingErr, ActorRef};
use tokio::sync::oneshot;

use crate::domain::phone::E164;
use crate::domain::routing::{Book, Route};
use crate::engine::supervisor::SupervisorMessage;
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
    pub(crate) book: Arc<Book>,
    pub(crate) roster: Roster,
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
        let Some(route) = state.book.numbers.get(&number) else {
            // One who has gone needs no answer.
            let _ = reply.send(Err(NoSender::NoAssistant));
            return Ok(());
        };
        if let Some(sender) = state.roster.sender(number) {
            let _ = reply.send(Ok(sender));
            return Ok(());
        }
        let spawn = SupervisorMessage::SpawnSender { number, route: route.clone(), reply };
        // A supervisor that is gone means that the process is stopping: the reply is dropped.
        let _ = state.supervisor.send_message(spawn);
        Ok(())
    }
}

/// The directory as the front door asks it. Cheap to clone.
#[derive(Clone)]
pub struct Directory {
    book: Arc<Book>,
    roster: Roster,
}

impl Directory {
    pub(crate) fn new(book: Arc<Book>, roster: Roster) -> Self {
        Self { book, roster }
    }

    /// Whose number it is.
    pub fn route(&self, number: E164) -> Option<&Route> {
        self.book.numbers.get(&number)
    }

    /// The whole book.
    pub fn book(&self) -> &Book {
        &self.book
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
