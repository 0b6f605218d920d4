//! Judges a list of hand-overs. It sees decisions in their order, stamps, units and kinds, and no
//! rule of the module: it counts what lies in each window, and computes the earliest legal schedule.

use std::collections::VecDeque;
use std::time::Duration;

use super::super::Limit;

/// One hand-over, in the order of decisions.
#[derive(Debug, Clone, Copy)]
pub(super) struct HandOver {
    /// Nanoseconds.
    pub(super) stamp: u64,
    pub(super) units: u64,
    pub(super) queued: bool,
    /// Which limits were in force at its decision.
    pub(super) era: usize,
}

/// A hand-over's part that lies in one window: a message larger than the limit pays with the windows
/// after it.
#[derive(Debug, Clone, Copy)]
struct Piece {
    at: u64,
    units: u64,
    decision: usize,
}

fn nanos(of: Duration) -> u64 {
    u64::try_from(of.as_nanos()).unwrap()
}

fn pieces(hand_overs: &[HandOver], limit: Limit) -> Vec<Piece> {
    let (most, window) = (u64::from(limit.units), nanos(limit.window));
    let mut pieces = Vec::new();
    for (decision, hand_over) in hand_overs.iter().enumerate() {
        let (mut at, mut left) = (hand_over.stamp, hand_over.units);
        while left > 0 {
            let units = left.min(most);
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
    limit: Limit,
    ends: u64,
    units: u64,
    last_decision: usize,
}

/// Every half-open window `(x − w, x]` whose last decision was queued holds at most the limit that
/// was in force at that decision. Between two of the instants tried here no window changes.
pub(super) fn first_over(hand_overs: &[HandOver], eras: &[Vec<Limit>]) -> Option<Over> {
    eras.iter()
        .enumerate()
        .find_map(|(era, limits)| limits.iter().find_map(|limit| first_over_one(hand_overs, era, *limit)))
}

fn first_over_one(hand_overs: &[HandOver], era: usize, limit: Limit) -> Option<Over> {
    let window = nanos(limit.window);
    let pieces = pieces(hand_overs, limit);
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
            return Some(Over { limit, ends: end, units, last_decision });
        }
    }
    None
}

/// How long the earliest schedule takes from the first to the last of these costs, in this order:
/// never over in any window, and evenly spread if asked. The earliest instants of all before decide
/// the earliest of the next, so taking the earliest each time is the optimum.
pub(super) fn optimum(costs: &[u64], limits: &[Limit], spread: bool) -> u64 {
    let mut states: Vec<Earliest> = limits.iter().map(|limit| Earliest::new(*limit)).collect();
    let (mut now, mut before) = (0, 0);
    for cost in costs {
        for state in &mut states {
            now = now.max(state.may_enter(*cost));
        }
        if spread {
            for limit in limits {
                let gap = u128::from(before) * limit.window.as_nanos() / u128::from(limit.units);
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
    fn new(limit: Limit) -> Self {
        let (most, window) = (u64::from(limit.units), nanos(limit.window));
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
