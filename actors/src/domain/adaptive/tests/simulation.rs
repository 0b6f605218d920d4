//! Half an hour of a sender with more work than it can send, against a limit that its provider does not
//! tell and that doubles or halves each minute.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use super::super::super::pace::{Allowed, Cost, Limit, Pace};
use super::super::super::time::Time;
use super::super::{Rate, WorkingRate};
use super::hidden::{Counting, Hidden};

const SECOND: u64 = 1_000_000_000;
const MILLI: u64 = 1_000_000;
const START: u64 = 1_800_000_000 * SECOND;
const MINUTES: u64 = 30;
const CONFIGURED: u32 = 100;

/// The `SplitMix64` generator.
struct Random(u64);

impl Random {
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % end
    }
}

/// What is run.
#[derive(Debug, Clone, Copy)]
struct Setting {
    counting: Counting,
    /// The provider's `Retry-After`, in seconds.
    named: Option<u64>,
    /// Milliseconds that a way to the provider, or back, takes.
    way: (u64, u64),
    /// Messages cost from 1 to this.
    largest: u64,
}

#[derive(Debug, Clone, Copy)]
struct Sent {
    message: u64,
    units: u32,
    at: u64,
}

#[derive(Debug, Clone, Copy)]
enum Event {
    Wake(u64),
    Minute,
    Arrives(Sent),
    Answered(Sent, bool),
}

/// What came out.
#[derive(Debug)]
struct Outcome {
    /// Units taken, of what the limit would have taken while no named pause lasted; in thousandths.
    use_of_limit: u64,
    /// Refused requests of all, in hundredths of a percent.
    refused: u64,
}

struct Run {
    setting: Setting,
    random: Random,
    now: u64,
    events: BTreeMap<(u64, u64), Event>,
    numbered: u64,
    armed: u64,
    hidden: Hidden,
    pace: Pace,
    working: WorkingRate,
    /// Refused messages, to be sent again.
    again: VecDeque<(u64, u32)>,
    next: Option<(u64, u32)>,
    messages: u64,
    in_flight: u64,
    taken: Vec<u64>,
    /// Units.
    taken_units: u64,
    requests: u64,
    refusals: u64,
    /// Thousandths of units that the limit would have taken.
    possible: u64,
    counted_to: u64,
    named_pause_ends: u64,
}

impl Run {
    fn new(setting: Setting, seed: u64) -> Self {
        let limit = Limit::segments(CONFIGURED, Duration::from_secs(1));
        let now = Time::from_nanos(START);
        let mut run = Self {
            setting,
            random: Random(seed),
            now: START,
            events: BTreeMap::new(),
            numbered: 0,
            armed: 0,
            hidden: Hidden::new(setting.counting, START),
            pace: Pace::new(&[limit], None, [], now),
            working: WorkingRate::new(Some(Rate::of(u64::from(CONFIGURED), Duration::from_secs(1)))),
            again: VecDeque::new(),
            next: None,
            messages: 0,
            in_flight: 0,
            taken: Vec::new(),
            taken_units: 0,
            requests: 0,
            refusals: 0,
            possible: 0,
            counted_to: START,
            named_pause_ends: START,
        };
        for minute in 1..MINUTES {
            run.at(START + minute * 60 * SECOND, Event::Minute);
        }
        run.at(START, Event::Wake(0));
        run
    }

    fn at(&mut self, at: u64, event: Event) {
        self.numbered += 1;
        self.events.insert((at, self.numbered), event);
    }

    fn way(&mut self) -> u64 {
        let (shortest, longest) = self.setting.way;
        (shortest * MILLI) + self.random.below((longest - shortest) * MILLI + 1)
    }

    fn run(mut self) -> Outcome {
        let end = START + MINUTES * 60 * SECOND;
        while let Some(((at, _), event)) = self.events.pop_first() {
            if at > end {
                self.events.insert((at, 0), event);
                break;
            }
            self.count_what_is_possible(at);
            self.now = at;
            match event {
                Event::Wake(armed) if armed != self.armed => {}
                Event::Wake(_) => self.send_what_may_go(),
                Event::Minute => {
                    let up = self.random.below(2) == 0;
                    self.hidden.turn(up);
                }
                Event::Arrives(sent) => {
                    let is_taken = self.hidden.takes(at, u64::from(sent.units));
                    let way = self.way();
                    self.at(at + way, Event::Answered(sent, is_taken));
                }
                Event::Answered(sent, is_taken) => {
                    self.answered(sent, is_taken);
                    self.send_what_may_go();
                }
            }
        }
        self.nothing_is_lost();
        Outcome {
            use_of_limit: self.taken_units * 1_000_000 / self.possible,
            refused: self.refusals * 10_000 / self.requests,
        }
    }

    fn count_what_is_possible(&mut self, until: u64) {
        let from = self.counted_to.max(self.named_pause_ends.min(until));
        let rate = self.hidden.per_second().min(u64::from(CONFIGURED));
        self.possible += (until - from) / 1000 * rate / 1000;
        self.counted_to = until;
    }

