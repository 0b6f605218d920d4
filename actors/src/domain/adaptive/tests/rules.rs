//! One rule each.

use std::time::Duration;

use super::super::super::time::Time;
use super::super::{Rate, WorkingRate};

const START: Time = Time::from_millis(1_800_000_000_000);
const SECOND: Duration = Duration::from_secs(1);

fn at(millis: u64) -> Time {
    START + Duration::from_millis(millis)
}

fn per_second(units: u64) -> Rate {
    Rate::of(units, SECOND)
}

/// Sends evenly and has all taken: so many within the second that ends at `until`, in milliseconds.
fn send_second(working: &mut WorkingRate, units: u32, until: u64) {
    for unit in 0..u64::from(units) {
        let sent = at(until - 1000 + (unit + 1) * 1000 / u64::from(units) - 1);
        working.sent(1, sent);
        working.accepted(sent);
    }
}

/// Sends whatever it allows and has it taken, up to `until`; how many that were.
fn send_all(working: &mut WorkingRate, from: u64, until: u64) -> usize {
    let (mut sent, mut now) = (0, at(from));
    while now < at(until) {
        let next = working.next_allowed(now, 1);
        if next > now {
            now = working.changes_at().map_or(next, |change| next.min(change));
            continue;
        }
        working.sent(1, now);
        working.accepted(now);
        sent += 1;
        now = now + Duration::from_micros(1);
    }
    sent
}

/// 20 taken in the second before, then one refused, as of 100/s.
fn refused_at_twenty(named: Option<Duration>) -> WorkingRate {
    let mut working = WorkingRate::new(Some(per_second(100)));
    send_second(&mut working, 20, 1000);
    working.sent(1, at(1000));
    working.refused(1, at(1000), named, at(1020));
    working
}

#[test]
fn before_a_refusal_nothing_holds_back() {
    let mut working = WorkingRate::new(Some(per_second(100)));
    send_second(&mut working, 100, 1000);
    assert!(working.next_allowed(at(1000), 100) <= at(1000));
    let standing = working.standing(at(1000));
    assert_eq!((standing.rate, standing.paused_until, working.changes_at()), (None, None, None));
}

#[test]
fn after_a_refusal_it_goes_a_little_slower_than_what_was_taken() {
    let mut working = refused_at_twenty(None);
    assert_eq!(working.standing(at(1020)).rate.unwrap().to_string(), "19.6/s");
    // What went before it counts: when the pause is over the first of the 20 has left the window, and no other.
    assert!(working.next_allowed(at(1070), 1) <= at(1070));
    working.sent(1, at(1070));
    let second_leaves = at(99) + Duration::from_micros(1_020_400);
    assert!(working.next_allowed(at(1070), 1) >= second_leaves);
}

/// It was thought to pass, so what was counted tells too much.
#[test]
fn refused_while_it_is_held_it_goes_slower_than_it_did() {
    // Without a name it might be one that comes whatever the rate.
    let mut working = refused_at_twenty(Some(SECOND));
    send_all(&mut working, 1020, 5000);
    working.sent(1, at(5000));
    working.refused(1, at(5000), Some(SECOND), at(5020));
    let rate = working.standing(at(5020)).rate.unwrap();
    assert!(rate.as_millis() <= 19_600 * 98 / 100, "{rate}");
}

#[test]
fn what_was_refused_was_not_taken() {
    let mut working = WorkingRate::new(Some(per_second(100)));
    send_second(&mut working, 40, 1000);
    for refused in 20..40_u64 {
        working.refused(1, at((refused + 1) * 25 - 1), None, at(1020));
    }
    // The first saw 20 before it that were taken.
    assert_eq!(working.standing(at(1020)).rate.unwrap().to_string(), "19.6/s");
}

#[test]
fn a_named_pause_lasts_until_the_named_time() {
    let mut working = refused_at_twenty(Some(30 * SECOND));
    assert_eq!(working.standing(at(1020)).paused_until, Some(at(31_020)));
    assert_eq!(working.next_allowed(at(20_000), 1), at(31_020));
    assert!(working.next_allowed(at(31_020), 1) <= at(31_020));
    // A shorter one that is named meanwhile ends no longer one.
    working.refused(1, at(1010), Some(SECOND), at(1040));
    assert_eq!(working.standing(at(1040)).paused_until, Some(at(31_020)));
}

#[test]
fn an_unnamed_pause_doubles_with_each_refusal_in_a_row_and_is_bounded() {
    let mut working = refused_at_twenty(None);
    let mut pauses = Vec::new();
    let mut now = at(1020);
    for _ in 0..16 {
        let end = working.standing(now).paused_until.unwrap();
        pauses.push(end.since(now));
        now = end;
        working.sent(1, now);
        working.refused(1, now, None, now);
    }
    assert_eq!(pauses[..3], [50, 100, 200].map(Duration::from_millis));
    assert!(pauses.is_sorted() && *pauses.last().unwrap() == Duration::from_mins(1), "{pauses:?}");
    let end = working.standing(now).paused_until.unwrap();
    working.sent(1, end);
    working.accepted(end);
    working.sent(1, end + SECOND);
    working.refused(1, end + SECOND, None, end + SECOND);
    let pause = working.standing(end + SECOND).paused_until.unwrap().since(end + SECOND);
    assert!(pause <= SECOND, "after something was taken it begins anew: {pause:?}");
}

