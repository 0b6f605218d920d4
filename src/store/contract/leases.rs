//! `acquire_lease`.

use sendyard_actors::domain::ids::{Incarnation, Shard};
use sendyard_actors::domain::message::{AttemptResult, Draft, State};
use sendyard_actors::domain::outcome::Doubt;
use sendyard_actors::domain::time::Time;
use sendyard_actors::ports::{Charge, Claimed, Leased, SettleAnswer};

use super::world::{
    ANSWER_WITHIN, EVIDENCE, LEASE, MARGIN, ME, OTHER, SECOND, World, accepted, draft, draft_from, lease_of, number,
    recipient, sender,
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
    let (second, _) = acquire(&world, shard, OTHER).await;
    assert!(second > first);
    let (third, _) = acquire(&world, shard, ME).await;
    assert!(third > second, "a fence is never used again");

    let elsewhere = Shard::all().find(|other| *other != shard).unwrap();
    acquire(&world, elsewhere, OTHER).await;
    assert_eq!(acquire(&world, shard, ME).await.0, third, "shards are apart");
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
    assert_eq!(charges, [Charge { at: world.now(), units: 1 }]);
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
