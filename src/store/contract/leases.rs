//! `acquire_lease`, `renew_lease`, `release_lease`.

use std::time::Duration;

use sendyard_actors::domain::ids::{Incarnation, Shard};
use sendyard_actors::domain::message::{AttemptResult, Draft, State};
use sendyard_actors::domain::outcome::Doubt;
use sendyard_actors::domain::pace::Cost;
use sendyard_actors::domain::time::Time;
use sendyard_actors::ports::{Charge, Claimed, Lease, Leased, SettleAnswer};

use super::world::{
    ANSWER_WITHIN, EVIDENCE, LEASE, MARGIN, ME, OTHER, SECOND, World, accepted, draft, draft_from, lease_of,
    number, recipient, sender,
};

async fn acquire(world: &World, shard: Shard, holder: Incarnation) -> (u64, u32) {
    match world.store.acquire_lease(shard, holder, LEASE, MARGIN, EVIDENCE).await.unwrap() {
        Leased::Yours { lease, orphans } => {
            assert_eq!((lease.shard, lease.holder), (shard, holder));
            (lease.fence, orphans)
        }
        Leased::TakenUntil(until) => panic!("taken until {until:?}"),
    }
}

pub(super) async fn a_lease_is_the_same_for_its_holder_and_grows_for_the_next(world: World) {
    let shard = Shard::of(sender());
    let (first, _) = acquire(&world, shard, ME).await;
    assert_eq!(acquire(&world, shard, ME).await.0, first);
    world.pass(LEASE);
    let (second, _) = acquire(&world, shard, OTHER).await;
    assert!(second > first);
    world.pass(LEASE);
    let (third, _) = acquire(&world, shard, ME).await;
    assert!(third > second, "a fence is never used again");

    let elsewhere = Shard::all().find(|other| *other != shard).unwrap();
    acquire(&world, elsewhere, OTHER).await;
    assert_eq!(acquire(&world, shard, ME).await.0, third, "shards are apart");
}

/// The answer to another's asking.
async fn taken_until(world: &World, holder: Incarnation) -> Option<Time> {
    let shard = Shard::of(sender());
    match world.store.acquire_lease(shard, holder, LEASE, MARGIN, EVIDENCE).await.unwrap() {
        Leased::Yours { .. } => None,
        Leased::TakenUntil(until) => Some(until),
    }
}

pub(super) async fn a_lease_is_not_taken_over_before_its_end(world: World) {
    let stored = world.queued(draft(1)).await;
    let lease = world.lease().await;
    let end = world.now() + LEASE;
    world.pass(LEASE.checked_sub(Duration::from_nanos(1)).unwrap());
    assert_eq!(taken_until(&world, OTHER).await, Some(end));
    let claim = world.new_claim(stored.draft.id, lease, 0);
    assert!(matches!(world.store.claim(claim).await.unwrap(), Claimed::Yes(_)), "it is still its owner's");

    world.pass(Duration::from_nanos(1));
    let claim = world.new_claim(stored.draft.id, lease, 0);
    assert!(matches!(world.store.claim(claim).await.unwrap(), Claimed::Changed), "nobody has taken it");
    assert_eq!(taken_until(&world, OTHER).await, None);
    assert!(matches!(world.store.claim(claim).await.unwrap(), Claimed::Stale));
    assert_eq!(taken_until(&world, ME).await, Some(world.now() + LEASE));
}

pub(super) async fn a_renewed_lease_lasts_longer_and_a_stale_one_is_not_renewed(world: World) {
    let lease = world.lease().await;
    world.pass(2 * SECOND);
    assert!(world.store.renew_lease(lease, LEASE).await.unwrap());
    world.pass(2 * SECOND);
    assert_eq!(taken_until(&world, OTHER).await, Some(world.now() + SECOND));
    world.pass(SECOND);
    assert!(world.store.renew_lease(lease, LEASE).await.unwrap(), "over, and nobody took it");
    world.pass(LEASE);
    assert_eq!(taken_until(&world, OTHER).await, None);

    let theirs = Some(world.now() + LEASE);
    world.pass(SECOND);
    for stale in [lease, Lease { holder: OTHER, ..lease }, Lease { fence: lease.fence + 1, ..lease }] {
        assert!(!world.store.renew_lease(stale, LEASE).await.unwrap());
    }
    assert_eq!(taken_until(&world, ME).await, theirs);
}

pub(super) async fn a_released_lease_is_free_at_once_and_only_its_owner_releases_it(world: World) {
    let lease = world.lease().await;
    for stale in [Lease { holder: OTHER, ..lease }, Lease { fence: lease.fence + 1, ..lease }] {
        world.store.release_lease(stale).await.unwrap();
        assert_eq!(taken_until(&world, OTHER).await, Some(world.now() + LEASE));
    }
    world.store.release_lease(lease).await.unwrap();
    assert_eq!(taken_until(&world, OTHER).await, None);
    world.store.release_lease(lease).await.unwrap();
    assert_eq!(taken_until(&world, ME).await, Some(world.now() + LEASE), "a late repeat frees nothing");
}

