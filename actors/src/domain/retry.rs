//! When a definitely refused message is tried again, and when it is given up.
//!
//! Pure: the random part of the wait comes in as an argument. A retry is a row with a due time, so
//! what is decided here survives a crash.

use std::time::Duration;

use jiff::Timestamp;
use jiff::tz::TimeZoneDatabase;

use super::outcome::{Class, Next, Refusal};
use super::time::Time;

/// The waits of one class of refusal: `first`, doubled with each try, at most `longest`; and how many
/// attempts there are in all.
#[derive(Debug, Clone, Copy)]
struct Waits {
    first: Duration,
    longest: Duration,
    attempts: u16,
}

/// A message whose turn came longer ago than this is given up at its next refusal.
pub const GIVE_UP_AFTER: Duration = Duration::from_hours(24);

/// T-Mobile counts its daily caps, which are all that there are, by Pacific time (PROVIDERS.md §1.4).
const CARRIERS_ZONE: &str = "America/Los_Angeles";

/// A provider that names a later time than this is not believed.
const LONGEST_NAMED: Duration = Duration::from_hours(24);

/// As data: what is refused like this is tried again so. A day of waits of the longest kind fits into the
/// attempts of the account's and the number's own refusals, so that those are given up by age.
const fn waits(class: Class) -> Option<Waits> {
    let (first, longest, attempts) = match class {
        Class::Retry => (Duration::from_secs(1), Duration::from_mins(1), 200),
        Class::Configuration | Class::Sender => (Duration::from_secs(15), Duration::from_mins(5), 400),
        // Beside the carrier's next day: see `after`.
        Class::NextWindow => (Duration::from_mins(1), Duration::from_mins(10), 10),
        Class::Recipient | Class::Request | Class::Content | Class::OptedOut | Class::Expired => return None,
    };
    Some(Waits { first, longest, attempts })
}

/// What follows a refusal of a queued message.
///
/// `tries` counts the attempts begun before this one; `jitter` is random in `0.0..1.0` and stretches
/// the wait by up to a half, so that what failed together does not come back together. A time that
/// the provider named is a lower bound.
pub fn after(refusal: &Refusal, tries: u16, turn_at: Time, now: Time, jitter: f64) -> Next {
    let Some(waits) = waits(refusal.class) else { return Next::GiveUp };
    if now.since(turn_at) >= GIVE_UP_AFTER || tries.saturating_add(1) >= waits.attempts {
        return Next::GiveUp;
    }
    let doublings = u32::from(tries.min(16));
    let wait = waits.first.saturating_mul(1 << doublings).min(waits.longest);
    let named = refusal.retry_after.map(|named| named.min(LONGEST_NAMED));
    let earliest = match (named, refusal.class) {
        (Some(named), _) => named,
        (None, Class::NextWindow) => next_carrier_day(now),
        (None, _) => Duration::ZERO,
    };
    let stretched = wait.max(earliest) + wait.mul_f64(jitter.clamp(0.0, 1.0) / 2.0);
    Next::Retry { due: now + stretched }
}

/// How long until the carriers' daily caps start anew: midnight in [`CARRIERS_ZONE`].
fn next_carrier_day(now: Time) -> Duration {
    // Without an answer: not reached, as the zone is built in and no instant is at the end of time.
    midnight_after(now).map_or(LONGEST_NAMED, |midnight| midnight.since(now))
}

fn midnight_after(now: Time) -> Option<Time> {
    let zone = TimeZoneDatabase::bundled().get(CARRIERS_ZONE).ok()?;
    let here = Timestamp::from_nanosecond(i128::from(now.as_nanos())).ok()?.to_zoned_datetime(zone);
    let midnight = here.tomorrow().ok()?.start_of_day().ok()?;
    let nanos = u64::try_from(midnight.timestamp().as_nanosecond()).ok()?;
    Some(Time::from_nanos(nanos))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Time = Time::from_millis(1_000_000_000);

    fn refusal(class: Class, retry_after: Option<Duration>) -> Refusal {
        Refusal { class, code: None, detail: String::new(), retry_after, slows: None }
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
    fn a_cap_of_the_carriers_day_waits_for_midnight_in_california() {
        let at = |text: &str| {
            let instant: Timestamp = text.parse().unwrap();
            Time::from_millis(u64::try_from(instant.as_millisecond()).unwrap())
        };
        // Summer time, winter time, and the two days on which the clocks change.
        for (now, midnight) in [
            ("2026-07-01T12:00:00Z", "2026-07-02T07:00:00Z"),
            ("2026-12-24T07:59:59Z", "2026-12-24T08:00:00Z"),
            ("2026-12-24T08:00:00Z", "2026-12-25T08:00:00Z"),
            ("2026-03-08T09:00:00Z", "2026-03-09T07:00:00Z"),
            ("2026-11-01T08:00:00Z", "2026-11-02T08:00:00Z"),
        ] {
            let (now, midnight) = (at(now), at(midnight));
            let capped = refusal(Class::NextWindow, None);
            let Next::Retry { due } = after(&capped, 0, now, now, 0.0) else { panic!("given up") };
            assert_eq!(due, midnight.max(now + Duration::from_mins(1)), "{now:?}");
        }
        let named = refusal(Class::NextWindow, Some(Duration::from_hours(1)));
        assert_eq!(wait(&named, 0, 0.0), Duration::from_hours(1), "a named time is truer");
    }

    #[test]
    fn what_is_out_of_attempts_is_given_up() {
        for (class, attempts) in [(Class::Retry, 200), (Class::Sender, 400), (Class::NextWindow, 10)] {
            let last = after(&refusal(class, None), attempts - 1, NOW, NOW, 0.5);
            let one_before = after(&refusal(class, None), attempts - 2, NOW, NOW, 0.5);
            assert!(last == Next::GiveUp && one_before != Next::GiveUp, "{class:?}");
        }
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
