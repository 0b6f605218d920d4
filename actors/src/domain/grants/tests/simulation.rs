//! Several processes, one account, and messages that are late, lost, doubled and overtake each other.
//!
//! A seed decides everything. Who judges sees only the true instants at which something was handed over,
//! and knows no rule of the module.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::Duration;

use super::super::*;
use crate::domain::pace::{Cost, Costs, Limit, Pace};

/// Nanoseconds of the one true clock.
type Nanos = u64;

const MILLI: Nanos = 1_000_000;
const SECOND: Nanos = 1000 * MILLI;
const START: Nanos = 1_000_000 * SECOND;

/// The `SplitMix64` generator.
struct Dice(u64);

impl Dice {
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % end
    }

    fn between(&mut self, least: u64, most: u64) -> u64 {
        least + self.below(most - least + 1)
    }

    fn one_of<T: Copy>(&mut self, all: &[T]) -> T {
        all[usize::try_from(self.below(all.len() as u64)).unwrap()]
    }
}

/// A limit of a sliding window.
#[derive(Debug, Clone, Copy)]
struct PerWindow {
    units: u32,
    window: Duration,
}

impl PerWindow {
    fn whole(self) -> Limit {
        Limit::segments(self.units, self.window)
    }
}

#[derive(Debug, Clone, Copy)]
struct Plan {
    seed: u64,
    limit: PerWindow,
    processes: usize,
    /// Of a message on its way, at the least and at the most.
    latency: (Nanos, Nanos),
    /// Messages lost, and doubled, of a thousand.
    lost: u64,
    doubled: u64,
    /// What a message costs at the most.
    largest: u32,
    /// Processes are killed, and the owner is another one, about so often.
    trouble_every: Option<Nanos>,
    /// From the unit taken to the message written, at the most.
    claim: Nanos,
    /// Messages that are not written after all, of a thousand.
    given_up: u64,
    seconds: u32,
}

#[derive(Debug, Clone, Copy)]
enum Event {
    Arrives { process: usize, round: u64 },
    Demand { round: u64 },
    Want(Want),
    Grant { process: usize, grant: Grant },
    Report(Report),
    Writes { process: usize, life: u64, unit: Unit, cost: u32 },
    Looks { process: usize, life: u64 },
    Grants,
    Trouble,
    NewOwner,
}

struct Process {
    /// Which of its lives.
    life: u64,
    /// Its clock is ahead of the true one.
    ahead: Nanos,
    purse: Purse,
    queue: u32,
    /// It will look by itself.
    looks: bool,
    cost: u32,
    /// Of the demand, per mille.
    share: u64,
}

struct World {
    plan: Plan,
    dice: Dice,
    now: Nanos,
    events: BinaryHeap<Reverse<(Nanos, u64)>>,
    details: std::collections::HashMap<u64, Event>,
    scheduled: u64,
    processes: Vec<Process>,
    granter: Option<Granter>,
    /// When it looks by itself.
    grants_at: Nanos,
    round: u64,
    lives: u64,
    /// True instants and units.
    handed_over: Vec<(Nanos, u32)>,
}

fn time(nanos: Nanos) -> Time {
    Time::from_nanos(nanos)
}

fn span(duration: Duration) -> Nanos {
    u64::try_from(duration.as_nanos()).unwrap()
}

/// By life, so that what was meant for an earlier one reaches nobody.
fn name(process: usize, life: u64) -> Incarnation {
    Incarnation(u128::from(life) * 100 + process as u128)
}

fn process_of(name: Incarnation) -> usize {
    usize::try_from(name.0 % 100).unwrap()
}

impl World {
    fn new(plan: Plan) -> Self {
        let mut dice = Dice(plan.seed);
        let processes = (0..plan.processes)
            .map(|process| Process {
                life: 0,
                ahead: dice.below(100 * SECOND),
                purse: Purse::new(name(process, 0), Time::ZERO),
                queue: 0,
                looks: false,
                cost: 1,
                share: 0,
            })
            .collect();
        let granter = Granter::new(Incarnation(7), &[plan.limit.whole()], [], time(START));
        let mut world = Self {
            plan,
            dice,
            now: START,
            events: BinaryHeap::new(),
            details: std::collections::HashMap::new(),
            scheduled: 0,
            processes,
            granter: Some(granter),
            grants_at: Nanos::MAX,
            round: 0,
            lives: 0,
            handed_over: Vec::new(),
        };
        world.after(0, Event::Demand { round: 0 });
        if let Some(every) = plan.trouble_every {
            world.after(every, Event::Trouble);
        }
        world
    }

