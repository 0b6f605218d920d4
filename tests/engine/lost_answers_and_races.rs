//! Each of these once broke a promise: an answer of the store that got lost, or two things that met.

use std::time::Duration;

use sendyard_actors::domain::message::{Kind, State};
use sendyard_actors::domain::outcome::Class;
use sendyard_actors::ports::StoreError;

use super::faulty::Fault;
use super::yard::{Builder, FROM, Line, Yard, account, number};

const A: &str = "+15551110001";
const B: &str = "+15551110002";
const fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}
fn script(lines: &[Line]) -> Vec<Line> {
    lines.to_vec()
}

#[tokio::test(start_paused = true)]
async fn a_lost_answer_of_settle_holds_nothing_back() {
    let yard = Builder::default().start().await;
    yard.faults().push("settle", Fault::LoseAnswer);
    let first = yard.queue(A, "1").await.id;
    let second = yard.queue(A, "2").await.id;
    tokio::time::sleep(Duration::from_hours(1)).await;
    assert_eq!(yard.message(first).await.state, State::Sent);
    assert_eq!(yard.message(second).await.state, State::Sent, "stuck behind a sent message for an hour");
}

#[tokio::test(start_paused = true)]
async fn a_store_that_may_have_stored_gives_no_key_back() {
    let yard = Builder::default().start().await;
    yard.faults().push("append", Fault::LoseAnswer);
    yard.faults().push("append", Fault::Refuse(StoreError::Unavailable("disk".into())));
    let mut request = Yard::request(A, "once", Kind::Queued);
    request.key = Some("k".into());
    let first = yard.engine.send(request.clone()).await;
    let second = yard.engine.send(request).await;
    tokio::time::sleep(ms(5000)).await;
    let seen: Vec<_> = yard.seen().iter().map(|seen| seen.id).collect();
    assert_eq!(seen.len(), 1, "first {first:?}, second {second:?}, handed over {seen:?}");
}

#[tokio::test(start_paused = true)]
async fn an_account_limit_holds_across_a_restart() {
    let mut yard = Builder { account_limits: vec!["4/h"], ..Builder::default() }.start().await;
    for n in 0..8 {
        yard.queue(&format!("+1555111000{n}"), "x").await;
        tokio::time::sleep(ms(1000)).await;
    }
    tokio::time::sleep(ms(30_000)).await;
    assert_eq!(yard.seen().len(), 4);
    yard.crash_and_restart().await;
    tokio::time::sleep(ms(30_000)).await;
    assert_eq!(yard.seen().len(), 4, "over the account's limit after a restart");
}

#[tokio::test(start_paused = true)]
async fn a_repeat_hears_of_its_own_attempt_only() {
    let script = script(&[Line::Refuse(Class::Request, ms(100)), Line::Accept(ms(100))]);
    let yard = Builder { script, ..Builder::default() }.start().await;
    let mut request = Yard::request(A, "now", Kind::Immediate);
    request.key = Some("k".into());
    let (engine, again) = (yard.engine.clone(), request.clone());
    let first = tokio::spawn(async move { engine.send(again).await });
    tokio::time::sleep(ms(50)).await;
    yard.faults().push("append_sending", Fault::Before(ms(100)));
    let second = yard.engine.send(request).await;
    let first = first.await.unwrap();
    tokio::time::sleep(ms(1000)).await;
    let id = yard.seen()[0].id;
    let message = yard.message(id).await;
    assert_eq!(message.state, State::Sent);
    assert!(
        second.is_ok(),
        "first {first:?}; second was told {second:?} of a message that is {:?}",
        message.state
    );
}

#[tokio::test(start_paused = true)]
async fn an_immediate_message_on_a_fresh_sender_forgets_no_hand_over() {
    let yard = Builder { limits: vec!["10/h"], ..Builder::default() }.start().await;
    for n in 0..8 {
        yard.queue(&format!("+1555111000{n}"), "x").await;
    }
    tokio::time::sleep(ms(150_000)).await;
    assert_eq!((yard.seen().len(), yard.engine.senders_running()), (8, 0));
    yard.faults().push("unsettled_of_sender", Fault::Before(ms(5)));
    yard.send_now(A, "now").await.unwrap();
    tokio::time::sleep(ms(150_000)).await;
    assert_eq!(yard.engine.senders_running(), 0);
    for n in 0..10 {
        yard.queue(&format!("+1555111000{n}"), "x").await;
    }
    tokio::time::sleep(ms(30_000)).await;
    assert!(yard.seen().len() <= 10, "{} in one hour", yard.seen().len());
}

