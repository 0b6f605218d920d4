//! Random walks: every store gives the same answers, and all its rows follow from the records.
//!
//! The walk on Redis is what holds its scripts to the state machine of the domain, which memory runs:
//! after each step every read is compared. Its walks have seeds, which a failure names;
//! `SENDYARD_WALK_SEED` walks one again, and `SENDYARD_WALKS=200` that many more.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use proptest::prelude::*;
use proptest::sample::select;
use proptest::strategy::ValueTree;
use proptest::test_runner::{RngAlgorithm, TestRng, TestRunner};
use sendyard_actors::domain::ids::{ClaimId, OrganizationId, ProviderKind, Shard};
use sendyard_actors::domain::message::{
    ByHand, Draft, Elsewhere, Kind, Lane, Message, Settlement, Shown, UnknownPolicy,
};
use sendyard_actors::domain::outcome::{Acceptance, Class, Next, Refusal};
use sendyard_actors::domain::phone::E164;
use sendyard_actors::domain::time::Time;
use sendyard_actors::ports::{
    Append, Claim, Clock, Lease, Leased, MarkUnknown, ScopedKey, Settle, Store, Waiting,
};
use uuid::Uuid;

use super::disk::Disk;
use super::redis_server::Server;
use super::world::{
    ANSWER_WITHIN, BEGIN_WITHIN, EVIDENCE, LEASE, MARGIN, ME, ORGANIZATION, OTHER, SECOND, START, World,
    accepted, append_of, draft_from, number, recipient, refused, sender,
};
use super::{redis_server, run};
use crate::store::redb::RedbStore;

/// How many messages a walk knows.
const MESSAGES: u64 = 8;

/// Stands for the number of the last claim, and for the fence of our last lease.
const LAST: u16 = 99;

/// Stands for the number before that of the last claim.
const BEFORE_LAST: u16 = 98;

#[derive(Debug, Clone)]
enum Step {
    Pass(Duration),
    Acquire { other: bool },
    Renew { index: u64, fence: u16 },
    Release { index: u64, fence: u16 },
    Append { index: u64, late: bool },
    AppendSending { index: u64, fence: u16 },
    Claim { index: u64, expected: u16, retry: bool, counter: u64, fence: u16 },
    Settle { index: u64, attempt: u16, what: u8, written: bool },
    MarkUnknown { index: u64, attempt: u16, fence: u16, written: bool },
    SettleUnknown { index: u64, attempt: u16, fence: u16, policy: UnknownPolicy },
    Evidence { index: u64, attempt: Option<u16> },
    ByHand { index: u64, verdict: ByHand },
    Cancel { index: u64, organization: u32 },
    Reserve { index: u64, token: u128 },
    ReleaseKey { index: u64, token: u128 },
    Prune,
}

/// One step of any kind, or several that follow from each other and lead further than chance would.
fn steps() -> impl Strategy<Value = Vec<Step>> {
    let chance = (0..MESSAGES, 0..1000_u64, any::<bool>(), any::<[bool; 4]>());
    prop_oneof![
        6 => step().prop_map(|step| vec![step]),
        5 => (chance, 0..5_usize, select(vec![UnknownPolicy::Hold, UnknownPolicy::Resend])).prop_map(
            |((index, counter, retry, coins), far, policy)| life(index, counter, retry, coins, far, policy)
        ),
    ]
}

/// An attempt from its claim on: `far` says how far it comes.
fn life(
    index: u64,
    counter: u64,
    retry: bool,
    coins: [bool; 4],
    far: usize,
    policy: UnknownPolicy,
) -> Vec<Step> {
    let [again, repeated, written, settled] = coins;
    let claim =
        Step::Claim { index, expected: LAST, retry: retry && index.is_multiple_of(3), counter, fence: LAST };
    let mut steps = vec![Step::Acquire { other: false }, claim.clone()];
    if again {
        steps.extend([Step::Pass(Duration::from_millis(1)), claim]);
    }
    let stages = [
        vec![
            Step::Pass(ANSWER_WITHIN + MARGIN),
            Step::MarkUnknown { index, attempt: LAST, fence: LAST, written },
        ],
        vec![
            Step::Pass(EVIDENCE),
            Step::Acquire { other: false },
            Step::SettleUnknown { index, attempt: LAST, fence: LAST, policy },
        ],
        vec![Step::ByHand { index, verdict: ByHand::Retry }],
        vec![Step::Claim { index, expected: LAST, retry: false, counter: counter + 1000, fence: LAST }],
    ];
    steps.extend(stages.into_iter().take(far).flatten());
    if settled {
        let attempt = if repeated { BEFORE_LAST } else { LAST };
        let what = u8::try_from(counter % 6).unwrap();
        steps.push(Step::Settle { index, attempt, what, written });
    }
    steps
}

