//! Queues at a provider: how long each takes to drain at its rate, by the twin's clock.

use std::collections::HashMap;
use std::hash::Hash;
use std::time::Duration;

/// Drained backlogs are swept out when there are more than this many, or twice those left last time.
const SWEEP_FROM: usize = 1_024;

/// For each queue that is not empty, when it will be.
#[derive(Debug)]
pub(super) struct Backlogs<K> {
    /// Microseconds on the twin's clock.
    empty_at_us: HashMap<K, u64>,
    sweep_above: usize,
}

/// A queue that cannot take the message.
#[derive(Debug, PartialEq)]
pub(super) struct QueueFull;

impl<K: Eq + Hash> Backlogs<K> {
    /// All empty.
    pub(super) fn new() -> Self {
        Self { empty_at_us: HashMap::new(), sweep_above: SWEEP_FROM }
    }

    /// Puts one message into each of these queues, or into none: none of them may hold more than
    /// `longest`. With each goes how long the message takes there. Returns how long the message
    /// waits until all of them have come to it.
    pub(super) fn enqueue(
        &mut self,
        queues: impl IntoIterator<Item = (K, Duration)>,
        longest: Duration,
        now_us: u64,
    ) -> Result<Duration, QueueFull> {
        self.sweep(now_us);
        let mut waits_us = 0;
        let mut longer = Vec::new();
        for (queue, takes) in queues {
            let starts_us = self.empty_at_us.get(&queue).copied().unwrap_or(now_us).max(now_us);
            let empty_us = starts_us.saturating_add(micros(takes));
            if empty_us - now_us > micros(longest) {
                return Err(QueueFull);
            }
            waits_us = waits_us.max(starts_us - now_us);
            longer.push((queue, empty_us));
        }
        self.empty_at_us.extend(longer);
        Ok(Duration::from_micros(waits_us))
    }

    fn sweep(&mut self, now_us: u64) {
        if self.empty_at_us.len() <= self.sweep_above {
            return;
        }
        self.empty_at_us.retain(|_, empty_at| *empty_at > now_us);
        self.sweep_above = SWEEP_FROM.max(self.empty_at_us.len() * 2);
    }
}

/// How long so many units take at this rate a second.
pub(super) fn takes(units: u32, rate: f64) -> Duration {
    Duration::try_from_secs_f64(f64::from(units) / rate).unwrap_or(Duration::MAX)
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: u64 = 1_000_000_000;
    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn a_message_waits_for_the_slowest_of_its_queues() {
        let mut backlogs = Backlogs::new();
        let both = || [("fast", SECOND), ("slow", 10 * SECOND)];
        assert_eq!(backlogs.enqueue(both(), 60 * SECOND, NOW), Ok(Duration::ZERO));
        assert_eq!(backlogs.enqueue(both(), 60 * SECOND, NOW), Ok(10 * SECOND));
        assert_eq!(backlogs.enqueue([("fast", SECOND)], 60 * SECOND, NOW), Ok(2 * SECOND));
        assert_eq!(backlogs.enqueue(both(), 60 * SECOND, NOW + 25_000_000), Ok(Duration::ZERO));
    }

    #[test]
    fn one_full_queue_leaves_the_others_as_they_are() {
        let mut backlogs = Backlogs::new();
        assert_eq!(backlogs.enqueue([("full", 10 * SECOND)], 10 * SECOND, NOW), Ok(Duration::ZERO));
        let both = [("other", SECOND), ("full", SECOND)];
        assert_eq!(backlogs.enqueue(both, 10 * SECOND, NOW), Err(QueueFull));
        assert_eq!(backlogs.enqueue([("other", SECOND)], 10 * SECOND, NOW), Ok(Duration::ZERO));
    }

    #[test]
    fn drained_queues_are_forgotten() {
        let mut backlogs = Backlogs::new();
        for (index, now_us) in (NOW..).step_by(2_000_000).take(5_000).enumerate() {
            assert_eq!(backlogs.enqueue([(index, SECOND)], SECOND, now_us), Ok(Duration::ZERO));
        }
        assert!(backlogs.empty_at_us.len() <= SWEEP_FROM + 1);
    }

    #[test]
    fn a_rate_that_makes_no_sense_fills_the_queue() {
        assert_eq!(takes(1, 0.0), Duration::MAX);
        let mut backlogs = Backlogs::new();
        assert_eq!(backlogs.enqueue([("", takes(1, 0.0))], SECOND, NOW), Err(QueueFull));
    }
}