    fn after(&mut self, wait: Nanos, event: Event) {
        self.scheduled += 1;
        self.events.push(Reverse((self.now + wait, self.scheduled)));
        self.details.insert(self.scheduled, event);
    }

    /// On its way, if it is not lost; perhaps twice.
    fn send(&mut self, event: Event) {
        let copies = if self.dice.below(1000) < self.plan.doubled { 2 } else { 1 };
        for _ in 0..copies {
            if self.dice.below(1000) >= self.plan.lost {
                let (least, most) = self.plan.latency;
                let wait = self.dice.between(least, most);
                self.after(wait, event);
            }
        }
    }

    fn run(mut self) -> Self {
        let end = START + u64::from(self.plan.seconds) * SECOND;
        while let Some(Reverse((at, number))) = self.events.pop() {
            if at > end {
                break;
            }
            self.now = at;
            let event = self.details.remove(&number).unwrap();
            self.happens(event);
        }
        self
    }

    fn happens(&mut self, event: Event) {
        match event {
            Event::Demand { round } => self.new_demand(round),
            Event::Arrives { process, round } if round == self.round => self.arrives(process),
            Event::Want(want) => {
                let now = time(self.now);
                if let Some(granter) = &mut self.granter {
                    granter.wanted(want, now);
                }
                self.grants();
            }
            Event::Report(report) => {
                let now = time(self.now);
                if let Some(granter) = &mut self.granter {
                    granter.reported(report, now);
                }
                self.grants();
            }
            Event::Grants if self.grants_at == self.now => self.grants(),
            Event::Grant { process, grant } => {
                let own = self.own(process);
                let is_for_one = Pace::new(&[self.plan.limit.whole()], None, [], Time::ZERO)
                    .is_beyond_a_limit(grant.units);
                self.processes[process].purse.granted(grant, is_for_one, own);
                self.uses(process);
            }
            Event::Looks { process, life } if self.processes[process].life == life => {
                self.processes[process].looks = false;
                self.speaks(process);
            }
            // Outdated.
            Event::Arrives { .. } | Event::Grants | Event::Looks { .. } => {}
            Event::Writes { process, life, unit, cost } => self.writes(process, life, unit, cost),
            Event::Trouble => self.trouble(),
            Event::NewOwner => {
                // Everything that was handed over is in the store.
                let stamps = self.handed_over.iter().map(|(at, units)| (time(*at), Cost::sms(*units)));
                self.lives += 1;
                let me = Incarnation(7 + u128::from(self.lives) * 1000);
                self.granter = Some(Granter::new(me, &[self.plan.limit.whole()], stamps, time(self.now)));
            }
        }
    }

    fn own(&self, process: usize) -> Time {
        time(self.now + self.processes[process].ahead)
    }

    /// Half as much again as the limit allows, of which one has nearly all, for a while.
    fn new_demand(&mut self, round: u64) {
        self.round = round;
        let most = usize::try_from(round).unwrap() % self.plan.processes;
        let shares = [900, 50, 50, 0];
        for (place, share) in shares.into_iter().enumerate().take(self.plan.processes) {
            let process = (most + place) % self.plan.processes;
            self.processes[process].share = share;
            self.after(1, Event::Arrives { process, round });
        }
        self.after(5 * SECOND, Event::Demand { round: round + 1 });
    }

    fn arrives(&mut self, process: usize) {
        let Process { share, queue, .. } = &mut self.processes[process];
        if *share == 0 {
            // What nobody has sent goes to others.
            *queue = 0;
            return self.speaks(process);
        }
        *queue = (*queue + 1).min(1000);
        // One and a half times the limit, all shares together; a message costs about half the largest.
        let limit = self.plan.limit;
        let per_second = u128::from(limit.units) * 1_000_000_000 / limit.window.as_nanos().max(1);
        let units = u64::try_from(per_second).unwrap().max(1) * 1500 * *share / 1_000_000;
        let gap = SECOND * u64::from(self.plan.largest.div_ceil(2)) / units.max(1);
        let jittered = self.dice.between(gap / 2, gap * 3 / 2);
        self.after(jittered, Event::Arrives { process, round: self.round });
        self.uses(process);
    }

