//! The journal: the only way to the store's writes.
//!
//! Every step goes through here, so that three things are done once: a step without an answer is repeated
//! with the same arguments (PROTOCOL.md §3, column "no answer"), its time is measured, and the sender that a
//! change concerns is told, and with it whoever waits for the outcome. Gathering writes is not done here: each
//! store does it itself.

mod claim_times;
mod claiming;
mod ending;
mod hand_overs;
mod several;
mod telling;
mod timing;

use std::future::Future;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use self::claim_times::ClaimTimes;
use uuid::Uuid;

use crate::domain::fingerprint::Fingerprint;
use crate::domain::ids::{ClaimId, Incarnation, MessageId, OrganizationId, Shard};
use crate::domain::message::{
    ByHand, Cancelled, Draft, Message, NotByHand, Settlement, Shown, State, UnknownPolicy,
};
use crate::domain::outcome::{Acceptance, Doubt};
use crate::domain::pace::Keep;
use crate::domain::phone::E164;
use crate::domain::shard_set::ShardSet;
use crate::domain::time::Time;
use crate::domain::tuning::Tuning;
use crate::outcomes::Outcomes;
use crate::ports::{
    Append, Appended, BoundKey, Clock, Ids, Lease, MarkUnknown, Note, Peers, Reserved, ScopedKey, Settle,
    SettleAnswer, Store, StoreError, Stored, Waiting,
};
use crate::roster::Roster;
use crate::sender::SenderMessage;
use crate::settings::Settings;
use crate::shards::{Shards, UnderWay};
use crate::telemetry;
use crate::telemetry::{StepTimes, UnknownSettled};

/// The first wait before a step is repeated; doubled up to [`LONGEST_REPEAT_WAIT`].
const FIRST_REPEAT_WAIT: Duration = Duration::from_millis(20);

/// The longest wait before a step is repeated.
const LONGEST_REPEAT_WAIT: Duration = Duration::from_secs(1);

/// For so long the sweeper stays with one unknown outcome if the store does not answer.
const SETTLE_UNKNOWN_FOR: Duration = Duration::from_secs(30);

/// A failure that nobody has met again for so long says nothing any more. Otherwise a process that is not
/// ready, and so is not asked, would stay so.
const TROUBLE_LASTS: Duration = Duration::from_secs(3);

/// The way to the store. Cheap to clone.
#[derive(Clone)]
pub struct Journal {
    inner: Arc<Inner>,
}

struct Inner {
    with: JournalArguments,
    claims: AtomicU64,
    trouble: Mutex<Option<(Time, String)>>,
    step_times: StepTimes,
    claim_times: ClaimTimes,
}

/// What the journal is made of.
pub(crate) struct JournalArguments {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) ids: Arc<dyn Ids>,
    pub(crate) shards: Shards,
    /// `None` where no other process can have the store open.
    pub(crate) peers: Option<Arc<dyn Peers>>,
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

/// What a provider's word on a message came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Heard {
    /// It settled an attempt.
    Settled,
    /// It was known before, or there is no such message or attempt.
    Known,
    /// The message is `failed` or `cancelled`, and stays so: a person said so, or a guard of ours or the
    /// provider's is broken.
    Belies(Shown),
}

/// What became of a step that was asked for, perhaps several times.
struct Answered<T> {
    answer: Result<T, StoreError>,
    /// One of the calls was never answered.
    in_doubt: bool,
}

/// What an append came to of which an earlier call was not answered.
fn in_doubt_of(answer: Result<Appended, StoreError>) -> Result<Appended, StoreError> {
    match answer {
        Ok(Appended::Full | Appended::TooLate(_) | Appended::Late) | Err(_) => Err(StoreError::Unanswered),
        // The call that was never answered has landed, as far as anybody can tell.
        Ok(Appended::Exists(message) | Appended::Stored(message)) => Ok(Appended::Stored(message)),
    }
}

fn is_claimed_by(message: &Message, claim_id: ClaimId) -> bool {
    let last = message.last_attempt();
    last.is_some_and(|last| last.claim_id == claim_id && message.is_open(last.number))
}

impl Journal {
    pub(crate) fn new(with: JournalArguments) -> Self {
        let (claims, trouble) = (AtomicU64::new(0), Mutex::new(None));
        let (step_times, claim_times) = (StepTimes::default(), ClaimTimes::default());
        Self { inner: Arc::new(Inner { with, claims, trouble, step_times, claim_times }) }
    }

