use std::time::Duration;

use super::super::granter::Granted;
use super::super::*;
use crate::domain::pace::{Cost, Costs, Limit};

const OWNER: Incarnation = Incarnation(1);
const ONE: Incarnation = Incarnation(2);
const OTHER: Incarnation = Incarnation(3);

const fn at(millis: u64) -> Time {
    Time::from_millis(1_000_000 + millis)
}

/// So many messages of one segment.
fn some(messages: u32) -> Costs {
    Costs::times(Cost::sms(1), messages)
}

/// The instant so long after the end of a grant that was made at 0.
const fn after_the_end(millis: u64) -> Time {
    Time::from_millis(1_000_500 + millis)
}

fn granter(limit: &str) -> Granter {
    Granter::new(OWNER, &[limit.parse::<Limit>().unwrap()], [], at(0))
}

fn want(process: Incarnation, number: u64, units: u32, sent_at: Time) -> Want {
    Want { process, number, units: some(units), next: some(1), seen: 0, sent_at }
}

/// The one grant that is made.
fn one(granted: &Granted) -> Grant {
    let [grant] = *granted.grants.as_slice() else { panic!("{granted:?}") };
    grant
}

/// A purse with one grant of so many units, which it got at once.
fn with_grant(limit: &str, units: u32) -> (Granter, Purse, Grant) {
    let (mut granter, mut purse) = (granter(limit), Purse::new(ONE, at(0)));
    granter.wanted(purse.want(some(units), some(1), at(0)).unwrap(), at(0));
    let grant = one(&granter.grant(at(0)));
    purse.granted(grant, false, at(0));
    (granter, purse, grant)
}

#[test]
fn the_rest_of_a_day_is_passed_on_though_more_is_wanted() {
    let day: Limit = "25/day@UTC".parse().unwrap();
    let mut granter = Granter::new(OWNER, &[day], [(at(0), Cost::sms(20))], at(1));
    granter.wanted(want(OTHER, 1, 32, at(1)), at(1));
    let granted = granter.grant(at(1)).grants;
    let units = granted.iter().fold(Costs::NOTHING, |all, grant| all.plus(grant.units));
    assert_eq!(units, some(5), "{granted:?}");
}

#[test]
fn what_limits_hold_back_with_media_holds_back_nothing_without() {
    let limits: Vec<Limit> = ["1 mms/min", "10/s"].map(|limit| limit.parse().unwrap()).to_vec();
    let mut granter = Granter::new(OWNER, &limits, [(at(0), Cost::mms(1))], at(1000));
    let media = Costs::times(Cost::mms(1), 5);
    let both = |process, number| Want {
        units: media.plus(some(5)),
        next: Costs::from(Cost::mms(1)).plus(some(1)),
        ..want(process, number, 5, at(1000))
    };
    granter.wanted(Want { units: media, next: Cost::mms(1).into(), ..want(ONE, 1, 5, at(1000)) }, at(1000));
    granter.wanted(both(OTHER, 1), at(1000));
    let granted = granter.grant(at(1000));
    let grant = one(&granted);
    assert_eq!((grant.process, grant.units), (OTHER, some(1)));
    assert_eq!(granted.again_at, Some(at(1000) + Duration::from_micros(100_500)), "the next text");
}

/// One message may be larger than the limit; several that are together are not one.
#[test]
fn no_more_than_the_limit_of_a_day_is_passed_on_at_once() {
    let day: Limit = "25/day@UTC".parse().unwrap();
    let mut granter = Granter::new(OWNER, &[day], [], at(1));
    granter.wanted(want(OTHER, 1, 32, at(1)), at(1));
    let granted = granter.grant(at(1)).grants;
    let units = granted.iter().fold(Costs::NOTHING, |all, grant| all.plus(grant.units));
    assert_eq!(units, some(25), "{granted:?}");
}

