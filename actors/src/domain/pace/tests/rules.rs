//! Limits as text, and the rules of the pace one by one.

use proptest::prelude::*;

use super::super::*;

const SECOND: Duration = Duration::from_secs(1);
const NO_GUARD: Option<Duration> = Some(Duration::ZERO);
const START: Time = Time::from_millis(1_800_000_000_000);

fn after(millis: u64) -> Time {
    START + Duration::from_millis(millis)
}

fn limits(texts: &[&str]) -> Vec<Limit> {
    texts.iter().map(|text| text.parse().unwrap()).collect()
}

fn sms(segments: u32) -> Cost {
    Cost::sms(segments)
}

fn fresh(texts: &[&str]) -> Pace {
    Pace::new(&limits(texts), NO_GUARD, [], START)
}

/// Takes and stamps at once.
fn hand_over(pace: &mut Pace, at: Time, cost: u32) {
    let permit = pace.take(at, at, sms(cost));
    pace.stamp(permit, at);
}

fn heap_bytes(pace: &Pace) -> usize {
    let windows: usize = pace.rules.iter().map(Rule::heap_bytes).sum();
    let table = pace.rules.capacity() * size_of::<Rule>();
    windows + table + pace.open.capacity() * size_of::<Open>()
}

#[test]
fn limits_are_read_exactly() {
    let read =
        |text: &str| text.parse::<Limit>().map(|limit| (limit.units, limit.sliding().unwrap().as_secs()));
    for (text, expected) in [
        ("1/s", (1, 1)),
        ("1000/s", (1000, 1)),
        ("6/min", (6, 60)),
        ("60/h", (60, 3600)),
        ("30/10s", (30, 10)),
        ("0.1/s", (1, 10)),
        ("2.5/s", (5, 2)),
        ("2.0/s", (2, 1)),
        ("0.5/min", (1, 120)),
    ] {
        assert_eq!(read(text), Ok(expected), "{text}");
    }
}

