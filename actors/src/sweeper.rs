//! The sweeper: finds what a lost hint missed.
//!
//! Every wake-up in the engine may be lost; this is the net below. It decides nothing itself: it reads
//! what is past its time and calls the steps that any of the others would have called. On a store that
//! several processes share, each looks after its own shards.

use std::collections::HashMap;
use std::time::Duration;

use ractor::{Actor, ActorProcessingErr, ActorRef};

use crate::backlog::Backlogs;
use crate::directory::Directory;
use crate::domain::ids::{MessageId, Shard};
use crate::domain::message::UnknownPolicy;
use crate::domain::outcome::Doubt;
use crate::domain::phone::E164;
use crate::domain::time::Time;
use crate::journal::Journal;
use crate::ports::{StoreError, Unsettled};
use crate::roster::Roster;
use crate::telemetry;

/// Between two sweeps.
const EVERY: Duration = Duration::from_secs(1);

/// Every so many sweeps, also what is rarer: senders that should run, or should know of more than they do, and
/// what may be forgotten.
const RARELY: u64 = 10;

/// On a store that several processes share, the senders are looked at so often: it is how a lost note is found.
const SHARED: u64 = 3;

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
    backlogs: Backlogs,
    sweeps: u64,
    /// What was of unknown outcome at the last sweep: another process may settle it.
    unknown: HashMap<(MessageId, u16), E164>,
    /// The last one did not get through.
    fails: bool,
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
        let SweeperArguments { journal, directory, roster } = with.clone();
        let backlogs = Backlogs { journal, directory, roster };
        Ok(SweeperState { with, backlogs, sweeps: 0, unknown: HashMap::new(), fails: false })
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
        let owned = self.with.journal.owned();
        let is_shared = !self.with.journal.store().is_exclusive();
        if self.sweeps.is_multiple_of(VERY_RARELY) {
            self.backlogs.look_anew_at(owned).await;
        } else if self.sweeps.is_multiple_of(if is_shared { SHARED } else { RARELY }) {
            self.backlogs.look_at(owned).await;
        }
        // One process is enough for it: the one with the first shard.
        let prunes = Shard::all().next().is_some_and(|first| owned.contains(first));
        if prunes
            && self.sweeps.is_multiple_of(RARELY)
            && let Err(error) = self.prune().await
        {
            tracing::warn!(%error, "what is past its retention could not be removed");
        }
        let now = self.with.journal.now();
        let margin = self.with.journal.settings().margin;
        let unsettled = self.with.journal.store().unsettled_in(owned).await?;
        self.hear_what_was_settled(&unsettled).await;
        for attempt in unsettled {
            let done = match attempt.evidence_until {
                None if attempt.deadline + margin < now => self.mark_unknown(&attempt).await,
                Some(until) if until <= now => self.settle_unknown(&attempt).await,
                None | Some(_) => Ok(()),
            };
            if done.is_ok() && attempt.evidence_until.is_some_and(|until| until <= now) {
                // What became of it was told by that.
                self.unknown.remove(&(attempt.id, attempt.attempt));
            }
            // One record in trouble keeps nobody from the others.
            if let Err(error) = done {
                tracing::warn!(message = %attempt.id, %error, "an open attempt could not be settled yet");
            }
        }
        Ok(())
    }

    /// Whoever settles an unknown outcome tells the sender of his own process. Of what another process was
    /// told, by a provider or a person, this one hears here, and its conversation goes on.
    async fn hear_what_was_settled(&mut self, unsettled: &[Unsettled]) {
        let journal = &self.with.journal;
        if journal.store().is_exclusive() {
            return;
        }
        let unknown = unsettled.iter().filter(|attempt| attempt.evidence_until.is_some());
        let unknown = unknown.map(|attempt| ((attempt.id, attempt.attempt), attempt.sender)).collect();
        for ((id, attempt), sender) in std::mem::replace(&mut self.unknown, unknown) {
            if !self.unknown.contains_key(&(id, attempt)) && journal.owns(sender) {
                journal.tell_as_read(sender, id).await;
            }
        }
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
