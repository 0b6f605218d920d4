use std::time::Duration;

use sendyard_actors::domain::message::{Kind, State, UnknownPolicy};
use sendyard_actors::domain::outcome::Class;
use sendyard_actors::engine::NotSent;

use super::yard::{Builder, Line, ORGANIZATION, Yard};

const QUICK: Line = Line::Accept(Duration::from_millis(10));

async fn yard(script: Vec<Line>) -> Yard {
    Builder { script, knows_repeats: true, ..Builder::default() }.start().await
}

/// Where the provider knows a repeat by its bytes, the same request goes again at once and settles it:
/// sent, taken once, and its conversation waits no longer than that.
#[tokio::test(start_paused = true)]
async fn a_repeat_settles_an_unknown_outcome() {
    let yard = yard(vec![Line::LoseAnswer, QUICK]).await;
    let lost = yard.queue("+15551110001", "lost").await.id;
    let behind = yard.queue("+15551110001", "behind").await.id;
    let asked_at = yard.now();
    yard.until(behind, State::Sent).await;
    assert!(yard.now().since(asked_at) < Duration::from_secs(25), "{:?}", yard.now().since(asked_at));
    assert_eq!(yard.message(lost).await.state, State::Sent);
    assert_eq!(yard.provider.accepted(), [lost, behind]);
}

/// The repeat is refused: that says nothing of the first request, so the message is not `failed`.
#[tokio::test(start_paused = true)]
async fn a_refused_repeat_leaves_it_unknown() {
    let yard = yard(vec![Line::LoseAnswer, Line::Refuse(Class::Request, Duration::ZERO), QUICK]).await;
    let lost = yard.queue("+15551110001", "lost").await.id;
    let behind = yard.queue("+15551110001", "behind").await.id;
    yard.until(behind, State::Sent).await;
    let message = yard.message(lost).await;
    assert_eq!((message.state, message.listed), (State::Unknown, true));
}

/// After a crash, too.
#[tokio::test(start_paused = true)]
async fn what_was_in_flight_at_a_crash_is_repeated() {
    let mut yard = yard(vec![Line::Accept(Duration::from_secs(5)), QUICK]).await;
    let lost = yard.queue("+15551110001", "lost").await.id;
    tokio::time::sleep(Duration::from_secs(1)).await;
    yard.crash_and_restart().await;
    yard.until(lost, State::Sent).await;
    assert_eq!(yard.seen().len(), 2);
    assert_eq!(yard.provider.accepted(), [lost]);
}

/// It is repeated ever more rarely, and after a day it is a case for the account's policy.
#[tokio::test(start_paused = true)]
async fn a_provider_that_never_answers_is_asked_for_a_day() {
    let yard = Builder {
        script: vec![Line::Swallow],
        knows_repeats: true,
        policy: UnknownPolicy::Hold,
        ..Builder::default()
    }
    .start()
    .await;
    let lost = yard.queue("+15551110001", "lost").await.id;
    tokio::time::sleep(Duration::from_hours(25)).await;
    let message = yard.message(lost).await;
    assert_eq!((message.state, message.listed), (State::Unknown, true));
    assert!((10..400).contains(&yard.seen().len()), "{} attempts", yard.seen().len());
}

/// Immediate messages are reported, never sent again by themselves.
#[tokio::test(start_paused = true)]
async fn an_immediate_message_is_reported_as_unknown() {
    let yard = yard(vec![Line::LoseAnswer, QUICK]).await;
    let request = Yard::request("+15551110001", "now", Kind::Immediate);
    let answer = yard.engine.send(request).await;
    assert!(matches!(answer, Err(NotSent::Unknown { .. })), "{answer:?}");
    tokio::time::sleep(Duration::from_hours(1)).await;
    assert_eq!(yard.seen().len(), 1);
    assert_eq!(yard.engine.doubtful(ORGANIZATION, None, 10).await.unwrap().len(), 1);
}
