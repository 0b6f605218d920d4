//! Random walks: every store gives the same answers, and all its rows follow from the records.
//!
//! The walk on Redis is what holds its scripts to the state machine of the domain, which memory runs:
//! after each step every read is compared. Its walks have seeds, which a failure names;
//! `SENDYARD_WALK_SEED` walks one again, and `SENDYARD_WALKS=200` that many more.

mod steps;

use std::collections::HashMap;
use std::sync::Arc;

use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::{RngAlgorithm, TestRng, TestRunner};
use sendyard_actors::domain::ids::{MessageId, Shard};
use sendyard_actors::domain::message::{Draft, Lane, Message, Shown, UnknownPolicy};
use sendyard_actors::domain::phone::E164;
use sendyard_actors::domain::shard_set::ShardSet;
use sendyard_actors::domain::time::Time;
use sendyard_actors::ports::{Clock, Leased, Store, Timer, Waiting};

use self::steps::{LAST, MESSAGES, Step, draft, resolved, senders, steps, take};
use super::disk::Disk;
use super::redis_server::Server;
use super::world::{ANSWER_WITHIN, EVIDENCE, LEASE, MARGIN, ME, ORGANIZATION, START, World};
use super::{redis_server, run, run_within};
use crate::store::redb::RedbStore;

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
            assert_eq!((row.evidence_until, row.not_after), (message.evidence_until, message.not_after));
        }
    }
    let mut timers: Vec<Timer> = messages
        .iter()
        .filter_map(|message| Some(Timer { at: message.timer()?, seq: message.seq, id: message.draft.id }))
        .collect();
    timers.sort_by_key(Timer::order);
    let found = store.timers(shards(), None, Time::MAX, 99).await.unwrap();
    assert_eq!(found, timers);
    for (place, timer) in timers.iter().enumerate() {
        let behind = store.timers(shards(), Some(*timer), Time::MAX, 2).await.unwrap();
        assert_eq!(behind, timers.iter().skip(place + 1).take(2).copied().collect::<Vec<_>>());
    }
    for reference in references() {
        let is_called_so = |message: &&Message| message.draft.client_reference.as_ref() == Some(&reference);
        let mut expected: Vec<MessageId> =
            messages.iter().filter(is_called_so).map(|message| message.draft.id).collect();
        expected.sort_unstable();
        let found = store.referenced(ORGANIZATION, reference, None, None, 99).await.unwrap();
        assert_eq!(found, expected);
    }
    let shown = |what| messages.iter().filter(|message| message.shown() == what).count() as u64;
    let tallies = store.tallies(ORGANIZATION).await.unwrap();
    let counted = tallies.iter().fold((0, 0), |sum, tally| (sum.0 + tally.waiting, sum.1 + tally.active));
    assert_eq!(counted, (shown(Shown::Queued), shown(Shown::Sending)));
}

/// What a walk's messages are called.
fn references() -> [String; 3] {
    [0, 1, 2].map(|of| format!("order {of}"))
}

/// Those that a walk uses.
fn shards() -> ShardSet {
    senders().into_iter().map(Shard::of).collect()
}

async fn reads(store: &dyn Store) -> String {
    let [one, other] = senders();
    // Their order is not promised.
    let mut unsettled = store.unsettled(None).await.unwrap();
    unsettled.sort_by_key(|row| row.id);
    let mut backlogs = store.backlogs(ShardSet::ALL).await.unwrap();
    backlogs.sort_by_key(|backlog| backlog.sender);
    format!(
        "{:?} {:?} {:?} {:?} {unsettled:?} {backlogs:?} {:?} {:?}",
        store.charges(one, START).await,
        store.charges(other, START).await,
        store.charge_sums(one, START).await,
        store.charge_sums(other, START).await,
        store.tallies(ORGANIZATION).await,
        store.timers(shards(), None, Time::MAX, 99).await,
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
    for reference in references() {
        let shard = Some(Shard::of(senders()[0]));
        let of_shard = store.referenced(ORGANIZATION, reference.clone(), shard, None, 99).await;
        let behind = store.referenced(ORGANIZATION, reference, None, Some(draft(2).id), 2).await;
        all.push(format!("{of_shard:?} {behind:?}"));
    }
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
    let embedded = RedbStore::over(move || disk.files(), Arc::clone(&world.clock) as _, true).unwrap();
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
const WALKS: u64 = 6;
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
const SIGHTS: [&str; 30] = [
    "2 stored",
    "NotHead",
    "2 claimed",
    "NotDue",
    "Already",
    "Stale",
    "Full",
    "Late",
    "Expired",
    "state: Scheduled",
    "Some((Due",
    "Some((Expired",
    "TakenUntil",
    "TooLate",
    "UnderWay",
    "Err(Immediate)",
    "Joined",
    "OtherRequest",
    "(Done, Cancelled)",
    "accepted_earlier: true",
    "listed: true",
    "overtaken: true",
    "last_there: 2",
    "frozen: Some(\"there\"), fallback: None",
    "messages: 1",
    "an offer is taken",
    "an offer is not taken any more",
    "an offer is withdrawn",
    "an offer is not withdrawn yet",
    "offered again",
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
        let name = format!("SENDYARD_WALK_SEED={seed}");
        run_within(async { told += &walk_on_redis(server, &name, steps_of(seed)).await.concat() });
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
    run_within(async {
        let told = walk_on_redis(server, "many attempts", steps).await.concat();
        assert!(told.contains("attempt: 40"), "it stopped before");
    });
}
