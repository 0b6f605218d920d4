//! The twin's own clock.

use std::time::{Duration, SystemTime};

use jiff::Timestamp;
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

/// An instant of the twin's clock; the epoch where it makes no sense.
pub(super) fn timestamp(at_us: u64) -> Timestamp {
    i64::try_from(at_us)
        .ok()
        .and_then(|micros| Timestamp::from_microsecond(micros).ok())
        .unwrap_or(Timestamp::UNIX_EPOCH)
}

/// `2026-11-23T13:00:00.148+00:00`.
pub(super) fn rfc_3339(at_us: u64) -> String {
    timestamp(at_us).strftime("%Y-%m-%dT%H:%M:%S.%3f+00:00").to_string()
}
