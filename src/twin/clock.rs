//! The twin's own clock.

use std::time::{Duration, SystemTime};

use tokio::time::Instant;

/// Anchored to the wall clock once, then monotonic: the ledger's instants never go back.
#[derive(Debug, Clone, Copy)]
pub(super) struct TwinClock {
    wall_at_start: Duration,
    start: Instant,
}

impl TwinClock {
    /// Reads the wall clock, for the only time.
    pub(super) fn start() -> Self {
        let since_epoch = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        Self { wall_at_start: since_epoch, start: Instant::now() }
    }

    /// Microseconds since the epoch.
    pub(super) fn now_us(self) -> u64 {
        let since_epoch = self.wall_at_start + self.start.elapsed();
        u64::try_from(since_epoch.as_micros()).unwrap_or(u64::MAX)
    }
}
