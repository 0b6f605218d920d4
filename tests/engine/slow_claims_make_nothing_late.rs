//! Where places are plenty a message is claimed as long before its instant as the slowest claims take, within bounds.

use std::time::Duration;

use sendyard_actors::domain::message::Lane;
use sendyard_actors::domain::tuning::{Part, Pause, Retune};
use sendyard_actors::settings::Settings;

use super::yard::{Builder, FROM, Line, ORGANIZATION, Yard, number};

const SECOND: Duration = Duration::from_secs(1);
const MILLI: Duration = Duration::from_millis(1);

/// A number with this limit, and a store whose claims take so long.
async fn with(limit: &'static str, claims_take: Duration, with: Builder) -> Yard {
    let yard = Builder { limits: vec![limit], ..with }.start().await;
    yard.faults().delay_all("claim", claims_take);
    yard
}

async fn queue(yard: &Yard, messages: usize) {
    for n in 0..messages {
        yard.queue_in(Lane::Bulk, &format!("+155511100{n:02}"), "bulk").await;
    }
}

/// From each hand-over to the next, in the order in which they went.
fn gaps(yard: &Yard) -> Vec<Duration> {
    yard.seen().windows(2).map(|pair| pair[1].at.since(pair[0].at)).collect()
}

#[tokio::test(start_paused = true)]
async fn a_message_goes_at_its_instant_however_slow_claims_are() {
    let yard = with("1/s", 60 * MILLI, Builder::default()).await;
    queue(&yard, 8).await;
    yard.until_seen(8).await;
    let gaps = gaps(&yard);
    // With the first it is learned how slow they are. The guard is 2 ms.
    for gap in &gaps[1..] {
        assert!((SECOND..SECOND + 10 * MILLI).contains(gap), "late, or too soon: {gaps:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn nothing_is_claimed_earlier_than_by_a_tenth_of_what_a_message_takes() {
    let yard = with("10/s", 80 * MILLI, Builder::default()).await;
    queue(&yard, 40).await;
    yard.until_seen(10).await;
    // They are quick again, but that they were slow is remembered.
    yard.faults().delay_all("claim", Duration::ZERO);
    yard.until_seen(15).await;
    // The next one goes 100 ms after that.
    tokio::time::sleep(50 * MILLI).await;
    let id = yard.queue_in(Lane::Urgent, "+15552220001", "urgent").await.id;
    yard.until_seen(16).await;
    assert_eq!(yard.seen()[15].id, id, "another was claimed before it");
}

#[tokio::test(start_paused = true)]
async fn where_places_are_scarce_none_is_taken_before_it_is_needed() {
    // Five beside the one for immediate messages, of which three are on their way at any time.
    let settings = Settings { places_in_flight: 6, ..Settings::default() };
    let script = vec![Line::Accept(3500 * MILLI)];
    let yard = with("1/s", 60 * MILLI, Builder { script, settings, ..Builder::default() }).await;
    queue(&yard, 10).await;
    yard.until_seen(10).await;
    let gaps = gaps(&yard);
    assert!(gaps[4..].iter().all(|gap| *gap > SECOND + 40 * MILLI), "claimed ahead: {gaps:?}");
}

#[tokio::test(start_paused = true)]
async fn a_pause_holds_what_is_claimed_already() {
    let yard = with("1/s", 60 * MILLI, Builder::default()).await;
    queue(&yard, 8).await;
    yard.until_seen(4).await;
    // From now on what is claimed waits for its instant for as long as claims took until now.
    yard.faults().delay_all("claim", Duration::ZERO);
    tokio::time::sleep(SECOND / 2).await;
    while yard.store.unsettled(None).await.unwrap().is_empty() {
        tokio::time::sleep(MILLI).await;
    }
    let before = yard.seen().len();
    let since = yard.now();
    let pause = Retune { pause: Part::Set(Pause { since, until: None }), ..Retune::default() };
    yard.engine.tune(ORGANIZATION, number(FROM), &pause).await.unwrap().expect("it is ours");
    tokio::time::sleep(60 * SECOND).await;
    assert_eq!(yard.seen().len(), before, "it went although the sender is paused");
    assert!(yard.store.unsettled(None).await.unwrap().is_empty(), "it is claimed still");

    let resumed = Retune { pause: Part::Usual, ..Retune::default() };
    yard.engine.tune(ORGANIZATION, number(FROM), &resumed).await.unwrap().expect("it is ours");
    yard.until_seen(8).await;
    let recipients: Vec<String> = yard.seen().iter().map(|seen| seen.to.to_string()).collect();
    assert!(recipients.is_sorted() && recipients.len() == 8, "each once, in their order: {recipients:?}");
    let gaps = gaps(&yard);
    assert!(gaps[before..].iter().all(|gap| (SECOND..SECOND + 10 * MILLI).contains(gap)), "{gaps:?}");
}
