//! The journal: the only way to the store's writes.
//!
//! Every step goes through here, so that three things are done once: a step without an answer is
//! repeated with the same arguments (PROTOCOL.md §3, column "no answer"), its time is measured, and
//! the sender that a change concerns is told, and with it whoever waits for the outcome. Gathering writes is not done here: the embedded store
//! does it itself, and Redis gains nothing by it (DESIGN.md §10).

use std::future::Future;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use uuid::Uuid;

use crate::domain::fingerprint::Fingerprint;
use crate::domain::ids::{ClaimId, Incarnation, MessageId, OrganizationId, Shard};
use crate::domain::message::{Cancelled, Draft, Message, Settlement, Shown, UnknownPolicy};
use crate::domain::outcome::Doubt;
use crate::domain::phone::E164;
use crate::domain::time::Time;
use crate::outcomes::{Outcomes, Verdict};
use crate::ports::{
    Append, Appended, BoundKey, Claim, Claimed, Clock, Ids, MarkUnknown, Reserved, ScopedKey, Settle,
    SettleAnswer, Store, StoreError, Stored,
};
use crate::roster::Roster;
use crate::sender::SenderMessage;
use crate::settings::Settings;
use crate::shards::Shards;
use crate::telemetry;

/// The first wait before a step is repeated; doubled up to [`LONGEST_REPEAT_WAIT`].
const FIRST_REPEAT_WAIT: Duration = Duration::from_millis(20);

/// The longest wait before a step is repeated.
const LONGEST_REPEAT_WAIT: Duration = Duration::from_secs(1);

/// The way to the store. Cheap to clone.
#[derive(Clone)]
pub struct Journal {
    inner: Arc<Inner>,
}

struct Inner {
    with: JournalArguments,
    claims: AtomicU64,
    trouble: Mutex<Option<String>>,
}

/// What the journal is made of.
pub(crate) struct JournalArguments {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) ids: Arc<dyn Ids>,
    pub(crate) shards: Shards,
    pub(crate) settings: Settings,
    pub(crate) incarnation: Incarnation,
    pub(crate) roster: Roster,
    pub(crate) outcomes: Outcomes,
}

/// The last word on a settled attempt.
#[derive(Debug)]
pub enum SettledAs {
    /// The record as it is now.
    Now(Box<Message>),
    /// Somebody else settled it before.
    Before,
}

impl Journal {
    pub(crate) fn new(with: JournalArguments) -> Self {
        let (claims, trouble) = (AtomicU64::new(0), Mutex::new(None));
        Self { inner: Arc::new(Inner { with, claims, trouble }) }
    }

    /// The store, for reading.
    pub fn store(&self) -> &dyn Store {
        self.inner.with.store.as_ref()
    }

    /// The engine's clock.
    pub fn now(&self) -> Time {
        self.inner.with.clock.now()
    }

    /// Fresh ids and randomness.
    pub fn ids(&self) -> &dyn Ids {
        self.inner.with.ids.as_ref()
    }

    /// What an operator set.
    pub fn settings(&self) -> &Settings {
        &self.inner.with.settings
    }

    /// A fresh id for a message of this sender.
    pub fn fresh_id(&self, sender: E164) -> MessageId {
        self.inner.with.ids.message(Shard::of(sender))
    }

