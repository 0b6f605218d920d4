//! What a full queue is answered with is when there is room: then, and not before.

use std::time::Duration;

use sendyard_actors::domain::fingerprint::Fingerprint;
use sendyard_actors::domain::message::Kind;
use sendyard_actors::domain::time::Time;
use sendyard_actors::domain::tuning::{Part, Pause, Retune};
use sendyard_actors::engine::{NotSent, SendRequest};
use sendyard_actors::settings::Settings;

use super::yard::{Builder, FROM, ORGANIZATION, Yard, number};

const OTHER: &str = "+12025550100";
const SECOND: Duration = Duration::from_secs(1);

async fn try_from(yard: &Yard, from: &str) -> Result<(), NotSent> {
    let request = SendRequest { from: number(from), ..Yard::request("+15550000001", "hello", Kind::Queued) };
    yard.engine.send(request).await.map(drop)
}

/// There is room after so long, and two seconds before that there is none.
async fn room_comes_after(yard: &Yard, from: &str, wait: Duration) {
    tokio::time::sleep(wait.saturating_sub(2 * SECOND)).await;
    let early = try_from(yard, from).await;
    assert!(matches!(early, Err(NotSent::QueueFull(_) | NotSent::OrganizationFull(_))), "{early:?}");
    tokio::time::sleep(3 * SECOND).await;
    try_from(yard, from).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_senders_has_room_when_its_next_message_goes() {
    let settings = Settings { queue_limit: 2, ..Settings::default() };
    let yard = Builder { limits: vec!["1/min"], settings, ..Builder::default() }.start().await;
    try_from(&yard, FROM).await.unwrap();
    tokio::time::sleep(10 * SECOND).await;
    for _ in 0..2 {
        try_from(&yard, FROM).await.unwrap();
    }
    let Err(NotSent::QueueFull(wait)) = try_from(&yard, FROM).await else { panic!("it has room") };
    assert!(wait > 45 * SECOND && wait < 55 * SECOND, "{wait:?}");
    room_comes_after(&yard, FROM, wait).await;
}

/// A large message at the head takes as long as it costs.
#[tokio::test(start_paused = true)]
async fn the_size_of_the_next_message_counts() {
    let settings = Settings { queue_limit: 1, ..Settings::default() };
    let yard = Builder { limits: vec!["4/min"], settings, ..Builder::default() }.start().await;
    try_from(&yard, FROM).await.unwrap();
    tokio::time::sleep(SECOND).await;
    yard.queue("+15550000002", &"a".repeat(600)).await;
    let Err(NotSent::QueueFull(wait)) = try_from(&yard, FROM).await else { panic!("it has room") };
    assert!(wait > 55 * SECOND, "{wait:?}");
    room_comes_after(&yard, FROM, wait).await;
}

#[tokio::test(start_paused = true)]
async fn a_paused_one_has_room_after_its_pause() {
    let settings = Settings { queue_limit: 1, ..Settings::default() };
    let yard = Builder { limits: vec!["1/s"], settings, ..Builder::default() }.start().await;
    let until = Some(yard.now() + 300 * SECOND);
    let pause = Part::Set(Pause { since: yard.now(), until });
    let change = Retune { pause, ..Retune::default() };
    yard.engine.tune(ORGANIZATION, number(FROM), &change).await.unwrap();
    try_from(&yard, FROM).await.unwrap();
    let Err(NotSent::QueueFull(wait)) = try_from(&yard, FROM).await else { panic!("it has room") };
    assert!(wait > 295 * SECOND, "{wait:?}");
    room_comes_after(&yard, FROM, wait).await;

    let pause = Part::Set(Pause { since: yard.now(), until: None });
    let change = Retune { pause, ..Retune::default() };
    yard.engine.tune(ORGANIZATION, number(FROM), &change).await.unwrap();
    tokio::time::sleep(SECOND).await;
    // The one before may have gone.
    let _ = try_from(&yard, FROM).await;
    let Err(NotSent::QueueFull(wait)) = try_from(&yard, FROM).await else { panic!("it has room") };
    assert_eq!(wait, 60 * SECOND, "nobody can say");
}

fn of_organization() -> Builder {
    let settings = Settings { organization_queue_limit: 4, ..Settings::default() };
    let more_numbers = vec![OTHER.to_owned()];
    Builder { limits: vec!["1/min"], settings, more_numbers, ..Builder::default() }
}

/// Messages of two numbers, slowly enough to be counted.
async fn fill(yard: &Yard, count: usize) {
    for index in 0..count {
        try_from(yard, if index % 2 == 0 { FROM } else { OTHER }).await.unwrap();
        tokio::time::sleep(2 * SECOND).await;
    }
}

#[tokio::test(start_paused = true)]
async fn an_organization_has_room_when_any_of_its_senders_sends() {
    let yard = of_organization().start().await;
    fill(&yard, 6).await;
    let Err(NotSent::OrganizationFull(wait)) = try_from(&yard, OTHER).await else { panic!("it has room") };
    assert!(wait > 40 * SECOND && wait < 60 * SECOND, "{wait:?}");
    // The first number's goes two seconds before the other's.
    room_comes_after(&yard, OTHER, wait).await;
}

#[tokio::test(start_paused = true)]
async fn a_key_of_an_accepted_message_is_answered_though_its_organization_is_full() {
    let yard = of_organization().start().await;
    let key = Some("a key".to_owned());
    let fingerprint = Fingerprint::of(number(FROM), number("+15550000009"), "hello", &[], true);
    let request = SendRequest { key, fingerprint, ..Yard::request("+15550000009", "hello", Kind::Queued) };
    let accepted = yard.engine.send(request.clone()).await.unwrap();
    tokio::time::sleep(2 * SECOND).await;
    fill(&yard, 5).await;
    assert!(matches!(try_from(&yard, OTHER).await, Err(NotSent::OrganizationFull(_))));
    let again = yard.engine.send(request).await.unwrap();
    assert_eq!((again.id, again.replayed), (accepted.id, true));
}

/// So many from one number, as a batch.
async fn batch(yard: &Yard, from: &str, count: usize) -> Vec<Result<(), NotSent>> {
    let request = |index| {
        let request = Yard::request(&format!("+1555{index:07}"), "hello", Kind::Queued);
        SendRequest { from: number(from), ..request }
    };
    let answers = yard.engine.send_all((0..count).map(request).collect(), Time::MAX).await;
    answers.into_iter().map(|answer| answer.map(drop)).collect()
}

#[tokio::test(start_paused = true)]
async fn a_batch_is_told_the_same() {
    let yard = of_organization().start().await;
    fill(&yard, 6).await;
    let answers = batch(&yard, OTHER, 2).await;
    let [Err(NotSent::OrganizationFull(wait)), Err(NotSent::OrganizationFull(_))] = answers[..] else {
        panic!("{answers:?}")
    };
    assert!(wait > 40 * SECOND && wait < 60 * SECOND, "{wait:?}");
    room_comes_after(&yard, OTHER, wait).await;

    let settings = Settings { queue_limit: 2, ..Settings::default() };
    let yard = Builder { limits: vec!["1/min"], settings, ..Builder::default() }.start().await;
    try_from(&yard, FROM).await.unwrap();
    tokio::time::sleep(10 * SECOND).await;
    assert_eq!(batch(&yard, FROM, 2).await, [Ok(()), Ok(())]);
    let answers = batch(&yard, FROM, 1).await;
    let [Err(NotSent::QueueFull(wait))] = answers[..] else { panic!("{answers:?}") };
    assert!(wait > 45 * SECOND && wait < 55 * SECOND, "{wait:?}");
    room_comes_after(&yard, FROM, wait).await;
}
