//! Judges a list of hand-overs. It sees decisions in their order, stamps, units and kinds, and no
//! rule of the module: it counts what lies in each window, and computes the earliest legal schedule.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use jiff::civil::{Date, Weekday};
use jiff::tz::{TimeZone, TimeZoneDatabase};
use jiff::{Timestamp, ToSpan};

use super::super::{Cost, Every, Limit, WindowKind};

/// One hand-over, in the order of decisions.
#[derive(Debug, Clone, Copy)]
pub(super) struct HandOver {
    /// Nanoseconds.
    pub(super) stamp: u64,
    pub(super) cost: Cost,
    pub(super) queued: bool,
    /// Which limits were in force at its decision.
    pub(super) era: usize,
}

/// A hand-over's part that lies in one window: a message larger than the limit pays with the windows
/// after it, under the limits that it was decided by. Those that were set later count it where it was written:
/// what is remembered of it by then may be a sum.
#[derive(Debug, Clone, Copy)]
struct Piece {
    at: u64,
    units: u64,
    decision: usize,
}

fn nanos(of: Duration) -> u64 {
    u64::try_from(of.as_nanos()).unwrap()
}

/// Units of a hand-over, by the words of the limit.
fn units_of(limit: &Limit, cost: Cost) -> u64 {
    let text = limit.to_string();
    let (before, _) = text.split_once('/').unwrap();
    let only = |word: &str| before.contains(word);
    if (only(" sms") && cost.mms) || (only(" mms") && !cost.mms) {
        return 0;
    }
    let one_each = only("message") || only("request") || before.ends_with(" mms");
    u64::from(if one_each { 1 } else { cost.segments })
}

/// The most units of a hand-over that lie in one window of a limit of that era.
fn most_in_one(hand_over: &HandOver, era: usize, limit: &Limit) -> u64 {
    if hand_over.era == era { u64::from(limit.units) } else { u64::MAX }
}

fn pieces(hand_overs: &[HandOver], era: usize, limit: &Limit, window: u64) -> Vec<Piece> {
    let mut pieces = Vec::new();
    for (decision, hand_over) in hand_overs.iter().enumerate() {
        let (mut at, mut left) = (hand_over.stamp, units_of(limit, hand_over.cost));
        while left > 0 {
            let units = left.min(most_in_one(hand_over, era, limit));
            pieces.push(Piece { at, units, decision });
            (at, left) = (at + window, left - units);
        }
    }
    pieces.sort_by_key(|piece| piece.at);
    pieces
}

/// A window that holds more than its limit.
#[derive(Debug)]
#[expect(dead_code, reason = "shown when a test fails")]
pub(super) struct Over {
    limit: String,
    ends: u64,
    units: u64,
    last_decision: usize,
}

/// Every half-open window `(x − w, x]` whose last decision was queued holds at most the limit that
/// was in force at that decision. Between two of the instants tried here no window changes. Every window
/// of the calendar likewise, by the dates that the zone's clocks showed.
pub(super) fn first_over(hand_overs: &[HandOver], eras: &[Vec<Limit>]) -> Option<Over> {
    eras.iter()
        .enumerate()
        .find_map(|(era, limits)| limits.iter().find_map(|limit| first_over_one(hand_overs, era, limit)))
}

fn first_over_one(hand_overs: &[HandOver], era: usize, limit: &Limit) -> Option<Over> {
    match &limit.window {
        WindowKind::Sliding(window) => first_over_sliding(hand_overs, era, limit, nanos(*window)),
        WindowKind::Calendar(_) => first_over_in_calendar(hand_overs, era, limit),
    }
}

/// The date of an instant and, of a week or month, its first one: what a person would write on a list.
fn label(every: Every, zone: &TimeZone, at: u64) -> Date {
    let shown = Timestamp::from_nanosecond(i128::from(at)).unwrap().to_zoned_datetime(zone.clone()).date();
    let mut first = shown;
    loop {
        let is_first = match every {
            Every::Day => true,
            Every::Week => first.weekday() == Weekday::Monday,
            Every::Month => first.day() == 1,
        };
        if is_first {
            return first;
        }
        first = first.yesterday().unwrap();
    }
}

/// The same windows as the limit's, from its text.
fn zone_of(limit: &Limit) -> (Every, TimeZone) {
    let text = limit.to_string();
    let (_, window) = text.split_once('/').unwrap();
    let (name, zone) = window.split_once('@').unwrap();
    let every = match name {
        "day" => Every::Day,
        "week" => Every::Week,
        "month" => Every::Month,
        other => panic!("{other}"),
    };
    (every, TimeZoneDatabase::bundled().get(zone).unwrap())
}