#[tokio::test(start_paused = true)]
async fn an_attempt_settled_while_its_sender_loads_is_not_open() {
    let script = script(&[Line::Accept(ms(200))]);
    let yard = Builder { script, limits: vec!["1/s"], ..Builder::default() }.start().await;
    yard.queue(A, "1").await;
    let second = yard.queue(A, "2").await.id;
    let other = yard.queue(B, "3").await.id;
    tokio::time::sleep(ms(100)).await;
    yard.faults().push("charges", Fault::Before(ms(100)));
    yard.engine.make_sender_panic(number(FROM));
    tokio::time::sleep(Duration::from_hours(1)).await;
    let (second, other) = (yard.message(second).await.state, yard.message(other).await.state);
    assert_eq!((second, other), (State::Sent, State::Sent), "an hour later");
}

#[tokio::test(start_paused = true)]
async fn a_sender_that_stops_keeps_no_place() {
    let mut took = Vec::new();
    for yields in 0..40 {
        let mut yard = Builder::default().start().await;
        let first = yard.queue(A, "1").await.id;
        yard.until(first, State::Sent).await;
        let engine = yard.engine.clone();
        tokio::spawn(async move { engine.send(Yard::request(B, "2", Kind::Queued)).await });
        for _ in 0..yields {
            tokio::task::yield_now().await;
        }
        let before = yard.now();
        yard.stop(Duration::from_secs(30)).await;
        took.push((yard.seen().len(), yard.now().since(before).as_millis()));
    }
    assert!(took.iter().all(|took| took.1 < 5000), "stopping took {took:?}");
    eprintln!("{took:?}");
}

#[tokio::test(start_paused = true)]
async fn wake_ups_do_not_multiply() {
    let script = script(&[Line::Accept(ms(10))]);
    let yard = Builder { script, limits: vec!["300/s"], ..Builder::default() }.start().await;
    let alive = || tokio::runtime::Handle::current().metrics().num_alive_tasks();
    let mut last = None;
    let before = alive();
    let mut at = Vec::new();
    for round in 0..10 {
        for n in 0..500 {
            yard.faults().push("claim", Fault::Before(ms(2 + n % 3)));
            last = Some(yard.queue(&format!("+1555111{:04}", (round * 500 + n) % 2000), "x").await.id);
        }
        yard.until(last.unwrap(), State::Sent).await;
        tokio::time::sleep(ms(3000)).await;
        at.push(alive());
    }
    assert!(alive() < before + 8, "tasks alive while idle: {before} before, then {at:?}");
}

#[tokio::test(start_paused = true)]
async fn a_store_that_hangs_is_answered_in_the_clients_time() {
    let yard = Builder::default().start().await;
    yard.faults().push("append", Fault::Before(Duration::from_mins(5)));
    let before = yard.now();
    let answer = yard.engine.send(Yard::request(A, "1", Kind::Queued)).await;
    let took = yard.now().since(before);
    assert!(took <= Duration::from_secs(25), "{answer:?} after {took:?}");
}

#[tokio::test(start_paused = true)]
async fn a_message_of_a_moved_number_goes_by_its_old_account() {
    let script = script(&[Line::Accept(ms(10))]);
    let mut yard =
        Builder { script, limits: vec!["1/s"], second_account: true, ..Builder::default() }.start().await;
    yard.queue(A, "1").await;
    let moved = yard.queue(B, "2").await.id;
    tokio::time::sleep(ms(100)).await;
    yard.move_number();
    yard.crash_and_restart().await;
    yard.faults().push("claim", Fault::After(ms(500)));
    for _ in 0..200 {
        tokio::time::sleep(ms(10)).await;
        yard.engine.make_provider_panic(&account());
    }
    eprintln!("{:#?}", yard.message(moved).await);
    for n in 0..180 {
        yard.queue(&format!("+1555222{n:04}"), "busy").await;
        tokio::time::sleep(Duration::from_secs(20)).await;
    }
    let message = yard.message(moved).await;
    eprintln!("{message:#?}");
    assert_eq!(message.state, State::Sent, "an hour later, attempt {}", message.attempt);
}

