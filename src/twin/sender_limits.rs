//! A limit that a provider does not tell: so many segments a second of each sender.
//!
//! Only what would be accepted is asked about, and only what is accepted counts. A message that is larger than the
//! limit is taken where nothing else counts. The limit is a dial, read again for each request; what was taken stays
//! counted when it is turned.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, PoisonError};

use serde::{Deserialize, Serialize};

use super::dice::{self, Throw};

const SECOND_US: u64 = 1_000_000;
/// The most segments a second, and the fewest.
const HIGHEST: f64 = 100_000.0;
const LOWEST: f64 = 0.01;
/// A limit that turns stays within so many times of what it began with.
const TURNS_WITHIN: f64 = 8.0;
/// The most turns that are gone through: a week of minutes. Then it stays.
const MOST_TURNS: u64 = 10_080;
/// Senders that were silent for an hour are swept out when there are more than this many.
const SWEEP_FROM: usize = 1_024;
const SILENT_US: u64 = 3_600 * SECOND_US;

/// The dial.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SenderLimit {
    /// Segments.
    per_second: f64,
    #[serde(default)]
    counts: Counting,
    /// It doubles or halves, by the seed, each time that so many seconds are over since the sender's first request.
    #[serde(default)]
    turns_every: Option<u64>,
    /// Seconds, told with a refusal.
    #[serde(default)]
    pub(super) retry_after: Option<u64>,
}

/// How the provider counts.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Counting {
    /// In every second, wherever it begins.
    #[default]
    SlidingSecond,
    /// In each second of the twin's clock.
    ClockSecond,
    /// By a bucket that holds what fits into a second.
    TokenBucket,
}

impl SenderLimit {
    /// The error is a sentence's end.
    pub(super) fn check(&self) -> Result<(), String> {
        if !(LOWEST..=HIGHEST).contains(&self.per_second) {
            return Err(format!("per_second is {}, it must be from {LOWEST} to {HIGHEST}", self.per_second));
        }
        if self.turns_every == Some(0) {
            return Err("turns_every is 0, it must be at least 1".to_owned());
        }
        Ok(())
    }

    /// As it stands so long after the sender's first request.
    fn after(&self, seed: u64, since_us: u64) -> f64 {
        let Some(every) = self.turns_every else { return self.per_second };
        let turns = (since_us / SECOND_US / every.max(1)).min(MOST_TURNS);
        let (least, most) = (self.per_second / TURNS_WITHIN, self.per_second * TURNS_WITHIN);
        let mut limit = self.per_second;
        for turn in 0..turns {
            let doubles = dice::share(seed, turn, Throw::Turn) < 0.5;
            let doubles = limit <= least || (doubles && limit < most);
            limit *= if doubles { 2.0 } else { 0.5 };
        }
        limit
    }
}

/// What each sender was taken.
#[derive(Debug, Default)]
pub(super) struct SenderLimits {
    /// Account and sender.
    meters: Mutex<HashMap<(String, String), Meter>>,
}

impl SenderLimits {
    /// A message of so many segments that would be accepted: is it within the limit? Then it counts.
    pub(super) fn takes(
        &self,
        dial: &SenderLimit,
        seed: u64,
        sender: (&str, &str),
        segments: u32,
        now_us: u64,
    ) -> bool {
        let mut meters = self.meters.lock().unwrap_or_else(PoisonError::into_inner);
        if meters.len() > SWEEP_FROM {
            meters.retain(|_, meter| meter.asked_us + SILENT_US > now_us);
        }
        let key = (sender.0.to_owned(), sender.1.to_owned());
        let meter = meters.entry(key).or_insert_with(|| Meter::new(dial.per_second.max(1.0), now_us));
        meter.takes(dial, seed, segments, now_us)
    }
}

#[derive(Debug)]
struct Meter {
    first_us: u64,
    asked_us: u64,
    /// What was taken within the last second, in order, and its sum.
    taken: VecDeque<(u64, u32)>,
    sum: u64,
    tokens: f64,
}

impl Meter {
    fn new(tokens: f64, now_us: u64) -> Self {
        Self { first_us: now_us, asked_us: now_us, taken: VecDeque::new(), sum: 0, tokens }
    }

