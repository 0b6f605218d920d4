//! `claim`, `retry`.

use std::time::Duration;

use sendyard_actors::domain::ids::Shard;
use sendyard_actors::domain::message::{Draft, Lane, Settlement, State};
use sendyard_actors::domain::outcome::Next;
use sendyard_actors::domain::time::Time;
use sendyard_actors::ports::{Appended, Claimed, Lease, Waiting};

use super::world::{
    ANSWER_WITHIN, BEGIN_WITHIN, OTHER, SECOND, World, accepted, draft, immediate, recipient, refused, sender,
};

pub(super) async fn a_claim_takes_the_message_out_of_the_queue_with_the_stores_times(world: World) {
    let id = world.queued(draft(1)).await.draft.id;
    world.pass(SECOND);
    let message = world.claimed(id).await;
    let attempt = message.last_attempt().unwrap();
    assert_eq!((message.state, message.attempt, attempt.number), (State::Sending, 1, 1));
    assert_eq!(attempt.claimed_at, world.now());
    assert_eq!(attempt.begin_by, world.now() + BEGIN_WITHIN);
    assert_eq!(attempt.deadline, world.now() + ANSWER_WITHIN);
    assert_eq!(world.message(id).await, message);
    assert_eq!(world.store.depth(sender()).await.unwrap(), 0);
    assert_eq!(world.store.queue_page(sender(), Lane::Normal, None, 10).await.unwrap(), []);
}

pub(super) async fn a_claim_again_by_the_same_call_gets_the_times_of_the_record(world: World) {
    let id = world.queued(draft(1)).await.draft.id;
    let lease = world.lease().await;
    let claim = world.new_claim(id, lease, 0);
    let Claimed::Yes(first) = world.store.claim(claim).await.unwrap() else { panic!("not claimed") };
    world.pass(SECOND);
    let Claimed::Already(again) = world.store.claim(claim).await.unwrap() else { panic!("claimed anew") };
    assert_eq!(again, first);

    let another_call = world.new_claim(id, lease, 0);
    assert!(matches!(world.store.claim(another_call).await.unwrap(), Claimed::Changed));
    world.settled(id, 1, accepted()).await;
    assert!(matches!(world.store.claim(claim).await.unwrap(), Claimed::Changed), "a late repeat");
    let unheard_of = world.new_claim(draft(9).id, lease, 0);
    assert!(matches!(world.store.claim(unheard_of).await.unwrap(), Claimed::Changed));
}

pub(super) async fn several_claims_of_a_sender_are_answered_each_for_itself(world: World) {
    let to = |index, recipient_index| Draft { recipient: recipient(recipient_index), ..draft(index) };
    let first = world.queued(to(1, 1)).await.draft.id;
    let behind_it = world.queued(to(2, 1)).await.draft.id;
    let other = world.queued(to(3, 2)).await.draft.id;
    let last = world.queued(to(4, 3)).await.draft.id;
    let lease = world.lease().await;
    let stale = Lease { fence: lease.fence + 1, ..lease };
    let claims = vec![
        world.new_claim(first, lease, 0),
        world.new_claim(behind_it, lease, 0),
        world.new_claim(other, stale, 0),
        world.new_claim(draft(9).id, lease, 0),
        world.new_claim(last, lease, 0),
    ];
    let answers = world.store.claim_all(claims.clone()).await.unwrap();
    let [Claimed::Yes(one), Claimed::NotHead(head), Claimed::Stale, Claimed::Changed, Claimed::Yes(two)] =
        answers.as_slice()
    else {
        panic!("{answers:?}")
    };
    assert_eq!((one.draft.id, head.id, two.draft.id), (first, first, last));
    assert_eq!(world.state(other).await, State::Queued);

    let again = world.store.claim_all(claims).await.unwrap();
    assert!(matches!(again[0], Claimed::Already(_)), "{again:?}");
    assert!(matches!(again[4], Claimed::Already(_)), "{again:?}");
    assert_eq!(world.store.depth(sender()).await.unwrap(), 2);
}

pub(super) async fn a_claim_with_a_stale_fence_or_holder_or_of_another_shard_changes_nothing(world: World) {
    let stored = world.queued(draft(1)).await;
    let lease = world.lease().await;
    let elsewhere = Shard::all().find(|shard| *shard != lease.shard).unwrap();
    let stale = [
        Lease { fence: lease.fence - 1, ..lease },
        Lease { fence: lease.fence + 1, ..lease },
        Lease { holder: OTHER, ..lease },
        Lease { shard: elsewhere, ..lease },
    ];
    for lease in stale {
        let claim = world.new_claim(stored.draft.id, lease, 0);
        assert!(matches!(world.store.claim(claim).await.unwrap(), Claimed::Stale));
        assert!(matches!(world.store.retry(claim).await.unwrap(), Claimed::Stale));
    }
    assert_eq!(world.message(stored.draft.id).await, stored);
    assert_eq!(world.store.depth(sender()).await.unwrap(), 1);
}

