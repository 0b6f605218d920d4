//! Judges the hand-overs of a sender by their instants alone: no window of a second over its limit, and how much of
//! the limit was used, against the earliest legal schedule with even spacing (PACE.md §3). Shares no rule with the
//! engine.

use std::collections::VecDeque;
use std::time::Duration;

use sendyard_actors::domain::time::Time;

const SECOND: Duration = Duration::from_secs(1);

/// What was decided before a change may be written so long after it.
const ON_ITS_WAY: Duration = Duration::from_millis(500);

/// When a message was written, and its segments.
pub(super) type HandOver = (Time, u64);

/// From an instant on, so many segments a second.
pub(super) type Since = (Time, u64);

/// The first second (t − 1 s, t] that holds more than the limit allows, or any of those that were in force in it.
/// A message that is larger than the limit pays with the seconds after its own.
pub(super) fn first_over(hand_overs: &[HandOver], limits: &[Since]) -> Option<String> {
    let mut inside: VecDeque<HandOver> = VecDeque::new();
    let mut sum = 0;
    for (at, units) in pieces(hand_overs, limits) {
        inside.push_back((at, units));
        sum += units;
        while let Some((first, gone)) = inside.front().copied().filter(|(first, _)| *first + SECOND <= at) {
            debug_assert!(first <= at);
            inside.pop_front();
            sum -= gone;
        }
        let most = allowed(limits, at);
        if sum > most {
            return Some(format!("{sum} segments in the second up to {at:?}, {most} are allowed"));
        }
    }
    None
}

fn pieces(hand_overs: &[HandOver], limits: &[Since]) -> Vec<HandOver> {
    let mut pieces = Vec::with_capacity(hand_overs.len());
    for (at, units) in hand_overs {
        let (mut at, mut left) = (*at, *units);
        let most = allowed(limits, at);
        while left > 0 {
            let units = left.min(most);
            pieces.push((at, units));
            (at, left) = (at + SECOND, left - units);
        }
    }
    pieces.sort_unstable();
    pieces
}

fn allowed(limits: &[Since], at: Time) -> u64 {
    let ends = limits.iter().skip(1).map(|(since, _)| *since).chain([Time::MAX]);
    let in_force =
        limits.iter().zip(ends).filter(|((since, _), end)| *since <= at && *end + SECOND + ON_ITS_WAY > at);
    in_force.map(|((_, units), _)| *units).max().unwrap()
}

/// The span of the earliest legal schedule of these messages, in this order, over the span that it really took.
pub(super) fn used(hand_overs: &[HandOver], limit: u64) -> f64 {
    let (first, last) = (hand_overs.first().unwrap().0, hand_overs.last().unwrap().0);
    let nanos = u64::try_from(SECOND.as_nanos()).unwrap();
    let mut inside: VecDeque<(u64, u64)> = VecDeque::new();
    let (mut sum, mut now, mut before) = (0, 0_u64, 0);
    for (_, units) in hand_overs {
        now += (before * nanos).div_ceil(limit).min(u64::MAX - now);
        while sum + (*units).min(limit) > limit {
            let (at, gone) = inside.pop_front().unwrap();
            sum -= gone;
            now = now.max(at + nanos);
        }
        let (mut at, mut left) = (now, *units);
        while left > 0 {
            let piece = left.min(limit);
            inside.push_back((at, piece));
            sum += piece;
            (at, left) = (at + nanos, left - piece);
        }
        before = *units;
    }
    Duration::from_nanos(now).as_secs_f64() / last.since(first).as_secs_f64()
}

#[test]
fn a_second_that_holds_more_is_seen_and_one_that_is_exactly_full_is_not() {
    let at = |millis: u64| Time::from_millis(1_800_000_000_000 + millis);
    let ten = [(Time::ZERO, 10)];
    assert!(first_over(&[(at(0), 5), (at(999), 6)], &ten).is_some());
    assert_eq!(first_over(&[(at(0), 5), (at(999), 5), (at(1000), 5)], &ten), None);
    assert!(first_over(&[(at(0), 25), (at(1500), 1)], &ten).is_some(), "it pays with two more seconds");
    assert_eq!(first_over(&[(at(0), 25), (at(2000), 5), (at(3000), 5)], &ten), None);
    let lowered = [(Time::ZERO, 10), (at(5000), 2)];
    assert_eq!(first_over(&[(at(5100), 9)], &lowered), None, "the second began under the limit of before");
    assert!(first_over(&[(at(6600), 9), (at(6700), 3)], &[(Time::ZERO, 10), (at(5000), 3)]).is_some());
    let steady: Vec<HandOver> = (0..100).map(|n| (at(n * 100), 1)).collect();
    assert!((used(&steady, 10) - 1.0).abs() < 1e-9);
    let slow: Vec<HandOver> = (0..100).map(|n| (at(n * 200), 1)).collect();
    assert!((used(&slow, 10) - 0.5).abs() < 1e-9);
}
