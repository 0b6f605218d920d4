//! Several limits at once, each in its own units, and windows of the calendar.

use super::super::*;

const NO_GUARD: Option<Duration> = Some(Duration::ZERO);
const START: Time = Time::from_millis(1_800_000_000_000);
const SMS: Cost = Cost::sms(1);
const MMS: Cost = Cost::mms(1);

fn after(millis: u64) -> Time {
    START + Duration::from_millis(millis)
}

fn limits(texts: &[&str]) -> Vec<Limit> {
    texts.iter().map(|text| text.parse().unwrap()).collect()
}

fn fresh(texts: &[&str]) -> Pace {
    Pace::new(&limits(texts), NO_GUARD, [], START)
}

fn instant(text: &str) -> Time {
    let timestamp: jiff::Timestamp = text.parse().unwrap();
    Time::from_nanos(u64::try_from(timestamp.as_nanosecond()).unwrap())
}

/// Takes and stamps at once.
fn hand_over(pace: &mut Pace, at: Time, cost: Cost) {
    let permit = pace.take(at, at, cost);
    pace.stamp(permit, at);
}

fn next(pace: &mut Pace, now: Time, cost: Cost) -> Time {
    match pace.next_allowed(Time::ZERO, now, cost) {
        Allowed::At(at) => at.max(now),
        Allowed::WhenStamped => panic!("a permit is open"),
    }
}

#[test]
fn a_limit_is_shown_as_it_is_read() {
    for text in [
        "1/s",
        "30/10s",
        "30 requests/s",
        "10 messages/min",
        "50 sms/s",
        "15 mms/s",
        "15 mms segments/s",
        "3 sms messages/h",
        "2000/day@America/Los_Angeles",
        "100 messages/week@Europe/Berlin",
        "100000000/month@UTC",
    ] {
        assert_eq!(text.parse::<Limit>().unwrap().to_string(), text);
    }
    for (text, shown) in
        [("1 segment/s", "1/s"), (" 1  message/s", "1 messages/s"), ("5 mms messages/s", "5 mms/s")]
    {
        assert_eq!(text.parse::<Limit>().unwrap().to_string(), shown);
    }
    let Err((place, BadLimit(sentence))) = read_all(&["1/s", "0/s"]) else { panic!("read") };
    assert!(place == 1 && sentence.contains("allows nothing"), "{place}: {sentence}");
    assert!(read_all(&["1/s"; 17]).is_err());
}

#[test]
fn messages_and_requests_count_one_each_whatever_their_segments() {
    for text in ["10 messages/s", "10 requests/s"] {
        let mut pace = fresh(&[text]);
        hand_over(&mut pace, START, Cost::sms(9));
        assert_eq!(next(&mut pace, START, Cost::sms(9)), after(100), "{text}");
    }
    let mut pace = fresh(&["10/s"]);
    hand_over(&mut pace, START, Cost::sms(9));
    assert_eq!(next(&mut pace, START, SMS), after(900));
}

#[test]
fn what_the_provider_counts_beyond_our_count_is_no_message() {
    let mut pace = fresh(&["2 messages/s", "4/s"]);
    hand_over(&mut pace, START, SMS);
    pace.charge(START, SMS.more(1));
    assert_eq!(next(&mut pace, START, SMS), after(500), "two segments, one message");
}

#[test]
fn media_are_counted_apart_and_neither_holds_the_other_back() {
    let mut pace = fresh(&["10 sms/s", "1 mms/s"]);
    hand_over(&mut pace, START, MMS);
    assert_eq!(next(&mut pace, START, SMS), START);
    assert_eq!(next(&mut pace, START, MMS), after(1000));
    hand_over(&mut pace, START, SMS);
    assert_eq!(next(&mut pace, START, SMS), after(100));
    assert_eq!(next(&mut pace, START, MMS), after(1000));
}

#[test]
fn a_refusal_by_one_limit_costs_the_others_nothing() {
    let mut pace = fresh(&["10/s", "1 mms/min"]);
    hand_over(&mut pace, START, MMS);
    for millis in 0..100 {
        assert_eq!(next(&mut pace, after(millis), MMS), after(60_000));
    }
    assert_eq!(next(&mut pace, after(100), SMS), after(100));
    assert_eq!(pace.held_back_by(after(50), SMS).unwrap().to_string(), "10/s");
    assert_eq!(pace.held_back_by(after(100), SMS), None);
    assert_eq!(pace.held_back_by(after(100), MMS).unwrap().to_string(), "1 mms/min");
}

#[test]
fn an_open_permit_counts_in_each_limit_by_its_own_units() {
    let mut pace = fresh(&["3/s", "2 messages/s", "1 mms/s"]);
    let permit = pace.take(START, START, Cost::sms(3));
    let blocked = pace.next_allowed(START, after(9000), SMS);
    assert_eq!(blocked, Allowed::WhenStamped);
    let in_use: Vec<u64> = pace.in_use(START).into_iter().map(|one| one.units).collect();
    assert_eq!(in_use, [3, 1, 0]);
    pace.stamp(permit, START);
    assert_eq!(next(&mut pace, START, SMS), after(1000));
    let in_use: Vec<u64> = pace.in_use(after(1000)).into_iter().map(|one| one.units).collect();
    assert_eq!(in_use, [0, 0, 0]);
}

#[test]
fn a_change_keeps_the_spacing_of_what_is_counted_in_the_same_way() {
    let mut pace = fresh(&["1/s"]);
    hand_over(&mut pace, START, SMS);
    pace.change(&limits(&["2/s", "4 messages/s"]), NO_GUARD, [(START, SMS)], after(10));
    assert_eq!(next(&mut pace, after(10), SMS), after(500));
    let mut first = fresh(&[]);
    hand_over(&mut first, START, SMS);
    first.change(&limits(&["1 messages/s"]), NO_GUARD, [(START, SMS)], after(10));
    assert_eq!(next(&mut first, after(10), SMS), after(1000), "from the facts, where no limit was");
}

