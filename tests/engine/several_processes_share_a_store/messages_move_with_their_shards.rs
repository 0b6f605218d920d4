use std::sync::Arc;

use sendyard_actors::domain::message::Cancelled;
use sendyard_actors::domain::outcome::{Acceptance, Class};
use sendyard_actors::domain::time::Time;
use sendyard_actors::engine::Readiness;
use sendyard_actors::settings::Settings;

use super::*;
use crate::engine::faulty::{Fault, Faults};
use crate::engine::yard::ORGANIZATION;

/// A yard with two engines that share it out.
pub(super) async fn two(builder: Builder, faults: &Arc<Faults>) -> (Yard, RunningEngine) {
    let yard = yard_of(builder).await;
    let second = yard.another_with(faults).await;
    shared_out(&[&yard.engine, &second.engine], 2 * SECOND).await;
    (yard, second)
}

pub(super) fn accepting(after: Duration) -> Builder {
    Builder { script: vec![Line::Accept(after)], ..Builder::default() }
}

#[tokio::test(start_paused = true)]
async fn what_is_accepted_elsewhere_goes_out_at_once_through_its_owner() {
    let (yard, second) = two(accepting(Duration::ZERO), &Arc::default()).await;
    assert_eq!(second.engine.readiness(), Readiness::Ready);
    let from = number_of(&yard.engine);
    for text in ["the first, whose sender does not run", "the second, whose sender does"] {
        let sent = queue(&second.engine, &from, "+15550000001", text).await;
        assert_eq!(sent.queued.unwrap().position, 1);
        tokio::time::sleep(10 * MOMENT).await;
        assert_eq!(yard.message(sent.id).await.state, State::Sent, "{text}");
    }
    assert_eq!(second.engine.senders_running(), 0, "it sends from it alone");
}

/// Few are told one by one, of many only that there are some.
#[tokio::test(start_paused = true)]
async fn a_batch_that_is_accepted_elsewhere_goes_out_at_once_through_its_owner() {
    let (yard, second) = two(accepting(Duration::ZERO), &Arc::default()).await;
    let from = number_of(&yard.engine);
    for many in [3, 100] {
        let to = |index: u32| request(&from, &format!("+1555000{index:04}"), "hello", Kind::Queued);
        let answers = second.engine.send_all((0..many).map(to).collect(), Time::MAX).await;
        tokio::time::sleep(20 * MOMENT).await;
        for (index, answer) in (1_u64..).zip(answers) {
            let sent = answer.unwrap();
            assert_eq!(sent.queued.unwrap().position, index);
            assert_eq!(yard.message(sent.id).await.state, State::Sent, "{index} of {many}");
        }
    }
    assert_eq!(second.engine.senders_running(), 0, "it sends from it alone");
}

#[tokio::test(start_paused = true)]
async fn the_estimate_of_what_is_accepted_elsewhere_goes_by_the_limits_and_by_what_waits() {
    let (yard, second) =
        two(Builder { limits: vec!["1/s"], ..accepting(Duration::ZERO) }, &Arc::default()).await;
    let from = number_of(&yard.engine);
    let mut last = Time::ZERO;
    for position in 1..5 {
        let now = yard.now();
        let place = queue(&second.engine, &from, "+15550000001", "hello").await.queued.unwrap();
        assert!(place.position <= position && place.estimate >= now && place.estimate >= last);
        last = place.estimate;
    }
    assert!(last.since(yard.now()) >= 2 * SECOND);
}

