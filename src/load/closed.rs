//! The closed loop: each connection sends its next request when its last one is answered.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

use super::schedule::Length;
use super::stop::Stop;

/// A connection whose request got no answer rests so long: a server that is gone is not hammered.
const REST: Duration = Duration::from_millis(100);

/// Which requests may still be begun.
pub(super) struct Budget {
    next: AtomicU64,
    requests: u64,
    until: Option<Instant>,
}

impl Budget {
    /// From now on.
    pub(super) fn new(length: Length) -> Self {
        let (requests, until) = match length {
            Length::Lasting(lasting) => (u64::MAX, Some(Instant::now() + lasting)),
            Length::Requests(requests) => (requests, None),
        };
        Self { next: AtomicU64::new(0), requests, until }
    }

    /// The number of the next request, from 0. None: it was the last.
    pub(super) fn take(&self) -> Option<u64> {
        if self.until.is_some_and(|until| Instant::now() >= until) {
            return None;
        }
        let n = self.next.fetch_add(1, Ordering::Relaxed);
        (n < self.requests).then_some(n)
    }
}

/// Runs to the last answer. `send` says whether its request was answered.
pub(super) async fn run<S, F>(connections: usize, length: Length, stop: &Stop, send: S)
where
    S: Fn(u64) -> F + Clone + Send + 'static,
    F: Future<Output = bool> + Send + 'static,
{
    let budget = Arc::new(Budget::new(length));
    let mut tasks = JoinSet::new();
    for _ in 0..connections {
        tasks.spawn(connection(Arc::clone(&budget), stop.clone(), send.clone()));
    }
    tasks.join_all().await;
}

async fn connection<S, F>(budget: Arc<Budget>, stop: Stop, send: S)
where
    S: Fn(u64) -> F,
    F: Future<Output = bool>,
{
    while !stop.is_set() {
        let Some(n) = budget.take() else { return };
        let answered = send(n).await;
        if !answered {
            sleep(REST).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;
    use std::sync::atomic::AtomicUsize;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn each_connection_waits_for_its_answer() {
        let (in_flight, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let seen = Arc::new(Mutex::new(Vec::new()));
        let send = {
            let (in_flight, most, seen) = (in_flight.clone(), most.clone(), seen.clone());
            move |n| {
                let (in_flight, most, seen) = (in_flight.clone(), most.clone(), seen.clone());
                async move {
                    most.fetch_max(in_flight.fetch_add(1, Ordering::Relaxed) + 1, Ordering::Relaxed);
                    sleep(Duration::from_millis(100)).await;
                    in_flight.fetch_sub(1, Ordering::Relaxed);
                    seen.lock().unwrap().push(n);
                    true
                }
            }
        };
        let start = Instant::now();
        run(3, Length::Requests(10), &Stop::default(), send).await;
        let mut seen = seen.lock().unwrap().clone();
        seen.sort_unstable();
        assert_eq!(seen, (0..10).collect::<Vec<_>>());
        assert_eq!(most.load(Ordering::Relaxed), 3);
        assert_eq!(start.elapsed(), Duration::from_millis(400));
    }

    #[tokio::test(start_paused = true)]
    async fn nothing_is_begun_after_the_end_and_what_was_begun_is_waited_for() {
        let start = Instant::now();
        let begun = Arc::new(AtomicUsize::new(0));
        let send = {
            let begun = begun.clone();
            move |_| {
                begun.fetch_add(1, Ordering::Relaxed);
                async {
                    sleep(Duration::from_secs(2)).await;
                    true
                }
            }
        };
        run(1, Length::Lasting(Duration::from_secs(3)), &Stop::default(), send).await;
        assert_eq!(begun.load(Ordering::Relaxed), 2);
        assert_eq!(start.elapsed(), Duration::from_secs(4));
    }

    #[tokio::test(start_paused = true)]
    async fn a_connection_rests_after_a_request_without_an_answer() {
        let start = Instant::now();
        run(1, Length::Requests(5), &Stop::default(), |_| async { false }).await;
        assert_eq!(start.elapsed(), 5 * REST);
    }

    #[tokio::test]
    async fn a_stop_ends_it_early() {
        let (stop, begun) = (Stop::default(), Arc::new(AtomicUsize::new(0)));
        let send = {
            let (stop, begun) = (stop.clone(), begun.clone());
            move |n| {
                begun.fetch_add(1, Ordering::Relaxed);
                if n == 2 {
                    stop.set();
                }
                async { true }
            }
        };
        run(1, Length::Requests(1000), &stop, send).await;
        assert_eq!(begun.load(Ordering::Relaxed), 3);
    }
}
