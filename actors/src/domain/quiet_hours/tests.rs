use proptest::prelude::*;

use super::*;

/// Of a country with one zone: its own clock counts.
const BERLIN: &str = "+4930123456";

/// Of none: the organization's counts.
const SOMEWHERE: &str = "+12125550100";

fn number(text: &str) -> E164 {
    text.parse().unwrap()
}

fn hours(text: &str) -> QuietHours {
    text.parse().unwrap()
}

fn at(text: &str) -> Time {
    let instant: Timestamp = text.parse().unwrap();
    Time::from_nanos(u64::try_from(instant.as_nanosecond()).unwrap())
}

#[test]
fn they_are_read_and_shown_alike() {
    for text in ["21:00-08:00@Europe/Berlin", "00:00-06:30@America/New_York", "12:00-14:00@UTC"] {
        assert_eq!(hours(text).to_string(), text);
    }
    assert_eq!(hours(" 21:00 - 08:00 @ europe/berlin ").to_string(), "21:00-08:00@Europe/Berlin");
}

#[test]
fn what_cannot_be_meant_is_refused_with_the_reason() {
    let bad = [
        ("", "names no zone"),
        ("21:00-08:00", "names no zone"),
        ("21:00@UTC", "is not two times of day"),
        ("9:00-10:00@UTC", "does not begin at a time of day"),
        ("24:00-08:00@UTC", "does not begin at a time of day"),
        ("21:00-08:60@UTC", "does not end at a time of day"),
        ("21:00-+8:00@UTC", "does not end at a time of day"),
        ("21:00-21:00@UTC", "begins when it ends"),
        ("21:00-08:00@Mars/Olympus", "names an unknown zone"),
    ];
    for (text, why) in bad {
        let refused = text.parse::<QuietHours>().unwrap_err().to_string();
        assert!(refused.contains(why), "{text:?}: {refused}");
        assert!(refused.contains("21:00-08:00@Europe/Berlin"), "{refused}");
    }
}

#[test]
fn they_go_by_the_recipients_clock_where_its_zone_is_certain() {
    let of_new_york = hours("21:00-08:00@America/New_York");
    // 22:00 in Berlin, 16:00 in New York.
    let evening = at("2026-11-23T21:00:00Z");
    assert_eq!(of_new_york.first_allowed(number(BERLIN), evening), at("2026-11-24T07:00:00Z"));
    assert_eq!(of_new_york.first_allowed(number(SOMEWHERE), evening), evening);
    assert_eq!(of_new_york.next_quiet(number(SOMEWHERE), evening), at("2026-11-24T02:00:00Z"));
}

#[test]
fn the_first_minute_is_quiet_and_the_last_is_not() {
    let night = hours("21:00-08:00@UTC");
    let nano = Duration::from_nanos(1);
    let (begin, end) = (at("2026-11-23T21:00:00Z"), at("2026-11-24T08:00:00Z"));
    let somebody = number(SOMEWHERE);
    assert_eq!(night.first_allowed(somebody, begin - nano), begin - nano);
    assert_eq!(night.first_allowed(somebody, begin), end);
    assert_eq!(night.first_allowed(somebody, end - nano), end);
    assert_eq!(night.first_allowed(somebody, end), end);
    assert_eq!(night.next_quiet(somebody, end), at("2026-11-24T21:00:00Z"));
}

#[test]
fn an_hour_that_is_skipped_or_repeated_goes_by_the_wall() {
    // On 2027-03-28 Berlin's clocks go from 02:00 to 03:00, so 02:30 never comes.
    let spring = hours("01:00-02:30@UTC");
    assert_eq!(spring.first_allowed(number(BERLIN), at("2027-03-28T00:30:00Z")), at("2027-03-28T01:00:00Z"));
    // On 2027-10-31 they show 02:00 to 03:00 twice: until 02:30, and again from 02:00 to 02:30.
    let autumn = hours("01:00-02:30@UTC");
    let first = at("2027-10-31T00:30:00Z");
    assert_eq!(autumn.first_allowed(number(BERLIN), at("2027-10-30T23:30:00Z")), first);
    assert_eq!(autumn.next_quiet(number(BERLIN), first), at("2027-10-31T01:00:00Z"));
    assert_eq!(autumn.first_allowed(number(BERLIN), at("2027-10-31T01:00:00Z")), at("2027-10-31T01:30:00Z"));
}

/// What the wall says, by another way than the rule's own.
fn says_quiet(from: u16, until: u16, zone: &TimeZone, at: Time) -> bool {
    let shown = zone.to_datetime(Timestamp::from_nanosecond(i128::from(at.as_nanos())).unwrap());
    let minute = u16::try_from(shown.hour()).unwrap() * 60 + u16::try_from(shown.minute()).unwrap();
    let mut quiet = (from..).map(|minute| minute % MINUTES_OF_DAY).take_while(|minute| *minute != until);
    quiet.any(|quiet| quiet == minute)
}

proptest! {
    /// Nothing between `at` and the answer may be sent, and the answer may, whatever the zone's clocks do.
    #[test]
    fn the_first_allowed_instant_is_allowed_and_none_before_it_is(
        from in 0_u16..MINUTES_OF_DAY,
        length in 1_u16..MINUTES_OF_DAY,
        zone in prop::sample::select(vec![
            "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Antarctica/Troll", "Africa/Casablanca",
            "Asia/Kathmandu", "America/Santiago", "Pacific/Apia",
        ]),
        // 2025 to 2035, in seconds.
        second in 1_735_689_600_u64..2_051_222_400,
    ) {
        let until = (from + length) % MINUTES_OF_DAY;
        let zone = super::zone(zone).unwrap();
        let quiet = QuietHours { from, until, zone: zone.clone() };
        let asked = Time::from_nanos(second * 1_000_000_000);
        let allowed = quiet.first_allowed(number(SOMEWHERE), asked);
        prop_assert!(!says_quiet(from, until, &zone, allowed));
        let mut before = asked;
        while before < allowed {
            prop_assert!(says_quiet(from, until, &zone, before), "{before:?} of {asked:?} to {allowed:?}");
            before = before + Duration::from_mins(7);
        }
        if asked < allowed {
            prop_assert!(says_quiet(from, until, &zone, allowed - Duration::from_nanos(1)));
        }
        let begin = quiet.next_quiet(number(SOMEWHERE), asked);
        prop_assert!(says_quiet(from, until, &zone, begin));
        prop_assert!(begin == asked || !says_quiet(from, until, &zone, begin - Duration::from_nanos(1)));
    }
}
