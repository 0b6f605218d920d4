//! A fresh store, a clock that moves only when told, and short words for what the cases do.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use sendyard_actors::domain::fingerprint::Fingerprint;
use sendyard_actors::domain::ids::{
    AssistantId, ClaimId, Incarnation, MessageId, OrganizationId, ProviderKind, Shard,
};
use sendyard_actors::domain::message::{Draft, Kind, Lane, Message, Settlement, State};
use sendyard_actors::domain::outcome::{Acceptance, Class, Doubt, Next, Refusal};
use sendyard_actors::domain::pace::Keep;
use sendyard_actors::domain::phone::E164;
use sendyard_actors::domain::segments::Encoding;
use sendyard_actors::domain::time::Time;
use sendyard_actors::ports::{
    Append, Appended, Claim, Claimed, Clock, EstimateRule, Lease, Leased, MarkUnknown, Settle, SettleAnswer,
    Store,
};

use super::redis_server::Server;
use crate::store::memory::MemoryStore;
use crate::store::redb::RedbStore;

pub(super) const START: Time = Time::from_millis(1_700_000_000_000);
pub(super) const SECOND: Duration = Duration::from_secs(1);
pub(super) const MARGIN: Duration = Duration::from_secs(1);
pub(super) const BEGIN_WITHIN: Duration = Duration::from_secs(2);
pub(super) const ANSWER_WITHIN: Duration = Duration::from_secs(20);
pub(super) const LEASE: Duration = Duration::from_secs(3);
pub(super) const EVIDENCE: Duration = Duration::from_mins(10);
pub(super) const ORGANIZATION: OrganizationId = OrganizationId(7);
pub(super) const ME: Incarnation = Incarnation(1);
pub(super) const OTHER: Incarnation = Incarnation(2);

/// Stands still until it is moved.
#[derive(Debug)]
pub(super) struct TestClock(AtomicU64);

impl TestClock {
    pub(super) fn start() -> Arc<Self> {
        Arc::new(Self(AtomicU64::new(START.as_nanos())))
    }

    pub(super) fn pass(&self, time: Duration) {
        self.0.fetch_add(u64::try_from(time.as_nanos()).unwrap(), Ordering::SeqCst);
    }

    fn start_again(&self) {
        self.0.store(START.as_nanos(), Ordering::SeqCst);
    }
}

impl Clock for TestClock {
    fn now(&self) -> Time {
        Time::from_nanos(self.0.load(Ordering::SeqCst))
    }
}

pub(super) fn number(text: &str) -> E164 {
    text.parse().unwrap()
}

pub(super) fn sender() -> E164 {
    number("+1234567890")
}

pub(super) fn recipient(index: u32) -> E164 {
    number(&format!("+1555{index:07}"))
}

/// One id for each sender and index. Its first bytes hold bits of the version, so they stay free.
pub(super) fn id_of(sender: E164, index: u64) -> MessageId {
    let mut random = [0; 10];
    random[3..8].copy_from_slice(&sender.as_u64().to_be_bytes()[3..]);
    let fresh = uuid::Builder::from_unix_timestamp_millis(START.as_millis() + index, &random).into_uuid();
    MessageId::new(fresh, Shard::of(sender))
}

/// A queued message of one segment from [`sender`] to [`recipient`] 1.
pub(super) fn draft(index: u64) -> Draft {
    draft_from(sender(), index)
}

pub(super) fn draft_from(from: E164, index: u64) -> Draft {
    let to = recipient(1);
    let text = format!("message {index}");
    Draft {
        id: id_of(from, index),
        sender: from,
        recipient: to,
        lane: Lane::Normal,
        kind: Kind::Queued,
        organization: ORGANIZATION,
        assistant: AssistantId(3),
        account: "acme-twilio".into(),
        provider: ProviderKind::Twilio,
        fingerprint: Fingerprint::of(from, to, &text, &[], true),
        frozen: None,
        fallback: None,
        expires_at: None,
        client_reference: None,
        metadata: None,
        text,
        media: Vec::new(),
        segments: 1,
        encoding: Encoding::Gsm7,
    }
}

pub(super) fn immediate(index: u64) -> Draft {
    Draft { kind: Kind::Immediate, ..draft(index) }
}

pub(super) fn append_of(draft: Draft) -> Append {
    let estimate = EstimateRule { from: START, per_unit: SECOND };
    Append { draft, estimate, depth_limit: 1_000_000, request_until: Time::MAX, not_before: Time::ZERO }
}

pub(super) fn accepted() -> Settlement {
    Settlement::Accepted(Acceptance {
        provider_id: "SM1".to_owned(),
        provider_status: "queued".to_owned(),
        segments: Some(1),
    })
}

pub(super) fn refused(next: Next) -> Settlement {
    let refusal = Refusal {
        class: Class::Retry,
        code: Some("20429".to_owned()),
        detail: "too many requests".to_owned(),
        retry_after: None,
        slows: None,
    };
    Settlement::Refused { refusal, next }
}

pub(super) struct World {
    pub(super) store: Arc<dyn Store>,
    pub(super) clock: Arc<TestClock>,
    claims: AtomicU64,
    _dir: Option<tempfile::TempDir>,
}

impl World {
    pub(super) fn over(store: Arc<dyn Store>, clock: Arc<TestClock>) -> Self {
        Self { store, clock, claims: AtomicU64::new(0), _dir: None }
    }

    pub(super) fn in_memory() -> Self {
        let clock = TestClock::start();
        Self::over(Arc::new(MemoryStore::new(Arc::clone(&clock) as _)), clock)
    }

