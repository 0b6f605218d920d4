//! `append` of what may not go yet or expires, `timers`, `time_up`, `postpone`.

use std::time::Duration;

use sendyard_actors::domain::message::{
    Cancelled, Draft, Lane, Message, Shown, State, TimeUp, UnknownPolicy,
};
use sendyard_actors::domain::shard_set::ShardSet;
use sendyard_actors::domain::time::Time;
use sendyard_actors::ports::{Append, Appended, Claimed, EstimateRule, SettleAnswer, Timer};

use super::world::{
    EVIDENCE, ORGANIZATION, SECOND, START, World, append_of, draft, id_of, recipient, sender,
};

const HOUR: Duration = Duration::from_hours(1);

fn later(draft: Draft, not_before: Time) -> Append {
    Append { not_before, ..append_of(draft) }
}

fn expiring(index: u64, end: Time) -> Draft {
    Draft { expires_at: Some(end), ..draft(index) }
}

async fn scheduled(world: &World, draft: Draft, not_before: Time) -> Message {
    match world.store.append(later(draft, not_before)).await.unwrap() {
        Appended::Stored(message) => *message,
        other => panic!("not stored: {other:?}"),
    }
}

async fn timers(world: &World, until: Time) -> Vec<Timer> {
    world.store.timers(ShardSet::ALL, None, until, 99).await.unwrap()
}

async fn queue(world: &World) -> Vec<u64> {
    let page = world.store.queue_page(sender(), Lane::Normal, None, 99).await.unwrap();
    let index = |id| (1..9).find(|index| id_of(sender(), *index) == id).unwrap();
    page.into_iter().map(|waiting| index(waiting.id)).collect()
}

pub(super) async fn what_may_not_go_yet_waits_outside_of_queue_and_conversation(world: World) {
    let due = START + HOUR;
    let message = scheduled(&world, draft(1), due).await;
    let id = message.draft.id;
    assert_eq!((message.state, message.due, message.shown()), (State::Scheduled, due, Shown::Queued));
    assert_eq!((message.answer.position, message.answer.estimate), (1, due));
    assert_eq!(world.store.depth(sender()).await.unwrap(), 0);
    assert_eq!(queue(&world).await, Vec::<u64>::new());
    assert!(world.store.backlogs(ShardSet::ALL).await.unwrap().is_empty(), "its sender need not run");
    assert!(matches!(world.claim(id, 0).await, Claimed::Changed));
    assert_eq!(world.store.tallies(ORGANIZATION).await.unwrap()[0].waiting, 1);

    // It holds back nothing that goes to the same recipient.
    let at_once = world.sending(draft(2)).await;
    assert_eq!((at_once.draft.recipient, at_once.state), (message.draft.recipient, State::Sending));
    assert_eq!(world.message(id).await, message);
    let again = world.store.append(later(draft(1), due)).await.unwrap();
    assert!(matches!(again, Appended::Exists(there) if *there == message));
}

pub(super) async fn what_may_go_already_is_queued_at_once(world: World) {
    world.pass(HOUR);
    let message = scheduled(&world, draft(1), world.now()).await;
    assert_eq!((message.state, message.due), (State::Queued, world.now()));
    assert_eq!(queue(&world).await, [1]);
}

