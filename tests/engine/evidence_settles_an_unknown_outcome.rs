use std::time::Duration;

use sendyard_actors::domain::ids::MessageId;
use sendyard_actors::domain::message::{ByHand, Shown, State};
use sendyard_actors::domain::outcome::{Acceptance, Class};
use sendyard_actors::engine::Heard;

use super::yard::{Builder, Line, ORGANIZATION, Yard};

const QUICK: Line = Line::Accept(Duration::from_millis(10));

async fn tell(yard: &Yard, id: MessageId, attempt: Option<u16>) -> Heard {
    tell_with_segments(yard, id, attempt, None).await
}

async fn tell_with_segments(
    yard: &Yard,
    id: MessageId,
    attempt: Option<u16>,
    segments: Option<u16>,
) -> Heard {
    let acceptance = Acceptance { provider_id: "SM9".into(), provider_status: "delivered".into(), segments };
    yard.engine.evidence(id, attempt, acceptance).await.unwrap()
}

/// Segments that it tells of stand in the status and are charged to the pace, of the process that hears
/// it and of the one after it.
#[tokio::test(start_paused = true)]
async fn evidence_charges_what_the_provider_counted() {
    for restart in [false, true] {
        for (limits, account_limits) in [(vec!["3/h"], vec![]), (vec![], vec!["3/h"])] {
            let script = vec![Line::LoseAnswer, QUICK];
            let mut yard = Builder { limits, script, account_limits, ..Builder::default() }.start().await;
            let lost = yard.queue("+15551110001", "lost").await.id;
            yard.until(lost, State::Unknown).await;
            assert_eq!(tell_with_segments(&yard, lost, Some(1), Some(3)).await, Heard::Settled);
            assert_eq!(yard.message(lost).await.provider_segments, Some(3));
            let told_at = yard.now();
            if restart {
                yard.crash_and_restart().await;
            }
            let behind = yard.queue("+15551110002", "behind").await.id;
            yard.until(behind, State::Sent).await;
            let waited = yard.seen()[1].at.since(told_at);
            assert!(waited >= Duration::from_mins(59), "restart {restart}: {waited:?}");
        }
    }
}

/// The provider's word by another way settles it: the conversation goes on, and nothing is sent twice.
#[tokio::test(start_paused = true)]
async fn evidence_settles_an_unknown_outcome() {
    let yard = Builder { script: vec![Line::LoseAnswer, QUICK], ..Builder::default() }.start().await;
    let lost = yard.queue("+15551110001", "lost").await.id;
    let behind = yard.queue("+15551110001", "behind").await.id;
    yard.until(lost, State::Unknown).await;
    assert_eq!(yard.engine.doubtful(ORGANIZATION, None, 10).await.unwrap().len(), 1);

    assert_eq!(tell(&yard, lost, Some(1)).await, Heard::Settled);
    let asked_at = yard.now();
    yard.until(behind, State::Sent).await;
    assert!(yard.now().since(asked_at) < Duration::from_secs(1));
    let sent = yard.message(lost).await;
    assert_eq!((sent.state, sent.provider_id.as_deref()), (State::Sent, Some("SM9")));
    assert_eq!(tell(&yard, lost, Some(1)).await, Heard::Known, "told twice");
    assert_eq!(yard.engine.doubtful(ORGANIZATION, None, 10).await.unwrap(), []);
}

/// It may come before the answer does, and name the message alone.
#[tokio::test(start_paused = true)]
async fn evidence_may_come_before_the_answer() {
    let script = vec![Line::Accept(Duration::from_secs(5))];
    let yard = Builder { script, limits: vec!["1/s"], ..Builder::default() }.start().await;
    let early = yard.queue("+15551110001", "early").await.id;
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(tell(&yard, early, None).await, Heard::Settled);
    assert_eq!(yard.message(early).await.state, State::Sent);
    tokio::time::sleep(Duration::from_secs(10)).await;
    assert_eq!(yard.message(early).await.provider_id.as_deref(), Some("SM9"), "the first word stands");
    assert_eq!(yard.seen().len(), 1);
}

/// What the record does not know changes nothing.
#[tokio::test(start_paused = true)]
async fn evidence_of_an_attempt_that_never_was_is_refused() {
    let yard = Builder { script: vec![QUICK], limits: vec!["1/min"], ..Builder::default() }.start().await;
    let first = yard.queue("+15551110001", "first").await.id;
    let waiting = yard.queue("+15551110001", "waiting").await.id;
    yard.until(first, State::Sent).await;
    for attempt in [None, Some(1), Some(7)] {
        assert_eq!(tell(&yard, waiting, attempt).await, Heard::Known, "{attempt:?}");
        assert_eq!(tell(&yard, first, attempt).await, Heard::Known, "{attempt:?}");
    }
    assert_eq!(yard.message(waiting).await.state, State::Queued);
}

/// What is failed or cancelled stays so, and the contradiction is said.
#[tokio::test(start_paused = true)]
async fn evidence_that_belies_us_changes_nothing_and_is_said() {
    let script = vec![Line::Swallow, Line::Refuse(Class::Recipient, Duration::from_millis(1))];
    let yard = Builder { script, ..Builder::default() }.start().await;
    let lost = yard.queue("+15551110001", "lost").await.id;
    let cancelled = yard.queue("+15551110001", "waits behind it").await.id;
    yard.engine.cancel(ORGANIZATION, cancelled).await.unwrap();
    yard.until(lost, State::Unknown).await;
    yard.engine.settle_by_hand(ORGANIZATION, lost, ByHand::Failed).await.unwrap().unwrap().unwrap();
    let refused = yard.queue("+15551110002", "refused").await.id;
    yard.until(refused, State::Failed).await;

    for (id, shown) in [(lost, Shown::Failed), (refused, Shown::Failed), (cancelled, Shown::Cancelled)] {
        assert_eq!(tell(&yard, id, None).await, Heard::Belies(shown));
        assert_eq!(yard.message(id).await.shown(), shown);
    }
}