/// Its units were granted as those of one message, which is alone in its window and in those that follow.
#[test]
fn what_is_larger_than_the_limit_is_used_by_one_message() {
    let (mut granter, mut purse) = (granter("2/s"), Purse::new(ONE, at(0)));
    granter.wanted(purse.want(some(5), some(5), at(0)).unwrap(), at(0));
    let grant = one(&granter.grant(at(0)));
    assert_eq!(grant.units, some(5));
    purse.granted(grant, true, at(0));
    let unit = purse.take(some(5), at(0)).unwrap();
    purse.put_back(unit);
    let small = purse.take(some(1), at(1)).unwrap();
    assert_eq!(purse.take(some(1), at(1)), None, "the rest goes back");
    assert!(purse.spend(small, at(1)));
    let [report] = *purse.reports(at(1)).as_slice() else { panic!() };
    assert_eq!((report.used, report.unused), (some(1), some(4)));
    // What others pay for leaves it whole.
    let other = Grant { units: some(1), number: grant.number + 1, ..grant };
    purse.granted(Grant { number: grant.number + 2, ..grant }, true, at(2));
    purse.granted(other, false, at(2));
    assert!(purse.take(some(1), at(2)).is_some());
    assert!(purse.take(some(5), at(2)).is_some());
}

#[test]
fn units_are_granted_in_turns_a_portion_at_a_time() {
    let mut granter = granter("1000/s");
    granter.wanted(want(ONE, 1, 100, at(0)), at(0));
    granter.wanted(want(OTHER, 1, 5, at(0)), at(0));
    let mut got = Vec::new();
    for millis in 0..80 {
        got.extend(granter.grant(at(millis)).grants.iter().map(|grant| (grant.process, grant.units)));
    }
    assert_eq!(got[..4], [(ONE, some(19)), (OTHER, some(5)), (ONE, some(19)), (ONE, some(19))]);
}

#[test]
fn what_is_on_its_way_is_not_granted_again_and_what_was_received_is() {
    let mut granter = granter("1000/s");
    granter.wanted(want(ONE, 1, 10, at(0)), at(0));
    let first = one(&granter.grant(at(0)));
    assert_eq!(granter.grant(at(50)).grants, []);
    granter.wanted(Want { seen: first.number, ..want(ONE, 2, 10, at(50)) }, at(50));
    assert_eq!(one(&granter.grant(at(50))).units, some(10));
}

#[test]
fn an_older_want_replaces_no_later_one() {
    let mut granter = granter("1000/s");
    granter.wanted(want(ONE, 2, 0, at(1)), at(1));
    granter.wanted(want(ONE, 1, 10, at(0)), at(2));
    assert_eq!(granter.grant(at(3)).grants, []);
}

#[test]
fn a_want_that_is_not_repeated_is_forgotten() {
    let mut granter = granter("1/s");
    granter.wanted(want(ONE, 1, 10, at(0)), at(0));
    granter.grant(at(0));
    let later = granter.grant(at(600));
    assert_eq!(later, Granted { grants: vec![], again_at: None });
}

#[test]
fn a_grant_that_comes_twice_is_used_once() {
    let (_, mut purse, grant) = with_grant("10/s", 1);
    let unit = purse.take(some(1), at(1)).unwrap();
    purse.granted(grant, false, at(2));
    assert_eq!(purse.take(some(1), at(2)), None);
    assert!(purse.spend(unit, at(3)));
    purse.reports(at(3));
    purse.granted(grant, false, at(4));
    assert_eq!(purse.take(some(1), at(4)), None, "neither once it is told");
    purse.reports(after_the_end(0));
    purse.granted(grant, false, after_the_end(0));
    assert_eq!(purse.left(after_the_end(0)), some(0), "nor once it is over");
}

