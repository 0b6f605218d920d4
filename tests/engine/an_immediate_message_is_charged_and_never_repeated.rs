use std::time::Duration;

use sendyard_actors::domain::message::{Kind, State};
use sendyard_actors::domain::outcome::Class;
use sendyard_actors::engine::NotSent;

use super::yard::{Builder, Line, Yard};

#[tokio::test(start_paused = true)]
async fn the_queue_yields_to_an_immediate_message() {
    let yard = Builder { limits: vec!["1/s"], ..Builder::default() }.start().await;
    let first = yard.queue("+15551110001", "first").await.id;
    yard.until(first, State::Sent).await;
    yard.send_now("+15551110002", "now").await.expect("sent");
    let second = yard.queue("+15551110003", "second").await.id;
    yard.until(second, State::Sent).await;
    let seen = yard.seen();
    let gap = |a: usize, b: usize| seen[b].at.since(seen[a].at);
    assert!(gap(0, 1) < Duration::from_millis(500), "an immediate message waits for nothing");
    assert!(gap(1, 2) >= Duration::from_secs(1), "its hand-over counts: {:?}", gap(1, 2));
}

#[tokio::test(start_paused = true)]
async fn after_a_definite_failure_the_same_key_tries_again_under_the_same_id() {
    let script = vec![Line::Refuse(Class::Retry, Duration::ZERO), Line::Accept(Duration::ZERO)];
    let yard = Builder { script, ..Builder::default() }.start().await;
    let mut request = Yard::request("+15551110001", "now", Kind::Immediate);
    request.key = Some("key".into());
    let refused = yard.engine.send(request.clone()).await;
    let Err(NotSent::Refused { id, retryable: true, provider_code, .. }) = refused else {
        panic!("{refused:?}")
    };
    assert_eq!(provider_code.as_deref(), Some("42"));
    tokio::time::sleep(Duration::from_mins(5)).await;
    assert_eq!(yard.seen().len(), 1, "never repeated by itself");
    let sent = yard.engine.send(request).await.expect("sent");
    assert_eq!((sent.id, sent.replayed), (id, false));
}

#[tokio::test(start_paused = true)]
async fn after_an_unknown_outcome_the_same_key_reports_and_does_not_resend() {
    let yard = Builder { script: vec![Line::LoseAnswer], ..Builder::default() }.start().await;
    let mut request = Yard::request("+15551110001", "now", Kind::Immediate);
    request.key = Some("key".into());
    for _ in 0..2 {
        let answer = yard.engine.send(request.clone()).await;
        assert!(matches!(answer, Err(NotSent::Unknown { .. })), "{answer:?}");
        tokio::time::sleep(Duration::from_mins(30)).await;
    }
    assert_eq!(yard.seen().len(), 1);
}
