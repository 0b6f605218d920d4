//! The engine's clock and its source of ids, from the system.

mod jumps;

pub use self::jumps::{Beat, Jumps};

use std::sync::OnceLock;
use std::time::{Duration, SystemTime};

use rand::RngExt;
use sendyard_actors::domain::ids::{MessageId, Shard};
use sendyard_actors::domain::time::Time;
use sendyard_actors::ports::{Clock, Ids};
use tokio::time::Instant;
use uuid::Uuid;

/// Anchored to the wall clock once, then monotonic: a wall clock that jumps while we run moves
/// nothing.
#[derive(Debug, Clone, Copy)]
pub struct SystemClock {
    wall_at_start: Time,
    start: Instant,
}

impl SystemClock {
    /// Reads the wall clock, for the only time.
    pub fn start() -> Self {
        let since_epoch = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        Self { wall_at_start: Time::ZERO + since_epoch, start: Instant::now() }
    }
}

impl Clock for SystemClock {
    fn now(&self) -> Time {
        self.wall_at_start + self.start.elapsed()
    }
}

/// The clock of a process that has its store to itself: the system's, and what is known of its jumps before.
#[derive(Debug)]
pub struct OwnClock {
    system: SystemClock,
    jumps: Jumps,
}

impl OwnClock {
    /// The system's clock, which had jumped so before it was started.
    pub const fn new(system: SystemClock, jumps: Jumps) -> Self {
        Self { system, jumps }
    }
}

impl Clock for OwnClock {
    fn now(&self) -> Time {
        self.system.now()
    }

    fn of_before(&self, noted: Time) -> Time {
        self.jumps.of_before(noted)
    }

    fn noted_from(&self, from: Time) -> Time {
        self.jumps.noted_from(from)
    }
}

/// The clock of a process that shares its store: the store's time once that was learnt, the system's
/// before. Learnt once, before anything is done that goes by it, so it does not go back.
#[derive(Debug)]
pub struct StoreClock {
    system: SystemClock,
    ahead: OnceLock<Ahead>,
}

/// How far one clock is ahead of another.
#[derive(Debug, Clone, Copy)]
enum Ahead {
    By(Duration),
    Behind(Duration),
}

impl StoreClock {
    /// The system's clock, so far.
    pub fn start() -> Self {
        Self { system: SystemClock::start(), ahead: OnceLock::new() }
    }

    /// Learns that the store's clock showed `theirs` between `asked_at`, by this clock, and now. Half of
    /// the way there and back is not known. The first word counts.
    pub fn learn(&self, asked_at: Time, theirs: Time) {
        let ours = asked_at + self.system.now().since(asked_at) / 2;
        let ahead =
            if theirs >= ours { Ahead::By(theirs.since(ours)) } else { Ahead::Behind(ours.since(theirs)) };
        let _ = self.ahead.set(ahead);
    }
}

impl Clock for StoreClock {
    fn now(&self) -> Time {
        let now = self.system.now();
        match self.ahead.get() {
            Some(Ahead::By(rest)) => now + *rest,
            Some(Ahead::Behind(rest)) => now - *rest,
            None => now,
        }
    }
}

/// Ids and randomness from the operating system.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemIds;

impl Ids for SystemIds {
    fn message(&self, shard: Shard) -> MessageId {
        MessageId::new(Uuid::now_v7(), shard)
    }

    fn token(&self) -> Uuid {
        Uuid::new_v4()
    }

    fn jitter(&self) -> f64 {
        rand::rng().random()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn the_stores_time_is_learnt_once_and_goes_on_with_ours() {
        let clock = StoreClock::start();
        let asked_at = clock.now();
        tokio::time::advance(Duration::from_secs(2)).await;
        clock.learn(asked_at, asked_at + Duration::from_secs(61));
        // It was read in the middle of the two seconds.
        assert_eq!(clock.now(), asked_at + Duration::from_secs(62));
        clock.learn(asked_at, Time::ZERO);
        tokio::time::advance(Duration::from_secs(3)).await;
        assert_eq!(clock.now(), asked_at + Duration::from_secs(65));

        let behind = StoreClock::start();
        let asked_at = behind.now();
        behind.learn(asked_at, asked_at - Duration::from_mins(1));
        assert_eq!(behind.now(), asked_at - Duration::from_mins(1));
    }
}
