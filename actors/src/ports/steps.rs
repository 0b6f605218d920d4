//! What the steps of a store take, and what they answer.

use std::time::Duration;

use uuid::Uuid;

#[cfg(doc)]
use super::Store;
use crate::domain::fingerprint::Fingerprint;
use crate::domain::ids::{ClaimId, Incarnation, MessageId, OrganizationId, ProviderKind, Shard};
use crate::domain::message::{Draft, Lane, Message, Settlement, TimeUp};
use crate::domain::outcome::Doubt;
use crate::domain::pace::{Cost, Keep};
use crate::domain::phone::E164;
use crate::domain::time::Time;

/// Why a step was not done, or not known to be done.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// The step may or may not have been done: repeat it.
    #[error("the store did not answer")]
    Unanswered,
    /// The step was not done: there is no room.
    #[error("the store is full: {0}")]
    Full(String),
    /// The step was not done.
    #[error("the store is unavailable: {0}")]
    Unavailable(String),
    /// A record cannot be read. Nothing was changed.
    #[error("the store holds a record that cannot be read: {0}")]
    Corrupt(String),
}

/// The right to claim in one shard: equality of both parts is the fence check.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lease {
    /// The shard.
    pub shard: Shard,
    /// Grows with each owner and is never reused.
    pub fence: u64,
    /// Who holds it.
    pub holder: Incarnation,
}

/// The answer to [`Store::acquire_lease`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Leased {
    /// The shard is the caller's.
    Yours {
        /// To be shown with every owner's step.
        lease: Lease,
        /// Attempts of a proven dead owner that this step marked unknown.
        orphans: u32,
    },
    /// Another holds it, until then at least.
    TakenUntil(Time),
}

/// One idempotency key of one organization.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ScopedKey {
    /// The scope.
    pub organization: OrganizationId,
    /// The client's key, 1 to 256 code points.
    pub key: String,
}

/// The answer to [`Store::reserve_key`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reserved {
    /// The key is this request's: append under this id.
    Yours(MessageId),
    /// An earlier request with the same fingerprint has it: append under its id.
    Joined(MessageId),
    /// The key stands for another request.
    OtherRequest,
}

/// A key to be reserved, with what [`Store::reserve_key`] is asked.
#[derive(Debug, Clone)]
pub struct Reserve {
    /// The key.
    pub key: ScopedKey,
    /// The message that it is to stand for.
    pub id: MessageId,
    /// The fingerprint of its request.
    pub fingerprint: Fingerprint,
    /// Names the request.
    pub token: Uuid,
}

/// What [`Store::lookup_key`] finds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BoundKey {
    /// The message that the key stands for.
    pub id: MessageId,
    /// The fingerprint of its request.
    pub fingerprint: Fingerprint,
}

/// A message to be stored.
#[derive(Debug, Clone)]
pub struct Append {
    /// The message.
    pub draft: Draft,
    /// Units of the sender's pace per second, to tell the place in the queue as a time.
    pub estimate: EstimateRule,
    /// The most messages that may wait at the sender.
    pub depth_limit: u64,
    /// After this instant the step must not land any more.
    pub request_until: Time,
    /// It may not go before this. If that is later than now, it is scheduled.
    pub not_before: Time,
}

/// How the append step turns units ahead into the estimate it stores: `from + units × per_unit`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EstimateRule {
    /// When the next message may go at the earliest.
    pub from: Time,
    /// How long one unit of what is ahead takes.
    pub per_unit: Duration,
}

/// The answer to [`Store::append`], [`Store::append_sending`] and [`Store::forward_immediate`].
#[derive(Debug, Clone)]
pub enum Appended {
    /// It is stored now.
    Stored(Box<Message>),
    /// A record of this id was there and is unchanged.
    Exists(Box<Message>),
    /// The sender's queue is full; nothing is stored.
    Full,
    /// It would expire before its turn, which comes at this instant; nothing is stored.
    TooLate(Time),
    /// `request_until`, or the offer's `not_after`, has passed; nothing is stored.
    Late,
}

