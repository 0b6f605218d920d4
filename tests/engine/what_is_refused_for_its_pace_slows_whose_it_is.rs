use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use sendyard_actors::domain::message::State;
use sendyard_actors::domain::outcome::Slows;
use sendyard_actors::sender::Waits;

use super::yard::{Builder, FROM, Line, ORGANIZATION, Yard, number};

const SECOND: Duration = Duration::from_secs(1);
const NAMED: Duration = Duration::from_secs(30);
const FRIEND: &str = "+12025550001";
const STRANGER: &str = "+12025550002";

/// The first hand-over is refused, all others are taken. Two numbers share a campaign, a third one does not.
async fn refused_once(slows: Slows) -> Yard {
    let script = vec![Line::TooFast(slows, Some(NAMED)), Line::Accept(Duration::from_millis(20))];
    let more_numbers = vec![FRIEND.to_owned(), STRANGER.to_owned()];
    Builder { script, more_numbers, campaigns: vec!["A", "A", "B"], ..Builder::default() }.start().await
}

/// Has one of `FROM` refused, then queues one from each number; whether each has gone 20 s later. All have at
/// the end.
async fn who_goes_on(slows: Slows) -> [bool; 3] {
    let yard = refused_once(slows).await;
    let refused = yard.queue("+15551110000", "refused").await.id;
    tokio::time::sleep(SECOND).await;
    assert_eq!(yard.seen().len(), 1);
    let mut later = Vec::new();
    for from in [FROM, FRIEND, STRANGER] {
        later.push(yard.queue_from(from, "+15551110001").await.id);
    }
    tokio::time::sleep(20 * SECOND).await;
    let seen = yard.seen();
    let went = [0, 1, 2].map(|which: usize| seen.iter().any(|seen| seen.id == later[which]));
    tokio::time::sleep(NAMED).await;
    for id in later.into_iter().chain([refused]) {
        yard.until(id, State::Sent).await;
    }
    let first_at = yard.seen()[0].at;
    let again =
        yard.seen().into_iter().filter(|seen| seen.at.since(first_at) > 22 * SECOND).map(|seen| seen.at);
    assert!(again.min().is_none_or(|at| at.since(first_at) >= NAMED), "not before the named time");
    went
}

#[tokio::test(start_paused = true)]
async fn a_senders_pause_holds_that_sender_alone() {
    assert_eq!(who_goes_on(Slows::Sender).await, [false, true, true]);
}

#[tokio::test(start_paused = true)]
async fn a_campaigns_pause_holds_its_numbers_alone() {
    assert_eq!(who_goes_on(Slows::Campaign).await, [false, false, true]);
}

#[tokio::test(start_paused = true)]
async fn an_accounts_pause_holds_all_its_numbers() {
    assert_eq!(who_goes_on(Slows::Account).await, [false, false, false]);
}

#[tokio::test(start_paused = true)]
async fn a_sender_shows_its_pause_and_its_working_rate() {
    let script = vec![Line::TooFast(Slows::Sender, Some(NAMED)), Line::Accept(Duration::from_millis(20))];
    let yard = Builder { script, limits: vec!["10/s"], ..Builder::default() }.start().await;
    yard.queue("+15551110000", "refused").await;
    tokio::time::sleep(SECOND).await;
    yard.queue("+15551110001", "waits").await;
    let view = yard.engine.sender(ORGANIZATION, number(FROM)).await.unwrap().unwrap();
    let standing = view.standing.unwrap();
    assert_eq!(standing.waits, Waits::Provider);
    let rate = standing.working.rate.expect("it is slower");
    assert!(rate.as_millis() < 10_000, "{rate}");
    let until = standing.working.paused_until.expect("it is paused");
    assert_eq!(until.since(yard.seen()[0].at), NAMED);
    assert_eq!(standing.not_before, Some(until));
}

/// Refusals for one sender's pace take no places from the others of its account.
#[tokio::test(start_paused = true)]
async fn a_senders_refusals_leave_the_places_of_its_account() {
    let yard = refused_once(Slows::Sender).await;
    let refused = yard.queue("+15551110000", "refused").await.id;
    tokio::time::sleep(SECOND).await;
    let before = yard.engine.accounts(ORGANIZATION).unwrap().first().unwrap().allowed;
    assert_eq!(before, yard.engine.accounts(ORGANIZATION).unwrap().first().unwrap().places);
    yard.until(refused, State::Sent).await;
}

/// The real engine against a limit that nobody tells it, in every second, which doubles or halves each minute.
#[tokio::test(start_paused = true)]
async fn it_follows_a_limit_that_nobody_tells_it() {
    let hidden = Arc::new(AtomicU64::new(20));
    let script = vec![Line::Limited(Arc::clone(&hidden), Duration::from_millis(20))];
    let yard = Builder { script, limits: vec!["100/s"], ..Builder::default() }.start().await;
    let walk = [20, 10, 20, 40, 20, 10, 5, 10, 20, 40];
    let possible: usize = walk.iter().sum::<usize>() * 60;
    let mut ids = Vec::new();
    for (minute, limit) in walk.into_iter().enumerate() {
        hidden.store(limit.try_into().unwrap(), Ordering::Relaxed);
        // More than it can take, so that there is always work.
        for n in 0..limit * 60 {
            ids.push(yard.queue(&format!("+1555{minute:02}{n:05}"), "work").await.id);
        }
        tokio::time::sleep(60 * SECOND).await;
    }
    let (seen, taken) = (yard.seen().len(), yard.provider.accepted().len());
    println!("{taken} of {possible} taken, {} of {seen} refused", seen - taken);
    assert!(taken * 10 >= possible * 9, "nine tenths of what it would take");
    assert!((seen - taken) * 50 <= seen, "a fiftieth refused");
    hidden.store(100, Ordering::Relaxed);
    for id in ids {
        yard.until(id, State::Sent).await;
    }
}

/// A server that is busy refuses one in twenty, however slowly it is asked.
#[tokio::test(start_paused = true)]
async fn an_account_is_not_slowed_for_good_by_refusals_that_do_not_depend_on_its_rate() {
    let accept = Line::Accept(Duration::from_millis(20));
    let line = |n| if n % 20 == 7 { Line::TooFast(Slows::Account, None) } else { accept.clone() };
    let script = (0..600).map(line).chain([accept.clone()]).collect();
    let yard = Builder { script, ..Builder::default() }.start().await;
    for n in 0..600 {
        yard.queue(&format!("+155511{n:05}"), "work").await;
    }
    tokio::time::sleep(60 * SECOND).await;
    assert_eq!(yard.provider.accepted().len(), 600);
}
