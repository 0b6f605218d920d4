//! Lives of a sender with everything that goes wrong: timers that are late, claims that take long
//! and overtake each other, reports that come late, restarts, immediate messages, changes of limits.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::super::*;
use super::checker::{HandOver, Over, first_over};
use crate::ports::{QUARTER, SUMS_KEPT};

/// The `SplitMix64` generator: small, and the same everywhere.
pub(super) struct Random(u64);

impl Random {
    pub(super) fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(super) fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % end
    }

    fn chance(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }
}

/// The days of these cross the instants of [`STARTS`].
const LIMITS: [&[&str]; 16] = [
    &["1/s"],
    &["3/s"],
    &["10/s"],
    &["2.5/s"],
    &["20/s", "50/5s"],
    &["5/s", "30/10s"],
    &["0.5/s", "1/s"],
    &["1500/s"],
    &["40/61s", "4/s"],
    &["12/day@America/Los_Angeles", "5/s"],
    &["7 messages/day@Africa/Cairo", "3/s", "100/day@UTC"],
    &["10 sms/s", "2 mms/s", "11/s"],
    &["4 requests/s", "6/s", "30 mms segments/min"],
    &["2 mms/day@America/Los_Angeles", "9/day@America/Los_Angeles"],
    &["200/day@Antarctica/Troll", "0.5/s", "3 messages/s"],
    &["150/day@America/Los_Angeles", "1 messages/s"],
];

/// Shortly before a day begins that is longer or shorter than others, or has no midnight, or follows
/// such a one.
const STARTS: [&str; 8] = [
    "2027-01-15T08:00:00Z",
    "2026-03-08T07:59:58Z",
    "2026-03-09T06:59:58Z",
    "2026-11-01T06:59:58Z",
    "2026-11-02T07:59:58Z",
    "2026-04-23T21:59:58Z",
    "2026-10-29T20:59:58Z",
    "2026-03-28T23:59:58Z",
];

fn limits(set: usize) -> Vec<Limit> {
    LIMITS[set % LIMITS.len()].iter().map(|text| text.parse().unwrap()).collect()
}

/// A permit on its way.
struct Pending {
    permit: Permit,
    decision: usize,
    not_before: Time,
    stamped: Option<Time>,
}

/// A sender's owner with its store, and the ledger of what was really written.
struct Life {
    now: Time,
    since: Time,
    pace: Pace,
    guard: Option<Duration>,
    eras: Vec<Vec<Limit>>,
    /// By decision; what was never written is left out.
    written: BTreeMap<usize, HandOver>,
    decisions: usize,
    open: Vec<Pending>,
    units: BTreeMap<usize, Cost>,
    store: Stored,
}

/// What the store knows for the pace: hand-overs one by one, and sums of those that need not be known so.
#[derive(Default)]
struct Stored {
    each: Vec<(Time, Cost)>,
    /// By quarter of an hour and kind.
    sums: BTreeMap<(u64, bool), (Time, Cost)>,
}

impl Stored {
    fn note(&mut self, at: Time, cost: Cost, keep: Keep, now: Time) {
        self.each.push((at, cost));
        for (at, cost) in self.each.extract_if(.., |(at, _)| *at < keep.each_from) {
            let quarter = at.as_nanos() / nanos(QUARTER);
            let nothing = (at, Cost { segments: 0, messages: 0, mms: cost.mms });
            let (latest, sum) = self.sums.entry((quarter, cost.mms)).or_insert(nothing);
            *latest = at.max(*latest);
            sum.segments += cost.segments;
            sum.messages += cost.messages;
        }
        let keep_from = keep.sums_from.min(now - SUMS_KEPT);
        self.sums.retain(|_, (latest, _)| *latest >= keep_from);
    }

    /// No more than the pace says that it needs.
    fn remembered(&self, keep: Keep) -> Vec<(Time, Cost)> {
        let all = self.each.iter().chain(self.sums.values());
        all.filter(|(at, _)| *at >= keep.sums_from).copied().collect()
    }
}

fn nanos(of: Duration) -> u64 {
    u64::try_from(of.as_nanos()).unwrap()
}

fn instant(text: &str) -> Time {
    let timestamp: jiff::Timestamp = text.parse().unwrap();
    Time::from_nanos(u64::try_from(timestamp.as_nanosecond()).unwrap())
}

impl Life {
    fn new(set: usize, start: usize, guard: Option<Duration>) -> Self {
        let now = instant(STARTS[start % STARTS.len()]);
        let first = limits(set);
        Self {
            now,
            since: now,
            pace: Pace::new(&first, guard, [], now),
            guard,
            eras: vec![first],
            written: BTreeMap::new(),
            decisions: 0,
            open: Vec::new(),
            units: BTreeMap::new(),
            store: Stored::default(),
        }
    }

