//! The traits that the engine needs of the world: `Store`, `Peers`, `Provider`, `Clock`, `Ids`.
//!
//! Their contracts are their doc comments; `sendyard`'s store contract suite holds every store to
//! them. Steps and words are PROTOCOL.md's. Each step is one transaction: nothing is read outside
//! and written later. Every step may be repeated with the same arguments, and a late duplicate of it
//! is harmless; so a caller without an answer repeats it.

mod peers;
mod steps;
mod store;
mod together;

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use uuid::Uuid;

pub use self::peers::{Heard, Member, Note, Peers, To};
pub use self::steps::{
    Append, Appended, Backlog, BoundKey, Charge, Claim, Claimed, Depths, Ended, EstimateRule, Lease, Leased,
    MarkUnknown, Pruned, QUARTER, Reserve, Reserved, SUMS_KEPT, ScopedKey, Settle, SettleAnswer, StoreError,
    Tally, TimedUp, Timer, Unsettled, Waiting,
};
pub use self::store::{Store, Stored};
pub use self::together::as_one_answer;
use crate::domain::ids::{MessageId, ProviderKind, Shard};
use crate::domain::message::{Draft, Message};
use crate::domain::outcome::{Outcome, Slows};
use crate::domain::time::Time;

/// An answer that comes later.
pub type Later<T> = Pin<Box<dyn Future<Output = T> + Send + 'static>>;

/// A message on its way to a provider: what an adapter needs of it.
#[derive(Debug, Clone)]
pub struct HandOver {
    /// The record as it was claimed.
    pub message: Box<Message>,
    /// The attempt's number.
    pub attempt: u16,
    /// No answer after this: the adapter gives up and says so.
    pub deadline: Time,
}

impl HandOver {
    /// Our token for the provider's status callback: it names message and attempt.
    pub fn callback_token(&self) -> String {
        format!("{}.{}", self.message.draft.id, self.attempt)
    }
}

/// Why a provider would never take a message, known before it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TooLong {
    /// The sentence for the client: it names the provider, the limit and the size.
    pub sentence: String,
}

/// One provider account's way out.
pub trait Provider: Send + Sync + 'static {
    /// Whose it is.
    fn kind(&self) -> ProviderKind;

    /// Refuses at acceptance what the provider would refuse for its length.
    fn check_length(&self, text: &str, media: &[String]) -> Result<(), TooLong>;

    /// The body of the message's request, for a provider that knows a repeated request by its bytes and
    /// answers it as the first time. It is asked for once, before the message is stored, and kept in
    /// [`Draft::frozen`]; [`Provider::send`] writes those bytes. `None`: this provider knows no repeats.
    fn freeze(&self, _draft: &Draft) -> Option<String> {
        None
    }

    /// Whose pace a delivery report with this code speaks of, and how long its text asks to wait. `None`: nobody's, or
    /// a code that is not known.
    fn slows(&self, _code: &str) -> Option<(Slows, Option<Duration>)> {
        None
    }

    /// Hands a message over, once. The request starts on its way with the first poll, and nothing is
    /// awaited before it. Ends by itself after `patience`, as [`Outcome::Unknown`] if the request may
    /// have been written. Dropping the future says nothing about what the provider has.
    fn send(&self, hand_over: HandOver, patience: Duration) -> Later<Outcome>;
}

/// The engine's clock.
pub trait Clock: Send + Sync + 'static {
    /// Now. Never goes back within a process; starts from the wall clock.
    fn now(&self) -> Time;

    /// What an instant that may have been noted before this process is by today's clock: later than it says, where
    /// the clock is known to have jumped forward since. One of this process is what it says.
    fn of_before(&self, noted: Time) -> Time {
        noted
    }

    /// No instant that was noted before this one comes after `from` by [`Clock::of_before`].
    fn noted_from(&self, from: Time) -> Time {
        from
    }
}

/// Where fresh ids and randomness come from.
pub trait Ids: Send + Sync + 'static {
    /// A fresh message id that carries the shard.
    fn message(&self, shard: Shard) -> MessageId;
    /// A fresh random token.
    fn token(&self) -> Uuid;
    /// Evenly random in `0.0..1.0`, for jitter.
    fn jitter(&self) -> f64;
}
