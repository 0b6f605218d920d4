use std::sync::Arc;
use std::time::Duration;

use sendyard_actors::domain::ids::MessageId;
use sendyard_actors::domain::message::State;
use sendyard_actors::engine::Engine;
use sendyard_actors::sender::Waits;

use super::yard::{Builder, FROM, Line, ORGANIZATION, Yard, number};

const SECOND: Duration = Duration::from_secs(1);
const FRIEND: &str = "+12025550001";
const STRANGER: &str = "+12025550002";

fn of_two_campaigns() -> Builder {
    let script = vec![Line::Accept(Duration::from_millis(20))];
    let more_numbers = vec![FRIEND.to_owned(), STRANGER.to_owned()];
    Builder { script, more_numbers, campaigns: vec!["A", "A", "B"], ..Builder::default() }
}

async fn sent(yard: &Yard) -> MessageId {
    let id = yard.queue("+15551110000", "accepted, and refused later").await.id;
    yard.until(id, State::Sent).await;
    id
}

/// Reports this code of the one that was sent, then queues one from each number; whether each goes at once.
async fn who_goes_on(code: &str) -> [bool; 3] {
    let yard = of_two_campaigns().start().await;
    let id = sent(&yard).await;
    assert!(yard.engine.delivery_refused(id, Some(1), code).await.unwrap());
    let mut later = Vec::new();
    for from in [FROM, FRIEND, STRANGER] {
        later.push(yard.queue_from(from, "+15551110001").await.id);
    }
    tokio::time::sleep(Duration::from_millis(50)).await;
    let seen = yard.seen();
    let went = [0, 1, 2].map(|which: usize| seen.iter().any(|seen| seen.id == later[which]));
    assert_eq!(yard.message(id).await.state, State::Sent, "the record is not changed");
    for id in later {
        yard.until(id, State::Sent).await;
    }
    went
}

#[tokio::test(start_paused = true)]
async fn a_senders_code_pauses_that_sender_alone() {
    assert_eq!(who_goes_on("sender").await, [false, true, true]);
}

#[tokio::test(start_paused = true)]
async fn a_campaigns_code_pauses_its_numbers() {
    assert_eq!(who_goes_on("campaign").await, [false, false, true]);
}

/// For as long as the code's text asks, and by a working rate afterwards.
#[tokio::test(start_paused = true)]
async fn the_time_of_its_text_is_waited_for() {
    let yard = of_two_campaigns().start().await;
    let id = sent(&yard).await;
    yard.engine.delivery_refused(id, None, "sender").await.unwrap();
    let told_at = yard.now();
    let later = yard.queue("+15551110001", "later").await.id;
    let view = yard.engine.sender(ORGANIZATION, number(FROM)).await.unwrap().unwrap();
    assert_eq!(view.standing.unwrap().waits, Waits::Provider);
    yard.until(later, State::Sent).await;
    assert!(yard.seen().last().unwrap().at.since(told_at) >= 120 * SECOND);
}

#[tokio::test(start_paused = true)]
async fn what_says_nothing_of_a_pace_slows_nobody() {
    let yard = of_two_campaigns().start().await;
    let id = sent(&yard).await;
    for (attempt, code) in [(Some(1), "30003"), (Some(7), "sender")] {
        assert!(!yard.engine.delivery_refused(id, attempt, code).await.unwrap(), "{code}");
    }
    let later = yard.queue("+15551110001", "later").await.id;
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert_eq!(yard.message(later).await.state, State::Sent);
}

/// Reports come to any process; whoever sends from the number hears of it.
#[tokio::test(start_paused = true)]
async fn it_is_passed_to_the_process_that_sends_from_the_number() {
    let yard = Builder { shared: true, limits: vec!["10/s"], ..of_two_campaigns() }.start().await;
    let another = yard.another_with(&Arc::default()).await;
    tokio::time::sleep(2 * SECOND).await;
    let id = sent(&yard).await;
    let engines: [&Engine; 2] = [&yard.engine, &another.engine];
    let shard = sendyard_actors::domain::ids::Shard::of(number(FROM));
    let elsewhere = engines.into_iter().find(|engine| !engine.shards().contains(shard)).unwrap();
    assert!(elsewhere.delivery_refused(id, None, "sender").await.unwrap());
    tokio::time::sleep(Duration::from_millis(5)).await;
    let later = yard.queue("+15551110001", "later").await.id;
    tokio::time::sleep(60 * SECOND).await;
    assert_eq!(yard.message(later).await.state, State::Queued, "it is paused");
}