#[test]
fn a_day_is_used_up_and_the_next_begins_with_the_date_of_the_zone() {
    // Usual days, those on which clocks change, a day without midnight, and one of 22 h.
    for (text, now, midnight) in [
        ("3/day@America/Los_Angeles", "2026-07-01T12:00:00Z", "2026-07-02T07:00:00Z"),
        ("3/day@America/Los_Angeles", "2026-12-24T07:59:59Z", "2026-12-24T08:00:00Z"),
        ("3/day@America/Los_Angeles", "2026-03-08T09:00:00Z", "2026-03-09T07:00:00Z"),
        ("3/day@America/Los_Angeles", "2026-11-01T08:00:00Z", "2026-11-02T08:00:00Z"),
        ("3/day@Africa/Cairo", "2026-04-23T20:00:00Z", "2026-04-23T22:00:00Z"),
        ("3/day@Africa/Cairo", "2026-04-23T22:00:00Z", "2026-04-24T21:00:00Z"),
        ("3/day@Antarctica/Troll", "2026-03-29T00:30:00Z", "2026-03-29T22:00:00Z"),
        ("3/week@Europe/Berlin", "2026-10-22T12:00:00Z", "2026-10-25T23:00:00Z"),
        ("3/month@Asia/Kathmandu", "2026-11-01T00:00:00Z", "2026-11-30T18:15:00Z"),
        ("3/month@UTC", "2026-12-31T23:59:59Z", "2027-01-01T00:00:00Z"),
    ] {
        let (now, midnight) = (instant(now), instant(midnight));
        let mut pace = Pace::new(&limits(&[text]), NO_GUARD, [], now);
        assert_eq!(next(&mut pace, now, Cost::sms(3)), now, "no spacing within a day");
        hand_over(&mut pace, now, Cost::sms(2));
        assert_eq!(next(&mut pace, now, SMS), now, "{text}");
        assert_eq!(next(&mut pace, now, Cost::sms(2)), midnight, "{text}");
        hand_over(&mut pace, now, SMS);
        let last = midnight - Duration::from_nanos(1);
        assert_eq!(next(&mut pace, last, SMS), midnight, "{text}");
        assert_eq!(next(&mut pace, midnight, Cost::sms(3)), midnight, "{text}");
    }
}

#[test]
fn a_message_larger_than_a_day_pays_with_the_days_after_it_however_it_is_remembered() {
    let limits = limits(&["30/day@UTC"]);
    let day = |count: u64| instant("2026-11-02T00:00:00Z") + Duration::from_hours(24 * count);
    let written = day(0) + Duration::from_hours(9);
    let mut pace = Pace::new(&limits, NO_GUARD, [], written);
    hand_over(&mut pace, written, Cost::sms(70));
    let now = day(1) + Duration::from_hours(1);
    for pace in [&mut pace, &mut Pace::new(&limits, NO_GUARD, [(written, Cost::sms(70))], now)] {
        assert_eq!(next(pace, now, Cost::sms(20)), day(2), "30, 30 and 10 leave 20");
        assert_eq!(next(pace, now, Cost::sms(21)), day(3));
        assert!(pace.keep(now).each_from < written, "it must be known by itself");
    }
    // What no message is larger than needs sums alone, of this day.
    let sums_only = Pace::new(&[("100/day@UTC").parse().unwrap()], NO_GUARD, [], now);
    assert_eq!(sums_only.keep(now), Keep { each_from: now, sums_from: day(1) });
}

#[test]
fn hand_overs_that_are_added_up_fill_their_day_and_no_other_and_space_nothing() {
    let limits = limits(&["100/day@UTC", "10/s"]);
    let midnight = instant("2026-11-02T00:00:00Z");
    let now = midnight + Duration::from_mins(20);
    let quarter = midnight + Duration::from_mins(14);
    let sum = Cost { segments: 250, messages: 60, mms: false };
    let mut pace = Pace::new(&limits, NO_GUARD, [(quarter, sum)], now);
    assert_eq!(next(&mut pace, now, SMS), midnight + Duration::from_hours(24), "one day, and not three");
    let before = Cost { segments: 99, messages: 99, mms: false };
    let mut pace = Pace::new(&limits, NO_GUARD, [(quarter, before)], now);
    assert_eq!(next(&mut pace, now, SMS), now);
}

#[test]
fn a_permit_of_yesterday_counts_today_until_it_is_stamped() {
    let midnight = instant("2026-11-02T00:00:00Z");
    let before = midnight - Duration::from_millis(10);
    let mut pace = Pace::new(&limits(&["2/day@UTC"]), NO_GUARD, [], before);
    let late = pace.take(before, before, SMS);
    assert_eq!(next(&mut pace, midnight, SMS), midnight);
    hand_over(&mut pace, midnight, SMS);
    assert_eq!(next(&mut pace, midnight, SMS), midnight + Duration::from_hours(24), "it may count today");
    pace.stamp(late, midnight + Duration::from_millis(3));
    assert_eq!(next(&mut pace, midnight, SMS), midnight + Duration::from_hours(24));
}

#[test]
fn immediate_messages_past_the_day_hold_the_queue_back_until_the_next() {
    let midnight = instant("2026-11-02T00:00:00Z");
    let mut pace = Pace::new(&limits(&["2/day@UTC"]), NO_GUARD, [], midnight);
    for _ in 0..5 {
        pace.charge(midnight, SMS);
    }
    assert_eq!(next(&mut pace, midnight, SMS), midnight + Duration::from_hours(24));
}
