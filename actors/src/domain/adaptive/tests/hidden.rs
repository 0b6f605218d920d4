//! Limits that a provider does not tell, each counted in its own way. Shares no rule with what is tested.

use std::collections::VecDeque;

const SECOND: u64 = 1_000_000_000;

/// How the provider counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Counting {
    /// In every second, wherever it begins.
    SlidingSecond,
    /// In each second of its clock.
    ClockSecond,
    /// By a bucket that holds what fits into a second.
    TokenBucket,
    /// It has no limit but the most.
    Nothing,
}

/// A limit that doubles or halves each minute, between 2 and 160 per second.
pub(super) struct Hidden {
    counting: Counting,
    per_second: f64,
    /// It never takes more per second than this.
    most: u64,
    taken: VecDeque<(u64, u64)>,
    tokens: f64,
    asked: u64,
}

impl Hidden {
    pub(super) fn new(counting: Counting, most: u64, now: u64) -> Self {
        Self { counting, per_second: 20.0, most, taken: VecDeque::new(), tokens: 20.0, asked: now }
    }

    /// Whole units that a second has room for.
    pub(super) fn per_second(&self) -> u64 {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "from 2 to 160")]
        let whole = self.per_second as u64;
        if self.counting == Counting::Nothing { self.most } else { whole.min(self.most) }
    }

    /// A minute is over.
    pub(super) fn turn(&mut self, up: bool) {
        let up = self.per_second <= 2.5 || (up && self.per_second < 160.0);
        self.per_second *= if up { 2.0 } else { 0.5 };
    }

    /// A request of so many units arrives. What is larger than the limit is taken where nothing else is.
    pub(super) fn takes(&mut self, now: u64, units: u64) -> bool {
        let most = self.per_second();
        let is_taken = match self.counting {
            Counting::SlidingSecond | Counting::Nothing => self.room(units, |at| at + SECOND <= now),
            Counting::ClockSecond => self.room(units, |at| at / SECOND < now / SECOND),
            Counting::TokenBucket => {
                #[expect(clippy::cast_precision_loss, reason = "a few units, a few seconds")]
                let (most, units, since) = (most as f64, units as f64, (now - self.asked) as f64 / 1e9);
                self.tokens = (self.tokens + most * since).min(most);
                let is_taken = self.tokens >= units.min(most);
                self.tokens -= if is_taken { units } else { 0.0 };
                is_taken
            }
        };
        self.asked = now;
        if is_taken {
            self.taken.push_back((now, units));
        }
        is_taken
    }

    fn room(&mut self, units: u64, is_past: impl Fn(u64) -> bool) -> bool {
        while self.taken.front().is_some_and(|(at, _)| is_past(*at)) {
            self.taken.pop_front();
        }
        let sum: u64 = self.taken.iter().map(|(_, units)| units).sum();
        sum == 0 || sum + units <= self.per_second()
    }
}
