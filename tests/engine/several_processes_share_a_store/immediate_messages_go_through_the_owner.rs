use std::sync::Arc;

use sendyard_actors::domain::outcome::Class;
use sendyard_actors::settings::Settings;

use super::messages_move_with_their_shards::{accepting, two};
use super::*;
use crate::engine::faulty::{Fault, Faults};

/// An immediate message from a number of `owner`, under a key.
fn keyed(owner: &Engine) -> SendRequest {
    let key = Some("order-1".to_owned());
    SendRequest { key, ..request(&number_of(owner), "+15550000001", "now", Kind::Immediate) }
}

/// What came of it, and how long that took.
async fn timed(engine: &Engine, asked: SendRequest) -> (Result<Sent, NotSent>, Duration) {
    let began = tokio::time::Instant::now();
    let answer = engine.send(asked).await;
    (answer, began.elapsed())
}

fn is_retryable(answer: &Result<Sent, NotSent>) -> bool {
    matches!(answer, Err(NotSent::Refused { provider_code: None, retryable: true, .. }))
}

#[tokio::test(start_paused = true)]
async fn each_process_sends_for_the_numbers_of_the_other_and_answers_with_the_outcome() {
    let (yard, second) = two(accepting(20 * MOMENT), &Arc::default()).await;
    for (asked_of, owner) in [(&second.engine, &yard.engine), (&yard.engine, &second.engine)] {
        let asked = request(&number_of(owner), "+15550000001", "now", Kind::Immediate);
        let (answer, took) = timed(asked_of, asked).await;
        let sent = answer.unwrap();
        assert_eq!((sent.queued, sent.replayed), (None, false));
        assert_eq!(yard.message(sent.id).await.state, State::Sent);
        // Told, and not found by looking.
        assert!(took < 50 * MOMENT, "{took:?}");
    }
    assert_eq!(yard.seen().len(), 2);
    assert_eq!((yard.engine.senders_running(), second.engine.senders_running()), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn its_key_is_answered_again_by_any_process() {
    let (yard, second) = two(accepting(Duration::ZERO), &Arc::default()).await;
    let asked = keyed(&yard.engine);
    let sent = second.engine.send(asked.clone()).await.unwrap();
    for engine in [&yard.engine, &second.engine] {
        let again = engine.send(asked.clone()).await.unwrap();
        assert_eq!((again.id, again.replayed), (sent.id, true));
    }
    assert_eq!(yard.seen().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn what_the_provider_refuses_is_told_and_the_same_key_tries_again_under_its_id() {
    let script = vec![Line::Refuse(Class::Retry, Duration::ZERO), Line::Accept(Duration::ZERO)];
    let (yard, second) = two(Builder { script, ..Builder::default() }, &Arc::default()).await;
    let asked = keyed(&yard.engine);
    let refused = second.engine.send(asked.clone()).await;
    let Err(NotSent::Refused { id, provider_code, retryable: true, .. }) = refused else {
        panic!("{refused:?}")
    };
    assert_eq!(provider_code.as_deref(), Some("42"));
    let sent = second.engine.send(asked).await.unwrap();
    assert_eq!((sent.id, sent.replayed, yard.message(id).await.attempt), (id, false, 2));
}

#[tokio::test(start_paused = true)]
async fn an_outcome_that_nobody_knows_is_told_at_its_deadline() {
    let builder = Builder { script: vec![Line::Swallow], ..Builder::default() };
    let (yard, second) = two(builder, &Arc::default()).await;
    let (answer, took) = timed(&second.engine, keyed(&yard.engine)).await;
    assert!(matches!(answer, Err(NotSent::Unknown { .. })), "{answer:?}");
    assert!(took < 21 * SECOND, "{took:?}");
}

#[tokio::test(start_paused = true)]
async fn lost_notes_cost_a_second_or_two() {
    let faults = Arc::<Faults>::default();
    let (yard, second) = two(accepting(Duration::ZERO), &faults).await;
    faults.refuse_all("tell");
    yard.faults().refuse_all("tell");
    let (answer, took) = timed(&second.engine, keyed(&yard.engine)).await;
    assert!(answer.is_ok() && took <= 2 * SECOND, "{answer:?} {took:?}");
    assert_eq!(yard.seen().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn lost_answers_of_the_store_make_no_second_message() {
    let faults = Arc::<Faults>::default();
    let (yard, second) = two(accepting(Duration::ZERO), &faults).await;
    faults.push("forward_immediate", Fault::LoseAnswer);
    yard.faults().push("take_immediate", Fault::LoseAnswer);
    let sent = second.engine.send(keyed(&yard.engine)).await.unwrap();
    assert_eq!(yard.message(sent.id).await.attempt, 1);
    assert_eq!(yard.seen().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn an_offer_that_nobody_takes_has_failed_after_five_seconds_and_is_never_sent() {
    let (yard, second) = two(accepting(Duration::ZERO), &Arc::default()).await;
    yard.faults().refuse_all("take_immediate");
    let asked = keyed(&yard.engine);
    for _once_and_again in 0..2 {
        let (answer, took) = timed(&second.engine, asked.clone()).await;
        assert!(is_retryable(&answer), "{answer:?}");
        assert!((5 * SECOND..6 * SECOND).contains(&took), "{took:?}");
    }
    yard.faults().refuse_no_more();
    tokio::time::sleep(10 * SECOND).await;
    assert_eq!(yard.seen().len(), 0);
    assert!(second.engine.send(asked).await.is_ok());
}

/// The requester's clock says over; the store says that it was taken.
#[tokio::test(start_paused = true)]
async fn what_was_taken_at_the_last_moment_is_waited_for() {
    let (yard, second) = two(accepting(10 * SECOND), &Arc::default()).await;
    yard.faults().push("take_immediate", Fault::After(6 * SECOND));
    // Taken at once; its owner hears of it when the offer is over, and its last moment to write with it.
    let settings = Settings::default();
    let (answer, took) = timed(&second.engine, keyed(&yard.engine)).await;
    assert!(is_retryable(&answer), "{answer:?}");
    assert!(took >= 6 * SECOND && settings.begin_by < 6 * SECOND, "{took:?}");
    assert_eq!(yard.seen().len(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_number_that_is_taken_over_meanwhile_sends_it() {
    let (yard, second) = two(accepting(Duration::ZERO), &Arc::default()).await;
    let asked = keyed(&yard.engine);
    yard.faults().hang();
    yard.faults().refuse_all("take_immediate");
    let (answer, took) = timed(&second.engine, asked).await;
    assert!(answer.is_ok(), "{answer:?} after {took:?}");
    assert_eq!(yard.seen().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn without_a_place_at_its_owner_it_has_failed_at_once() {
    let settings = Settings { places_in_flight: 1, ..Settings::default() };
    let builder = Builder { settings, ..accepting(10 * SECOND) };
    let (yard, second) = two(builder, &Arc::default()).await;
    let owner = yard.engine.clone();
    let first = request(&number_of(&owner), "+15550000009", "takes the place", Kind::Immediate);
    let waits = tokio::spawn(async move { owner.send(first).await });
    tokio::time::sleep(MOMENT).await;
    let (answer, took) = timed(&second.engine, keyed(&yard.engine)).await;
    assert!(is_retryable(&answer), "{answer:?}");
    assert!(took < 50 * MOMENT, "{took:?}");
    assert!(waits.await.unwrap().is_ok());
    assert_eq!(yard.seen().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn it_is_charged_to_the_pace_of_its_number() {
    let builder = Builder { limits: vec!["1/s"], ..accepting(Duration::ZERO) };
    let (yard, second) = two(builder, &Arc::default()).await;
    let asked = keyed(&yard.engine);
    let from = number_of(&yard.engine);
    let first = queue(&yard.engine, &from, "+15550000002", "first").await.id;
    yard.until(first, State::Sent).await;
    second.engine.send(asked).await.unwrap();
    let last = queue(&second.engine, &from, "+15550000003", "last").await.id;
    yard.until(last, State::Sent).await;
    let seen = yard.seen();
    assert!(seen[1].at.since(seen[0].at) < SECOND, "it waits for nothing");
    assert!(seen[2].at.since(seen[1].at) >= SECOND, "the queue yields");
}

/// The client goes: what it asked for is sent all the same, and its status says so.
#[tokio::test(start_paused = true)]
async fn a_client_that_goes_leaves_an_offer_that_is_taken() {
    let faults = Arc::<Faults>::default();
    let (yard, second) = two(accepting(Duration::ZERO), &faults).await;
    faults.push("forward_immediate", Fault::After(100 * MOMENT));
    let asked = keyed(&yard.engine);
    let gone = tokio::time::timeout(50 * MOMENT, second.engine.send(asked.clone())).await;
    assert!(gone.is_err());
    tokio::time::sleep(200 * MOMENT).await;
    assert_eq!(yard.seen().len(), 1);
    assert!(second.engine.send(asked).await.unwrap().replayed);
}
