//! Immediate messages that a process passes to their sender's owner: offered, taken, withdrawn.

use std::time::Duration;

use sendyard_actors::domain::ids::ProviderKind;
use sendyard_actors::domain::message::{Cancelled, Message, Settlement, Shown, State};
use sendyard_actors::domain::outcome::Next;
use sendyard_actors::domain::time::Time;
use sendyard_actors::ports::{Appended, Claimed, Lease, Pruned, SettleAnswer, Tally};

use super::world::{
    ANSWER_WITHIN, BEGIN_WITHIN, ORGANIZATION, OTHER, SECOND, World, accepted, done, draft, immediate,
    refused, sender,
};

const TICK: Duration = Duration::from_micros(1);

/// An offer that may be taken for five seconds.
async fn offered(world: &World, index: u64) -> Message {
    let not_after = world.now() + 5 * SECOND;
    match world.store.forward_immediate(immediate(index), not_after).await.unwrap() {
        Appended::Stored(message) => *message,
        other => panic!("not stored: {other:?}"),
    }
}

async fn withdrawn(world: &World, message: &Message) -> Message {
    *world.store.withdraw(message.draft.id).await.unwrap().unwrap()
}

async fn taken(world: &World, message: &Message) -> Claimed {
    let claim = world.new_claim(message.draft.id, world.lease().await, message.attempt);
    world.store.take_immediate(claim).await.unwrap()
}

pub(super) async fn an_offer_waits_in_no_queue_and_holds_nothing_back(world: World) {
    let first = world.queued(draft(1)).await;
    let offer = offered(&world, 2).await;
    assert_eq!((offer.state, offer.shown(), offer.attempt), (State::Offered, Shown::Sending, 0));
    assert_eq!((offer.not_after, offer.answer.position), (Some(world.now() + 5 * SECOND), 0));
    assert_eq!(offer.seq, first.seq + 1);
    assert_eq!(world.store.depth(sender()).await.unwrap(), 1);
    let page = world.store.conversation_page(draft(1).conversation(), None, 10).await.unwrap();
    assert_eq!(page.len(), 1);
    let tally =
        Tally { provider: ProviderKind::Twilio, waiting: 1, active: 1, sent: 0, failed: 0, sent_millis: 0 };
    assert_eq!(world.store.tallies(ORGANIZATION).await.unwrap(), [tally]);

    let [seen] = world.store.unsettled(Some(sender())).await.unwrap()[..] else { panic!("not seen") };
    assert_eq!((seen.id, seen.attempt, seen.not_after), (offer.draft.id, 0, offer.not_after));
    assert!(seen.is_offer() && !seen.is_open() && !seen.in_conversation);
    assert_eq!(world.claimed(first.draft.id).await.attempt, 1);
}

pub(super) async fn an_offer_again_finds_its_record_and_a_late_one_stores_nothing(world: World) {
    let offer = offered(&world, 1).await;
    world.pass(SECOND);
    let again = world.store.forward_immediate(immediate(1), world.now() + SECOND).await.unwrap();
    let Appended::Exists(found) = again else { panic!("{again:?}") };
    assert_eq!(*found, offer, "its time is the first's");

    let not_after = world.now();
    world.pass(TICK);
    let late = world.store.forward_immediate(immediate(2), not_after).await.unwrap();
    assert!(matches!(late, Appended::Late), "{late:?}");
    assert_eq!(world.store.message(immediate(2).id).await.unwrap(), None);
}

pub(super) async fn its_owner_takes_an_offer_once(world: World) {
    let offer = offered(&world, 1).await;
    world.pass(5 * SECOND);
    let claim = world.new_claim(offer.draft.id, world.lease().await, 0);
    let Claimed::Yes(taken) = world.store.take_immediate(claim).await.unwrap() else { panic!("not taken") };
    let attempt = taken.last_attempt().unwrap();
    assert_eq!((taken.state, taken.attempt, taken.not_after), (State::Sending, 1, None));
    assert_eq!((attempt.number, attempt.claim_id), (1, claim.claim_id));
    assert_eq!(attempt.begin_by, world.now() + BEGIN_WITHIN);
    assert_eq!(attempt.deadline, world.now() + ANSWER_WITHIN);

    world.pass(TICK);
    let Claimed::Already(again) = world.store.take_immediate(claim).await.unwrap() else { panic!("twice") };
    assert_eq!(again, taken);
    let other = world.new_claim(offer.draft.id, claim.lease, 0);
    assert!(matches!(world.store.take_immediate(other).await.unwrap(), Claimed::Changed));
    assert_eq!(withdrawn(&world, &offer).await, *taken, "it was taken, however late that is asked");
    let sent = world.settled(offer.draft.id, 1, accepted()).await;
    assert_eq!((sent.state, withdrawn(&world, &offer).await.state), (State::Sent, State::Sent));
    assert_eq!(world.store.unsettled(None).await.unwrap(), []);
}

