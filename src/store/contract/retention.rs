//! `prune`.

use std::time::Duration;

use sendyard_actors::domain::message::{Cancelled, Draft, Settlement, State};
use sendyard_actors::domain::outcome::Next;
use sendyard_actors::domain::time::Time;
use sendyard_actors::ports::{Pruned, ScopedKey};
use uuid::Uuid;

use super::world::{
    ORGANIZATION, SECOND, START, World, accepted, draft, immediate, recipient, refused, sender,
};

const NOTHING: Pruned = Pruned { messages: 0, keys: 0, more: false };

pub(super) async fn a_prune_takes_what_is_finished_and_old_and_nothing_else(world: World) {
    let to = |index: u32, draft: Draft| Draft { recipient: recipient(index), ..draft };
    let sent = world.sending(to(1, draft(1))).await.draft.id;
    let failed = world.sending(to(2, draft(2))).await.draft.id;
    let cancelled = world.queued(to(3, draft(3))).await.draft.id;
    let unknown = world.sending(to(4, draft(4))).await.draft.id;
    let waiting = world.queued(to(5, draft(5))).await.draft.id;
    world.settled(sent, 1, accepted()).await;
    world.settled(failed, 1, refused(Next::GiveUp)).await;
    world.store.cancel(cancelled, ORGANIZATION).await.unwrap();
    world.unknown(unknown, 1).await;
    let sending = world.sending(to(6, draft(6))).await.draft.id;
    let finished_later = world.sending(to(7, draft(7))).await.draft.id;
    world.settled(finished_later, 1, accepted()).await;
    let limit = world.now();
    world.pass(SECOND);

    assert_eq!(world.store.prune(START).await.unwrap(), NOTHING, "changed at, not before");
    assert_eq!(world.store.prune(limit).await.unwrap(), Pruned { messages: 3, ..NOTHING });
    assert_eq!(world.store.prune(limit).await.unwrap(), NOTHING, "asked again");
    for gone in [sent, failed, cancelled] {
        assert_eq!(world.store.message(gone).await.unwrap(), None);
    }
    world.store.prune(Time::MAX).await.unwrap();
    assert_eq!(world.store.message(finished_later).await.unwrap(), None);
    for kept in [unknown, waiting, sending] {
        assert!(world.store.message(kept).await.unwrap().is_some());
    }
    assert_eq!(world.claimed(waiting).await.state, State::Sending);
}

pub(super) async fn a_prune_takes_keys_past_their_retention(world: World) {
    let key = |name: &str| ScopedKey { organization: ORGANIZATION, key: name.to_owned() };
    for (name, hours) in [("short", 1), ("long", 2)] {
        let keep = Duration::from_hours(hours);
        world
            .store
            .reserve_key(key(name), draft(1).id, draft(1).fingerprint, Uuid::nil(), keep)
            .await
            .unwrap();
    }
    assert_eq!(world.store.prune(START).await.unwrap(), NOTHING);
    world.pass(Duration::from_hours(1));
    assert_eq!(world.store.prune(START).await.unwrap(), Pruned { keys: 1, ..NOTHING });
    assert_eq!(world.store.lookup_key(key("short")).await.unwrap(), None);
    assert!(world.store.lookup_key(key("long")).await.unwrap().is_some());
}

pub(super) async fn a_prune_takes_a_bounded_number_and_says_that_more_is_left(world: World) {
    let appends = (0..1_100).map(|index| world.append(draft(index)));
    futures::future::join_all(appends).await;
    let cancels = (0..1_100).map(|index| world.store.cancel(draft(index).id, ORGANIZATION));
    for cancelled in futures::future::join_all(cancels).await {
        assert!(matches!(cancelled, Ok(Some((Cancelled::Done, _)))), "{cancelled:?}");
    }
    world.pass(SECOND);
    let mut total = 0;
    loop {
        let pruned = world.store.prune(world.now()).await.unwrap();
        assert!(pruned.messages <= 1_000);
        total += pruned.messages;
        assert_eq!(pruned.more, total < 1_100);
        if !pruned.more {
            break;
        }
    }
    assert_eq!(world.store.depth(sender()).await.unwrap(), 0);
}

pub(super) async fn a_message_that_failed_and_is_tried_again_is_not_pruned(world: World) {
    let lease = world.lease().await;
    let id = immediate(1).id;
    world.store.append_sending(immediate(1), world.new_claim(id, lease, 0), Time::MAX).await.unwrap();
    world.settled(id, 1, Settlement::NeverBegun { due: Time::ZERO }).await;
    world.pass(SECOND);
    world.store.retry(world.new_claim(id, lease, 1)).await.unwrap();
    world.pass(SECOND);
    assert_eq!(world.store.prune(world.now()).await.unwrap(), NOTHING);
    assert_eq!(world.state(id).await, State::Sending);
}

pub(super) async fn what_is_tried_again_is_kept_from_its_last_change_on(world: World) {
    let lease = world.lease().await;
    let never_begun = || Settlement::NeverBegun { due: Time::ZERO };
    let (on_its_way, failed_again) = (immediate(1).id, immediate(2).id);
    for index in [1, 2] {
        let claim = world.new_claim(immediate(index).id, lease, 0);
        world.store.append_sending(immediate(index), claim, Time::MAX).await.unwrap();
        world.settled(immediate(index).id, 1, never_begun()).await;
        // At the very instant at which it failed.
        world.store.retry(world.new_claim(immediate(index).id, lease, 1)).await.unwrap();
    }
    let offered = immediate(3);
    world.store.forward_immediate(offered.clone(), world.now()).await.unwrap();
    world.pass(Duration::from_micros(1));
    world.store.withdraw(offered.id).await.unwrap();
    world.store.forward_again(offered.id, 0, Time::MAX).await.unwrap();
    world.pass(SECOND);
    world.settled(failed_again, 2, never_begun()).await;
    assert_eq!(world.store.prune(world.now()).await.unwrap(), NOTHING);
    assert_eq!(world.state(on_its_way).await, State::Sending);
    assert_eq!(world.state(failed_again).await, State::Failed);
    assert_eq!(world.state(offered.id).await, State::Offered);
    world.pass(SECOND);
    assert_eq!(world.store.prune(world.now()).await.unwrap(), Pruned { messages: 1, ..NOTHING });
    assert_eq!(world.store.message(failed_again).await.unwrap(), None);
}