    /// What has units is claimed, and written a moment later.
    fn uses(&mut self, process: usize) {
        let own = self.own(process);
        loop {
            let Process { purse, queue, cost, life, .. } = &mut self.processes[process];
            if *queue == 0 {
                break;
            }
            let Some(unit) = purse.take(Cost::sms(*cost).into(), own) else { break };
            *queue -= 1;
            let (cost_of_it, life) = (*cost, *life);
            *cost = u32::try_from(self.dice.between(1, u64::from(self.plan.largest))).unwrap();
            let wait = self.dice.between(0, self.plan.claim);
            self.after(wait, Event::Writes { process, life, unit, cost: cost_of_it });
        }
        self.speaks(process);
    }

    fn writes(&mut self, process: usize, life: u64, unit: Unit, cost: u32) {
        if self.processes[process].life != life {
            return;
        }
        let own = self.own(process);
        if self.dice.below(1000) < self.plan.given_up {
            self.processes[process].purse.put_back(unit);
            self.processes[process].queue += 1;
            return self.uses(process);
        }
        if self.processes[process].purse.spend(unit, own) {
            self.handed_over.push((self.now, cost));
        } else {
            self.processes[process].queue += 1;
        }
        self.speaks(process);
    }

    fn speaks(&mut self, process: usize) {
        let own = self.own(process);
        let Process { purse, queue, cost, life, .. } = &mut self.processes[process];
        let next = Costs::from(Cost::sms(*cost));
        let behind = Costs::times(Cost::sms(self.plan.largest.div_ceil(2)), queue.saturating_sub(1));
        let eligible = if *queue == 0 { Costs::NOTHING } else { next.plus(behind) };
        purse.give_back_beyond(eligible, own);
        let (want, reports) = (purse.want(eligible, next, own), purse.reports(own));
        let (again_at, life) = (purse.want_again_at(eligible, next, own), *life);
        if let Some(want) = want {
            self.send(Event::Want(want));
        }
        for report in reports {
            self.send(Event::Report(report));
        }
        // One look that is to come is enough.
        if let Some(again_at) = again_at.filter(|_| !self.processes[process].looks) {
            self.processes[process].looks = true;
            let wait = span(again_at.since(own)).max(1);
            self.after(wait, Event::Looks { process, life });
        }
    }

    fn grants(&mut self) {
        let now = time(self.now);
        let Some(granter) = &mut self.granter else { return };
        let granted = granter.grant(now);
        for grant in granted.grants {
            let process = process_of(grant.process);
            self.send(Event::Grant { process, grant });
        }
        if let Some(again_at) = granted.again_at {
            // A timer is up to a millisecond late.
            let late = self.dice.below(MILLI);
            let wait = span(again_at.since(now)) + late;
            self.grants_at = self.now + wait;
            self.after(wait, Event::Grants);
        }
    }

    fn trouble(&mut self) {
        if self.dice.below(2) == 0 {
            let process = usize::try_from(self.dice.below(self.plan.processes as u64)).unwrap();
            self.lives += 1;
            let life = self.lives;
            self.processes[process].life = life;
            self.processes[process].looks = false;
            self.processes[process].purse = Purse::new(name(process, life), self.own(process));
        } else if self.granter.take().is_some() {
            // Nothing was granted any more from here on.
            self.after(span(LASTS), Event::NewOwner);
        }
        let every = self.plan.trouble_every.unwrap();
        let wait = self.dice.between(every / 2, every * 2);
        self.after(wait, Event::Trouble);
    }
}

