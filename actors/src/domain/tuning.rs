//! What an operator sets of a sender while it runs. It wins over the directory until it is reset.
//!
//! Stored as one small record per sender, which each change replaces whole. Its generation grows with
//! each, so a change that was made on top of another one's is refused and made anew, and whoever hears
//! of an older one than he knows does nothing.

use serde::{Deserialize, Serialize};

use super::lanes::Weights;
use super::pace::{BadLimit, CountedTraffic, Limit, read_all};
use super::time::Time;

/// More places in flight than this no sender can be given.
pub const MOST_PLACES: u16 = 10_000;

/// The record. Without a change it is the default one.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tuning {
    /// 0 before the first change.
    pub generation: u64,
    /// The limits, as they are written; none, and the directory's hold.
    pub limits: Option<Vec<String>>,
    /// The weights of the lanes; none, and the directory's hold.
    pub weights: Option<Weights>,
    /// It hands nothing over.
    pub pause: Option<Pause>,
    /// When its first limit was set, if nothing looked back at its hand-overs before, so that they were not
    /// noted: what a window holds of the time until then, nobody knows.
    pub noted_since: Option<Time>,
    /// How many of its queue's messages may be in flight at once, 1 to [`MOST_PLACES`]; none, and as many as its
    /// account has.
    pub places: Option<u16>,
}

/// A pause of a sender's queue. Immediate messages go on: they wait for nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pause {
    /// Since when.
    pub since: Time,
    /// Until when; none, and it lasts until somebody ends it.
    pub until: Option<Time>,
}

/// What a change does to one part of the record.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Part<T> {
    /// Nothing.
    #[default]
    Keep,
    /// It is as usual again: the directory's, and no pause.
    Usual,
    /// It is this.
    Set(T),
}

impl<T> Part<T> {
    fn of(self, before: Option<T>) -> Option<T> {
        match self {
            Self::Keep => before,
            Self::Usual => None,
            Self::Set(value) => Some(value),
        }
    }
}

/// One change.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Retune {
    /// The limits.
    pub limits: Part<Vec<String>>,
    /// The weights of the lanes.
    pub weights: Part<Weights>,
    /// The pause.
    pub pause: Part<Pause>,
    /// The places in flight.
    pub places: Part<u16>,
}

impl Tuning {
    /// The record after a change, where the directory has these limits; `noted` says which of its
    /// hand-overs are noted for the limits of an account, too.
    pub fn changed(
        &self,
        change: &Retune,
        usual: &[Limit],
        noted: CountedTraffic,
        now: Time,
    ) -> Result<Self, BadLimit> {
        let Retune { limits, weights, pause, places } = change.clone();
        let mut after = Self {
            generation: self.generation.saturating_add(1),
            limits: limits.of(self.limits.clone()),
            weights: weights.of(self.weights),
            pause: pause.of(self.pause),
            noted_since: self.noted_since,
            places: places.of(self.places),
        };
        let had = self.limits(usual).map_or(CountedTraffic::NOTHING, |limits| CountedTraffic::by(&limits));
        let has = CountedTraffic::by(&after.limits(usual)?);
        if !had.or(noted).covers(has) {
            after.noted_since = Some(now);
        } else if !(had.is_any() && has.is_any()) {
            after.noted_since = None;
        }
        Ok(after)
    }

    /// The limits that hold, where the directory has these.
    pub fn limits(&self, usual: &[Limit]) -> Result<Vec<Limit>, BadLimit> {
        match &self.limits {
            Some(texts) => read_all(texts).map_err(|(_, bad)| bad),
            None => Ok(usual.to_vec()),
        }
    }

    /// Until when nothing is handed over, if that is now; [`Time::MAX`] where nobody knows.
    pub fn paused_until(&self, now: Time) -> Option<Time> {
        let until = self.pause?.until.unwrap_or(Time::MAX);
        (until > now).then_some(until)
    }
}
