//! The traits that the engine needs of the world: `Store`, `Peers`, `Provider`, `Clock`, `Ids`.
//!
//! Their contracts are their doc comments; `sendyard`'s store contract suite holds every store to
//! them. Steps and words are PROTOCOL.md's. Each step is one transaction: nothing is read outside
//! and written later. Every step may be repeated with the same arguments, and a late duplicate of it
//! is harmless; so a caller without an answer repeats it.

mod peers;
mod together;

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use futures::future::join_all;
use uuid::Uuid;

pub use self::peers::{Heard, Member, Note, Peers, To};
pub use self::together::as_one_answer;
use crate::domain::applied::Applied;
use crate::domain::fingerprint::Fingerprint;
use crate::domain::ids::{ClaimId, Incarnation, MessageId, OrganizationId, ProviderKind, Shard};
use crate::domain::message::{
    ByHand, Cancelled, Conversation, Draft, Lane, Message, NotByHand, Settlement, Shown, TimeUp,
    UnknownPolicy,
};
use crate::domain::outcome::{Acceptance, Doubt, Outcome, Slows};
use crate::domain::pace::{Cost, Keep};
use crate::domain::phone::E164;
use crate::domain::shard_set::ShardSet;
use crate::domain::time::Time;
use crate::domain::tuning::Tuning;

/// An answer that comes later.
pub type Later<T> = Pin<Box<dyn Future<Output = T> + Send + 'static>>;

/// The answer of a store's step.
pub type Stored<T> = Later<Result<T, StoreError>>;

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

