//! The store, step by step.

use std::sync::Arc;
use std::time::Duration;

use futures::future::join_all;
use uuid::Uuid;

use super::{
    Append, Appended, Backlog, BoundKey, Charge, Claim, Claimed, Depths, Ended, Later, Lease, Leased,
    MarkUnknown, Pruned, Reserve, Reserved, ScopedKey, Settle, SettleAnswer, StoreError, Tally, TimedUp,
    Timer, Unsettled, Waiting, as_one_answer,
};
use crate::domain::applied::Applied;
use crate::domain::fingerprint::Fingerprint;
use crate::domain::ids::{Incarnation, MessageId, OrganizationId, Shard};
use crate::domain::message::{
    ByHand, Cancelled, Conversation, Draft, Lane, Message, NotByHand, Shown, UnknownPolicy,
};
use crate::domain::outcome::Acceptance;
use crate::domain::phone::E164;
use crate::domain::shard_set::ShardSet;
use crate::domain::time::Time;
use crate::domain::tuning::Tuning;

/// The answer of a store's step.
pub type Stored<T> = Later<Result<T, StoreError>>;

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
        Box::pin(async move { as_one_answer(join_all(each).await) })
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
        Box::pin(async move { as_one_answer(join_all(each).await) })
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
        Box::pin(async move { as_one_answer(join_all(each).await) })
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
