//! `settle`, and what it charges.

use std::time::Duration;

use sendyard_actors::domain::ids::ProviderKind;
use sendyard_actors::domain::message::{
    Draft, Elsewhere, Fallback, Lane, Moved, Settlement, State, UnknownPolicy,
};
use sendyard_actors::domain::outcome::{Acceptance, Class, Next, Refusal};
use sendyard_actors::domain::time::Time;
use sendyard_actors::ports::{Charge, Claimed, Settle, SettleAnswer};

use super::world::{EVIDENCE, SECOND, START, World, accepted, draft, refused, sender};

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
        written.push(Charge { at, units: 2 });
        world.pass(SECOND);
        // Ours is one segment; the provider counts two.
        let counted =
            Acceptance { provider_id: "SM1".into(), provider_status: "queued".into(), segments: Some(2) };
        done(&world, World::settle_of(id, 1, Settlement::Accepted(counted), Some(at))).await;
    }
    assert_eq!(world.store.charges(sender(), Time::ZERO).await.unwrap(), written);
    assert_eq!(world.store.charges(sender(), written[10].at).await.unwrap(), written[10..], "at or after");

    // Within a few steps they are gone; what is to be kept stays.
    let keep_pace_from = written[11].at;
    for index in 100..116 {
        let id = world.sending(draft(index)).await.draft.id;
        let settle = Settle { keep_pace_from, ..World::settle_of(id, 1, refused(Next::GiveUp), None) };
        done(&world, settle).await;
    }
    let left = world.store.charges(sender(), Time::ZERO).await.unwrap();
    assert_eq!(left.len(), 1 + 16);
    assert_eq!(left[0], written[11]);
}

pub(super) async fn what_is_outdated_as_it_is_written_is_not_charged(world: World) {
    let at = world.now();
    for (index, keep_pace_from) in [(1, at), (2, at + Duration::from_micros(1))] {
        let id = world.sending(draft(index)).await.draft.id;
        let settle = World::settle_of(id, 1, refused(Next::GiveUp), Some(at));
        done(&world, Settle { keep_pace_from, ..settle }).await;
    }
    let charges = world.store.charges(sender(), Time::ZERO).await.unwrap();
    assert_eq!(charges, [Charge { at, units: 1 }], "of the first alone");
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
    let configuration =
        Refusal { class: Class::Configuration, code: None, detail: "no funds".to_owned(), retry_after: None };
    let again = Settlement::Refused { refusal: configuration, next: Next::Retry { due } };
    let stays = world.settled(doubtful, 2, again).await;
    assert_eq!((stays.state, stays.moved, stays.due), (State::Queued, None, due));
}
