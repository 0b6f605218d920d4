//! The port: each of its steps and reads handed to the function that makes its call.

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
    Pruned, Reserve, Reserved, ScopedKey, Settle, SettleAnswer, Store, Stored, Tally, TimedUp, Timer,
    Unsettled, Waiting,
};
use uuid::Uuid;

use super::link::Link;
use super::{
    RedisStore, appends, claims, ended, idempotency, leases, messages, prune, reads, tallies, timing, tunings,
};
use crate::store::references;

impl RedisStore {
    fn link(&self) -> Link {
        self.link.clone()
    }
}

impl Store for RedisStore {
    fn is_exclusive(&self) -> bool {
        false
    }

    /// Nobody can tell whether an earlier owner is dead, so its attempts are left alone.
    fn acquire_lease(
        &self,
        shard: Shard,
        holder: Incarnation,
        lease_for: Duration,
        _margin: Duration,
        _evidence_within: Duration,
    ) -> Stored<Leased> {
        Box::pin(leases::acquire(self.link(), shard, holder, lease_for))
    }

    fn renew_lease(&self, lease: Lease, lease_for: Duration) -> Stored<bool> {
        Box::pin(leases::renew(self.link(), lease, lease_for))
    }

    fn release_lease(&self, lease: Lease) -> Stored<()> {
        Box::pin(leases::release(self.link(), lease))
    }

    fn reserve_key(
        &self,
        key: ScopedKey,
        id: MessageId,
        fingerprint: Fingerprint,
        token: Uuid,
        keep_for: Duration,
    ) -> Stored<Reserved> {
        let asked = Reserve { key, id, fingerprint, token };
        Box::pin(idempotency::reserve(self.link(), asked, keep_for))
    }

    fn reserve_keys(&self, keys: Arc<[Reserve]>, keep_for: Duration) -> Stored<Vec<Reserved>> {
        Box::pin(idempotency::reserve_all(self.link(), keys, keep_for))
    }

    fn lookup_key(&self, key: ScopedKey) -> Stored<Option<BoundKey>> {
        Box::pin(idempotency::lookup(self.link(), key))
    }

    fn release_key(&self, key: ScopedKey, id: MessageId, token: Uuid) -> Stored<()> {
        Box::pin(idempotency::release(self.link(), key, id, token))
    }

    fn append(&self, append: Append) -> Stored<Appended> {
        if timing::is_timed(&append) {
            return Box::pin(timing::append(self.link(), append));
        }
        Box::pin(self.appends.clone().ask(append))
    }

    fn append_all(&self, all: Arc<[Append]>) -> Stored<Vec<Appended>> {
        Box::pin(appends::append_together(self.link(), all))
    }

    fn append_sending(&self, draft: Draft, claim: Claim, request_until: Time) -> Stored<Appended> {
        Box::pin(messages::append_sending(self.link(), draft, claim, request_until))
    }

    fn forward_immediate(&self, draft: Draft, not_after: Time) -> Stored<Appended> {
        Box::pin(messages::forward_immediate(self.link(), draft, not_after))
    }

    fn forward_again(&self, id: MessageId, expected: u16, not_after: Time) -> Stored<SettleAnswer> {
        Box::pin(messages::forward_again(self.link(), id, expected, not_after))
    }

    fn take_immediate(&self, claim: Claim) -> Stored<Claimed> {
        Box::pin(claims::take_immediate(self.link(), claim))
    }

    fn withdraw(&self, id: MessageId) -> Stored<Option<Box<Message>>> {
        Box::pin(messages::withdraw(self.link(), id))
    }

    fn claim(&self, claim: Claim) -> Stored<Claimed> {
        Box::pin(claims::claim(self.link(), claim))
    }

    fn timers(
        &self,
        shards: ShardSet,
        after: Option<Timer>,
        until: Time,
        limit: usize,
    ) -> Stored<Vec<Timer>> {
        Box::pin(timing::timers(self.link(), shards, after, until, limit))
    }

    fn time_up(&self, ids: Vec<MessageId>) -> Stored<Vec<TimedUp>> {
        Box::pin(timing::time_up(self.link(), ids))
    }

    fn postpone(&self, id: MessageId, expected: u16, due: Time) -> Stored<SettleAnswer> {
        Box::pin(timing::postpone(self.link(), id, expected, due))
    }

    fn claim_all(&self, claims: Vec<Claim>) -> Stored<Vec<Claimed>> {
        Box::pin(claims::claim_all(self.link(), claims))
    }

    fn retry(&self, claim: Claim) -> Stored<Claimed> {
        Box::pin(claims::retry(self.link(), claim))
    }

