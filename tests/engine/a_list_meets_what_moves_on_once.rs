//! Messages that go on from one part of a list to another while it is read, and the bounds of a page.
//!
//! Between the rows of a part and the records that they name lies a while here, in which each of these goes on.

use std::time::Duration;

use sendyard_actors::domain::filter::Filter;
use sendyard_actors::domain::ids::MessageId;
use sendyard_actors::domain::message::{ByHand, Kind, State, UnknownPolicy};
use sendyard_actors::domain::outcome::Class;
use sendyard_actors::domain::time::Time;
use sendyard_actors::domain::validity::Validity;
use sendyard_actors::engine::{NotSent, SendRequest};
use sendyard_actors::listing::Place;

use super::yard::{Builder, Line, ORGANIZATION, Yard, number};

const TO: &str = "+15551110001";

const fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

/// A provider that takes everything after so long.
async fn yard(limits: Vec<&'static str>, after: Duration) -> Yard {
    Builder { limits, script: vec![Line::Accept(after)], ..Builder::default() }.start().await
}

/// The list of everything, whose records are each time read so long after their rows.
async fn listed(yard: &Yard) -> Vec<MessageId> {
    yard.faults().delay_all("messages", ms(300));
    let page = yard.engine.list(&Filter::of(ORGANIZATION), None, 1000).await.unwrap();
    assert_eq!(page.next, None);
    let mut ids: Vec<MessageId> = page.messages.iter().map(|message| message.draft.id).collect();
    ids.sort_unstable();
    ids
}

#[tokio::test(start_paused = true)]
async fn one_that_waited_and_is_sent_meanwhile() {
    let yard = yard(vec!["1/s"], Duration::ZERO).await;
    let mut ids = vec![yard.queue(TO, "at once").await.id, yard.queue(TO, "a second later").await.id];
    tokio::time::sleep(ms(900)).await;
    ids.sort_unstable();
    assert_eq!(listed(&yard).await, ids);
}

#[tokio::test(start_paused = true)]
async fn one_that_waited_for_its_time_and_is_sent_meanwhile() {
    let yard = yard(Vec::new(), Duration::ZERO).await;
    let validity = Validity { send_at: Some(yard.now() + ms(10_000)), ..Validity::default() };
    let request = SendRequest { validity, ..Yard::request(TO, "later", Kind::Queued) };
    let id = yard.engine.send(request).await.unwrap().id;
    // Its time comes between the rows of what is scheduled and its record.
    tokio::time::sleep(ms(9500)).await;
    assert_eq!(listed(&yard).await, [id]);
}

#[tokio::test(start_paused = true)]
async fn one_that_was_on_its_way_and_is_sent_meanwhile() {
    let yard = yard(Vec::new(), ms(700)).await;
    let id = yard.queue(TO, "now").await.id;
    assert_eq!(listed(&yard).await, [id]);
}

/// Its part is the fourth: its row is read after 900 ms, its record after 1200.
#[tokio::test(start_paused = true)]
async fn one_of_unknown_outcome_that_a_person_settles_meanwhile() {
    let script = vec![Line::Swallow, Line::Accept(Duration::ZERO)];
    let yard = Builder { script, policy: UnknownPolicy::Hold, ..Builder::default() }.start().await;
    let lost = yard.queue(TO, "lost").await.id;
    let behind = yard.queue(TO, "behind").await.id;
    yard.until(behind, State::Sent).await;
    let settled = async {
        tokio::time::sleep(ms(1050)).await;
        yard.engine.settle_by_hand(ORGANIZATION, lost, ByHand::Sent).await.unwrap().unwrap().unwrap();
    };
    let (ids, ()) = tokio::join!(listed(&yard), settled);
    assert_eq!(ids, [lost, behind]);
}

/// What is over is the last part: its row is read after 1200 ms, its record after 1500.
#[tokio::test(start_paused = true)]
async fn one_that_had_failed_and_is_sent_after_all_meanwhile() {
    let script = vec![Line::Refuse(Class::Retry, Duration::ZERO), Line::Accept(Duration::ZERO)];
    let yard = Builder { script, ..Builder::default() }.start().await;
    let request = SendRequest { key: Some("key".into()), ..Yard::request(TO, "now", Kind::Immediate) };
    let Err(NotSent::Refused { id, .. }) = yard.engine.send(request.clone()).await else {
        panic!("it is refused")
    };
    let sent = async {
        tokio::time::sleep(ms(1350)).await;
        assert_eq!(yard.engine.send(request).await.unwrap().id, id);
    };
    let (ids, ()) = tokio::join!(listed(&yard), sent);
    assert_eq!(ids, [id]);
}

async fn ten_thousand_and_more(yard: &Yard) {
    let request = |_| Yard::request(TO, "many", Kind::Queued);
    let answers = yard.engine.send_all((0..10_300).map(request).collect(), Time::MAX).await;
    assert!(answers.iter().all(Result::is_ok));
}

#[tokio::test(start_paused = true)]
async fn a_page_looks_at_a_bounded_number_of_rows() {
    let yard = yard(vec!["1/h"], Duration::ZERO).await;
    ten_thousand_and_more(&yard).await;
    let filter = Filter { recipient: Some(number("+15551110009")), ..Filter::of(ORGANIZATION) };
    let page = yard.engine.list(&filter, None, 50).await.unwrap();
    assert!(page.messages.is_empty());
    assert!(matches!(page.next, Some(Place::Waiting(Some(_)))), "{:?}", page.next);
    assert_eq!(yard.engine.list(&filter, page.next, 50).await.unwrap().next, None);
}

#[tokio::test(start_paused = true)]
async fn a_cancellation_of_many_ends_within_seconds_and_says_where_to_go_on() {
    let yard = yard(vec!["1/h"], Duration::ZERO).await;
    ten_thousand_and_more(&yard).await;
    yard.faults().delay_all("cancel", Duration::from_secs(1));
    let filter = Filter { sender: Some(number(super::yard::FROM)), ..Filter::of(ORGANIZATION) };
    let done = yard.engine.cancel_many(&filter, None).await.unwrap();
    assert_eq!(done.cancelled, 1000, "a page takes sixteen seconds here");
    assert!(done.next.is_some());
    // From a place among what is over nothing is left to cancel, and what was sent is not too late.
    let over = yard.engine.cancel_many(&filter, Some(Place::Over(None))).await.unwrap();
    assert_eq!((over.cancelled, over.too_late, over.next), (0, 0, None));
}