    /// In memory, with the leases of a store that several processes share.
    pub(super) fn in_shared_memory() -> Self {
        let clock = TestClock::start();
        Self::over(Arc::new(MemoryStore::shared(Arc::clone(&clock) as _)), clock)
    }

    /// To be called within a runtime.
    pub(super) fn on_redis(server: &Server) -> Self {
        let clock = TestClock::start();
        Self::over(Arc::new(server.store(Arc::clone(&clock) as _)), clock)
    }

    pub(super) fn embedded() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let clock = TestClock::start();
        let store = Self::open(dir.path(), &clock);
        Self { _dir: Some(dir), ..Self::over(Arc::new(store), clock) }
    }

    pub(super) fn open(dir: &Path, clock: &Arc<TestClock>) -> RedbStore {
        RedbStore::open(dir, Arc::clone(clock) as _).unwrap()
    }

    pub(super) fn now(&self) -> Time {
        self.clock.now()
    }

    pub(super) fn pass(&self, time: Duration) {
        self.clock.pass(time);
    }

    pub(super) async fn append(&self, draft: Draft) -> Appended {
        self.store.append(append_of(draft)).await.unwrap()
    }

    /// Appends and expects that to be new.
    pub(super) async fn queued(&self, draft: Draft) -> Message {
        match self.append(draft).await {
            Appended::Stored(message) => *message,
            other => panic!("not stored: {other:?}"),
        }
    }

    pub(super) async fn lease_for(&self, sender: E164, holder: Incarnation) -> Lease {
        let shard = Shard::of(sender);
        match self.store.acquire_lease(shard, holder, LEASE, MARGIN, EVIDENCE).await.unwrap() {
            Leased::Yours { lease, .. } => lease,
            Leased::TakenUntil(until) => panic!("taken until {until:?}"),
        }
    }

    pub(super) async fn lease(&self) -> Lease {
        self.lease_for(sender(), ME).await
    }

    /// A call of `claim` that was never made before.
    pub(super) fn new_claim(&self, id: MessageId, lease: Lease, expected: u16) -> Claim {
        let counter = self.claims.fetch_add(1, Ordering::SeqCst);
        let claim_id = ClaimId { incarnation: lease.holder, counter };
        Claim { id, lease, expected, claim_id, begin_within: BEGIN_WITHIN, answer_within: ANSWER_WITHIN }
    }

    pub(super) async fn claim(&self, id: MessageId, expected: u16) -> Claimed {
        let lease = self.lease_for(self.message(id).await.draft.sender, ME).await;
        self.store.claim(self.new_claim(id, lease, expected)).await.unwrap()
    }

    /// Claims and expects that to succeed.
    pub(super) async fn claimed(&self, id: MessageId) -> Message {
        let expected = self.message(id).await.attempt;
        match self.claim(id, expected).await {
            Claimed::Yes(message) => *message,
            other => panic!("not claimed: {other:?}"),
        }
    }

    /// Appends and claims.
    pub(super) async fn sending(&self, draft: Draft) -> Message {
        let id = self.queued(draft).await.draft.id;
        self.claimed(id).await
    }

    pub(super) fn settle_of(
        id: MessageId,
        attempt: u16,
        settlement: Settlement,
        written: Option<Time>,
    ) -> Settle {
        Settle { id, attempt, settlement, written_at: written, keep: Keep::EVERYTHING }
    }

    pub(super) async fn settle(&self, id: MessageId, attempt: u16, settlement: Settlement) -> SettleAnswer {
        let settle = Self::settle_of(id, attempt, settlement, Some(self.now()));
        self.store.settle(settle).await.unwrap()
    }

    /// Settles and expects that to be news.
    pub(super) async fn settled(&self, id: MessageId, attempt: u16, settlement: Settlement) -> Message {
        done(self.settle(id, attempt, settlement).await)
    }

    pub(super) fn mark_of(id: MessageId, attempt: u16, lease: Lease) -> MarkUnknown {
        MarkUnknown {
            id,
            attempt,
            lease,
            doubt: Doubt::NoAnswer,
            written_at: None,
            margin: MARGIN,
            evidence_within: EVIDENCE,
        }
    }

    /// Lets an attempt's time pass and marks it unknown.
    pub(super) async fn unknown(&self, id: MessageId, attempt: u16) -> Message {
        let lease = self.lease().await;
        self.pass(ANSWER_WITHIN + MARGIN);
        done(self.store.mark_unknown(Self::mark_of(id, attempt, lease)).await.unwrap())
    }

    pub(super) async fn message(&self, id: MessageId) -> Message {
        *self.store.message(id).await.unwrap().unwrap()
    }

    pub(super) async fn state(&self, id: MessageId) -> State {
        self.message(id).await.state
    }
}

/// Worlds that follow each other over one store, which is emptied in between.
pub(super) struct Worlds {
    pub(super) store: Arc<dyn Store>,
    pub(super) clock: Arc<TestClock>,
    pub(super) empty: Box<dyn Fn()>,
}

impl Worlds {
    /// The world of the case of this name, which is said in case it fails.
    pub(super) fn next(&self, case: &str) -> World {
        println!("{case}");
        (self.empty)();
        self.clock.start_again();
        World::over(Arc::clone(&self.store), Arc::clone(&self.clock))
    }
}

pub(super) fn done(answer: SettleAnswer) -> Message {
    match answer {
        SettleAnswer::Done(message) => *message,
        other => panic!("not recorded: {other:?}"),
    }
}

/// The first lease of [`sender`]'s shard, if `fence` is 1.
pub(super) fn lease_of(holder: Incarnation, fence: u64) -> Lease {
    Lease { shard: Shard::of(sender()), fence, holder }
}
