//! Random walks: both stores give the same answers, and all their rows follow from the records.

use std::sync::Arc;
use std::time::Duration;

use proptest::prelude::*;
use proptest::sample::select;
use sendyard_actors::domain::ids::{ClaimId, OrganizationId, Shard};
use sendyard_actors::domain::message::{Draft, Kind, Lane, Message, Settlement, Shown, UnknownPolicy};
use sendyard_actors::domain::outcome::Next;
use sendyard_actors::domain::phone::E164;
use sendyard_actors::domain::time::Time;
use sendyard_actors::ports::{Append, Claim, Clock, ScopedKey, Settle, Store, Waiting};
use uuid::Uuid;

use super::disk::Disk;
use super::run;
use super::world::{
    ANSWER_WITHIN, BEGIN_WITHIN, EVIDENCE, MARGIN, ME, ORGANIZATION, OTHER, SECOND, START, World, accepted,
    append_of, draft_from, lease_of, number, recipient, refused, sender,
};
use crate::store::redb::RedbStore;

/// How many messages a walk knows.
const MESSAGES: u64 = 8;

#[derive(Debug, Clone)]
enum Step {
    Pass(Duration),
    Acquire { other: bool },
    Append(u64),
    AppendSending(u64),
    Claim { index: u64, expected: u16, retry: bool, counter: u64, fence: u64 },
    Settle { index: u64, attempt: u16, what: u8 },
    MarkUnknown { index: u64, attempt: u16, fence: u64 },
    SettleUnknown { index: u64, attempt: u16, fence: u64, policy: UnknownPolicy },
    Cancel { index: u64, organization: u32 },
    Reserve { index: u64, token: u128 },
    Release { index: u64, token: u128 },
    Prune,
}

fn steps() -> impl Strategy<Value = Step> {
    let index = 0..MESSAGES;
    let attempt = 1..3_u16;
    let fence = select(vec![1, 1, 1, 2]);
    let policy = select(vec![UnknownPolicy::Hold, UnknownPolicy::Resend]);
    prop_oneof![
        2 => select(vec![SECOND, ANSWER_WITHIN + MARGIN, EVIDENCE]).prop_map(Step::Pass),
        1 => any::<bool>().prop_map(|coin| Step::Acquire { other: coin }),
        6 => index.clone().prop_map(Step::Append),
        2 => index.clone().prop_map(Step::AppendSending),
        8 => (index.clone(), 0..3_u16, any::<bool>(), 0..4_u64, fence.clone()).prop_map(
            |(index, expected, retry, counter, fence)| Step::Claim { index, expected, retry, counter, fence }
        ),
        8 => (index.clone(), attempt.clone(), 0..4_u8)
            .prop_map(|(index, attempt, what)| Step::Settle { index, attempt, what }),
        4 => (index.clone(), attempt.clone(), fence.clone())
            .prop_map(|(index, attempt, fence)| Step::MarkUnknown { index, attempt, fence }),
        4 => (index.clone(), attempt, fence, policy).prop_map(
            |(index, attempt, fence, policy)| Step::SettleUnknown { index, attempt, fence, policy }
        ),
        2 => (index.clone(), 7..9_u32).prop_map(|(index, organization)| Step::Cancel { index, organization }),
        2 => (index.clone(), 0..2_u128).prop_map(|(index, token)| Step::Reserve { index, token }),
        1 => (index, 0..2_u128).prop_map(|(index, token)| Step::Release { index, token }),
        1 => Just(Step::Prune),
    ]
}

fn senders() -> [E164; 2] {
    [sender(), number("+19995550000")]
}

/// Two senders, two recipients, two lanes, one in four immediate.
fn draft(index: u64) -> Draft {
    let from = senders()[usize::from(index == MESSAGES - 1)];
    let lane = if index.is_multiple_of(3) { Lane::Bulk } else { Lane::Normal };
    let kind = if index % 4 == 3 { Kind::Immediate } else { Kind::Queued };
    let to = recipient(u32::from(index >= MESSAGES / 2));
    Draft {
        lane,
        kind,
        recipient: to,
        segments: 1 + u16::from(index.is_multiple_of(2)),
        ..draft_from(from, index)
    }
}

