//! What the processes of one store tell each other: who is there, and what has just changed.
//!
//! Nothing here is needed for safety: leases and fences are, and they are the store's. Whatever of this is
//! lost, late, doubled or out of date costs time, and the sweeper finds what a lost note was about.

use std::time::Duration;

use tokio::sync::mpsc;

use super::{Stored, Waiting};
use crate::domain::grants::{Party, Word};
use crate::domain::ids::{AccountName, Incarnation, MessageId, OrganizationId, Shard};
use crate::domain::outcome::Slows;
use crate::domain::phone::E164;
use crate::domain::shard_set::ShardSet;
use crate::sender::ToldStanding;
use crate::slowing::TooFast;

/// A process that is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Member {
    /// Which.
    pub incarnation: Incarnation,
    /// The shards that it says it has.
    pub holds: ShardSet,
}

/// Who a note is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum To {
    /// Whichever process listens for this shard.
    Shard(Shard),
    /// This process.
    Process(Incarnation),
}

/// What one process tells another.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Note {
    /// A message of this sender was stored, and waits.
    Stored(E164, Waiting),
    /// Messages of this sender wait: look at its queue from the head.
    Waiting(E164),
    /// An immediate message is offered to its sender's owner.
    Offered {
        /// The sender.
        sender: E164,
        /// The message.
        id: MessageId,
        /// Who waits for its end.
        by: Incarnation,
    },
    /// An attempt that the one who is told waits for has ended, or will have no answer.
    Ended {
        /// The message.
        id: MessageId,
        /// The attempt.
        attempt: u16,
    },
    /// Something was set of this sender by hand: read it.
    Tuned(E164),
    /// A delivery report says that a message of this number was too fast for somebody: its owner goes slower.
    TooFast(Slows, TooFast),
    /// How does this sender stand? Its owner answers `by`.
    Describe {
        /// The sender.
        sender: E164,
        /// Who asks.
        by: Incarnation,
    },
    /// So it does; `None`: it does not run, because it has nothing to do.
    Stands(E164, Option<ToldStanding>),
    /// Of the units of an account's limits.
    Account(AccountName, Word),
    /// Of the units of an organization's limits: between whoever passes them on and the part of a process that
    /// sends through one account.
    Organization(OrganizationId, Party, Word),
}

/// What a process hears.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Heard {
    /// A note.
    Note(Note),
    /// Notes may have been lost before this.
    Gap,
}

/// The way to the other processes of a store.
pub trait Peers: Send + Sync + 'static {
    /// Says that `me` is there, for so long from now by the store's time, and what it has; answers who is
    /// there, `me` among them. Who has not said so for as long as that is not.
    ///
    /// An error also says that the store cannot be worked with, and why.
    fn announce(&self, me: Incarnation, holds: ShardSet, lasts: Duration) -> Stored<Vec<Member>>;

    /// Says that `me` is there no more.
    fn depart(&self, me: Incarnation) -> Stored<()>;

    /// Listens for what is told to `me`, until the receiver is dropped. Bounded: when it is full, or the
    /// connection breaks, notes are lost, and then [`Heard::Gap`] says so.
    fn listen(&self, me: Incarnation) -> mpsc::Receiver<Heard>;

    /// From its answer on, and until it is told otherwise, whoever listens as `me` also hears what is told to
    /// these shards, and to no others. An error: it may not hear them now; [`Heard::Gap`] says when it does.
    fn attend(&self, me: Incarnation, shards: ShardSet) -> Stored<()>;

    /// Tells whoever listens. Neither waits nor answers; bounded, so it may be dropped.
    fn tell(&self, to: To, note: Note);
}
