//! The port, once for both stores: each of its steps handed to a [`Runner`].

use std::sync::Arc;
use std::time::Duration;

use sendyard_actors::domain::fingerprint::Fingerprint;
use sendyard_actors::domain::ids::{Incarnation, MessageId, OrganizationId, Shard};
use sendyard_actors::domain::message::{
    ByHand, Cancelled, Conversation, Draft, Lane, Message, NotByHand, Shown, UnknownPolicy,
};
use sendyard_actors::domain::outcome::Acceptance;
use sendyard_actors::domain::phone::E164;
use sendyard_actors::domain::shard_set::ShardSet;
use sendyard_actors::domain::time::Time;
use sendyard_actors::domain::tuning::Tuning;
use sendyard_actors::ports::{
    Append, Appended, Backlog, BoundKey, Charge, Claim, Claimed, Depths, Ended, Lease, Leased, MarkUnknown,
    Pruned, Reserve, Reserved, ScopedKey, Settle, SettleAnswer, Store, StoreError, Stored, Tally, TimedUp,
    Timer, Unsettled, Waiting,
};
use uuid::Uuid;

use super::rows::{Rows, RowsMut};
use super::steps::LeaseAsked;
use super::{indexes, queries, references, steps, tallies};

/// How many processes can have a store open at a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Owners {
    /// One: an earlier owner of a shard is dead.
    One,
    /// Several: a lease lasts for its time, whoever asks.
    Many,
}

/// Runs steps and reads over the rows it owns, with the store's now.
pub trait Runner: Send + Sync + 'static {
    /// May several processes have the store open?
    fn owners(&self) -> Owners {
        Owners::One
    }

    /// Runs a step alone and whole: all it wrote is there or, if it or the store fails, nothing.
    /// Answers when it is durable. A step may be run again from the start if it must.
    fn write<T: Send + 'static>(
        &self,
        step: impl Fn(&mut dyn RowsMut, Time) -> Result<T, StoreError> + Send + 'static,
    ) -> Stored<T>;

    /// [`Runner::write`] of a step that is as long as so many.
    fn write_all<T: Send + 'static>(
        &self,
        _steps: usize,
        step: impl Fn(&mut dyn RowsMut, Time) -> Result<T, StoreError> + Send + 'static,
    ) -> Stored<T> {
        self.write(step)
    }

    /// Runs a read on what is durable, all of it at one instant.
    fn read<T: Send + 'static>(
        &self,
        query: impl FnOnce(&dyn Rows, Time) -> Result<T, StoreError> + Send + 'static,
    ) -> Stored<T>;
}

/// A store made of the steps and one way to run them.
#[derive(Debug)]
pub struct StepStore<R> {
    pub(super) runner: R,
}

impl<R: Runner> Store for StepStore<R> {
    fn is_exclusive(&self) -> bool {
        self.runner.owners() == Owners::One
    }

    fn acquire_lease(
        &self,
        shard: Shard,
        holder: Incarnation,
        lease_for: Duration,
        margin: Duration,
        evidence_within: Duration,
    ) -> Stored<Leased> {
        let owners = self.runner.owners();
        let asked = LeaseAsked { shard, holder, lease_for, margin, evidence_within, owners };
        self.runner.write(move |rows, now| steps::acquire_lease(rows, now, &asked))
    }

    fn renew_lease(&self, lease: Lease, lease_for: Duration) -> Stored<bool> {
        let owners = self.runner.owners();
        self.runner.write(move |rows, now| steps::renew_lease(rows, now, &lease, lease_for, owners))
    }

    fn release_lease(&self, lease: Lease) -> Stored<()> {
        let owners = self.runner.owners();
        self.runner.write(move |rows, _| steps::release_lease(rows, &lease, owners))
    }

    fn reserve_key(
        &self,
        key: ScopedKey,
        id: MessageId,
        fingerprint: Fingerprint,
        token: Uuid,
        keep_for: Duration,
    ) -> Stored<Reserved> {
        let fresh = BoundKey { id, fingerprint };
        self.runner.write(move |rows, now| steps::reserve_key(rows, now, &key, fresh, token, keep_for))
    }

    fn reserve_keys(&self, keys: Arc<[Reserve]>, keep_for: Duration) -> Stored<Vec<Reserved>> {
        self.runner.write_all(keys.len(), move |rows, now| steps::reserve_keys(rows, now, &keys, keep_for))
    }