fn step() -> impl Strategy<Value = Step> {
    let index = || 0..MESSAGES;
    let number = || select(vec![LAST, LAST, LAST, BEFORE_LAST, 0, 1, 2]);
    let fence = || select(vec![LAST, LAST, LAST, LAST, 1, 2]);
    let policy = select(vec![UnknownPolicy::Hold, UnknownPolicy::Resend]);
    let verdict = select(vec![ByHand::Sent, ByHand::Failed, ByHand::Retry, ByHand::Retry]);
    let passing = vec![Duration::from_millis(1), SECOND, LEASE, ANSWER_WITHIN + MARGIN, EVIDENCE];
    prop_oneof![
        4 => select(passing).prop_map(Step::Pass),
        2 => select(vec![true, false, false, false]).prop_map(|other| Step::Acquire { other }),
        1 => (index(), fence()).prop_map(|(index, fence)| Step::Renew { index, fence }),
        1 => (index(), fence()).prop_map(|(index, fence)| Step::Release { index, fence }),
        14 => (index(), select(vec![false, false, false, true]))
            .prop_map(|(index, late)| Step::Append { index, late }),
        2 => (index(), fence()).prop_map(|(index, fence)| Step::AppendSending { index, fence }),
        12 => (index(), number(), select(vec![false, false, true]), 0..200_u64, fence()).prop_map(
            |(index, expected, retry, counter, fence)| Step::Claim { index, expected, retry, counter, fence }
        ),
        8 => (index(), number(), 0..6_u8, any::<bool>())
            .prop_map(|(index, attempt, what, written)| Step::Settle { index, attempt, what, written }),
        6 => (index(), number(), fence(), any::<bool>())
            .prop_map(|(index, attempt, fence, written)| Step::MarkUnknown { index, attempt, fence, written }),
        6 => (index(), number(), fence(), policy).prop_map(
            |(index, attempt, fence, policy)| Step::SettleUnknown { index, attempt, fence, policy }
        ),
        1 => (index(), proptest::option::of(number()))
            .prop_map(|(index, attempt)| Step::Evidence { index, attempt }),
        3 => (index(), verdict).prop_map(|(index, verdict)| Step::ByHand { index, verdict }),
        2 => (index(), 7..9_u32).prop_map(|(index, organization)| Step::Cancel { index, organization }),
        5 => (index(), 0..2_u128).prop_map(|(index, token)| Step::Reserve { index, token }),
        1 => (index(), 0..2_u128).prop_map(|(index, token)| Step::ReleaseKey { index, token }),
        4 => Just(Step::Prune),
    ]
}

fn senders() -> [E164; 2] {
    [sender(), number("+19995550000")]
}

/// Two senders, two recipients, two lanes, one in four immediate, some that can be repeated, some that
/// can go elsewhere.
fn draft(index: u64) -> Draft {
    let from = senders()[usize::from(index == MESSAGES - 1)];
    let lane = if index.is_multiple_of(3) { Lane::Bulk } else { Lane::Normal };
    let kind = if index % 4 == 3 { Kind::Immediate } else { Kind::Queued };
    let to = recipient(u32::from(index >= MESSAGES / 2));
    Draft {
        lane,
        kind,
        recipient: to,
        frozen: (index % 4 == 1).then(|| "{}".to_owned()),
        fallback: (index % 4 != 3)
            .then(|| Elsewhere { account: "other".into(), provider: ProviderKind::Vonage }),
        segments: 1 + u16::from(index.is_multiple_of(2)),
        ..draft_from(from, index)
    }
}

