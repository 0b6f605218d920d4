//! `append`, `append_sending`.

use std::collections::BTreeSet;

use sendyard_actors::domain::ids::Shard;
use sendyard_actors::domain::message::{Draft, Lane, State};
use sendyard_actors::domain::phone::E164;
use sendyard_actors::domain::time::Time;
use sendyard_actors::ports::{Append, Appended, Lease, StoreError};

use super::world::{
    ANSWER_WITHIN, BEGIN_WITHIN, ORGANIZATION, OTHER, SECOND, START, World, append_of, draft, draft_from,
    immediate, number, sender,
};

pub(super) async fn an_append_gives_place_and_estimate_in_order_of_acceptance(world: World) {
    let large = Draft { segments: 3, ..draft(1) };
    let first = world.queued(large).await;
    let second = world.queued(draft(2)).await;
    let third = world.queued(draft(3)).await;
    assert_eq!(first.state, State::Queued);
    assert!(first.seq < second.seq && second.seq < third.seq);
    assert_eq!([first.answer.position, second.answer.position, third.answer.position], [1, 2, 3]);
    assert_eq!(first.answer.estimate, START);
    assert_eq!(second.answer.estimate, START + 3 * SECOND, "behind three units");
    assert_eq!(third.answer.estimate, START + 4 * SECOND);

    let elsewhere = world.queued(draft_from(number("+1999"), 4)).await;
    assert_eq!(elsewhere.answer.position, 1, "senders do not count each other's");
}

pub(super) async fn an_append_again_finds_its_record_and_changes_nothing(world: World) {
    let stored = world.queued(draft(1)).await;
    world.queued(draft(2)).await;
    world.pass(SECOND);
    let other_text = Draft { text: "other".to_owned(), ..draft(1) };
    for again in [draft(1), other_text] {
        let Appended::Exists(found) = world.append(again).await else { panic!("stored twice") };
        assert_eq!(*found, stored);
    }
    assert_eq!(world.store.depth(sender()).await.unwrap(), 2);

    // Also when it is claimed, and when its time or its queue's room is over.
    let claimed = world.claimed(stored.draft.id).await;
    let late = Append { request_until: Time::ZERO, depth_limit: 0, ..append_of(draft(1)) };
    let Appended::Exists(found) = world.store.append(late).await.unwrap() else { panic!("not found") };
    assert_eq!(*found, claimed);
}

pub(super) async fn an_append_after_its_time_stores_nothing(world: World) {
    let in_time = Append { request_until: world.now(), ..append_of(draft(1)) };
    let late = Append { request_until: world.now() - SECOND, ..append_of(draft(2)) };
    assert!(matches!(world.store.append(in_time).await.unwrap(), Appended::Stored(_)));
    for _repeat in 0..2 {
        assert!(matches!(world.store.append(late.clone()).await.unwrap(), Appended::Late));
    }
    assert_eq!(world.store.message(late.draft.id).await.unwrap(), None);
    assert_eq!(world.store.depth(sender()).await.unwrap(), 1);
}

pub(super) async fn a_full_queue_stores_nothing_and_has_room_again_after_a_claim(world: World) {
    let first = world.queued(draft(1)).await;
    let append = Append { depth_limit: 1, ..append_of(draft(2)) };
    for _repeat in 0..2 {
        assert!(matches!(world.store.append(append.clone()).await.unwrap(), Appended::Full));
    }
    assert_eq!(world.store.message(append.draft.id).await.unwrap(), None);

    world.claimed(first.draft.id).await;
    let Appended::Stored(second) = world.store.append(append).await.unwrap() else { panic!("still full") };
    assert_eq!((second.answer.position, second.answer.estimate), (1, START));
}

pub(super) async fn an_immediate_message_is_born_sending_and_waits_nowhere(world: World) {
    let lease = world.lease().await;
    world.queued(draft(1)).await;
    let claim = world.new_claim(immediate(2).id, lease, 0);
    let answer = world.store.append_sending(immediate(2), claim, Time::MAX).await.unwrap();
    let Appended::Stored(message) = answer else { panic!("{answer:?}") };
    let attempt = message.last_attempt().unwrap();
    assert_eq!((message.state, message.attempt, message.answer.position), (State::Sending, 1, 0));
    assert_eq!(attempt.claim_id, claim.claim_id);
    assert_eq!(attempt.begin_by, world.now() + BEGIN_WITHIN);
    assert_eq!(attempt.deadline, world.now() + ANSWER_WITHIN);

    // It is no part of the queue nor of the conversation, so it holds nothing back.
    assert_eq!(world.store.depth(sender()).await.unwrap(), 1);
    let page = world.store.conversation_page(draft(1).conversation(), None, 10).await.unwrap();
    assert_eq!(page.len(), 1);
    assert_eq!(world.claimed(draft(1).id).await.attempt, 1);

    world.pass(SECOND);
    let again = world.store.append_sending(immediate(2), claim, Time::MAX).await.unwrap();
    let Appended::Exists(found) = again else { panic!("{again:?}") };
    assert_eq!(found, message);
}