#[test]
fn a_report_that_comes_twice_or_behind_a_later_one_says_nothing_new() {
    let (mut granter, _, grant) = with_grant("1000/s", 10);
    let report = |used, unused| Report {
        owner: OWNER,
        number: grant.number,
        used: some(used),
        unused: some(unused),
        age: Duration::ZERO,
    };
    for (used, unused) in [(2, 3), (2, 3), (1, 0), (2, 1)] {
        granter.reported(report(used, unused), at(1));
    }
    let out = granter.open_units();
    assert_eq!(out, some(5), "of ten, two are used and three are back");
}

#[test]
fn what_is_given_back_is_granted_to_another_at_once() {
    let (mut granter, mut purse, _) = with_grant("1/s", 1);
    granter.wanted(want(OTHER, 1, 1, at(1)), at(1));
    assert_eq!(granter.grant(at(1)).grants, []);
    purse.give_back_beyond(some(0), at(2));
    let [report] = purse.reports(at(2))[..] else { panic!("nothing said") };
    granter.reported(report, at(2));
    assert_eq!(one(&granter.grant(at(2))).process, OTHER);
}

#[test]
fn silence_counts_as_used_at_the_last_instant() {
    let (mut granter, _, _) = with_grant("1/s", 1);
    granter.wanted(want(OTHER, 1, 1, at(1)), at(1));
    assert_eq!(granter.grant(at(1)).again_at, Some(after_the_end(0) + Duration::from_nanos(1)));
    granter.wanted(want(OTHER, 2, 1, after_the_end(1)), after_the_end(1));
    // A window and its guard behind that instant.
    assert_eq!(granter.grant(after_the_end(1)).again_at, Some(after_the_end(1005)));
}

#[test]
fn a_use_counts_where_it_was_and_not_where_it_was_heard() {
    let (mut granter, mut purse, _) = with_grant("1/s", 1);
    let unit = purse.take(some(1), at(10)).unwrap();
    assert!(purse.spend(unit, at(10)));
    let [report] = purse.reports(at(15))[..] else { panic!("nothing said") };
    granter.reported(report, at(20));
    granter.wanted(want(OTHER, 1, 1, at(20)), at(20));
    // By age alone: the five milliseconds on the way are not known.
    assert_eq!(granter.grant(at(20)).again_at, Some(at(1020)));
}

#[test]
fn a_unit_is_not_spent_after_its_end_by_the_clock_of_its_process() {
    let (mut granter, mut purse, _) = with_grant("1/s", 1);
    let unit = purse.take(some(1), at(498)).unwrap();
    assert!(!purse.spend(unit, at(499)), "a grant of half a second, less the drift");
    let [report] = purse.reports(at(499))[..] else { panic!("nothing said") };
    assert_eq!((report.used, report.unused), (some(0), some(1)));
    granter.reported(report, at(499));
    granter.wanted(want(OTHER, 1, 1, at(499)), at(499));
    assert_eq!(one(&granter.grant(at(499))).process, OTHER, "it was not used");
}

#[test]
fn the_end_of_a_grant_is_counted_from_before_it_was_asked_for() {
    let (mut granter, mut purse) = (granter("1/s"), Purse::new(ONE, at(0)));
    // By its own clock, an hour ahead.
    let own = |millis| at(millis) + Duration::from_hours(1);
    let want = purse.want(some(1), some(1), own(0)).unwrap();
    granter.wanted(want, at(30));
    let grant = one(&granter.grant(at(40)));
    purse.granted(grant, false, own(70));
    // The owner counts to 540; the way there is not known, so it ends that much earlier.
    assert!(purse.take(some(1), own(508)).is_some_and(|unit| purse.spend(unit, own(508))));
    assert_eq!(purse.left(own(509)), some(0));
}

