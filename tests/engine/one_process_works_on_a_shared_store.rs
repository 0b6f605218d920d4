use std::sync::Arc;
use std::time::Duration;

use sendyard_actors::domain::message::{Kind, State};
use sendyard_actors::domain::outcome::Class;
use sendyard_actors::domain::time::Time;
use sendyard_actors::engine::{Engine, EngineError, NotSent, Readiness, RunningEngine};
use sendyard_actors::shards::NotOurs;

use super::faulty::{Fault, Faults};
use super::yard::{Builder, Line, ORGANIZATION, Yard};

const LEASE: Duration = Duration::from_secs(3);

async fn yard(script: Vec<Line>) -> Yard {
    Builder { shared: true, script, ..Builder::default() }.start().await
}

/// Another process asks for the store until it gets it.
async fn take_over(yard: &Yard) -> (RunningEngine, Time) {
    let another = waiting(yard);
    let asking = async {
        loop {
            match another.work(yard.parts_of_another()).await {
                Ok(running) => return (running, yard.now()),
                Err(EngineError::Shards(NotOurs::Held(_))) => {
                    tokio::time::sleep(Duration::from_millis(250)).await;
                }
                Err(error) => panic!("{error}"),
            }
        }
    };
    tokio::time::timeout(10 * LEASE, asking).await.expect("it is never free")
}

fn waiting(yard: &Yard) -> Engine {
    Engine::waiting(yard.parts_of_another().clock, "another works".to_owned())
}

#[tokio::test(start_paused = true)]
async fn while_one_works_another_waits_and_says_so() {
    let yard = yard(vec![Line::Accept(Duration::ZERO)]).await;
    let another = waiting(&yard);
    for _lease in 0..5 {
        let refused = another.work(yard.parts_of_another()).await;
        assert!(matches!(refused, Err(EngineError::Shards(NotOurs::Held(_)))));
        tokio::time::sleep(LEASE).await;
    }
    let why = Readiness::NotReady("another works".to_owned());
    assert_eq!(another.readiness(), why);
    let request = Yard::request("+15550000001", "hello", Kind::Queued);
    assert_eq!(another.send(request).await, Err(NotSent::StoreUnavailable));
    assert!(another.tallies(ORGANIZATION).await.is_err());
    assert_eq!(yard.engine.readiness(), Readiness::Ready);
    let id = yard.queue("+15550000001", "hello").await.id;
    yard.until(id, State::Sent).await;
}