#[test]
fn what_was_sent_before_the_last_cut_only_moves_the_pause() {
    let mut working = refused_at_twenty(None);
    let before = working.standing(at(1020));
    working.sent(1, at(1010));
    working.refused(1, at(1010), None, at(1060));
    let after = working.standing(at(1060));
    assert_eq!(after.rate, before.rate);
    assert_eq!(after.paused_until, Some(at(1110)));
}

#[test]
fn refused_again_soon_it_goes_a_tenth_slower_at_least() {
    let mut working = refused_at_twenty(None);
    working.sent(1, at(1021));
    working.refused(1, at(1021), None, at(1110));
    let rate = working.standing(at(1110)).rate.unwrap();
    assert!(rate.as_millis() <= 19_600 * 9 / 10, "{rate}");
}

/// A provider that takes six a minute is found, though a second tells nothing of it.
#[test]
fn a_limit_far_below_one_per_second_is_found() {
    let mut working = WorkingRate::new(Some(per_second(1)));
    let mut taken: Vec<Time> = Vec::new();
    let (mut now, mut refused, mut late) = (START, 0, 0);
    while now < at(3_600_000) {
        let next = working.next_allowed(now, 1);
        if next > now {
            now = working.changes_at().map_or(next, |change| next.min(change));
            continue;
        }
        working.sent(1, now);
        if taken.iter().filter(|at| **at + Duration::from_mins(1) > now).count() < 6 {
            taken.push(now);
            working.accepted(now);
        } else {
            working.refused(1, now, None, now);
            refused += 1;
            late += u32::from(now > at(1_800_000));
        }
        now = now + Duration::from_millis(1);
    }
    println!("{} taken, {refused} refused, {late} of them in the second half hour", taken.len());
    assert!(taken.len() >= 200, "{} of 360 taken", taken.len());
    assert!(late <= 8 && refused <= 24, "{refused} refused, {late} late");
}

#[test]
fn it_holds_then_tries_then_grows_and_is_never_above_what_is_configured() {
    let mut working = refused_at_twenty(None);
    let held = send_all(&mut working, 1020, 6070);
    assert!((96..=100).contains(&held), "{held} in the 5 s that it holds");
    let tried = send_all(&mut working, 6070, 7000);
    assert!((19..=21).contains(&tried), "{tried} while 7 % more is tried");
    let rate = working.standing(at(7000)).rate.unwrap();
    assert_eq!(rate.to_string(), "21.4/s");
    send_all(&mut working, 7000, 8700);
    assert!(working.standing(at(8700)).rate.unwrap() > per_second(30), "it grows");
    send_all(&mut working, 8700, 14_000);
    let standing = working.standing(at(14_000));
    assert_eq!((standing.rate, working.changes_at()), (None, None), "the configured limits hold again");
}

#[test]
fn it_holds_for_sixty_messages_at_least() {
    let mut working = WorkingRate::new(Some(per_second(100)));
    send_second(&mut working, 3, 1000);
    working.sent(1, at(1000));
    working.refused(1, at(1000), None, at(1020));
    send_all(&mut working, 1020, 20_000);
    assert_eq!(working.standing(at(20_000)).rate.unwrap().to_string(), "2.94/s", "after 55 messages");
    send_all(&mut working, 20_000, 24_000);
    assert!(working.standing(at(24_000)).rate.unwrap() > per_second(3));
}

#[test]
fn where_pauses_are_named_it_holds_for_longer() {
    let mut working = refused_at_twenty(Some(3 * SECOND));
    send_all(&mut working, 4020, 21_900);
    assert_eq!(
        working.standing(at(21_900)).rate.unwrap().to_string(),
        "19.6/s",
        "six pauses, from its end on"
    );
    send_all(&mut working, 21_900, 23_000);
    assert_eq!(working.standing(at(23_000)).rate.unwrap().to_string(), "21.4/s");
}

/// Who does not use its rate learns nothing about more.
#[test]
fn it_does_not_grow_where_it_is_not_used() {
    let mut working = refused_at_twenty(None);
    send_all(&mut working, 1020, 6070);
    for second in 7..100_u64 {
        send_second(&mut working, 4, second * 1000);
        assert!(working.standing(at(second * 1000)).rate.unwrap() <= per_second(22), "after {second} s");
    }
}