    fn decide(&mut self, cost: Cost) -> usize {
        self.decisions += 1;
        self.units.insert(self.decisions, cost);
        self.decisions
    }

    fn write(&mut self, decision: usize, at: Time, queued: bool) {
        let era = self.eras.len() - 1;
        let cost = self.units[&decision];
        self.written.insert(decision, HandOver { stamp: at.as_nanos(), cost, queued, era });
    }

    /// Decides if it may, up to `lead` before the instant.
    fn decide_if_allowed(&mut self, cost: Cost, lead: Duration) -> Allowed {
        let allowed = self.pace.next_allowed(self.since, self.now, cost);
        if let Allowed::At(at) = allowed
            && at <= self.now + lead
        {
            let permit = self.pace.take(at, self.now, cost);
            let decision = self.decide(cost);
            self.open.push(Pending { permit, decision, not_before: at.max(self.now), stamped: None });
            // Under the limits of its decision; the instant follows with the stamp.
            self.write(decision, Time::MAX, true);
        }
        allowed
    }

    /// The request of an open permit is written now, if its instant has come.
    fn stamp(&mut self, place: usize) {
        let now = self.now;
        let ready = self.open.get_mut(place).filter(|open| open.stamped.is_none() && open.not_before <= now);
        if let Some(open) = ready {
            open.stamped = Some(now);
            let hand_over = self.written.get_mut(&open.decision).unwrap();
            hand_over.stamp = now.as_nanos();
        }
    }

    /// The owner hears what became of a permit.
    fn report(&mut self, place: usize) {
        let Some(open) = (place < self.open.len()).then(|| self.open.swap_remove(place)) else { return };
        if let Some(at) = open.stamped {
            self.pace.stamp(open.permit, at);
            self.note(at, self.units[&open.decision]);
        } else {
            self.pace.abandon(open.permit);
            self.written.remove(&open.decision);
        }
    }

    fn immediate(&mut self, cost: Cost) {
        let decision = self.decide(cost);
        self.write(decision, self.now, false);
        self.pace.charge(self.now, cost);
        self.note(self.now, cost);
    }

    /// The process dies: what was on its way may have been written or not, and counts at now.
    fn restart(&mut self) {
        for open in std::mem::take(&mut self.open) {
            self.note(self.now, self.units[&open.decision]);
            if open.stamped.is_none() {
                self.written.remove(&open.decision);
            }
        }
        let current = self.eras.last().unwrap();
        let empty = Pace::new(current, self.guard, [], self.now);
        let stamps = self.store.remembered(empty.keep(self.now));
        self.pace = Pace::new(current, self.guard, stamps, self.now);
        self.since = self.now;
    }

    fn change(&mut self, set: usize) {
        let changed = limits(set);
        let empty = Pace::new(&changed, self.guard, [], self.now);
        let stamps = self.store.remembered(empty.keep(self.now));
        self.pace.change(&changed, self.guard, stamps, self.now);
        self.eras.push(changed);
    }

    fn note(&mut self, at: Time, cost: Cost) {
        let keep = self.pace.keep(self.now);
        self.store.note(at, cost, keep, self.now);
    }

    fn first_over(mut self) -> Option<Over> {
        let unwritten: Vec<usize> =
            self.open.iter().filter(|open| open.stamped.is_none()).map(|open| open.decision).collect();
        for decision in unwritten {
            self.written.remove(&decision);
        }
        let hand_overs: Vec<HandOver> = self.written.into_values().collect();
        first_over(&hand_overs, &self.eras)
    }
}

/// One step of a scripted life.
#[derive(Debug, Clone)]
enum Step {
    Wait { micros: u64 },
    WaitLong { minutes: u64 },
    WaitUntilDue { cost: Cost, late_micros: u64 },
    Decide { cost: Cost, lead_micros: u64 },
    Stamp { place: usize },
    Report { place: usize },
    Immediate { cost: Cost },
    Restart,
    Change { set: usize },
}

