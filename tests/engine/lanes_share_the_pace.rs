use std::time::Duration;

use sendyard_actors::domain::message::{Lane, State};
use sendyard_actors::settings::Settings;

use super::yard::{Builder, Line, Yard};

fn busy() -> Builder {
    let script = vec![Line::Accept(Duration::from_millis(20))];
    Builder { script, limits: vec!["10/s"], ..Builder::default() }
}

async fn with_bulk(messages: usize) -> Yard {
    let yard = busy().start().await;
    for n in 0..messages {
        yard.queue_in(Lane::Bulk, &format!("+155511{n:05}"), "bulk").await;
    }
    yard
}

/// Behind a thousand bulk messages an urgent one goes with the next slot: 100 ms at 10/s.
#[tokio::test(start_paused = true)]
async fn an_urgent_message_waits_for_one_slot_at_most() {
    let yard = with_bulk(1000).await;
    for n in 0..20 {
        tokio::time::sleep(Duration::from_millis(1730)).await;
        let asked_at = yard.now();
        let id = yard.queue_in(Lane::Urgent, &format!("+1555220{n:04}"), "urgent").await.id;
        yard.until(id, State::Sent).await;
        let went = yard.seen().into_iter().find(|seen| seen.id == id).unwrap().at;
        let waited = went.since(asked_at);
        assert!(waited <= Duration::from_millis(110), "waited {waited:?}");
    }
}

/// The same behind a hundred thousand, and meanwhile bulk goes on: one urgent message a second takes one slot of
/// ten.
#[tokio::test(start_paused = true)]
async fn behind_a_hundred_thousand_bulk_messages_an_urgent_one_waits_for_one_slot_and_bulk_goes_on() {
    let settings = Settings { queue_limit: 200_000, ..Settings::default() };
    let yard = Builder { settings, ..busy() }.start().await;
    for n in 0..100_000 {
        yard.queue_in(Lane::Bulk, &format!("+155511{n:05}"), "bulk").await;
    }
    let (begun, before) = (yard.now(), yard.seen().len());
    let mut longest = Duration::ZERO;
    for n in 0..30 {
        tokio::time::sleep(Duration::from_secs(1)).await;
        let asked_at = yard.now();
        let id = yard.queue_in(Lane::Urgent, &format!("+1555220{n:04}"), "urgent").await.id;
        yard.until(id, State::Sent).await;
        let went = yard.seen().into_iter().find(|seen| seen.id == id).unwrap().at;
        longest = longest.max(went.since(asked_at));
    }
    let passed = yard.now().since(begun);
    let bulk = yard.seen().iter().skip(before).filter(|seen| seen.text == "bulk").count();
    println!("30 urgent in {passed:.1?}, the longest waited {longest:?}; {bulk} bulk meanwhile");
    assert!(longest <= Duration::from_millis(110), "{longest:?}");
    // 99 % of 10/s.
    let slots = usize::try_from(passed.as_millis() * 99 / 10_000).unwrap();
    assert!(bulk + 30 >= slots - 2, "{bulk} bulk in {passed:?} at 10/s");
}

/// Urgent ones come one at a time, each when the one before has gone: bulk has a ninth of the slots at
/// least, and no more than its share is taken from urgent.
#[tokio::test(start_paused = true)]
async fn bulk_keeps_its_share_under_urgent_that_comes_one_at_a_time() {
    let yard = with_bulk(300).await;
    let mut urgent = 0;
    let begun = yard.now();
    while yard.now().since(begun) < Duration::from_secs(45) {
        let id = yard.queue_in(Lane::Urgent, &format!("+1555220{urgent:04}"), "urgent").await.id;
        yard.until(id, State::Sent).await;
        urgent += 1;
    }
    let bulk = yard.seen().iter().filter(|seen| seen.text == "bulk").count();
    println!("{urgent} urgent and {bulk} bulk in 45 s at 10/s");
    assert!(bulk >= 450 / 9 - 2, "{bulk} bulk");
    assert!(urgent >= 450 / 2 - 10, "{urgent} urgent: each is followed by at most one bulk");
}

/// Full lanes go by 8, 3 and 1, whatever came first; order holds within each.
#[tokio::test(start_paused = true)]
async fn full_lanes_go_by_their_weights() {
    let yard = busy().start().await;
    for (lane, name) in [(Lane::Bulk, "bulk"), (Lane::Normal, "normal"), (Lane::Urgent, "urgent")] {
        for n in 0..200 {
            yard.queue_in(lane, &format!("+155511{n:05}"), &format!("{name} {n:03}")).await;
        }
    }
    let before = yard.seen().len();
    tokio::time::sleep(Duration::from_secs(24)).await;
    let seen: Vec<String> = yard.seen().into_iter().skip(before).map(|seen| seen.text).collect();
    let count = |name: &str| seen.iter().filter(|text| text.starts_with(name)).count();
    let (urgent, normal, bulk) = (count("urgent"), count("normal"), count("bulk"));
    println!("{urgent} urgent, {normal} normal, {bulk} bulk");
    assert!(urgent.abs_diff(160) <= 4 && normal.abs_diff(60) <= 4 && bulk.abs_diff(20) <= 4);
    for name in ["urgent", "normal", "bulk"] {
        let of_lane: Vec<&String> = seen.iter().filter(|text| text.starts_with(name)).collect();
        assert!(of_lane.is_sorted(), "{of_lane:?}");
    }
}