#[test]
fn units_of_several_grants_pay_for_one_message() {
    let (mut granter, mut purse) = (granter("100/s"), Purse::new(ONE, at(0)));
    granter.wanted(purse.want(some(3), some(1), at(0)).unwrap(), at(0));
    for millis in [0, 21, 42] {
        for grant in granter.grant(at(millis)).grants {
            purse.granted(grant, false, at(millis));
        }
    }
    assert_eq!(purse.left(at(42)), some(3), "one and one and one");
    let unit = purse.take(some(3), at(42)).unwrap();
    purse.put_back(unit);
    let unit = purse.take(some(3), at(43)).unwrap();
    assert!(purse.spend(unit, at(44)));
    assert_eq!(purse.reports(at(44)).len(), 3);
}

#[test]
fn what_a_message_costs_is_granted_whole_also_beyond_the_limit() {
    let mut granter = granter("2/s");
    granter.wanted(Want { next: some(5), ..want(ONE, 1, 5, at(0)) }, at(0));
    assert_eq!(one(&granter.grant(at(0))).units, some(5));
}

#[test]
fn a_want_is_told_when_it_begins_and_ends_and_now_and_then() {
    let mut purse = Purse::new(ONE, at(0));
    assert_eq!(purse.want(some(0), some(1), at(0)), None);
    assert_eq!(purse.want(some(3), some(1), at(0)).map(|want| want.units), Some(some(3)));
    assert_eq!(purse.want(some(4), some(1), at(1)), None, "soon enough later");
    assert_eq!(purse.want_again_at(some(4), some(1), at(1)), Some(at(5)));
    assert_eq!(purse.want(some(4), some(1), at(5)).map(|want| want.units), Some(some(4)));
    assert_eq!(
        (purse.want(some(4), some(1), at(204)), purse.want_again_at(some(4), some(1), at(204))),
        (None, Some(at(205)))
    );
    assert!(purse.want(some(4), some(1), at(205)).is_some());
    assert_eq!(purse.want(some(0), some(1), at(206)).map(|want| want.units), Some(some(0)));
    assert_eq!(
        (purse.want(some(0), some(1), at(900)), purse.want_again_at(some(0), some(1), at(900))),
        (None, None)
    );
}

/// Of a grant that is too small for it nothing could be used.
#[test]
fn a_want_is_told_when_only_its_next_message_is_another() {
    let (_, mut purse, grant) = with_grant("2/s", 9);
    let used = grant.units;
    let unit = purse.take(used, at(100)).unwrap();
    assert!(purse.spend(unit, at(100)));
    let left = some(9).minus(used);
    assert_eq!(purse.want(left, some(1), at(100)), None, "the owner knows it");
    assert_eq!(purse.want_again_at(left, some(3), at(100)), Some(at(5)));
    assert_eq!(purse.want(left, some(3), at(100)).map(|want| want.next), Some(some(3)));
}

fn charged(process: Incarnation, number: u64, units: u32) -> Charged {
    Charged { process, number, units: some(units), age: Duration::ZERO }
}

#[test]
fn what_was_used_without_a_grant_counts_once_however_often_it_is_told() {
    let mut granter = granter("2/s");
    for number in [1, 1, 2, 1, 2] {
        granter.charged(charged(ONE, number, 1), at(0));
    }
    granter.wanted(want(OTHER, 1, 1, at(0)), at(0));
    // Two of two are used; the guard lengthens the window.
    assert_eq!(granter.grant(at(0)), Granted { grants: vec![], again_at: Some(at(1005)) });
}

#[test]
fn what_was_used_without_a_grant_is_told_until_it_is_heard() {
    let mut tab = Tab::new(ONE, Duration::from_secs(1), at(0));
    assert_eq!((tab.to_tell(at(0)), tab.again_at()), (None, None));
    tab.charge(at(1), some(2));
    let told = tab.to_tell(at(1)).unwrap();
    assert_eq!((told.units, told.age), (some(2), Duration::ZERO));
    tab.charge(at(5), some(1));
    tab.charge(at(7), some(3));
    assert_eq!((tab.to_tell(at(100)), tab.again_at()), (None, Some(at(101))));
    let again = tab.to_tell(at(101)).unwrap();
    assert_eq!((again.number, again.units, again.age), (told.number, some(2), Duration::from_millis(100)));
    tab.heard(told.number);
    let next = tab.to_tell(at(102)).unwrap();
    assert_eq!((next.units, next.age), (some(4), Duration::from_millis(95)));
    tab.heard(told.number);
    assert!(tab.again_at().is_some(), "the earlier one is not this one");
    tab.heard(next.number);
    assert_eq!((tab.to_tell(at(300)), tab.again_at()), (None, None));
}

