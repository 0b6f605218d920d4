//! `evidence`, `settle_by_hand`, `doubtful`.

use std::time::Duration;

use sendyard_actors::domain::ids::{MessageId, OrganizationId};
use sendyard_actors::domain::message::{ByHand, Draft, NotByHand, State, UnknownPolicy, repeat};
use sendyard_actors::domain::outcome::Acceptance;
use sendyard_actors::domain::pace::Cost;
use sendyard_actors::domain::time::Time;
use sendyard_actors::ports::{Charge, Claimed, SettleAnswer};

use super::world::{EVIDENCE, ORGANIZATION, SECOND, World, done, draft, recipient, sender};

fn told() -> Acceptance {
    Acceptance { provider_id: "SM9".into(), provider_status: "delivered".into(), segments: Some(2) }
}

async fn listed(world: &World, draft: Draft) -> MessageId {
    let id = world.sending(draft).await.draft.id;
    world.unknown(id, 1).await;
    world.pass(EVIDENCE);
    let lease = world.lease().await;
    done(world.store.settle_unknown(id, 1, lease, UnknownPolicy::Hold).await.unwrap());
    id
}

async fn ids(world: &World, after: Option<MessageId>, limit: usize) -> Vec<MessageId> {
    let found = world.store.doubtful(ORGANIZATION, after, limit).await.unwrap();
    found.iter().map(|message| message.draft.id).collect()
}

pub(super) async fn evidence_settles_an_open_attempt_and_charges_it_now(world: World) {
    let id = world.sending(draft(1)).await.draft.id;
    let next = world.queued(draft(2)).await.draft.id;
    world.pass(SECOND);
    let sent = done(world.store.evidence(id, Some(1), told()).await.unwrap());
    assert_eq!((sent.state, sent.provider_id.as_deref()), (State::Sent, Some("SM9")));
    let charges = world.store.charges(sender(), Time::ZERO).await.unwrap();
    assert_eq!(charges, [Charge { at: world.now(), cost: Cost::sms(2) }], "as the provider counted");
    assert!(matches!(world.store.evidence(id, Some(1), told()).await.unwrap(), SettleAnswer::Known));
    assert_eq!(world.claimed(next).await.state, State::Sending, "its conversation goes on");
}

/// It was charged by our own count when it was marked unknown; the rest counts when it is heard of.
pub(super) async fn evidence_of_what_was_charged_charges_what_the_provider_counted_beyond_it(world: World) {
    let id = world.sending(draft(1)).await.draft.id;
    world.unknown(id, 1).await;
    let before = world.store.charges(sender(), Time::ZERO).await.unwrap();
    world.pass(SECOND);
    done(world.store.evidence(id, Some(1), told()).await.unwrap());
    let rest = Charge { at: world.now(), cost: Cost::sms(0).more(1) };
    let charges = world.store.charges(sender(), Time::ZERO).await.unwrap();
    assert_eq!(charges, [before, vec![rest]].concat());
    assert!(matches!(world.store.evidence(id, Some(1), told()).await.unwrap(), SettleAnswer::Known));
    assert_eq!(world.store.charges(sender(), Time::ZERO).await.unwrap(), charges, "once");
}

pub(super) async fn evidence_that_names_no_attempt_is_of_the_oldest_in_doubt(world: World) {
    let id = world.sending(draft(1)).await.draft.id;
    world.unknown(id, 1).await;
    world.pass(EVIDENCE);
    let lease = world.lease().await;
    done(world.store.settle_unknown(id, 1, lease, UnknownPolicy::Resend).await.unwrap());
    world.claim(id, 1).await;
    let noted = done(world.store.evidence(id, None, told()).await.unwrap());
    assert_eq!((noted.state, noted.accepted_earlier), (State::Sending, true), "attempt 2 is open");
    assert!(noted.unresolved.is_empty());
}

pub(super) async fn evidence_for_what_is_not_there_changes_nothing(world: World) {
    let waiting = world.queued(draft(1)).await;
    for (id, attempt) in [(draft(9).id, None), (waiting.draft.id, None), (waiting.draft.id, Some(1))] {
        assert!(matches!(world.store.evidence(id, attempt, told()).await.unwrap(), SettleAnswer::Known));
    }
    assert_eq!(world.message(waiting.draft.id).await, waiting);
}