pub(super) async fn an_offer_is_not_taken_after_its_time(world: World) {
    let offer = offered(&world, 1).await;
    world.pass(5 * SECOND + TICK);
    let late = taken(&world, &offer).await;
    assert!(matches!(late, Claimed::Changed), "{late:?}");
    assert_eq!(world.message(offer.draft.id).await, offer);
}

pub(super) async fn an_offer_is_withdrawn_only_after_its_time(world: World) {
    let offer = offered(&world, 1).await;
    world.pass(5 * SECOND);
    assert_eq!(withdrawn(&world, &offer).await, offer, "it may still be taken");
    world.pass(TICK);
    let failed = withdrawn(&world, &offer).await;
    assert_eq!((failed.state, failed.not_after, failed.attempt), (State::Failed, None, 0));
    assert_eq!(withdrawn(&world, &offer).await, failed);
    let late = taken(&world, &offer).await;
    assert!(matches!(late, Claimed::Changed), "{late:?}");
    assert_eq!(world.store.unsettled(None).await.unwrap(), []);
    assert_eq!(world.store.withdraw(immediate(9).id).await.unwrap(), None);
}

pub(super) async fn only_the_owner_takes_an_offer(world: World) {
    let offer = offered(&world, 1).await;
    let lease = world.lease().await;
    for stale in [Lease { fence: lease.fence + 1, ..lease }, Lease { holder: OTHER, ..lease }] {
        let claim = world.new_claim(offer.draft.id, stale, 0);
        assert!(matches!(world.store.take_immediate(claim).await.unwrap(), Claimed::Stale));
    }
    let wrong_number = world.new_claim(offer.draft.id, lease, 1);
    assert!(matches!(world.store.take_immediate(wrong_number).await.unwrap(), Claimed::Changed));
    let as_queued = world.new_claim(offer.draft.id, lease, 0);
    assert!(matches!(world.store.claim(as_queued).await.unwrap(), Claimed::Changed));
    assert!(matches!(world.store.retry(as_queued).await.unwrap(), Claimed::Changed));
    assert_eq!(world.message(offer.draft.id).await, offer);

    let queued = world.queued(draft(2)).await;
    let answer = taken(&world, &queued).await;
    assert!(matches!(answer, Claimed::Changed), "it was not offered: {answer:?}");
}

pub(super) async fn an_offer_is_too_late_to_cancel(world: World) {
    let offer = offered(&world, 1).await;
    let answer = world.store.cancel(offer.draft.id, ORGANIZATION).await.unwrap();
    assert_eq!(answer, Some((Cancelled::TooLate(Shown::Sending), Shown::Sending)));
    assert_eq!(world.message(offer.draft.id).await, offer);
}

pub(super) async fn what_failed_is_offered_again_under_its_next_number(world: World) {
    let offer = offered(&world, 1).await;
    let id = offer.draft.id;
    let again = |expected, until: Time| world.store.forward_again(id, expected, until);
    let Claimed::Yes(_) = taken(&world, &offer).await else { panic!("not taken") };
    let known = |answer| matches!(answer, SettleAnswer::Known);
    assert!(known(again(1, Time::MAX).await.unwrap()), "it has not failed");
    world.settled(id, 1, Settlement::NeverBegun { due: Time::ZERO }).await;

    let now = world.now();
    assert!(known(again(0, now).await.unwrap()), "that was another attempt");
    world.pass(TICK);
    assert!(known(again(1, now).await.unwrap()), "its time is over");
    let second = done(again(1, world.now() + SECOND).await.unwrap());
    assert_eq!((second.state, second.attempt, second.attempts.len()), (State::Offered, 1, 1));
    let [seen] = world.store.unsettled(None).await.unwrap()[..] else { panic!("not seen") };
    assert!(seen.is_offer() && !seen.is_open());
    assert_eq!(done(again(1, Time::MAX).await.unwrap()), second, "its time is the first's");
    world.pass(2 * SECOND);
    assert_eq!(world.store.prune(world.now()).await.unwrap(), Pruned::default(), "it is not finished");

    let failed = withdrawn(&world, &second).await;
    assert_eq!((failed.state, failed.attempt), (State::Failed, 1));
    let third = done(again(1, world.now() + SECOND).await.unwrap());
    let Claimed::Yes(taken) = taken(&world, &third).await else { panic!("not taken") };
    assert_eq!((taken.state, taken.attempt), (State::Sending, 2));

    let queued = world.sending(draft(2)).await.draft.id;
    world.settled(queued, 1, refused(Next::GiveUp)).await;
    assert!(known(world.store.forward_again(queued, 1, Time::MAX).await.unwrap()), "immediates only");
}