fn claim_of(index: u64, expected: u16, counter: u64, fence: u64) -> Claim {
    let lease =
        sendyard_actors::ports::Lease { shard: Shard::of(draft(index).sender), ..lease_of(ME, fence) };
    let claim_id = ClaimId { incarnation: ME, counter };
    let id = draft(index).id;
    Claim { id, lease, expected, claim_id, begin_within: BEGIN_WITHIN, answer_within: ANSWER_WITHIN }
}

fn settle_of(index: u64, attempt: u16, what: u8, now: Time) -> Settle {
    let settlement = match what {
        0 => accepted(),
        1 => refused(Next::GiveUp),
        2 => refused(Next::Retry { due: now + SECOND }),
        _ => Settlement::NeverBegun { due: now },
    };
    let keep_pace_from = now - Duration::from_secs(30);
    Settle { keep_pace_from, ..World::settle_of(draft(index).id, attempt, settlement, Some(now)) }
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
                answers.push(store.acquire_lease(Shard::of(from), holder, MARGIN, EVIDENCE).await);
            }
            format!("{answers:?}")
        }
        Step::Append(index) => {
            let append = Append { depth_limit: 3, ..append_of(draft(*index)) };
            format!("{:?}", store.append(append).await)
        }
        Step::AppendSending(index) => {
            let immediate = Draft { kind: Kind::Immediate, ..draft(*index) };
            format!("{:?}", store.append_sending(immediate, claim_of(*index, 0, 0, 1), Time::MAX).await)
        }
        Step::Claim { index, expected, retry, counter, fence } => {
            let claim = claim_of(*index, *expected, *counter, *fence);
            let answer = if *retry { store.retry(claim).await } else { store.claim(claim).await };
            format!("{answer:?}")
        }
        Step::Settle { index, attempt, what } => {
            format!("{:?}", store.settle(settle_of(*index, *attempt, *what, now)).await)
        }
        Step::MarkUnknown { index, attempt, fence } => {
            let lease = claim_of(*index, 0, 0, *fence).lease;
            format!("{:?}", store.mark_unknown(World::mark_of(draft(*index).id, *attempt, lease)).await)
        }
        Step::SettleUnknown { index, attempt, fence, policy } => {
            let lease = claim_of(*index, 0, 0, *fence).lease;
            format!("{:?}", store.settle_unknown(draft(*index).id, *attempt, lease, *policy).await)
        }
        Step::Cancel { index, organization } => {
            format!("{:?}", store.cancel(draft(*index).id, OrganizationId(*organization)).await)
        }
        Step::Reserve { index, token } => {
            let message = draft(*index);
            let token = Uuid::from_u128(*token);
            let answer =
                store.reserve_key(key(index), message.id, message.fingerprint, token, EVIDENCE).await;
            format!("{answer:?} {:?}", store.lookup_key(key(index)).await)
        }
        Step::Release { index, token } => {
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
    format!(
        "{:?} {:?} {:?} {:?} {:?}",
        store.charges(one, START).await,
        store.charges(other, START).await,
        store.unsettled(None).await,
        store.backlogs().await,
        store.tallies(ORGANIZATION).await,
    )
}

async fn walk(world: World, steps: Vec<Step>) {
    let disk = Disk::default();
    let embedded = RedbStore::over(move || disk.files(), Arc::clone(&world.clock) as _, true).unwrap();
    let memory = &world.store;
    for step in steps {
        if let Step::Pass(time) = step {
            world.pass(time);
        }
        let now = world.clock.now();
        let answer = take(memory.as_ref(), now, &step).await;
        assert_eq!(take(&embedded, now, &step).await, answer, "{step:?}");
        assert_eq!(reads(&embedded).await, reads(memory.as_ref()).await, "{step:?}");
        check_rows(memory.as_ref()).await;
    }
    check_rows(&embedded).await;
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn both_stores_answer_alike_and_their_rows_follow_from_the_records(
        steps in prop::collection::vec(steps(), 1..120),
    ) {
        let first = vec![Step::Acquire { other: false }];
        run(World::in_memory(), |world| walk(world, [first, steps].concat()));
    }
}
