//! The open loop: requests at scheduled instants, whether or not earlier ones are answered.
//!
//! The number outstanding is bounded. A request whose instant finds no place is not sent later: it is
//! told to `refuse`, so that the bound shows and changes no latency.

use std::future::Future;
use std::sync::Arc;

use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};

use super::schedule::Schedule;
use super::stop::Stop;

/// Runs to the last answer. `send` is given the number of a request and when it was due.
pub(super) async fn run<S, F>(
    schedule: Schedule,
    outstanding: usize,
    stop: &Stop,
    send: S,
    mut refuse: impl FnMut(),
) where
    S: Fn(u64, Instant) -> F,
    F: Future<Output = ()> + Send + 'static,
{
    let start = Instant::now();
    let places = Arc::new(Semaphore::new(outstanding));
    let mut tasks = JoinSet::new();
    for n in 0_u64.. {
        let Some(due) = schedule.due(n).map(|offset| start + offset) else { break };
        tokio::select! {
            biased;
            () = stop.wait() => break,
            () = sleep_until(due) => {}
        }
        while tasks.try_join_next().is_some() {}
        let Ok(place) = Arc::clone(&places).try_acquire_owned() else {
            refuse();
            continue;
        };
        let sent = send(n, due);
        tasks.spawn(async move {
            sent.await;
            drop(place);
        });
    }
    tasks.join_all().await;
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;
    use std::time::Duration;

    use tokio::time::sleep;

    use super::*;
    use crate::load::schedule::Length;

    const SECOND: Duration = Duration::from_secs(1);

    fn schedule(rate: &str, length: Length) -> Schedule {
        Schedule { rate: rate.parse().unwrap(), length }
    }

    #[tokio::test(start_paused = true)]
    async fn requests_go_out_at_their_instants_however_long_the_answers_take() {
        let start = Instant::now();
        let seen = Arc::new(Mutex::new(Vec::new()));
        let send = |n, due| {
            let seen = seen.clone();
            async move {
                seen.lock().unwrap().push((n, due - start, start.elapsed()));
                sleep(10 * SECOND).await;
            }
        };
        let mut refused = 0;
        run(schedule("2/s", Length::Requests(4)), 100, &Stop::default(), send, || refused += 1).await;
        let seen = seen.lock().unwrap();
        for (place, (n, due, sent_at)) in seen.iter().enumerate() {
            let scheduled = SECOND / 2 * u32::try_from(place).unwrap();
            assert_eq!((*n, *due, *sent_at), (place as u64, scheduled, scheduled));
        }
        assert_eq!((seen.len(), refused), (4, 0));
        assert_eq!(start.elapsed(), Duration::from_millis(11_500), "the last answer is waited for");
    }

    #[tokio::test(start_paused = true)]
    async fn what_finds_no_place_is_refused_and_not_sent_later() {
        let seen = Arc::new(Mutex::new(Vec::new()));
        let send = |n, _due| {
            let seen = seen.clone();
            async move {
                seen.lock().unwrap().push(n);
                sleep(Duration::from_millis(2_500)).await;
            }
        };
        let mut refused = 0;
        run(schedule("1/s", Length::Requests(6)), 2, &Stop::default(), send, || refused += 1).await;
        assert_eq!(*seen.lock().unwrap(), [0, 1, 3, 4]);
        assert_eq!(refused, 2);
    }

    /// The generator itself was late: what is overdue goes at once, and counts from when it was due.
    #[tokio::test(start_paused = true)]
    async fn a_late_start_moves_no_instant() {
        let start = Instant::now();
        let seen = Arc::new(Mutex::new(Vec::new()));
        let send = |_, due: Instant| {
            let seen = seen.clone();
            async move { seen.lock().unwrap().push(due - start) }
        };
        let late = async {
            // The clock jumps while the loop sleeps for its second instant.
            tokio::time::advance(3 * SECOND).await;
        };
        let (stop, mut refuse) = (Stop::default(), || {});
        tokio::join!(run(schedule("1/s", Length::Requests(4)), 10, &stop, send, &mut refuse), late);
        assert_eq!(*seen.lock().unwrap(), [0, 1, 2, 3].map(|seconds| SECOND * seconds));
        assert_eq!(start.elapsed(), 3 * SECOND);
    }

    #[tokio::test(start_paused = true)]
    async fn a_stop_is_not_slept_over() {
        let (start, stop) = (Instant::now(), Stop::default());
        let early = async {
            sleep(SECOND).await;
            stop.set();
        };
        tokio::join!(run(schedule("1/min", Length::Requests(2)), 1, &stop, |_, _| async {}, || {}), early);
        assert_eq!(start.elapsed(), SECOND);
    }
}
