use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::mpsc::{Receiver, channel};
use tokio::time::Instant;

use super::{Alarm, AlarmClock};
use crate::domain::time::Time;

const NOW: Time = Time::from_millis(1_000_000);

fn after(millis: u64) -> Time {
    NOW + Duration::from_millis(millis)
}

/// An alarm, and whenever it rang, in milliseconds from now.
fn alarm(clock: &AlarmClock) -> (Alarm, Receiver<u128>) {
    let (rang, ringing) = channel(8);
    let start = Instant::now();
    let alarm = Alarm::new(clock, move || rang.try_send(start.elapsed().as_millis()).unwrap());
    (alarm, ringing)
}

#[tokio::test(start_paused = true)]
async fn it_rings_once_at_its_instant() {
    let clock = AlarmClock::start();
    let (mut alarm, mut ringing) = alarm(&clock);
    alarm.arm(after(70), NOW);
    assert_eq!(ringing.recv().await, Some(70));
    alarm.rang();
    tokio::time::advance(Duration::from_secs(10)).await;
    assert!(ringing.try_recv().is_err());
}

#[tokio::test(start_paused = true)]
async fn an_alarm_that_is_armed_anew_rings_only_then() {
    let clock = AlarmClock::start();
    let (mut later, mut ringing_later) = alarm(&clock);
    let (mut sooner, mut ringing_sooner) = alarm(&clock);
    later.arm(after(50), NOW);
    sooner.arm(after(90), NOW);
    // Its task sleeps until the first of them.
    tokio::task::yield_now().await;
    later.arm(after(100), NOW);
    sooner.arm(after(10), NOW);
    assert_eq!(ringing_sooner.recv().await, Some(10));
    assert_eq!(ringing_later.recv().await, Some(100));
    assert!(ringing_sooner.try_recv().is_err());
}

#[tokio::test(start_paused = true)]
async fn arming_at_the_latest_keeps_what_is_earlier() {
    let clock = AlarmClock::start();
    let (mut alarm, mut ringing) = alarm(&clock);
    alarm.arm_at_latest(after(30), NOW);
    alarm.arm_at_latest(after(60), NOW);
    assert_eq!(ringing.recv().await, Some(30));
    alarm.rang();
    alarm.arm_at_latest(after(90), after(30));
    alarm.arm_at_latest(after(60), after(30));
    assert_eq!(ringing.recv().await, Some(60));
}

#[tokio::test(start_paused = true)]
async fn what_is_due_at_the_same_instant_rings_together() {
    let clock = AlarmClock::start();
    let mut alarms: Vec<_> = (0..100).map(|_| alarm(&clock)).collect();
    for (alarm, _) in &mut alarms {
        alarm.arm(after(20), NOW);
    }
    for (_, ringing) in &mut alarms {
        assert_eq!(ringing.recv().await, Some(20));
    }
}

#[tokio::test(start_paused = true)]
async fn one_that_is_dropped_or_disarmed_does_not_ring() {
    let clock = AlarmClock::start();
    let (mut dropped, mut ringing) = alarm(&clock);
    dropped.arm(after(10), NOW);
    drop(dropped);
    assert_eq!(ringing.recv().await, None);
    let (mut disarmed, mut ringing) = alarm(&clock);
    disarmed.arm(after(10), NOW);
    disarmed.disarm();
    tokio::time::advance(Duration::from_secs(10)).await;
    tokio::task::yield_now().await;
    assert!(ringing.try_recv().is_err());
}

#[tokio::test(start_paused = true)]
async fn it_may_be_armed_by_what_rings() {
    let clock = AlarmClock::start();
    let again: Arc<Mutex<Option<Alarm>>> = Arc::default();
    let (second, mut ringing) = alarm(&clock);
    *again.lock().unwrap() = Some(second);
    let armed = Arc::clone(&again);
    let mut first = Alarm::new(&clock, move || {
        armed.lock().unwrap().as_mut().unwrap().arm(after(40), after(15));
    });
    first.arm(after(15), NOW);
    assert_eq!(ringing.recv().await, Some(40));
}
