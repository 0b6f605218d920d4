//! A store that does as it is told to the next call of a step: loses its answer, refuses it, delays it.

use std::future::ready;
use std::sync::{Arc, Mutex};
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
use sendyard_actors::ports::*;
use uuid::Uuid;

/// What happens to one call.
pub(crate) enum Fault {
    /// The step is done and nobody hears.
    LoseAnswer,
    Refuse(StoreError),
    Before(Duration),
    After(Duration),
}

#[derive(Default)]
pub(crate) struct Faults {
    once: Mutex<Vec<(&'static str, Fault)>>,
    refused: Mutex<Vec<&'static str>>,
    delayed: Mutex<Vec<(&'static str, Duration)>>,
}

impl Faults {
    pub(crate) fn push(&self, step: &'static str, fault: Fault) {
        self.once.lock().unwrap().push((step, fault));
    }
    /// From now on every call of the step.
    pub(crate) fn refuse_all(&self, step: &'static str) {
        self.refused.lock().unwrap().push(step);
    }
    /// From now on every call of the step takes so much longer.
    pub(crate) fn delay_all(&self, step: &'static str, by: Duration) {
        self.delayed.lock().unwrap().push((step, by));
    }
    fn delay_of(&self, step: &'static str) -> Option<Duration> {
        let delayed = self.delayed.lock().unwrap();
        delayed.iter().rev().find(|(name, _)| *name == step).map(|(_, by)| *by)
    }
    /// The process hangs, as far as the others can tell: nothing of its leases is done any more.
    pub(crate) fn hang(&self) {
        for step in ["announce", "depart", "acquire_lease", "renew_lease", "release_lease"] {
            self.refuse_all(step);
        }
    }
    pub(crate) fn refuse_no_more(&self) {
        self.refused.lock().unwrap().clear();
    }
    fn is_refused(&self, step: &'static str) -> bool {
        self.refused.lock().unwrap().contains(&step)
    }
    fn take(&self, step: &'static str) -> Option<Fault> {
        if self.refused.lock().unwrap().contains(&step) {
            return Some(Fault::Refuse(StoreError::Unavailable("away".to_owned())));
        }
        let mut list = self.once.lock().unwrap();
        match list.iter().position(|(name, _)| *name == step) {
            Some(place) => Some(list.remove(place).1),
            None => self.delay_of(step).map(Fault::Before),
        }
    }
}

pub(crate) struct Faulty {
    pub(crate) inner: Arc<dyn Store>,
    pub(crate) faults: Arc<Faults>,
}

impl Faulty {
    fn wrap<T: Send + 'static>(
        &self,
        name: &'static str,
        step: impl FnOnce(&dyn Store) -> Stored<T> + Send + 'static,
    ) -> Stored<T> {
        let inner = Arc::clone(&self.inner);
        match self.faults.take(name) {
            None => step(&*inner),
            Some(Fault::LoseAnswer) => Box::pin(async move {
                let _ = step(&*inner).await;
                Err(StoreError::Unanswered)
            }),
            Some(Fault::Refuse(error)) => Box::pin(ready(Err(error))),
            Some(Fault::Before(wait)) => Box::pin(async move {
                tokio::time::sleep(wait).await;
                step(&*inner).await
            }),
            Some(Fault::After(wait)) => Box::pin(async move {
                let answer = step(&*inner).await;
                tokio::time::sleep(wait).await;
                answer
            }),
        }
    }
}

impl Store for Faulty {
    fn is_exclusive(&self) -> bool {
        self.inner.is_exclusive()
    }

