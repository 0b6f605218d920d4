//! Senders with a pace take places without asking their account while nothing else bounds it. Whatever is to
//! hold for those that ask holds for them.

use std::time::Duration;

use sendyard_actors::domain::ids::MessageId;
use sendyard_actors::domain::message::State;
use sendyard_actors::domain::outcome::Slows;
use sendyard_actors::settings::Settings;

use super::yard::{Builder, Line, Yard, account};

const SECOND: Duration = Duration::from_secs(1);
const NUMBERS: usize = 10;

fn numbers() -> Vec<String> {
    (0..NUMBERS).map(|n| format!("+120255501{n:02}")).collect()
}

/// Ten numbers at 100/s, each of which has sent a message: so each knows where places are.
async fn started(with: Builder) -> Yard {
    let yard = Builder { limits: vec!["100/s"], more_numbers: numbers(), ..with }.start().await;
    let mut ids = Vec::new();
    for from in numbers() {
        ids.push(yard.queue_from(&from, "+15551110000").await.id);
    }
    all_are_sent(&yard, ids).await;
    yard
}

async fn all_are_sent(yard: &Yard, ids: Vec<MessageId>) {
    for id in ids {
        yard.until(id, State::Sent).await;
    }
}

/// So many messages of each number, to as many conversations.
async fn queue_of_each(yard: &Yard, each: usize) -> Vec<MessageId> {
    let mut ids = Vec::new();
    for n in 0..each {
        for from in numbers() {
            ids.push(yard.queue_from(&from, &format!("+155522200{n:02}")).await.id);
        }
    }
    ids
}

#[tokio::test(start_paused = true)]
async fn there_are_no_more_than_there_are() {
    let settings = Settings { places_in_flight: 8, ..Settings::default() };
    let yard = started(Builder { settings, ..Builder::default() }).await;
    yard.provider.play(vec![Line::Accept(SECOND)]);
    let before = yard.seen().len();
    let ids = queue_of_each(&yard, 5).await;
    all_are_sent(&yard, ids).await;
    let seen = yard.seen().split_off(before);
    assert_eq!(seen.iter().map(|seen| seen.in_flight).max(), Some(7), "one is kept for immediate messages");
    // Fifty in turns of seven: nobody waits for the work of the others.
    let first_of = |from: &String| seen.iter().find(|seen| seen.from.to_string() == *from).unwrap().at;
    let last_first = numbers().iter().map(first_of).max().unwrap();
    assert!(last_first.since(seen[0].at) < 3 * SECOND, "a sender had to wait for others to end");
}

#[tokio::test(start_paused = true)]
async fn a_pause_of_the_account_holds_them() {
    let yard = started(Builder::default()).await;
    let named = 30 * SECOND;
    yard.provider.play(vec![Line::TooFast(Slows::Account, Some(named)), Line::Accept(SECOND / 10)]);
    let refused = yard.queue_from(&numbers()[0], "+15551110001").await.id;
    tokio::time::sleep(SECOND).await;
    let (before, at) = (yard.seen().len(), yard.now());
    let ids = queue_of_each(&yard, 2).await;
    tokio::time::sleep(20 * SECOND).await;
    assert_eq!(yard.seen().len(), before, "they went although the account pauses");
    all_are_sent(&yard, ids).await;
    yard.until(refused, State::Sent).await;
    assert!(yard.now().since(at) < 40 * SECOND);
}

#[tokio::test(start_paused = true)]
async fn limits_that_the_account_is_given_hold_for_them() {
    let mut yard = started(Builder::default()).await;
    let ids = queue_of_each(&yard, 2).await;
    // While they go.
    yard.redirect(|builder| builder.account_limits = vec!["1/s"]).await;
    let from = yard.now();
    all_are_sent(&yard, ids).await;
    let later: Vec<_> = yard.seen().into_iter().map(|seen| seen.at).filter(|at| *at > from).collect();
    for pair in later.windows(2) {
        assert!(pair[1].since(pair[0]) >= SECOND, "two within a second: {later:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn nobody_claims_while_the_accounts_actor_does_not_run() {
    let yard = started(Builder::default()).await;
    let before = yard.seen().len();
    yard.engine.make_provider_panic(&account());
    // It has failed, and is not back yet.
    tokio::time::sleep(SECOND / 100).await;
    let ids = queue_of_each(&yard, 1).await;
    all_are_sent(&yard, ids).await;
    let seen = yard.seen().split_off(before);
    assert_eq!(seen.len(), NUMBERS);
    for seen in seen {
        assert_eq!(seen.attempt, 1, "it was claimed in vain: {seen:?}");
    }
}
