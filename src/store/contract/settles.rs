//! `settle`, and what it charges.

use std::collections::BTreeMap;

use sendyard_actors::domain::ids::ProviderKind;
use sendyard_actors::domain::message::{
    Draft, Elsewhere, Fallback, Lane, Moved, Settlement, State, UnknownPolicy,
};
use sendyard_actors::domain::outcome::{Acceptance, Class, Next, Refusal};
use sendyard_actors::domain::pace::{Cost, Keep};
use sendyard_actors::domain::time::Time;
use sendyard_actors::ports::{Charge, Claimed, QUARTER, SUMS_KEPT, Settle, SettleAnswer};

use super::world::{EVIDENCE, SECOND, START, World, accepted, draft, recipient, refused, sender};

pub(super) async fn acceptance_finishes_a_message_once(world: World) {
    let id = world.sending(draft(1)).await.draft.id;
    let sent = world.settled(id, 1, accepted()).await;
    assert_eq!((sent.state, sent.provider_id.as_deref()), (State::Sent, Some("SM1")));
    assert_eq!(world.message(id).await, sent);

    world.pass(SECOND);
    for late in [accepted(), refused(Next::GiveUp), refused(Next::Retry { due: START })] {
        assert!(matches!(world.settle(id, 1, late).await, SettleAnswer::Known));
    }
    assert_eq!(world.message(id).await, sent);
    assert_eq!(world.store.charges(sender(), Time::ZERO).await.unwrap().len(), 1);
}

pub(super) async fn a_definite_refusal_finishes_a_message_as_failed(world: World) {
    let id = world.sending(draft(1)).await.draft.id;
    let next = world.queued(draft(2)).await.draft.id;
    let failed = world.settled(id, 1, refused(Next::GiveUp)).await;
    assert_eq!((failed.state, failed.tries), (State::Failed, 1));
    assert!(matches!(world.settle(id, 1, refused(Next::GiveUp)).await, SettleAnswer::Known));
    assert_eq!(world.claimed(next).await.state, State::Sending, "its conversation goes on");
}

pub(super) async fn what_was_never_begun_goes_back_and_costs_nothing(world: World) {
    let id = world.sending(draft(1)).await.draft.id;
    let requeue = World::settle_of(id, 1, Settlement::NeverBegun { due: world.now() }, None);
    let SettleAnswer::Done(back) = world.store.settle(requeue.clone()).await.unwrap() else {
        panic!("not taken back")
    };
    assert_eq!((back.state, back.tries), (State::Queued, 0));
    assert_eq!(world.store.charges(sender(), Time::ZERO).await.unwrap(), []);
    assert_eq!(world.store.depth(sender()).await.unwrap(), 1);

    // The next attempt is not taken back by a late repeat.
    assert_eq!(world.claimed(id).await.attempt, 2);
    assert!(matches!(world.store.settle(requeue).await.unwrap(), SettleAnswer::Known));
    assert_eq!(world.state(id).await, State::Sending);
}

pub(super) async fn an_outcome_of_another_attempt_is_known_already(world: World) {
    let message = world.sending(draft(1)).await;
    for attempt in [0, 2] {
        assert!(matches!(world.settle(message.draft.id, attempt, accepted()).await, SettleAnswer::Known));
    }
    assert!(matches!(world.settle(draft(9).id, 1, accepted()).await, SettleAnswer::Known), "no such message");
    assert_eq!(world.message(message.draft.id).await, message);
}

pub(super) async fn charges_count_where_they_were_written_and_old_ones_go(world: World) {
    let mut written = Vec::new();
    for index in 0..12 {
        let id = world.sending(draft(index)).await.draft.id;
        world.pass(SECOND);
        let at = world.now();
        written.push(Charge { at, cost: Cost::sms(2) });
        world.pass(SECOND);
        // Ours is one segment; the provider counts two.
        let counted =
            Acceptance { provider_id: "SM1".into(), provider_status: "queued".into(), segments: Some(2) };
        done(&world, World::settle_of(id, 1, Settlement::Accepted(counted), Some(at))).await;
    }
    assert_eq!(world.store.charges(sender(), Time::ZERO).await.unwrap(), written);
    assert_eq!(world.store.charges(sender(), written[10].at).await.unwrap(), written[10..], "at or after");

    // Within a few steps they are gone; what is to be kept stays.
    let keep = Keep { each_from: written[11].at, sums_from: world.now() };
    for index in 100..116 {
        let id = world.sending(draft(index)).await.draft.id;
        let settle = Settle { keep, ..World::settle_of(id, 1, refused(Next::GiveUp), None) };
        done(&world, settle).await;
    }
    let left = world.store.charges(sender(), Time::ZERO).await.unwrap();
    assert_eq!(left.len(), 1 + 16);
    assert_eq!(left[0], written[11]);
}

