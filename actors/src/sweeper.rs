//! The sweeper: finds what a lost hint missed.
//!
//! Every wake-up in the engine may be lost; this is the net below. It decides nothing itself: it reads
//! what is past its time and calls the steps that any of the others would have called.

use std::collections::HashMap;
use std::time::Duration;

use ractor::{Actor, ActorProcessingErr, ActorRef};

use crate::directory::Directory;
use crate::domain::ids::Shard;
use crate::domain::message::UnknownPolicy;
use crate::domain::outcome::Doubt;
use crate::domain::time::Time;
use crate::journal::Journal;
use crate::ports::{StoreError, Unsettled};
use crate::roster::Roster;
use crate::sender::SenderMessage;
use crate::telemetry;

/// Between two sweeps.
const EVERY: Duration = Duration::from_secs(1);

/// Every so many sweeps, also what is rarer: senders that should run, and what may be forgotten.
const RARELY: u64 = 10;

/// Every so many sweeps, a running sender with messages waiting reads the head of its queue again.
const VERY_RARELY: u64 = 60;

/// Pages pruned in one sweep, about a thousand records each.
const PRUNES: usize = 8;

/// What the sweeper is told.
pub(crate) enum SweeperMessage {
    /// Look now.
    Sweep,
}

/// The actor.
pub(crate) struct SweeperActor;

/// What it is started with.
#[derive(Clone)]
pub(crate) struct SweeperArguments {
    pub(crate) journal: Journal,
    pub(crate) directory: Directory,
    pub(crate) roster: Roster,
}

pub(crate) struct SweeperState {
    with: SweeperArguments,
    sweeps: u64,
    /// The last one did not get through.
    fails: bool,
    /// How often senders of each shard had been tuned.
    tunings: HashMap<Shard, u64>,
}

impl Actor for SweeperActor {
    type Msg = SweeperMessage;
    type State = SweeperState;
    type Arguments = SweeperArguments;

    async fn pre_start(
        &self,
        myself: ActorRef<SweeperMessage>,
        with: SweeperArguments,
    ) -> Result<SweeperState, ActorProcessingErr> {
        // The first sweep wakes the senders that have work from before the start.
        myself.send_message(SweeperMessage::Sweep)?;
        Ok(SweeperState { with, sweeps: 0, fails: false, tunings: HashMap::new() })
    }

    async fn handle(
        &self,
        myself: ActorRef<SweeperMessage>,
        message: SweeperMessage,
        state: &mut SweeperState,
    ) -> Result<(), ActorProcessingErr> {
        let SweeperMessage::Sweep = message;
        let swept = state.sweep().await;
        let failed_before = std::mem::replace(&mut state.fails, swept.is_err());
        if let Err(error) = swept
            && !failed_before
        {
            tracing::warn!(%error, "a sweep failed; the next one comes in a second");
        }
        state.sweeps += 1;
        myself.send_after(EVERY, || SweeperMessage::Sweep);
        Ok(())
    }
}

impl SweeperState {
    async fn sweep(&mut self) -> Result<(), StoreError> {
        telemetry::senders_running(self.with.roster.senders_running());
        if self.sweeps.is_multiple_of(RARELY) {
            if let Err(error) = self.wake_senders().await {
                tracing::warn!(%error, "the senders that have work could not be looked up");
            }
            if let Err(error) = self.prune().await {
                tracing::warn!(%error, "what is past its retention could not be removed");
            }
        }
        self.hear_of_tunings().await?;
        let now = self.with.journal.now();
        let margin = self.with.journal.settings().margin;
        for attempt in self.with.journal.store().unsettled(None).await? {
            let done = match attempt.evidence_until {
                None if attempt.deadline + margin < now => self.mark_unknown(&attempt).await,
                Some(until) if until <= now => self.settle_unknown(&attempt).await,
                None | Some(_) => Ok(()),
            };
            // One record in trouble keeps nobody from the others.
            if let Err(error) = done {
                tracing::warn!(message = %attempt.id, %error, "an open attempt could not be settled yet");
            }
        }
        Ok(())
    }

    /// Another process may have tuned a sender that runs here; its own process told it.
    async fn hear_of_tunings(&mut self) -> Result<(), StoreError> {
        let store = self.with.journal.store();
        if store.is_exclusive() {
            return Ok(());
        }
        for (shard, times) in store.tunings().await? {
            if self.tunings.insert(shard, times) == Some(times) {
                continue;
            }
            for sender in self.with.roster.senders_of(shard) {
                // One that stops reads it when it starts.
                let _ = sender.send_message(SenderMessage::TuningMayDiffer);
            }
        }
        Ok(())
    }

    /// Starts every sender that has messages waiting and does not run.
    async fn wake_senders(&self) -> Result<(), StoreError> {
        for backlog in self.with.journal.store().backlogs().await? {
            if self.with.roster.sender(backlog.sender).is_some() {
                if self.sweeps.is_multiple_of(VERY_RARELY) {
                    self.with.roster.hint(backlog.sender, SenderMessage::LookAgain);
                }
                continue;
            }
            if self.with.directory.sender(backlog.sender).await.is_err() {
                let (sender, waiting) = (backlog.sender, backlog.waiting);
                tracing::warn!(?sender, waiting, "messages wait at a number that cannot be sent from now");
            }
        }
        Ok(())
    }

    async fn mark_unknown(&self, attempt: &Unsettled) -> Result<(), StoreError> {
        let journal = &self.with.journal;
        journal
            .mark_unknown(attempt.sender, attempt.id, attempt.attempt, Doubt::NoAnswer, None)
            .await
            .map(drop)
    }

    /// Applies the policy of the account that the message went through.
    async fn settle_unknown(&self, attempt: &Unsettled) -> Result<(), StoreError> {
        let journal = &self.with.journal;
        let Some(message) = journal.store().message(attempt.id).await? else { return Ok(()) };
        let account = self.with.directory.book().accounts.get(&message.draft.account);
        let policy = account.map_or(UnknownPolicy::Hold, |account| account.unknown_outcome);
        journal.settle_unknown(attempt.sender, attempt.id, attempt.attempt, policy).await.map(drop)
    }

    async fn prune(&self) -> Result<(), StoreError> {
        let journal = &self.with.journal;
        let before: Time = journal.now() - journal.settings().message_retention;
        for _ in 0..PRUNES {
            if !journal.store().prune(before).await?.more {
                break;
            }
        }
        Ok(())
    }
}