#[tokio::test(start_paused = true)]
async fn an_immediate_message_whose_storing_was_not_answered_goes_once() {
    let yard = Builder::default().start().await;
    yard.faults().push("append_sending", Fault::LoseAnswer);
    let before = yard.now();
    let answer = yard.send_now(A, "now").await;
    let took = yard.now().since(before);
    assert!(answer.is_ok(), "{answer:?} after {took:?}, handed over {:?}", yard.seen().len());
}

#[tokio::test(start_paused = true)]
async fn an_immediate_message_that_never_began_is_answered_at_once() {
    let yard = Builder::default().start().await;
    let first = yard.queue(A, "1").await.id;
    yard.until(first, State::Sent).await;
    yard.faults().push("append_sending", Fault::After(ms(30)));
    let engine = yard.engine.clone();
    let sending = tokio::spawn(async move { engine.send(Yard::request(A, "now", Kind::Immediate)).await });
    let before = yard.now();
    tokio::time::sleep(ms(10)).await;
    yard.engine.make_provider_panic(&account());
    let answer = sending.await.unwrap();
    let took = yard.now().since(before);
    assert!(took < Duration::from_secs(1), "{answer:?} after {took:?}");
}

#[tokio::test(start_paused = true)]
async fn a_message_stored_while_its_sender_fails_is_not_forgotten() {
    let yard = Builder::default().start().await;
    let first = yard.queue(A, "1").await.id;
    yard.until(first, State::Sent).await;
    yard.faults().push("append", Fault::Before(ms(100)));
    let engine = yard.engine.clone();
    let sending = tokio::spawn(async move { engine.send(Yard::request(A, "slow", Kind::Queued)).await });
    tokio::time::sleep(ms(10)).await;
    yard.engine.make_sender_panic(number(FROM));
    let id = sending.await.unwrap().unwrap().id;
    for n in 0..180 {
        yard.queue(&format!("+1555222{n:04}"), "busy").await;
        tokio::time::sleep(Duration::from_secs(20)).await;
    }
    assert_eq!(yard.message(id).await.state, State::Sent, "accepted an hour ago");
}

#[tokio::test(start_paused = true)]
async fn stopping_does_not_wait_for_a_place_granted_too_late() {
    use sendyard_actors::settings::Settings;
    let mut took = Vec::new();
    for yields in 0..30 {
        let settings = Settings { places_in_flight: 1, ..Settings::default() };
        let mut yard = Builder { settings, ..Builder::default() }.start().await;
        yard.queue(A, "1").await;
        yard.queue(B, "2").await;
        tokio::time::sleep(ms(if yields < 15 { 100 } else { 101 })).await;
        for _ in 0..yields % 15 {
            tokio::task::yield_now().await;
        }
        let before = yard.now();
        yard.stop(Duration::from_secs(30)).await;
        took.push((yard.seen().len(), yard.now().since(before).as_millis()));
    }
    eprintln!("{took:?}");
    assert!(took.iter().all(|took| took.1 < 5000), "stopping took {took:?}");
}

#[tokio::test(start_paused = true)]
async fn a_client_that_hangs_up_frees_no_ticket_of_work_that_goes_on() {
    use sendyard_actors::settings::Settings;
    let settings = Settings { requests_in_flight: 1, ..Settings::default() };
    let yard = Builder { settings, ..Builder::default() }.start().await;
    for n in 0..100 {
        yard.faults().push("append", Fault::Before(ms(5000)));
        let (engine, to) = (yard.engine.clone(), format!("+1555111{n:04}"));
        let sending = tokio::spawn(async move { engine.send(Yard::request(&to, "x", Kind::Queued)).await });
        tokio::time::sleep(ms(2)).await;
        sending.abort();
        let _ = sending.await;
    }
    tokio::time::sleep(ms(9000)).await;
    assert!(yard.seen().len() <= 1, "{} requests were inside at one time", yard.seen().len());
}

#[tokio::test(start_paused = true)]
async fn a_lost_answer_of_settle_unknown_holds_nothing_back() {
    let script = script(&[Line::LoseAnswer, Line::Accept(ms(10))]);
    let yard = Builder { script, ..Builder::default() }.start().await;
    yard.faults().push("settle_unknown", Fault::LoseAnswer);
    yard.queue(A, "1").await;
    let second = yard.queue(A, "2").await.id;
    tokio::time::sleep(Duration::from_hours(1)).await;
    assert_eq!(yard.message(second).await.state, State::Sent, "an hour later");
}