    /// What the store said last, if that was a failure.
    pub fn trouble(&self) -> Option<String> {
        self.inner.trouble.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// See [`Store::reserve_key`]; repeated until `until`.
    pub async fn reserve_key(
        &self,
        key: ScopedKey,
        id: MessageId,
        fingerprint: Fingerprint,
        token: Uuid,
        until: Time,
    ) -> Result<Reserved, StoreError> {
        let keep_for = self.inner.with.settings.idempotency_retention;
        let step = || self.store().reserve_key(key.clone(), id, fingerprint, token, keep_for);
        self.repeat("reserve_key", until, step).await
    }

    /// See [`Store::lookup_key`]; repeated until `until`.
    pub async fn lookup_key(&self, key: ScopedKey, until: Time) -> Result<Option<BoundKey>, StoreError> {
        self.repeat("lookup_key", until, || self.store().lookup_key(key.clone())).await
    }

    /// See [`Store::release_key`]. Unanswered, the key stays bound to the same id: harmless.
    pub async fn release_key(&self, key: ScopedKey, id: MessageId, token: Uuid) -> Result<(), StoreError> {
        self.once("release_key", self.store().release_key(key, id, token)).await
    }

    /// See [`Store::append`]; repeated under the same id until its `request_until`.
    pub async fn append(&self, append: Append) -> Result<Appended, StoreError> {
        let until = append.request_until;
        self.repeat("append", until, || self.store().append(append.clone())).await
    }

    /// See [`Store::append_sending`]; repeated under the same id until `until`.
    pub async fn append_sending(&self, draft: Draft, until: Time) -> Result<Appended, StoreError> {
        let claim = self.new_claim(draft.id, draft.sender, 0)?;
        let step = || self.store().append_sending(draft.clone(), claim, until);
        self.repeat("append_sending", until, step).await
    }

    /// See [`Store::claim`]; repeated for as long as the attempt could begin.
    pub async fn claim(&self, id: MessageId, sender: E164, expected: u16) -> Result<Claimed, StoreError> {
        let claim = self.new_claim(id, sender, expected)?;
        let until = self.now() + self.inner.with.settings.begin_by;
        self.repeat("claim", until, || self.store().claim(claim)).await
    }

    /// See [`Store::retry`]; repeated until `until`.
    pub async fn retry(
        &self,
        id: MessageId,
        sender: E164,
        expected: u16,
        until: Time,
    ) -> Result<Claimed, StoreError> {
        let claim = self.new_claim(id, sender, expected)?;
        self.repeat("retry", until, || self.store().retry(claim)).await
    }

    /// See [`Store::settle`]. Repeated for as long as the process lives: the attempt is ours, and its
    /// outcome is known nowhere else. Tells the sender.
    pub async fn settle(
        &self,
        sender: E164,
        id: MessageId,
        attempt: u16,
        settlement: Settlement,
        written_at: Option<Time>,
        keep_pace_from: Time,
    ) -> SettledAs {
        let settle = Settle { id, attempt, settlement, written_at, keep_pace_from };
        let mut wait = FIRST_REPEAT_WAIT;
        loop {
            match self.once("settle", self.store().settle(settle.clone())).await {
                Ok(SettleAnswer::Done(message)) => {
                    self.tell(sender, &message);
                    return SettledAs::Now(message);
                }
                Ok(SettleAnswer::Known | SettleAnswer::Stale) => return SettledAs::Before,
                Err(error) => {
                    tracing::error!(message = %id, %error, "an outcome could not be recorded yet");
                    tokio::time::sleep(wait).await;
                    wait = (wait * 2).min(LONGEST_REPEAT_WAIT);
                }
            }
        }
    }

    /// See [`Store::mark_unknown`]; the sweeper comes back if it fails. Tells the sender.
    pub async fn mark_unknown(
        &self,
        sender: E164,
        id: MessageId,
        attempt: u16,
        doubt: Doubt,
        written_at: Option<Time>,
    ) -> Result<bool, StoreError> {
        let Some(lease) = self.inner.with.shards.lease(sender) else { return Ok(false) };
        let settings = &self.inner.with.settings;
        let mark = MarkUnknown {
            id,
            attempt,
            lease,
            doubt,
            written_at,
            margin: settings.margin,
            evidence_within: settings.evidence_deadline,
        };
        let answer = self.once("mark_unknown", self.store().mark_unknown(mark)).await?;
        Ok(self.tell_if_done(sender, answer))
    }

    /// See [`Store::settle_unknown`]; the sweeper comes back if it fails. Tells the sender.
    pub async fn settle_unknown(
        &self,
        sender: E164,
        id: MessageId,
        attempt: u16,
        policy: UnknownPolicy,
    ) -> Result<bool, StoreError> {
        let Some(lease) = self.inner.with.shards.lease(sender) else { return Ok(false) };
        let step = self.store().settle_unknown(id, attempt, lease, policy);
        let answer = self.once("settle_unknown", step).await?;
        Ok(self.tell_if_done(sender, answer))
    }

    /// See [`Store::cancel`]; repeated until `until`.
    pub async fn cancel(
        &self,
        id: MessageId,
        organization: OrganizationId,
        until: Time,
    ) -> Result<Option<(Cancelled, Shown)>, StoreError> {
        self.repeat("cancel", until, || self.store().cancel(id, organization)).await
    }

    /// Tells those who wait that the outcome will stay unknown; the record says so later.
    pub(crate) fn tell_unknown(&self, id: MessageId) {
        self.inner.with.outcomes.tell(id, &Verdict::Unknown);
    }

    #[cfg(feature = "chaos")]
    pub(crate) fn hint(&self, sender: E164, message: SenderMessage) {
        self.inner.with.roster.hint(sender, message);
    }

    #[cfg(feature = "chaos")]
    pub(crate) fn hint_provider(
        &self,
        account: &crate::domain::ids::AccountName,
        message: crate::provider::ProviderMessage,
    ) {
        let _ = self.inner.with.roster.pass(account, message);
    }

    #[cfg(feature = "chaos")]
    pub(crate) fn senders_running(&self) -> usize {
        self.inner.with.roster.senders_running()
    }

    /// The name and times of a new claim. Fails only if the shard is not ours.
    fn new_claim(&self, id: MessageId, sender: E164, expected: u16) -> Result<Claim, StoreError> {
        let lease = self.inner.with.shards.lease(sender);
        let lease = lease.ok_or_else(|| StoreError::Unavailable("the shard is not ours".to_owned()))?;
        let counter = self.inner.claims.fetch_add(1, Ordering::Relaxed);
        Ok(Claim {
            id,
            lease,
            expected,
            claim_id: ClaimId { incarnation: self.inner.with.incarnation, counter },
            begin_within: self.inner.with.settings.begin_by,
            answer_within: self.inner.with.settings.attempt_deadline,
        })
    }

    fn tell(&self, sender: E164, message: &Message) {
        self.inner.with.roster.hint(sender, SenderMessage::changed(message));
        if let Some(verdict) = Verdict::of(message) {
            self.inner.with.outcomes.tell(message.draft.id, &verdict);
        }
    }

    fn tell_if_done(&self, sender: E164, answer: SettleAnswer) -> bool {
        match answer {
            SettleAnswer::Done(message) => {
                self.tell(sender, &message);
                true
            }
            SettleAnswer::Known | SettleAnswer::Stale => false,
        }
    }

    /// Repeats a step that was not answered, with the same arguments, until it is or time is over.
    async fn repeat<T>(
        &self,
        name: &'static str,
        until: Time,
        step: impl Fn() -> Stored<T>,
    ) -> Result<T, StoreError> {
        let mut wait = FIRST_REPEAT_WAIT;
        loop {
            let answer = self.once(name, step()).await;
            let again = matches!(answer, Err(StoreError::Unanswered)) && self.now() + wait < until;
            if !again {
                return answer;
            }
            tokio::time::sleep(wait).await;
            wait = (wait * 2).min(LONGEST_REPEAT_WAIT);
        }
    }

    async fn once<T>(
        &self,
        name: &'static str,
        step: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<T, StoreError> {
        let asked_at = self.now();
        let answer = step.await;
        telemetry::store_step(name, self.now().since(asked_at));
        let trouble = answer.as_ref().err().map(ToString::to_string);
        let mut last = self.inner.trouble.lock().unwrap_or_else(PoisonError::into_inner);
        if *last != trouble {
            *last = trouble;
        }
        drop(last);
        answer
    }
}