pub(super) async fn what_nothing_looks_back_at_is_not_charged(world: World) {
    let at = world.now();
    for (index, keep) in [(1, Keep { each_from: at, sums_from: at }), (2, Keep::NOTHING)] {
        let id = world.sending(draft(index)).await.draft.id;
        let settle = World::settle_of(id, 1, refused(Next::GiveUp), Some(at));
        done(&world, Settle { keep, ..settle }).await;
    }
    let charges = world.store.charges(sender(), Time::ZERO).await.unwrap();
    assert_eq!(charges, [Charge { at, cost: Cost::sms(1) }], "of the first alone");
}

/// The fallback account's limit may look back where the main one does not.
pub(super) async fn what_is_not_charged_makes_nothing_forgotten(world: World) {
    let at = world.now();
    let charged = world.sending(draft(1)).await.draft.id;
    done(&world, World::settle_of(charged, 1, refused(Next::GiveUp), Some(at))).await;
    for index in 100..132 {
        let id = world.sending(draft(index)).await.draft.id;
        let settle = World::settle_of(id, 1, refused(Next::GiveUp), Some(at));
        done(&world, Settle { keep: Keep::NOTHING, ..settle }).await;
    }
    let charges = world.store.charges(sender(), Time::ZERO).await.unwrap();
    assert_eq!(charges, [Charge { at, cost: Cost::sms(1) }]);
}

async fn done(world: &World, settle: Settle) {
    assert!(matches!(world.store.settle(settle).await.unwrap(), SettleAnswer::Done(_)));
}

pub(super) async fn late_acceptance_of_an_unknown_attempt_sends_the_message(world: World) {
    let id = world.sending(draft(1)).await.draft.id;
    let next = world.queued(draft(2)).await.draft.id;
    world.unknown(id, 1).await;
    let charges = world.store.charges(sender(), Time::ZERO).await.unwrap();
    assert_eq!(world.settled(id, 1, accepted()).await.state, State::Sent);
    assert_eq!(world.store.charges(sender(), Time::ZERO).await.unwrap(), charges, "charged once");
    assert_eq!(world.claimed(next).await.state, State::Sending);
}

pub(super) async fn evidence_for_an_older_attempt_waits_for_the_newer_one(world: World) {
    let id = world.sending(draft(1)).await.draft.id;
    let next = world.queued(draft(2)).await.draft.id;
    world.unknown(id, 1).await;
    world.pass(EVIDENCE);
    let lease = world.lease().await;
    world.store.settle_unknown(id, 1, lease, UnknownPolicy::Resend).await.unwrap();
    world.claimed(id).await;

    let noted = world.settled(id, 1, accepted()).await;
    assert_eq!((noted.state, noted.accepted_earlier), (State::Sending, true));
    assert!(matches!(world.claim(next, 0).await, Claimed::NotHead(_)));
    assert_eq!(world.settled(id, 2, refused(Next::GiveUp)).await.state, State::Sent);
    assert_eq!(world.claimed(next).await.state, State::Sending);
}

pub(super) async fn a_refusal_settles_only_its_own_attempt(world: World) {
    let id = world.sending(draft(1)).await.draft.id;
    let next = world.queued(draft(2)).await.draft.id;
    world.unknown(id, 1).await;
    world.pass(EVIDENCE);
    let lease = world.lease().await;
    world.store.settle_unknown(id, 1, lease, UnknownPolicy::Resend).await.unwrap();
    world.claimed(id).await;
    let refused_twice = world.settled(id, 2, refused(Next::GiveUp)).await;
    assert_eq!(
        (refused_twice.state, refused_twice.listed),
        (State::Unknown, true),
        "the first may have arrived"
    );
    assert_eq!(refused_twice.unresolved, [1]);
    assert_eq!(world.claimed(next).await.state, State::Sending, "its conversation goes on");
    let failed = world.settled(id, 1, refused(Next::GiveUp)).await;
    assert_eq!((failed.state, failed.listed), (State::Failed, false), "now every attempt is refused");
}

pub(super) async fn what_its_account_refuses_goes_elsewhere_unless_it_is_in_doubt(world: World) {
    let to = Elsewhere { account: "acme-telnyx".into(), provider: ProviderKind::Telnyx };
    let fallback = Fallback { to, frozen: Some("there".to_owned()) };
    let with_fallback = |index| Draft { fallback: Some(fallback.clone()), ..draft(index) };
    let id = world.sending(with_fallback(1)).await.draft.id;
    let moved = world.settled(id, 1, refused(Next::GiveUp)).await;
    let from = Elsewhere { account: draft(1).account, provider: draft(1).provider };
    assert_eq!(moved.moved, Some(Moved { from: Some(from), last_there: 1 }));
    assert_eq!((moved.state, moved.due), (State::Queued, world.now()));
    assert_eq!((moved.draft.account.as_str(), moved.draft.provider), ("acme-telnyx", ProviderKind::Telnyx));
    assert_eq!((moved.draft.frozen.as_deref(), &moved.draft.fallback), (Some("there"), &None));
    assert_eq!(world.message(id).await, moved);
    let queue = world.store.queue_page(sender(), Lane::Normal, None, 10).await.unwrap();
    assert!(queue[0].elsewhere);
    world.claimed(id).await;
    assert_eq!(world.settled(id, 2, refused(Next::GiveUp)).await.state, State::Failed, "once only");

    let doubtful = world.sending(with_fallback(2)).await.draft.id;
    world.unknown(doubtful, 1).await;
    world.pass(EVIDENCE);
    let lease = world.lease().await;
    world.store.settle_unknown(doubtful, 1, lease, UnknownPolicy::Resend).await.unwrap();
    world.claimed(doubtful).await;
    let due = world.now() + SECOND;
    let configuration = Refusal {
        class: Class::Configuration,
        code: None,
        detail: "no funds".to_owned(),
        retry_after: None,
        slows: None,
    };
    let again = Settlement::Refused { refusal: configuration, next: Next::Retry { due } };
    let stays = world.settled(doubtful, 2, again).await;
    assert_eq!((stays.state, stays.moved, stays.due), (State::Queued, None, due));
}