    fn acquire_lease(
        &self,
        shard: Shard,
        holder: Incarnation,
        lease_for: Duration,
        margin: Duration,
        evidence_within: Duration,
    ) -> Stored<Leased> {
        self.wrap("acquire_lease", move |store| {
            store.acquire_lease(shard, holder, lease_for, margin, evidence_within)
        })
    }
    fn renew_lease(&self, lease: Lease, lease_for: Duration) -> Stored<bool> {
        self.wrap("renew_lease", move |store| store.renew_lease(lease, lease_for))
    }
    fn release_lease(&self, lease: Lease) -> Stored<()> {
        self.wrap("release_lease", move |store| store.release_lease(lease))
    }
    fn reserve_key(
        &self,
        key: ScopedKey,
        id: MessageId,
        fingerprint: Fingerprint,
        token: Uuid,
        keep_for: Duration,
    ) -> Stored<Reserved> {
        self.wrap("reserve_key", move |store| store.reserve_key(key, id, fingerprint, token, keep_for))
    }
    fn reserve_keys(&self, keys: Arc<[Reserve]>, keep_for: Duration) -> Stored<Vec<Reserved>> {
        self.wrap("reserve_keys", move |store| store.reserve_keys(keys, keep_for))
    }
    fn lookup_key(&self, key: ScopedKey) -> Stored<Option<BoundKey>> {
        self.wrap("lookup_key", move |store| store.lookup_key(key))
    }
    fn release_key(&self, key: ScopedKey, id: MessageId, token: Uuid) -> Stored<()> {
        self.wrap("release_key", move |store| store.release_key(key, id, token))
    }
    fn append(&self, append: Append) -> Stored<Appended> {
        self.wrap("append", move |store| store.append(append))
    }
    fn append_all(&self, appends: Arc<[Append]>) -> Stored<Vec<Appended>> {
        self.wrap("append_all", move |store| store.append_all(appends))
    }
    fn append_sending(&self, draft: Draft, claim: Claim, request_until: Time) -> Stored<Appended> {
        self.wrap("append_sending", move |store| store.append_sending(draft, claim, request_until))
    }
    fn forward_immediate(&self, draft: Draft, not_after: Time) -> Stored<Appended> {
        self.wrap("forward_immediate", move |store| store.forward_immediate(draft, not_after))
    }
    fn forward_again(&self, id: MessageId, expected: u16, not_after: Time) -> Stored<SettleAnswer> {
        self.wrap("forward_again", move |store| store.forward_again(id, expected, not_after))
    }
    fn take_immediate(&self, claim: Claim) -> Stored<Claimed> {
        self.wrap("take_immediate", move |store| store.take_immediate(claim))
    }
    fn withdraw(&self, id: MessageId) -> Stored<Option<Box<Message>>> {
        self.wrap("withdraw", move |store| store.withdraw(id))
    }
    fn claim(&self, claim: Claim) -> Stored<Claimed> {
        self.wrap("claim", move |store| store.claim(claim))
    }
    fn timers(
        &self,
        shards: ShardSet,
        after: Option<Timer>,
        until: Time,
        limit: usize,
    ) -> Stored<Vec<Timer>> {
        self.wrap("timers", move |store| store.timers(shards, after, until, limit))
    }
    fn time_up(&self, ids: Vec<MessageId>) -> Stored<Vec<TimedUp>> {
        self.wrap("time_up", move |store| store.time_up(ids))
    }
    fn postpone(&self, id: MessageId, expected: u16, due: Time) -> Stored<SettleAnswer> {
        self.wrap("postpone", move |store| store.postpone(id, expected, due))
    }
    fn retry(&self, claim: Claim) -> Stored<Claimed> {
        self.wrap("retry", move |store| store.retry(claim))
    }
    fn settle(&self, settle: Settle) -> Stored<SettleAnswer> {
        self.wrap("settle", move |store| store.settle(settle))
    }
    fn mark_unknown(&self, mark: MarkUnknown) -> Stored<SettleAnswer> {
        self.wrap("mark_unknown", move |store| store.mark_unknown(mark))
    }
    fn evidence(&self, id: MessageId, attempt: Option<u16>, acceptance: Acceptance) -> Stored<SettleAnswer> {
        self.wrap("evidence", move |store| store.evidence(id, attempt, acceptance))
    }
    fn settle_by_hand(
        &self,
        id: MessageId,
        organization: OrganizationId,
        verdict: ByHand,
    ) -> Stored<Option<Result<Box<Message>, NotByHand>>> {
        self.wrap("settle_by_hand", move |store| store.settle_by_hand(id, organization, verdict))
    }
    fn doubtful(
        &self,
        organization: OrganizationId,
        after: Option<MessageId>,
        limit: usize,
    ) -> Stored<Vec<Message>> {
        self.wrap("doubtful", move |store| store.doubtful(organization, after, limit))
    }
    fn settle_unknown(
        &self,
        id: MessageId,
        attempt: u16,
        lease: Lease,
        policy: UnknownPolicy,
    ) -> Stored<SettleAnswer> {
        self.wrap("settle_unknown", move |store| store.settle_unknown(id, attempt, lease, policy))
    }
    fn cancel(&self, id: MessageId, organization: OrganizationId) -> Stored<Option<(Cancelled, Shown)>> {
        self.wrap("cancel", move |store| store.cancel(id, organization))
    }
    fn message(&self, id: MessageId) -> Stored<Option<Box<Message>>> {
        self.wrap("message", move |store| store.message(id))
    }
    fn messages(&self, ids: Vec<MessageId>) -> Stored<Vec<Option<Box<Message>>>> {
        self.wrap("messages", move |store| store.messages(ids))
    }
    fn ended(&self, shard: Option<Shard>, after: Option<Ended>, limit: usize) -> Stored<Vec<Ended>> {
        self.wrap("ended", move |store| store.ended(shard, after, limit))
    }
    fn referenced(
        &self,
        organization: OrganizationId,
        reference: String,
        shard: Option<Shard>,
        after: Option<MessageId>,
        limit: usize,
    ) -> Stored<Vec<MessageId>> {
        self.wrap("referenced", move |store| store.referenced(organization, reference, shard, after, limit))
    }
    fn queue_page(&self, sender: E164, lane: Lane, after: Option<u64>, limit: usize) -> Stored<Vec<Waiting>> {
        self.wrap("queue_page", move |store| store.queue_page(sender, lane, after, limit))
    }
    fn conversation_page(
        &self,
        conversation: Conversation,
        after: Option<u64>,
        limit: usize,
    ) -> Stored<Vec<Waiting>> {
        self.wrap("conversation_page", move |store| store.conversation_page(conversation, after, limit))
    }
    fn depths(&self, sender: E164) -> Stored<Depths> {
        self.wrap("depths", move |store| store.depths(sender))
    }
    fn depth(&self, sender: E164) -> Stored<u64> {
        self.wrap("depth", move |store| store.depth(sender))
    }
    fn charges(&self, sender: E164, from: Time) -> Stored<Vec<Charge>> {
        self.wrap("charges", move |store| store.charges(sender, from))
    }
    fn charge_sums(&self, sender: E164, from: Time) -> Stored<Vec<Charge>> {
        self.wrap("charge_sums", move |store| store.charge_sums(sender, from))
    }
    fn tuning(&self, sender: E164) -> Stored<Option<Tuning>> {
        self.wrap("tuning", move |store| store.tuning(sender))
    }
    fn tune(&self, sender: E164, tuning: Tuning) -> Stored<bool> {
        self.wrap("tune", move |store| store.tune(sender, tuning.clone()))
    }
    fn tunings(&self, shards: ShardSet) -> Stored<Vec<(Shard, u64)>> {
        self.wrap("tunings", move |store| store.tunings(shards))
    }
    fn unsettled(&self, sender: Option<E164>) -> Stored<Vec<Unsettled>> {
        self.wrap(if sender.is_some() { "unsettled_of_sender" } else { "unsettled_all" }, move |store| {
            store.unsettled(sender)
        })
    }
    fn unsettled_in(&self, shards: ShardSet) -> Stored<Vec<Unsettled>> {
        self.wrap("unsettled_all", move |store| store.unsettled_in(shards))
    }
    fn backlogs(&self, shards: ShardSet) -> Stored<Vec<Backlog>> {
        self.wrap("backlogs", move |store| store.backlogs(shards))
    }
    fn tallies(&self, organization: OrganizationId) -> Stored<Vec<Tally>> {
        self.wrap("tallies", move |store| store.tallies(organization))
    }
    fn prune(&self, messages_before: Time) -> Stored<Pruned> {
        self.wrap("prune", move |store| store.prune(messages_before))
    }
}

/// The way to the other processes, with the same faults.
pub(crate) struct FaultyPeers {
    pub(crate) inner: Arc<dyn Peers>,
    pub(crate) faults: Arc<Faults>,
}

impl FaultyPeers {
    fn wrap<T: Send + 'static>(
        &self,
        name: &'static str,
        step: impl FnOnce(&dyn Peers) -> Stored<T> + Send + 'static,
    ) -> Stored<T> {
        let inner = Arc::clone(&self.inner);
        match self.faults.take(name) {
            None => step(&*inner),
            Some(Fault::Refuse(error)) => Box::pin(ready(Err(error))),
            Some(Fault::LoseAnswer) => Box::pin(async move {
                let _ = step(&*inner).await;
                Err(StoreError::Unanswered)
            }),
            Some(Fault::Before(wait) | Fault::After(wait)) => Box::pin(async move {
                tokio::time::sleep(wait).await;
                step(&*inner).await
            }),
        }
    }
}

impl Peers for FaultyPeers {
    fn announce(&self, me: Incarnation, holds: ShardSet, lasts: Duration) -> Stored<Vec<Member>> {
        self.wrap("announce", move |peers| peers.announce(me, holds, lasts))
    }
    fn depart(&self, me: Incarnation) -> Stored<()> {
        self.wrap("depart", move |peers| peers.depart(me))
    }
    fn listen(&self, me: Incarnation) -> tokio::sync::mpsc::Receiver<Heard> {
        self.inner.listen(me)
    }
    fn attend(&self, me: Incarnation, shards: ShardSet) -> Stored<()> {
        self.wrap("attend", move |peers| peers.attend(me, shards))
    }
    fn tell(&self, to: To, note: Note) {
        if self.faults.is_refused("tell") {
            return;
        }
        let Some(delay) = self.faults.delay_of("tell") else { return self.inner.tell(to, note) };
        let inner = Arc::clone(&self.inner);
        tokio::spawn(async move {
            tokio::time::sleep(delay).await;
            inner.tell(to, note);
        });
    }
}
