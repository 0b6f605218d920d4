//! When a definitely refused message is tried again, and when it is given up.
//!
//! Pure: the random part of the wait comes in as an argument. A retry is a row with a due time, so
//! what is decided here survives a crash.

use std::time::Duration;

use super::outcome::{Class, Next, Refusal};
use super::time::Time;

/// The waits of one class of refusal: `first`, doubled with each try, at most `longest`.
#[derive(Debug, Clone, Copy)]
struct Waits {
    first: Duration,
    longest: Duration,
}

/// A message older than this is given up at its next refusal.
pub const GIVE_UP_AFTER: Duration = Duration::from_hours(24);

/// A provider that names a later time than this is not believed.
const LONGEST_NAMED: Duration = Duration::from_hours(24);

const fn waits(class: Class) -> Option<Waits> {
    match class {
        Class::Retry => Some(Waits { first: Duration::from_secs(1), longest: Duration::from_mins(1) }),
        Class::Configuration => {
            Some(Waits { first: Duration::from_secs(15), longest: Duration::from_mins(5) })
        }
        Class::NextWindow => Some(Waits { first: Duration::from_mins(15), longest: Duration::from_hours(1) }),
        Class::Recipient | Class::Request | Class::Content | Class::OptedOut => None,
    }
}

/// What follows a refusal of a queued message.
///
/// `tries` counts the attempts begun before this one; `jitter` is random in `0.0..1.0` and stretches
/// the wait by up to a half, so that what failed together does not come back together. A time that
/// the provider named is a lower bound.
pub fn after(refusal: &Refusal, tries: u16, accepted_at: Time, now: Time, jitter: f64) -> Next {
    let Some(waits) = waits(refusal.class) else { return Next::GiveUp };
    if now.since(accepted_at) >= GIVE_UP_AFTER {
        return Next::GiveUp;
    }
    let doublings = u32::from(tries.min(16));
    let wait = waits.first.saturating_mul(1 << doublings).min(waits.longest);
    let named = refusal.retry_after.unwrap_or_default().min(LONGEST_NAMED);
    let stretched = wait.max(named) + wait.mul_f64(jitter.clamp(0.0, 1.0) / 2.0);
    Next::Retry { due: now + stretched }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Time = Time::from_millis(1_000_000_000);

    fn refusal(class: Class, retry_after: Option<Duration>) -> Refusal {
        Refusal { class, code: None, detail: String::new(), retry_after }
    }

    fn wait(refusal: &Refusal, tries: u16, jitter: f64) -> Duration {
        match after(refusal, tries, NOW, NOW, jitter) {
            Next::Retry { due } => due.since(NOW),
            Next::GiveUp => panic!("given up"),
        }
    }

    #[test]
    fn waits_double_up_to_the_longest() {
        let busy = refusal(Class::Retry, None);
        let waits: Vec<u64> = [0, 1, 2, 5, 6, 40].map(|tries| wait(&busy, tries, 0.0).as_secs()).into();
        assert_eq!(waits, [1, 2, 4, 32, 60, 60]);
        assert_eq!(wait(&busy, 1, 1.0), Duration::from_secs(3), "jitter stretches by up to a half");
    }

    #[test]
    fn a_named_time_is_a_lower_bound_and_bounded() {
        assert_eq!(wait(&refusal(Class::Retry, Some(Duration::from_secs(30))), 0, 0.0).as_secs(), 30);
        let absurd = refusal(Class::Retry, Some(Duration::MAX));
        assert_eq!(wait(&absurd, 0, 0.0), LONGEST_NAMED);
    }

    #[test]
    fn definite_refusals_and_old_messages_are_given_up() {
        for class in Class::ALL {
            let given_up = after(&refusal(class, None), 0, NOW, NOW, 0.5) == Next::GiveUp;
            assert_eq!(given_up, !class.is_retryable(), "{class:?}");
        }
        let late = NOW + GIVE_UP_AFTER;
        assert_eq!(after(&refusal(Class::Retry, None), 0, NOW, late, 0.5), Next::GiveUp);
    }
}
