//! A request to send a message, and its answer.

use std::time::Duration;

use crate::domain::fingerprint::Fingerprint;
use crate::domain::ids::{MessageId, OrganizationId, ProviderKind};
use crate::domain::message::{Kind, Lane};
use crate::domain::phone::E164;
use crate::domain::segments::Encoding;
use crate::domain::time::Time;
use crate::domain::validity::Validity;

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
    /// Its lane, which an immediate one has no use for.
    pub lane: Lane,
    /// The idempotency key, if there is one.
    pub key: Option<String>,
    /// The fingerprint of the whole request.
    pub fingerprint: Fingerprint,
    /// When it may go, and until when it is worth sending.
    pub validity: Validity,
    /// What the client calls the message.
    pub client_reference: Option<String>,
    /// What the client keeps with it: a JSON object, as text.
    pub metadata: Option<String>,
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
    /// That counts on what comes in higher lanes of its sender to go on coming as it did; else it goes by what is
    /// there. Of an earlier request's answer this is not known any more.
    pub is_expectation: bool,
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
    /// It would expire before it can go, which is at this instant at the earliest (409). Nothing is stored.
    ExpiresBefore(Time),
    /// The sender's queue is full (429); there is room after this long.
    QueueFull(Duration),
    /// All queues of its organization together are full (429); there is room after this long, about.
    OrganizationFull(Duration),
    /// Too many requests are inside the engine, or every place at the provider is taken (503).
    /// Nothing is stored.
    Busy(Duration),
    /// The account's circuit is open, and an immediate message does not wait (500). Nothing is stored.
    ProviderOut(ProviderKind),
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

impl NotSent {
    /// The message that it is about, where there is one or may be one.
    pub(crate) const fn message_id(&self) -> Option<MessageId> {
        match self {
            Self::InProgress(id)
            | Self::OutcomeUnknown(id)
            | Self::Refused { id, .. }
            | Self::Unknown { id, .. } => Some(*id),
            Self::NoAssistant
            | Self::OtherOrganization
            | Self::TooLong(_)
            | Self::OtherRequest
            | Self::ExpiresBefore(_)
            | Self::QueueFull(_)
            | Self::OrganizationFull(_)
            | Self::Busy(_)
            | Self::ProviderOut(_)
            | Self::StoreUnavailable
            | Self::Stopping => None,
        }
    }

    /// The word for it in metrics.
    pub const fn reason(&self) -> &'static str {
        match self {
            Self::NoAssistant => "no_assistant",
            Self::OtherOrganization => "other_organization",
            Self::TooLong(_) => "too_long",
            Self::OtherRequest => "idempotency_mismatch",
            Self::InProgress(_) => "idempotency_in_progress",
            Self::ExpiresBefore(_) => "expires_before",
            Self::QueueFull(_) => "queue_full",
            Self::OrganizationFull(_) => "organization_full",
            Self::Busy(_) => "busy",
            Self::ProviderOut(_) => "provider_out",
            Self::StoreUnavailable => "store_unavailable",
            Self::OutcomeUnknown(_) => "outcome_unknown",
            Self::Refused { .. } => "refused",
            Self::Unknown { .. } => "unknown",
            Self::Stopping => "stopping",
        }
    }
}