fn lease_of(index: u64, fence: u16) -> Lease {
    Lease { shard: Shard::of(draft(index).sender), fence: u64::from(fence), holder: ME }
}

fn claim_of(index: u64, expected: u16, counter: u64, fence: u16) -> Claim {
    let claim_id = ClaimId { incarnation: ME, counter };
    let (id, lease) = (draft(index).id, lease_of(index, fence));
    Claim { id, lease, expected, claim_id, begin_within: BEGIN_WITHIN, answer_within: ANSWER_WITHIN }
}

fn refused_for(class: Class, next: Next) -> Settlement {
    let refusal = Refusal { class, code: None, detail: "no".to_owned(), retry_after: Some(SECOND) };
    Settlement::Refused { refusal, next }
}

fn settle_of(index: u64, attempt: u16, what: u8, written: bool, now: Time) -> Settle {
    let settlement = match what {
        0 => accepted(),
        1 => refused(Next::GiveUp),
        2 => refused(Next::Retry { due: now + SECOND }),
        3 => refused_for(Class::Configuration, Next::Retry { due: now + SECOND }),
        4 => refused_for(Class::Recipient, Next::GiveUp),
        _ => Settlement::NeverBegun { due: now },
    };
    let keep_pace_from = now - Duration::from_secs(30);
    Settle {
        keep_pace_from,
        ..World::settle_of(draft(index).id, attempt, settlement, written.then_some(now))
    }
}

/// Puts the numbers in that [`LAST`] stands for.
async fn resolved(store: &dyn Store, leases: &HashMap<E164, u64>, step: Step) -> Step {
    let mut step = step;
    let (index, number, fence) = match &mut step {
        Step::Renew { index, fence }
        | Step::Release { index, fence }
        | Step::AppendSending { index, fence } => (*index, None, Some(fence)),
        Step::Claim { index, expected: number, fence, .. }
        | Step::MarkUnknown { index, attempt: number, fence, .. }
        | Step::SettleUnknown { index, attempt: number, fence, .. } => (*index, Some(number), Some(fence)),
        Step::Settle { index, attempt: number, .. } | Step::Evidence { index, attempt: Some(number) } => {
            (*index, Some(number), None)
        }
        _ => return step,
    };
    if let Some(number) = number.filter(|number| **number >= BEFORE_LAST) {
        let message = store.message(draft(index).id).await.unwrap();
        let last = message.map_or(0, |message| message.attempt);
        *number = last.saturating_sub(LAST - *number);
    }
    if let Some(fence) = fence.filter(|fence| **fence == LAST) {
        let last = leases.get(&draft(index).sender).copied().unwrap_or_default();
        *fence = u16::try_from(last).unwrap();
    }
    step
}