    fn takes(&mut self, dial: &SenderLimit, seed: u64, segments: u32, now_us: u64) -> bool {
        let limit = dial.after(seed, now_us - self.first_us);
        let begins_us = match dial.counts {
            Counting::SlidingSecond | Counting::TokenBucket => (now_us + 1).saturating_sub(SECOND_US),
            Counting::ClockSecond => now_us / SECOND_US * SECOND_US,
        };
        while let Some((_, units)) = self.taken.pop_front_if(|(at_us, _)| *at_us < begins_us) {
            self.sum -= u64::from(units);
        }
        #[expect(clippy::cast_precision_loss, reason = "a sender's seconds and segments")]
        let (since, counted) = ((now_us - self.asked_us) as f64 / 1e6, self.sum as f64);
        self.tokens = (self.tokens + since * limit).min(limit.max(1.0));
        self.asked_us = now_us;
        let units = f64::from(segments);
        let is_taken = match dial.counts {
            Counting::SlidingSecond | Counting::ClockSecond => self.sum == 0 || counted + units <= limit,
            Counting::TokenBucket => self.tokens >= units.min(limit.max(1.0)),
        };
        if is_taken {
            self.taken.push_back((now_us, segments));
            self.sum += u64::from(segments);
            self.tokens -= units;
        }
        is_taken
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: u64 = 1_800_000_000 * SECOND_US;

    fn dial(counts: Counting) -> SenderLimit {
        SenderLimit { per_second: 3.0, counts, turns_every: None, retry_after: None }
    }

    /// Which of these are taken: milliseconds and segments.
    fn taken(dial: SenderLimit, asked: &[(u64, u32)]) -> Vec<bool> {
        let limits = SenderLimits::default();
        let takes = |(millis, segments): &(u64, u32)| {
            limits.takes(&dial, 1, ("a", "+1"), *segments, NOW + millis * 1000)
        };
        asked.iter().map(takes).collect()
    }

    #[test]
    fn a_sliding_second_counts_segments_and_what_was_refused_does_not_count() {
        let asked = [(500, 2), (600, 2), (700, 1), (1499, 1), (1500, 2), (1600, 1)];
        assert_eq!(taken(dial(Counting::SlidingSecond), &asked), [true, false, true, false, true, false]);
    }

    #[test]
    fn a_clock_second_begins_anew_at_the_clocks_seconds() {
        let asked = [(900, 3), (999, 1), (1000, 3), (1999, 1)];
        assert_eq!(taken(dial(Counting::ClockSecond), &asked), [true, false, true, false]);
    }

    #[test]
    fn a_bucket_fills_evenly_and_holds_a_second() {
        let asked = [(0, 3), (300, 1), (400, 1), (5000, 3), (5100, 1)];
        assert_eq!(taken(dial(Counting::TokenBucket), &asked), [true, false, true, true, false]);
    }

    #[test]
    fn what_is_larger_than_the_limit_goes_where_nothing_else_counts() {
        let asked = [(0, 5), (100, 1), (1000, 5)];
        for counts in [Counting::SlidingSecond, Counting::ClockSecond] {
            assert_eq!(taken(dial(counts), &asked), [true, false, true]);
        }
    }

    #[test]
    fn each_sender_has_its_own() {
        let limits = SenderLimits::default();
        let takes = |sender| limits.takes(&dial(Counting::SlidingSecond), 1, sender, 3, NOW);
        assert!(takes(("a", "+1")) && takes(("a", "+2")) && takes(("b", "+1")));
        assert!(!takes(("a", "+1")));
    }

    #[test]
    fn it_doubles_or_halves_at_each_turn_and_stays_within_eight_times() {
        let turning = SenderLimit { turns_every: Some(60), ..dial(Counting::SlidingSecond) };
        let at = |minute: u64| turning.after(7, minute * 60 * SECOND_US);
        assert!((at(0) - 3.0).abs() < f64::EPSILON);
        let mut values = std::collections::BTreeSet::new();
        for minute in 0..1_000 {
            let ratio = at(minute + 1) / at(minute);
            assert!((ratio - 2.0).abs() < 1e-9 || (ratio - 0.5).abs() < 1e-9, "{ratio}");
            values.insert((at(minute) * 1000.0).to_string());
        }
        assert_eq!(values.len(), 7, "{values:?}");
    }

    #[test]
    fn silent_senders_are_forgotten() {
        let limits = SenderLimits::default();
        for index in 0..5_000_u64 {
            let from = index.to_string();
            limits.takes(&dial(Counting::SlidingSecond), 1, ("a", &from), 1, NOW + index * 10 * SECOND_US);
        }
        assert!(limits.meters.lock().unwrap().len() <= SWEEP_FROM + 1);
    }
}