/// A claim of one message.
#[derive(Debug, Clone, Copy)]
pub struct Claim {
    /// The message.
    pub id: MessageId,
    /// The owner's lease.
    pub lease: Lease,
    /// The number of the last claim that the caller knows of.
    pub expected: u16,
    /// Names this call.
    pub claim_id: ClaimId,
    /// From the store's now to the last moment to write.
    pub begin_within: Duration,
    /// From the store's now to the last moment for an answer.
    pub answer_within: Duration,
}

/// The answer to [`Store::claim`], [`Store::retry`] and [`Store::take_immediate`].
#[derive(Debug, Clone)]
pub enum Claimed {
    /// `sending` now.
    Yes(Box<Message>),
    /// This very call claimed it before; the times are the record's.
    Already(Box<Message>),
    /// An earlier message of its conversation is undecided.
    NotHead(Waiting),
    /// Its retry is due later.
    NotDue(Time),
    /// It is not worth sending any more: see [`Store::time_up`].
    Expired,
    /// Not what the caller thinks, or no such message: forget it, read again.
    Changed,
    /// The lease is over: drop the shard.
    Stale,
}

/// What a message in a sender's queue is to its sender: all it needs to choose, no text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Waiting {
    /// The message.
    pub id: MessageId,
    /// Its place.
    pub seq: u64,
    /// Who it goes to.
    pub recipient: E164,
    /// Its lane.
    pub lane: Lane,
    /// What it costs of the pace.
    pub cost: Cost,
    /// Not before this.
    pub due: Time,
    /// The number of the last claim.
    pub attempt: u16,
    /// It goes through its fallback account.
    pub elsewhere: bool,
}

impl Waiting {
    /// Since when it waits for its turn: one that was put off waits from its time on.
    pub fn since(&self) -> Time {
        let made_at = self.id.made_at();
        if self.attempt == 0 { made_at.max(self.due) } else { made_at }
    }

    /// The entry of a message's record.
    pub fn of(message: &Message) -> Self {
        Self {
            id: message.draft.id,
            seq: message.seq,
            recipient: message.draft.recipient,
            lane: message.draft.lane,
            cost: message.draft.cost(),
            due: message.due,
            attempt: message.attempt,
            elsewhere: message.moved.is_some(),
        }
    }
}

/// An outcome to be recorded, by who made the attempt.
#[derive(Debug, Clone)]
pub struct Settle {
    /// The message.
    pub id: MessageId,
    /// The attempt.
    pub attempt: u16,
    /// What became of it.
    pub settlement: Settlement,
    /// The stamp taken before the write; `None` where nothing was written.
    pub written_at: Option<Time>,
    /// What is still to be known of the sender's hand-overs. Those that need not be known one by one are
    /// added up, in the step that removes them, so that each counts once; sums from before
    /// [`Keep::sums_from`] and older than [`SUMS_KEPT`] go. With [`Keep::NOTHING`] this one is not noted.
    pub keep: Keep,
}

/// The answer to [`Store::settle`], [`Store::mark_unknown`], [`Store::settle_unknown`], and of those who own
/// nothing [`Store::forward_again`] and [`Store::postpone`].
#[derive(Debug, Clone)]
pub enum SettleAnswer {
    /// Recorded; the record as it is now.
    Done(Box<Message>),
    /// It was known already, or is not what the caller thinks: forget it.
    Known,
    /// The lease is over. Never the answer to `settle` and `forward_again`.
    Stale,
}

/// An attempt whose outcome will not come.
#[derive(Debug, Clone, Copy)]
pub struct MarkUnknown {
    /// The message.
    pub id: MessageId,
    /// The attempt.
    pub attempt: u16,
    /// The owner's lease.
    pub lease: Lease,
    /// Why nobody knows.
    pub doubt: Doubt,
    /// When it was written, if that is known.
    pub written_at: Option<Time>,
    /// How long after the deadline the step may be done at the earliest.
    pub margin: Duration,
    /// How long evidence is waited for, from now.
    pub evidence_within: Duration,
}