/// Does a step and gives its answer as text.
async fn take(store: &dyn Store, now: Time, step: &Step) -> String {
    let key = |index: &u64| ScopedKey { organization: ORGANIZATION, key: (index % 2).to_string() };
    match step {
        Step::Pass(_) => String::new(),
        Step::Acquire { other } => {
            let holder = if *other { OTHER } else { ME };
            let mut answers = Vec::new();
            for from in senders() {
                answers.push(store.acquire_lease(Shard::of(from), holder, LEASE, MARGIN, EVIDENCE).await);
            }
            format!("{answers:?}")
        }
        Step::Renew { index, fence } => {
            format!("{:?}", store.renew_lease(lease_of(*index, *fence), LEASE).await)
        }
        Step::Release { index, fence } => {
            format!("{:?}", store.release_lease(lease_of(*index, *fence)).await)
        }
        Step::Append { index, late } => {
            let request_until = if *late { Time::ZERO } else { Time::MAX };
            let append = Append { depth_limit: 3, request_until, ..append_of(draft(*index)) };
            format!("{:?}", store.append(append).await)
        }
        Step::AppendSending { index, fence } => {
            let immediate = Draft { kind: Kind::Immediate, ..draft(*index) };
            let claim = claim_of(*index, 0, 0, *fence);
            format!("{:?}", store.append_sending(immediate, claim, Time::MAX).await)
        }
        Step::Claim { index, expected, retry, counter, fence } => {
            let claim = claim_of(*index, *expected, *counter, *fence);
            let answer = if *retry { store.retry(claim).await } else { store.claim(claim).await };
            format!("{answer:?}")
        }
        Step::Settle { index, attempt, what, written } => {
            format!("{:?}", store.settle(settle_of(*index, *attempt, *what, *written, now)).await)
        }
        Step::MarkUnknown { index, attempt, fence, written } => {
            let mark = World::mark_of(draft(*index).id, *attempt, lease_of(*index, *fence));
            let mark = MarkUnknown { written_at: written.then_some(now), ..mark };
            format!("{:?}", store.mark_unknown(mark).await)
        }
        Step::SettleUnknown { index, attempt, fence, policy } => {
            let lease = lease_of(*index, *fence);
            format!("{:?}", store.settle_unknown(draft(*index).id, *attempt, lease, *policy).await)
        }
        Step::Evidence { index, attempt } => {
            let told = Acceptance {
                provider_id: "SM9".to_owned(),
                provider_status: "delivered".to_owned(),
                segments: Some(2),
            };
            format!("{:?}", store.evidence(draft(*index).id, *attempt, told).await)
        }
        Step::ByHand { index, verdict } => {
            format!("{:?}", store.settle_by_hand(draft(*index).id, ORGANIZATION, *verdict).await)
        }
        Step::Cancel { index, organization } => {
            format!("{:?}", store.cancel(draft(*index).id, OrganizationId(*organization)).await)
        }
        Step::Reserve { index, token } => {
            // Two keys for eight messages: the same fingerprint twice under each.
            let fingerprint = draft(*index / 4).fingerprint;
            let message = draft(*index);
            let token = Uuid::from_u128(*token);
            let answer = store.reserve_key(key(index), message.id, fingerprint, token, 6 * EVIDENCE).await;
            format!("{answer:?} {:?}", store.lookup_key(key(index)).await)
        }
        Step::ReleaseKey { index, token } => {
            let answer = store.release_key(key(index), draft(*index).id, Uuid::from_u128(*token)).await;
            format!("{answer:?} {:?}", store.lookup_key(key(index)).await)
        }
        Step::Prune => format!("{:?}", store.prune(now - EVIDENCE).await),
    }
}

/// Checks every index against the records that it must follow from.
async fn check_rows(store: &dyn Store) {
    let mut messages: Vec<Message> = Vec::new();
    for index in 0..MESSAGES {
        messages.extend(store.message(draft(index).id).await.unwrap().map(|message| *message));
    }
    messages.sort_by_key(|message| message.seq);
    for from in senders() {
        let of_sender: Vec<&Message> =
            messages.iter().filter(|message| message.draft.sender == from).collect();
        let waiting: Vec<&Message> =
            of_sender.iter().copied().filter(|message| message.is_waiting()).collect();
        assert_eq!(store.depth(from).await.unwrap(), waiting.len() as u64);
        for lane in [Lane::Urgent, Lane::Normal, Lane::Bulk] {
            let expected = waiting.iter().filter(|message| message.draft.lane == lane);
            let expected: Vec<Waiting> = expected.map(|message| Waiting::of(message)).collect();
            assert_eq!(store.queue_page(from, lane, None, 99).await.unwrap(), expected);
        }
        for message in &of_sender {
            let conversation = message.draft.conversation();
            let in_it = waiting.iter().filter(|other| other.draft.conversation() == conversation);
            let expected: Vec<Waiting> =
                in_it.filter(|other| other.is_in_conversation()).map(|other| Waiting::of(other)).collect();
            assert_eq!(store.conversation_page(conversation, None, 99).await.unwrap(), expected);
        }
        let mut unsettled = store.unsettled(Some(from)).await.unwrap();
        unsettled.sort_by_key(|row| row.id);
        let mut expected: Vec<_> = of_sender.iter().filter(|message| message.is_unsettled()).collect();
        expected.sort_by_key(|message| message.draft.id);
        assert_eq!(unsettled.len(), expected.len());
        for (row, message) in unsettled.iter().zip(expected) {
            assert_eq!((row.id, row.attempt), (message.draft.id, message.attempt));
            assert_eq!(row.evidence_until, message.evidence_until);
        }
    }
    let shown = |what| messages.iter().filter(|message| message.shown() == what).count() as u64;
    let tallies = store.tallies(ORGANIZATION).await.unwrap();
    let counted = tallies.iter().fold((0, 0), |sum, tally| (sum.0 + tally.waiting, sum.1 + tally.active));
    assert_eq!(counted, (shown(Shown::Queued), shown(Shown::Sending)));
}