/// The first window `(x − w, x]` that holds more than the limit. A message that is larger than the limit is
/// alone in its window, and the rest of it counts in those that follow.
fn first_over(handed_over: &[(Nanos, u32)], limit: PerWindow) -> Option<(Nanos, u32)> {
    let window = span(limit.window);
    let mut pieces: Vec<(Nanos, u32)> = Vec::new();
    for (at, units) in handed_over {
        let (mut at, mut left) = (*at, *units);
        while left > 0 {
            let piece = left.min(limit.units);
            pieces.push((at, piece));
            (at, left) = (at + window, left - piece);
        }
    }
    pieces.sort_unstable();
    let (mut oldest, mut sum) = (0, 0);
    for (at, units) in &pieces {
        sum += units;
        while pieces[oldest].0 + window <= *at {
            sum -= pieces[oldest].1;
            oldest += 1;
        }
        if sum > limit.units {
            return Some((*at, sum));
        }
    }
    None
}

fn limit(text: &str) -> PerWindow {
    let limit: Limit = text.parse().unwrap();
    PerWindow { units: limit.units, window: limit.sliding().unwrap() }
}

#[test]
fn no_window_is_over_whatever_is_lost_late_doubled_or_killed() {
    for seed in 0..120 {
        let mut dice = Dice(seed);
        let plan = Plan {
            seed,
            limit: limit(dice.one_of(&["1/s", "3/2s", "10/s", "100/s", "1000/s", "30/10s"])),
            processes: dice.one_of(&[2, 3, 4]),
            latency: (MILLI / 10, dice.one_of(&[3 * MILLI, 15 * MILLI, 60 * MILLI, 150 * MILLI])),
            lost: dice.one_of(&[0, 20, 300]),
            doubled: 100,
            largest: dice.one_of(&[1, 1, 3, 12]),
            trouble_every: dice.one_of(&[None, Some(SECOND), Some(4 * SECOND)]),
            claim: 30 * MILLI,
            given_up: 20,
            seconds: 12,
        };
        let world = World::new(plan).run();
        assert_eq!(first_over(&world.handed_over, plan.limit), None, "{plan:?}");
        // Else it would have shown nothing.
        assert!(!world.handed_over.is_empty() || plan.latency.1 > 50 * MILLI, "{plan:?}");
    }
}

/// Units of one that is given up are those of one message.
#[test]
fn nor_where_messages_are_larger_than_the_limit_and_some_are_given_up() {
    let mut larger = 0;
    for seed in 0..40 {
        let mut dice = Dice(seed);
        let plan = Plan {
            seed,
            limit: limit(dice.one_of(&["1/s", "3/2s", "10/s"])),
            processes: 2,
            latency: (MILLI / 10, 3 * MILLI),
            lost: 0,
            doubled: 20,
            largest: dice.one_of(&[3, 12]),
            trouble_every: None,
            claim: 30 * MILLI,
            given_up: 300,
            seconds: 120,
        };
        let world = World::new(plan).run();
        assert_eq!(first_over(&world.handed_over, plan.limit), None, "{plan:?}");
        larger += world.handed_over.iter().filter(|(_, units)| *units > plan.limit.units).count();
    }
    assert!(larger > 100, "{larger}");
}

/// Of what the limit allows, the spacing and guard apart.
fn use_of(plan: Plan) -> f64 {
    let world = World::new(plan).run();
    assert_eq!(first_over(&world.handed_over, plan.limit), None);
    let units: u32 = world.handed_over.iter().map(|(_, units)| units).sum();
    let allowed = f64::from(plan.seconds) * f64::from(plan.limit.units) / plan.limit.window.as_secs_f64();
    f64::from(units) / allowed
}

#[test]
fn uneven_demand_uses_nearly_all_that_the_limit_allows() {
    for text in ["1/s", "10/s", "100/s", "1000/s"] {
        for (latency, doubled) in [((300_000, 3 * MILLI), 0), ((5 * MILLI, 15 * MILLI), 20)] {
            let plan = Plan {
                seed: 20_260_825,
                limit: limit(text),
                processes: 4,
                latency,
                lost: 0,
                doubled,
                largest: 1,
                trouble_every: None,
                claim: 2 * MILLI,
                given_up: 20,
                seconds: 60,
            };
            let used = use_of(plan);
            assert!(used >= 0.95, "{text} at {latency:?}: {used:.3}");
        }
    }
}