fn costs() -> impl Strategy<Value = Cost> {
    let segments = prop_oneof![8 => Just(1_u32), 4 => 1..4_u32, 1 => 1..13_u32];
    (segments, 0..4_u8).prop_map(|(segments, dice)| Cost { mms: dice == 0, ..Cost::sms(segments) })
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => (0..400_000_u64).prop_map(|micros| Step::Wait { micros }),
        1 => (0..600_u64).prop_map(|minutes| Step::WaitLong { minutes }),
        8 => (costs(), 0..3000_u64).prop_map(|(cost, late_micros)| Step::WaitUntilDue { cost, late_micros }),
        12 => (costs(), 0..5000_u64).prop_map(|(cost, lead_micros)| Step::Decide { cost, lead_micros }),
        12 => (0..4_usize).prop_map(|place| Step::Stamp { place }),
        9 => (0..4_usize).prop_map(|place| Step::Report { place }),
        1 => costs().prop_map(|cost| Step::Immediate { cost }),
        1 => Just(Step::Restart),
        1 => (0..LIMITS.len()).prop_map(|set| Step::Change { set }),
    ]
}

fn apply(life: &mut Life, step: &Step) {
    match *step {
        Step::Wait { micros } => life.now = life.now + Duration::from_micros(micros),
        Step::WaitLong { minutes } => life.now = life.now + Duration::from_mins(minutes),
        Step::WaitUntilDue { cost, late_micros } => {
            if let Allowed::At(at) = life.pace.next_allowed(life.since, life.now, cost) {
                life.now = life.now.max(at + Duration::from_micros(late_micros));
            }
        }
        Step::Decide { cost, lead_micros } => {
            life.decide_if_allowed(cost, Duration::from_micros(lead_micros));
        }
        Step::Stamp { place } => life.stamp(place),
        Step::Report { place } => life.report(place),
        Step::Immediate { cost } => life.immediate(cost),
        Step::Restart => life.restart(),
        Step::Change { set } => life.change(set),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_script_puts_a_window_over(
        set in 0..LIMITS.len(),
        start in 0..STARTS.len(),
        guarded in any::<bool>(),
        script in prop::collection::vec(step(), 0..250),
    ) {
        let mut life = Life::new(set, start, (!guarded).then_some(Duration::ZERO));
        for step in &script {
            apply(&mut life, step);
        }
        let over = life.first_over();
        prop_assert!(over.is_none(), "{:?}", over);
    }
}

/// A sender with more work than it may do, for `turns` wake-ups, under the troubles of its seed.
fn troubled(seed: u64, turns: u32) -> Life {
    let mut random = Random::new(seed);
    let set = usize::try_from(random.below(LIMITS.len() as u64)).unwrap();
    let start = usize::try_from(random.below(STARTS.len() as u64)).unwrap();
    let mut life = Life::new(set, start, random.chance(50).then_some(Duration::ZERO));
    let latest_timer = [2_000, 50_000, 400_000][usize::try_from(random.below(3)).unwrap()];
    let slowest_claim = 1 + random.below(30_000);
    let largest = 1 + random.below(12);
    let (mut restarts, mut changes, mut immediates) = (0, 0, 0);
    if random.chance(60) {
        (restarts, changes, immediates) = (random.below(2), random.below(2), random.below(4));
    }
    for _ in 0..turns {
        let segments = u32::try_from(1 + random.below(largest)).unwrap();
        let cost = Cost { mms: random.chance(20), ..Cost::sms(segments) };
        let lead = Duration::from_micros(random.below(5_000));
        let wake = match life.decide_if_allowed(cost, lead) {
            Allowed::At(at) if at <= life.now + lead => life.now,
            Allowed::At(at) => at + Duration::from_micros(random.below(latest_timer)),
            Allowed::WhenStamped => life.now + Duration::from_micros(random.below(slowest_claim)),
        };
        // Until then some of what is open is written and reported, in any order.
        while life.now < wake && !life.open.is_empty() {
            let place = usize::try_from(random.below(life.open.len() as u64)).unwrap();
            life.now = wake.min(life.now + Duration::from_micros(random.below(slowest_claim)));
            if random.chance(97) {
                life.stamp(place);
            }
            if random.chance(70) {
                let reported = usize::try_from(random.below(life.open.len() as u64)).unwrap();
                life.report(reported);
            }
        }
        life.now = life.now.max(wake);
        if random.chance(immediates) {
            life.immediate(cost);
        }
        if random.chance(restarts) {
            life.restart();
        }
        if random.chance(changes) {
            life.change(usize::try_from(random.below(LIMITS.len() as u64)).unwrap());
        }
    }
    life
}

#[test]
fn no_troubled_life_puts_a_window_over() {
    let mut written = 0;
    for seed in 0..500 {
        let life = troubled(seed, 600);
        written += life.written.len();
        let over = life.first_over();
        assert!(over.is_none(), "seed {seed}: {over:?}");
    }
    println!("{written} hand-overs");
    assert!(written > 50_000, "the simulation hardly sends: {written}");
}
