use std::time::Duration;

use sendyard_actors::domain::message::{Kind, Lane, State};
use sendyard_actors::domain::time::Time;
use sendyard_actors::domain::tuning::{Part, Pause, Retune};
use sendyard_actors::domain::validity::{Expires, Validity};
use sendyard_actors::engine::{NotSent, SendRequest};
use sendyard_actors::ports::Clock;

use super::faulty::Fault;
use super::yard::{Builder, FROM, ORGANIZATION, Yard, number};

const MINUTE: Duration = Duration::from_mins(1);
const SECOND: Duration = Duration::from_secs(1);
const NANOS_OF_MINUTE: u64 = 60_000_000_000;

/// The zone of such numbers is not certain, so the organization's counts, which is UTC here.
const TO: &str = "+12125550100";

/// Quiet hours from so many whole minutes from now on, for so long, and when they begin and end.
fn quiet(from: u64, length: u64) -> (String, Time, Time) {
    let minute = sendyard::clock::SystemClock::start().now().as_nanos() / NANOS_OF_MINUTE;
    let shown = |minute: u64| format!("{:02}:{:02}", minute / 60 % 24, minute % 60);
    let (begin, end) = (minute + from, minute + from + length);
    let at = |minute: u64| Time::from_nanos(minute * NANOS_OF_MINUTE);
    (format!("{}-{}@UTC", shown(begin), shown(end)), at(begin), at(end))
}

#[tokio::test(start_paused = true)]
async fn what_is_accepted_meanwhile_waits_for_their_end() {
    let (hours, _, end) = quiet(0, 120);
    let yard = Builder { quiet_hours: Some(hours), ..Builder::default() }.start().await;
    let first = yard.queue(TO, "first").await;
    let second = yard.queue(TO, "second").await;
    let estimate = first.queued.expect("a place").estimate;
    assert_eq!(estimate, end, "{estimate:?} {end:?}");
    // Who asks for at once gets it.
    yard.send_now("+12125550101", "now").await.expect("sent");
    yard.until(second.id, State::Sent).await;
    let seen = yard.seen();
    assert_eq!(seen.iter().map(|seen| seen.text.as_str()).collect::<Vec<_>>(), ["now", "first", "second"]);
    assert!(seen[1].at >= end && seen[1].at.since(end) < SECOND, "{:?}", seen[1].at.since(end));
}

#[tokio::test(start_paused = true)]
async fn what_waits_in_the_queue_when_they_begin_goes_on_at_their_end() {
    let (hours, begin, end) = quiet(3, 60);
    let yard =
        Builder { limits: vec!["6/min"], quiet_hours: Some(hours), ..Builder::default() }.start().await;
    let mut last = None;
    for index in 0..40 {
        last = Some(yard.queue(&format!("+1212555{:04}", index % 5), &format!("{index}")).await.id);
    }
    yard.until(last.unwrap(), State::Sent).await;
    let seen = yard.seen();
    let (before, after): (Vec<_>, Vec<_>) = seen.iter().partition(|seen| seen.at < begin);
    assert!(before.len() >= 12 && after.len() >= 20, "{} before", before.len());
    assert!(after.iter().all(|seen| seen.at >= end), "none while it is quiet");
    for recipient in 0..5 {
        let to = format!("+1212555{recipient:04}").parse().unwrap();
        let of_one: Vec<usize> =
            seen.iter().filter(|seen| seen.to == to).map(|seen| seen.text.parse().unwrap()).collect();
        assert!(of_one.is_sorted() && of_one.len() == 8, "{of_one:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_was_claimed_before_is_not_begun_after() {
    let (hours, begin, end) = quiet(1, 60);
    let yard = Builder { quiet_hours: Some(hours), ..Builder::default() }.start().await;
    tokio::time::sleep(begin.since(yard.now()).saturating_sub(Duration::from_millis(500))).await;
    yard.faults().push("claim", Fault::After(SECOND));
    let id = yard.queue(TO, "just before").await.id;
    yard.until(id, State::Sent).await;
    assert_eq!(yard.seen().len(), 1);
    assert!(yard.seen()[0].at >= end);
}

#[tokio::test(start_paused = true)]
async fn what_expires_before_their_end_is_refused_with_it() {
    let (hours, _, end) = quiet(0, 120);
    let yard = Builder { quiet_hours: Some(hours), ..Builder::default() }.start().await;
    let validity = Validity { send_at: None, expires: Some(Expires::Within(MINUTE)) };
    let request = SendRequest { validity, ..Yard::request(TO, "soon", Kind::Queued) };
    let answer = yard.engine.send(request).await;
    assert!(matches!(answer, Err(NotSent::ExpiresBefore(at)) if at == end), "{answer:?}");
}

#[tokio::test(start_paused = true)]
async fn they_go_by_the_recipients_clock_where_it_is_certain() {
    // From now on by the clocks in UTC; those in Kathmandu show a time that is hours later.
    let (hours, ..) = quiet(0, 120);
    let yard = Builder { quiet_hours: Some(hours), ..Builder::default() }.start().await;
    let there = yard.queue("+9779812345678", "there").await.id;
    yard.until(there, State::Sent).await;
    assert_eq!(yard.seen().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn what_is_urgent_goes() {
    let (hours, begin, _) = quiet(0, 120);
    let yard = Builder { quiet_hours: Some(hours), ..Builder::default() }.start().await;
    let request = SendRequest { lane: Lane::Urgent, ..Yard::request(TO, "code", Kind::Queued) };
    let id = yard.engine.send(request).await.expect("accepted").id;
    yard.until(id, State::Sent).await;
    assert!(yard.seen()[0].at.since(begin) < MINUTE * 2);
}

/// It takes no place in the queue meanwhile: its sender, which would put it off in its turn, is paused here.
#[tokio::test(start_paused = true)]
async fn what_is_accepted_meanwhile_waits_outside_of_the_queue() {
    let (hours, _, end) = quiet(0, 120);
    let yard = Builder { quiet_hours: Some(hours), ..Builder::default() }.start().await;
    let pause = Part::Set(Pause { since: yard.now(), until: None });
    let change = Retune { pause, ..Retune::default() };
    yard.engine.tune(ORGANIZATION, number(FROM), &change).await.unwrap();
    let id = yard.queue(TO, "hello").await.id;
    tokio::time::sleep(SECOND).await;
    let message = yard.message(id).await;
    assert_eq!((message.state, message.due), (State::Scheduled, end));
}
