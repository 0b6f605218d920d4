//! Half an hour of a sender with more work than it can send, against a limit that its provider does not
//! tell and that doubles or halves each minute. What it has taken is compared with what somebody gets taken who
//! knows the limit: who offers the same messages in their order, each as soon as it passes.

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
        mixed(self.0) % end
    }
}

const fn mixed(number: u64) -> u64 {
    let mut mixed = (number ^ (number >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

/// The segments of a message.
fn size(seed: u64, message: u64, largest: u64) -> u32 {
    1 + u32::try_from(mixed(mixed(seed + 1) ^ message) % largest).unwrap()
}

/// Does the limit double after this minute?
const fn doubles(seed: u64, minute: u64) -> bool {
    mixed(seed * 1000 + minute).is_multiple_of(2)
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
    /// So many of 1000 are refused whatever the rate.
    strays: u64,
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
    Minute(bool),
    Arrives(Sent),
    Answered(Sent, bool),
}

/// What came out.
#[derive(Debug)]
struct Outcome {
    /// Units taken, of what who knows the limit gets taken in the time without named pauses; in thousandths.
    use_of_limit: u64,
    /// Refused requests of all, in hundredths of a percent.
    refused: u64,
}

/// Of several runs.
#[derive(Debug)]
struct Outcomes {
    worst: Outcome,
    mean: Outcome,
}

struct Run {
    setting: Setting,
    seed: u64,
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
    /// From when to when the provider asked to wait.
    named_pauses: Vec<(u64, u64)>,
}

impl Run {
    fn new(setting: Setting, seed: u64) -> Self {
        let limit = Limit::segments(CONFIGURED, Duration::from_secs(1));
        let now = Time::from_nanos(START);
        let mut run = Self {
            setting,
            seed,
            random: Random(mixed(seed + 1)),
            now: START,
            events: BTreeMap::new(),
            numbered: 0,
            armed: 0,
            hidden: Hidden::new(setting.counting, u64::MAX, START),
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
            named_pauses: Vec::new(),
        };
        for minute in 1..MINUTES {
            run.at(START + minute * 60 * SECOND, Event::Minute(doubles(seed, minute)));
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
            self.now = at;
            match event {
                Event::Wake(armed) if armed != self.armed => {}
                Event::Wake(_) => self.send_what_may_go(),
                Event::Minute(doubles) => self.hidden.turn(doubles),
                Event::Arrives(sent) => {
                    let is_stray = self.random.below(1000) < self.setting.strays;
                    let is_taken = !is_stray && self.hidden.takes(at, u64::from(sent.units));
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
            use_of_limit: self.taken_units * 1000 / self.best(),
            refused: self.refusals * 10_000 / self.requests,
        }
    }

    /// Units that who knows the limit gets taken of the same messages. For them the pauses that were named are no time.
    fn best(&self) -> u64 {
        let mut hidden = Hidden::new(self.setting.counting, u64::from(CONFIGURED), START);
        let mut pauses = self.named_pauses.iter().peekable();
        let (mut units, mut message, mut own_time) = (0, 1, START);
        for milli in (0..MINUTES * 60_000).step_by(2) {
            let now = START + milli * MILLI;
            if milli > 0 && milli.is_multiple_of(60_000) {
                hidden.turn(doubles(self.seed, milli / 60_000));
            }
            while pauses.next_if(|(_, end)| *end <= now).is_some() {}
            if pauses.peek().is_some_and(|(begin, _)| *begin <= now) {
                continue;
            }
            own_time += 2 * MILLI;
            loop {
                let next = u64::from(size(self.seed, message, self.setting.largest));
                if !hidden.takes(own_time, next) {
                    break;
                }
                units += next;
                message += 1;
            }
        }
        units * (1000 - self.setting.strays) / 1000
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
            let begins = self.now.max(self.named_pauses.last().map_or(START, |(_, end)| *end));
            self.named_pauses.push((begins, self.now + named * SECOND));
        }
    }

    fn head(&mut self) -> (u64, u32) {
        if let Some(head) = self.next.or_else(|| self.again.pop_front()) {
            self.next = Some(head);
            return head;
        }
        self.messages += 1;
        let units = size(self.seed, self.messages, self.setting.largest);
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
    Setting { counting, named, way: (2, 20), largest: 1, strays: 0 }
}

/// So many seeds.
fn runs(setting: Setting, seeds: u64) -> Outcomes {
    let outcomes: Vec<Outcome> = (0..seeds).map(|seed| Run::new(setting, seed).run()).collect();
    let uses = outcomes.iter().map(|outcome| outcome.use_of_limit);
    let refused = outcomes.iter().map(|outcome| outcome.refused);
    let outcomes = Outcomes {
        worst: Outcome { use_of_limit: uses.clone().min().unwrap(), refused: refused.clone().max().unwrap() },
        mean: Outcome { use_of_limit: uses.sum::<u64>() / seeds, refused: refused.sum::<u64>() / seeds },
    };
    println!("{setting:?}: {outcomes:?} (thousandths taken, refused of 10,000)");
    outcomes
}

#[test]
fn of_a_sliding_second_that_moves_nine_tenths_are_used_and_two_percent_refused_at_most() {
    let outcomes = runs(setting(Counting::SlidingSecond, None), 6);
    assert!(outcomes.worst.use_of_limit >= 900 && outcomes.worst.refused <= 200, "{outcomes:?}");
}

#[test]
fn the_same_beside_the_pauses_that_the_provider_names() {
    let outcomes = runs(setting(Counting::SlidingSecond, Some(1)), 6);
    assert!(outcomes.worst.use_of_limit >= 900 && outcomes.worst.refused <= 200, "{outcomes:?}");
}

/// These count in ways that are not what the working rate expects: a bucket that filled up lets a try pass, and what
/// is taken then tells too much. Where it stays at a few per second for minutes more than 2 % are refused.
#[test]
fn clock_seconds_and_token_buckets_are_used_as_well() {
    for counting in [Counting::ClockSecond, Counting::TokenBucket] {
        for named in [None, Some(1)] {
            let outcomes = runs(setting(counting, named), 3);
            assert!(outcomes.worst.use_of_limit >= 900 && outcomes.worst.refused <= 260, "{outcomes:?}");
            assert!(outcomes.mean.refused <= 200, "{outcomes:?}");
        }
    }
}

/// There are fewer of them in a minute, so fewer tries within 2 %, and a limit that was low for minutes is found later when
/// it has risen.
#[test]
fn messages_of_several_segments_are_sent_as_well() {
    let outcomes = runs(Setting { largest: 3, ..setting(Counting::SlidingSecond, None) }, 6);
    assert!(outcomes.worst.use_of_limit >= 780 && outcomes.worst.refused <= 240, "{outcomes:?}");
    assert!(outcomes.mean.use_of_limit >= 860 && outcomes.mean.refused <= 200, "{outcomes:?}");
}

/// Such a provider has no limit to be found, and who looks for one goes slower and slower.
#[test]
fn refusals_that_do_not_depend_on_the_rate_slow_nobody() {
    for strays in [3, 10, 30] {
        let outcomes = runs(Setting { strays, ..setting(Counting::Nothing, None) }, 2);
        assert!(outcomes.worst.use_of_limit >= 900, "{outcomes:?}");
    }
}

#[test]
fn a_limit_is_found_among_refusals_that_do_not_depend_on_it() {
    let outcomes = runs(Setting { strays: 30, ..setting(Counting::SlidingSecond, None) }, 3);
    assert!(outcomes.worst.use_of_limit >= 700 && outcomes.worst.refused <= 600, "{outcomes:?}");
}
