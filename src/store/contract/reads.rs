//! The reads.

use std::time::Duration;

use sendyard_actors::domain::ids::{OrganizationId, ProviderKind};
use sendyard_actors::domain::message::{Draft, Lane, UnknownPolicy};
use sendyard_actors::domain::outcome::Next;
use sendyard_actors::domain::pace::Cost;
use sendyard_actors::domain::phone::E164;
use sendyard_actors::domain::shard_set::ShardSet;
use sendyard_actors::ports::{Backlog, Depths, Tally, Unsettled, Waiting};

use super::world::{
    EVIDENCE, ORGANIZATION, SECOND, World, accepted, draft, draft_from, number, recipient, refused, sender,
};

pub(super) async fn a_queue_is_read_by_pages_in_order_of_place(world: World) {
    let mut bulk = Vec::new();
    for index in 0..7 {
        let lane = if index % 2 == 0 { Lane::Bulk } else { Lane::Urgent };
        let message = world.queued(Draft { lane, segments: 2, ..draft(index) }).await;
        if lane == Lane::Bulk {
            bulk.push(Waiting::of(&message));
        }
    }
    world.queued(Draft { lane: Lane::Bulk, ..draft_from(number("+1999"), 99) }).await;

    let page = |after, limit| world.store.queue_page(sender(), Lane::Bulk, after, limit);
    assert_eq!(page(None, 10).await.unwrap(), bulk);
    assert_eq!(page(None, 3).await.unwrap(), bulk[..3]);
    assert_eq!(page(Some(bulk[2].seq), 3).await.unwrap(), bulk[3..]);
    assert_eq!(page(Some(bulk[3].seq), 3).await.unwrap(), []);
    assert_eq!(page(Some(u64::MAX), 3).await.unwrap(), []);
    assert_eq!(page(None, 0).await.unwrap(), []);
    assert_eq!(bulk[0].cost, Cost::sms(2));
}

pub(super) async fn a_conversation_page_shows_what_waits_and_not_what_is_on_its_way(world: World) {
    let mut waiting = Vec::new();
    for index in 0..4 {
        waiting.push(Waiting::of(&world.queued(draft(index)).await));
        world.queued(Draft { recipient: recipient(2), ..draft(100 + index) }).await;
    }
    world.claimed(waiting[0].id).await;
    let page = |after, limit| world.store.conversation_page(draft(0).conversation(), after, limit);
    assert_eq!(page(None, 10).await.unwrap(), waiting[1..]);
    assert_eq!(page(None, 2).await.unwrap(), waiting[1..3]);
    assert_eq!(page(Some(waiting[2].seq), 10).await.unwrap(), waiting[3..]);
    assert_eq!(page(Some(waiting[3].seq), 10).await.unwrap(), []);
}

pub(super) async fn backlogs_and_depth_follow_what_waits(world: World) {
    assert_eq!(world.store.backlogs(ShardSet::ALL).await.unwrap(), []);
    let other = number("+19995550000");
    let first = world.queued(draft(1)).await.draft.id;
    world.queued(draft(2)).await;
    let theirs = world.queued(draft_from(other, 3)).await.draft.id;
    assert_eq!(backlogs(&world).await, [(sender(), 2), (other, 1)]);

    world.claimed(first).await;
    world.store.cancel(theirs, ORGANIZATION).await.unwrap();
    assert_eq!(backlogs(&world).await, [(sender(), 1)]);
    assert_eq!(world.store.depth(other).await.unwrap(), 0);
    world.settled(first, 1, refused(Next::Retry { due: world.now() })).await;
    assert_eq!(backlogs(&world).await, [(sender(), 2)]);
    assert_eq!(world.store.depth(sender()).await.unwrap(), 2);
    assert_eq!(world.store.depth(number("+1777")).await.unwrap(), 0);
}

async fn backlogs(world: &World) -> Vec<(E164, u64)> {
    let mut all: Vec<_> = world.store.backlogs(ShardSet::ALL).await.unwrap();
    all.sort_by_key(|backlog| backlog.sender);
    all.into_iter().map(|Backlog { sender, waiting }| (sender, waiting)).collect()
}