    fn answered(&mut self, sent: Sent, is_taken: bool) {
        self.in_flight -= 1;
        self.requests += 1;
        let (now, at) = (Time::from_nanos(self.now), Time::from_nanos(sent.at));
        if is_taken {
            self.taken.push(sent.message);
            self.taken_units += u64::from(sent.units);
            self.working.accepted(at);
            return;
        }
        self.refusals += 1;
        self.again.push_back((sent.message, sent.units));
        let named = self.setting.named.map(Duration::from_secs);
        self.working.refused(sent.units, at, named, now);
        if let Some(named) = self.setting.named {
            self.named_pause_ends = self.named_pause_ends.max(self.now + named * SECOND);
        }
    }

    fn head(&mut self) -> (u64, u32) {
        if let Some(head) = self.next.or_else(|| self.again.pop_front()) {
            self.next = Some(head);
            return head;
        }
        self.messages += 1;
        let units = 1 + u32::try_from(self.random.below(self.setting.largest)).unwrap();
        self.next = Some((self.messages, units));
        (self.messages, units)
    }

    fn send_what_may_go(&mut self) {
        let now = Time::from_nanos(self.now);
        loop {
            let (message, units) = self.head();
            let cost = Cost::sms(units);
            let Allowed::At(at) = self.pace.next_allowed(Time::ZERO, now, cost) else {
                panic!("none is open")
            };
            let at = at.max(self.working.next_allowed(now, units));
            if at > now {
                let next = self.working.changes_at().map_or(at, |change| at.min(change.max(now)));
                // Timers are up to 2 ms late.
                let late = self.random.below(2 * MILLI);
                self.armed += 1;
                self.at(next.as_nanos() + late + 1, Event::Wake(self.armed));
                return;
            }
            let permit = self.pace.take(at, now, cost);
            self.pace.stamp(permit, now);
            self.working.sent(units, now);
            self.next = None;
            self.in_flight += 1;
            let way = self.way();
            self.at(self.now + way, Event::Arrives(Sent { message, units, at: self.now }));
        }
    }

    /// Each message was taken once, or waits, or is on its way.
    fn nothing_is_lost(&mut self) {
        let taken = self.taken.len();
        self.taken.sort_unstable();
        self.taken.dedup();
        assert_eq!(self.taken.len(), taken, "none is taken twice");
        let waiting = self.again.len() + usize::from(self.next.is_some());
        let elsewhere = waiting + usize::try_from(self.in_flight).unwrap();
        assert_eq!(u64::try_from(taken + elsewhere).unwrap(), self.messages, "none is lost");
    }
}

fn setting(counting: Counting, named: Option<u64>) -> Setting {
    Setting { counting, named, way: (2, 20), largest: 1 }
}

/// The worst of so many seeds.
fn worst(setting: Setting, seeds: u64) -> Outcome {
    let outcomes: Vec<Outcome> = (0..seeds).map(|seed| Run::new(setting, seed).run()).collect();
    let use_of_limit = outcomes.iter().map(|outcome| outcome.use_of_limit).min().unwrap();
    let refused = outcomes.iter().map(|outcome| outcome.refused).max().unwrap();
    println!("{setting:?}: at least {use_of_limit} of 1000 taken, at most {refused} of 10,000 refused");
    Outcome { use_of_limit, refused }
}

#[test]
fn of_a_sliding_second_that_moves_nine_tenths_are_used_and_two_percent_refused_at_most() {
    let outcome = worst(setting(Counting::SlidingSecond, None), 6);
    assert!(outcome.use_of_limit >= 900 && outcome.refused <= 200, "{outcome:?}");
}

#[test]
fn the_same_beside_the_pauses_that_the_provider_names() {
    let outcome = worst(setting(Counting::SlidingSecond, Some(1)), 6);
    assert!(outcome.use_of_limit >= 900 && outcome.refused <= 200, "{outcome:?}");
}

/// These count in ways that are not what the working rate expects. Where such a limit stays at a few per second
/// for minutes, a bucket that filled up lets a try pass, so more is refused.
#[test]
fn clock_seconds_and_token_buckets_are_used_as_well() {
    for counting in [Counting::ClockSecond, Counting::TokenBucket] {
        for named in [None, Some(1)] {
            let outcome = worst(setting(counting, named), 3);
            assert!(outcome.use_of_limit >= 900 && outcome.refused <= 300, "{outcome:?}");
        }
    }
}

/// Of messages of several segments no part is refused, so a second is never filled to the last unit.
#[test]
fn messages_of_several_segments_are_sent_as_well() {
    let outcome = worst(Setting { largest: 3, ..setting(Counting::SlidingSecond, None) }, 3);
    assert!(outcome.use_of_limit >= 600 && outcome.refused <= 300, "{outcome:?}");
}
