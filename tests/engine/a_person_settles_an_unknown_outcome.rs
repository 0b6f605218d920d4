use std::time::Duration;

use sendyard_actors::domain::ids::{MessageId, OrganizationId};
use sendyard_actors::domain::message::{ByHand, State, UnknownPolicy};

use super::yard::{Builder, Line, ORGANIZATION, Yard};

const QUICK: Line = Line::Accept(Duration::from_millis(10));

/// A message whose answer was lost, listed by now, and one behind it that was sent.
async fn listed(script: Vec<Line>) -> (Yard, MessageId) {
    let script = [vec![Line::Swallow], script].concat();
    let yard = Builder { script, policy: UnknownPolicy::Hold, ..Builder::default() }.start().await;
    let lost = yard.queue("+15551110001", "lost").await.id;
    let behind = yard.queue("+15551110001", "behind").await.id;
    yard.until(behind, State::Sent).await;
    assert!(yard.message(lost).await.listed);
    (yard, lost)
}

#[tokio::test(start_paused = true)]
async fn a_person_settles_an_unknown_outcome() {
    for (verdict, state) in [(ByHand::Sent, State::Sent), (ByHand::Failed, State::Failed)] {
        let (yard, lost) = listed(vec![QUICK]).await;
        let engine = &yard.engine;
        let of_another = engine.settle_by_hand(OrganizationId(2), lost, verdict).await.unwrap();
        assert!(of_another.is_none());
        let settled = engine.settle_by_hand(ORGANIZATION, lost, verdict).await.unwrap().unwrap().unwrap();
        assert_eq!(settled.state, state);
        assert_eq!(engine.doubtful(ORGANIZATION, None, 10).await.unwrap(), []);
        assert!(engine.settle_by_hand(ORGANIZATION, lost, verdict).await.unwrap().unwrap().is_err());
        assert_eq!(yard.seen().len(), 2, "nothing is handed over by that");
    }
}

/// Sent again, it is handed over soon.
#[tokio::test(start_paused = true)]
async fn a_person_has_it_sent_again() {
    let (yard, lost) = listed(vec![QUICK]).await;
    yard.engine.settle_by_hand(ORGANIZATION, lost, ByHand::Retry).await.unwrap().unwrap().unwrap();
    let asked_at = yard.now();
    yard.until(lost, State::Sent).await;
    assert!(yard.now().since(asked_at) < Duration::from_secs(2));
    assert_eq!(yard.message(lost).await.attempt, 2);
}

/// Its conversation has gone on: it is not handed over beside a message of it that is on its way.
#[tokio::test(start_paused = true)]
async fn what_is_sent_again_waits_for_what_is_on_its_way() {
    let slow = Line::Accept(Duration::from_secs(10));
    let (yard, lost) = listed(vec![QUICK, slow, QUICK]).await;
    let on_its_way = yard.queue("+15551110001", "on its way").await.id;
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(yard.message(on_its_way).await.state, State::Sending);
    yard.engine.settle_by_hand(ORGANIZATION, lost, ByHand::Retry).await.unwrap().unwrap().unwrap();
    yard.until(lost, State::Sent).await;
    let seen = yard.seen();
    let [.., before, again] = seen.as_slice() else { panic!("{seen:?}") };
    assert_eq!((before.id, again.id), (on_its_way, lost));
    assert!(again.at.since(before.at) >= Duration::from_secs(10), "two in flight");
}
