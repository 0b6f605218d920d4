//! The message's record and its state machine: every legal change, once, as a pure function.
//!
//! Stores load a record, call one of the transitions here and save what came out; which index
//! entries follow from a state is said by [`Message::is_waiting`] and its neighbours. So every store
//! keeps the same rules. They are PROTOCOL.md §3 (`claim`, `settle`, `requeue`, `mark_unknown`,
//! `settle_unknown`, `cancel`, `retry`, `forward_immediate`, `take_immediate`, `withdraw`), beside them
//! `time_up` and `postpone` (`timing.rs`), and its *after
//! refusal*; `C3` to `C5` and `C9` name its remarks.
//!
//! Invariants: an attempt's number is never reused; an outcome settles its own attempt only;
//! `failed` and `cancelled` hold no attempt that may have reached the provider; `sent` holds one
//! that did.

mod offers;
pub mod repeat;
mod timing;
mod transitions;

use serde::{Deserialize, Serialize};

pub use self::timing::TimeUp;
use super::fingerprint::Fingerprint;
use super::ids::{AccountName, AssistantId, ClaimId, MessageId, OrganizationId, ProviderKind};
use super::outcome::{Acceptance, Class, Doubt, Next, Refusal};
use super::pace::Cost;
use super::phone::E164;
use super::segments::Encoding;
use super::time::Time;

/// How many attempts a record keeps by name. Older settled ones are forgotten first, then open
/// questions but for the first.
pub const ATTEMPTS_KEPT: usize = 16;

/// Where a message stands (DESIGN.md §4).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum State {
    /// Waits for its turn, or for its retry.
    Queued,
    /// Claimed; an attempt is open.
    Sending,
    /// The last attempt may have reached the provider and nobody knows. Shown as `sending`.
    Unknown,
    /// The provider has it.
    Sent,
    /// No provider has it and none will be asked.
    Failed,
    /// Called back before any provider saw it.
    Cancelled,
    /// An immediate message that waits, for a moment, to be taken by its sender's owner. Shown as `sending`.
    Offered,
    /// Waits for its time, outside of its queue and its conversation. Shown as `queued`.
    Scheduled,
}

/// Queued behind others, or handed over at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Kind {
    /// Keeps its sender's order and pace.
    Queued,
    /// Waits for nothing and is never tried again by itself.
    Immediate,
}

/// A sender's lanes, the most urgent first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Lane {
    /// Before the others.
    Urgent,
    /// Where nothing else is said.
    Normal,
    /// Behind the others.
    Bulk,
}

/// The thread within which order is strict: one sender, one recipient, one lane.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Conversation {
    /// Our number.
    pub sender: E164,
    /// The customer's number.
    pub recipient: E164,
    /// The lane.
    pub lane: Lane,
}

/// What the first `200` said of the place in the queue; a replay says the same again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answer {
    /// Place in the sender's queue at acceptance, from 1. 0 for an immediate message.
    pub position: u64,
    /// When it was expected to be handed over.
    pub estimate: Time,
}

/// What a request asks for: everything of a message that never changes again, but that it may move to
/// its fallback account, once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Draft {
    /// Its id, given before it is stored.
    pub id: MessageId,
    /// The number it is sent from.
    pub sender: E164,
    /// The number it is sent to.
    pub recipient: E164,
    /// Its lane.
    pub lane: Lane,
    /// Queued or immediate.
    pub kind: Kind,
    /// Who sends it.
    pub organization: OrganizationId,
    /// The assistant that owned the sending number.
    pub assistant: AssistantId,
    /// The provider account it goes through.
    pub account: AccountName,
    /// That account's provider.
    pub provider: ProviderKind,
    /// The text.
    pub text: String,
    /// Media, making it an MMS where there is any.
    pub media: Vec<String>,
    /// What it costs of the pace, at least 1: our own count.
    pub segments: u16,
    /// How the text is encoded, by our own count.
    pub encoding: Encoding,
    /// The request's fingerprint.
    pub fingerprint: Fingerprint,
    /// The body of the provider's request, where that must be the same to the byte each time (see
    /// [`Provider::freeze`]). What has one may be repeated while its outcome is unknown.
    ///
    /// [`Provider::freeze`]: crate::ports::Provider::freeze
    pub frozen: Option<String>,
    /// Where it goes once its account has definitely refused it for a reason of the account's own.
    pub fallback: Option<Fallback>,
    /// Not handed over after this.
    pub expires_at: Option<Time>,
    /// What the client calls it. Ours only to keep.
    pub client_reference: Option<String>,
    /// What the client keeps with it: a JSON object, as text. Ours only to keep.
    pub metadata: Option<String>,
}

/// Another account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Elsewhere {
    /// The account.
    pub account: AccountName,
    /// Its provider.
    pub provider: ProviderKind,
}

/// The account that a message may move to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fallback {
    /// That account.
    pub to: Elsewhere,
    /// As [`Draft::frozen`], for that account.
    pub frozen: Option<String>,
}

/// That a message moved to its fallback account, once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Moved {
    /// The account that took it in; `None` where a record of version 2 did not keep it.
    pub from: Option<Elsewhere>,
    /// The last attempt that went through that one. Later ones go through the draft's.
    pub last_there: u16,
}

impl Draft {
    /// The conversation it belongs to.
    pub const fn conversation(&self) -> Conversation {
        Conversation { sender: self.sender, recipient: self.recipient, lane: self.lane }
    }

