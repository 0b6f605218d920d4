//! How much of the limit a busy sender uses, against the earliest legal spread schedule.

use super::super::*;
use super::checker::{HandOver, first_over, optimum};
use super::simulation::Random;

const START: u64 = 1_800_000_000_000_000_000;
const WINDOWS: u64 = 110;

struct Busy {
    hand_overs: Vec<HandOver>,
    used: f64,
}

/// A sender that always has work; its timers are 0 to 2 ms late.
fn busy(limit: &Limit, guard: Option<Duration>, mixed: bool, seed: u64) -> Busy {
    let mut random = Random::new(seed);
    let start = Time::from_nanos(START);
    let end = start + limit.sliding().unwrap() * u32::try_from(WINDOWS).unwrap();
    let mut pace = Pace::new(std::slice::from_ref(limit), guard, [], start);
    let (mut now, mut hand_overs) = (start, Vec::new());
    while now < end {
        let cost = if mixed { u32::try_from(1 + random.below(3)).unwrap() } else { 1 };
        loop {
            let Allowed::At(due) = pace.next_allowed(start, now, Cost::sms(cost)) else {
                panic!("nothing is open")
            };
            if due > now {
                now = due + Duration::from_nanos(random.below(2_000_000));
                continue;
            }
            let permit = pace.take(due, now, Cost::sms(cost));
            pace.stamp(permit, now);
            hand_overs.push(HandOver { stamp: now.as_nanos(), cost: Cost::sms(cost), queued: true, era: 0 });
            break;
        }
    }
    let costs: Vec<u64> = hand_overs.iter().map(|one| u64::from(one.cost.segments)).collect();
    let real = now.since(start).as_secs_f64();
    let used = Duration::from_nanos(optimum(&costs, std::slice::from_ref(limit), true)).as_secs_f64() / real;
    Busy { hand_overs, used }
}

#[test]
fn a_busy_sender_uses_its_limit_and_never_more() {
    for text in ["1/s", "10/s", "100/s", "1000/s", "6/min", "0.1/s"] {
        let limit: Limit = text.parse().unwrap();
        for (guard, least) in [(Some(Duration::ZERO), 0.99), (None, 0.985)] {
            for mixed in [false, true] {
                let Busy { hand_overs, used } = busy(&limit, guard, mixed, 7);
                let over = first_over(&hand_overs, &[vec![limit.clone()]]);
                let guarded = guard.is_none();
                println!(
                    "{text:>7} guard {guarded:5} mixed {mixed:5} used {used:.4} of {}",
                    hand_overs.len()
                );
                assert!(over.is_none(), "{text} guard {guarded} mixed {mixed}: {over:?}");
                assert!(used >= least, "{text} guard {guarded} mixed {mixed}: {used:.4}");
                assert!(used <= 1.0, "{text}: no schedule is earlier than the optimum: {used:.4}");
            }
        }
    }
}

#[test]
fn the_optimum_is_the_best_of_all_schedules_in_small_cases() {
    // All schedules on a grid, without spread, against the greedy one.
    let limit = Limit::segments(3, Duration::from_nanos(4));
    for costs in [[1_u32, 2, 1, 3], [3, 1, 1, 2], [2, 2, 2, 2], [1, 1, 1, 1], [5, 1, 3, 1], [1, 7, 2, 1]] {
        let mut best = u64::MAX;
        for code in 0..17_u64.pow(3) {
            let gaps = [0, code % 17, code / 17 % 17, code / 289];
            let mut stamp = 0;
            let schedule = costs.iter().zip(gaps).map(|(units, gap)| {
                stamp += gap;
                HandOver { stamp, cost: Cost::sms(*units), queued: true, era: 0 }
            });
            let hand_overs: Vec<HandOver> = schedule.collect();
            if stamp < best && first_over(&hand_overs, &[vec![limit.clone()]]).is_none() {
                best = stamp;
            }
        }
        assert_eq!(optimum(&costs.map(u64::from), std::slice::from_ref(&limit), false), best, "{costs:?}");
    }
}
