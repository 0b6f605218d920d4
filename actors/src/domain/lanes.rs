//! Lanes: which of a sender's lanes goes next. Start-time fair queueing (PACE.md §5).
//!
//! Each lane has a tag, which grows with what the lane has sent, by its weight. The smallest tag goes;
//! of equal ones the more urgent lane. A lane that has been without work starts again at the tag of
//! what went last, so idle time gives no credit; but never below its own tag, else a lane that sends one
//! message at a time would begin anew each time and starve the others.
//!
//! Invariants: between two moments at which a lane always had work, it went at least in its share of all
//! that went, less one message; and one with work in its share waits for at most the one message that is
//! going. Pure; one owner per sender. All of it may be lost: the lanes then begin at equal tags.

use serde::{Deserialize, Serialize};

use super::message::Lane;

/// Every lane, the most urgent first.
pub const LANES: [Lane; 3] = [Lane::Urgent, Lane::Normal, Lane::Bulk];

/// The heaviest weight: a lane may have so many times what another has.
pub const HEAVIEST: u16 = 1000;

/// Tags are whole numbers: one unit at weight 1.
const UNIT: u64 = 1_000_000;

/// What the lanes get of a sender's pace while all of them have work.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Weights {
    /// Of [`Lane::Urgent`]; 1 to [`HEAVIEST`], as of the others.
    pub urgent: u16,
    /// Of [`Lane::Normal`].
    pub normal: u16,
    /// Of [`Lane::Bulk`].
    pub bulk: u16,
}

impl Default for Weights {
    fn default() -> Self {
        Self { urgent: 8, normal: 3, bulk: 1 }
    }
}

impl Weights {
    /// The weight of one lane.
    pub const fn of(self, lane: Lane) -> u16 {
        match lane {
            Lane::Urgent => self.urgent,
            Lane::Normal => self.normal,
            Lane::Bulk => self.bulk,
        }
    }

    /// Is each of them one that a lane can have?
    pub fn are_good(self) -> bool {
        LANES.iter().all(|lane| (1..=HEAVIEST).contains(&self.of(*lane)))
    }

    /// What a unit costs a lane of this weight.
    fn step(self, lane: Lane, units: u32) -> u64 {
        let weight = u64::from(self.of(lane).max(1));
        (u64::from(units) * UNIT).div_ceil(weight)
    }
}

/// Whose turn it is.
#[derive(Debug, Clone, Default)]
pub struct Lanes {
    weights: Weights,
    tags: [Tag; 3],
    /// The tag of what went last.
    reached: u64,
}

#[derive(Debug, Clone, Copy, Default)]
struct Tag {
    at: u64,
    /// Had it work when it was last looked at?
    has_work: bool,
}

/// A lane's place in arrays.
pub const fn place(lane: Lane) -> usize {
    match lane {
        Lane::Urgent => 0,
        Lane::Normal => 1,
        Lane::Bulk => 2,
    }
}

impl Lanes {
    /// Whose message is next, of the lanes that have one that may go. Asking takes nothing.
    pub fn next(&mut self, has_work: [bool; 3]) -> Option<Lane> {
        for (tag, has_work) in self.tags.iter_mut().zip(has_work) {
            if has_work && !tag.has_work {
                tag.at = tag.at.max(self.reached);
            }
            tag.has_work = has_work;
        }
        let with_work = LANES.iter().zip(&self.tags).filter(|(_, tag)| tag.has_work);
        // Of equal ones the first, which is the more urgent.
        with_work.min_by_key(|(_, tag)| tag.at).map(|(lane, _)| *lane)
    }

    /// A message of this lane goes, and costs so many units.
    pub fn take(&mut self, lane: Lane, units: u32) {
        let step = self.weights.step(lane, units);
        let Some(tag) = self.tags.get_mut(place(lane)) else { return };
        self.reached = self.reached.max(tag.at);
        tag.at = tag.at.saturating_add(step);
    }

