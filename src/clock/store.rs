//! The clock of a process that shares its store: the store's time.
//!
//! It begins where the store's clock stands and goes on with the process' own, as no two clocks run alike slowly
//! towards the store's, so that they are not apart after a week: by so little that no window of the pace notices it.
//! It never goes back, and does not follow a jump of the store's clock: what was noted would be older than it is.
//!
//! State: written where the store is asked for its time, read by everybody.

use std::sync::{PoisonError, RwLock};
use std::time::Duration;

use sendyard_actors::domain::time::Time;
use sendyard_actors::ports::Clock;

use super::SystemClock;

/// It goes faster or slower than the process' own by so many millionths at most: of a window a fiftieth of its guard
/// (`min(window / 200, 250 ms)`), and more than two clocks that run well ever differ.
const MOST_PPM: i64 = 100;

/// What it is off is made up for within about so long.
const WITHIN: Duration = Duration::from_secs(10);

/// Clocks that are asked often are not further apart than this, unless one of them was set.
const SET_BY: Duration = Duration::from_secs(1);

/// How the store's clock stands to this one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Apart {
    /// About where this one is.
    Little,
    /// It was set forward, by about so much.
    Ahead(Duration),
    /// It was set back, by about so much.
    Behind(Duration),
}

/// Where it stood at an instant of the process' own clock, and how much faster it goes, in millionths.
#[derive(Debug, Clone, Copy)]
struct Course {
    from: Time,
    shown: Time,
    faster_ppm: i64,
}

impl Course {
    fn at(&self, own: Time) -> Time {
        let passed = own.since(self.from);
        let gained = passed.as_nanos() * u128::from(self.faster_ppm.unsigned_abs()) / 1_000_000;
        let gained = Duration::from_nanos(u64::try_from(gained).unwrap_or(u64::MAX));
        if self.faster_ppm < 0 { self.shown + passed - gained } else { self.shown + passed + gained }
    }
}

/// The store's time once that was learnt, the system's before: nothing is done that goes by it until then.
#[derive(Debug)]
pub struct StoreClock {
    system: SystemClock,
    course: RwLock<Option<Course>>,
}

impl StoreClock {
    /// The system's clock, so far.
    pub fn start() -> Self {
        Self { system: SystemClock::start(), course: RwLock::new(None) }
    }

    /// Learns that the store's clock showed `theirs` between `asked_at`, by this clock, and now. Half of the way there
    /// and back is not known.
    pub fn learn(&self, asked_at: Time, theirs: Time) -> Apart {
        let mut course = self.course.write().unwrap_or_else(PoisonError::into_inner);
        let own = self.system.now();
        let Some(known) = course.as_ref() else {
            let ours = asked_at + own.since(asked_at) / 2;
            let (ahead, behind) = (theirs.since(ours), ours.since(theirs));
            *course = Some(Course { from: own, shown: own + ahead - behind, faster_ppm: 0 });
            return Apart::Little;
        };
        let shown = known.at(own);
        let half_way = shown.since(asked_at) / 2;
        let ours = asked_at + half_way;
        let (ahead, behind) = (theirs.since(ours), ours.since(theirs));
        let off = ahead.max(behind).saturating_sub(half_way);
        let was_set = off > SET_BY;
        let faster_ppm = if was_set { 0 } else { ppm(off) * if ahead.is_zero() { -1 } else { 1 } };
        *course = Some(Course { from: own, shown, faster_ppm });
        match was_set {
            false => Apart::Little,
            true if ahead.is_zero() => Apart::Behind(behind),
            true => Apart::Ahead(ahead),
        }
    }
}

/// How much faster makes up for this.
fn ppm(off: Duration) -> i64 {
    let ppm = off.as_nanos() * 1_000_000 / WITHIN.as_nanos();
    i64::try_from(ppm).unwrap_or(MOST_PPM).min(MOST_PPM)
}

impl Clock for StoreClock {
    fn now(&self) -> Time {
        // Read in it: what is read before a course begins is not after it.
        let course = self.course.read().unwrap_or_else(PoisonError::into_inner);
        let own = self.system.now();
        course.as_ref().map_or(own, |course| course.at(own))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn apart(one: Time, other: Time) -> Duration {
        one.since(other).max(other.since(one))
    }

    #[tokio::test(start_paused = true)]
    async fn it_begins_where_the_stores_clock_stands() {
        let clock = StoreClock::start();
        let asked_at = clock.now();
        tokio::time::advance(2 * SECOND).await;
        assert_eq!(clock.learn(asked_at, asked_at + 61 * SECOND), Apart::Little);
        // It was read in the middle of the two seconds.
        assert_eq!(clock.now(), asked_at + 62 * SECOND);
        tokio::time::advance(3 * SECOND).await;
        assert_eq!(clock.now(), asked_at + 65 * SECOND);

        let behind = StoreClock::start();
        let asked_at = behind.now();
        behind.learn(asked_at, asked_at - 60 * SECOND);
        assert_eq!(behind.now(), asked_at - 60 * SECOND);
    }

    #[tokio::test(start_paused = true)]
    async fn it_keeps_beside_a_clock_that_runs_faster_or_slower_and_never_goes_back() {
        for gains_micros in [80, -80] {
            let clock = StoreClock::start();
            let mut theirs = clock.now();
            clock.learn(theirs, theirs);
            let mut before = clock.now();
            for _ in 0..86_400 {
                tokio::time::advance(SECOND).await;
                theirs = theirs + Duration::from_micros(1_000_000_u64.saturating_add_signed(gains_micros));
                let now = clock.now();
                let went = now.since(before);
                let off = went.abs_diff(SECOND);
                assert!(off <= SECOND / 9_999, "{went:?}");
                before = now;
                assert_eq!(clock.learn(now, theirs), Apart::Little);
                assert_eq!(clock.now(), now, "nothing jumps");
            }
            assert!(
                apart(clock.now(), theirs) < Duration::from_millis(2),
                "after a day: {:?}",
                apart(before, theirs)
            );
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_clock_that_was_set_is_told_of_and_not_followed() {
        let clock = StoreClock::start();
        let start = clock.now();
        clock.learn(start, start);
        tokio::time::advance(SECOND).await;
        let hour = 3600 * SECOND;
        assert_eq!(clock.learn(start + SECOND, start + hour + SECOND), Apart::Ahead(hour));
        assert_eq!(clock.learn(start + SECOND, start - hour + SECOND), Apart::Behind(hour));
        tokio::time::advance(SECOND).await;
        assert_eq!(clock.now(), start + 2 * SECOND);
        assert_eq!(clock.learn(start + 2 * SECOND, start + 2 * SECOND), Apart::Little, "it was set again");
    }

    /// An answer that was long on its way says little.
    #[tokio::test(start_paused = true)]
    async fn what_the_asking_took_is_not_taken_for_a_jump() {
        let clock = StoreClock::start();
        let start = clock.now();
        clock.learn(start, start);
        tokio::time::advance(4 * SECOND).await;
        assert_eq!(clock.learn(start, start + 3 * SECOND), Apart::Little);
        assert_eq!(clock.learn(start, start + SECOND), Apart::Little);
    }
}