async fn reads(store: &dyn Store) -> String {
    let [one, other] = senders();
    // Their order is not promised.
    let mut unsettled = store.unsettled(None).await.unwrap();
    unsettled.sort_by_key(|row| row.id);
    let mut backlogs = store.backlogs().await.unwrap();
    backlogs.sort_by_key(|backlog| backlog.sender);
    format!(
        "{:?} {:?} {unsettled:?} {backlogs:?} {:?}",
        store.charges(one, START).await,
        store.charges(other, START).await,
        store.tallies(ORGANIZATION).await,
    )
}

/// All that a store tells of a message, its sender and its conversation.
async fn everything(store: &dyn Store) -> Vec<String> {
    let pages = (0..MESSAGES).map(|index| async move {
        let Draft { id, sender, lane, .. } = draft(index);
        let conversation = draft(index).conversation();
        let (message, depth, queue, page, second, of_sender) = futures::join!(
            store.message(id),
            store.depth(sender),
            store.queue_page(sender, lane, None, 99),
            store.conversation_page(conversation, None, 99),
            store.conversation_page(conversation, Some(1), 1),
            store.unsettled(Some(sender)),
        );
        let of_sender = of_sender.unwrap().len();
        format!("{message:?} {depth:?} {queue:?} {page:?} {second:?} {of_sender}")
    });
    let mut all = futures::future::join_all(pages).await;
    let doubtful = store.doubtful(ORGANIZATION, None, 99).await.unwrap();
    if !doubtful.is_empty() {
        all.push(format!("{:?}", store.doubtful(ORGANIZATION, Some(draft(2).id), 2).await));
    }
    all.push(format!("{doubtful:?}"));
    all
}

/// Notes our leases of an answer to [`Step::Acquire`].
async fn note_leases(store: &dyn Store, leases: &mut HashMap<E164, u64>) {
    for from in senders() {
        let asked = store.acquire_lease(Shard::of(from), ME, LEASE, MARGIN, EVIDENCE).await;
        if let Leased::Yours { lease, .. } = asked.unwrap() {
            leases.insert(from, lease.fence);
        }
    }
}

async fn walk(world: World, steps: Vec<Step>) {
    let disk = Disk::default();
    let embedded = RedbStore::over(move || disk.files(), Arc::clone(&world.clock) as _).unwrap();
    let memory = &world.store;
    let mut leases = HashMap::new();
    for step in steps {
        let step = resolved(memory.as_ref(), &leases, step).await;
        if let Step::Pass(time) = step {
            world.pass(time);
        }
        let now = world.clock.now();
        let answer = take(memory.as_ref(), now, &step).await;
        assert_eq!(take(&embedded, now, &step).await, answer, "{step:?}");
        if let Step::Acquire { other: false } = step {
            note_leases(memory.as_ref(), &mut leases).await;
        }
        assert_eq!(reads(&embedded).await, reads(memory.as_ref()).await, "{step:?}");
        check_rows(memory.as_ref()).await;
    }
    check_rows(&embedded).await;
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn both_stores_answer_alike_and_their_rows_follow_from_the_records(
        steps in prop::collection::vec(steps(), 1..60),
    ) {
        let first = vec![Step::Acquire { other: false }];
        run(World::in_memory(), |world| walk(world, [first, steps.concat()].concat()));
    }
}

/// How many walks on Redis each run makes, and how long each is.
const WALKS: u64 = 4;
const WALK_LENGTH: usize = 160;

