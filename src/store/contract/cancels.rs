//! `cancel`.

use sendyard_actors::domain::ids::OrganizationId;
use sendyard_actors::domain::message::{Cancelled, Lane, Shown, State, UnknownPolicy};
use sendyard_actors::ports::Claimed;

use super::world::{EVIDENCE, ORGANIZATION, SECOND, World, accepted, draft, sender};

pub(super) async fn a_waiting_message_is_cancelled_once_and_for_all(world: World) {
    let first = world.queued(draft(1)).await.draft.id;
    let middle = world.queued(draft(2)).await.draft.id;
    let last = world.queued(draft(3)).await.draft.id;
    let cancel = |id| world.store.cancel(id, ORGANIZATION);
    assert_eq!(cancel(middle).await.unwrap(), Some((Cancelled::Done, Shown::Cancelled)));
    let cancelled = world.message(middle).await;
    world.pass(SECOND);
    assert_eq!(cancel(middle).await.unwrap(), Some((Cancelled::Before, Shown::Cancelled)));
    assert_eq!(world.message(middle).await, cancelled);

    assert!(matches!(world.claim(middle, 0).await, Claimed::Changed));
    assert!(matches!(world.claim(last, 0).await, Claimed::NotHead(_)), "the first still holds the last back");
    let queue = world.store.queue_page(sender(), Lane::Normal, None, 10).await.unwrap();
    assert_eq!(queue.iter().map(|waiting| waiting.id).collect::<Vec<_>>(), [first, last]);
    assert_eq!(world.store.depth(sender()).await.unwrap(), 2);

    // Cancelling the head lets the next one go.
    cancel(first).await.unwrap();
    assert_eq!(world.claimed(last).await.state, State::Sending);
}

pub(super) async fn a_claimed_message_is_too_late_to_cancel(world: World) {
    let open = world.sending(draft(1)).await;
    let cancel = || world.store.cancel(open.draft.id, ORGANIZATION);
    let too_late = Some((Cancelled::TooLate(Shown::Sending), Shown::Sending));
    assert_eq!(cancel().await.unwrap(), too_late);
    assert_eq!(world.message(open.draft.id).await, open);
    world.settled(open.draft.id, 1, accepted()).await;
    assert_eq!(cancel().await.unwrap(), Some((Cancelled::TooLate(Shown::Sent), Shown::Sent)));
}

pub(super) async fn a_message_with_an_unresolved_attempt_is_too_late_to_cancel(world: World) {
    let id = world.sending(draft(1)).await.draft.id;
    let lease = world.lease().await;
    let too_late = Some((Cancelled::TooLate(Shown::Sending), Shown::Sending));
    world.unknown(id, 1).await;
    assert_eq!(world.store.cancel(id, ORGANIZATION).await.unwrap(), too_late);
    world.pass(EVIDENCE);
    world.store.settle_unknown(id, 1, lease, UnknownPolicy::Resend).await.unwrap();
    assert_eq!(world.state(id).await, State::Queued);
    assert_eq!(world.store.cancel(id, ORGANIZATION).await.unwrap(), too_late, "also while it waits again");
    assert_eq!(world.state(id).await, State::Queued);
}

pub(super) async fn another_organization_finds_nothing_to_cancel(world: World) {
    let stored = world.queued(draft(1)).await;
    assert_eq!(world.store.cancel(stored.draft.id, OrganizationId(8)).await.unwrap(), None);
    assert_eq!(world.store.cancel(draft(9).id, ORGANIZATION).await.unwrap(), None);
    assert_eq!(world.message(stored.draft.id).await, stored);
}