#[tokio::test(start_paused = true)]
async fn when_it_leaves_another_takes_over_at_once_and_sends_what_waits() {
    let mut yard = yard(vec![Line::Refuse(Class::Retry, Duration::ZERO), Line::Accept(Duration::ZERO)]).await;
    let id = yard.queue("+15550000001", "hello").await.id;
    tokio::time::sleep(Duration::from_millis(1)).await;
    yard.stop(Duration::from_secs(30)).await;
    let left_at = yard.now();
    let (another, taken_at) = take_over(&yard).await;
    assert_eq!(taken_at, left_at);
    yard.engine = another.engine.clone();
    yard.until(id, State::Sent).await;
    assert_eq!(yard.seen().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn one_that_cannot_renew_its_leases_begins_nothing_and_is_replaced() {
    let yard = Builder { shared: true, limits: vec!["1/4s"], ..Builder::default() }.start().await;
    let since = yard.now();
    yard.faults().refuse_all("renew_lease");
    let first = yard.queue("+15550000001", "begun at once").await.id;
    yard.until(first, State::Sent).await;
    let id = yard.queue("+15550000001", "not begun").await.id;
    tokio::time::sleep(LEASE).await;
    assert!(matches!(yard.engine.readiness(), Readiness::NotReady(_)));
    for kind in [Kind::Queued, Kind::Immediate] {
        let request = Yard::request("+15550000001", "not taken", kind);
        assert_eq!(yard.engine.send(request).await, Err(NotSent::StoreUnavailable));
    }

    let (another, taken_at) = take_over(&yard).await;
    assert!(taken_at.since(since) <= LEASE + Duration::from_secs(1));
    yard.faults().refuse_no_more();
    tokio::time::timeout(LEASE, yard.running().lost()).await.expect("it hears of it");
    yard.until(id, State::Sent).await;
    assert_eq!(yard.seen().len(), 2);
    another.stop(Duration::ZERO).await;
}

#[tokio::test(start_paused = true)]
async fn leases_that_ran_out_and_that_nobody_took_are_renewed() {
    let yard = yard(vec![Line::Accept(Duration::ZERO)]).await;
    yard.faults().refuse_all("renew_lease");
    tokio::time::sleep(3 * LEASE).await;
    assert!(matches!(yard.engine.readiness(), Readiness::NotReady(_)));
    yard.faults().refuse_no_more();
    tokio::time::sleep(LEASE).await;
    assert_eq!(yard.engine.readiness(), Readiness::Ready);
    let id = yard.queue("+15550000001", "hello").await.id;
    yard.until(id, State::Sent).await;
}

#[tokio::test(start_paused = true)]
async fn what_is_on_its_way_is_settled_by_who_began_it_and_its_conversation_goes_on_with_the_next_owner() {
    let slow = Duration::from_secs(10);
    let yard = yard(vec![Line::Accept(slow), Line::Accept(Duration::ZERO)]).await;
    let first = yard.queue("+15550000001", "one").await.id;
    let second = yard.queue("+15550000001", "two").await.id;
    let elsewhere = yard.queue("+15550000002", "meanwhile").await.id;
    yard.until(first, State::Sending).await;
    let begun_at = yard.now();
    yard.faults().refuse_all("renew_lease");
    yard.faults().refuse_all("claim");

    let (_another, taken_at) = take_over(&yard).await;
    yard.until(elsewhere, State::Sent).await;
    assert!(yard.message(second).await.state == State::Queued, "never two in flight");
    yard.until(second, State::Sent).await;
    assert_eq!(yard.message(first).await.state, State::Sent);

    let seen = yard.seen();
    let at = |id| seen.iter().find(|seen| seen.id == id).unwrap().at.since(begun_at);
    assert!(taken_at.since(begun_at) < slow && at(elsewhere) < slow);
    assert!((slow..slow + Duration::from_secs(2)).contains(&at(second)), "{:?}", at(second));
}

#[tokio::test(start_paused = true)]
async fn what_a_dead_one_left_open_is_unknown_once_its_time_is_over() {
    let mut yard = yard(vec![Line::LoseAnswer, Line::Accept(Duration::ZERO)]).await;
    let first = yard.queue("+15550000001", "one").await.id;
    let second = yard.queue("+15550000001", "two").await.id;
    yard.until(first, State::Sending).await;
    let begun_at = yard.now();
    yard.dies();
    let (_another, _) = take_over(&yard).await;
    yard.until(first, State::Unknown).await;
    let margin = Duration::from_secs(2);
    assert!(yard.now().since(begun_at) >= Duration::from_secs(20) + margin);
    assert_eq!(yard.message(second).await.state, State::Queued, "it waits for evidence of the first");
}

#[tokio::test(start_paused = true)]
async fn what_a_dead_one_left_open_holds_the_pace_of_its_number_until_it_cannot_be_written_any_more() {
    let script = vec![Line::LoseAnswer, Line::Accept(Duration::ZERO)];
    let mut yard = Builder { shared: true, script, limits: vec!["1/s"], ..Builder::default() }.start().await;
    let first = yard.queue("+15550000001", "one").await.id;
    let second = yard.queue("+15550000002", "of another conversation").await.id;
    yard.until(first, State::Sending).await;
    let begun_at = yard.now();
    yard.dies();
    let (_another, _) = take_over(&yard).await;
    yard.until(second, State::Sent).await;
    let (begin_by, margin, window) = (Duration::from_secs(2), Duration::from_secs(2), Duration::from_secs(1));
    let waited = yard.seen().last().unwrap().at.since(begun_at);
    let earliest = begin_by + margin + window;
    assert!((earliest..earliest + Duration::from_secs(2)).contains(&waited), "{waited:?}");
}

/// They ask for the shards from both ends.
#[tokio::test(start_paused = true)]
async fn of_two_that_ask_at_the_same_time_one_gets_everything() {
    let mut yard = yard(vec![Line::Accept(Duration::ZERO)]).await;
    yard.stop(Duration::ZERO).await;
    let (upwards, downwards) = <(Arc<Faults>, Arc<Faults>)>::default();
    for turn in 0..256 {
        upwards.push("acquire_lease", Fault::Before(Duration::from_millis(turn)));
        downwards.push("acquire_lease", Fault::Before(Duration::from_millis(255 - turn)));
    }
    let (one, other) = (waiting(&yard), waiting(&yard));
    let (one, other) = tokio::join!(
        one.work(yard.parts_of_another_with(upwards)),
        other.work(yard.parts_of_another_with(downwards)),
    );
    assert!(one.is_ok() != other.is_ok(), "one works");
}

#[tokio::test(start_paused = true)]
async fn what_was_claimed_in_time_is_not_begun_once_the_lease_is_over() {
    let yard = yard(vec![Line::Accept(Duration::ZERO)]).await;
    yard.faults().refuse_all("renew_lease");
    yard.faults().push("claim", Fault::After(Duration::from_secs(1)));
    tokio::time::sleep(LEASE.mul_f32(0.8)).await;
    let id = yard.queue("+15550000001", "claimed").await.id;
    tokio::time::sleep(Duration::from_millis(1)).await;
    assert_eq!(yard.message(id).await.state, State::Sending);
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert!(yard.seen().is_empty(), "its leases may be another's");
    assert_eq!(yard.message(id).await.state, State::Queued, "it went back");
    let (_another, _) = take_over(&yard).await;
    yard.until(id, State::Sent).await;
    assert_eq!(yard.seen().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn who_waits_for_an_immediate_message_hears_of_it_though_the_store_is_anothers_now() {
    let slow = Duration::from_secs(10);
    let mut yard = yard(vec![Line::Accept(slow), Line::Accept(Duration::ZERO)]).await;
    let request = Yard::request("+15550000001", "now", Kind::Immediate);
    let engine = yard.engine.clone();
    let waits = tokio::spawn(async move { engine.send(request).await });
    tokio::time::sleep(Duration::from_millis(1)).await;
    yard.faults().refuse_all("renew_lease");
    let (_another, _) = take_over(&yard).await;
    yard.leave().await;
    assert!(matches!(yard.engine.readiness(), Readiness::NotReady(_)));
    assert!(waits.await.unwrap().is_ok());
    assert_eq!(yard.seen().len(), 1);
}
