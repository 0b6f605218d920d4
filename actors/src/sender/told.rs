//! How a sender stands, on its way to another process. That one knows the sender's limits itself, so they are
//! named by their place among them.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{SenderStanding, Waits};
use crate::domain::adaptive::{Rate, Standing};
use crate::domain::pace::{InUse, Limit};
use crate::domain::time::Time;

/// A [`SenderStanding`] as it is told.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct ToldStanding {
    waits: ToldWaits,
    not_before: Option<Time>,
    in_use: Vec<u64>,
    rate: Option<Rate>,
    paused_until: Option<Time>,
    in_flight: u64,
    per_segment: Duration,
}

/// Its form goes over the wire: new ones come last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
enum ToldWaits {
    Nothing,
    Start,
    Pause,
    Pace(u8),
    Provider,
    Conversation,
    Retry,
    Account,
    Going,
    Places,
}

impl ToldStanding {
    pub(crate) fn of(standing: &SenderStanding) -> Self {
        let SenderStanding { waits, not_before, limits, working, in_flight, per_segment } = standing;
        let place = |limit: &Limit| limits.iter().position(|used| used.limit == *limit);
        let waits = match waits {
            Waits::Nothing => ToldWaits::Nothing,
            Waits::Start => ToldWaits::Start,
            Waits::Pause => ToldWaits::Pause,
            Waits::Pace(limit) => {
                ToldWaits::Pace(place(limit).and_then(|place| u8::try_from(place).ok()).unwrap_or(u8::MAX))
            }
            Waits::Provider => ToldWaits::Provider,
            Waits::Conversation => ToldWaits::Conversation,
            Waits::Retry => ToldWaits::Retry,
            Waits::Account => ToldWaits::Account,
            Waits::Going => ToldWaits::Going,
            Waits::Places => ToldWaits::Places,
        };
        Self {
            waits,
            not_before: *not_before,
            in_use: limits.iter().map(|used| used.units).collect(),
            rate: working.rate,
            paused_until: working.paused_until,
            in_flight: u64::try_from(*in_flight).unwrap_or(u64::MAX),
            per_segment: *per_segment,
        }
    }

    /// By the limits of the sender; `None` where it went by others when it told.
    pub(crate) fn with(self, limits: &[Limit]) -> Option<SenderStanding> {
        let waits = match self.waits {
            ToldWaits::Nothing => Waits::Nothing,
            ToldWaits::Start => Waits::Start,
            ToldWaits::Pause => Waits::Pause,
            ToldWaits::Pace(place) => Waits::Pace(limits.get(usize::from(place))?.clone()),
            ToldWaits::Provider => Waits::Provider,
            ToldWaits::Conversation => Waits::Conversation,
            ToldWaits::Retry => Waits::Retry,
            ToldWaits::Account => Waits::Account,
            ToldWaits::Going => Waits::Going,
            ToldWaits::Places => Waits::Places,
        };
        // One that reads its past has none in use.
        if !self.in_use.is_empty() && self.in_use.len() != limits.len() {
            return None;
        }
        let in_use = self.in_use.into_iter().zip(limits);
        Some(SenderStanding {
            waits,
            not_before: self.not_before,
            limits: in_use.map(|(units, limit)| InUse { limit: limit.clone(), units }).collect(),
            working: Standing { rate: self.rate, paused_until: self.paused_until },
            in_flight: usize::try_from(self.in_flight).unwrap_or(usize::MAX),
            per_segment: self.per_segment,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_told_is_what_stands_and_other_limits_are_noticed() {
        let limits: Vec<Limit> = ["1/s", "2000/day@UTC"].map(|text| text.parse().unwrap()).to_vec();
        let [first, second] = limits.as_slice() else { panic!("two") };
        for waits in [Waits::Going, Waits::Places, Waits::Pace(second.clone())] {
            let used = |limit: &Limit, units| InUse { limit: limit.clone(), units };
            let standing = SenderStanding {
                waits: waits.clone(),
                not_before: Some(Time::from_millis(7)),
                limits: vec![used(first, 1), used(second, 700)],
                working: Standing { rate: Some(Rate::LOWEST), paused_until: None },
                in_flight: 3,
                per_segment: Duration::from_secs(1),
            };
            let told = ToldStanding::of(&standing);
            let back = told.clone().with(&limits).unwrap();
            assert_eq!((back.waits, back.limits, back.in_flight), (waits, standing.limits, 3));
            assert_eq!((back.not_before, back.working), (standing.not_before, standing.working));
            assert!(told.with(&limits[..1]).is_none());
        }
    }
}
