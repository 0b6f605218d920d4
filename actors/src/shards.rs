//! Which senders this process owns: its leases, and until when.
//!
//! All shards belong to one process at a time. On an embedded store that is whoever has it open, for as
//! long as it has. On a store that several processes can open, one of them works and the others wait:
//! who gets the first shard takes the others too, renews all of them (`keeper.rs`), and is no owner any
//! more once it could not for as long as a lease lasts. That end is measured from *before* the renewing
//! was asked for, on our own clock: it is never later than the store's.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use futures::future::{join_all, try_join_all};

use crate::domain::ids::{Incarnation, Shard};
use crate::domain::phone::E164;
use crate::domain::time::Time;
use crate::ports::{Clock, Lease, Leased, Store, StoreError};
use crate::settings::Settings;

/// Of a lease's time so much is not counted on: the clocks of two machines do not run alike.
const DRIFT_PART: u32 = 100;

/// The leases of this process. Cheap to clone; every clone is the same.
#[derive(Debug, Clone)]
pub struct Shards {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    /// By shard number.
    leases: Vec<Lease>,
    orphans: u64,
    /// The first instant at which they may be another's, in nanoseconds.
    until: AtomicU64,
}

/// Why the shards could not be taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotOurs {
    /// The store failed.
    #[error("could not take the shards: {0}")]
    Store(#[from] StoreError),
    /// Another process has them, until then at least.
    #[error("another process works on this store")]
    Held(Time),
}

impl Shards {
    /// Takes every shard, or none. The attempts that a dead owner left open become unknown on the way,
    /// where the store knows that it is dead.
    pub async fn take_all(
        store: &dyn Store,
        clock: &dyn Clock,
        holder: Incarnation,
        settings: &Settings,
    ) -> Result<Self, NotOurs> {
        let asked_at = clock.now();
        let mut leases = Vec::new();
        let mut orphaned = 0_u64;
        let mut held = None;
        // Who has the first has the right to the others.
        let mut shards = Shard::all();
        for asked in [shards.by_ref().take(1).collect::<Vec<_>>(), shards.collect()] {
            let Settings { lease, margin, evidence_deadline, .. } = *settings;
            let answers = asked
                .into_iter()
                .map(|shard| store.acquire_lease(shard, holder, lease, margin, evidence_deadline));
            for answer in try_join_all(answers).await? {
                match answer {
                    Leased::Yours { lease, orphans } => {
                        leases.push(lease);
                        orphaned += u64::from(orphans);
                    }
                    Leased::TakenUntil(until) => held = held.max(Some(until)),
                }
            }
            if let Some(until) = held {
                release(store, &leases).await;
                return Err(NotOurs::Held(until));
            }
        }
        let until = if store.is_exclusive() { Time::MAX } else { end_of(asked_at, settings) };
        let until = AtomicU64::new(until.as_nanos());
        Ok(Self { inner: Arc::new(Inner { leases, orphans: orphaned, until }) })
    }

    /// The lease under which a sender's messages may be claimed and begun now, if it is ours.
    pub fn lease(&self, sender: E164, now: Time) -> Option<Lease> {
        if !self.are_ours(now) {
            return None;
        }
        self.inner.leases.get(usize::from(Shard::of(sender).as_u16())).copied()
    }

    /// Can no other process own them now?
    pub fn are_ours(&self, now: Time) -> bool {
        now.as_nanos() < self.inner.until.load(Ordering::Acquire)
    }

    /// How many were taken.
    pub(crate) fn all(&self) -> usize {
        self.inner.leases.len()
    }

    /// How many are ours now.
    pub(crate) fn owned(&self, now: Time) -> usize {
        if self.are_ours(now) { self.inner.leases.len() } else { 0 }
    }

    /// Attempts that were open when their process died, now unknown.
    pub fn orphans(&self) -> u64 {
        self.inner.orphans
    }

    /// Renews all of them. `false`: one is another's, so none is ours any more.
    pub(crate) async fn renew(
        &self,
        store: &dyn Store,
        clock: &dyn Clock,
        settings: &Settings,
    ) -> Result<bool, StoreError> {
        let asked_at = clock.now();
        let renewed = self.inner.leases.iter().map(|lease| store.renew_lease(*lease, settings.lease));
        let all = try_join_all(renewed).await?.into_iter().all(|is_ours| is_ours);
        let until = if all { end_of(asked_at, settings) } else { Time::ZERO };
        self.inner.until.store(until.as_nanos(), Ordering::Release);
        Ok(all)
    }

    /// Gives all of them up, so that another need not wait for their end. Nothing is claimed any more.
    pub(crate) async fn release(&self, store: &dyn Store) {
        self.inner.until.store(0, Ordering::Release);
        release(store, &self.inner.leases).await;
    }
}

/// What cannot be released ends by itself.
async fn release(store: &dyn Store, leases: &[Lease]) {
    join_all(leases.iter().map(|lease| store.release_lease(*lease))).await;
}

fn end_of(asked_at: Time, settings: &Settings) -> Time {
    asked_at + settings.lease.saturating_sub(settings.lease / DRIFT_PART)
}
