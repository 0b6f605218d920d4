use std::time::Duration;

use sendyard_actors::domain::message::{Cancelled, Shown, State, UnknownPolicy};

use super::yard::{Builder, Line, ORGANIZATION};

/// The answer to the first is lost. It is not resent, cannot be cancelled, holds back its conversation
/// until the evidence deadline and nothing else; then it is listed and the conversation goes on.
#[tokio::test(start_paused = true)]
async fn an_unknown_outcome_holds_its_conversation() {
    let script = vec![Line::LoseAnswer, Line::Accept(Duration::from_millis(10))];
    let yard = Builder { script, ..Builder::default() }.start().await;
    let lost = yard.queue("+15551110001", "lost").await.id;
    let behind = yard.queue("+15551110001", "behind").await.id;
    let other = yard.queue("+15551110002", "other").await.id;
    let asked_at = yard.now();
    yard.until(other, State::Sent).await;
    assert!(yard.now().since(asked_at) < Duration::from_secs(1));

    let unknown = yard.until(lost, State::Unknown).await;
    assert_eq!(unknown.unresolved, [1]);
    let cancelled = yard.engine.cancel(ORGANIZATION, lost).await.unwrap();
    assert!(matches!(cancelled, Some((Cancelled::TooLate(Shown::Sending), _))), "{cancelled:?}");
    assert_eq!(yard.message(behind).await.state, State::Queued);

    yard.until(behind, State::Sent).await;
    let waited = yard.now().since(asked_at);
    assert!(waited > Duration::from_mins(10), "{waited:?}");
    assert!(yard.message(lost).await.listed);
    assert_eq!(yard.seen().iter().filter(|seen| seen.id == lost).count(), 1);
}

/// With the policy `resend` the same message goes again, in its place, after the evidence deadline.
#[tokio::test(start_paused = true)]
async fn an_unknown_outcome_is_resent_where_the_account_says_so() {
    let script = vec![Line::LoseAnswer, Line::Accept(Duration::from_millis(10))];
    let yard = Builder { script, policy: UnknownPolicy::Resend, ..Builder::default() }.start().await;
    let lost = yard.queue("+15551110001", "lost").await.id;
    let behind = yard.queue("+15551110001", "behind").await.id;
    yard.until(behind, State::Sent).await;
    let order: Vec<_> = yard.seen().iter().map(|seen| (seen.id, seen.attempt)).collect();
    assert_eq!(order, [(lost, 1), (lost, 2), (behind, 1)]);
    let waited = yard.seen()[1].at.since(yard.seen()[0].at);
    assert!(waited > Duration::from_mins(10), "{waited:?}");
}