    /// What it costs of the pace, by our own count.
    pub fn cost(&self) -> Cost {
        let text = Cost::sms(u32::from(self.segments.max(1)));
        Cost { mms: !self.media.is_empty(), ..text }
    }
}

/// One attempt to hand a message over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attempt {
    /// From 1, never reused.
    pub number: u16,
    /// The call that claimed it.
    pub claim_id: ClaimId,
    /// When it was claimed.
    pub claimed_at: Time,
    /// The last moment to write the request.
    pub begin_by: Time,
    /// The last moment for an answer.
    pub deadline: Time,
    /// When it was written, once known.
    pub written_at: Option<Time>,
    /// What became of it.
    pub result: AttemptResult,
}

/// What became of an attempt, as the record keeps it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum AttemptResult {
    /// No outcome yet.
    Open,
    /// Nothing was written.
    NeverBegun,
    /// The provider took it.
    Accepted,
    /// The provider refused it.
    Refused {
        /// Kind of refusal.
        class: Class,
        /// The provider's code.
        code: Option<String>,
    },
    /// Nobody knows.
    Unknown(Doubt),
}

/// The record of a message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Message {
    /// What never changes.
    pub draft: Draft,
    /// Its place among all messages of its sender, given by the append step.
    pub seq: u64,
    /// What the first `200` said.
    pub answer: Answer,
    /// When it was stored.
    pub accepted_at: Time,
    /// When the record last changed.
    pub updated_at: Time,
    /// Where it stands.
    pub state: State,
    /// While queued or scheduled: not before this.
    pub due: Time,
    /// The number of the last claim.
    pub attempt: u16,
    /// Attempts that were really begun.
    pub tries: u16,
    /// Attempts that may have reached the provider and have no outcome.
    pub unresolved: Vec<u16>,
    /// An earlier attempt turned out accepted while a newer one is open (`C5`).
    pub accepted_earlier: bool,
    /// Unknown for good: its conversation goes on, a person decides.
    pub listed: bool,
    /// It goes through its fallback account now: `draft` names that one.
    pub moved: Option<Moved>,
    /// It was listed once, and its conversation may have gone on without it.
    pub overtaken: bool,
    /// While unknown: evidence is waited for until here.
    pub evidence_until: Option<Time>,
    /// The last [`ATTEMPTS_KEPT`] attempts, oldest first.
    pub attempts: Vec<Attempt>,
    /// When the attempt that was accepted was written.
    pub sent_at: Option<Time>,
    /// The provider's own id.
    pub provider_id: Option<String>,
    /// The provider's own word for the state.
    pub provider_status: Option<String>,
    /// Segments as the provider counts them.
    pub provider_segments: Option<u16>,
    /// The last definite refusal.
    pub refusal: Option<Refusal>,
    /// While offered, and only then: not taken after this.
    pub not_after: Option<Time>,
}

/// The three instants of an attempt, fixed by the step that claims it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClaimTimes {
    /// The store's now.
    pub now: Time,
    /// See [`Attempt::begin_by`].
    pub begin_by: Time,
    /// See [`Attempt::deadline`].
    pub deadline: Time,
}

/// Why a claim was not made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClaimRefused {
    /// The same call claimed it before: the record's times hold, nothing starts anew.
    Already,
    /// It is not what the caller thinks: read it again.
    Changed,
    /// Its retry is not due yet.
    NotDue(Time),
    /// It is not worth sending any more; nothing was changed.
    Expired,
}

/// What the process that made an attempt says became of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Settlement {
    /// The provider took it.
    Accepted(Acceptance),
    /// The provider refused it; `next` is what follows if nothing else forbids it.
    Refused {
        /// The refusal.
        refusal: Refusal,
        /// Retry or give up.
        next: Next,
    },
    /// It was never written (`requeue`). Costs no try.
    NeverBegun {
        /// When it may be claimed again.
        due: Time,
    },
}

/// What a settled attempt did to the sender's pace.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settled {
    /// The instant at which its units count, if this step brings one to the record.
    pub charged_at: Option<Time>,
}

/// The attempt's outcome is known already, or the record does not know the attempt: forget it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KnownAlready;

/// The record is not in the state that the caller thought.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Changed;

/// What follows an unknown outcome for which no evidence came.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum UnknownPolicy {
    /// Hand it over again, at the risk of a double.
    Resend,
    /// List it and let its conversation go on.
    Hold,
}

/// What a person says of a message of unknown outcome.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ByHand {
    /// The provider has it.
    Sent,
    /// The provider has it not, and it is not to be sent.
    Failed,
    /// Hand it over again, at the risk of a double.
    Retry,
}

/// Why a person cannot settle it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotByHand {
    /// Its outcome is known.
    Known,
    /// An attempt is under way, or will be, that may tell.
    UnderWay,
    /// It is immediate, and those are not sent again under their id.
    Immediate,
}

/// What a cancellation found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cancelled {
    /// No provider has seen it and none will.
    Done,
    /// It had been cancelled before.
    Before,
    /// Too late; the state that is shown.
    TooLate(Shown),
}

/// The five states that a client sees.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Shown {
    /// `queued`
    Queued,
    /// `sending`
    Sending,
    /// `sent`
    Sent,
    /// `failed`
    Failed,
    /// `cancelled`
    Cancelled,
}

impl Shown {
    /// The documented word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Sending => "sending",
            Self::Sent => "sent",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
        }
    }
}

#[cfg(test)]
mod tests;
