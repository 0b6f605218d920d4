use std::time::Duration;

use sendyard_actors::domain::message::State;
use sendyard_actors::domain::outcome::Class;

use super::yard::{Builder, Line};

#[tokio::test(start_paused = true)]
async fn refusals_are_retried_with_a_back_off() {
    let at_once = Duration::ZERO;
    let script = vec![
        Line::Refuse(Class::Retry, at_once),
        Line::Refuse(Class::Retry, at_once),
        Line::Refuse(Class::Retry, at_once),
        Line::Accept(at_once),
    ];
    let yard = Builder { script, ..Builder::default() }.start().await;
    let id = yard.queue("+15551110001", "again").await.id;
    let sent = yard.until(id, State::Sent).await;
    assert_eq!(sent.attempt, 4);
    let at: Vec<_> = yard.seen().iter().map(|seen| seen.at).collect();
    let waits: Vec<f64> = at.windows(2).map(|pair| pair[1].since(pair[0]).as_secs_f64()).collect();
    for (wait, least) in waits.iter().zip([1.0, 2.0, 4.0]) {
        assert!((least..least * 1.5 + 0.1).contains(wait), "{waits:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_definite_refusal_fails_and_its_conversation_goes_on() {
    let script = vec![Line::Refuse(Class::Recipient, Duration::ZERO), Line::Accept(Duration::ZERO)];
    let yard = Builder { script, ..Builder::default() }.start().await;
    let refused = yard.queue("+15551110001", "no").await.id;
    let behind = yard.queue("+15551110001", "yes").await.id;
    let failed = yard.until(refused, State::Failed).await;
    assert_eq!(failed.refusal.and_then(|refusal| refusal.code).as_deref(), Some("42"));
    yard.until(behind, State::Sent).await;
}