    fn settle(&self, settle: Settle) -> Stored<SettleAnswer> {
        Box::pin(messages::settle(self.link(), settle))
    }

    fn mark_unknown(&self, mark: MarkUnknown) -> Stored<SettleAnswer> {
        Box::pin(messages::mark_unknown(self.link(), mark))
    }

    fn evidence(&self, id: MessageId, attempt: Option<u16>, acceptance: Acceptance) -> Stored<SettleAnswer> {
        Box::pin(messages::evidence(self.link(), id, attempt, acceptance))
    }

    fn settle_by_hand(
        &self,
        id: MessageId,
        organization: OrganizationId,
        verdict: ByHand,
    ) -> Stored<Option<Result<Box<Message>, NotByHand>>> {
        Box::pin(messages::settle_by_hand(self.link(), id, organization, verdict))
    }

    fn doubtful(
        &self,
        organization: OrganizationId,
        after: Option<MessageId>,
        limit: usize,
    ) -> Stored<Vec<Message>> {
        Box::pin(reads::doubtful(self.link(), organization, after, limit))
    }

    fn settle_unknown(
        &self,
        id: MessageId,
        attempt: u16,
        lease: Lease,
        policy: UnknownPolicy,
    ) -> Stored<SettleAnswer> {
        Box::pin(messages::settle_unknown(self.link(), id, attempt, lease, policy))
    }

    fn cancel(&self, id: MessageId, organization: OrganizationId) -> Stored<Option<(Cancelled, Shown)>> {
        Box::pin(messages::cancel(self.link(), id, organization))
    }

    fn message(&self, id: MessageId) -> Stored<Option<Box<Message>>> {
        Box::pin(reads::message(self.link(), id))
    }

    fn messages(&self, ids: Vec<MessageId>) -> Stored<Vec<Option<Box<Message>>>> {
        Box::pin(reads::messages(self.link(), ids))
    }

    fn ended(&self, shard: Option<Shard>, after: Option<Ended>, limit: usize) -> Stored<Vec<Ended>> {
        Box::pin(ended::ended(self.link(), shard, after, limit))
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
        Box::pin(reads::referenced(self.link(), place, shard, after, limit))
    }

    fn queue_page(&self, sender: E164, lane: Lane, after: Option<u64>, limit: usize) -> Stored<Vec<Waiting>> {
        Box::pin(reads::queue_page(self.link(), sender, lane, after, limit))
    }

    fn conversation_page(
        &self,
        conversation: Conversation,
        after: Option<u64>,
        limit: usize,
    ) -> Stored<Vec<Waiting>> {
        Box::pin(reads::conversation_page(self.link(), conversation, after, limit))
    }

    fn depth(&self, sender: E164) -> Stored<u64> {
        Box::pin(reads::depth(self.link(), sender))
    }

    fn depths(&self, sender: E164) -> Stored<Depths> {
        Box::pin(reads::depths(self.link(), sender))
    }

    fn charges(&self, sender: E164, from: Time) -> Stored<Vec<Charge>> {
        Box::pin(reads::charges(self.link(), sender, from))
    }

    fn charge_sums(&self, sender: E164, from: Time) -> Stored<Vec<Charge>> {
        Box::pin(reads::charge_sums(self.link(), sender, from))
    }

    fn tuning(&self, sender: E164) -> Stored<Option<Tuning>> {
        Box::pin(tunings::of(self.link(), sender))
    }

    fn tune(&self, sender: E164, tuning: Tuning) -> Stored<bool> {
        Box::pin(tunings::tune(self.link(), sender, tuning))
    }

    fn tunings(&self, shards: ShardSet) -> Stored<Vec<(Shard, u64)>> {
        Box::pin(tunings::all(self.link(), shards))
    }

    fn unsettled(&self, sender: Option<E164>) -> Stored<Vec<Unsettled>> {
        Box::pin(reads::unsettled(self.link(), sender))
    }

    fn unsettled_in(&self, shards: ShardSet) -> Stored<Vec<Unsettled>> {
        Box::pin(reads::unsettled_in(self.link(), shards))
    }

    fn backlogs(&self, shards: ShardSet) -> Stored<Vec<Backlog>> {
        Box::pin(reads::backlogs(self.link(), shards))
    }

    fn tallies(&self, organization: OrganizationId) -> Stored<Vec<Tally>> {
        Box::pin(tallies::of_organization(self.link(), organization))
    }

    fn prune(&self, messages_before: Time) -> Stored<Pruned> {
        Box::pin(prune::prune(self.link(), messages_before))
    }
}
