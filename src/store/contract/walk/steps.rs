//! The steps of a walk: which there are, how they are drawn, and how a store takes one.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use proptest::prelude::*;
use proptest::sample::select;
use sendyard_actors::domain::ids::{ClaimId, OrganizationId, ProviderKind, Shard};
use sendyard_actors::domain::message::{
    ByHand, Draft, Elsewhere, Fallback, Kind, Lane, Settlement, State, UnknownPolicy,
};
use sendyard_actors::domain::outcome::{Acceptance, Class, Next, Refusal};
use sendyard_actors::domain::pace::Keep;
use sendyard_actors::domain::phone::E164;
use sendyard_actors::domain::time::Time;
use sendyard_actors::ports::{
    Append, Appended, Claim, Claimed, Lease, MarkUnknown, Reserve, ScopedKey, Settle, Store,
};
use uuid::Uuid;

use super::super::world::{
    ANSWER_WITHIN, BEGIN_WITHIN, EVIDENCE, LEASE, MARGIN, ME, ORGANIZATION, OTHER, SECOND, START, World,
    accepted, append_of, draft_from, number, recipient, refused, sender,
};

/// How many messages a walk knows.
pub(super) const MESSAGES: u64 = 8;

/// Stands for the number of the last claim, and for the fence of our last lease.
pub(super) const LAST: u16 = 99;

/// Stands for the number before that of the last claim.
const BEFORE_LAST: u16 = 98;

#[derive(Debug, Clone)]
pub(super) enum Step {
    Pass(Duration),
    Acquire {
        other: bool,
    },
    Renew {
        index: u64,
        fence: u16,
    },
    Release {
        index: u64,
        fence: u16,
    },
    Append {
        index: u64,
        late: bool,
    },
    /// Of each its index, whether it is late, and when it may go from now on.
    AppendAll {
        appends: Vec<(u64, bool, Option<Duration>)>,
    },
    /// Not before so long from now, if it expires then after so long.
    Schedule {
        index: u64,
        within: Duration,
        expires: Option<Duration>,
    },
    TimeUp {
        indexes: Vec<u64>,
    },
    Postpone {
        index: u64,
        expected: u16,
        within: Duration,
    },
    AppendSending {
        index: u64,
        fence: u16,
    },
    Forward {
        index: u64,
        within: Duration,
    },
    ForwardAgain {
        index: u64,
        expected: u16,
        within: Duration,
    },
    Take {
        index: u64,
        expected: u16,
        counter: u64,
        fence: u16,
    },
    Withdraw {
        index: u64,
    },
    Claim {
        index: u64,
        expected: u16,
        retry: bool,
        counter: u64,
        fence: u16,
    },
    /// Of each its index, the number of its last claim, and the fence.
    ClaimAll {
        claims: Vec<(u64, u16, u16)>,
        counter: u64,
    },
    Settle {
        index: u64,
        attempt: u16,
        what: u8,
        written: bool,
    },
    MarkUnknown {
        index: u64,
        attempt: u16,
        fence: u16,
        written: bool,
    },
    SettleUnknown {
        index: u64,
        attempt: u16,
        fence: u16,
        policy: UnknownPolicy,
    },
    Evidence {
        index: u64,
        attempt: Option<u16>,
    },
    ByHand {
        index: u64,
        verdict: ByHand,
    },
    Cancel {
        index: u64,
        organization: u32,
    },
    Reserve {
        index: u64,
        token: u128,
    },
    /// Of each its index and its token.
    ReserveAll {
        keys: Vec<(u64, u128)>,
    },
    ReleaseKey {
        index: u64,
        token: u128,
    },
    Prune,
}