#[tokio::test(start_paused = true)]
async fn a_cancelled_retry_frees_its_conversation() {
    let script = script(&[Line::Refuse(Class::NextWindow, ms(10)), Line::Accept(ms(10))]);
    let yard = Builder { script, ..Builder::default() }.start().await;
    let first = yard.queue(A, "1").await.id;
    let second = yard.queue(A, "2").await.id;
    tokio::time::sleep(ms(1000)).await;
    eprintln!("{:?}", yard.engine.cancel(super::yard::ORGANIZATION, first).await);
    tokio::time::sleep(Duration::from_mins(10)).await;
    assert_eq!(yard.message(second).await.state, State::Sent, "ten minutes after the first was cancelled");
}

#[tokio::test(start_paused = true)]
async fn a_message_that_was_stored_without_an_answer_goes() {
    let yard = Builder::default().start().await;
    let first = yard.queue(B, "0").await.id;
    yard.until(first, State::Sent).await;
    yard.faults().push("append", Fault::LoseAnswer);
    yard.faults().push("append", Fault::Refuse(StoreError::Full("disk".into())));
    let answer = yard.engine.send(Yard::request(A, "1", Kind::Queued)).await;
    eprintln!("{answer:?}");
    for n in 0..180 {
        yard.queue(&format!("+1555222{n:04}"), "busy").await;
        tokio::time::sleep(Duration::from_secs(20)).await;
    }
    assert!(yard.seen().iter().any(|seen| seen.text == "1"), "stored an hour ago and never handed over");
}

#[tokio::test(start_paused = true)]
async fn a_claim_without_an_answer_makes_no_unknown() {
    let yard = Builder::default().start().await;
    yard.faults().push("claim", Fault::LoseAnswer);
    yard.faults().push("claim", Fault::Refuse(StoreError::Unavailable("disk".into())));
    let first = yard.queue(A, "1").await.id;
    let second = yard.queue(A, "2").await.id;
    tokio::time::sleep(ms(3000)).await;
    for n in 0..180 {
        yard.queue(&format!("+1555222{n:04}"), "busy").await;
        tokio::time::sleep(Duration::from_secs(20)).await;
    }
    let (first, second) = (yard.message(first).await, yard.message(second).await);
    let handed = yard.seen().iter().filter(|seen| seen.to == number(A)).count();
    let states = (first.state, first.listed, second.state, handed);
    assert_eq!(states, (State::Sent, false, State::Sent, 2), "state 1, listed, state 2, handed over");
}

#[tokio::test(start_paused = true)]
async fn an_immediate_message_written_before_its_sender_is_loaded_is_charged() {
    let yard = Builder { limits: vec!["1/s"], ..Builder::default() }.start().await;
    yard.faults().push("charges", Fault::Before(ms(50)));
    let engine = yard.engine.clone();
    let sending = tokio::spawn(async move { engine.send(Yard::request(A, "now", Kind::Immediate)).await });
    tokio::time::sleep(ms(60)).await;
    yard.queue(B, "queued").await;
    sending.await.unwrap().unwrap();
    tokio::time::sleep(ms(3000)).await;
    let seen = yard.seen();
    let gap = seen[1].at.since(seen[0].at);
    assert!(gap >= ms(1000), "queued {gap:?} after the immediate one at 1/s");
}

#[tokio::test(start_paused = true)]
async fn an_account_permit_covers_what_goes_with_it() {
    let script = script(&[Line::Refuse(Class::Retry, ms(10)), Line::Accept(ms(10))]);
    let yard = Builder { script, account_limits: vec!["6/min"], ..Builder::default() }.start().await;
    let long = "x".repeat(153 * 5);
    yard.queue(A, &long).await;
    tokio::time::sleep(ms(100)).await;
    for n in 0..8 {
        yard.queue(&format!("+1555222{n:04}"), "s").await;
    }
    tokio::time::sleep(Duration::from_mins(5)).await;
    let seen: Vec<_> = yard
        .seen()
        .iter()
        .map(|seen| (seen.at.since(yard.seen()[0].at).as_millis(), seen.text.len().div_ceil(153)))
        .collect();
    let worst = seen
        .iter()
        .map(|(from, _)| {
            seen.iter()
                .filter(|(at, _)| at >= from && *at < from + 60_000)
                .map(|(_, units)| units)
                .sum::<usize>()
        })
        .max();
    assert!(worst <= Some(6), "{worst:?} units in a minute at 6/min: {seen:?}");
}
