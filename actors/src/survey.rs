//! A survey: what the actors say of their queues when they are asked, a few seconds apart.
//!
//! The sweeper asks every running sender and provider actor and looks a second later at what has
//! come (`sweeper.rs`). Each adds its figures to those of its account, so what is kept does not depend on
//! how many senders there are. Whoever answers too late is missing once. Nothing of it decides anything.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use crate::crowding::Outlook;
use crate::domain::ids::AccountName;
use crate::domain::time::Time;
use crate::telemetry::{MailboxMeters, QueueFigures};

/// A sender that its pace lets send and that has not sent for so long falls behind its limit.
const BEHIND_AFTER: Duration = Duration::from_secs(5);

/// A million seconds, in nanoseconds.
const MILLION_SECONDS: u64 = 1_000_000_000_000_000;

/// A sender without a limit is taken to send a message in so many nanoseconds.
const SHORTEST_EACH: u64 = 100_000;

/// Parts of one in which the use of a pace is counted.
pub(crate) const WHOLE: u64 = 1000;

/// One round of questions. Shared by all who answer.
#[derive(Debug)]
pub(crate) struct Survey {
    meters: Arc<MailboxMeters>,
    accounts: HashMap<AccountName, Sums>,
}

/// The question, as one actor gets it.
#[derive(Debug, Clone)]
pub struct Asked {
    pub(crate) survey: Arc<Survey>,
    /// When it was put.
    pub(crate) at: Time,
    /// How many messages the actor had taken out of its mailbox when it was sent.
    pub(crate) handled: u64,
}

/// What one sender says.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct SenderFigures {
    /// When its oldest message that waits was accepted.
    pub(crate) oldest: Option<Time>,
    /// Since when it waits for a place, a circuit or the store although its pace lets it send.
    pub(crate) held_up_since: Option<Time>,
    /// When the next message leaves its queue, and how long each takes at its pace; where it has some.
    pub(crate) leaves: Option<(Time, Duration)>,
    /// How much of its limit it used in the last window, of [`WHOLE`]; where it has limits and work.
    pub(crate) pace_used: Option<u64>,
}

#[derive(Debug)]
struct Sums {
    oldest: AtomicU64,
    held_up_since: AtomicU64,
    behind: AtomicUsize,
    pace_used: AtomicU64,
    paced: AtomicU64,
    next_leaves: AtomicU64,
    per_million_seconds: AtomicU64,
}

impl Default for Sums {
    fn default() -> Self {
        Self {
            oldest: AtomicU64::new(u64::MAX),
            held_up_since: AtomicU64::new(u64::MAX),
            behind: AtomicUsize::new(0),
            pace_used: AtomicU64::new(0),
            paced: AtomicU64::new(0),
            next_leaves: AtomicU64::new(u64::MAX),
            per_million_seconds: AtomicU64::new(0),
        }
    }
}

impl Survey {
    pub(crate) fn begin<'a>(
        accounts: impl Iterator<Item = &'a AccountName>,
        meters: Arc<MailboxMeters>,
    ) -> Self {
        let accounts = accounts.map(|name| (name.clone(), Sums::default())).collect();
        Self { meters, accounts }
    }

    /// The question lay in a sender's mailbox for so long, behind so many messages.
    pub(crate) fn sender_lay(&self, lay: Duration, behind: u64) {
        self.meters.sender.lay(lay, behind);
    }

    /// The same of a provider actor, which has nothing else to say.
    pub(crate) fn provider_lay(&self, lay: Duration, behind: u64) {
        self.meters.provider.lay(lay, behind);
    }

    /// A sender answers.
    pub(crate) fn sender(&self, account: &AccountName, figures: SenderFigures, now: Time) {
        let Some(sums) = self.accounts.get(account) else { return };
        if let Some(at) = figures.oldest {
            sums.oldest.fetch_min(at.as_nanos(), Ordering::Relaxed);
        }
        if let Some(since) = figures.held_up_since {
            sums.held_up_since.fetch_min(since.as_nanos(), Ordering::Relaxed);
            if now.since(since) >= BEHIND_AFTER {
                sums.behind.fetch_add(1, Ordering::Relaxed);
            }
        }
        if let Some((next, each)) = figures.leaves {
            sums.next_leaves.fetch_min(next.as_nanos(), Ordering::Relaxed);
            let each = u64::try_from(each.as_nanos()).unwrap_or(u64::MAX).max(SHORTEST_EACH);
            sums.per_million_seconds.fetch_add(MILLION_SECONDS / each, Ordering::Relaxed);
        }
        if let Some(used) = figures.pace_used {
            sums.pace_used.fetch_add(used.min(WHOLE), Ordering::Relaxed);
            sums.paced.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// When the queues of an organization become shorter, by what has come of its accounts.
    pub(crate) fn outlook<'a>(&self, accounts: impl Iterator<Item = &'a AccountName>) -> Option<Outlook> {
        let mut all = Outlook { next_leaves: Time::MAX, per_million_seconds: 0 };
        for sums in accounts.filter_map(|name| self.accounts.get(name)) {
            let next = Time::from_nanos(sums.next_leaves.load(Ordering::Relaxed));
            all.next_leaves = all.next_leaves.min(next);
            let more = sums.per_million_seconds.load(Ordering::Relaxed);
            all.per_million_seconds = all.per_million_seconds.saturating_add(more);
        }
        Some(all).filter(|all| all.next_leaves < Time::MAX)
    }

    /// What has come, of an account.
    pub(crate) fn figures(&self, account: &AccountName, now: Time) -> QueueFigures {
        let Some(sums) = self.accounts.get(account) else { return QueueFigures::default() };
        let ago = |at: &AtomicU64| now.since(Time::from_nanos(at.load(Ordering::Relaxed)));
        let paced = sums.paced.load(Ordering::Relaxed);
        QueueFigures {
            oldest: ago(&sums.oldest),
            held_up: ago(&sums.held_up_since),
            behind: sums.behind.load(Ordering::Relaxed),
            pace_used: ratio(sums.pace_used.load(Ordering::Relaxed), paced * WHOLE),
        }
    }
}

// Both are far under 2^53.
#[allow(clippy::cast_precision_loss)]
fn ratio(part: u64, whole: u64) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_has_the_oldest_and_the_longest_of_its_senders() {
        let (one, other) = (AccountName::from("one"), AccountName::from("other"));
        let survey = Survey::begin([&one, &other].into_iter(), Arc::new(MailboxMeters::new()));
        let at = |seconds: u64| Some(Time::from_millis(seconds * 1000));
        let now = Time::from_millis(100_000);
        for (oldest, held_up_since, pace_used) in
            [(at(70), at(99), Some(500)), (at(40), None, Some(1000)), (None, at(90), None)]
        {
            let leaves = oldest.map(|_| (now + Duration::from_secs(3), Duration::from_secs(2)));
            survey.sender(&one, SenderFigures { oldest, held_up_since, leaves, pace_used }, now);
        }
        let figures = survey.figures(&one, now);
        assert_eq!(figures.oldest, Duration::from_mins(1));
        assert_eq!(figures.held_up, Duration::from_secs(10));
        assert_eq!(figures.behind, 1);
        assert!((figures.pace_used - 0.75).abs() < 1e-9);
        assert_eq!(survey.figures(&other, now), QueueFigures::default());
        let outlook = Outlook { next_leaves: now + Duration::from_secs(3), per_million_seconds: 1_000_000 };
        assert_eq!(survey.outlook([&one, &other].into_iter()), Some(outlook), "two of them, each every 2 s");
        assert_eq!(survey.outlook([&other].into_iter()), None);
    }
}
