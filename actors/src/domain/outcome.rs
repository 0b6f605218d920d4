//! What became of one attempt: accepted, refused, never begun, or unknown.
//!
//! Four outcomes, not two. *Unknown* is a class of its own: the request may have reached the
//! provider, so it is never treated as refused. Adapters map a provider's answer to these; nothing
//! else in the engine knows a provider's codes.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::time::Time;

/// The outcome of one attempt, as its provider adapter saw it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The provider took the message.
    Accepted(Acceptance),
    /// The provider said no, or could not be reached before a byte was written: it has nothing.
    Refused(Refusal),
    /// Our own last check said no; nothing was written.
    NeverBegun,
    /// The request may have been written and no answer that settles it came.
    Unknown(Doubt),
}

impl Outcome {
    /// The words for outcomes in metrics; a refusal's is its class'.
    pub const LABELS: [&str; 3] = ["accepted", "never_begun", "unknown"];

    /// Its word in metrics.
    pub const fn label(&self) -> &'static str {
        match self {
            Self::Accepted(_) => "accepted",
            Self::Refused(refusal) => refusal.class.as_str(),
            Self::NeverBegun => "never_begun",
            Self::Unknown(_) => "unknown",
        }
    }
}

/// What a provider said on taking a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Acceptance {
    /// The provider's own id of the message.
    pub provider_id: String,
    /// The provider's own word for the state, such as `queued`.
    pub provider_status: String,
    /// Segments as the provider counts them, where it says so and counts at least one.
    pub segments: Option<u16>,
}

/// A definite no.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusal {
    /// What kind of no; decides whether and when it is tried again.
    pub class: Class,
    /// The provider's code, if it gave one; ours (`connect`) where there was no answer to take one from.
    pub code: Option<String>,
    /// What the provider said, for people. Bounded by the adapter to 512 bytes.
    pub detail: String,
    /// When the provider asked to be tried again, counted from the answer.
    pub retry_after: Option<Duration>,
    /// Whose pace it is too much for, if that is the reason. Of the moment: a record does not keep it.
    #[serde(skip)]
    pub slows: Option<Slows>,
}

/// Whose pace a refusal speaks of: who is paused by it and goes slower after it. All others go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Slows {
    /// The sending number's.
    Sender,
    /// That of the number's campaign, with all its numbers.
    Campaign,
    /// The provider account's, with all its numbers.
    Account,
}

/// The class of a refusal (PROVIDERS.md §5.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Class {
    /// The recipient cannot get it, now or later.
    Recipient,
    /// The request itself is wrong.
    Request,
    /// The content was blocked.
    Content,
    /// The recipient opted out.
    OptedOut,
    /// The account is not set up for it: its credentials, its funds, its standing.
    Configuration,
    /// Too much or too early: the same request may pass later.
    Retry,
    /// A cap of the carrier's day is reached.
    NextWindow,
    /// The sending number is not set up for it; the account's other numbers may be.
    Sender,
    /// Ours alone: it was not handed over before its expiry.
    Expired,
}

impl Refusal {
    /// Of a message whose time was over before it was handed over.
    pub fn expired() -> Self {
        Self {
            class: Class::Expired,
            code: Some("expired".to_owned()),
            detail: "Its expiry came before its turn".to_owned(),
            retry_after: None,
            slows: None,
        }
    }
}

impl Class {
    /// Every class that an attempt can end with, in the order of their labels in metrics.
    pub const ALL: [Self; 8] = [
        Self::Recipient,
        Self::Request,
        Self::Content,
        Self::OptedOut,
        Self::Configuration,
        Self::Retry,
        Self::NextWindow,
        Self::Sender,
    ];

    /// May the same message be tried again by itself?
    pub const fn is_retryable(self) -> bool {
        matches!(self, Self::Configuration | Self::Sender | Self::Retry | Self::NextWindow)
    }

    /// Is it for reasons of the account or the number, so that another account may take the message?
    /// `next` is what would follow without one. Blocked content and a recipient who opted out are not
    /// offered to another.
    pub const fn may_pass_elsewhere(self, next: Next) -> bool {
        match self {
            Self::Configuration | Self::Sender | Self::NextWindow => true,
            Self::Retry => matches!(next, Next::GiveUp),
            Self::Recipient | Self::Request | Self::Content | Self::OptedOut | Self::Expired => false,
        }
    }

    /// The word for it in metrics and error codes.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Recipient => "recipient",
            Self::Request => "request",
            Self::Content => "content",
            Self::OptedOut => "opted_out",
            Self::Configuration => "configuration",
            Self::Retry => "retry",
            Self::NextWindow => "next_window",
            Self::Sender => "sender",
            Self::Expired => "expired",
        }
    }
}

/// Why an outcome is not known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Doubt {
    /// No answer came before the attempt's deadline.
    NoAnswer,
    /// The connection broke after the request may have been written.
    ConnectionLost,
    /// An answer came that says neither yes nor no.
    UnclearAnswer,
    /// The process that made the attempt is gone.
    ProcessGone,
}

impl Doubt {
    /// Every reason, in the order of their words in metrics.
    pub const ALL: [Self; 4] = [Self::NoAnswer, Self::ConnectionLost, Self::UnclearAnswer, Self::ProcessGone];

    /// The word for it in metrics and statuses.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NoAnswer => "no_answer",
            Self::ConnectionLost => "connection_lost",
            Self::UnclearAnswer => "unclear_answer",
            Self::ProcessGone => "process_gone",
        }
    }
}

/// What follows a definite refusal, decided by [`super::retry`] and applied by the record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// Back to the queue, not before `due`.
    Retry {
        /// The earliest instant of the next attempt.
        due: Time,
    },
    /// No further attempt.
    GiveUp,
}
