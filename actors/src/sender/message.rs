//! What a sender is told. Each is a hint, and may be lost: what it speaks of is in the store.

use tokio::sync::oneshot;

use super::claims::ClaimsAnswered;
use super::immediate::SubmitNow;
use super::load::Earlier;
use super::several::Announce;
use super::standing::SenderStanding;
use super::submit::{Stored, Submit};
use crate::domain::ids::{Incarnation, MessageId};
use crate::domain::message::{Conversation, Kind, Lane, Message, State};
use crate::domain::pace::Cost;
use crate::domain::routing::Sending;
use crate::domain::time::Time;
use crate::domain::tuning::Tuning;
use crate::places::Place;
use crate::ports::{StoreError, Waiting};
use crate::slowing::TooFast;
use crate::survey::Asked;

/// What a sender is told.
pub enum SenderMessage {
    /// Store a queued message and tell who asks.
    Submit(Box<Submit>),
    /// Store an immediate message as sending and hand it over.
    SubmitNow(Box<SubmitNow>),
    /// An immediate message that another process took in: take it and hand it over. `by` waits for its end.
    Offered {
        /// The message.
        id: MessageId,
        /// Which process waits, if another does.
        by: Option<Incarnation>,
    },
    /// A submit has ended.
    SubmitEnded(Stored, Option<u64>),
    /// Several messages are about to be stored: when does each go?
    Announce(Announce),
    /// That has ended, for each of them.
    SubmitsEnded(Vec<(Stored, Option<u64>)>),
    /// A record of this sender changed.
    Changed(Change),
    /// Places at the account, as wanted.
    Granted(Vec<Place>),
    /// An attempt of this sender was written.
    Written {
        /// The message.
        id: MessageId,
        /// The stamp.
        at: Time,
        /// What it costs.
        cost: Cost,
    },
    /// Another process' attempt that is open still, and cannot have been written later than this.
    NotWrittenAfter {
        /// The message.
        id: MessageId,
        /// The last moment.
        at: Time,
    },
    /// The provider counted so many units more of a hand-over than it was charged with.
    Counted {
        /// When it was written.
        at: Time,
        /// What they cost.
        more: Cost,
    },
    /// A message was refused for this sender's pace.
    TooFast(TooFast),
    /// The sender is in the roster: from now on it hears of every change.
    Start,
    /// What happened before this actor was there.
    Loaded(Box<Earlier>),
    /// Something was set of it by hand.
    Tuned(Box<Tuning>),
    /// Perhaps something was, by another process.
    TuningMayDiffer,
    /// The directory says something else of it.
    Redirected(Box<Sending>),
    /// How does it stand?
    Describe(oneshot::Sender<SenderStanding>),
    /// A message of this sender was cancelled, or has expired.
    Cancelled(Waiting),
    /// A message of this sender was stored by another process, or its time has come.
    StoredElsewhere(Waiting),
    /// A message that could not go for the time is out of the queue, or is looked at again later.
    NotInTime {
        /// The message.
        message: Waiting,
        /// It is still in the queue.
        again_at: Option<Time>,
    },
    /// So many of its messages waited a moment ago: look again if that is more than are known of.
    Waiting(u64),
    /// Read the head of the queue again, in case a hint was lost.
    LookAgain,
    /// The store's answers to what was claimed at one time.
    ClaimsAnswered(ClaimsAnswered),
    /// A page of a lane's queue.
    Page(Lane, Result<Vec<Waiting>, StoreError>),
    /// The next messages of a conversation.
    ThreadPage(Conversation, Result<Vec<Waiting>, StoreError>),
    /// Look at this conversation again.
    ThreadAgain(Conversation),
    /// Something is due.
    Wake,
    /// Claim nothing more: the process is stopping.
    Halt,
    /// How does it stand?
    Report(Asked),
    /// Claim nothing more, and stop: the number's shard is given up.
    Leave,
    /// Makes the actor fail, for tests.
    #[cfg(feature = "chaos")]
    Panic,
}

impl SenderMessage {
    /// The hint that a record changed.
    pub(crate) fn changed(message: &Message) -> Self {
        Self::Changed(Change::of(message))
    }
}

/// What a sender needs to know of a changed record.
#[derive(Debug, Clone, Copy)]
pub struct Change {
    pub(super) message: Waiting,
    pub(super) keeps_order: bool,
    pub(super) stands: Stands,
    pub(super) written_at: Option<Time>,
    pub(super) was_taken: bool,
}

#[derive(Debug, Clone, Copy)]
pub(super) enum Stands {
    Waiting,
    Undecided,
    Decided,
}

impl Change {
    fn of(message: &Message) -> Self {
        let stands = if message.is_waiting() {
            Stands::Waiting
        } else if message.is_unsettled() {
            Stands::Undecided
        } else {
            Stands::Decided
        };
        Self {
            message: Waiting::of(message),
            keeps_order: message.draft.kind == Kind::Queued,
            stands,
            written_at: message.last_attempt().and_then(|attempt| attempt.written_at),
            was_taken: message.state == State::Sent,
        }
    }
}