#[tokio::test(start_paused = true)]
async fn a_lost_note_is_found_within_seconds() {
    let faults = Arc::<Faults>::default();
    let (yard, second) = two(accepting(Duration::ZERO), &faults).await;
    let from = number_of(&yard.engine);
    faults.refuse_all("tell");
    for text in ["its sender does not run", "its sender runs"] {
        let id = queue(&second.engine, &from, "+15550000001", text).await.id;
        let told_at = yard.now();
        yard.until(id, State::Sent).await;
        assert!(yard.now().since(told_at) <= 4 * SECOND, "{text}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_append_between_the_taking_and_the_look_at_the_backlog_is_not_missed() {
    let faults = Arc::<Faults>::default();
    let mut yard = yard_of(accepting(Duration::ZERO)).await;
    let second = yard.another_with(&faults).await;
    let third = yard.another().await;
    shared_out(&[&yard.engine, &second.engine, &third.engine], 2 * SECOND).await;
    let owned = yard.engine.shards();
    let all = (0..64).map(|index| format!("+1202555{index:04}"));
    let numbers: Vec<String> = all.filter(|one| owned.contains(Shard::of(number(one)))).collect();
    // It hears late, and what it reads of the backlogs is older than its answer.
    faults.push("attend", Fault::Before(300 * MOMENT));
    faults.push("backlogs", Fault::After(500 * MOMENT));
    yard.stop(Duration::ZERO).await;
    // Before, during and after the take-over, a message of another number each time.
    let mut ids = Vec::new();
    for from in &numbers {
        ids.push(queue(&third.engine, from, "+15550000001", "hello").await.id);
        tokio::time::sleep(SECOND / u32::try_from(numbers.len()).unwrap()).await;
    }
    tokio::time::sleep(600 * MOMENT).await;
    let seen = yard.seen();
    let missed = ids.iter().filter(|id| !seen.iter().any(|one| one.id == **id)).count();
    assert_eq!(missed, 0, "of {} messages", ids.len());
}

#[tokio::test(start_paused = true)]
async fn what_is_cancelled_elsewhere_is_never_handed_over() {
    let (yard, second) =
        two(Builder { limits: vec!["1/10s"], ..accepting(Duration::ZERO) }, &Arc::default()).await;
    let from = number_of(&yard.engine);
    let first = queue(&yard.engine, &from, "+15550000001", "goes").await.id;
    yard.until(first, State::Sent).await;
    let id = queue(&yard.engine, &from, "+15550000002", "cancelled").await.id;
    let last = queue(&second.engine, &from, "+15550000003", "goes").await.id;
    let cancelled = second.engine.cancel(ORGANIZATION, id).await.unwrap().unwrap();
    assert_eq!(cancelled.0, Cancelled::Done);
    yard.until(last, State::Sent).await;
    assert_eq!(yard.seen().iter().map(|seen| seen.id).collect::<Vec<_>>(), [first, last]);
}

#[tokio::test(start_paused = true)]
async fn the_same_key_on_two_processes_at_once_is_one_message() {
    let (yard, second) = two(accepting(Duration::ZERO), &Arc::default()).await;
    for index in 0..20 {
        let key = Some(format!("order-{index}"));
        let from = number_of(if index % 2 == 0 { &yard.engine } else { &second.engine });
        let asked = SendRequest { key, ..request(&from, "+15550000001", "hello", Kind::Queued) };
        let (here, there) = tokio::join!(yard.engine.send(asked.clone()), second.engine.send(asked));
        let (here, there) = (here.unwrap(), there.unwrap());
        assert_eq!(here.id, there.id);
        assert!(here.replayed != there.replayed, "one of them was the first");
        yard.until(here.id, State::Sent).await;
    }
    assert_eq!(yard.seen().len(), 20);
}

#[tokio::test(start_paused = true)]
async fn what_a_person_has_sent_again_on_another_process_goes_through_its_owner() {
    use sendyard_actors::domain::message::ByHand;

    let settings = Settings { evidence_deadline: SECOND, ..Settings::default() };
    let script = vec![Line::Swallow, Line::Accept(Duration::ZERO)];
    let builder = Builder { script, settings, ..Builder::default() };
    let (yard, second) = two(builder, &Arc::default()).await;
    let from = number_of(&yard.engine);
    let id = queue(&yard.engine, &from, "+15550000001", "hello").await.id;
    yard.until(id, State::Unknown).await;
    tokio::time::sleep(3 * SECOND).await;
    let settled = second.engine.settle_by_hand(ORGANIZATION, id, ByHand::Retry).await.unwrap().unwrap();
    assert!(settled.is_ok(), "{settled:?}");
    tokio::time::sleep(10 * MOMENT).await;
    assert_eq!(yard.message(id).await.state, State::Sent);
}

#[tokio::test(start_paused = true)]
async fn evidence_on_another_process_frees_the_conversation_within_moments() {
    let script = vec![Line::LoseAnswer, Line::Accept(Duration::ZERO)];
    let (yard, second) = two(Builder { script, ..Builder::default() }, &Arc::default()).await;
    let from = number_of(&yard.engine);
    let first = queue(&yard.engine, &from, "+15550000001", "one").await.id;
    let next = queue(&yard.engine, &from, "+15550000001", "two").await.id;
    yard.until(first, State::Unknown).await;
    tokio::time::sleep(2 * SECOND).await;
    let acceptance = Acceptance { provider_id: "SM1".into(), provider_status: "sent".into(), segments: None };
    second.engine.evidence(first, None, acceptance).await.unwrap();
    tokio::time::sleep(2 * SECOND).await;
    assert_eq!(yard.message(next).await.state, State::Sent);
}

/// The same sender all the time, while its shard moves back and forth, and its messages are accepted on
/// whichever process.
#[tokio::test(start_paused = true)]
async fn order_and_pace_hold_over_moves() {
    let latency = 300 * MOMENT;
    let script = vec![Line::Accept(latency)];
    let yard = yard_of(Builder { script, limits: vec!["5/s"], ..Builder::default() }).await;
    // Of two senders with work one moves: the one with the later shard.
    let earlier = |from: &String| Shard::of(number(from)) < Shard::of(number(FROM));
    let beside = (0..64).map(|index| format!("+1202555{index:04}")).find(earlier).unwrap();
    queue(&yard.engine, &beside, "+15550000009", "beside").await;
    let (mut ids, mut owners) = (Vec::new(), Vec::new());
    for turn in 0..12 {
        queue(&yard.engine, &beside, "+15550000009", "beside").await;
        let another = yard.another().await;
        for index in 0..40 {
            let engine = if index % 2 == 0 { &yard.engine } else { &another.engine };
            let to = format!("+1555000000{}", index % 3);
            ids.push(queue(engine, FROM, &to, &format!("{:05}", ids.len())).await.id);
            let owns = |engine: &Engine| engine.shards().contains(Shard::of(number(FROM)));
            owners.push((owns(&yard.engine), owns(&another.engine)));
            tokio::time::sleep(if turn % 2 == 0 { 110 * MOMENT } else { 37 * MOMENT }).await;
        }
        another.stop(10 * SECOND).await;
        // Every third time the next one is there before this one has taken back what is free.
        if turn % 3 != 0 {
            shared_out(&[&yard.engine], SECOND).await;
        }
    }
    for id in &ids {
        yard.until(*id, State::Sent).await;
    }
    assert!(owners.iter().all(|(one, other)| !(*one && *other)));
    let moves = owners.windows(2).filter(|pair| pair[0] != pair[1]).count();
    assert!(moves >= 16, "it moved {moves} times");

    let mut seen = yard.seen();
    seen.retain(|one| one.to != number("+15550000009"));
    assert_eq!(seen.len(), ids.len(), "once each");
    let mut last: HashMap<_, (Time, String)> = HashMap::new();
    for one in &seen {
        if let Some((at, text)) = last.insert(one.to, (one.at, one.text.clone())) {
            assert!(text < one.text, "{text} before {}", one.text);
            assert!(one.at >= at + latency, "two of a conversation in flight");
        }
    }
    let fullest = seen
        .iter()
        .map(|from| seen.iter().filter(|one| one.at >= from.at && one.at < from.at + SECOND).count());
    assert!(fullest.max().unwrap() <= 5, "the pace");
}

#[tokio::test(start_paused = true)]
async fn who_leaves_with_an_attempt_that_hangs_is_followed_at_once_and_records_its_outcome() {
    let slow = 15 * SECOND;
    let script = vec![Line::Accept(slow), Line::Accept(Duration::ZERO)];
    let mut yard = yard(script).await;
    let second = yard.another().await;
    shared_out(&[&yard.engine, &second.engine], SECOND).await;
    let from = number_of(&yard.engine);
    let hangs = queue(&yard.engine, &from, "+15550000001", "one").await.id;
    yard.until(hangs, State::Sending).await;
    let follows = queue(&yard.engine, &from, "+15550000001", "two").await.id;
    let elsewhere = queue(&yard.engine, &from, "+15550000002", "meanwhile").await.id;
    let left_at = yard.now();
    let first = yard.engine.clone();
    yard.engine = second.engine.clone();
    let leaves = yard.stop(30 * SECOND);
    let watches = async {
        let took = shared_out(&[&second.engine], SECOND).await;
        assert!(matches!(first.readiness(), Readiness::NotReady(_)));
        took
    };
    let ((), took) = tokio::join!(leaves, watches);
    println!("followed {took:?} after it was told to end");
    assert!(took < SECOND, "{took:?}");
    yard.until(follows, State::Sent).await;
    assert_eq!(yard.message(hangs).await.state, State::Sent, "by the one that has left");
    let seen = yard.seen();
    let at = |id| seen.iter().find(|seen| seen.id == id).unwrap().at.since(left_at);
    assert!(at(elsewhere) < 2 * SECOND, "{:?}", at(elsewhere));
    assert!(
        (slow..slow + 3 * SECOND).contains(&(at(follows) + SECOND)),
        "never two in flight: {:?}",
        at(follows)
    );
}

#[tokio::test(start_paused = true)]
async fn a_retry_that_waits_goes_with_the_next_owner() {
    let mut yard = yard(vec![Line::Refuse(Class::Retry, Duration::ZERO), Line::Accept(Duration::ZERO)]).await;
    let id = yard.queue("+15550000001", "hello").await.id;
    tokio::time::sleep(MOMENT).await;
    let second = yard.another().await;
    yard.stop(Duration::ZERO).await;
    yard.engine = second.engine.clone();
    yard.until(id, State::Sent).await;
    assert_eq!(yard.seen().len(), 2);
}
