//! `mark_unknown`, `settle_unknown`.

use std::time::Duration;

use sendyard_actors::domain::message::{Draft, Shown, State, UnknownPolicy};
use sendyard_actors::domain::pace::Cost;
use sendyard_actors::domain::time::Time;
use sendyard_actors::ports::{Appended, Charge, Claimed, Lease, MarkUnknown, SettleAnswer};

use super::world::{
    ANSWER_WITHIN, EVIDENCE, MARGIN, OTHER, SECOND, World, done, draft, immediate, recipient, sender,
};

pub(super) async fn an_attempt_is_not_unknown_before_its_deadline_and_margin(world: World) {
    let open = world.sending(draft(1)).await;
    let id = open.draft.id;
    let lease = world.lease().await;
    let mark = World::mark_of(id, 1, lease);
    world.pass((ANSWER_WITHIN + MARGIN).checked_sub(Duration::from_nanos(1)).unwrap());
    assert!(matches!(world.store.mark_unknown(mark).await.unwrap(), SettleAnswer::Known));
    assert_eq!(world.message(id).await, open);

    world.pass(Duration::from_nanos(1));
    let another = World::mark_of(id, 2, lease);
    assert!(matches!(world.store.mark_unknown(another).await.unwrap(), SettleAnswer::Known));
    let unknown = done(world.store.mark_unknown(mark).await.unwrap());
    assert_eq!((unknown.state, unknown.unresolved.as_slice()), (State::Unknown, [1].as_slice()));
    assert_eq!(unknown.evidence_until, Some(world.now() + EVIDENCE));
    assert_eq!(unknown.shown(), Shown::Sending);

    world.pass(SECOND);
    assert!(matches!(world.store.mark_unknown(mark).await.unwrap(), SettleAnswer::Known), "asked again");
    assert_eq!(world.message(id).await, unknown);
    assert_eq!(world.store.charges(sender(), Time::ZERO).await.unwrap().len(), 1);
}

pub(super) async fn an_unknown_attempt_is_charged_at_the_last_moment_it_can_have_been_written(world: World) {
    let first = world.sending(draft(1)).await;
    let begin_by = first.last_attempt().unwrap().begin_by;
    world.unknown(first.draft.id, 1).await;
    let charges = world.store.charges(sender(), Time::ZERO).await.unwrap();
    assert_eq!(charges, [Charge { at: begin_by + MARGIN, cost: Cost::sms(1) }]);

    // Where it is known when it was written, there.
    let second = world.sending(Draft { recipient: recipient(2), ..draft(2) }).await;
    let written_at = Some(world.now() + SECOND);
    world.pass(ANSWER_WITHIN + MARGIN);
    let lease = world.lease().await;
    let mark = MarkUnknown { written_at, ..World::mark_of(second.draft.id, 1, lease) };
    done(world.store.mark_unknown(mark).await.unwrap());
    let charges = world.store.charges(sender(), Time::ZERO).await.unwrap();
    assert_eq!(charges.last().map(|charge| charge.at), written_at);
}

pub(super) async fn an_unknown_attempt_holds_its_conversation_until_it_is_held_for_good(world: World) {
    let id = world.sending(draft(1)).await.draft.id;
    let next = world.queued(draft(2)).await.draft.id;
    let lease = world.lease().await;
    world.unknown(id, 1).await;
    let hold = || world.store.settle_unknown(id, 1, lease, UnknownPolicy::Hold);
    world.pass(EVIDENCE.checked_sub(Duration::from_nanos(1)).unwrap());
    assert!(matches!(hold().await.unwrap(), SettleAnswer::Known), "evidence may still come");
    assert!(matches!(world.claim(next, 0).await, Claimed::NotHead(_)));

    world.pass(Duration::from_nanos(1));
    let wrong = world.store.settle_unknown(id, 2, lease, UnknownPolicy::Hold).await.unwrap();
    assert!(matches!(wrong, SettleAnswer::Known), "another attempt");
    let listed = done(hold().await.unwrap());
    assert_eq!((listed.state, listed.listed), (State::Unknown, true));
    assert!(matches!(hold().await.unwrap(), SettleAnswer::Known), "asked again");
    assert_eq!(world.message(id).await, listed);
    assert_eq!(world.claimed(next).await.state, State::Sending);
}

pub(super) async fn a_resend_keeps_its_place_and_its_doubt(world: World) {
    let first = world.sending(draft(1)).await;
    let id = first.draft.id;
    let next = world.queued(draft(2)).await.draft.id;
    let lease = world.lease().await;
    world.unknown(id, 1).await;
    world.pass(EVIDENCE);
    let resend = || world.store.settle_unknown(id, 1, lease, UnknownPolicy::Resend);
    let queued = done(resend().await.unwrap());
    assert_eq!(
        (queued.state, queued.seq, queued.unresolved.as_slice()),
        (State::Queued, first.seq, [1].as_slice())
    );
    assert_eq!(queued.shown(), Shown::Sending);
    assert!(matches!(resend().await.unwrap(), SettleAnswer::Known), "asked again");
    assert!(matches!(world.claim(next, 0).await, Claimed::NotHead(_)));
    assert_eq!(world.claimed(id).await.attempt, 2);
    assert!(matches!(resend().await.unwrap(), SettleAnswer::Known), "a late repeat");

    // An immediate one is only held.
    let claim = world.new_claim(immediate(3).id, lease, 0);
    let answer = world.store.append_sending(immediate(3), claim, Time::MAX).await.unwrap();
    assert!(matches!(answer, Appended::Stored(_)));
    world.unknown(immediate(3).id, 1).await;
    world.pass(EVIDENCE);
    let answer = world.store.settle_unknown(immediate(3).id, 1, lease, UnknownPolicy::Resend).await.unwrap();
    assert!(done(answer).listed);
}

pub(super) async fn a_stale_owner_settles_nothing(world: World) {
    let open = world.sending(draft(1)).await;
    let lease = world.lease().await;
    world.pass(ANSWER_WITHIN + MARGIN);
    let stale = [Lease { fence: lease.fence + 1, ..lease }, Lease { holder: OTHER, ..lease }];
    for lease in stale {
        let mark = World::mark_of(open.draft.id, 1, lease);
        assert!(matches!(world.store.mark_unknown(mark).await.unwrap(), SettleAnswer::Stale));
    }
    assert_eq!(world.message(open.draft.id).await, open);

    let unknown = done(world.store.mark_unknown(World::mark_of(open.draft.id, 1, lease)).await.unwrap());
    world.pass(EVIDENCE);
    for lease in stale {
        let answer = world.store.settle_unknown(open.draft.id, 1, lease, UnknownPolicy::Hold).await.unwrap();
        assert!(matches!(answer, SettleAnswer::Stale));
    }
    assert_eq!(world.message(open.draft.id).await, unknown);
}
