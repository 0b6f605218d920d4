use std::time::Duration;

use sendyard_actors::domain::message::State;
use sendyard_actors::domain::pace::CountedTraffic;
use sendyard_actors::domain::tuning::{Part, Pause, Retune, Tuning};
use sendyard_actors::sender::Waits;

use super::yard::{Builder, FROM, Line, ORGANIZATION, Seen, Yard, number};

const SECOND: Duration = Duration::from_secs(1);

async fn busy(messages: usize) -> Yard {
    let script = vec![Line::Accept(Duration::from_millis(250))];
    let yard = Builder { script, limits: vec!["10/s"], ..Builder::default() }.start().await;
    for n in 0..messages {
        yard.queue(&format!("+155511{n:05}"), "x").await;
    }
    yard
}

async fn tune(yard: &Yard, change: Retune) {
    yard.engine.tune(ORGANIZATION, number(FROM), &change).await.unwrap().expect("it is ours");
}

fn limited_to(limit: &str) -> Retune {
    Retune { limits: Part::Set(vec![limit.to_owned()]), ..Retune::default() }
}

fn paused(yard: &Yard, lasts: Option<Duration>) -> Retune {
    let pause = Pause { since: yard.now(), until: lasts.map(|lasts| yard.now() + lasts) };
    Retune { pause: Part::Set(pause), ..Retune::default() }
}

fn resumed() -> Retune {
    Retune { pause: Part::Usual, ..Retune::default() }
}

/// How many went in the next time, and that no second of it holds more than so many.
pub(super) async fn went_in(yard: &Yard, time: Duration, most: usize) -> usize {
    let from = yard.now();
    tokio::time::sleep(time).await;
    let seen: Vec<Seen> = yard.seen().into_iter().filter(|seen| seen.at >= from).collect();
    for (n, first) in seen.iter().enumerate() {
        let within = seen[n..].iter().take_while(|other| other.at.since(first.at) < SECOND).count();
        assert!(within <= most, "{within} in a second from {:?}", first.at);
    }
    seen.len()
}

#[tokio::test(start_paused = true)]
async fn a_limit_is_raised_and_lowered_at_once_without_burst_or_gap() {
    let yard = busy(400).await;
    assert!(went_in(&yard, SECOND * 5, 10).await >= 48);
    tune(&yard, limited_to("20/s")).await;
    let raised = went_in(&yard, SECOND * 5, 20).await;
    assert!((97..=101).contains(&raised), "{raised} in 5 s at 20/s");
    tune(&yard, limited_to("2/s")).await;
    // What went at 20/s before it fills the first second.
    tokio::time::sleep(SECOND).await;
    let lowered = went_in(&yard, SECOND * 10, 2).await;
    assert!((18..=20).contains(&lowered), "{lowered} in 10 s at 2/s");
    tune(&yard, Retune { limits: Part::Usual, ..Retune::default() }).await;
    let usual = went_in(&yard, SECOND * 5, 10).await;
    assert!((47..=51).contains(&usual), "{usual} in 5 s at the directory's 10/s");
}

#[tokio::test(start_paused = true)]
async fn it_is_kept_over_a_restart() {
    let mut yard = busy(200).await;
    tune(&yard, limited_to("2/s")).await;
    tokio::time::sleep(SECOND * 2).await;
    yard.crash_and_restart().await;
    let after = went_in(&yard, SECOND * 10, 2).await;
    assert!((18..=20).contains(&after), "{after}");
    tune(&yard, paused(&yard, None)).await;
    tokio::time::sleep(SECOND).await;
    yard.crash_and_restart().await;
    assert_eq!(went_in(&yard, SECOND * 30, 0).await, 0);
    tune(&yard, resumed()).await;
    let resumed = went_in(&yard, SECOND * 10, 2).await;
    assert!((18..=20).contains(&resumed), "{resumed}");
}

#[tokio::test(start_paused = true)]
async fn a_pause_hands_nothing_over_and_what_follows_makes_up_for_nothing() {
    let yard = busy(300).await;
    tokio::time::sleep(SECOND * 2).await;
    tune(&yard, paused(&yard, None)).await;
    // Also what was claimed already stays.
    assert_eq!(went_in(&yard, SECOND * 60, 0).await, 0);
    assert!(yard.send_now("+15559990000", "now").await.is_ok(), "immediate messages wait for nothing");
    tune(&yard, resumed()).await;
    let resumed = went_in(&yard, SECOND * 5, 10).await;
    assert!((47..=51).contains(&resumed), "{resumed} in 5 s at 10/s");

    tune(&yard, paused(&yard, Some(SECOND * 10))).await;
    let within = went_in(&yard, SECOND * 20, 10).await;
    assert!((96..=101).contains(&within), "{within} in the 10 s behind the pause");
}