/// Hand-overs of several quarters of an hour, some with media, of which the last ones are to be known one
/// by one: each is known once, by itself or in the sum of its quarter.
pub(super) async fn what_need_not_be_known_one_by_one_is_added_up_by_quarters_of_an_hour(world: World) {
    let quarter_of = |charge: &Charge| charge.at.as_nanos() / u64::try_from(QUARTER.as_nanos()).unwrap();
    let mut written: Vec<Charge> = Vec::new();
    for index in 0..40 {
        let media = if index % 3 == 0 { vec!["https://example.com/a.png".to_owned()] } else { Vec::new() };
        let draft = Draft { media, segments: 2, ..draft(index) };
        let cost = draft.cost();
        assert_eq!(cost, Cost { segments: 2, messages: 1, mms: index % 3 == 0 });
        let id = world.sending(draft).await.draft.id;
        world.pass(SECOND * 60);
        let at = world.now();
        written.push(Charge { at, cost });
        let keep = Keep { each_from: at - SECOND * 400, sums_from: at };
        done(&world, Settle { keep, ..World::settle_of(id, 1, refused(Next::GiveUp), Some(at)) }).await;
    }
    let each = world.store.charges(sender(), Time::ZERO).await.unwrap();
    let sums = world.store.charge_sums(sender(), Time::ZERO).await.unwrap();
    assert!(each.len() < 30, "{}", each.len());
    assert_eq!(each, written[written.len() - each.len()..], "the last ones");

    let mut expected: BTreeMap<(u64, bool), Charge> = BTreeMap::new();
    for charge in &written[..written.len() - each.len()] {
        let nothing = Charge { at: charge.at, cost: Cost { segments: 0, messages: 0, ..charge.cost } };
        let sum = expected.entry((quarter_of(charge), charge.cost.mms)).or_insert(nothing);
        sum.at = charge.at;
        sum.cost.segments += charge.cost.segments;
        sum.cost.messages += charge.cost.messages;
    }
    assert_eq!(sums, expected.into_values().collect::<Vec<_>>());

    // From an instant on; and after their time they go, with the first of a new quarter that is added up.
    let last = sums.last().unwrap().at;
    let from_last = world.store.charge_sums(sender(), last).await.unwrap();
    assert_eq!(from_last.last(), sums.last());
    assert!(from_last.iter().all(|sum| sum.at >= last));
    world.pass(SUMS_KEPT + QUARTER);
    for index in 100..132 {
        let id = world.sending(draft(index)).await.draft.id;
        let keep = Keep { each_from: world.now(), sums_from: world.now() };
        done(&world, Settle { keep, ..World::settle_of(id, 1, refused(Next::GiveUp), Some(world.now())) })
            .await;
        world.pass(SECOND);
    }
    let left = world.store.charge_sums(sender(), Time::ZERO).await.unwrap();
    let now = world.now();
    assert!(!left.is_empty() && left.iter().all(|sum| sum.at + SECOND * 600 > now), "{left:?}");
}

pub(super) async fn what_the_provider_counts_beyond_our_count_is_no_message_of_its_own(world: World) {
    let media = vec!["https://example.com/a.png".to_owned()];
    for (index, media) in [(1_u32, Vec::new()), (2, media)] {
        let mms = !media.is_empty();
        let id = world
            .sending(Draft { media, recipient: recipient(index), ..draft(u64::from(index)) })
            .await
            .draft
            .id;
        world.unknown(id, 1).await;
        let counted =
            Acceptance { provider_id: "SM1".into(), provider_status: "queued".into(), segments: Some(3) };
        done(&world, World::settle_of(id, 1, Settlement::Accepted(counted), None)).await;
        let charges = world.store.charges(sender(), Time::ZERO).await.unwrap();
        let rest = charges.last().unwrap();
        assert_eq!(*rest, Charge { at: world.now(), cost: Cost { segments: 2, messages: 0, mms } });
    }
}
