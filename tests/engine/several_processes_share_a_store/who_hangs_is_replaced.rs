use std::sync::Arc;

use sendyard_actors::engine::Readiness;

use super::*;
use crate::engine::faulty::{Fault, Faults};

/// What the issue promises, after a kill or a hang.
const REPLACED_WITHIN: Duration = Duration::from_secs(5);

#[tokio::test(start_paused = true)]
async fn one_that_hangs_is_replaced_begins_nothing_more_and_comes_back_for_its_share() {
    let yard = yard_of(Builder { limits: vec!["1/4s"], ..Builder::default() }).await;
    let second = yard.another().await;
    shared_out(&[&yard.engine, &second.engine], SECOND).await;
    let from = number_of(&yard.engine);
    yard.faults().hang();
    let hangs_since = yard.now();
    let first = queue(&yard.engine, &from, "+15550000001", "begun at once").await.id;
    yard.until(first, State::Sent).await;
    let id = queue(&yard.engine, &from, "+15550000001", "not begun by it").await.id;
    tokio::time::sleep(LEASE).await;
    assert!(yard.engine.shards().is_empty());
    assert!(matches!(yard.engine.readiness(), Readiness::NotReady(_)));
    for kind in [Kind::Queued, Kind::Immediate] {
        let refused = yard.engine.send(request(&from, "+15550000001", "not taken", kind)).await;
        assert_eq!(refused, Err(NotSent::StoreUnavailable));
    }
    shared_out(&[&second.engine], REPLACED_WITHIN.checked_sub(LEASE).unwrap()).await;
    let took = yard.now().since(hangs_since);
    println!("replaced {took:?} after it began to hang");
    assert!(took < REPLACED_WITHIN);

    yard.faults().refuse_no_more();
    shared_out(&[&yard.engine, &second.engine], 2 * SECOND).await;
    assert_eq!(yard.engine.readiness(), Readiness::Ready);
    yard.until(id, State::Sent).await;
    assert_eq!(yard.seen().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn leases_that_ran_out_and_that_nobody_took_are_renewed() {
    let yard = yard(vec![Line::Accept(Duration::ZERO)]).await;
    yard.faults().hang();
    tokio::time::sleep(3 * LEASE).await;
    assert!(matches!(yard.engine.readiness(), Readiness::NotReady(_)));
    yard.faults().refuse_no_more();
    shared_out(&[&yard.engine], SECOND).await;
    assert_eq!(yard.engine.readiness(), Readiness::Ready);
    let id = yard.queue("+15550000001", "hello").await.id;
    yard.until(id, State::Sent).await;
}

/// The store was away for all: who hears of its return first does not take what the others have.
#[tokio::test(start_paused = true)]
async fn after_the_store_was_away_everybody_has_what_he_had() {
    let yard = yard(vec![Line::Accept(Duration::ZERO)]).await;
    let faults = Arc::<Faults>::default();
    let second = yard.another_with(&faults).await;
    shared_out(&[&yard.engine, &second.engine], SECOND).await;
    let had = [yard.engine.shards(), second.engine.shards()];
    yard.faults().hang();
    faults.hang();
    tokio::time::sleep(3 * LEASE).await;
    yard.faults().refuse_no_more();
    tokio::time::sleep(600 * MOMENT).await;
    // Shares come out the same in the end, so what counts is what it has meanwhile.
    assert_eq!(yard.engine.shards(), had[0]);
    faults.refuse_no_more();
    shared_out(&[&yard.engine, &second.engine], 2 * SECOND).await;
    assert_eq!([yard.engine.shards(), second.engine.shards()], had);
}

/// While it hung another had its number, and sent from it: what it remembers of the pace is out of date.
#[tokio::test(start_paused = true)]
async fn one_that_has_a_number_again_knows_what_was_sent_from_it_meanwhile() {
    let yard = yard_of(Builder { limits: vec!["1/20s"], ..Builder::default() }).await;
    let second = yard.another().await;
    shared_out(&[&yard.engine, &second.engine], SECOND).await;
    let from = number_of(&yard.engine);
    let mut ids = Vec::new();
    for index in 0..3 {
        ids.push(queue(&yard.engine, &from, &format!("+1555000000{index}"), "hello").await.id);
    }
    yard.until(ids[0], State::Sent).await;
    yard.faults().hang();
    yard.until(ids[1], State::Sent).await;
    yard.faults().refuse_no_more();
    second.stop(Duration::ZERO).await;
    shared_out(&[&yard.engine], 5 * SECOND).await;
    yard.until(ids[2], State::Sent).await;
    let at = |place: usize| yard.seen().iter().find(|seen| seen.id == ids[place]).unwrap().at;
    assert!(at(1).since(at(0)) >= 20 * SECOND && at(2).since(at(1)) >= 20 * SECOND, "{:?}", yard.seen());
}

#[tokio::test(start_paused = true)]
async fn what_is_on_its_way_is_settled_by_who_began_it_and_its_conversation_goes_on_with_the_next_owner() {
    let slow = Duration::from_secs(10);
    let yard = yard(vec![Line::Accept(slow), Line::Accept(Duration::ZERO)]).await;
    let another = yard.another().await;
    shared_out(&[&yard.engine, &another.engine], SECOND).await;
    let from = number_of(&yard.engine);
    let first = queue(&yard.engine, &from, "+15550000001", "one").await.id;
    let second = queue(&yard.engine, &from, "+15550000001", "two").await.id;
    yard.until(first, State::Sending).await;
    let begun_at = yard.now();
    yard.faults().hang();
    yard.faults().refuse_all("claim");
    let elsewhere = queue(&yard.engine, &from, "+15550000002", "meanwhile").await.id;

    yard.until(elsewhere, State::Sent).await;
    assert!(yard.message(second).await.state == State::Queued, "never two in flight");
    yard.until(second, State::Sent).await;
    assert_eq!(yard.message(first).await.state, State::Sent);
    let seen = yard.seen();
    let at = |id| seen.iter().find(|seen| seen.id == id).unwrap().at.since(begun_at);
    assert!(at(elsewhere) < REPLACED_WITHIN);
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
    let _another = yard.another().await;
    yard.until(first, State::Unknown).await;
    let margin = Duration::from_secs(2);
    assert!(yard.now().since(begun_at) >= Duration::from_secs(20) + margin);
    assert_eq!(yard.message(second).await.state, State::Queued, "it waits for evidence of the first");
}

#[tokio::test(start_paused = true)]
async fn what_a_dead_one_left_open_holds_the_pace_of_its_number_until_it_cannot_be_written_any_more() {
    let script = vec![Line::LoseAnswer, Line::Accept(Duration::ZERO)];
    let mut yard = yard_of(Builder { script, limits: vec!["1/s"], ..Builder::default() }).await;
    let first = yard.queue("+15550000001", "one").await.id;
    let second = yard.queue("+15550000002", "of another conversation").await.id;
    yard.until(first, State::Sending).await;
    let begun_at = yard.now();
    yard.dies();
    let _another = yard.another().await;
    yard.until(second, State::Sent).await;
    let (begin_by, margin, window) = (Duration::from_secs(2), Duration::from_secs(2), Duration::from_secs(1));
    let waited = yard.seen().last().unwrap().at.since(begun_at);
    let earliest = begin_by + margin + window;
    assert!((earliest..earliest + Duration::from_secs(2)).contains(&waited), "{waited:?}");
}

#[tokio::test(start_paused = true)]
async fn what_was_claimed_in_time_is_not_begun_once_the_lease_is_over() {
    let yard = yard(vec![Line::Accept(Duration::ZERO)]).await;
    yard.faults().hang();
    yard.faults().push("claim", Fault::After(Duration::from_secs(1)));
    tokio::time::sleep(LEASE.mul_f32(0.8)).await;
    let id = yard.queue("+15550000001", "claimed").await.id;
    tokio::time::sleep(MOMENT).await;
    assert_eq!(yard.message(id).await.state, State::Sending);
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert!(yard.seen().is_empty(), "its leases may be another's");
    assert_eq!(yard.message(id).await.state, State::Queued, "it went back");
    let _another = yard.another().await;
    yard.until(id, State::Sent).await;
    assert_eq!(yard.seen().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn who_waits_for_an_immediate_message_hears_of_it_though_its_shard_is_anothers_now() {
    let slow = Duration::from_secs(10);
    let yard = yard(vec![Line::Accept(slow), Line::Accept(Duration::ZERO)]).await;
    let another = yard.another().await;
    shared_out(&[&yard.engine, &another.engine], SECOND).await;
    let asked = request(&number_of(&yard.engine), "+15550000001", "now", Kind::Immediate);
    let engine = yard.engine.clone();
    let waits = tokio::spawn(async move { engine.send(asked).await });
    tokio::time::sleep(MOMENT).await;
    yard.faults().hang();
    shared_out(&[&another.engine], REPLACED_WITHIN).await;
    assert!(waits.await.unwrap().is_ok());
    assert_eq!(yard.seen().len(), 1);
}
