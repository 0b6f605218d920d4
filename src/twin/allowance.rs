//! API requests of each account within a second of the twin's clock.
//!
//! Seconds begin where the clock's do: at most twice the allowance fits into a second that lies
//! across two of them. Providers that tell a time "until reset" count so.

use std::collections::HashMap;

const SECOND_US: u64 = 1_000_000;
/// Accounts of past seconds are swept out when there are more than this many.
const SWEEP_FROM: usize = 1_024;

/// Requests counted so far.
#[derive(Debug)]
pub(super) struct Allowance {
    per_second: u32,
    /// Account → the second it was last seen in, and its requests within that.
    counts: HashMap<String, (u64, u32)>,
}

/// Where an account stands with the request just counted.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Standing {
    /// Requests allowed in a second.
    pub(super) limit: u32,
    /// Of these, how many are left in this one.
    pub(super) remaining: u32,
    /// None are left, not even for this one.
    pub(super) exceeded: bool,
}

impl Allowance {
    /// Nobody has asked yet.
    pub(super) fn new(per_second: u32) -> Self {
        Self { per_second, counts: HashMap::new() }
    }

    /// One more request.
    pub(super) fn count(&mut self, account: &str, now_us: u64) -> Standing {
        let second = now_us / SECOND_US;
        if self.counts.len() > SWEEP_FROM {
            self.counts.retain(|_, (seen, _)| *seen == second);
        }
        let (seen, requests) = self.counts.entry(account.to_owned()).or_insert((second, 0));
        if *seen != second {
            (*seen, *requests) = (second, 0);
        }
        *requests = requests.saturating_add(1);
        Standing {
            limit: self.per_second,
            remaining: self.per_second.saturating_sub(*requests),
            exceeded: *requests > self.per_second,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_account_has_its_allowance_each_second() {
        let mut allowance = Allowance::new(2);
        let mut standing = |account, now_us| {
            let standing = allowance.count(account, now_us);
            (standing.remaining, standing.exceeded)
        };
        assert_eq!(standing("a", 10_000_000), (1, false));
        assert_eq!(standing("a", 10_999_999), (0, false));
        assert_eq!(standing("a", 10_999_999), (0, true));
        assert_eq!(standing("b", 10_999_999), (1, false));
        assert_eq!(standing("a", 11_000_000), (1, false));
    }

    #[test]
    fn accounts_of_past_seconds_are_forgotten() {
        let mut allowance = Allowance::new(1);
        for (index, now_us) in (0..).step_by(1_000_000).take(5_000).enumerate() {
            assert!(!allowance.count(&index.to_string(), now_us).exceeded);
        }
        assert!(allowance.counts.len() <= SWEEP_FROM + 1);
    }
}
