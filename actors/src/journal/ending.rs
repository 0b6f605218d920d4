//! The end of an attempt that another process waits for: it is told once, and looks into the record itself.

use std::time::Duration;

use tokio::time::timeout;

use super::Journal;
use crate::domain::ids::{Incarnation, MessageId};
use crate::outcomes::{Verdict, Waiter};
use crate::ports::{Note, To};

/// An outcome is told about the deadline of its attempt; nobody waits much longer for it.
const AFTER_DEADLINE: Duration = Duration::from_secs(1);

/// Waits for the end of an attempt.
pub(crate) struct Ending {
    journal: Journal,
    id: MessageId,
    attempt: u16,
    waiter: Waiter,
}

impl Journal {
    /// From now on for the end of this attempt; to be called before it can end.
    pub(crate) fn await_end(&self, id: MessageId, attempt: u16) -> Ending {
        let waiter = self.inner.with.outcomes.wait_for(id, attempt);
        Ending { journal: self.clone(), id, attempt, waiter }
    }

    /// Another process says that this attempt has ended: whoever waits for that here is told.
    pub(crate) async fn hear_end(&self, id: MessageId, attempt: u16) {
        if !self.inner.with.outcomes.are_awaited(id) {
            return;
        }
        // If it cannot be read now, who waits looks for himself.
        let Ok(Some(message)) = self.store().message(id).await else { return };
        if message.is_open(attempt) {
            // There will be no answer. The record says so later.
            self.tell_unknown(id, attempt);
        } else if let Some(verdict) = Verdict::of(&message) {
            self.inner.with.outcomes.tell(id, message.attempt, &verdict);
        }
    }
}

impl Ending {
    /// Tells this process when it comes.
    pub(crate) fn tell(mut self, process: Incarnation) {
        tokio::spawn(async move {
            let with = &self.journal.inner.with;
            let patience = with.settings.attempt_deadline + with.settings.margin + AFTER_DEADLINE;
            let ended = timeout(patience, &mut self.waiter.verdict).await;
            if let (Ok(Ok(_)), Some(peers)) = (ended, &with.peers) {
                peers.tell(To::Process(process), Note::Ended { id: self.id, attempt: self.attempt });
            }
        });
    }
}