    /// A sender's claim has just been answered, and took so long.
    pub(crate) fn claim_took(&self, took: Duration, now: Time) {
        self.inner.claim_times.took(took, now);
    }

    /// The longest that a claim of any sender took in the last seconds.
    pub(crate) fn slowest_claim(&self, now: Time) -> Duration {
        self.inner.claim_times.slowest(now)
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

    /// What the store said last, if that was a failure and not long ago.
    pub fn trouble(&self) -> Option<String> {
        let last = self.inner.trouble.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let (since, why) = last?;
        (since + TROUBLE_LASTS > self.now()).then_some(why)
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

    /// See [`Store::append`]; repeated under the same id until its `request_until`. A refusal after a
    /// call that was never answered is no refusal: that call may still land (C2).
    pub async fn append(&self, append: Append) -> Result<Appended, StoreError> {
        let appended = self.append_named(&append, false).await;
        let sender = append.draft.sender;
        match &appended {
            // One that is scheduled is the sweeper's until its time comes.
            Ok(Appended::Stored(message)) if message.is_waiting() => {
                self.tell_owner(sender, Note::Stored(sender, Waiting::of(message)));
            }
            Err(StoreError::Unanswered) => self.tell_owner(sender, Note::Waiting(sender)),
            Ok(_) | Err(_) => {}
        }
        appended
    }

    /// The same without telling anybody. `in_doubt`: an earlier call of it was not answered.
    async fn append_named(&self, append: &Append, in_doubt: bool) -> Result<Appended, StoreError> {
        let answered = self.ask("append", append.request_until, || self.store().append(append.clone())).await;
        if answered.in_doubt || in_doubt { in_doubt_of(answered.answer) } else { answered.answer }
    }

    /// See [`Store::tune`]. Tells the sender, wherever it runs.
    pub(crate) async fn tune(&self, sender: E164, tuning: Tuning) -> Result<bool, StoreError> {
        let is_set = self.store().tune(sender, tuning.clone()).await?;
        if is_set {
            self.inner.with.roster.hint(sender, SenderMessage::Tuned(Box::new(tuning)));
            self.tell_owner(sender, Note::Tuned(sender));
        }
        Ok(is_set)
    }

    /// See [`Store::append_sending`]; repeated under the same id until `until`. A record that this
    /// very call made before is answered as stored.
    pub async fn append_sending(&self, draft: Draft, until: Time) -> Result<Appended, StoreError> {
        let _under_way = self.under_way(draft.sender);
        let claim = self.new_claim(draft.id, draft.sender, 0)?;
        let step = || self.store().append_sending(draft.clone(), claim, until);
        match self.repeat("append_sending", until, step).await? {
            Appended::Exists(message) if is_claimed_by(&message, claim.claim_id) => {
                Ok(Appended::Stored(message))
            }
            answer => Ok(answer),
        }
    }

    /// See [`Store::forward_immediate`]; repeated under the same id until `not_after`. Tells the owner.
    pub async fn forward_immediate(&self, draft: Draft, not_after: Time) -> Result<Appended, StoreError> {
        let (sender, id) = (draft.sender, draft.id);
        let step = || self.store().forward_immediate(draft.clone(), not_after);
        let answered = self.ask("forward_immediate", not_after, step).await;
        let forwarded = match answered.answer {
            Ok(Appended::Late) if answered.in_doubt => Err(StoreError::Unanswered),
            // The call that was never answered has landed, as far as anybody can tell.
            Ok(Appended::Exists(message))
                if answered.in_doubt && message.attempt <= 1 && message.state != State::Failed =>
            {
                Ok(Appended::Stored(message))
            }
            answer => answer,
        };
        if matches!(forwarded, Ok(Appended::Stored(_)) | Err(StoreError::Unanswered)) {
            self.tell_offered(sender, id);
        }
        forwarded
    }

    /// See [`Store::forward_again`]; repeated until `not_after`. Tells the owner.
    pub async fn forward_again(
        &self,
        sender: E164,
        id: MessageId,
        expected: u16,
        not_after: Time,
    ) -> Result<SettleAnswer, StoreError> {
        let step = || self.store().forward_again(id, expected, not_after);
        let answer = self.repeat("forward_again", not_after, step).await;
        if matches!(answer, Ok(SettleAnswer::Done(_)) | Err(StoreError::Unanswered)) {
            self.tell_offered(sender, id);
        }
        answer
    }

    /// See [`Store::withdraw`]; repeated until `until`, and asked once at least. Tells whoever waits for its
    /// outcome, if it has one.
    pub async fn withdraw(&self, id: MessageId, until: Time) -> Result<Option<Box<Message>>, StoreError> {
        let found = self.repeat("withdraw", until, || self.store().withdraw(id)).await?;
        if let Some(message) = &found {
            self.tell(message.draft.sender, message);
        }
        Ok(found)
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
        keep: Keep,
    ) -> SettledAs {
        let settle = Settle { id, attempt, settlement, written_at, keep };
        let mut wait = FIRST_REPEAT_WAIT;
        let mut said = false;
        loop {
            match self.once("settle", self.store().settle(settle.clone())).await {
                Ok(SettleAnswer::Done(message)) => {
                    self.tell(sender, &message);
                    return SettledAs::Now(message);
                }
                Ok(SettleAnswer::Known | SettleAnswer::Stale) => {
                    self.tell_as_read(sender, id).await;
                    return SettledAs::Before;
                }
                Err(error) => {
                    // Once: as many wait as there are places.
                    if !std::mem::replace(&mut said, true) {
                        tracing::error!(message_id = %id, %error, "an outcome could not be recorded yet");
                    }
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
        let Some(lease) = self.lease(sender) else { return Ok(false) };
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
        Ok(self.tell_if_done(sender, id, answer).await)
    }

    /// See [`Store::settle_unknown`]; the sweeper comes back if it fails. Tells the sender.
    pub async fn settle_unknown(
        &self,
        sender: E164,
        id: MessageId,
        attempt: u16,
        policy: UnknownPolicy,
    ) -> Result<bool, StoreError> {
        let Some(lease) = self.lease(sender) else { return Ok(false) };
        // Repeated, as the sweeper does not see it any more if it landed.
        let until = self.now() + SETTLE_UNKNOWN_FOR;
        let step = || self.store().settle_unknown(id, attempt, lease, policy);
        let answer = self.repeat("settle_unknown", until, step).await?;
        if let SettleAnswer::Done(message) = &answer {
            telemetry::unknown_settled(match (message.is_waiting(), &message.draft.frozen) {
                (true, Some(_)) => UnknownSettled::Repeat,
                (true, None) => UnknownSettled::Resend,
                (false, _) => UnknownSettled::Hold,
            });
        }
        Ok(self.tell_if_done(sender, id, answer).await)
    }

    /// See [`Store::evidence`]; repeated until `until`. Tells the sender, and an operator where it belies us.
    pub async fn evidence(
        &self,
        id: MessageId,
        attempt: Option<u16>,
        acceptance: Acceptance,
        until: Time,
    ) -> Result<Heard, StoreError> {
        let counted = acceptance.segments.map_or(0, u32::from);
        let step = || self.store().evidence(id, attempt, acceptance.clone());
        let SettleAnswer::Done(message) = self.repeat("evidence", until, step).await? else {
            return self.heard_before(id).await;
        };
        telemetry::unknown_settled(UnknownSettled::Evidence);
        let ours = message.draft.cost();
        let more = counted.saturating_sub(ours.segments);
        if more > 0 {
            self.tell_counted(message.draft.sender, &message.draft.account, self.now(), ours.more(more));
        }
        self.tell(message.draft.sender, &message);
        Ok(Heard::Settled)
    }

    async fn heard_before(&self, id: MessageId) -> Result<Heard, StoreError> {
        let shown = self.store().message(id).await?.map(|message| message.shown());
        let Some(shown @ (Shown::Failed | Shown::Cancelled)) = shown else { return Ok(Heard::Known) };
        telemetry::belied(shown);
        tracing::error!(message_id = %id, shown = shown.as_str(), "a provider says that it has this message");
        Ok(Heard::Belies(shown))
    }

    /// See [`Store::settle_by_hand`]; repeated until `until`. Tells the sender.
    pub async fn settle_by_hand(
        &self,
        id: MessageId,
        organization: OrganizationId,
        verdict: ByHand,
        until: Time,
    ) -> Result<Option<Result<Box<Message>, NotByHand>>, StoreError> {
        let step = || self.store().settle_by_hand(id, organization, verdict);
        let settled = self.repeat("settle_by_hand", until, step).await?;
        if let Some(Ok(message)) = &settled {
            telemetry::unknown_settled(UnknownSettled::Person);
            if message.is_waiting() {
                // Its conversation may have gone on: it is met in its place in the queue.
                let sender = message.draft.sender;
                self.inner.with.roster.hint(sender, SenderMessage::LookAgain);
                self.tell_owner(sender, Note::Waiting(sender));
            } else {
                self.tell(message.draft.sender, message);
            }
        }
        Ok(settled)
    }

    /// See [`Store::cancel`]; repeated until `until`. Tells the sender, which then wastes no slot on it.
    pub async fn cancel(
        &self,
        id: MessageId,
        organization: OrganizationId,
        until: Time,
    ) -> Result<Option<(Cancelled, Shown)>, StoreError> {
        let cancelled = self.repeat("cancel", until, || self.store().cancel(id, organization)).await?;
        if let Some((Cancelled::Done, _)) = cancelled
            && let Ok(Some(message)) = self.store().message(id).await
        {
            let gone = SenderMessage::Cancelled(Waiting::of(&message));
            self.inner.with.roster.hint(message.draft.sender, gone);
        }
        Ok(cancelled)
    }

    #[cfg(feature = "chaos")]
    pub(crate) fn senders_running(&self) -> usize {
        self.inner.with.roster.senders_running()
    }

    /// May what is claimed of this sender be begun now, as far as other processes are concerned?
    pub(crate) fn may_begin(&self, sender: E164) -> bool {
        self.inner.with.shards.may_begin(sender, self.now())
    }

    /// May messages of this sender be claimed now?
    pub(crate) fn owns(&self, sender: E164) -> bool {
        self.inner.with.shards.owns(sender, self.now())
    }

    /// The shards that this process works with now.
    pub(crate) fn owned(&self) -> ShardSet {
        self.inner.with.shards.owned(self.now())
    }

    /// Which process this is.
    pub(crate) fn me(&self) -> Incarnation {
        self.inner.with.incarnation
    }

    /// May other processes work on the store beside this one?
    pub(crate) fn is_shared(&self) -> bool {
        self.inner.with.peers.is_some()
    }

    /// The fence of the shard's lease, if that is ours now.
    pub(crate) fn fence(&self, shard: Shard) -> Option<u64> {
        self.inner.with.shards.lease_of(shard, self.now()).map(|lease| lease.fence)
    }

    /// The fence of the sender's last lease here: see [`Shards`].
    pub(crate) fn tenure(&self, sender: E164) -> u64 {
        self.inner.with.shards.tenure(sender)
    }

    /// Something of this sender is under way until the value is dropped.
    pub(crate) fn under_way(&self, sender: E164) -> UnderWay {
        self.inner.with.shards.under_way(Shard::of(sender))
    }

    fn lease(&self, sender: E164) -> Option<Lease> {
        self.inner.with.shards.lease(sender, self.now())
    }

    async fn repeat<T>(
        &self,
        name: &'static str,
        until: Time,
        step: impl Fn() -> Stored<T>,
    ) -> Result<T, StoreError> {
        self.ask(name, until, step).await.answer
    }

    /// Repeats a step that was not answered, with the same arguments, until it is or time is over. An
    /// error after a call without an answer says nothing of that call, so the step stays in doubt.
    async fn ask<T>(&self, name: &'static str, until: Time, step: impl Fn() -> Stored<T>) -> Answered<T> {
        let mut wait = FIRST_REPEAT_WAIT;
        let mut in_doubt = false;
        loop {
            let answer = self.once(name, step()).await;
            let unanswered = matches!(answer, Err(StoreError::Unanswered));
            in_doubt |= unanswered;
            if !unanswered || self.now() + wait >= until {
                let answer = if in_doubt { answer.map_err(|_| StoreError::Unanswered) } else { answer };
                return Answered { answer, in_doubt };
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
        self.inner.step_times.record(name, self.now().since(asked_at));
        if let Err(error) = &answer {
            telemetry::store_failed(error);
        }
        let trouble = answer.as_ref().err().map(|error| (self.now(), error.to_string()));
        *self.inner.trouble.lock().unwrap_or_else(PoisonError::into_inner) = trouble;
        answer
    }
}
