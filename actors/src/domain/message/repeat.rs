//! How long and how often a request of unknown outcome is repeated at a provider that knows repeats.

use std::time::Duration;

/// From the first of the open questions on, the provider answers the same bytes as the first time for
/// 24 h (PROVIDERS.md §2.1); an hour less, so that no repeat arrives too late.
pub const WITHIN: Duration = Duration::from_hours(23);

/// The wait before the second repeat, doubled with each one up to [`LONGEST_WAIT`].
pub const FIRST_WAIT: Duration = Duration::from_secs(1);

/// The longest wait.
pub const LONGEST_WAIT: Duration = Duration::from_mins(10);

/// The wait before the next repeat of a message with so many unresolved attempts: none before the
/// first. With the longest wait, what is unresolved at the end are under two hundred attempts.
pub fn wait(unresolved: usize) -> Duration {
    let doublings = match unresolved.checked_sub(2) {
        None => return Duration::ZERO,
        Some(doublings) => u32::try_from(doublings.min(16)).unwrap_or(16),
    };
    FIRST_WAIT.saturating_mul(1 << doublings).min(LONGEST_WAIT)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_repeat_comes_at_once_and_the_later_ones_ever_more_slowly() {
        let waits: Vec<u64> = [0, 1, 2, 3, 4, 11, 12, 13, 5000].map(|open| wait(open).as_secs()).into();
        assert_eq!(waits, [0, 0, 1, 2, 4, 512, 600, 600, 600]);
    }
}