pub(super) async fn an_immediate_message_needs_the_lease_and_its_time(world: World) {
    let lease = world.lease().await;
    let late = world.now() - SECOND;
    let claim = world.new_claim(immediate(1).id, lease, 0);
    let answer = world.store.append_sending(immediate(1), claim, late).await.unwrap();
    assert!(matches!(answer, Appended::Late));

    for stale in [Lease { fence: lease.fence + 1, ..lease }, Lease { holder: OTHER, ..lease }] {
        let claim = world.new_claim(immediate(1).id, stale, 0);
        let answer = world.store.append_sending(immediate(1), claim, Time::MAX).await;
        assert!(matches!(answer, Err(StoreError::Unavailable(_))), "{answer:?}");
    }
    assert_eq!(world.store.message(immediate(1).id).await.unwrap(), None);
    assert_eq!(world.store.unsettled(None).await.unwrap(), []);
}

pub(super) async fn several_at_once_are_as_one_after_the_other(world: World) {
    let before = world.queued(draft(1)).await;
    let timed = |index| Draft { expires_at: Some(START + 5 * SECOND), ..draft(index) };
    let late = Append { request_until: world.now() - SECOND, ..append_of(draft(4)) };
    let scheduled = Append { not_before: START + 2 * SECOND, ..append_of(draft(6)) };
    let limited = |index| Append { depth_limit: 5, ..append_of(draft(index)) };
    let all = [
        append_of(draft(2)),
        append_of(draft(1)),
        append_of(Draft { lane: Lane::Bulk, ..draft(3) }),
        late,
        append_of(timed(5)),
        scheduled,
        append_of(draft(7)),
        append_of(timed(8)),
        limited(9),
        append_of(draft(2)),
    ];
    let answers = world.store.append_all(all.into()).await.unwrap();
    let told: Vec<String> = answers.iter().map(told).collect();
    let expected = [
        "stored 2", "exists 1", "stored 3", "late", "stored 4", "stored 1", "stored 5", "too late", "full",
        "exists 2",
    ];
    assert_eq!(told, expected);
    let Some(Appended::Exists(found)) = answers.get(1) else { panic!() };
    assert_eq!(**found, before);
    assert_eq!(world.store.depth(sender()).await.unwrap(), 5);
    let mut seqs = Vec::new();
    for index in [1, 2, 3, 5, 6, 7] {
        seqs.push(world.message(draft(index).id).await.seq);
    }
    assert!(seqs.is_sorted(), "{seqs:?}");
    assert_eq!(world.store.append_all([].into()).await.unwrap().len(), 0);
}

pub(super) async fn several_of_many_senders_are_as_one_after_the_other_of_each(world: World) {
    let froms: Vec<E164> = (0..6).map(|place| number(&format!("+1999{place:03}"))).collect();
    let shards: BTreeSet<Shard> = froms.iter().map(|from| Shard::of(*from)).collect();
    assert!(shards.len() > 3, "{shards:?}");
    world.queued(draft_from(froms[0], 100)).await;
    let of = |place: usize, index| append_of(draft_from(froms[place % froms.len()], index));
    let all: Vec<Append> = (0..24).zip(0..).map(|(place, index)| of(place, index)).collect();
    let there = world.store.append(all[7].clone()).await.unwrap();
    let answers = world.store.append_all(all.clone().into()).await.unwrap();
    for (place, answer) in answers.iter().enumerate() {
        let before = u64::from(place % froms.len() == 0);
        let expected = format!("stored {}", place / froms.len() + 1 + usize::try_from(before).unwrap());
        match answer {
            Appended::Exists(_) => assert_eq!((place, told(answer)), (7, "exists 1".to_owned())),
            // Of that sender it is one behind.
            _ if place == 1 => assert_eq!(told(answer), "stored 2"),
            _ => assert_eq!(told(answer), expected, "{place}"),
        }
        let stored = world.message(all[place].draft.id).await;
        let (Appended::Stored(said) | Appended::Exists(said)) = answer else { panic!("{answer:?}") };
        assert_eq!(**said, stored);
    }
    assert!(matches!(there, Appended::Stored(_)));
    for from in &froms {
        let waiting = world.store.depth(*from).await.unwrap();
        assert_eq!(waiting, 4 + u64::from(*from == froms[0]));
    }
    let tallies = world.store.tallies(ORGANIZATION).await.unwrap();
    assert_eq!(tallies.iter().map(|tally| tally.waiting).sum::<u64>(), 25);
}

fn told(answer: &Appended) -> String {
    match answer {
        Appended::Stored(message) => format!("stored {}", message.answer.position),
        Appended::Exists(message) => format!("exists {}", message.answer.position),
        Appended::Full => "full".to_owned(),
        Appended::TooLate(_) => "too late".to_owned(),
        Appended::Late => "late".to_owned(),
    }
}