/// One step of any kind, or several that follow from each other and lead further than chance would.
pub(super) fn steps() -> impl Strategy<Value = Vec<Step>> {
    let chance = (0..MESSAGES, 0..1000_u64, any::<bool>(), any::<[bool; 4]>());
    prop_oneof![
        6 => step().prop_map(|step| vec![step]),
        6 => (chance, select(vec![0, 1, 2, 3, 4, 4, 4_usize]), select(vec![UnknownPolicy::Hold, UnknownPolicy::Resend])).prop_map(
            |((index, counter, retry, coins), far, policy)| life(index, counter, retry, coins, far, policy)
        ),
        2 => (select(vec![3, 7_u64]), 0..1000_u64, within(), any::<[bool; 4]>())
            .prop_map(|(index, counter, within, coins)| offer(index, counter, within, coins)),
        2 => (0..MESSAGES - 1, within(), proptest::option::of(within()), any::<[bool; 2]>())
            .prop_map(|(index, within, expires, coins)| in_time(index, within, expires, coins)),
        1 => (0..MESSAGES, 0..1000_u64).prop_map(|(index, counter)| moved_later(index, counter)),
        1 => (0..1000_u64).prop_map(all_at_once),
        1 => prop::collection::vec(0..MESSAGES - 1, 3..6).prop_map(stored_again_at_once),
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
    let mut steps = vec![Step::Prune, Step::Append { index, late: false }];
    steps.extend([Step::Acquire { other: false }, claim.clone()]);
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

/// An offer from its beginning on: again and again, taken or withdrawn, in time or not.
fn offer(index: u64, counter: u64, within: Duration, coins: [bool; 4]) -> Vec<Step> {
    let [anew, waited, other_first, refused] = coins;
    let take = Step::Take { index, expected: LAST, counter, fence: LAST };
    let mut steps = vec![Step::Acquire { other: false }];
    if anew {
        steps.extend([Step::Pass(EVIDENCE), Step::Prune, Step::Pass(EVIDENCE), Step::Prune]);
    }
    steps.extend([Step::Forward { index, within }, Step::ForwardAgain { index, expected: LAST, within }]);
    if waited {
        steps.extend([Step::Pass(SECOND), Step::Pass(Duration::from_millis(1))]);
    }
    steps.extend(if other_first {
        [Step::Withdraw { index }, take]
    } else {
        [take, Step::Withdraw { index }]
    });
    let what = if refused { 1 } else { u8::try_from(counter % 6).unwrap() };
    steps.push(Step::Settle { index, attempt: LAST, what, written: waited });
    steps
}

/// A message that goes to its fallback account with its second attempt.
fn moved_later(index: u64, counter: u64) -> Vec<Step> {
    let claim = |counter| Step::Claim { index, expected: LAST, retry: false, counter, fence: LAST };
    let settle = |what| Step::Settle { index, attempt: LAST, what, written: false };
    let begun = vec![Step::Pass(EVIDENCE), Step::Prune, Step::Append { index, late: false }];
    let tried =
        vec![Step::Acquire { other: false }, claim(counter), settle(5), claim(counter + 1000), settle(3)];
    [begun, tried].concat()
}

/// All messages are stored, and claimed in one step.
fn all_at_once(counter: u64) -> Vec<Step> {
    let mut steps = vec![Step::Pass(EVIDENCE), Step::Prune];
    steps.extend((0..MESSAGES - 1).map(|index| Step::Append { index, late: false }));
    steps.push(Step::Acquire { other: false });
    steps.push(Step::ClaimAll {
        claims: (0..MESSAGES - 1).map(|index| (index, LAST, LAST)).collect(),
        counter,
    });
    steps
}

/// Those of them that are over go, and are stored again, together with others.
fn stored_again_at_once(indexes: Vec<u64>) -> Vec<Step> {
    let cancels = indexes.iter().map(|index| Step::Cancel { index: *index, organization: 7 });
    let mut steps: Vec<Step> = cancels.collect();
    steps.extend([Step::Pass(EVIDENCE), Step::Pass(SECOND), Step::Prune]);
    let appends = indexes.into_iter().map(|index| (index, false, None)).collect();
    steps.push(Step::AppendAll { appends });
    steps
}

/// A message that waits for its time or expires, until something comes of it.
fn in_time(index: u64, within: Duration, expires: Option<Duration>, coins: [bool; 2]) -> Vec<Step> {
    let [postponed, long_after] = coins;
    let mut steps = vec![Step::Prune, Step::Schedule { index, within, expires }];
    if postponed {
        steps.push(Step::Postpone { index, expected: LAST, within });
    }
    steps.push(Step::Pass(within));
    if long_after {
        steps.push(Step::Pass(LEASE));
    }
    steps.push(Step::TimeUp { indexes: vec![index] });
    steps
}

fn within() -> impl Strategy<Value = Duration> {
    select(vec![Duration::ZERO, Duration::from_millis(1), SECOND, SECOND, LEASE])
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
        4 => prop::collection::vec((index(), any::<bool>(), select(vec![None, None, None, Some(SECOND)])), 1..7)
            .prop_map(|appends| Step::AppendAll { appends: appends.into_iter().map(seldom_late).collect() }),
        2 => (index(), fence()).prop_map(|(index, fence)| Step::AppendSending { index, fence }),
        2 => (index(), within(), proptest::option::of(within()))
            .prop_map(|(index, within, expires)| Step::Schedule { index, within, expires }),
        3 => prop::collection::vec(index(), 1..6).prop_map(|indexes| Step::TimeUp { indexes }),
        2 => (index(), number(), within())
            .prop_map(|(index, expected, within)| Step::Postpone { index, expected, within }),
        1 => (index(), within()).prop_map(|(index, within)| Step::Forward { index, within }),
        1 => (index(), number(), within())
            .prop_map(|(index, expected, within)| Step::ForwardAgain { index, expected, within }),
        1 => (index(), number(), 0..200_u64, fence())
            .prop_map(|(index, expected, counter, fence)| Step::Take { index, expected, counter, fence }),
        1 => index().prop_map(|index| Step::Withdraw { index }),
        12 => (index(), number(), select(vec![false, false, true]), 0..200_u64, fence()).prop_map(
            |(index, expected, retry, counter, fence)| Step::Claim { index, expected, retry, counter, fence }
        ),
        8 => (prop::collection::vec((index(), number(), fence()), 2..9), 0..200_u64)
            .prop_map(|(claims, counter)| Step::ClaimAll { claims, counter }),
        8 => (index(), number(), 0..6_u8, any::<bool>())
            .prop_map(|(index, attempt, what, written)| Step::Settle { index, attempt, what, written }),
        6 => (index(), number(), fence(), any::<bool>())
            .prop_map(|(index, attempt, fence, written)| Step::MarkUnknown { index, attempt, fence, written }),
        6 => (index(), number(), fence(), policy).prop_map(
            |(index, attempt, fence, policy)| Step::SettleUnknown { index, attempt, fence, policy }
        ),
        3 => (index(), proptest::option::of(number()))
            .prop_map(|(index, attempt)| Step::Evidence { index, attempt }),
        3 => (index(), verdict).prop_map(|(index, verdict)| Step::ByHand { index, verdict }),
        6 => (index(), select(vec![7, 7, 7, 8_u32])).prop_map(|(index, organization)| Step::Cancel { index, organization }),
        7 => (index(), 0..2_u128).prop_map(|(index, token)| Step::Reserve { index, token }),
        2 => prop::collection::vec((index(), 0..2_u128), 1..5).prop_map(|keys| Step::ReserveAll { keys }),
        1 => (index(), 0..2_u128).prop_map(|(index, token)| Step::ReleaseKey { index, token }),
        4 => Just(Step::Prune),
    ]
}

/// Late only if it is one of the last messages.
fn seldom_late(append: (u64, bool, Option<Duration>)) -> (u64, bool, Option<Duration>) {
    let (index, late, within) = append;
    (index, late && index > MESSAGES / 2, within)
}

pub(super) fn senders() -> [E164; 2] {
    [sender(), number("+19995550000")]
}

fn fallback(frozen: Option<String>) -> Fallback {
    Fallback { to: Elsewhere { account: "other".into(), provider: ProviderKind::Telnyx }, frozen }
}

/// Two senders, two recipients, two lanes, one in four immediate, some that can be repeated, some that
/// can go elsewhere.
pub(super) fn draft(index: u64) -> Draft {
    let from = senders()[usize::from(index == MESSAGES - 1)];
    let lane = if index.is_multiple_of(3) { Lane::Bulk } else { Lane::Normal };
    let kind = if index % 4 == 3 { Kind::Immediate } else { Kind::Queued };
    let to = recipient(u32::from(index >= MESSAGES / 2));
    Draft {
        lane,
        kind,
        recipient: to,
        frozen: (index % 4 == 1).then(|| "{}".to_owned()),
        fallback: (index % 4 != 3).then(|| fallback((index % 4 < 2).then(|| "there".to_owned()))),
        segments: 1 + u16::from(index.is_multiple_of(2)),
        expires_at: index.is_multiple_of(5).then(|| START + 1000 * SECOND),
        client_reference: index.is_multiple_of(2).then(|| format!("order {}", index % 3)),
        metadata: (index % 4 == 2).then(|| format!("{{\"index\":{index}}}")),
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
    let refusal =
        Refusal { class, code: None, detail: "no".to_owned(), retry_after: Some(SECOND), slows: None };
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
    let keep = Keep { each_from: now - Duration::from_secs(30), sums_from: now - Duration::from_mins(40) };
    Settle { keep, ..World::settle_of(draft(index).id, attempt, settlement, written.then_some(now)) }
}

/// Puts the numbers in that [`LAST`] stands for.
pub(super) async fn resolved(store: &dyn Store, leases: &HashMap<E164, u64>, step: Step) -> Step {
    let mut step = step;
    if let Step::ClaimAll { claims, .. } = &mut step {
        for (index, number, fence) in claims {
            resolve(store, leases, *index, Some(number), Some(fence)).await;
        }
        return step;
    }
    let (index, number, fence) = match &mut step {
        Step::Renew { index, fence }
        | Step::Release { index, fence }
        | Step::AppendSending { index, fence } => (*index, None, Some(fence)),
        Step::ForwardAgain { index, expected: number, .. }
        | Step::Postpone { index, expected: number, .. } => (*index, Some(number), None),
        Step::Claim { index, expected: number, fence, .. }
        | Step::Take { index, expected: number, fence, .. }
        | Step::MarkUnknown { index, attempt: number, fence, .. }
        | Step::SettleUnknown { index, attempt: number, fence, .. } => (*index, Some(number), Some(fence)),
        Step::Settle { index, attempt: number, .. } | Step::Evidence { index, attempt: Some(number) } => {
            (*index, Some(number), None)
        }
        _ => return step,
    };
    resolve(store, leases, index, number, fence).await;
    step
}

async fn resolve(
    store: &dyn Store,
    leases: &HashMap<E164, u64>,
    index: u64,
    number: Option<&mut u16>,
    fence: Option<&mut u16>,
) {
    if let Some(number) = number.filter(|number| **number >= BEFORE_LAST) {
        let message = store.message(draft(index).id).await.unwrap();
        let last = message.map_or(0, |message| message.attempt);
        *number = last.saturating_sub(LAST - *number);
    }
    if let Some(fence) = fence.filter(|fence| **fence == LAST) {
        let last = leases.get(&draft(index).sender).copied().unwrap_or_default();
        *fence = u16::try_from(last).unwrap();
    }
}

async fn claim_all(store: &dyn Store, claims: &[(u64, u16, u16)], counter: u64) -> String {
    let named = claims.iter().map(|(index, expected, fence)| claim_of(*index, *expected, counter, *fence));
    let answers = store.claim_all(named.collect()).await.unwrap();
    let claimed = answers.iter().filter(|answer| matches!(answer, Claimed::Yes(_))).count();
    format!("{answers:?} {claimed} claimed")
}

async fn append_all(store: &dyn Store, now: Time, appends: &[(u64, bool, Option<Duration>)]) -> String {
    let append_of = |(index, late, within): &(u64, bool, Option<Duration>)| {
        let not_before = within.map_or(Time::ZERO, |within| now + within);
        let request_until = if *late { Time::ZERO } else { Time::MAX };
        Append { depth_limit: 3, request_until, not_before, ..append_of(draft(*index)) }
    };
    // All of one step are of one shard.
    let of_one = |append: &Append| senders()[0] == append.draft.sender;
    let appends: Arc<[Append]> = appends.iter().map(append_of).filter(of_one).collect();
    let answers = store.append_all(appends).await.unwrap();
    let stored = answers.iter().filter(|answer| matches!(answer, Appended::Stored(_))).count();
    format!("{answers:?} {stored} stored")
}

/// The answer to a step on an offer, and what it was to it: a record alone does not say that.
async fn of_offer(store: &dyn Store, now: Time, step: &Step) -> String {
    if let Step::Forward { index, within } = step {
        let immediate = Draft { kind: Kind::Immediate, ..draft(*index) };
        return format!("{:?}", store.forward_immediate(immediate, now + *within).await);
    }
    let (Step::Take { index, .. } | Step::Withdraw { index } | Step::ForwardAgain { index, .. }) = step
    else {
        return String::new();
    };
    let id = draft(*index).id;
    let state = async || store.message(id).await.unwrap().map(|message| message.state);
    let before = store.message(id).await.unwrap();
    let was = before.as_ref().map(|message| message.state);
    let is_over = before.and_then(|message| message.not_after).is_some_and(|until| until < now);
    let answer = match step {
        Step::Take { index, expected, counter, fence } => {
            format!("{:?}", store.take_immediate(claim_of(*index, *expected, *counter, *fence)).await)
        }
        Step::ForwardAgain { index: _, expected, within } => {
            format!("{:?}", store.forward_again(id, *expected, now + *within).await)
        }
        _ => format!("{:?}", store.withdraw(id).await),
    };
    let offered = Some(State::Offered);
    let sight = match (step, was == offered, is_over, state().await == was) {
        (Step::Take { .. }, true, false, false) => "an offer is taken",
        (Step::Take { .. }, true, true, true) => "an offer is not taken any more",
        (Step::Withdraw { .. }, true, true, false) => "an offer is withdrawn",
        (Step::Withdraw { .. }, true, false, true) => "an offer is not withdrawn yet",
        (Step::ForwardAgain { .. }, false, _, false) => "offered again",
        _ => "",
    };
    format!("{answer} {sight}")
}

/// The answer to a step of the clock.
async fn of_time(store: &dyn Store, now: Time, step: &Step) -> String {
    match step {
        Step::Schedule { index, within, expires } => {
            let queued = Draft { kind: Kind::Queued, ..draft(*index) };
            let scheduled = Draft { expires_at: expires.map(|rest| now + *within + rest), ..queued };
            let append = Append { depth_limit: 3, not_before: now + *within, ..append_of(scheduled) };
            format!("{:?}", store.append(append).await)
        }
        Step::TimeUp { indexes } => {
            // A message is on one shard, and all of one step are.
            let of_one = |index: &&u64| senders()[0] == draft(**index).sender;
            let ids = indexes.iter().filter(of_one).map(|index| draft(*index).id);
            format!("{:?}", store.time_up(ids.collect()).await)
        }
        Step::Postpone { index, expected, within } => {
            format!("{:?}", store.postpone(draft(*index).id, *expected, now + *within).await)
        }
        _ => String::new(),
    }
}

/// The answer to a step on an idempotency key.
async fn of_key(store: &dyn Store, step: &Step) -> String {
    let key = |index: &u64| ScopedKey { organization: ORGANIZATION, key: (index % 2).to_string() };
    match step {
        Step::Reserve { index, token } => {
            // Two keys for eight messages: the same fingerprint twice under each.
            let fingerprint = draft(*index / 4).fingerprint;
            let message = draft(*index);
            let token = Uuid::from_u128(*token);
            let answer =
                store.reserve_key(key(index), message.id, fingerprint, token, Duration::from_hours(6)).await;
            format!("{answer:?} {:?}", store.lookup_key(key(index)).await)
        }
        Step::ReserveAll { keys } => {
            let reserve = |(index, token): &(u64, u128)| {
                let fingerprint = draft(*index / 4).fingerprint;
                Reserve { key: key(index), id: draft(*index).id, fingerprint, token: Uuid::from_u128(*token) }
            };
            let keys = keys.iter().map(reserve).collect();
            format!("{:?}", store.reserve_keys(keys, Duration::from_hours(6)).await)
        }
        Step::ReleaseKey { index, token } => {
            let answer = store.release_key(key(index), draft(*index).id, Uuid::from_u128(*token)).await;
            format!("{answer:?} {:?}", store.lookup_key(key(index)).await)
        }
        _ => String::new(),
    }
}

/// Does a step and gives its answer as text.
pub(super) async fn take(store: &dyn Store, now: Time, step: &Step) -> String {
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
        Step::AppendAll { appends } => append_all(store, now, appends).await,
        Step::Schedule { .. } | Step::TimeUp { .. } | Step::Postpone { .. } => {
            of_time(store, now, step).await
        }
        Step::AppendSending { index, fence } => {
            let immediate = Draft { kind: Kind::Immediate, ..draft(*index) };
            let claim = claim_of(*index, 0, 0, *fence);
            format!("{:?}", store.append_sending(immediate, claim, Time::MAX).await)
        }
        Step::Forward { .. } | Step::ForwardAgain { .. } | Step::Take { .. } | Step::Withdraw { .. } => {
            of_offer(store, now, step).await
        }
        Step::Claim { index, expected, retry, counter, fence } => {
            let claim = claim_of(*index, *expected, *counter, *fence);
            let answer = if *retry { store.retry(claim).await } else { store.claim(claim).await };
            format!("{answer:?}")
        }
        Step::ClaimAll { claims, counter } => claim_all(store, claims, *counter).await,
        Step::Settle { index, attempt, what, written } => {
            format!("{:?}", store.settle(settle_of(*index, *attempt, *what, *written, now)).await)
        }
        Step::MarkUnknown { index, attempt, fence, written } => {
            let mark = World::mark_of(draft(*index).id, *attempt, lease_of(*index, *fence));
            // It was written before its time was over: no charge of it is of this instant.
            let mark = MarkUnknown { written_at: written.then_some(now - MARGIN), ..mark };
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
        Step::Reserve { .. } | Step::ReserveAll { .. } | Step::ReleaseKey { .. } => of_key(store, step).await,
        Step::Prune => format!("{:?}", store.prune(now - EVIDENCE).await),
    }
}