#[tokio::test(start_paused = true)]
async fn it_says_what_its_head_waits_for() {
    let yard = busy(5).await;
    let standing = async || {
        let view = yard.engine.sender(ORGANIZATION, number(FROM)).await.unwrap().expect("it is ours");
        (view.depth, view.standing.map(|standing| standing.waits))
    };
    let ten = "10/s".parse().unwrap();
    assert_eq!(standing().await.1, Some(Waits::Pace(ten)));
    tune(&yard, paused(&yard, None)).await;
    assert_eq!(standing().await.1, Some(Waits::Pause));
    tune(&yard, resumed()).await;
    tokio::time::sleep(SECOND * 2).await;
    assert_eq!(standing().await, (0, Some(Waits::Nothing)));
    let first = yard.queue("+15552220000", "first").await.id;
    yard.queue("+15552220000", "second").await;
    yard.until(first, State::Sending).await;
    tokio::time::sleep(Duration::from_millis(120)).await;
    assert_eq!(standing().await, (1, Some(Waits::Conversation)));
}

#[tokio::test(start_paused = true)]
async fn another_process_hears_of_it_within_a_second() {
    let script = vec![Line::Accept(Duration::from_millis(20))];
    let yard = Builder { script, limits: vec!["10/s"], shared: true, ..Builder::default() }.start().await;
    for n in 0..200 {
        yard.queue(&format!("+155511{n:05}"), "x").await;
    }
    tokio::time::sleep(SECOND * 2).await;
    // As another process changes it: in the store alone.
    let tuning =
        Tuning::default().changed(&limited_to("1/s"), &[], CountedTraffic::EVERYTHING, yard.now()).unwrap();
    assert!(yard.store.tune(number(FROM), tuning).await.unwrap());
    tokio::time::sleep(SECOND * 3).await;
    let lowered = went_in(&yard, SECOND * 10, 1).await;
    assert!((9..=10).contains(&lowered), "{lowered}");
}

/// Where no limit looks back, hand-overs are not noted; so a first one counts each window as full, also on a
/// sender that starts soon after.
#[tokio::test(start_paused = true)]
async fn a_first_limit_takes_what_went_before_for_a_full_window() {
    let script = vec![Line::Accept(Duration::from_millis(20))];
    let mut yard = Builder { script, ..Builder::default() }.start().await;
    for restarts in [false, true] {
        tune(&yard, Retune { limits: Part::Usual, ..Retune::default() }).await;
        let since = yard.now();
        for n in 0..30 {
            yard.queue(&format!("+155511{n:05}"), "at once").await;
        }
        tokio::time::sleep(SECOND / 2).await;
        let charges = yard.store.charges(number(FROM), since).await.unwrap();
        assert_eq!(charges, [], "nothing looks back");

        tune(&yard, limited_to("10/s")).await;
        if restarts {
            yard.crash_and_restart().await;
        }
        for n in 0..60 {
            yard.queue(&format!("+155522{n:05}"), "paced").await;
        }
        assert_eq!(went_in(&yard, SECOND * 99 / 100, 0).await, 0, "restarts: {restarts}");
        let behind = went_in(&yard, SECOND * 4, 10).await;
        assert!((38..=41).contains(&behind), "{behind} in 4 s at 10/s; restarts: {restarts}");
        tokio::time::sleep(SECOND * 10).await;
    }
}

#[tokio::test(start_paused = true)]
async fn where_its_account_has_limits_a_first_one_knows_what_went_before() {
    let script = vec![Line::Accept(Duration::from_millis(20))];
    let account_limits = vec!["100/s"];
    let yard = Builder { script, account_limits, ..Builder::default() }.start().await;
    for n in 0..4 {
        yard.queue(&format!("+155511{n:05}"), "before").await;
    }
    tokio::time::sleep(SECOND / 5).await;
    tune(&yard, limited_to("10/s")).await;
    for n in 0..30 {
        yard.queue(&format!("+155522{n:05}"), "behind").await;
    }
    assert!(went_in(&yard, SECOND / 5, 10).await > 0, "no window is full");
    assert!(went_in(&yard, SECOND * 3, 10).await >= 25);
    let (all, first) = (yard.seen(), yard.seen()[0].at);
    let within = all.iter().take_while(|seen| seen.at.since(first) < SECOND).count();
    assert!(within <= 10, "{within} in the second that began before the limit");
}