#[test]
fn what_no_window_holds_any_more_is_not_told() {
    let mut tab = Tab::new(ONE, Duration::from_secs(1), at(0));
    tab.charge(at(1), some(2));
    assert!(tab.to_tell(at(1)).is_some());
    assert_eq!((tab.to_tell(at(1002)), tab.again_at()), (None, None));
}

/// A limit of messages, of those with media, or of requests counts these, whatever they are made of.
#[test]
fn each_limit_counts_what_it_says() {
    let large = Costs::from(Cost::sms(3));
    for (text, message, allowed) in [
        ("2/10s", Cost::sms(1), 2),
        ("6/10s", Cost::sms(3), 2),
        ("2 messages/10s", Cost::sms(3), 2),
        ("2 requests/10s", Cost::mms(2), 2),
        ("2 mms/10s", Cost::mms(1), 2),
        ("6 mms segments/10s", Cost::mms(3), 2),
        ("2 sms/10s", Cost::sms(1), 2),
        ("2 mms/10s", Cost::sms(3), 9),
        ("2 sms/10s", Cost::mms(1), 9),
    ] {
        let mut granter = granter(text);
        let mut purse = Purse::new(ONE, at(0));
        let mut went = 0;
        for second in 0..10 {
            let now = at(second * 1000);
            let wanted = Costs::times(message, 9 - went);
            if let Some(want) = purse.want(wanted, message.into(), now) {
                granter.wanted(want, now);
            }
            granter.grant(now).grants.into_iter().for_each(|grant| purse.granted(grant, false, now));
            while went < 9 && purse.take(message.into(), now).is_some_and(|unit| purse.spend(unit, now)) {
                went += 1;
            }
            purse.reports(now).into_iter().for_each(|report| granter.reported(report, now));
        }
        assert_eq!(went, allowed, "{text}, {message:?}");
    }
    assert!(!some(2).covers(large), "of two messages of one segment none of three goes");
}

/// What no limit counts comes along in proportion, and each grant leaves less of it to be granted.
#[test]
fn what_no_limit_counts_comes_along() {
    let mut granter = granter("100 messages/s");
    let wanted = Costs::times(Cost::sms(3), 10);
    granter.wanted(Want { units: wanted, next: Cost::sms(3).into(), ..want(ONE, 1, 0, at(0)) }, at(0));
    let first = one(&granter.grant(at(0)));
    // Of ten messages the share of 20 ms is one; of their thirty segments 5.97, rounded down.
    assert_eq!(first.units, Cost::sms(5).into());
    // It has segments enough, and lacks messages.
    let nine = Costs::from(Cost { segments: 0, messages: 9, mms: false });
    let next = Costs::from(Cost { segments: 0, ..Cost::sms(1) });
    granter.wanted(Want { seen: first.number, units: nine, next, ..want(ONE, 2, 0, at(0)) }, at(0));
    assert_eq!(granter.grant(at(0)).grants, []);
    assert_eq!(one(&granter.grant(at(11))).units, next);
    // And the other way round: nobody counts them.
    let segments = Costs::from(Cost::sms(5).more(5));
    granter.wanted(Want { units: segments, next: segments, ..want(OTHER, 1, 0, at(11)) }, at(11));
    let granted = granter.grant(at(22));
    assert_eq!(granted.grants.last().map(|grant| grant.units), Some(segments), "{granted:?}");
}