pub(super) async fn unsettled_lists_open_and_unknown_until_settled_or_listed(world: World) {
    let open = world.sending(Draft { segments: 2, ..draft(1) }).await;
    let other = world.sending(draft_from(number("+19995550000"), 2)).await;
    let attempt = open.last_attempt().unwrap();
    let row = Unsettled {
        id: open.draft.id,
        sender: sender(),
        recipient: recipient(1),
        lane: Lane::Normal,
        attempt: 1,
        cost: Cost::sms(2),
        in_conversation: true,
        begin_by: attempt.begin_by,
        deadline: attempt.deadline,
        evidence_until: None,
        not_after: None,
    };
    assert_eq!(world.store.unsettled(Some(sender())).await.unwrap(), [row]);
    assert_eq!(world.store.unsettled(None).await.unwrap().len(), 2);
    world.settled(other.draft.id, 1, accepted()).await;
    assert_eq!(world.store.unsettled(None).await.unwrap(), [row]);

    let unknown = world.unknown(open.draft.id, 1).await;
    assert!(unknown.evidence_until.is_some());
    let doubtful = Unsettled { evidence_until: unknown.evidence_until, ..row };
    assert_eq!(world.store.unsettled(Some(sender())).await.unwrap(), [doubtful]);
    world.pass(EVIDENCE);
    let lease = world.lease().await;
    world.store.settle_unknown(open.draft.id, 1, lease, UnknownPolicy::Hold).await.unwrap();
    assert_eq!(world.store.unsettled(None).await.unwrap(), []);
}

async fn tallies(world: &World) -> Vec<Tally> {
    world.store.tallies(ORGANIZATION).await.unwrap()
}

const NONE: Tally =
    Tally { provider: ProviderKind::Twilio, waiting: 0, active: 0, sent: 0, failed: 0, sent_millis: 0 };

pub(super) async fn tallies_count_by_what_is_shown_and_forget_after_an_hour(world: World) {
    let first = world.queued(draft(1)).await.draft.id;
    let second = world.queued(Draft { recipient: recipient(2), ..draft(2) }).await.draft.id;
    let third = world.queued(Draft { provider: ProviderKind::Vonage, ..draft(3) }).await.draft.id;
    world.queued(Draft { organization: OrganizationId(8), recipient: recipient(4), ..draft(4) }).await;
    let at_vonage = Tally { provider: ProviderKind::Vonage, waiting: 1, ..NONE };
    assert_eq!(tallies(&world).await, [Tally { waiting: 2, ..NONE }, at_vonage]);

    world.claimed(first).await;
    world.claimed(second).await;
    world.store.cancel(third, ORGANIZATION).await.unwrap();
    assert_eq!(tallies(&world).await, [Tally { active: 2, ..NONE }]);

    world.pass(1500 * Duration::from_millis(1));
    world.settled(first, 1, accepted()).await;
    world.settled(second, 1, refused(Next::GiveUp)).await;
    let after = Tally { sent: 1, failed: 1, sent_millis: 1500, ..NONE };
    assert_eq!(tallies(&world).await, [after]);
    world.settle(first, 1, accepted()).await;
    assert_eq!(tallies(&world).await, [after], "a repeat counts nothing");

    world.pass(Duration::from_mins(59));
    assert_eq!(tallies(&world).await, [after]);
    world.pass(Duration::from_mins(1));
    assert_eq!(tallies(&world).await, []);

    // A new minute's count does not bring back, or carry on, what is an hour old.
    let fourth = world.sending(draft(5)).await.draft.id;
    world.settled(fourth, 1, accepted()).await;
    assert_eq!(tallies(&world).await, [Tally { sent: 1, ..NONE }]);
}

pub(super) async fn tallies_show_a_doubtful_resend_as_on_its_way(world: World) {
    let id = world.sending(draft(1)).await.draft.id;
    world.unknown(id, 1).await;
    world.pass(EVIDENCE);
    let lease = world.lease().await;
    world.store.settle_unknown(id, 1, lease, UnknownPolicy::Resend).await.unwrap();
    assert_eq!(tallies(&world).await, [Tally { active: 1, ..NONE }]);
    world.claimed(id).await;
    world.pass(SECOND);
    world.settled(id, 1, accepted()).await;
    assert_eq!(tallies(&world).await, [Tally { active: 1, ..NONE }], "the second attempt is open");
    world.settled(id, 2, refused(Next::GiveUp)).await;
    assert_eq!(tallies(&world).await[0].active, 0);
}

pub(super) async fn depths_are_those_of_each_lane(world: World) {
    assert_eq!(world.store.depths(sender()).await.unwrap(), Depths::default());
    let lanes = [Lane::Bulk, Lane::Urgent, Lane::Bulk, Lane::Normal, Lane::Bulk, Lane::Urgent];
    let mut ids = Vec::new();
    for (index, lane) in (1..).zip(lanes) {
        ids.push(world.queued(Draft { lane, segments: 2, ..draft(index) }).await.draft.id);
    }
    world.queued(draft_from(number("+19995550000"), 9)).await;
    let depths = |urgent, normal, bulk, segments| Depths { lanes: [urgent, normal, bulk], segments };
    assert_eq!(world.store.depths(sender()).await.unwrap(), depths(2, 1, 3, 12));
    world.claimed(ids[0]).await;
    world.store.cancel(ids[1], ORGANIZATION).await.unwrap();
    assert_eq!(world.store.depths(sender()).await.unwrap(), depths(1, 1, 2, 8));
}