    fn lookup_key(&self, key: ScopedKey) -> Stored<Option<BoundKey>> {
        self.runner.read(move |rows, now| steps::lookup_key(rows, now, &key))
    }

    fn release_key(&self, key: ScopedKey, id: MessageId, token: Uuid) -> Stored<()> {
        self.runner.write(move |rows, _| steps::release_key(rows, &key, id, token))
    }

    fn append(&self, append: Append) -> Stored<Appended> {
        self.runner.write(move |rows, now| steps::append(rows, now, &append))
    }

    fn append_all(&self, appends: Arc<[Append]>) -> Stored<Vec<Appended>> {
        self.runner.write_all(appends.len(), move |rows, now| steps::append_all(rows, now, &appends))
    }

    fn append_sending(&self, draft: Draft, claim: Claim, request_until: Time) -> Stored<Appended> {
        let appended = self
            .runner
            .write(move |rows, now| steps::append_sending(rows, now, &draft, &claim, request_until));
        // The port has no word for a stale lease here, so it is said as a step that was not done.
        let stale = || StoreError::Unavailable("the lease of the sender's shard is over".to_owned());
        Box::pin(async move { appended.await?.ok_or_else(stale) })
    }

    fn forward_immediate(&self, draft: Draft, not_after: Time) -> Stored<Appended> {
        self.runner.write(move |rows, now| steps::forward_immediate(rows, now, &draft, not_after))
    }

    fn forward_again(&self, id: MessageId, expected: u16, not_after: Time) -> Stored<SettleAnswer> {
        self.runner.write(move |rows, now| steps::forward_again(rows, now, id, expected, not_after))
    }

    fn take_immediate(&self, claim: Claim) -> Stored<Claimed> {
        self.runner.write(move |rows, now| steps::take_immediate(rows, now, &claim))
    }

    fn withdraw(&self, id: MessageId) -> Stored<Option<Box<Message>>> {
        self.runner.write(move |rows, now| steps::withdraw(rows, now, id))
    }

    fn claim(&self, claim: Claim) -> Stored<Claimed> {
        self.runner.write(move |rows, now| steps::claim(rows, now, &claim))
    }

    fn timers(
        &self,
        shards: ShardSet,
        after: Option<Timer>,
        until: Time,
        limit: usize,
    ) -> Stored<Vec<Timer>> {
        self.runner.read(move |rows, _| queries::timers(rows, shards, after, until, limit))
    }

    fn time_up(&self, ids: Vec<MessageId>) -> Stored<Vec<TimedUp>> {
        self.runner.write_all(ids.len(), move |rows, now| steps::time_up(rows, now, &ids))
    }

    fn postpone(&self, id: MessageId, expected: u16, due: Time) -> Stored<SettleAnswer> {
        self.runner.write(move |rows, now| steps::postpone(rows, now, id, expected, due))
    }

    fn claim_all(&self, claims: Vec<Claim>) -> Stored<Vec<Claimed>> {
        self.runner.write_all(claims.len(), move |rows, now| steps::claim_all(rows, now, &claims))
    }

    fn retry(&self, claim: Claim) -> Stored<Claimed> {
        self.runner.write(move |rows, now| steps::retry(rows, now, &claim))
    }

    fn settle(&self, settle: Settle) -> Stored<SettleAnswer> {
        self.runner.write(move |rows, now| steps::settle(rows, now, &settle))
    }

    fn mark_unknown(&self, mark: MarkUnknown) -> Stored<SettleAnswer> {
        self.runner.write(move |rows, now| steps::mark_unknown(rows, now, &mark))
    }

    fn evidence(&self, id: MessageId, attempt: Option<u16>, acceptance: Acceptance) -> Stored<SettleAnswer> {
        self.runner.write(move |rows, now| steps::evidence(rows, now, id, attempt, &acceptance))
    }

    fn settle_by_hand(
        &self,
        id: MessageId,
        organization: OrganizationId,
        verdict: ByHand,
    ) -> Stored<Option<Result<Box<Message>, NotByHand>>> {
        self.runner.write(move |rows, now| steps::settle_by_hand(rows, now, id, organization, verdict))
    }

