//! What an operator can set of the engine. `src/config/default.toml` holds the defaults.

use std::time::Duration;

/// The engine's settings, checked by whoever reads them from configuration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settings {
    /// From a claim to the last moment to write the request.
    pub begin_by: Duration,
    /// From a claim to the last moment for an answer.
    pub attempt_deadline: Duration,
    /// Added to both before anything is concluded from their passing.
    pub margin: Duration,
    /// How long an unknown outcome waits for evidence.
    pub evidence_deadline: Duration,
    /// How long a process owns its senders without renewing, on a store that several share.
    pub lease: Duration,
    /// Requests in flight per provider account.
    pub places_in_flight: usize,
    /// Requests of clients inside the engine at one time, per process.
    pub requests_in_flight: usize,
    /// Messages that may wait at one sender.
    pub queue_limit: u64,
    /// Messages of one organization that may wait at all of its senders together, about.
    pub organization_queue_limit: u64,
    /// How long an idempotency key is kept.
    pub idempotency_retention: Duration,
    /// How long a finished message is kept.
    pub message_retention: Duration,
    /// A sender with nothing to do stops its actor after this.
    pub idle_after: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            begin_by: Duration::from_secs(2),
            attempt_deadline: Duration::from_secs(20),
            margin: Duration::from_secs(2),
            evidence_deadline: Duration::from_mins(10),
            lease: Duration::from_secs(3),
            places_in_flight: 64,
            requests_in_flight: 4096,
            queue_limit: 250_000,
            organization_queue_limit: 2_000_000,
            idempotency_retention: Duration::from_hours(24),
            message_retention: Duration::from_hours(30 * 24),
            idle_after: Duration::from_mins(1),
        }
    }
}