pub(super) async fn its_time_brings_it_to_the_end_of_its_queue_once(world: World) {
    let due = START + HOUR;
    let (first, second) = (scheduled(&world, draft(1), due).await, scheduled(&world, draft(2), due).await);
    let sooner = scheduled(&world, draft(3), due - SECOND).await;
    world.queued(draft(4)).await;
    let ids = [&sooner, &first, &second].map(|message| message.draft.id);
    let at = [due - SECOND, due, due];
    let seqs = [2, 0, 1];
    let expected = ids.into_iter().zip(at).zip(seqs).map(|((id, at), seq)| Timer { at, seq, id });
    let expected: Vec<Timer> = expected.collect();
    assert_eq!(timers(&world, due).await, expected, "those of one instant as they were accepted");
    assert_eq!(timers(&world, due - SECOND).await, expected[..1]);
    let behind = world.store.timers(ShardSet::ALL, Some(expected[1]), due, 99).await.unwrap();
    assert_eq!(behind, expected[2..]);
    assert_eq!(world.store.timers(ShardSet::NONE, None, due, 99).await.unwrap(), []);

    let time_up = |ids: &[_]| world.store.time_up(ids.to_vec());
    assert_eq!(time_up(&ids).await.unwrap(), [None, None, None], "not yet");
    world.pass(HOUR);
    let timed = time_up(&ids).await.unwrap();
    let seqs: Vec<u64> = timed
        .iter()
        .map(|timed| match timed {
            Some((TimeUp::Due, message)) => message.seq,
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(seqs, [4, 5, 6]);
    assert_eq!(queue(&world).await, [4, 3, 1, 2]);
    assert_eq!(world.store.depth(sender()).await.unwrap(), 4);
    assert_eq!(timers(&world, Time::MAX).await, []);
    assert_eq!(time_up(&ids).await.unwrap(), [None, None, None], "once");
    assert!(matches!(world.claim(ids[0], 0).await, Claimed::NotHead(head) if head.id == draft(4).id));
    assert_eq!(world.claimed(draft(4).id).await.state, State::Sending);
}

pub(super) async fn an_expired_message_is_not_claimed_and_fails(world: World) {
    let end = START + HOUR;
    let message = world.queued(expiring(1, end)).await;
    let id = message.draft.id;
    world.queued(draft(2)).await;
    assert_eq!(timers(&world, end).await, [Timer { at: end, seq: 0, id }]);
    world.pass(HOUR);
    assert!(matches!(world.claim(id, 0).await, Claimed::Expired));
    assert_eq!(world.message(id).await, message, "nothing was changed");
    let timed = world.store.time_up(vec![id]).await.unwrap();
    assert!(matches!(&timed[0], Some((TimeUp::Expired, failed)) if failed.shown() == Shown::Failed));
    let failed = world.message(id).await;
    assert_eq!(failed.refusal.unwrap().code.as_deref(), Some("expired"));
    assert_eq!(queue(&world).await, [2]);
    assert_eq!(timers(&world, Time::MAX).await, []);
    let tally = world.store.tallies(ORGANIZATION).await.unwrap()[0];
    assert_eq!((tally.waiting, tally.failed), (1, 1));
    // What follows it in its conversation goes.
    assert_eq!(world.claimed(draft(2).id).await.state, State::Sending);
}

pub(super) async fn a_message_claimed_in_time_does_not_expire(world: World) {
    let end = START + HOUR;
    let id = world.queued(expiring(1, end)).await.draft.id;
    world.pass(Duration::from_secs(3599));
    world.claimed(id).await;
    assert_eq!(timers(&world, Time::MAX).await, []);
    world.pass(SECOND);
    assert_eq!(world.store.time_up(vec![id]).await.unwrap(), [None]);
    assert_eq!(world.state(id).await, State::Sending);
}

pub(super) async fn what_cannot_go_before_it_expires_is_not_stored(world: World) {
    let estimate = EstimateRule { from: START, per_unit: SECOND };
    for index in 1..=3 {
        world.queued(draft(index)).await;
    }
    let append = |end| Append { estimate, depth_limit: 3, ..append_of(expiring(4, end)) };
    // Three are ahead, a second each.
    let earliest = START + SECOND * 3;
    let answer = world.store.append(append(earliest)).await.unwrap();
    assert!(matches!(answer, Appended::TooLate(at) if at == earliest), "also where the queue is full");
    assert_eq!(world.store.message(draft(4).id).await.unwrap(), None);
    let answer = world.store.append(append(earliest + SECOND)).await.unwrap();
    assert!(matches!(answer, Appended::Full), "in time, and there is no room: {answer:?}");
    let later = later(expiring(5, START + HOUR), START + HOUR);
    assert!(matches!(world.store.append(later).await.unwrap(), Appended::TooLate(at) if at == START + HOUR));
}

pub(super) async fn what_waits_for_its_time_is_bounded_by_itself(world: World) {
    let limited = |index| Append { depth_limit: 2, ..later(draft(index), START + HOUR) };
    for index in 1..=2 {
        let stored = world.store.append(limited(index)).await.unwrap();
        assert!(matches!(stored, Appended::Stored(message) if message.answer.position == index));
    }
    assert!(matches!(world.store.append(limited(3)).await.unwrap(), Appended::Full));
    assert_eq!(world.store.message(draft(3).id).await.unwrap(), None);
    let at_once = Append { depth_limit: 2, ..append_of(draft(4)) };
    assert!(matches!(world.store.append(at_once).await.unwrap(), Appended::Stored(_)));
    world.store.cancel(draft(1).id, ORGANIZATION).await.unwrap();
    assert!(
        matches!(world.store.append(limited(3)).await.unwrap(), Appended::Stored(_)),
        "there is room again"
    );
    let late = Append { request_until: START, ..later(draft(5), START + HOUR) };
    world.pass(SECOND);
    assert!(matches!(world.store.append(late).await.unwrap(), Appended::Late));
}

pub(super) async fn what_is_scheduled_is_cancelled(world: World) {
    let id = scheduled(&world, draft(1), START + HOUR).await.draft.id;
    let cancelled = world.store.cancel(id, ORGANIZATION).await.unwrap();
    assert_eq!(cancelled, Some((Cancelled::Done, Shown::Cancelled)));
    assert_eq!(timers(&world, Time::MAX).await, []);
    world.pass(HOUR);
    assert_eq!(world.store.time_up(vec![id]).await.unwrap(), [None]);
    assert_eq!(world.state(id).await, State::Cancelled);
}

pub(super) async fn what_is_postponed_leaves_its_place_to_others(world: World) {
    let id = world.queued(draft(1)).await.draft.id;
    world.queued(Draft { recipient: recipient(2), ..draft(2) }).await;
    world.queued(draft(3)).await;
    let due = START + HOUR;
    assert!(
        matches!(world.store.postpone(id, 1, due).await.unwrap(), SettleAnswer::Known),
        "another attempt"
    );
    let SettleAnswer::Done(message) = world.store.postpone(id, 0, due).await.unwrap() else { panic!() };
    assert_eq!((message.state, message.due), (State::Scheduled, due));
    assert!(matches!(world.store.postpone(id, 0, due).await.unwrap(), SettleAnswer::Known), "once");
    assert_eq!(queue(&world).await, [2, 3]);
    assert_eq!(world.store.depth(sender()).await.unwrap(), 2);
    assert_eq!(world.claimed(draft(3).id).await.state, State::Sending, "it heads its conversation now");
    world.pass(HOUR);
    assert!(matches!(world.store.time_up(vec![id]).await.unwrap()[0], Some((TimeUp::Due, _))));
    assert_eq!(queue(&world).await, [2, 1]);
}

pub(super) async fn what_may_have_arrived_neither_fails_by_expiring_nor_is_postponed(world: World) {
    let id = world.sending(expiring(1, START + 2 * HOUR)).await.draft.id;
    let lease = world.lease().await;
    world.unknown(id, 1).await;
    world.pass(EVIDENCE);
    let resent = world.store.settle_unknown(id, 1, lease, UnknownPolicy::Resend).await.unwrap();
    assert!(matches!(resent, SettleAnswer::Done(message) if message.state == State::Queued));
    let postponed = world.store.postpone(id, 1, START + HOUR).await.unwrap();
    assert!(matches!(postponed, SettleAnswer::Known), "it may have arrived");
    assert_eq!(world.store.time_up(vec![id]).await.unwrap(), [None], "it is not over yet");
    world.pass(2 * HOUR);
    let timed = world.store.time_up(vec![id]).await.unwrap();
    assert!(matches!(&timed[0], Some((TimeUp::Expired, _))), "{timed:?}");
    let message = world.message(id).await;
    assert_eq!((message.state, message.listed), (State::Unknown, true));
}