/// An attempt that is open or unknown and not listed, or an offer, as the sweeper sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unsettled {
    /// The message.
    pub id: MessageId,
    /// Its sender.
    pub sender: E164,
    /// Its recipient.
    pub recipient: E164,
    /// Its lane.
    pub lane: Lane,
    /// Its last attempt.
    pub attempt: u16,
    /// What it costs of the pace.
    pub cost: Cost,
    /// Does it keep order (queued), or not (immediate)?
    pub in_conversation: bool,
    /// The last moment to write it.
    pub begin_by: Time,
    /// The last moment for its answer.
    pub deadline: Time,
    /// Set once it is unknown: evidence is waited for until here.
    pub evidence_until: Option<Time>,
    /// Set while it is offered, and then it has no open attempt: not taken after this.
    pub not_after: Option<Time>,
}

impl Unsettled {
    /// May its last attempt still be written, or answered?
    pub const fn is_open(&self) -> bool {
        self.evidence_until.is_none() && !self.is_offer()
    }

    /// Is it offered, with no attempt under way?
    pub const fn is_offer(&self) -> bool {
        self.not_after.is_some()
    }
}

/// A message that is scheduled, or waits in its queue and expires: when there is something to do about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timer {
    /// See [`Message::timer`].
    pub at: Time,
    /// Its place when that was set.
    pub seq: u64,
    /// The message.
    pub id: MessageId,
}

impl Timer {
    /// What timers are sorted by: those of one sender and instant are in the order of acceptance.
    pub fn order(&self) -> (Time, Shard, u64) {
        (self.at, self.id.shard(), self.seq)
    }
}

/// What [`Store::time_up`] did about a message; the record as it is now.
pub type TimedUp = Option<(TimeUp, Box<Message>)>;

/// A hand-over that counts in the pace of its sender; or several of a quarter of an hour, added up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Charge {
    /// When it was written, or the latest instant at which it can have been; of several the last one's.
    pub at: Time,
    /// What it cost.
    pub cost: Cost,
}

/// Sums of hand-overs are of whole quarters of an hour, from one full quarter of UTC on: that is of
/// which the days of all zones consist.
pub const QUARTER: Duration = Duration::from_mins(15);

/// Sums are kept at least for so long, whatever the limits are: one for a day may be set at any time.
pub const SUMS_KEPT: Duration = Duration::from_hours(27);

/// How much waits at a sender.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Depths {
    /// Messages in each lane, the most urgent first.
    pub lanes: [u64; 3],
    /// Segments of all of them.
    pub segments: u64,
}

/// A sender that a start must wake.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Backlog {
    /// The sending number.
    pub sender: E164,
    /// How many messages wait there.
    pub waiting: u64,
}

/// Counts of one organization's messages at one provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tally {
    /// The provider.
    pub provider: ProviderKind,
    /// `queued` now.
    pub waiting: u64,
    /// Shown as `sending` now.
    pub active: u64,
    /// Became `sent` in the last hour (whole minutes).
    pub sent: u64,
    /// Became `failed` in the last hour (whole minutes).
    pub failed: u64,
    /// From acceptance to `sent`, added up over those counted in `sent`, in milliseconds.
    pub sent_millis: u64,
}

/// That a message came to its end. In order: by the instant, then by id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Ended {
    /// When.
    pub at: Time,
    /// The message.
    pub id: MessageId,
}

impl Ended {
    /// Before all that ended at `at` or later.
    pub const fn before(at: Time) -> Self {
        Self { at, id: MessageId::FIRST }
    }
}

/// What a prune removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Pruned {
    /// Finished messages.
    pub messages: u64,
    /// Idempotency keys.
    pub keys: u64,
    /// More is left that could go now.
    pub more: bool,
}
