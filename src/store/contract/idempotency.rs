//! `reserve_key`, `lookup_key`, `release_key`.

use std::time::Duration;

use sendyard_actors::domain::fingerprint::Fingerprint;
use sendyard_actors::domain::ids::{MessageId, OrganizationId};
use sendyard_actors::ports::{BoundKey, Reserve, Reserved, ScopedKey};
use uuid::Uuid;

use super::world::{ORGANIZATION, World, draft, id_of, sender};

const KEEP: Duration = Duration::from_hours(24);
const A: Uuid = Uuid::from_u128(0xa);
const B: Uuid = Uuid::from_u128(0xb);

fn key() -> ScopedKey {
    ScopedKey { organization: ORGANIZATION, key: "order-1".to_owned() }
}

fn fingerprint() -> Fingerprint {
    draft(1).fingerprint
}

fn id(index: u64) -> MessageId {
    id_of(sender(), index)
}

async fn reserve(world: &World, index: u64, token: Uuid) -> Reserved {
    world.store.reserve_key(key(), id(index), fingerprint(), token, KEEP).await.unwrap()
}

async fn lookup(world: &World) -> Option<MessageId> {
    world.store.lookup_key(key()).await.unwrap().map(|bound| bound.id)
}

pub(super) async fn a_fresh_key_is_the_requests_own_also_when_asked_again(world: World) {
    assert_eq!(lookup(&world).await, None);
    assert_eq!(reserve(&world, 1, A).await, Reserved::Yours(id(1)));
    assert_eq!(reserve(&world, 1, A).await, Reserved::Yours(id(1)));
    let bound = world.store.lookup_key(key()).await.unwrap();
    assert_eq!(bound, Some(BoundKey { id: id(1), fingerprint: fingerprint() }));
}

pub(super) async fn another_request_with_the_same_fingerprint_joins_and_is_told_the_same_id(world: World) {
    reserve(&world, 1, A).await;
    assert_eq!(reserve(&world, 2, B).await, Reserved::Joined(id(1)));
    assert_eq!(reserve(&world, 2, B).await, Reserved::Joined(id(1)), "asked again");
    assert_eq!(reserve(&world, 1, A).await, Reserved::Yours(id(1)), "the first stays the first");
}

pub(super) async fn another_request_with_another_fingerprint_is_refused(world: World) {
    reserve(&world, 1, A).await;
    let other = draft(2).fingerprint;
    let answer = world.store.reserve_key(key(), id(2), other, B, KEEP).await.unwrap();
    assert_eq!(answer, Reserved::OtherRequest);
    // It has not joined, so the first may still free its key.
    world.store.release_key(key(), id(1), A).await.unwrap();
    assert_eq!(lookup(&world).await, None);
}

pub(super) async fn a_joined_key_is_not_released(world: World) {
    reserve(&world, 1, A).await;
    reserve(&world, 2, B).await;
    for token in [A, B] {
        world.store.release_key(key(), id(1), token).await.unwrap();
        assert_eq!(lookup(&world).await, Some(id(1)));
    }
}

pub(super) async fn only_the_request_that_bound_a_key_releases_it(world: World) {
    reserve(&world, 1, A).await;
    world.store.release_key(key(), id(1), B).await.unwrap();
    world.store.release_key(key(), id(2), A).await.unwrap();
    assert_eq!(lookup(&world).await, Some(id(1)), "another token, another id");

    world.store.release_key(key(), id(1), A).await.unwrap();
    assert_eq!(lookup(&world).await, None);
    assert_eq!(reserve(&world, 2, B).await, Reserved::Yours(id(2)));
    world.store.release_key(key(), id(1), A).await.unwrap();
    assert_eq!(lookup(&world).await, Some(id(2)), "a late repeat frees nobody else's");
}

pub(super) async fn a_key_past_its_retention_is_free(world: World) {
    reserve(&world, 1, A).await;
    world.pass(KEEP.checked_sub(Duration::from_nanos(1)).unwrap());
    assert_eq!(lookup(&world).await, Some(id(1)));
    world.pass(Duration::from_nanos(1));
    assert_eq!(lookup(&world).await, None);
    assert_eq!(reserve(&world, 2, B).await, Reserved::Yours(id(2)));
    // The old expiry went with the old binding: a prune leaves the new one alone.
    let pruned = world.store.prune(world.now()).await.unwrap();
    assert_eq!((pruned.keys, lookup(&world).await), (0, Some(id(2))));
}

pub(super) async fn keys_of_organizations_are_apart(world: World) {
    reserve(&world, 1, A).await;
    let theirs = ScopedKey { organization: OrganizationId(8), ..key() };
    assert_eq!(world.store.lookup_key(theirs.clone()).await.unwrap(), None);
    let answer = world.store.reserve_key(theirs, id(2), fingerprint(), B, KEEP).await.unwrap();
    assert_eq!(answer, Reserved::Yours(id(2)));
}

pub(super) async fn several_keys_at_once_are_as_one_after_the_other(world: World) {
    let named = |name: &str, index: u64, token: Uuid| Reserve {
        key: ScopedKey { organization: ORGANIZATION, key: name.to_owned() },
        id: id(index),
        fingerprint: fingerprint(),
        token,
    };
    reserve(&world, 1, A).await;
    let other = Reserve { fingerprint: draft(2).fingerprint, ..named("b", 5, Uuid::from_u128(5)) };
    let keys = [
        named("order-1", 2, B),
        named("b", 3, Uuid::from_u128(3)),
        named("b", 4, Uuid::from_u128(4)),
        other,
        named("c", 6, Uuid::from_u128(6)),
        named("c", 6, Uuid::from_u128(6)),
    ];
    let [yours, joined, other] = [Reserved::Yours, Reserved::Joined, |_| Reserved::OtherRequest];
    let expected = vec![joined(id(1)), yours(id(3)), joined(id(3)), other(id(5)), yours(id(6)), yours(id(6))];
    for _repeat in 0..2 {
        assert_eq!(world.store.reserve_keys(keys.clone().into(), KEEP).await.unwrap(), expected);
    }
    // Each has its own retention: of those that are over others may have them.
    world.pass(KEEP);
    let again = world.store.reserve_keys([named("c", 7, B)].into(), KEEP).await.unwrap();
    assert_eq!(again, [yours(id(7))]);
    assert_eq!(world.store.reserve_keys([].into(), KEEP).await.unwrap(), []);
}
