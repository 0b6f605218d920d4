//! The store's instants: whole microseconds, as a number in Lua is exact up to 2^53.
//!
//! What the engine gives in nanoseconds is rounded up, which is the safe side for pace and deadlines:
//! nothing counts, ends or may begin earlier than it was told to. A now that is given is rounded down.

use std::time::Duration;

use sendyard_actors::domain::time::Time;

/// The latest instant: 2^53 − 1, in the year 2255.
pub(super) const LATEST: u64 = (1 << 53) - 1;

const NANOS: u64 = 1000;

/// An instant, rounded up.
pub(super) fn up(time: Time) -> u64 {
    time.as_nanos().div_ceil(NANOS).min(LATEST)
}

/// An instant, rounded down.
pub(super) fn down(time: Time) -> u64 {
    (time.as_nanos() / NANOS).min(LATEST)
}

/// A duration, rounded up.
pub(super) fn span(duration: Duration) -> u64 {
    let micros = duration.as_nanos().div_ceil(u128::from(NANOS));
    u64::try_from(micros).unwrap_or(LATEST).min(LATEST)
}

/// Back from an instant of the store.
pub(super) fn time(micros: u64) -> Time {
    Time::from_nanos(micros.saturating_mul(NANOS))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_told_is_rounded_up_and_now_is_rounded_down() {
        assert_eq!((up(Time::from_nanos(1001)), down(Time::from_nanos(1999))), (2, 1));
        assert_eq!((up(Time::from_nanos(1000)), span(Duration::from_nanos(1))), (1, 1));
        assert_eq!((up(Time::MAX), span(Duration::MAX)), (LATEST, LATEST));
        assert_eq!(time(3), Time::from_nanos(3000));
    }
}
