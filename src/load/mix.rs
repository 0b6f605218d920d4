//! What kind the n-th request is. Pure: the same weights give the same order.
//!
//! The kinds are spread evenly over a cycle, which is repeated. Every fourth keyed request is meant
//! as a replay.

use super::kind::Kind;

/// The largest weight.
const HEAVIEST: u32 = 1_000;

/// Of the keyed requests, every so manieth repeats an earlier one.
const REPLAY_EVERY: usize = 4;

/// No weight is above zero, or one is above the largest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("weights must be up to {HEAVIEST}, and one of them above 0")]
pub struct Nothing;

/// The proportions of the kinds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mix {
    /// Never empty.
    cycle: Vec<Kind>,
}

impl Mix {
    /// Of so many queued messages, so many immediate ones, and so many queued under a key.
    pub fn new(queued: u32, immediate: u32, keyed: u32) -> Result<Self, Nothing> {
        let weights = [queued, immediate, keyed];
        if weights.iter().all(|weight| *weight == 0) || weights.iter().any(|weight| *weight > HEAVIEST) {
            return Err(Nothing);
        }
        // As many turns as let the replays come out even.
        let turns: u32 = if keyed == 0 { 1 } else { 4 };
        let length = weights.iter().sum::<u32>() * turns;
        let mut spread = Spread::new(weights);
        let mut keyed_so_far = 0;
        let cycle = (0..length).map(|_| {
            let kind = spread.next_kind();
            if kind != Kind::Keyed {
                return kind;
            }
            keyed_so_far += 1;
            if keyed_so_far % REPLAY_EVERY == 0 { Kind::Replay } else { Kind::Keyed }
        });
        Ok(Self { cycle: cycle.collect() })
    }

    /// Of the n-th request, from 0.
    pub(super) fn kind(&self, n: u64) -> Kind {
        let length = self.cycle.len().max(1) as u64;
        let place = usize::try_from(n % length).unwrap_or_default();
        self.cycle.get(place).copied().unwrap_or(Kind::Queued)
    }
}

/// Smooth weighted round robin: each turn every kind gains its weight, the richest goes and pays all.
struct Spread {
    kinds: [(Kind, i64, i64); 3],
    total: i64,
}

impl Spread {
    fn new([queued, immediate, keyed]: [u32; 3]) -> Self {
        let entry = |kind, weight: u32| (kind, i64::from(weight), 0);
        let kinds =
            [entry(Kind::Queued, queued), entry(Kind::Immediate, immediate), entry(Kind::Keyed, keyed)];
        Self { kinds, total: i64::from(queued) + i64::from(immediate) + i64::from(keyed) }
    }

    fn next_kind(&mut self) -> Kind {
        for (_, weight, credit) in &mut self.kinds {
            *credit += *weight;
        }
        let richest = self.kinds.iter_mut().rev().max_by_key(|(_, _, credit)| *credit);
        let Some((kind, _, credit)) = richest else { return Kind::Queued };
        *credit -= self.total;
        *kind
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(mix: &Mix, requests: u64) -> [usize; 4] {
        let kinds: Vec<Kind> = (0..requests).map(|n| mix.kind(n)).collect();
        [Kind::Queued, Kind::Immediate, Kind::Keyed, Kind::Replay]
            .map(|wanted| kinds.iter().filter(|kind| **kind == wanted).count())
    }

    #[test]
    fn a_mix_keeps_its_proportions() {
        let table = [
            ((8, 1, 1), 40, [32, 4, 3, 1]),
            ((1, 0, 0), 5, [5, 0, 0, 0]),
            ((0, 1, 0), 5, [0, 5, 0, 0]),
            ((0, 0, 1), 12, [0, 0, 9, 3]),
            ((1, 1, 2), 16, [4, 4, 6, 2]),
            ((1000, 1000, 1000), 12_000, [4000, 4000, 3000, 1000]),
        ];
        for ((queued, immediate, keyed), requests, expected) in table {
            let mix = Mix::new(queued, immediate, keyed).unwrap();
            assert_eq!(counts(&mix, requests), expected, "{queued} {immediate} {keyed}");
        }
    }

    #[test]
    fn the_kinds_are_spread_and_not_in_blocks() {
        let mix = Mix::new(8, 1, 1).unwrap();
        for start in 0..100 {
            let queued = (start..start + 10).filter(|n| mix.kind(*n) == Kind::Queued).count();
            assert_eq!(queued, 8, "from {start}");
        }
    }

    #[test]
    fn a_replay_is_never_the_first_of_its_key() {
        let mix = Mix::new(0, 0, 1).unwrap();
        let first: Vec<Kind> = (0..5).map(|n| mix.kind(n)).collect();
        assert_eq!(first, [Kind::Keyed, Kind::Keyed, Kind::Keyed, Kind::Replay, Kind::Keyed]);
    }

    #[test]
    fn a_mix_of_nothing_and_a_weight_too_large_are_refused() {
        assert_eq!(Mix::new(0, 0, 0), Err(Nothing));
        assert_eq!(Mix::new(1001, 0, 0), Err(Nothing));
    }
}
