use std::time::Duration;

use sendyard_actors::domain::message::State;
use sendyard_actors::domain::tuning::{Part, Retune};
use sendyard_actors::sender::Waits;

use super::yard::{Builder, FROM, Line, ORGANIZATION, Yard, number};

const OTHER: &str = "+12025550100";
const SECOND: Duration = Duration::from_secs(1);

/// A provider that takes two seconds, and two numbers without limits.
async fn slow() -> Yard {
    let script = vec![Line::Accept(2 * SECOND)];
    Builder { script, more_numbers: vec![OTHER.to_owned()], ..Builder::default() }.start().await
}

async fn give(yard: &Yard, places: Part<u16>) {
    let change = Retune { places, ..Retune::default() };
    yard.engine.tune(ORGANIZATION, number(FROM), &change).await.unwrap().expect("it is ours");
}

async fn queue_many(yard: &Yard, from: &str, count: usize) {
    for index in 0..count {
        yard.queue_from(from, &format!("+1555{index:07}")).await;
    }
}

async fn waits(yard: &Yard) -> (Waits, usize) {
    let view = yard.engine.sender(ORGANIZATION, number(FROM)).await.unwrap().unwrap();
    let standing = view.standing.expect("it runs");
    (standing.waits, standing.in_flight)
}

#[tokio::test(start_paused = true)]
async fn as_many_are_in_flight_as_it_has_places_and_others_have_theirs() {
    let yard = slow().await;
    give(&yard, Part::Set(3)).await;
    queue_many(&yard, FROM, 30).await;
    tokio::time::sleep(SECOND).await;
    assert_eq!(yard.seen().len(), 3);
    assert_eq!(waits(&yard).await, (Waits::Places, 3));
    queue_many(&yard, OTHER, 8).await;
    tokio::time::sleep(SECOND / 2).await;
    assert_eq!(yard.seen().len(), 11);
    tokio::time::sleep(19 * SECOND).await;
    let ours = yard.seen().len() - 8;
    assert!((29..=30).contains(&ours), "{ours} in twenty seconds, three at a time and each two seconds");
}

/// It is given more and fewer while it runs: fewer as what is on its way ends.
#[tokio::test(start_paused = true)]
async fn it_is_changed_at_once_and_is_kept_over_a_restart() {
    let mut yard = slow().await;
    queue_many(&yard, FROM, 400).await;
    give(&yard, Part::Set(2)).await;
    tokio::time::sleep(3 * SECOND).await;
    let went = yard.seen().len();
    tokio::time::sleep(10 * SECOND).await;
    assert_eq!(yard.seen().len() - went, 10, "two at a time");
    give(&yard, Part::Set(5)).await;
    tokio::time::sleep(2 * SECOND).await;
    let went = yard.seen().len();
    tokio::time::sleep(10 * SECOND).await;
    assert_eq!(yard.seen().len() - went, 25, "five at a time");

    yard.crash_and_restart().await;
    let went = yard.seen().len();
    tokio::time::sleep(SECOND).await;
    assert!(yard.seen().len() - went <= 5);
    give(&yard, Part::Usual).await;
    tokio::time::sleep(SECOND).await;
    assert!(yard.seen().len() - went >= 50, "as many as its account has");
}

/// Each way in which a message ends gives its place back.
#[tokio::test(start_paused = true)]
async fn a_place_comes_back_however_its_message_ends() {
    use sendyard_actors::domain::outcome::Class;
    let script = vec![
        Line::Refuse(Class::Recipient, SECOND),
        Line::Refuse(Class::Retry, SECOND),
        Line::NoConnection,
        Line::LoseAnswer,
        Line::Accept(SECOND),
    ];
    let yard = Builder { script, ..Builder::default() }.start().await;
    give(&yard, Part::Set(1)).await;
    let mut last = None;
    for index in 0..8 {
        last = Some(yard.queue(&format!("+1555{index:07}"), "hello").await.id);
    }
    yard.until(last.unwrap(), State::Sent).await;
    assert_eq!(yard.seen().iter().map(|seen| seen.in_flight).max(), Some(1));
}
