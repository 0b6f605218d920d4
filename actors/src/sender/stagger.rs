//! What a sender that finds work waiting when it starts does first: it waits a little, by its number.
//!
//! When a process starts, all its senders have work at the same instant. Spread over a part of their
//! interval, none of them is late. One that starts because a message came goes at once. Those that handed over at
//! the same instant before are due at the same instant again, later than this; they are spread from there.

use std::time::Duration;

use crate::domain::phone::E164;
use crate::domain::time::Time;

/// The longest wait: ten thousand senders are spread well enough over it.
const LONGEST: Duration = Duration::from_millis(250);

/// How long this number waits, of an interval between two of its messages.
pub(super) fn offset(number: E164, interval: Duration) -> Duration {
    let longest = u64::try_from(interval.min(LONGEST).as_nanos()).unwrap_or_default();
    // Neighbouring numbers are to lie far apart: the fractions of the golden ratio do.
    let mixed = number.as_u64().wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let share = u128::from(mixed) * u128::from(longest);
    Duration::from_nanos(u64::try_from(share >> 64).unwrap_or_default())
}

/// When the first hand-over after a start is due that the pace allows at `at`, to one that began at `since`, which has
/// its wait in it.
pub(super) fn first_due(at: Time, since: Time, wait: Option<Duration>) -> Time {
    match wait {
        Some(wait) if at > since => at + wait,
        Some(_) | None => at,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whom_its_pace_holds_longer_than_the_wait_waits_from_there() {
        let (since, wait) = (Time::from_millis(1000), Duration::from_millis(30));
        let later = since + Duration::from_millis(500);
        assert_eq!(first_due(since, since, Some(wait)), since);
        assert_eq!(first_due(later, since, Some(wait)), later + wait);
        assert_eq!(first_due(later, since, None), later);
    }

    #[test]
    fn ten_thousand_neighbours_are_spread_evenly_and_one_is_always_at_its_place() {
        let numbers = (0..10_000).map(|n| E164::from_u64(15_550_000_000 + n).unwrap());
        let offsets: Vec<Duration> = numbers.map(|number| offset(number, Duration::from_secs(1))).collect();
        assert!(offsets.iter().all(|offset| *offset < LONGEST));
        for part in 0..250_u32 {
            let begins = Duration::from_millis(u64::from(part));
            let within =
                offsets.iter().filter(|at| **at >= begins && **at < begins + Duration::from_millis(1));
            let count = within.count();
            assert!((30..=50).contains(&count), "{count} in millisecond {part}");
        }
        let number = E164::from_u64(15_550_000_007).unwrap();
        assert_eq!(offset(number, Duration::ZERO), Duration::ZERO);
        assert!(offset(number, Duration::from_millis(1)) < Duration::from_millis(1));
    }
}