    fn doubtful(
        &self,
        organization: OrganizationId,
        after: Option<MessageId>,
        limit: usize,
    ) -> Stored<Vec<Message>> {
        self.runner.read(move |rows, _| queries::doubtful(rows, organization, after, limit))
    }

    fn settle_unknown(
        &self,
        id: MessageId,
        attempt: u16,
        lease: Lease,
        policy: UnknownPolicy,
    ) -> Stored<SettleAnswer> {
        self.runner.write(move |rows, now| steps::settle_unknown(rows, now, id, attempt, &lease, policy))
    }

    fn cancel(&self, id: MessageId, organization: OrganizationId) -> Stored<Option<(Cancelled, Shown)>> {
        self.runner.write(move |rows, now| steps::cancel(rows, now, id, organization))
    }

    fn message(&self, id: MessageId) -> Stored<Option<Box<Message>>> {
        self.runner.read(move |rows, _| Ok(indexes::message(rows, id)?.map(Box::new)))
    }

    fn messages(&self, ids: Vec<MessageId>) -> Stored<Vec<Option<Box<Message>>>> {
        self.runner.read(move |rows, _| queries::messages(rows, &ids))
    }

    fn ended(&self, _shard: Option<Shard>, after: Option<Ended>, limit: usize) -> Stored<Vec<Ended>> {
        self.runner.read(move |rows, _| queries::ended(rows, after, limit))
    }

    fn referenced(
        &self,
        organization: OrganizationId,
        reference: String,
        shard: Option<Shard>,
        after: Option<MessageId>,
        limit: usize,
    ) -> Stored<Vec<MessageId>> {
        let place = references::place_of(organization, &reference);
        self.runner.read(move |rows, _| queries::referenced(rows, place, shard, after, limit))
    }

    fn queue_page(&self, sender: E164, lane: Lane, after: Option<u64>, limit: usize) -> Stored<Vec<Waiting>> {
        self.runner.read(move |rows, _| queries::queue_page(rows, sender, lane, after, limit))
    }

    fn conversation_page(
        &self,
        conversation: Conversation,
        after: Option<u64>,
        limit: usize,
    ) -> Stored<Vec<Waiting>> {
        self.runner.read(move |rows, _| queries::conversation_page(rows, conversation, after, limit))
    }

    fn depth(&self, sender: E164) -> Stored<u64> {
        self.runner.read(move |rows, _| Ok(indexes::sender(rows, sender)?.depth))
    }

    fn depths(&self, sender: E164) -> Stored<Depths> {
        self.runner.read(move |rows, _| queries::depths(rows, sender))
    }

    fn charges(&self, sender: E164, from: Time) -> Stored<Vec<Charge>> {
        self.runner.read(move |rows, _| queries::charges(rows, sender, from))
    }

    fn charge_sums(&self, sender: E164, from: Time) -> Stored<Vec<Charge>> {
        self.runner.read(move |rows, _| queries::charge_sums(rows, sender, from))
    }

    fn tuning(&self, sender: E164) -> Stored<Option<Tuning>> {
        self.runner.read(move |rows, _| steps::tuning_of(rows, sender))
    }

    fn tune(&self, sender: E164, tuning: Tuning) -> Stored<bool> {
        self.runner.write(move |rows, _| steps::tune(rows, sender, &tuning))
    }

    fn tunings(&self, shards: ShardSet) -> Stored<Vec<(Shard, u64)>> {
        self.runner.read(move |rows, _| steps::tunings(rows, shards))
    }

    fn unsettled(&self, sender: Option<E164>) -> Stored<Vec<Unsettled>> {
        self.runner.read(move |rows, _| queries::unsettled(rows, sender))
    }

    fn unsettled_in(&self, shards: ShardSet) -> Stored<Vec<Unsettled>> {
        self.runner.read(move |rows, _| queries::unsettled_in(rows, shards))
    }

    fn backlogs(&self, shards: ShardSet) -> Stored<Vec<Backlog>> {
        self.runner.read(move |rows, _| queries::backlogs(rows, shards))
    }

    fn tallies(&self, organization: OrganizationId) -> Stored<Vec<Tally>> {
        self.runner.read(move |rows, now| tallies::of_organization(rows, now, organization))
    }

    fn prune(&self, messages_before: Time) -> Stored<Pruned> {
        self.runner.write(move |rows, now| steps::prune(rows, now, messages_before))
    }
}
