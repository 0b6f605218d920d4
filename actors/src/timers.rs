//! Does what the clock brings when it brings it: scheduled messages take their places, others expire.
//!
//! The sweeper has it look once a second, at this process' own shards. What comes in the next second is waited
//! for, so that no message is late by the sweeper's turns. All of it is in the store: what is missed here is
//! found by the next look.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crate::directory::Directory;
use crate::domain::ids::{MessageId, Shard};
use crate::domain::message::TimeUp;
use crate::domain::phone::E164;
use crate::domain::time::Time;
use crate::journal::Journal;
use crate::ports::{StoreError, Timer};

/// How many timers are read at one time.
const PAGE: usize = 1000;

/// How many pages one look does at most; the next look goes on.
const PAGES: usize = 64;

/// How many messages a step takes at most: the store does nothing else meanwhile.
const A_STEP: usize = 256;

/// The store's clock may be behind ours by a little.
const SLACK: Duration = Duration::from_millis(2);

/// Who looks. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Timers {
    journal: Journal,
    directory: Directory,
    /// One look at a time.
    looking: Arc<AtomicBool>,
}

/// Ends a look, however it ends.
struct Look(Arc<AtomicBool>);

impl Drop for Look {
    fn drop(&mut self) {
        self.0.store(false, Ordering::Release);
    }
}

impl Timers {
    pub(crate) fn new(journal: Journal, directory: Directory) -> Self {
        Self { journal, directory, looking: Arc::default() }
    }

    /// Looks, and goes on looking for so long, in a task of its own. Nothing if an earlier look is under way.
    pub(crate) fn look(&self, for_so_long: Duration) {
        if self.looking.swap(true, Ordering::AcqRel) {
            return;
        }
        let (look, timers) = (Look(Arc::clone(&self.looking)), self.clone());
        let until = self.journal.now() + for_so_long;
        tokio::spawn(async move {
            if let Err(error) = timers.ring_until(until).await {
                tracing::warn!(%error, "what the clock brings could not be done; the next look comes in a second");
            }
            drop(look);
        });
    }

    async fn ring_until(&self, until: Time) -> Result<(), StoreError> {
        for _ in 0..PAGES {
            let timers = self.journal.store().timers(self.journal.owned(), None, until, PAGE).await?;
            let Some(first) = timers.first() else { return Ok(()) };
            let wait = (first.at + SLACK).since(self.journal.now());
            if !wait.is_zero() {
                tokio::time::sleep(wait).await;
            }
            let now = self.journal.now();
            if !self.ring(timers.into_iter().take_while(|timer| timer.at <= now)).await {
                // By the store's clock it is not time yet, or the records are in trouble.
                return Ok(());
            }
        }
        Ok(())
    }

    /// Was anything done?
    async fn ring(&self, due: impl Iterator<Item = Timer>) -> bool {
        let mut of_shards: BTreeMap<Shard, Vec<MessageId>> = BTreeMap::new();
        for timer in due {
            of_shards.entry(timer.id.shard()).or_default().push(timer.id);
        }
        let mut any = false;
        for ids in of_shards.into_values() {
            for some in ids.chunks(A_STEP) {
                any |= self.ring_some(some).await;
            }
        }
        any
    }

    async fn ring_some(&self, ids: &[MessageId]) -> bool {
        if self.ring_together(ids.to_vec()).await.is_ok_and(|any| any) {
            return true;
        }
        // One record in trouble keeps nobody from the others.
        let mut any = false;
        for id in ids {
            match self.ring_together(vec![*id]).await {
                Ok(done) => any |= done,
                Err(error) => {
                    tracing::warn!(message_id = %id, %error, "what its time brings a message could not be done yet");
                }
            }
        }
        any
    }

    async fn ring_together(&self, ids: Vec<MessageId>) -> Result<bool, StoreError> {
        let timed = self.journal.time_up(ids).await?;
        let mut senders = BTreeSet::new();
        for (what, message) in timed.iter().flatten() {
            if *what == TimeUp::Due {
                senders.insert(message.draft.sender);
            }
        }
        for sender in senders {
            self.see_to(sender).await;
        }
        Ok(timed.iter().any(Option::is_some))
    }

    /// A sender that does not run is started, and reads what waits. If it cannot be, the sweeper comes back.
    async fn see_to(&self, sender: E164) {
        if self.directory.sender(sender).await.is_err() {
            tracing::debug!(?sender, "the time of a message came, and its sender cannot be started now");
        }
    }
}
