//! What lists are made of: many records at once, and what is finished in the order of finishing.

use sendyard_actors::domain::ids::{MessageId, OrganizationId, Shard};
use sendyard_actors::domain::message::{Draft, Kind};
use sendyard_actors::domain::outcome::Next;
use sendyard_actors::domain::phone::E164;
use sendyard_actors::domain::time::Time;
use sendyard_actors::ports::{Append, Ended};

use super::world::{
    ORGANIZATION, SECOND, World, accepted, append_of, draft, draft_from, id_of, immediate, number, recipient,
    refused, sender,
};

pub(super) async fn several_records_are_read_in_their_order(world: World) {
    let first = world.queued(draft(1)).await;
    let second = world.queued(draft_from(number("+1999"), 2)).await;
    let ids = vec![second.draft.id, id_of(sender(), 99), first.draft.id, second.draft.id];
    let read = world.store.messages(ids).await.unwrap();
    let read: Vec<_> = read.into_iter().map(|message| message.map(|message| *message)).collect();
    assert_eq!(read, [Some(second.clone()), None, Some(first), Some(second)]);
    assert_eq!(world.store.messages(Vec::new()).await.unwrap(), []);
}

/// Everything in pages of at most so many.
async fn all(world: &World, shard: Option<Shard>, limit: usize) -> Vec<Ended> {
    let mut all = Vec::new();
    loop {
        let page = world.store.ended(shard, all.last().copied(), limit).await.unwrap();
        assert!(page.is_sorted(), "{page:?}");
        if page.is_empty() {
            return all;
        }
        all.extend(page);
    }
}

/// A message to a recipient of its own, cancelled now.
async fn cancelled(world: &World, from: E164, index: u32) -> MessageId {
    let to = recipient(index);
    let id = world.queued(Draft { recipient: to, ..draft_from(from, index.into()) }).await.draft.id;
    world.store.cancel(id, ORGANIZATION).await.unwrap();
    id
}

pub(super) async fn what_is_finished_is_read_by_pages_in_the_order_of_finishing(world: World) {
    assert_eq!(all(&world, None, 3).await, []);
    let mut expected = Vec::new();
    for index in 0..60_u32 {
        let from = if index % 3 == 0 { number("+1999") } else { sender() };
        let id = cancelled(&world, from, index).await;
        expected.push(Ended { at: world.now(), id });
        // Several at one instant.
        if index % 20 > 12 {
            world.pass(SECOND);
        }
    }
    world.queued(draft(1000)).await;
    expected.sort_unstable();
    for limit in [1, 7, 1000] {
        assert_eq!(all(&world, None, limit).await, expected, "in pages of {limit}");
    }

    // From an instant on.
    let later = expected[40].at;
    let rest = world.store.ended(None, Some(Ended::before(later)), 1000).await.unwrap();
    assert_eq!(rest, expected.iter().copied().filter(|ended| ended.at >= later).collect::<Vec<_>>());

    // Of one shard at least its own.
    let shard = Shard::of(sender());
    let of_shard = |page: Vec<Ended>| page.into_iter().filter(move |one| one.id.shard() == shard);
    let own: Vec<Ended> = of_shard(all(&world, Some(shard), 7).await).collect();
    assert_eq!(own, of_shard(expected).collect::<Vec<_>>());
}

pub(super) async fn what_a_client_calls_so_is_read_by_pages_whatever_became_of_it(world: World) {
    let called = |name: &str, draft: Draft| Draft { client_reference: Some(name.to_owned()), ..draft };
    let to = |index: u32, draft: Draft| Draft { recipient: recipient(index), ..draft };
    let mut expected = Vec::new();
    for index in 0..40_u32 {
        let from = if index % 3 == 0 { number("+1999") } else { sender() };
        let draft = to(index, called("order 7", draft_from(from, index.into())));
        expected.push(draft.id);
        let draft = Draft { expires_at: (index % 2 == 0).then(|| world.now() + 60 * SECOND), ..draft };
        match index % 4 {
            0 => drop(world.append(draft).await),
            1 => {
                drop(
                    world.store.forward_immediate(Draft { kind: Kind::Immediate, ..draft }, Time::MAX).await,
                );
            }
            2 => drop(world.store.append_all([append_of(draft)].into()).await),
            _ => {
                let not_before = world.now() + SECOND;
                drop(world.store.append(Append { not_before, ..append_of(draft) }).await);
            }
        }
    }
    let lease = world.lease().await;
    let now = called("order 7", immediate(50));
    expected.push(now.id);
    world.store.append_sending(now, world.new_claim(immediate(50).id, lease, 0), Time::MAX).await.unwrap();
    // Others: another name, no name, and another's.
    world.queued(called("order 8", draft(60))).await;
    world.queued(draft(61)).await;
    world.queued(Draft { organization: OrganizationId(8), ..called("order 7", draft(62)) }).await;
    world.store.cancel(expected[0], ORGANIZATION).await.unwrap();

    expected.sort_unstable();
    let page = async |shard, after, limit| {
        world.store.referenced(ORGANIZATION, "order 7".to_owned(), shard, after, limit).await.unwrap()
    };
    for limit in [1, 7, 1000] {
        let mut all = Vec::new();
        while let Some(some) =
            Some(page(None, all.last().copied(), limit).await).filter(|some| !some.is_empty())
        {
            all.extend(some);
        }
        assert_eq!(all, expected, "in pages of {limit}");
    }
    let shard = Shard::of(sender());
    let own: Vec<MessageId> = expected.iter().copied().filter(|id| id.shard() == shard).collect();
    assert_eq!(page(Some(shard), None, 1000).await, own);
    assert_eq!(world.store.referenced(ORGANIZATION, "order".to_owned(), None, None, 9).await.unwrap(), []);
}

pub(super) async fn what_is_pruned_is_called_nothing_any_more(world: World) {
    let called = |draft: Draft| Draft { client_reference: Some("order 7".to_owned()), ..draft };
    let first = world.queued(called(draft(1))).await.draft.id;
    let kept = world.queued(called(draft(2))).await.draft.id;
    let expires_at = Some(world.now() + 60 * SECOND);
    let timed = world.queued(Draft { expires_at, ..called(draft(3)) }).await.draft.id;
    for over in [first, timed] {
        world.store.cancel(over, ORGANIZATION).await.unwrap();
    }
    world.pass(SECOND);
    world.store.prune(world.now()).await.unwrap();
    let left = world.store.referenced(ORGANIZATION, "order 7".to_owned(), None, None, 9).await.unwrap();
    assert_eq!(left, [kept]);
}

pub(super) async fn what_ended_anew_is_read_at_its_new_end(world: World) {
    let (id, lease) = (immediate(1).id, world.lease().await);
    world.store.append_sending(immediate(1), world.new_claim(id, lease, 0), Time::MAX).await.unwrap();
    world.settled(id, 1, refused(Next::GiveUp)).await;
    let first = Ended { at: world.now(), id };
    let behind = cancelled(&world, sender(), 2).await;
    world.pass(SECOND);
    world.store.retry(world.new_claim(id, lease, 1)).await.unwrap();
    world.settled(id, 2, accepted()).await;

    let message = world.message(id).await;
    let valid = |one: &Ended| one.id != id || (message.is_final() && message.updated_at == one.at);
    let read: Vec<Ended> = all(&world, None, 10).await.into_iter().filter(valid).collect();
    let expected = [Ended { at: first.at, id: behind }, Ended { at: world.now(), id }];
    assert_eq!(read, expected);
}