pub(super) async fn only_the_head_of_a_conversation_is_claimed(world: World) {
    let head = world.queued(draft(1)).await;
    let next = world.queued(draft(2)).await;
    let answer = world.claim(next.draft.id, 0).await;
    let Claimed::NotHead(waiting) = answer else { panic!("{answer:?}") };
    assert_eq!(waiting, Waiting::of(&head));

    // One that is on its way holds it back as well; it goes when that is decided.
    world.claimed(head.draft.id).await;
    assert!(matches!(world.claim(next.draft.id, 0).await, Claimed::NotHead(_)));
    world.settled(head.draft.id, 1, accepted()).await;
    assert_eq!(world.claimed(next.draft.id).await.attempt, 1);
}

pub(super) async fn conversations_and_lanes_do_not_hold_each_other_back(world: World) {
    world.queued(draft(1)).await;
    let other_recipient = Draft { recipient: recipient(2), ..draft(2) };
    let other_lane = Draft { lane: Lane::Urgent, ..draft(3) };
    for other in [other_recipient, other_lane] {
        assert_eq!(world.sending(other).await.state, State::Sending);
    }
}

pub(super) async fn a_retry_that_is_due_later_is_not_claimed(world: World) {
    let id = world.sending(draft(1)).await.draft.id;
    let due = world.now() + 5 * SECOND;
    let message = world.settled(id, 1, refused(Next::Retry { due })).await;
    assert_eq!((message.state, message.due), (State::Queued, due));

    let answer = world.claim(id, 1).await;
    assert!(matches!(answer, Claimed::NotDue(until) if until == due), "{answer:?}");
    assert!(matches!(world.claim(id, 0).await, Claimed::Changed), "the number of the last claim counts");
    world.pass(5 * SECOND);
    assert_eq!(world.claimed(id).await.attempt, 2);
}

pub(super) async fn a_retry_holds_back_its_conversation_at_its_old_place(world: World) {
    let head = world.sending(draft(1)).await;
    let next = world.queued(draft(2)).await;
    let due = world.now() + SECOND;
    world.settled(head.draft.id, 1, refused(Next::Retry { due })).await;

    let queue = world.store.queue_page(sender(), Lane::Normal, None, 10).await.unwrap();
    assert_eq!(queue.iter().map(|waiting| waiting.seq).collect::<Vec<_>>(), [head.seq, next.seq]);
    assert_eq!((queue[0].due, queue[0].attempt), (due, 1));
    assert_eq!(world.store.depth(sender()).await.unwrap(), 2);
    assert!(matches!(world.claim(next.draft.id, 0).await, Claimed::NotHead(first) if first == queue[0]));
}

pub(super) async fn a_failed_immediate_message_is_tried_again_under_its_next_number(world: World) {
    let lease = world.lease().await;
    let id = immediate(1).id;
    let claim = world.new_claim(id, lease, 0);
    let answer = world.store.append_sending(immediate(1), claim, Time::MAX).await.unwrap();
    assert!(matches!(answer, Appended::Stored(_)));
    let retry = world.new_claim(id, lease, 1);
    assert!(matches!(world.store.retry(retry).await.unwrap(), Claimed::Changed), "it has not failed");
    world.settled(id, 1, Settlement::NeverBegun { due: Time::ZERO }).await;
    assert_eq!(world.state(id).await, State::Failed);

    let wrong_number = world.new_claim(id, lease, 0);
    assert!(matches!(world.store.retry(wrong_number).await.unwrap(), Claimed::Changed));
    let Claimed::Yes(tried) = world.store.retry(retry).await.unwrap() else { panic!("not tried again") };
    assert_eq!((tried.state, tried.attempt), (State::Sending, 2));
    world.pass(Duration::from_millis(1));
    let Claimed::Already(again) = world.store.retry(retry).await.unwrap() else { panic!("tried twice") };
    assert_eq!(again, tried);

    let queued = world.sending(draft(2)).await.draft.id;
    world.settled(queued, 1, refused(Next::GiveUp)).await;
    let of_queued = world.new_claim(queued, lease, 1);
    assert!(matches!(world.store.retry(of_queued).await.unwrap(), Claimed::Changed), "immediates only");
}
