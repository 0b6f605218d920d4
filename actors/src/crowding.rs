//! How much of each organization waits, about: the soft bound on it.
//!
//! The store counts it, over all senders and processes. It is asked once a second at most, and only of an
//! organization whose requests come in; what this process accepts in between is added. So the bound may be passed
//! by what all processes accept within about a second. The count of one sender's queue is exact, and the store's.
//!
//! State: a cache, lost with its process. Bounded by the organizations of the directory.

use std::sync::Arc;
use std::time::Duration;

use dashmap::DashMap;
use tokio::task::JoinHandle;

use crate::domain::ids::OrganizationId;
use crate::domain::time::Time;
use crate::journal::Journal;

/// Between two counts of one organization.
const COUNT_EVERY: Duration = Duration::from_secs(1);

/// A request waits for a count for so long at the most.
const COUNT_WITHIN: Duration = Duration::from_secs(1);

/// Room is not said to come sooner than this.
const SHORTEST_WAIT: Duration = Duration::from_secs(1);

/// Nor later: until then more may be known.
const LONGEST_WAIT: Duration = Duration::from_hours(1);

/// No room for another message of an organization.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Crowded {
    /// When there will be, as the senders that run here stand; `None`: none that has messages waiting has been asked.
    pub room_after: Option<Duration>,
}

/// What is known of all organizations. Cheap to clone.
#[derive(Clone, Default)]
pub(crate) struct Crowding {
    known: Arc<DashMap<OrganizationId, Known>>,
}

/// When an organization's queues become shorter, as those of its senders that run here say (`survey.rs`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Outlook {
    /// When the next message leaves one of them.
    pub(crate) next_leaves: Time,
    /// How many leave all of them, in a million seconds.
    pub(crate) per_million_seconds: u64,
}

/// What is known of one.
#[derive(Debug, Default)]
struct Known {
    waiting: u64,
    counted_at: Option<Time>,
    asking: bool,
    /// Accepted here since the last count was asked for.
    since: u64,
    outlook: Option<Outlook>,
}

impl Crowding {
    /// Has the organization no room for another message? It is not refused by an old count: then it waits for a new
    /// one.
    pub(crate) async fn of(&self, organization: OrganizationId, journal: &Journal) -> Option<Crowded> {
        let limit = journal.settings().organization_queue_limit;
        let (crowded, to_count) = {
            let now = journal.now();
            let mut known = self.known.entry(organization).or_default();
            let is_due = known.counted_at.is_none_or(|counted_at| counted_at + COUNT_EVERY <= now);
            let to_count = (is_due && !known.asking).then_some(known.since);
            known.asking |= to_count.is_some();
            (known.crowded(limit, now), to_count)
        };
        let Some(since) = to_count else { return crowded };
        let counted = self.count(organization, since, journal);
        crowded?;
        // The store is slow: by what was known.
        if tokio::time::timeout(COUNT_WITHIN, counted).await.is_err() {
            return crowded;
        }
        self.known.get(&organization)?.crowded(limit, journal.now())
    }

    /// So many more of its messages were accepted.
    pub(crate) fn accepted(&self, organization: OrganizationId, messages: u64) {
        if let Some(mut known) = self.known.get_mut(&organization) {
            known.since = known.since.saturating_add(messages);
        }
    }

    /// Of an organization that is asked about.
    pub(crate) fn expect(&self, organization: OrganizationId, outlook: Option<Outlook>) {
        if let Some(mut known) = self.known.get_mut(&organization) {
            known.outlook = outlook;
        }
    }

    /// A task of its own: it goes on though whoever asked has gone.
    fn count(&self, organization: OrganizationId, since: u64, journal: &Journal) -> JoinHandle<()> {
        let (known, journal) = (Arc::clone(&self.known), journal.clone());
        tokio::spawn(async move {
            let counted = journal.store().tallies(organization).await;
            let Some(mut known) = known.get_mut(&organization) else { return };
            known.asking = false;
            match counted {
                Ok(tallies) => {
                    let waiting = tallies.iter().map(|tally| tally.waiting).sum();
                    known.counted(waiting, since, journal.now());
                }
                // What was known is all there is; the next request asks again.
                Err(error) => tracing::debug!(%error, "what waits of an organization could not be counted"),
            }
        })
    }
}

impl Known {
    fn crowded(&self, limit: u64, now: Time) -> Option<Crowded> {
        let waiting = self.waiting.saturating_add(self.since);
        let too_many = waiting.saturating_add(1).saturating_sub(limit);
        (too_many > 0)
            .then(|| Crowded { room_after: self.outlook.map(|outlook| outlook.after(too_many, now)) })
    }

    /// So many wait at `now`, of whom `since` were accepted here after the count before.
    const fn counted(&mut self, waiting: u64, since: u64, now: Time) {
        self.waiting = waiting;
        self.counted_at = Some(now);
        self.since = self.since.saturating_sub(since);
    }
}

impl Outlook {
    /// So many messages have left.
    fn after(self, messages: u64, now: Time) -> Duration {
        let first_is_known = self.next_leaves > now;
        let behind = if first_is_known { messages - 1 } else { messages };
        let nanos =
            u128::from(behind) * 1_000_000 * 1_000_000_000 / u128::from(self.per_million_seconds.max(1));
        let rest = u64::try_from(nanos).map_or(LONGEST_WAIT, Duration::from_nanos);
        self.next_leaves.since(now).saturating_add(rest).clamp(SHORTEST_WAIT, LONGEST_WAIT)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn at(seconds: u64) -> Time {
        Time::from_millis(seconds * 1000)
    }

    fn known(waiting: u64) -> Known {
        Known { waiting, ..Known::default() }
    }

    #[test]
    fn it_is_full_once_what_was_counted_and_came_since_reaches_the_limit() {
        let mut known = known(2);
        assert_eq!(known.crowded(3, at(0)), None);
        known.since = 1;
        assert_eq!(known.crowded(3, at(0)), Some(Crowded { room_after: None }));
        known.counted(2, 1, at(2));
        assert_eq!(known.crowded(3, at(2)), None, "one has left");
    }

    #[test]
    fn room_comes_when_the_next_leaves_and_then_as_fast_as_all_go() {
        // Two a minute, of all senders together.
        let outlook = Outlook { next_leaves: at(100), per_million_seconds: 33_333 };
        let known = Known { outlook: Some(outlook), ..known(10) };
        let after =
            |limit, now| known.crowded(limit, now).and_then(|full| full.room_after).unwrap().as_secs();
        assert_eq!(after(10, at(80)), 20);
        assert_eq!(after(8, at(80)), 20 + 60);
        assert_eq!(after(10, at(200)), 30, "what was to leave has left: the one behind it does");
    }

    #[test]
    fn where_nothing_leaves_or_much_is_too_many_it_is_bounded() {
        let slow = Outlook { next_leaves: at(1), per_million_seconds: 0 };
        let full = Known { outlook: Some(slow), ..known(10) };
        assert_eq!(full.crowded(1, at(2)), Some(Crowded { room_after: Some(LONGEST_WAIT) }));
        assert_eq!(known(9).crowded(10, at(2)), None);
    }
}