#[test]
fn limits_that_cannot_be_meant_are_refused_with_a_sentence() {
    for (text, why) in [
        ("", "is not units per window"),
        ("abc", "is not units per window"),
        ("0/s", "allows nothing"),
        ("0.0/s", "allows nothing"),
        ("-1/s", "no plain number"),
        ("/s", "no plain number"),
        (".5/s", "no plain number"),
        ("1./s", "no plain number"),
        ("1e3/s", "no plain number"),
        ("1/0s", "empty window"),
        ("1/", "unknown window"),
        ("1/weeks", "unknown window"),
        ("1/s/s", "unknown window"),
        ("1/99999999999999999999s", "longer than an hour"),
        ("1/2h", "longer than an hour"),
        ("0.0001/s", "longer than an hour"),
        ("100001/s", "more than 100000 units"),
        ("99999999999999999999/s", "more units per window than can be counted"),
        ("0.0000001/s", "more than 6 digits"),
        ("2.5/min", "is exact only as 5/2min"),
        ("2000/day", "needs the zone"),
        ("2000/day@", "unknown zone"),
        ("2000/day@America/Los_Diablos", "unknown zone"),
        ("2000/2day@UTC", "no window of the calendar"),
        ("1/s@UTC", "no window of the calendar"),
        ("0/day@UTC", "allows nothing"),
        ("-1/day@UTC", "no plain number"),
        ("2.5/day@UTC", "has a decimal point"),
        ("100000001/day@UTC", "more than 100000000 units"),
        ("30 calls/s", "counts something unknown"),
        ("30 requests messages/s", "too many words"),
        ("30requests/s", "no plain number"),
        ("requests/s", "no plain number"),
    ] {
        let BadLimit(sentence) = text.parse::<Limit>().unwrap_err();
        assert!(sentence.contains(why), "{text}: {sentence}");
        assert!(sentence.ends_with("such as 1/s, 6/min, 30/10s or 0.1/s"), "{sentence}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_limit_survives_its_text(units in 1..=100_000_u32, seconds in 1..=3600_u64) {
        let limit = Limit::segments(units, Duration::from_secs(seconds));
        prop_assert_eq!(limit.to_string().parse(), Ok(limit));
    }

    #[test]
    fn no_text_panics(text in "[0-9./a-z -]{0,30}") {
        let _ = text.parse::<Limit>();
    }
}

#[test]
fn an_idle_sender_goes_at_once_and_without_credit() {
    let mut pace = fresh(&["10/s"]);
    let now = after(60_000);
    assert_eq!(pace.next_allowed(now, now, sms(1)), Allowed::At(now));
    hand_over(&mut pace, now, 1);
    assert_eq!(pace.next_allowed(now, now, sms(1)), Allowed::At(after(60_100)));
}

#[test]
fn without_limits_everything_goes_at_once() {
    let mut pace = fresh(&[]);
    hand_over(&mut pace, START, 5);
    assert_eq!(pace.next_allowed(START, START, sms(5)), Allowed::At(START));
    assert_eq!((pace.per_unit(), pace.memory()), (Duration::ZERO, Duration::ZERO));
}

#[test]
fn asking_charges_nothing() {
    let mut pace = fresh(&["1/s"]);
    for _ in 0..10 {
        assert_eq!(pace.next_allowed(START, START, sms(1)), Allowed::At(START));
    }
}

#[test]
fn an_open_permit_counts_until_it_is_stamped_or_abandoned() {
    let mut pace = fresh(&["1/s"]);
    let permit = pace.take(START, START, sms(1));
    assert_eq!(pace.next_allowed(START, after(5000), sms(1)), Allowed::WhenStamped);
    pace.stamp(permit, after(4000));
    assert_eq!(pace.next_allowed(START, after(4500), sms(1)), Allowed::At(after(5000)));

    let unused = pace.take(after(5000), after(5000), sms(1));
    pace.abandon(unused);
    let allowed = pace.next_allowed(START, after(5000), sms(1));
    assert!(matches!(allowed, Allowed::At(at) if at <= after(5000)), "it cost no slot: {allowed:?}");
    pace.stamp(unused, after(6000));
    assert_eq!(pace.next_allowed(START, after(6000), sms(1)), allowed, "not open any more");
}

#[test]
fn an_abandoned_permit_gives_no_slot_back_once_another_was_taken() {
    let mut pace = fresh(&["10/s"]);
    let unused = pace.take(START, START, sms(1));
    let used = pace.take(after(100), after(100), sms(1));
    pace.abandon(unused);
    pace.stamp(used, after(100));
    assert_eq!(pace.next_allowed(START, after(100), sms(1)), Allowed::At(after(200)));
}

#[test]
fn windows_up_to_a_minute_are_spread_and_longer_ones_are_not() {
    let mut pace = fresh(&["6/min"]);
    hand_over(&mut pace, START, 2);
    assert_eq!(pace.next_allowed(START, START, sms(1)), Allowed::At(after(20_000)));
    let mut hourly = fresh(&["60/h"]);
    hand_over(&mut hourly, START, 2);
    assert_eq!(hourly.next_allowed(START, START, sms(1)), Allowed::At(START));
}

#[test]
fn the_schedule_goes_on_from_the_due_time_and_catches_up_50_ms_at_most() {
    let mut pace = fresh(&["10/s"]);
    hand_over(&mut pace, START, 1);
    let late_permit = pace.take(after(100), after(130), sms(1));
    pace.stamp(late_permit, after(130));
    assert_eq!(pace.next_allowed(START, after(130), sms(1)), Allowed::At(after(200)));
    let very_late = pace.take(after(200), after(600), sms(1));
    pace.stamp(very_late, after(600));
    assert_eq!(pace.next_allowed(START, after(600), sms(1)), Allowed::At(after(650)));
}

#[test]
fn a_wait_for_the_window_is_not_caught_up_afterwards() {
    let mut pace = fresh(&["10/s"]);
    // Ten stamps at one instant, all late, fill the window.
    let permits: Vec<Permit> = (0..10).map(|n| pace.take(after(n * 100), after(n * 100), sms(1))).collect();
    for permit in permits {
        pace.stamp(permit, after(950));
    }
    assert_eq!(pace.next_allowed(START, after(950), sms(1)), Allowed::At(after(1950)));
    assert_eq!(pace.next_allowed(START, after(1952), sms(1)), Allowed::At(after(1950)));
    hand_over_late(&mut pace, after(1950), after(1952));
    assert_eq!(pace.next_allowed(START, after(1952), sms(1)), Allowed::At(after(2050)));
}

fn hand_over_late(pace: &mut Pace, due: Time, now: Time) {
    let permit = pace.take(due, now, sms(1));
    pace.stamp(permit, now);
}

#[test]
fn a_message_larger_than_the_limit_goes_alone_and_pays_with_the_windows_after_it() {
    let limit = limits(&["30/60min"]);
    let mut pace = Pace::new(&limit, NO_GUARD, [], START);
    hand_over(&mut pace, START, 1);
    let hours = |count: u64| START + Duration::from_hours(count);
    assert_eq!(pace.next_allowed(START, START, sms(70)), Allowed::At(hours(1)), "the window is not empty");
    hand_over(&mut pace, hours(1), 70);
    assert_eq!(pace.next_allowed(START, hours(1), sms(20)), Allowed::At(hours(3)), "30, 30 and 10 leave 20");
    assert_eq!(pace.next_allowed(START, hours(1), sms(21)), Allowed::At(hours(4)));
}

#[test]
fn a_message_of_exactly_several_limits_leaves_no_rest() {
    let mut pace = fresh(&["1/s"]);
    hand_over(&mut pace, START, 3);
    assert_eq!(pace.next_allowed(START, START, sms(1)), Allowed::At(after(3000)));
}

#[test]
fn the_tightest_of_several_limits_decides() {
    let mut pace = fresh(&["10/s", "12/min"]);
    assert_eq!(pace.per_unit(), Duration::from_secs(5));
    hand_over(&mut pace, START, 1);
    assert_eq!(pace.next_allowed(START, START, sms(1)), Allowed::At(after(5000)));
}

#[test]
fn the_queue_yields_to_immediate_messages() {
    let mut pace = fresh(&["10/s"]);
    hand_over(&mut pace, START, 1);
    pace.charge(after(50), sms(2));
    assert_eq!(pace.next_allowed(START, after(50), sms(1)), Allowed::At(after(300)));
    pace.charge(after(400), sms(1));
    assert_eq!(pace.next_allowed(START, after(400), sms(1)), Allowed::At(after(500)));
}

#[test]
fn immediate_messages_past_the_limit_hold_the_queue_back() {
    let mut pace = fresh(&["60/h"]);
    for n in 0..70 {
        pace.charge(after(n), sms(1));
    }
    let tenth_and_first = after(10) + Duration::from_hours(1);
    assert_eq!(pace.next_allowed(START, after(100), sms(1)), Allowed::At(tenth_and_first));
}

#[test]
fn a_rebuilt_pace_counts_what_was_handed_over_in_any_order() {
    let hour = Duration::from_hours(1);
    let stamps =
        [(after(20), sms(20)), (after(0), sms(20)), (after(10), sms(20)), (START + hour * 9, sms(1))];
    let mut pace = Pace::new(&limits(&["60/h"]), NO_GUARD, stamps, after(30));
    assert_eq!(pace.next_allowed(after(30), after(30), sms(1)), Allowed::At(START + hour));
    assert_eq!(
        pace.next_allowed(after(30), after(30), sms(60)),
        Allowed::At(after(30) + hour),
        "later is now"
    );
}

#[test]
fn a_rebuilt_pace_goes_on_evenly() {
    let mut pace =
        Pace::new(&limits(&["10/s"]), NO_GUARD, [(after(0), sms(1)), (after(10), sms(3))], after(20));
    assert_eq!(pace.next_allowed(after(20), after(20), sms(1)), Allowed::At(after(310)));
}

#[test]
fn memory_reaches_back_as_far_as_the_largest_message_does() {
    assert_eq!(fresh(&["1000/s", "6/s"]).memory(), SECOND * 17);
    let limit = limits(&["1/s"]);
    let stamps = [(START, sms(LARGEST_COST))];
    let mut pace = Pace::new(&limit, NO_GUARD, stamps, after(50_000));
    let free = START + pace.memory();
    assert_eq!(pace.next_allowed(START, after(50_000), sms(1)), Allowed::At(free));
}

#[test]
fn a_raised_limit_goes_at_once_without_a_burst() {
    let mut pace = fresh(&["1/s"]);
    hand_over(&mut pace, START, 1);
    assert_eq!(pace.next_allowed(START, after(10), sms(1)), Allowed::At(after(1000)));
    pace.change(&limits(&["10/s"]), NO_GUARD, [(START, sms(1))], after(500));
    assert_eq!(pace.next_allowed(START, after(500), sms(1)), Allowed::At(after(100)));
    hand_over_late(&mut pace, after(100), after(500));
    assert_eq!(pace.next_allowed(START, after(500), sms(1)), Allowed::At(after(550)), "50 ms are caught up");
}

#[test]
fn a_lowered_limit_waits_until_enough_has_left_and_keeps_open_permits() {
    let mut pace = fresh(&["10/s"]);
    let stamps = [(after(0), 1), (after(100), 1), (after(200), 1)];
    for (at, cost) in stamps {
        hand_over(&mut pace, at, cost);
    }
    let permit = pace.take(after(300), after(300), sms(1));
    pace.change(&limits(&["2/s"]), NO_GUARD, stamps.map(|(at, cost)| (at, sms(cost))), after(310));
    assert_eq!(pace.next_allowed(START, after(310), sms(1)), Allowed::At(after(1200)), "one is open");
    assert_eq!(pace.next_allowed(START, after(310), sms(2)), Allowed::WhenStamped);
    pace.stamp(permit, after(320));
    assert_eq!(pace.next_allowed(START, after(320), sms(2)), Allowed::At(after(1320)));
}

#[test]
fn a_change_forgets_the_due_time_that_was_told() {
    let mut pace = fresh(&["1/s"]);
    hand_over(&mut pace, START, 1);
    assert_eq!(pace.next_allowed(START, after(10), sms(1)), Allowed::At(after(1000)));
    pace.change(&limits(&["10/s"]), NO_GUARD, [(START, sms(1))], after(990));
    assert_eq!(pace.next_allowed(START, after(1010), sms(1)), Allowed::At(after(100)));
}

#[test]
fn a_permit_of_an_earlier_pace_is_ignored() {
    let earlier = fresh(&["1/s"]).take(START, START, sms(1));
    let mut pace = Pace::new(&limits(&["1/s"]), NO_GUARD, [], after(500));
    let _ = pace.take(after(500), after(500), sms(1));
    pace.abandon(earlier);
    assert_eq!(pace.next_allowed(START, after(9000), sms(1)), Allowed::WhenStamped);
}

#[test]
fn the_default_guard_is_a_two_hundredth_and_at_most_250_ms() {
    for (text, millis) in [("1/s", 1005), ("1/10s", 10_050), ("1/min", 60_250)] {
        let mut pace = Pace::new(&limits(&[text]), None, [], START);
        hand_over(&mut pace, START, 1);
        assert_eq!(pace.next_allowed(START, START, sms(1)), Allowed::At(after(millis)), "{text}");
    }
}

#[test]
fn a_limit_above_a_thousand_counts_by_slices_and_never_early() {
    let mut pace = fresh(&["3000/s"]);
    for n in 0..3000_u64 {
        pace.charge(START + Duration::from_nanos(n * 333_333), sms(1));
    }
    let ring_of_slices = heap_bytes(&pace);
    assert!(ring_of_slices < 3000 * 16, "{ring_of_slices} bytes");
    let Allowed::At(next) = pace.next_allowed(START, after(1000), sms(3)) else { panic!("nothing is open") };
    // Three units, stamped up to 0.666 ms, are in the first slice of 1 ms, which leaves as one.
    assert!(next >= START + SECOND + Duration::from_nanos(666_666), "{next:?}");
    assert!(next <= after(1001), "{next:?}");
}

#[test]
fn memory_is_bounded_by_the_limit_and_given_back_when_idle() {
    let mut figures = Vec::new();
    for (text, interval) in [("1/s", 1000.0), ("10/s", 100.0), ("1000/s", 1.0)] {
        let mut pace = fresh(&[text]);
        for n in 0..3000_u32 {
            let at = START + Duration::from_secs_f64(f64::from(n) * interval / 1000.0);
            let _ = pace.next_allowed(START, at, sms(1));
            hand_over(&mut pace, at, 1);
        }
        let busy = size_of::<Pace>() + heap_bytes(&pace);
        let long_after = START + Duration::from_hours(10);
        let _ = pace.next_allowed(long_after, long_after, sms(1));
        figures.push((text, busy, size_of::<Pace>() + heap_bytes(&pace)));
    }
    println!("(limit, bytes busy, bytes idle): {figures:?}");
    let most_busy = [512, 640, 17_000];
    for ((text, busy, idle), most) in figures.into_iter().zip(most_busy) {
        assert!(busy <= most, "{text}: {busy}");
        assert!(idle < 400, "{text}: {idle}");
    }
}