/// Where messages live. The store is the queue; its clock is the time that counts.
///
/// `F` marks an owner's step: the lease is compared first, both parts, and a stale caller changes
/// nothing. All other steps anybody may call. An answer is given only after what it says is durable.
pub trait Store: Send + Sync + 'static {
    /// Can no other process have it open? Then leases have no end.
    fn is_exclusive(&self) -> bool;

    /// Makes `holder` the owner of the shard for `lease_for` from now, with a fence greater than any
    /// before; asked again by the same holder, the same lease with a new end.
    ///
    /// A store that several processes share refuses while another's lease lasts, and changes nothing
    /// else: the old owner's open attempts stay open until [`Store::mark_unknown`] may have them. A store
    /// that only one process can open knows that the earlier owner is dead, however long its lease: its
    /// open attempts become unknown in this step (their units counted at now, evidence waited for until
    /// `evidence_within` after the attempt's deadline + `margin`, or after now if that is later).
    fn acquire_lease(
        &self,
        shard: Shard,
        holder: Incarnation,
        lease_for: Duration,
        margin: Duration,
        evidence_within: Duration,
    ) -> Stored<Leased>;

    /// `F`. The lease ends `lease_for` from now. `false`: it is another's; drop the shard. One that is
    /// over and that nobody took is still the caller's.
    fn renew_lease(&self, lease: Lease, lease_for: Duration) -> Stored<bool>;

    /// `F`. Ends the lease now, so that another need not wait for its end. The caller has stopped
    /// claiming under it. Nothing happens if it is another's.
    fn release_lease(&self, lease: Lease) -> Stored<()>;

    /// Binds the key to `id`, or finds who has it. A join marks the key's record. `token` names the
    /// request: repeated with the same token it answers as the first time. A key past its retention
    /// is free.
    fn reserve_key(
        &self,
        key: ScopedKey,
        id: MessageId,
        fingerprint: Fingerprint,
        token: Uuid,
        keep_for: Duration,
    ) -> Stored<Reserved>;

    /// [`Store::reserve_key`] of several, as one after the other in their order, and answered in it: in one step
    /// where the store can. An error is of all of them; `Unanswered` or `Corrupt` if some may have been reserved.
    /// After either each answers to its token.
    fn reserve_keys(&self, keys: Arc<[Reserve]>, keep_for: Duration) -> Stored<Vec<Reserved>> {
        let one =
            |one: &Reserve| self.reserve_key(one.key.clone(), one.id, one.fingerprint, one.token, keep_for);
        let each = keys.iter().map(one).collect::<Vec<_>>();
        Box::pin(async move { together::as_one_answer(join_all(each).await) })
    }

    /// What the key stands for, if it is bound and not past its retention.
    fn lookup_key(&self, key: ScopedKey) -> Stored<Option<BoundKey>>;

    /// Frees the key if it is bound to `id` by the request `token` and nobody joined it.
    fn release_key(&self, key: ScopedKey, id: MessageId, token: Uuid) -> Stored<()>;

    /// Stores a message as `queued`: gives its `seq`, puts it into its sender's queue and its
    /// conversation, and the depth up by one, unless the depth limit is reached. `Exists` for an id
    /// that is there, whatever its state, and nothing changes. One that may not go before a later instant is
    /// stored as `scheduled`, outside of both; of those the same limit holds by themselves, and they are
    /// counted by themselves. `TooLate`, before `Full`, for one that expires before its turn comes.
    fn append(&self, append: Append) -> Stored<Appended>;

    /// [`Store::append`] of several messages, those of one shard as one after the other in their order, and all
    /// answered in it: in one step where the store gains by it. An error is of all of them; `Unanswered` or `Corrupt` if some
    /// may have been stored. After either each answers to its id.
    fn append_all(&self, appends: Arc<[Append]>) -> Stored<Vec<Appended>> {
        let each = appends.iter().map(|append| self.append(append.clone())).collect::<Vec<_>>();
        Box::pin(async move { together::as_one_answer(join_all(each).await) })
    }

    /// `F`. Stores an immediate message as `sending`, attempt 1 (claim.expected is 0). Depth limit
    /// and estimate do not apply.
    fn append_sending(&self, draft: Draft, claim: Claim, request_until: Time) -> Stored<Appended>;

    /// Stores an immediate message as `offered` to its sender's owner, who may take it until `not_after`;
    /// nothing once that has passed. `Exists` as for [`Store::append`]; depth limit and estimate do not apply.
    fn forward_immediate(&self, draft: Draft, not_after: Time) -> Stored<Appended>;

    /// An immediate message that definitely failed with attempt `expected`: `failed → offered`. `Done` also
    /// if it was offered again before; `Known` if it is anything else, or `not_after` has passed.
    fn forward_again(&self, id: MessageId, expected: u16, not_after: Time) -> Stored<SettleAnswer>;

    /// `F`. `offered → sending`, next attempt, while its time lasts; `Changed` afterwards. No order.
    fn take_immediate(&self, claim: Claim) -> Stored<Claimed>;

    /// `offered → failed` once its time is over. Answers the record as it is then, whatever its state: it
    /// alone says whether the offer was taken. `None` for an id that is not there.
    fn withdraw(&self, id: MessageId) -> Stored<Option<Box<Message>>>;

    /// `F`. `queued → sending` of the head of a conversation; also takes it out of the queue.
    fn claim(&self, claim: Claim) -> Stored<Claimed>;

    /// The first of these shards' timers behind `after` and up to `until`, in their order ([`Timer::order`]), at
    /// most `limit`. If `after` is not there any more, some before it may be met again.
    fn timers(&self, shards: ShardSet, after: Option<Timer>, until: Time, limit: usize)
    -> Stored<Vec<Timer>>;

    /// See [`Message::time_up`], of several messages of one shard, in this order; `None` of those of which
    /// there was nothing to do. Needs no lease. Repeated it finds nothing to do.
    fn time_up(&self, ids: Vec<MessageId>) -> Stored<Vec<TimedUp>>;

    /// See [`Message::postpone`]. Needs no lease.
    fn postpone(&self, id: MessageId, expected: u16, due: Time) -> Stored<SettleAnswer>;

    /// `F`. [`Store::claim`] of several messages of one sender, answered in their order: in one step where
    /// the store gains by it. An error is of all of them; `Corrupt` if a record cannot be read, and
    /// `Unanswered` if some may have been claimed. After either each answers to its name.
    fn claim_all(&self, claims: Vec<Claim>) -> Stored<Vec<Claimed>> {
        let each = claims.into_iter().map(|claim| self.claim(claim)).collect::<Vec<_>>();
        Box::pin(async move { together::as_one_answer(join_all(each).await) })
    }

    /// `F`. An immediate message that definitely failed: `failed → sending`, same id, next attempt.
    fn retry(&self, claim: Claim) -> Stored<Claimed>;

    /// Records the outcome of an attempt (see [`Message::settle`]) and its charge to the pace. Where it has
    /// its charge already, what the provider counted beyond our own count is charged at now.
    fn settle(&self, settle: Settle) -> Stored<SettleAnswer>;

    /// `F`. See [`Message::mark_unknown`]; `Known` before the attempt's deadline + margin. The charge
    /// is at `written_at`, else at `begin_by` + margin.
    fn mark_unknown(&self, mark: MarkUnknown) -> Stored<SettleAnswer>;

    /// What a provider told by another way than the answer: that it has the message. `attempt` is `None`
    /// where it names the message alone. Else as [`Store::settle`] with an acceptance; the charge, if the
    /// attempt has none yet, is at now.
    fn evidence(&self, id: MessageId, attempt: Option<u16>, acceptance: Acceptance) -> Stored<SettleAnswer>;

    /// What a person says of a message of unknown outcome, of this organization; see
    /// [`Message::settle_by_hand`]. `None` for an id that is not there or not this organization's.
    fn settle_by_hand(
        &self,
        id: MessageId,
        organization: OrganizationId,
        verdict: ByHand,
    ) -> Stored<Option<Result<Box<Message>, NotByHand>>>;

    /// Messages of this organization whose outcome is unknown (see [`Message::is_doubtful`]), by id,
    /// which is about the order of acceptance; those behind `after`, at most `limit`.
    fn doubtful(
        &self,
        organization: OrganizationId,
        after: Option<MessageId>,
        limit: usize,
    ) -> Stored<Vec<Message>>;

    /// `F`. See [`Message::settle_unknown`].
    fn settle_unknown(
        &self,
        id: MessageId,
        attempt: u16,
        lease: Lease,
        policy: UnknownPolicy,
    ) -> Stored<SettleAnswer>;

    /// Cancels a message of this organization: [`Cancelled`] and the record, or `None` for an id that
    /// is not there or not this organization's.
    fn cancel(&self, id: MessageId, organization: OrganizationId) -> Stored<Option<(Cancelled, Shown)>>;

    /// The record of a message.
    fn message(&self, id: MessageId) -> Stored<Option<Box<Message>>>;

    /// The records of several messages, in their order.
    fn messages(&self, ids: Vec<MessageId>) -> Stored<Vec<Option<Box<Message>>>>;

    /// Finished messages of one shard, or of all and more than that shard's, in the order in which they
    /// finished, behind `after`. At most `limit`, but more where several finished at one instant; none is the
    /// end. One that was tried again since is there no more, or is there with an instant that is not its
    /// record's `updated_at`.
    fn ended(&self, shard: Option<Shard>, after: Option<Ended>, limit: usize) -> Stored<Vec<Ended>>;

    /// Messages of this organization with this `client_reference`, by id, which is about the order of acceptance: of
    /// one shard, or of all; those behind `after`, at most `limit`. None is the end.
    fn referenced(
        &self,
        organization: OrganizationId,
        reference: String,
        shard: Option<Shard>,
        after: Option<MessageId>,
        limit: usize,
    ) -> Stored<Vec<MessageId>>;

    /// What waits in a sender's lane behind `after`, by `seq`, at most `limit`.
    fn queue_page(&self, sender: E164, lane: Lane, after: Option<u64>, limit: usize) -> Stored<Vec<Waiting>>;

    /// What waits (state `queued`) in a conversation behind `after`, by `seq`, at most `limit`.
    fn conversation_page(
        &self,
        conversation: Conversation,
        after: Option<u64>,
        limit: usize,
    ) -> Stored<Vec<Waiting>>;

    /// How many messages wait at a sender.
    fn depth(&self, sender: E164) -> Stored<u64>;

    /// The same lane by lane, and what those messages will cost.
    fn depths(&self, sender: E164) -> Stored<Depths>;

    /// The hand-overs of a sender at or after `from` that are known one by one, oldest first.
    fn charges(&self, sender: E164, from: Time) -> Stored<Vec<Charge>>;

    /// Those that are known only added up, whose last one is at or after `from`, oldest first: one for
    /// each quarter of an hour that has any, and one for those with media. Read after
    /// [`Store::charges`]: what is added up in between counts twice then, rather than not at all.
    fn charge_sums(&self, sender: E164, from: Time) -> Stored<Vec<Charge>>;

    /// What was set of a sender while it ran, if anything ever was.
    fn tuning(&self, sender: E164) -> Stored<Option<Tuning>>;

    /// Replaces that, if it is of the generation before; `false`, and nothing changes, if it is not.
    fn tune(&self, sender: E164, tuning: Tuning) -> Stored<bool>;

    /// Those of these shards with senders of which anything was ever set, and how often: who sees a number
    /// grow reads the tunings of that shard again.
    fn tunings(&self, shards: ShardSet) -> Stored<Vec<(Shard, u64)>>;

    /// What was applied of the directory last; `None` where nothing ever was, or it is of the generation
    /// `known`.
    fn directory(&self, known: u64) -> Stored<Option<Applied>>;

    /// Replaces that, if it is of the generation before; `false`, and nothing changes, if it is not. Of what is
    /// there already, the answer is that of the first time.
    fn apply_directory(&self, directory: Applied) -> Stored<bool>;

    /// Attempts that are open or unknown and not listed, and offers; of one sender, or of all.
    fn unsettled(&self, sender: Option<E164>) -> Stored<Vec<Unsettled>>;

    /// The same of all senders of these shards.
    fn unsettled_in(&self, shards: ShardSet) -> Stored<Vec<Unsettled>>;

    /// Senders of these shards with messages waiting, in no order.
    fn backlogs(&self, shards: ShardSet) -> Stored<Vec<Backlog>>;

    /// Counts for one organization, per provider that has any.
    fn tallies(&self, organization: OrganizationId) -> Stored<Vec<Tally>>;

    /// Removes finished messages last changed before `messages_before`, and keys past their
    /// retention, at most about a thousand at a time.
    fn prune(&self, messages_before: Time) -> Stored<Pruned>;
}

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
