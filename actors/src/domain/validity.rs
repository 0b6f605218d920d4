//! When a message may go at the earliest, and until when it is worth sending.
//!
//! A request gives `send_at`, and `expires_at` or for how long it is valid from `send_at` on. What it
//! says never depends on when it is repeated: a `send_at` that has passed means now, so a request that was
//! accepted is still one when its client repeats it. Pure.

use std::time::Duration;

use super::time::Time;

/// The furthest that a message can be put off, and the longest that it can be valid by a length of time.
pub const LONGEST: Duration = Duration::from_hours(35 * 24);

/// What a request says of its message's time.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Validity {
    /// Not before this.
    pub send_at: Option<Time>,
    /// Not from then on.
    pub expires: Option<Expires>,
}

/// When a message is not worth sending any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expires {
    /// From this instant on.
    At(Time),
    /// So long after its `send_at`, or after it was accepted.
    Within(Duration),
}

/// A request that contradicts itself, or asks for too much.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BadValidity {
    /// `send_at` is further ahead than [`LONGEST`].
    TooFarAhead,
    /// It ends before it may be sent.
    EndsBeforeItBegins,
    /// It is valid for no time at all, or for longer than [`LONGEST`].
    NoSuchLength,
}

impl Validity {
    /// Can that be meant?
    pub fn check(&self, now: Time) -> Result<(), BadValidity> {
        if self.send_at.is_some_and(|at| at > now + LONGEST) {
            return Err(BadValidity::TooFarAhead);
        }
        match (self.send_at, self.expires) {
            (Some(send_at), Some(Expires::At(end))) if end <= send_at => Err(BadValidity::EndsBeforeItBegins),
            (_, Some(Expires::Within(length))) if length.is_zero() || length > LONGEST => {
                Err(BadValidity::NoSuchLength)
            }
            (_, Some(_) | None) => Ok(()),
        }
    }

    /// The earliest instant at which a message that is accepted now may go.
    pub fn not_before(&self, now: Time) -> Time {
        self.send_at.map_or(now, |at| at.max(now))
    }

    /// From when on a message that is accepted now may not go any more.
    pub fn expires_at(&self, now: Time) -> Option<Time> {
        match self.expires? {
            Expires::At(end) => Some(end),
            Expires::Within(length) => Some(self.not_before(now) + length),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const NOW: Time = Time::from_millis(1_800_000_000_000);
    const HOUR: Duration = Duration::from_hours(1);

    #[test]
    fn what_is_said_of_the_time_must_be_possible() {
        let check = |send_at, expires| Validity { send_at, expires }.check(NOW);
        assert_eq!(check(None, None), Ok(()));
        assert_eq!(check(Some(NOW + LONGEST), None), Ok(()));
        assert_eq!(check(Some(NOW + LONGEST + HOUR), None), Err(BadValidity::TooFarAhead));
        assert_eq!(check(Some(NOW - HOUR), None), Ok(()));
        let ends = |end| check(Some(NOW + HOUR), Some(Expires::At(end)));
        assert_eq!(ends(NOW + HOUR), Err(BadValidity::EndsBeforeItBegins));
        assert_eq!(ends(NOW + HOUR * 2), Ok(()));
        for (length, expected) in [
            (Duration::ZERO, Err(BadValidity::NoSuchLength)),
            (Duration::from_secs(1), Ok(())),
            (LONGEST, Ok(())),
            (LONGEST + HOUR, Err(BadValidity::NoSuchLength)),
        ] {
            assert_eq!(check(None, Some(Expires::Within(length))), expected);
        }
        // Whether that can be met is another question, which has its own answer.
        assert_eq!(check(None, Some(Expires::At(NOW - HOUR))), Ok(()));
    }

    #[test]
    fn a_length_counts_from_when_it_may_go() {
        let valid = |send_at| Validity { send_at, expires: Some(Expires::Within(HOUR)) }.expires_at(NOW);
        assert_eq!(valid(None), Some(NOW + HOUR));
        assert_eq!(valid(Some(NOW + HOUR)), Some(NOW + HOUR * 2));
        assert_eq!(valid(Some(NOW - HOUR)), Some(NOW + HOUR));
    }

    proptest! {
        /// What was accepted once is no bad request when it is repeated later.
        #[test]
        fn what_was_good_stays_good(
            send_at in proptest::option::of(0..10_000_000_u64),
            end in 0..10_000_000_u64,
            within in any::<bool>(),
            later in 0..10_000_000_u64,
        ) {
            let second = |second: u64| NOW + Duration::from_secs(second);
            let expires = if within { Expires::Within(Duration::from_secs(end)) } else { Expires::At(second(end)) };
            let validity = Validity { send_at: send_at.map(second), expires: Some(expires) };
            prop_assume!(validity.check(NOW).is_ok());
            prop_assert_eq!(validity.check(second(later)), Ok(()));
            let not_before = validity.not_before(second(later));
            prop_assert!(not_before >= second(later) && validity.send_at.is_none_or(|at| not_before >= at));
        }
    }
}