#[test]
fn a_growing_limit_does_not_grow_over_a_lower_configured_one() {
    let mut working = refused_at_twenty(None);
    working.configure(Some(per_second(10)));
    assert_eq!(working.standing(at(1020)).rate, None, "10/s holds back more");
}

#[test]
fn where_nothing_says_more_it_begins_at_one_per_second() {
    let mut unlimited = WorkingRate::new(None);
    unlimited.refused(1, at(0), None, at(0));
    assert_eq!(unlimited.standing(at(0)).rate.unwrap().to_string(), "0.98/s");
}

#[test]
fn a_part_goes_by_what_the_whole_has_sent() {
    let mut whole = WorkingRate::new(Some(per_second(10)));
    send_second(&mut whole, 20, 1000);
    let mut part = whole.of_a_part();
    part.refused(1, at(1000), None, at(1020));
    assert!(part.standing(at(1020)).rate.unwrap() > per_second(15));
    assert_eq!(whole.standing(at(1020)).rate, None, "it goes on");
}

#[test]
fn rates_are_shown_like_limits() {
    let shown = [20, 2_500, 19_600, 100_000].map(|millis| Rate::of(millis, 1000 * SECOND).to_string());
    assert_eq!(shown, ["0.02/s", "2.5/s", "19.6/s", "100/s"]);
    let limits =
        ["100/s", "600/min", "5000/day@Europe/Berlin", "30 requests/s"].map(|limit| limit.parse().unwrap());
    assert_eq!(Rate::fastest(&limits), Some(per_second(100)));
    assert_eq!(Rate::fastest(&limits[2..]), None);
}

#[test]
fn a_pause_alone_cuts_nothing_and_doubles_until_something_is_taken() {
    let mut working = WorkingRate::new(None);
    let mut ends = Vec::new();
    for tried in [0, 1000, 2000] {
        working.paused(at(tried), None, at(tried));
        ends.push(working.next_allowed(at(tried), 1));
        // What was on its way says nothing new.
        working.paused(at(tried), None, at(tried));
    }
    working.accepted(at(3000));
    working.paused(at(4000), None, at(4000));
    ends.push(working.next_allowed(at(4000), 1));
    working.paused(at(5000), Some(SECOND * 7), at(5000));
    ends.push(working.next_allowed(at(5000), 1));
    assert_eq!(ends, [at(50), at(1100), at(2200), at(4050), at(12_000)]);
    assert!(!working.is_cut());
}

/// A message of three segments that is refused says nothing of two more.
#[test]
fn a_large_message_that_is_refused_leaves_what_a_small_one_might_have_had() {
    let mut working = refused_at_twenty(None);
    send_all(&mut working, 1020, 6000);
    assert!(working.standing(at(6070)).rate.unwrap() > per_second(21), "more is tried");
    // In the second before it are one or two fewer than 20, so 20 may still be what it takes.
    let mut large = working.clone();
    large.sent(3, at(6070));
    large.refused(3, at(6070), None, at(6090));
    assert_eq!(large.standing(at(6090)).rate.unwrap().to_string(), "19.6/s");
    working.sent(1, at(6070));
    working.refused(1, at(6070), None, at(6090));
    assert!(working.standing(at(6090)).rate.unwrap() < per_second(19));
}

#[test]
fn each_refusal_costs_sixty_messages_before_more_is_tried_and_two_at_the_most() {
    for (refusals, messages) in [(1, 60), (2, 120), (5, 120)] {
        let mut waits = refused_at_twenty(None);
        for _ in 1..refusals {
            waits.refused(1, at(1010), None, at(1030));
        }
        let mut taken = 0;
        while waits.changes_at().is_some_and(|change| change > at(600_000)) {
            waits.accepted(at(1040));
            taken += 1;
        }
        assert_eq!(taken, messages, "after {refusals}");
    }
}

/// Three in a hundred are refused whatever it does: it goes a little slower, sees that nothing gets better by it, and
/// comes back.
#[test]
fn refusals_that_go_on_at_a_slower_rate_are_not_the_rates() {
    let mut working = WorkingRate::new(Some(per_second(100)));
    let mut rates = Vec::new();
    for message in 0..30_000_u64 {
        let sent = at(message * 10);
        working.sent(1, sent);
        if message % 33 == 32 {
            working.refused(1, sent, None, sent);
        } else {
            working.accepted(sent);
        }
        rates.push(working.standing(sent).rate.map_or(100_000, Rate::as_millis));
    }
    assert!(rates[32] < 100_000, "the first one is believed");
    let late = &rates[rates.len() / 2..];
    assert!(late.iter().all(|rate| *rate == 100_000), "{:?}", late.iter().min());
    // A provider that takes nothing at all any more is noticed all the same.
    for message in 30_000..30_010_u64 {
        working.sent(1, at(message * 10));
        working.refused(1, at(message * 10), None, at(message * 10));
    }
    assert!(working.is_cut());
}