/// The same seed, the same steps.
fn steps_of(seed: u64) -> Vec<Step> {
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed.to_be_bytes());
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &bytes);
    let mut runner = TestRunner::new_with_rng(ProptestConfig::default(), rng);
    let walk = prop::collection::vec(steps(), WALK_LENGTH).new_tree(&mut runner).unwrap().current();
    walk.concat()
}

/// Takes the steps on memory and on Redis, compares both after each, and gives the answers.
async fn walk_on_redis(server: &'static Server, name: &str, steps: Vec<Step>) -> Vec<String> {
    let world = World::in_shared_memory();
    let memory = &world.store;
    let redis = server.store(Arc::clone(&world.clock) as _);
    let mut leases = HashMap::new();
    let mut told = Vec::new();
    let first = vec![Step::Acquire { other: false }];
    for (place, step) in [first, steps].concat().into_iter().enumerate() {
        let step = resolved(memory.as_ref(), &leases, step).await;
        let at = format!("{name}, step {place}: {step:?}");
        if let Step::Pass(time) = step {
            world.pass(time);
        }
        let now = world.clock.now();
        let answer = take(memory.as_ref(), now, &step).await;
        assert_eq!(take(&redis, now, &step).await, answer, "{at}");
        told.push(answer);
        if let Step::Acquire { other: false } = step {
            note_leases(memory.as_ref(), &mut leases).await;
        }
        assert_eq!(reads(&redis).await, reads(memory.as_ref()).await, "{at}");
        assert_eq!(everything(&redis).await, everything(memory.as_ref()).await, "{at}");
    }
    check_rows(&redis).await;
    told
}

/// What all walks together must have come by, or they show little.
const SIGHTS: [&str; 18] = [
    "NotHead",
    "NotDue",
    "Already",
    "Stale",
    "Full",
    "Late",
    "TakenUntil",
    "TooLate",
    "UnderWay",
    "Err(Immediate)",
    "Joined",
    "OtherRequest",
    "state: Cancelled",
    "accepted_earlier: true",
    "listed: true",
    "overtaken: true",
    "moved: true",
    "messages: 1",
];

#[test]
fn redis_answers_like_memory_at_every_step_of_a_walk() {
    let Some(server) = redis_server::shared() else { return };
    let number = |name| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    let seeds = match (number("SENDYARD_WALK_SEED"), number("SENDYARD_WALKS")) {
        (Some(seed), _) => vec![seed],
        (None, more) => (0..WALKS + more.unwrap_or_default()).collect(),
    };
    let mut told = String::new();
    for seed in seeds {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let name = format!("SENDYARD_WALK_SEED={seed}");
        told += &runtime.block_on(walk_on_redis(server, &name, steps_of(seed))).concat();
    }
    if std::env::var_os("SENDYARD_WALK_SEED").is_none() {
        let missed: Vec<&str> = SIGHTS.into_iter().filter(|sight| !told.contains(sight)).collect();
        assert_eq!(missed, Vec::<&str>::new(), "no walk came by these");
    }
}

/// More attempts than a record keeps, open questions among them: the random walks do not get so far.
#[test]
fn redis_forgets_the_same_attempts_as_memory() {
    let Some(server) = redis_server::shared() else { return };
    let claim = |counter| Step::Claim { index: 1, expected: LAST, retry: false, counter, fence: LAST };
    let mut steps = vec![Step::Append { index: 1, late: false }];
    for counter in 0..40 {
        steps.extend([Step::Acquire { other: false }, claim(counter)]);
        match counter % 3 {
            0 => steps.push(Step::Settle { index: 1, attempt: LAST, what: 5, written: false }),
            _ => steps.extend([
                Step::Pass(ANSWER_WITHIN + MARGIN),
                Step::MarkUnknown { index: 1, attempt: LAST, fence: LAST, written: false },
                Step::SettleUnknown { index: 1, attempt: LAST, fence: LAST, policy: UnknownPolicy::Hold },
            ]),
        }
        steps.push(Step::Pass(EVIDENCE));
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let told = runtime.block_on(walk_on_redis(server, "many attempts", steps)).concat();
    assert!(told.contains("attempt: 40"), "it stopped before");
}
