//! The yardsticks: bare timers, and bare actors that a timer wakes.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use hdrhistogram::Histogram;
use ractor::{Actor, ActorProcessingErr, ActorRef};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};

use crate::{processor, yard};

/// An actor that does nothing but be woken once a second, each time with a fresh timer.
pub(crate) struct Woken;

pub(crate) struct State {
    next: Instant,
    /// `None`: it is never woken.
    every: Option<Duration>,
}

impl Actor for Woken {
    type Msg = ();
    type State = State;
    type Arguments = (Duration, Option<Duration>);

    async fn pre_start(
        &self,
        myself: ActorRef<()>,
        (first, every): (Duration, Option<Duration>),
    ) -> Result<State, ActorProcessingErr> {
        let state = State { next: Instant::now() + first, every };
        state.arm(&myself);
        Ok(state)
    }

    async fn handle(
        &self,
        myself: ActorRef<()>,
        (): (),
        state: &mut State,
    ) -> Result<(), ActorProcessingErr> {
        if let Some(every) = state.every {
            state.next += every;
            state.arm(&myself);
        }
        Ok(())
    }
}

impl State {
    fn arm(&self, myself: &ActorRef<()>) {
        if self.every.is_none() {
            return;
        }
        let (myself, next) = (myself.clone(), self.next);
        tokio::spawn(async move {
            sleep_until(next).await;
            let _ = myself.send_message(());
        });
    }
}

/// So many actors, woken with that period or not at all, evenly apart.
pub(crate) async fn actors(count: usize, every: Option<Duration>) -> Vec<ActorRef<()>> {
    let mut actors = Vec::with_capacity(count);
    for n in 0..count {
        let first = every.unwrap_or_default().mul_f64(n as f64 / count as f64);
        let (actor, _) = Actor::spawn(None, Woken, (first, every)).await.unwrap();
        actors.push(actor);
    }
    actors
}

/// The processor time that each waking of ten thousand actors costs, one a second each.
pub(crate) async fn cost_of_a_waking(seconds: u32) -> Duration {
    let second = Duration::from_secs(1);
    let actors = actors(yard::SENDERS, Some(second)).await;
    tokio::time::sleep(second).await;
    let before = processor::time();
    tokio::time::sleep(second * seconds).await;
    let took = processor::time().saturating_sub(before);
    for actor in actors {
        actor.stop(None);
    }
    took / (seconds * u32::try_from(yard::SENDERS).unwrap())
}

/// How late ten thousand timers are that go off once a second each, in microseconds.
pub(crate) async fn lateness_of_timers(seconds: u32) -> Histogram<u64> {
    let late = Arc::new(Mutex::new(Histogram::new(3).unwrap()));
    let start = Instant::now();
    let mut timers = JoinSet::new();
    for n in 0..yard::SENDERS {
        let late = Arc::clone(&late);
        let first = start + Duration::from_secs_f64(n as f64 / yard::SENDERS as f64);
        timers.spawn(async move {
            for second in 1..=seconds {
                let due = first + Duration::from_secs(u64::from(second));
                sleep_until(due).await;
                let micros = u64::try_from(due.elapsed().as_micros()).unwrap();
                late.lock().unwrap().record(micros).unwrap();
            }
        });
    }
    timers.join_all().await;
    let histogram = late.lock().unwrap();
    histogram.clone()
}
