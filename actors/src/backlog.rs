//! Looks for messages that wait in the store, and sees to it that their senders run and know of them.
//!
//! After shards were taken, after notes may have been lost, and every few seconds in any case.

use crate::crowd::Crowd;
use crate::directory::{Directory, NoSender};
use crate::domain::ids::{Incarnation, MessageId};
use crate::domain::phone::E164;
use crate::domain::shard_set::ShardSet;
use crate::journal::Journal;
use crate::ports::{Backlog, StoreError};
use crate::roster::Roster;
use crate::sender::SenderMessage;

/// Who looks. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Backlogs {
    pub(crate) journal: Journal,
    pub(crate) directory: Directory,
    pub(crate) roster: Roster,
}

impl Backlogs {
    /// Starts every sender of these shards that has messages waiting and does not run. One that runs is told
    /// how many wait, and looks itself if it knows of fewer. If the store fails, the sweeper looks again soon.
    /// What waits is told, if the store did.
    pub(crate) async fn look_at(&self, shards: ShardSet) -> Option<Vec<Backlog>> {
        said(self.look(shards, SenderMessage::Waiting).await)
    }

    /// As [`Backlogs::look_at`], and those that run read the head of their queue again, whatever they know of.
    pub(crate) async fn look_anew_at(&self, shards: ShardSet) -> Option<Vec<Backlog>> {
        said(self.look(shards, |_| SenderMessage::LookAgain).await)
    }

    /// Passes an offer to its sender, started if it does not run. Whoever has taken its shard since finds it.
    pub(crate) async fn offer(&self, sender: E164, id: MessageId, by: Option<Incarnation>) {
        if self.journal.owns(sender)
            && let Ok(running) = self.directory.sender(sender).await
        {
            // One that is just stopping: the sweeper comes again.
            let _ = running.send_message(SenderMessage::Offered { id, by });
        }
    }

    async fn look(
        &self,
        shards: ShardSet,
        tell: impl Fn(u64) -> SenderMessage,
    ) -> Result<Vec<Backlog>, StoreError> {
        let backlogs = self.journal.store().backlogs(shards).await?;
        let mut crowd = Crowd::default();
        for backlog in &backlogs {
            crowd.told_one().await;
            if let Some(sender) = self.roster.sender(backlog.sender) {
                // One that is just stopping is found again.
                let _ = sender.send_message(tell(backlog.waiting));
                continue;
            }
            match self.directory.sender(backlog.sender).await {
                // Given up meanwhile: the next owner looks.
                Ok(_) | Err(NoSender::NotOurs) => {}
                Err(_) => {
                    let (sender, waiting) = (backlog.sender, backlog.waiting);
                    tracing::warn!(
                        ?sender,
                        waiting,
                        "messages wait at a number that cannot be sent from now"
                    );
                }
            }
        }
        Ok(backlogs)
    }
}

fn said(looked: Result<Vec<Backlog>, StoreError>) -> Option<Vec<Backlog>> {
    looked
        .inspect_err(|error| tracing::warn!(%error, "the senders that have work could not be looked up"))
        .ok()
}
