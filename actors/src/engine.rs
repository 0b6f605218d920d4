//! The engine: its handle for the front door, and the supervisor, the only place that knows the tree.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use crate::domain::fingerprint::Fingerprint;
use crate::domain::ids::{AccountName, MessageId, OrganizationId, ProviderKind};
use crate::domain::message::{Cancelled, Kind, Message, Shown};
use crate::domain::phone::E164;
use crate::domain::routing::Book;
use crate::domain::segments::Encoding;
use crate::domain::time::Time;
use crate::ports::{Clock, Ids, Provider, Store, StoreError, Tally};
use crate::settings::Settings;

/// A well-formed request to send one message.
#[derive(Debug, Clone)]
pub struct SendRequest {
    /// Whose key it came with.
    pub organization: OrganizationId,
    /// The sending number.
    pub from: E164,
    /// The recipient.
    pub to: E164,
    /// The text.
    pub text: String,
    /// Media URLs.
    pub media: Vec<String>,
    /// Queued or immediate.
    pub kind: Kind,
    /// The idempotency key, if there is one.
    pub key: Option<String>,
    /// The fingerprint of the whole request.
    pub fingerprint: Fingerprint,
}

/// An accepted request: what a `200` says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sent {
    /// The message.
    pub id: MessageId,
    /// Its provider.
    pub provider: ProviderKind,
    /// Its segments, by our own count.
    pub segments: u16,
    /// How its text travels.
    pub encoding: Encoding,
    /// Place and estimate for a queued one; `None` for an immediate one, which is sent.
    pub queued: Option<QueuedAt>,
    /// An earlier request's answer, given again.
    pub replayed: bool,
}

/// Where a queued message stands at acceptance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QueuedAt {
    /// Place in its sender's queue, from 1.
    pub position: u64,
    /// When it is expected to be handed over.
    pub estimate: Time,
}

/// Why a request got no `200`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NotSent {
    /// No assistant has the sending number (404).
    NoAssistant,
    /// It is another organization's (403).
    OtherOrganization,
    /// The provider would refuse it for its length (400). The sentence is for the client.
    TooLong(String),
    /// The key stands for another request (422).
    OtherRequest,
    /// The key's first request is still running (409).
    InProgress(MessageId),
    /// The sender's queue is full (429); there is room after this long.
    QueueFull(Duration),
    /// Too many requests are inside the engine, or every place at the provider is taken (503).
    /// Nothing is stored.
    Busy(Duration),
    /// The store cannot take it now (503). Nothing is stored.
    StoreUnavailable,
    /// Whether it is stored is not known (503): ask under this id, or repeat with the same key.
    OutcomeUnknown(MessageId),
    /// An immediate message was definitely refused (500).
    Refused {
        /// The message.
        id: MessageId,
        /// Its provider.
        provider: ProviderKind,
        /// The provider's code.
        provider_code: Option<String>,
        /// Can the same request pass later?
        retryable: bool,
    },
    /// An immediate message may have reached the provider (504).
    Unknown {
        /// The message.
        id: MessageId,
        /// Its provider.
        provider: ProviderKind,
    },
    /// The process is stopping (503).
    Stopping,
}

/// What the engine is made of.
pub struct Parts {
    /// What an operator set.
    pub settings: Settings,
    /// Numbers and accounts.
    pub book: Book,
    /// The store.
    pub store: Arc<dyn Store>,
    /// The way out of every account of the book.
    pub providers: HashMap<AccountName, Arc<dyn Provider>>,
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

/// The engine as the front door sees it. Cheap to clone.
#[derive(Clone)]
pub struct Engine;

impl Engine {
    /// Takes one message in: replay, route, store; for an immediate one also its outcome, within 25 s.
    pub async fn send(&self, request: SendRequest) -> Result<Sent, NotSent> {
        let _ = request;
        Err(NotSent::Stopping)
    }

    /// The record of a message of this organization.
    pub async fn message(
        &self,
        organization: OrganizationId,
        id: MessageId,
    ) -> Result<Option<Box<Message>>, StoreError> {
        let _ = (organization, id);
        Ok(None)
    }

    /// Cancels a message of this organization.
    pub async fn cancel(
        &self,
        organization: OrganizationId,
        id: MessageId,
    ) -> Result<Option<(Cancelled, Shown)>, StoreError> {
        let _ = (organization, id);
        Ok(None)
    }

    /// Counts for this organization, per provider.
    pub async fn tallies(&self, organization: OrganizationId) -> Result<Vec<Tally>, StoreError> {
        let _ = organization;
        Ok(Vec::new())
    }

    /// Can it take requests now?
    pub fn readiness(&self) -> Readiness {
        Readiness::Ready
    }

    /// The engine's clock.
    pub fn now(&self) -> Time {
        Time::ZERO
    }
}