pub(super) async fn what_is_in_doubt_is_listed_by_organization_until_it_is_settled(world: World) {
    let mut doubtful = Vec::new();
    for index in 1..4 {
        let message = world.sending(Draft { recipient: recipient(index), ..draft(u64::from(index)) }).await;
        assert_eq!(ids(&world, None, 10).await, doubtful, "an open attempt is in no doubt");
        world.unknown(message.draft.id, 1).await;
        doubtful.push(message.draft.id);
        doubtful.sort();
    }
    assert_eq!(ids(&world, None, 10).await, doubtful);
    assert_eq!(ids(&world, None, 2).await, doubtful[..2]);
    assert_eq!(ids(&world, Some(doubtful[1]), 2).await, doubtful[2..]);
    assert!(world.store.doubtful(OrganizationId(99), None, 10).await.unwrap().is_empty());

    for (id, verdict) in doubtful.iter().zip([ByHand::Sent, ByHand::Failed, ByHand::Retry]) {
        let settled = world.store.settle_by_hand(*id, ORGANIZATION, verdict).await.unwrap().unwrap();
        assert_eq!(settled.unwrap(), Box::new(world.message(*id).await));
    }
    assert_eq!(ids(&world, None, 10).await, doubtful[2..], "one waits to be sent again, and is in doubt");
    world.claim(doubtful[2], 1).await;
    assert_eq!(ids(&world, None, 10).await, []);
}

pub(super) async fn a_person_settles_only_what_is_in_doubt_and_theirs(world: World) {
    let id = listed(&world, draft(1)).await;
    let of_another = world.store.settle_by_hand(id, OrganizationId(99), ByHand::Sent).await.unwrap();
    assert!(of_another.is_none());
    assert!(world.store.settle_by_hand(draft(9).id, ORGANIZATION, ByHand::Sent).await.unwrap().is_none());
    let waiting = world.queued(draft(2)).await;
    let refused = world.store.settle_by_hand(waiting.draft.id, ORGANIZATION, ByHand::Sent).await.unwrap();
    assert!(matches!(refused, Some(Err(NotByHand::Known))));
    assert_eq!(world.message(waiting.draft.id).await, waiting);
}

pub(super) async fn what_was_listed_and_is_sent_again_waits_for_what_is_open(world: World) {
    let id = listed(&world, draft(1)).await;
    let next = world.queued(draft(2)).await.draft.id;
    world.claimed(next).await;
    world.store.settle_by_hand(id, ORGANIZATION, ByHand::Retry).await.unwrap().unwrap().unwrap();
    let Claimed::NotHead(open) = world.claim(id, 1).await else { panic!("two in flight") };
    assert_eq!(open.id, next);
    world.settled(next, 1, super::world::accepted()).await;
    assert!(matches!(world.claim(id, 1).await, Claimed::Yes(_)));
}

/// Late word that nothing was written leaves no doubt, but its conversation went on all the same.
pub(super) async fn it_waits_also_when_no_doubt_is_left(world: World) {
    let id = listed(&world, draft(1)).await;
    let next = world.queued(draft(2)).await.draft.id;
    world.claimed(next).await;
    world.store.settle_by_hand(id, ORGANIZATION, ByHand::Retry).await.unwrap().unwrap().unwrap();
    let never_begun = sendyard_actors::domain::message::Settlement::NeverBegun { due: world.now() };
    world.settled(id, 1, never_begun).await;
    assert!(matches!(world.claim(id, 1).await, Claimed::NotHead(_)));
}

pub(super) async fn what_can_be_repeated_waits_for_no_evidence(world: World) {
    let frozen = Draft { frozen: Some("{}".to_owned()), ..draft(1) };
    let id = world.sending(frozen).await.draft.id;
    let unknown = world.unknown(id, 1).await;
    assert_eq!(unknown.evidence_until, Some(world.now()));
    let lease = world.lease().await;
    world.pass(Duration::from_nanos(1));
    let again = done(world.store.settle_unknown(id, 1, lease, UnknownPolicy::Hold).await.unwrap());
    assert_eq!((again.state, again.unresolved.as_slice()), (State::Queued, [1].as_slice()));
}

pub(super) async fn it_is_repeated_for_a_day_and_no_longer(world: World) {
    for (index, after, state) in [
        (1, repeat::WITHIN.checked_sub(Duration::from_millis(1)).unwrap(), State::Queued),
        (2, repeat::WITHIN, State::Unknown),
    ] {
        let frozen =
            Draft { frozen: Some("{}".to_owned()), recipient: recipient(index), ..draft(u64::from(index)) };
        let claimed = world.sending(frozen).await;
        let id = claimed.draft.id;
        world.unknown(id, 1).await;
        let passed = world.now().since(claimed.last_attempt().unwrap().claimed_at);
        world.pass(after.checked_sub(passed).unwrap());
        let lease = world.lease().await;
        let settled = done(world.store.settle_unknown(id, 1, lease, UnknownPolicy::Hold).await.unwrap());
        assert_eq!((settled.state, settled.listed), (state, state == State::Unknown));
    }
}
