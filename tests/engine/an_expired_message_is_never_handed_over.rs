use std::time::Duration;

use sendyard_actors::domain::message::{Kind, State};
use sendyard_actors::domain::validity::{Expires, Validity};
use sendyard_actors::engine::{NotSent, SendRequest, Sent};

use super::faulty::Fault;
use super::yard::{Builder, Line, Yard};

const SECOND: Duration = Duration::from_secs(1);

fn valid_for(length: Duration, to: &str, text: &str) -> SendRequest {
    let validity = Validity { send_at: None, expires: Some(Expires::Within(length)) };
    SendRequest { validity, ..Yard::request(to, text, Kind::Queued) }
}

async fn send(yard: &Yard, length: Duration, to: &str) -> Sent {
    yard.engine.send(valid_for(length, to, "soon")).await.expect("accepted")
}

fn is_expired(message: &sendyard_actors::domain::message::Message) -> bool {
    message.refusal.as_ref().and_then(|refusal| refusal.code.as_deref()) == Some("expired")
}

#[tokio::test(start_paused = true)]
async fn what_waits_for_a_provider_that_is_out_expires_in_time() {
    let yard = Builder { script: vec![Line::NoConnection], ..Builder::default() }.start().await;
    let began = yard.now();
    let id = send(&yard, SECOND * 60, "+15551110001").await.id;
    let behind = yard.queue("+15551110001", "behind").await.id;
    let failed = yard.until(id, State::Failed).await;
    assert!(is_expired(&failed));
    assert!(yard.now().since(began) < SECOND * 62, "soon after");
    let seen = yard.seen().into_iter().filter(|seen| seen.id == id);
    assert!(seen.map(|seen| seen.at).all(|at| at < began + SECOND * 60));
    yard.provider.play(vec![Line::Accept(Duration::ZERO)]);
    yard.until(behind, State::Sent).await;
}

#[tokio::test(start_paused = true)]
async fn a_claim_that_came_late_is_refused_by_the_store() {
    let yard = Builder::default().start().await;
    // Nothing but the claim itself can notice.
    yard.faults().refuse_all("time_up");
    yard.faults().push("claim", Fault::Before(SECOND * 5));
    let id = send(&yard, SECOND * 3, "+15551110001").await.id;
    tokio::time::sleep(SECOND * 20).await;
    assert!(yard.seen().is_empty());
    yard.faults().refuse_no_more();
    assert!(is_expired(&yard.until(id, State::Failed).await));
}

#[tokio::test(start_paused = true)]
async fn the_last_check_refuses_what_was_claimed_in_time() {
    let yard = Builder::default().start().await;
    yard.faults().push("claim", Fault::After(SECOND));
    let id = send(&yard, Duration::from_millis(500), "+15551110001").await.id;
    let failed = yard.until(id, State::Failed).await;
    assert!(is_expired(&failed));
    assert_eq!((failed.attempt, failed.tries), (1, 0), "claimed, and never begun");
    assert!(yard.seen().is_empty());
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_met_is_refused_before_anything_is_stored() {
    let yard = Builder { limits: vec!["1/s"], ..Builder::default() }.start().await;
    for index in 0..10 {
        yard.queue(&format!("+1555333{index:04}"), "ahead").await;
    }
    let key = Some("once".to_owned());
    let request = SendRequest { key: key.clone(), ..valid_for(SECOND * 5, "+15551110001", "soon") };
    let answer = yard.engine.send(request).await;
    let Err(NotSent::ExpiresBefore(earliest)) = answer else { panic!("{answer:?}") };
    let wait = earliest.since(yard.now()).as_secs_f64();
    assert!((8.0..12.0).contains(&wait), "{wait}");
    // Its key is free: another request may have it.
    let longer = SendRequest { key, ..valid_for(SECOND * 60, "+15551110002", "soon") };
    let sent = yard.engine.send(longer).await.expect("accepted");
    assert!(!sent.replayed);
    yard.until(sent.id, State::Sent).await;
}

#[tokio::test(start_paused = true)]
async fn what_is_over_already_is_refused_and_a_replay_is_not() {
    let yard = Builder::default().start().await;
    let request = SendRequest { key: Some("once".to_owned()), ..valid_for(SECOND, "+15551110001", "soon") };
    let validity = Validity { send_at: None, expires: Some(Expires::At(yard.now() + SECOND)) };
    let request = SendRequest { validity, ..request };
    let first = yard.engine.send(request.clone()).await.expect("accepted");
    yard.until(first.id, State::Sent).await;
    tokio::time::sleep(SECOND * 5).await;
    let again = yard.engine.send(request.clone()).await.expect("replayed");
    assert_eq!((again.id, again.replayed), (first.id, true));
    let other = SendRequest { key: None, ..request };
    assert!(matches!(yard.engine.send(other).await, Err(NotSent::ExpiresBefore(_))));
}
