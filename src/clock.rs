//! The engine's clock and its source of ids, from the system.

mod jumps;
mod store;

pub use self::jumps::{Beat, Jumps};
pub use self::store::{Apart, StoreClock};

use std::time::SystemTime;

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