    /// It did not go after all: its lane has its share again.
    pub fn give_back(&mut self, lane: Lane, units: u32) {
        let step = self.weights.step(lane, units);
        if let Some(tag) = self.tags.get_mut(place(lane)) {
            tag.at = tag.at.saturating_sub(step);
        }
    }

    /// From now on by these weights; what went counts as it did.
    pub const fn weigh(&mut self, weights: Weights) {
        self.weights = weights;
    }

    /// The weights in force.
    pub const fn weights(&self) -> Weights {
        self.weights
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [bool; 3] = [true; 3];

    fn go(lanes: &mut Lanes, has_work: [bool; 3], units: u32) -> Lane {
        let lane = lanes.next(has_work).unwrap();
        lanes.take(lane, units);
        lane
    }

    fn counts(slots: usize, mut next: impl FnMut(usize) -> Lane) -> [usize; 3] {
        let mut counts = [0; 3];
        for slot in 0..slots {
            counts[place(next(slot))] += 1;
        }
        counts
    }

    #[test]
    fn full_lanes_go_by_their_weights() {
        let mut lanes = Lanes::default();
        assert_eq!(counts(12_000, |_| go(&mut lanes, ALL, 1)), [8000, 3000, 1000]);
        lanes.weigh(Weights { urgent: 1, normal: 1, bulk: 2 });
        let [urgent, normal, bulk] = counts(4000, |_| go(&mut lanes, ALL, 1));
        assert!(urgent.abs_diff(1000) <= 1 && normal.abs_diff(1000) <= 1 && bulk.abs_diff(2000) <= 1);
    }

    #[test]
    fn an_urgent_message_behind_bulk_waits_for_one_slot_at_most() {
        let mut lanes = Lanes::default();
        let mut longest = 0;
        let mut waits = None;
        for slot in 0..100_000_u32 {
            // One in every 20 slots: within its share.
            if slot % 20 == 7 {
                waits = Some(slot);
            }
            let lane = go(&mut lanes, [waits.is_some(), false, true], 1);
            if lane == Lane::Urgent {
                longest = longest.max(slot - waits.take().unwrap());
            }
        }
        assert_eq!((longest, waits), (0, None), "slots that went to others first");
    }

    #[test]
    fn bulk_keeps_its_share_under_urgent_that_comes_one_at_a_time() {
        // There is an urgent one whenever a slot comes, and none in between.
        let mut lanes = Lanes::default();
        let shares = counts(9000, |_| {
            let lane = go(&mut lanes, [true, false, true], 1);
            let _ = lanes.next([false, false, true]);
            lane
        });
        assert_eq!(shares, [8000, 0, 1000]);
    }

    #[test]
    fn a_lane_that_was_idle_has_no_credit() {
        let mut lanes = Lanes::default();
        for _ in 0..1000 {
            go(&mut lanes, [true, false, false], 1);
        }
        let shares = counts(120, |_| go(&mut lanes, ALL, 1));
        assert!(shares[1].abs_diff(30) <= 1 && shares[2].abs_diff(10) <= 1, "{shares:?}");
    }

    #[test]
    fn shares_are_of_units_and_not_of_messages() {
        let mut lanes = Lanes::default();
        let mut units = [0; 3];
        for _ in 0..5000 {
            let lane = lanes.next(ALL).unwrap();
            let cost = if lane == Lane::Urgent { 4 } else { 1 };
            lanes.take(lane, cost);
            units[place(lane)] += cost;
        }
        let all: u32 = units.iter().sum();
        assert!((units[0] * 12).abs_diff(all * 8) <= 12 * 8, "{units:?}");
    }

    #[test]
    fn what_did_not_go_costs_its_lane_nothing() {
        let mut lanes = Lanes::default();
        go(&mut lanes, ALL, 1);
        let next = lanes.next(ALL);
        for _ in 0..50 {
            lanes.take(Lane::Bulk, 1);
            lanes.give_back(Lane::Bulk, 1);
        }
        assert_eq!(lanes.next(ALL), next);
        assert_eq!(lanes.next([false; 3]), None);
    }
}
