//! Who waits for the outcome of a message: immediate sends, and repeats of them under the same key.
//!
//! Hints only: whoever waits here has a time of its own and reads the record when that is over.
//! Bounded by the tickets, since every waiter holds one.

use std::sync::Arc;

use dashmap::DashMap;
use tokio::sync::oneshot;

use crate::domain::ids::MessageId;
use crate::domain::message::{AttemptResult, Message, State};

/// What an attempt came to, for those who wait.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// The provider has it.
    Sent,
    /// The provider has it not.
    Refused {
        /// The provider's code.
        provider_code: Option<String>,
        /// Can the same request pass later?
        retryable: bool,
    },
    /// Nobody knows.
    Unknown,
}

impl Verdict {
    /// What a record says to those who wait for it; nothing while an attempt is open.
    pub(crate) fn of(message: &Message) -> Option<Self> {
        match message.state {
            State::Sent => Some(Self::Sent),
            State::Failed => Some(Self::refused(message)),
            State::Unknown => Some(Self::Unknown),
            State::Queued | State::Scheduled | State::Sending | State::Cancelled | State::Offered => None,
        }
    }

    fn refused(message: &Message) -> Self {
        let last = message.last_attempt();
        let never_begun = last.is_some_and(|last| last.result == AttemptResult::NeverBegun);
        match &message.refusal {
            Some(refusal) if !never_begun => {
                Self::Refused { provider_code: refusal.code.clone(), retryable: refusal.class.is_retryable() }
            }
            _ => Self::Refused { provider_code: None, retryable: true },
        }
    }
}

/// The waiters, by message. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Outcomes {
    waiters: Arc<DashMap<MessageId, Vec<Told>>>,
}

/// Who is told, and of which attempt at the earliest.
#[derive(Debug)]
struct Told {
    from_attempt: u16,
    tell: oneshot::Sender<Verdict>,
}

/// One who waits. Dropping it ends the wait.
#[derive(Debug)]
pub struct Waiter {
    /// Resolves with the verdict.
    pub verdict: oneshot::Receiver<Verdict>,
    id: MessageId,
    outcomes: Outcomes,
}

impl Outcomes {
    /// Waits from now on for the end of this attempt or a later one; to be called before it can end.
    /// What an earlier attempt came to is not for this waiter.
    pub fn wait_for(&self, id: MessageId, from_attempt: u16) -> Waiter {
        let (tell, verdict) = oneshot::channel();
        self.waiters.entry(id).or_default().push(Told { from_attempt, tell });
        Waiter { verdict, id, outcomes: self.clone() }
    }

    /// Does anybody wait for this message?
    pub(crate) fn are_awaited(&self, id: MessageId) -> bool {
        self.waiters.contains_key(&id)
    }

    /// Tells all who wait for this attempt, or for an earlier one.
    pub fn tell(&self, id: MessageId, attempt: u16, verdict: &Verdict) {
        self.waiters.remove_if_mut(&id, |_, waiters| {
            for waiter in waiters.extract_if(.., |waiter| waiter.from_attempt <= attempt) {
                // One who has gone meanwhile needs no word.
                let _ = waiter.tell.send(verdict.clone());
            }
            waiters.is_empty()
        });
    }
}

impl Drop for Waiter {
    fn drop(&mut self) {
        self.verdict.close();
        self.outcomes.waiters.remove_if_mut(&self.id, |_, waiters| {
            waiters.retain(|waiter| !waiter.tell.is_closed());
            waiters.is_empty()
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::ids::Shard;

    #[tokio::test]
    async fn all_who_wait_are_told_and_nothing_stays() {
        let outcomes = Outcomes::default();
        let id = MessageId::new(uuid::Uuid::now_v7(), Shard::of("+1234567890".parse().unwrap()));
        let mut first = outcomes.wait_for(id, 1);
        let mut second = outcomes.wait_for(id, 1);
        let mut later = outcomes.wait_for(id, 2);
        drop(outcomes.wait_for(id, 1));
        outcomes.tell(id, 1, &Verdict::Sent);
        assert_eq!((&mut first.verdict).await, Ok(Verdict::Sent));
        assert_eq!((&mut second.verdict).await, Ok(Verdict::Sent));
        assert!(later.verdict.try_recv().is_err(), "that was an earlier attempt's");
        outcomes.tell(id, 2, &Verdict::Unknown);
        assert_eq!((&mut later.verdict).await, Ok(Verdict::Unknown));
        drop(outcomes.wait_for(id, 1));
        assert!(outcomes.waiters.is_empty());
    }
}
