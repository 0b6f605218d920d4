use std::time::Duration;

use sendyard_actors::domain::message::{Cancelled, Kind, Shown, State};
use sendyard_actors::domain::time::Time;
use sendyard_actors::domain::validity::{LONGEST, Validity};
use sendyard_actors::engine::{SendRequest, Sent};
use sendyard_actors::settings::Settings;

use super::yard::{Builder, ORGANIZATION, Yard};

const HOUR: Duration = Duration::from_hours(1);
const SECOND: Duration = Duration::from_secs(1);

async fn send_at(yard: &Yard, to: &str, text: &str, at: Time) -> Sent {
    let validity = Validity { send_at: Some(at), expires: None };
    let request = SendRequest { validity, ..Yard::request(to, text, Kind::Queued) };
    yard.engine.send(request).await.expect("accepted")
}

#[tokio::test(start_paused = true)]
async fn it_goes_at_its_time_and_holds_up_nothing() {
    let yard = Builder { limits: vec!["1/s"], ..Builder::default() }.start().await;
    let at = yard.now() + HOUR + Duration::from_millis(1234);
    let later = send_at(&yard, "+15551110001", "later", at).await;
    let queued = later.queued.expect("a place");
    assert_eq!((queued.position, queued.estimate), (1, at));
    for text in ["first", "second"] {
        yard.queue("+15551110001", text).await;
    }
    yard.until(later.id, State::Sent).await;
    let seen = yard.seen();
    assert_eq!(seen.iter().map(|seen| seen.text.as_str()).collect::<Vec<_>>(), ["first", "second", "later"]);
    let late = seen[2].at.since(at);
    assert!(seen[2].at >= at && late < Duration::from_millis(50), "{late:?}");
}

#[tokio::test(start_paused = true)]
async fn those_of_one_instant_go_in_the_order_of_acceptance() {
    let yard = Builder::default().start().await;
    let at = yard.now() + HOUR;
    let mut ids = Vec::new();
    for index in 0..300 {
        let to = format!("+1555222{:04}", index % 7);
        ids.push(send_at(&yard, &to, &format!("{index}"), at).await.id);
    }
    yard.until(ids[299], State::Sent).await;
    tokio::time::sleep(SECOND).await;
    let seen = yard.seen();
    assert_eq!(seen.len(), 300);
    for recipient in 0..7 {
        let to = format!("+1555222{recipient:04}").parse().unwrap();
        let of_one: Vec<usize> =
            seen.iter().filter(|seen| seen.to == to).map(|seen| seen.text.parse().unwrap()).collect();
        assert!(of_one.is_sorted(), "{of_one:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_restart_does_not_forget_it() {
    let mut yard = Builder::default().start().await;
    let at = yard.now() + LONGEST;
    let id = send_at(&yard, "+15551110001", "in five weeks", at).await.id;
    tokio::time::sleep(LONGEST.saturating_sub(HOUR)).await;
    yard.crash_and_restart().await;
    yard.until(id, State::Sent).await;
    assert!(yard.seen()[0].at >= at);
}

#[tokio::test(start_paused = true)]
async fn what_came_due_while_nothing_ran_goes_at_once() {
    let mut yard = Builder::default().start().await;
    let id = send_at(&yard, "+15551110001", "due", yard.now() + HOUR).await.id;
    yard.stop(Duration::ZERO).await;
    tokio::time::sleep(HOUR * 2).await;
    yard.crash_and_restart().await;
    let began = yard.now();
    yard.until(id, State::Sent).await;
    assert!(yard.seen()[0].at.since(began) < SECOND);
}

#[tokio::test(start_paused = true)]
async fn it_is_cancelled_until_then() {
    let yard = Builder::default().start().await;
    let id = send_at(&yard, "+15551110001", "no", yard.now() + HOUR).await.id;
    let cancelled = yard.engine.cancel(ORGANIZATION, id).await.unwrap();
    assert_eq!(cancelled, Some((Cancelled::Done, Shown::Cancelled)));
    tokio::time::sleep(HOUR * 2).await;
    assert!(yard.seen().is_empty());
}

#[tokio::test(start_paused = true)]
async fn its_refusals_are_counted_from_its_time_on() {
    use sendyard_actors::domain::outcome::Class;

    use super::yard::Line;

    let script = vec![Line::Refuse(Class::Retry, Duration::ZERO), Line::Accept(Duration::ZERO)];
    let settings = Settings::default();
    let yard = Builder { script, settings, ..Builder::default() }.start().await;
    let id = send_at(&yard, "+15551110001", "in three days", yard.now() + HOUR * 72).await.id;
    tokio::time::sleep(HOUR * 72).await;
    yard.until(id, State::Sent).await;
    assert_eq!(yard.seen().len(), 2, "it is not given up for its age");
}
