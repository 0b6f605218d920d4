//! One wake-up per actor: armed for an instant, armed anew only when that instant changes.
//!
//! One task rings for all actors of an engine: with a task for each wake-up, ten thousand senders would
//! spend more on tasks than on their decisions.
//!
//! State: who is armed for when. An alarm is there once at the most, under its own number.

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep_until};

use crate::domain::time::Time;

/// What is done when an alarm rings. It must be quick.
type Ring = Arc<dyn Fn() + Send + Sync>;

/// An engine's alarms. Cheap to clone; the last one that is dropped ends its task.
#[derive(Clone)]
pub(crate) struct AlarmClock(Arc<Running>);

struct Running {
    shared: Arc<Shared>,
    bell: JoinHandle<()>,
}

impl Drop for Running {
    fn drop(&mut self) {
        self.bell.abort();
    }
}

#[derive(Default)]
struct Shared {
    armed: Mutex<BTreeMap<(Instant, u64), Ring>>,
    /// The first one is another, and earlier.
    earlier: Notify,
    alarms_made: AtomicU64,
}

impl AlarmClock {
    /// One that goes, in the runtime that it is started in.
    pub(crate) fn start() -> Self {
        let shared = Arc::<Shared>::default();
        let bell = tokio::spawn(ring_when_due(Arc::clone(&shared)));
        Self(Arc::new(Running { shared, bell }))
    }
}

async fn ring_when_due(shared: Arc<Shared>) {
    let mut due = Vec::new();
    loop {
        let next = shared.take_due(Instant::now(), &mut due);
        for ring in due.drain(..) {
            ring();
        }
        let earlier = shared.earlier.notified();
        match next {
            Some(next) => tokio::select! {
                () = sleep_until(next) => {}
                () = earlier => {}
            },
            None => earlier.await,
        }
    }
}

impl Shared {
    /// Moves what is due by now into `due`; when the next one is.
    fn take_due(&self, now: Instant, due: &mut Vec<Ring>) -> Option<Instant> {
        let mut armed = self.armed();
        while let Some(first) = armed.first_entry() {
            let (at, _) = *first.key();
            if at > now {
                return Some(at);
            }
            due.push(first.remove());
        }
        None
    }

    fn arm(&self, at: Instant, number: u64, ring: Ring) {
        let mut armed = self.armed();
        armed.insert((at, number), ring);
        let is_first = armed.first_key_value().is_some_and(|(first, _)| *first == (at, number));
        drop(armed);
        if is_first {
            self.earlier.notify_one();
        }
    }

    /// Nothing, where it has rung.
    fn disarm(&self, at: Instant, number: u64) {
        let gone = self.armed().remove(&(at, number));
        // What it would have done is dropped where nobody waits for the lock.
        drop(gone);
    }

    fn armed(&self) -> MutexGuard<'_, BTreeMap<(Instant, u64), Ring>> {
        self.armed.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The wake-up of one actor. Dropping it disarms it.
pub(crate) struct Alarm {
    clock: AlarmClock,
    number: u64,
    ring: Ring,
    /// By the engine's clock, and by the one that rings.
    armed: Option<(Time, Instant)>,
}

impl fmt::Debug for Alarm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Alarm")
            .field("number", &self.number)
            .field("armed", &self.armed)
            .finish_non_exhaustive()
    }
}

impl Alarm {
    /// One that does that whenever it rings: tell the actor. An actor that has stopped needs no waking.
    pub(crate) fn new(clock: &AlarmClock, ring: impl Fn() + Send + Sync + 'static) -> Self {
        let number = clock.0.shared.alarms_made.fetch_add(1, Ordering::Relaxed);
        Self { clock: clock.clone(), number, ring: Arc::new(ring), armed: None }
    }

    /// Rings at the instant `at`, and not at the one it was armed for.
    pub(crate) fn arm(&mut self, at: Time, now: Time) {
        if self.armed.is_some_and(|(armed, _)| armed == at) {
            return;
        }
        self.disarm();
        let instant = Instant::now() + at.since(now);
        self.clock.0.shared.arm(instant, self.number, Arc::clone(&self.ring));
        self.armed = Some((at, instant));
    }

    /// As `arm`, but a wake-up that is armed for an earlier instant will do.
    pub(crate) fn arm_at_latest(&mut self, at: Time, now: Time) {
        if self.armed.is_none_or(|(armed, _)| armed > at) {
            self.arm(at, now);
        }
    }

    /// It has rung. If it was armed anew meanwhile that is dropped, not forgotten: the actor looks at
    /// everything now, and then arms it for what is next.
    pub(crate) fn rang(&mut self) {
        self.disarm();
    }

    /// Forgets the wake-up.
    pub(crate) fn disarm(&mut self) {
        if let Some((_, instant)) = self.armed.take() {
            self.clock.0.shared.disarm(instant, self.number);
        }
    }
}

impl Drop for Alarm {
    fn drop(&mut self) {
        self.disarm();
    }
}