fn first_over_in_calendar(hand_overs: &[HandOver], era: usize, limit: &Limit) -> Option<Over> {
    let (every, zone) = zone_of(limit);
    let next = |first: Date| match every {
        Every::Day => first.tomorrow().unwrap(),
        Every::Week => first.checked_add(7.days()).unwrap(),
        Every::Month => first.checked_add(1.month()).unwrap(),
    };
    let most = u64::from(limit.units);
    // Units, the last decision, and its stamp.
    let mut windows: BTreeMap<Date, (u64, usize, u64)> = BTreeMap::new();
    for (decision, hand_over) in hand_overs.iter().enumerate() {
        let mut left = units_of(limit, hand_over.cost);
        let mut first = label(every, &zone, hand_over.stamp);
        while left > 0 {
            let piece = left.min(most_in_one(hand_over, era, limit));
            let window = windows.entry(first).or_default();
            window.0 += piece;
            (window.1, window.2) = (window.1.max(decision), window.2.max(hand_over.stamp));
            (left, first) = (left - piece, next(first));
        }
    }
    for (units, last_decision, ends) in windows.into_values() {
        let judged = hand_overs[last_decision].queued && hand_overs[last_decision].era == era;
        if judged && units > most {
            return Some(Over { limit: limit.to_string(), ends, units, last_decision });
        }
    }
    None
}

fn first_over_sliding(hand_overs: &[HandOver], era: usize, limit: &Limit, window: u64) -> Option<Over> {
    let pieces = pieces(hand_overs, era, limit, window);
    let mut ends: Vec<u64> = pieces.iter().flat_map(|piece| [piece.at, piece.at + window]).collect();
    ends.sort_unstable();
    ends.dedup();

    let (mut entered, mut left, mut units) = (0, 0, 0);
    // Decisions in the window, each later than all that entered after it; the front is the last one.
    let mut latest: VecDeque<usize> = VecDeque::new();
    for end in ends {
        while entered < pieces.len() && pieces[entered].at <= end {
            units += pieces[entered].units;
            while latest.back().is_some_and(|other| pieces[*other].decision < pieces[entered].decision) {
                latest.pop_back();
            }
            latest.push_back(entered);
            entered += 1;
        }
        while left < entered && pieces[left].at + window <= end {
            units -= pieces[left].units;
            if latest.front() == Some(&left) {
                latest.pop_front();
            }
            left += 1;
        }
        let Some(last) = latest.front() else { continue };
        let last_decision = pieces[*last].decision;
        let judged = hand_overs[last_decision].queued && hand_overs[last_decision].era == era;
        if judged && units > u64::from(limit.units) {
            return Some(Over { limit: limit.to_string(), ends: end, units, last_decision });
        }
    }
    None
}

/// How long the earliest schedule takes from the first to the last of these costs, in this order:
/// never over in any window, and evenly spread if asked. The earliest instants of all before decide
/// the earliest of the next, so taking the earliest each time is the optimum.
pub(super) fn optimum(costs: &[u64], limits: &[Limit], spread: bool) -> u64 {
    let mut states: Vec<Earliest> = limits.iter().map(Earliest::new).collect();
    let (mut now, mut before) = (0, 0);
    for cost in costs {
        for state in &mut states {
            now = now.max(state.may_enter(*cost));
        }
        if spread {
            for limit in limits {
                let gap = u128::from(before) * limit.sliding().unwrap().as_nanos() / u128::from(limit.units);
                now = now.max(states[0].last_start + u64::try_from(gap).unwrap());
            }
        }
        for state in &mut states {
            state.enter(now, *cost);
        }
        before = *cost;
    }
    now
}

struct Earliest {
    most: u64,
    window: u64,
    /// Instants and units of what may still matter.
    inside: VecDeque<(u64, u64)>,
    units: u64,
    last_start: u64,
}

impl Earliest {
    fn new(limit: &Limit) -> Self {
        let (most, window) = (u64::from(limit.units), nanos(limit.sliding().unwrap()));
        Self { most, window, inside: VecDeque::new(), units: 0, last_start: 0 }
    }

    fn may_enter(&mut self, cost: u64) -> u64 {
        let mut from = 0;
        while self.units + cost.min(self.most) > self.most {
            let (at, gone) = self.inside.pop_front().unwrap();
            self.units -= gone;
            from = at + self.window;
        }
        from
    }

    fn enter(&mut self, at: u64, cost: u64) {
        self.last_start = at;
        let (mut piece_at, mut left) = (at, cost);
        while left > 0 {
            let units = left.min(self.most);
            self.inside.push_back((piece_at, units));
            self.units += units;
            (piece_at, left) = (piece_at + self.window, left - units);
        }
    }
}