pub(super) async fn what_the_old_owner_left_open_stays_open(world: World) {
    let open = world.sending(draft(1)).await;
    let next = world.queued(draft(2)).await.draft.id;
    let unsettled = world.store.unsettled(None).await.unwrap();
    world.pass(LEASE);
    let Leased::Yours { lease, orphans } =
        world.store.acquire_lease(Shard::of(sender()), OTHER, LEASE, MARGIN, EVIDENCE).await.unwrap()
    else {
        panic!("not taken over")
    };
    assert_eq!(orphans, 0);
    assert_eq!(world.message(open.draft.id).await, open);
    assert_eq!(world.store.unsettled(None).await.unwrap(), unsettled);
    let claim = world.new_claim(next, lease, 0);
    assert!(
        matches!(world.store.claim(claim).await.unwrap(), Claimed::NotHead(_)),
        "it may still be written"
    );
    let mark = World::mark_of(open.draft.id, 1, lease);
    assert!(matches!(world.store.mark_unknown(mark).await.unwrap(), SettleAnswer::Known), "too early");

    // The old owner's answer counts, whoever owns the shard.
    let sent = world.settled(open.draft.id, 1, accepted()).await;
    assert_eq!(sent.state, State::Sent);
    let claim = world.new_claim(next, lease, 0);
    assert!(matches!(world.store.claim(claim).await.unwrap(), Claimed::Yes(_)));
}

pub(super) async fn a_lease_of_one_process_is_its_own_until_another_asks(world: World) {
    let lease = world.lease().await;
    assert!(world.store.renew_lease(lease, LEASE).await.unwrap());
    world.store.release_lease(lease).await.unwrap();
    assert!(world.store.renew_lease(lease, LEASE).await.unwrap(), "the next start takes it anyway");
    acquire(&world, Shard::of(sender()), OTHER).await;
    assert!(!world.store.renew_lease(lease, LEASE).await.unwrap());
}

pub(super) async fn a_dead_owners_attempts_become_unknown(world: World) {
    let open = world.sending(draft(1)).await;
    let id = open.draft.id;
    let deadline = open.last_attempt().unwrap().deadline;
    world.pass(SECOND);
    assert_eq!(acquire(&world, Shard::of(sender()), OTHER).await.1, 1);

    let orphan = world.message(id).await;
    let attempt = orphan.last_attempt().unwrap();
    assert_eq!(orphan.state, State::Unknown);
    assert_eq!(attempt.result, AttemptResult::Unknown(Doubt::ProcessGone));
    assert_eq!(orphan.evidence_until, Some(deadline + MARGIN + EVIDENCE));
    let charges = world.store.charges(sender(), Time::ZERO).await.unwrap();
    assert_eq!(charges, [Charge { at: world.now(), cost: Cost::sms(1) }]);
    assert_eq!(acquire(&world, Shard::of(sender()), OTHER).await.1, 0, "asked again");
    assert_eq!(world.message(id).await, orphan);

    // A claim of the dead owner that lands late is stale; its answer still counts.
    let stale = world.new_claim(id, lease_of(ME, 1), 1);
    assert!(matches!(world.store.claim(stale).await.unwrap(), Claimed::Stale));
    assert!(matches!(world.settle(id, 1, accepted()).await, SettleAnswer::Done(_)));
}

pub(super) async fn nothing_but_open_attempts_of_others_changes_with_the_owner(world: World) {
    let late = world.sending(draft(1)).await.draft.id;
    let unknown = world.unknown(late, 1).await;
    let waiting = world.queued(Draft { recipient: recipient(2), ..draft(2) }).await;
    let sent = world.sending(Draft { recipient: recipient(3), ..draft(3) }).await.draft.id;
    let sent = world.settled(sent, 1, accepted()).await;
    let elsewhere = number("+19995550000");
    assert_ne!(Shard::of(elsewhere), Shard::of(sender()));
    let other_shard = world.sending(draft_from(elsewhere, 4)).await;
    let overdue = world.sending(Draft { recipient: recipient(5), ..draft(5) }).await.draft.id;
    world.pass(ANSWER_WITHIN + MARGIN + SECOND);

    assert_eq!(acquire(&world, Shard::of(sender()), OTHER).await.1, 1);
    for same in [unknown, waiting, sent, other_shard] {
        assert_eq!(world.message(same.draft.id).await, same);
    }
    let evidence_until = world.message(overdue).await.evidence_until;
    assert_eq!(evidence_until, Some(world.now() + EVIDENCE), "from now where the deadline is over");
    assert_eq!(world.store.depth(sender()).await.unwrap(), 1);
}
