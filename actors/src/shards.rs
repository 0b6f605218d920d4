//! Which shards this process works with: its leases, and until when.
//!
//! On an embedded store all of them, for as long as it is open. On a store that several processes share,
//! those that `sharing.rs` has taken and not given up; each has an end of its own, by our own clock and
//! measured from *before* its lease was asked for, so that it is never later than the store's. Everybody
//! reads here, on the way of every claim and at every last check; one task writes.
//!
//! A lease's fence stays readable after its end: it names the *tenure* that a sender's memory belongs to.
//! Under another one somebody else may have worked in between, and the sender has to be loaded again.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use futures::future::try_join_all;

use crate::domain::ids::{Incarnation, Shard};
use crate::domain::phone::E164;
use crate::domain::shard_set::ShardSet;
use crate::domain::time::Time;
use crate::ports::{Lease, Leased, Store, StoreError};
use crate::settings::Settings;

/// Of a lease's time so much is not counted on: the clocks of two machines do not run alike.
const DRIFT_PART: u32 = 100;

/// The shards of this process. Cheap to clone; every clone is the same.
#[derive(Debug, Clone)]
pub struct Shards {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    holder: Incarnation,
    /// By shard number.
    slots: Vec<Slot>,
}

#[derive(Debug, Default)]
struct Slot {
    /// Of the last lease; 0 before the first.
    fence: AtomicU64,
    /// The first instant at which it may be another's, in nanoseconds; 0: it is not ours.
    until: AtomicU64,
    /// It is not being given up: messages of it may be claimed.
    kept: AtomicBool,
    /// What was claimed, or is being claimed, and has not ended.
    under_way: Arc<AtomicUsize>,
}

/// Something of a shard that is under way in this process, from before its claim is asked for until its
/// outcome is recorded. A shard that is given up waits for it, for a moment.
#[derive(Debug)]
pub struct UnderWay(Arc<AtomicUsize>);

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

impl Shards {
    /// None yet.
    pub(crate) fn none(holder: Incarnation) -> Self {
        let slots = Shard::all().map(|_| Slot::default()).collect();
        Self { inner: Arc::new(Inner { holder, slots }) }
    }

    /// Takes all shards of a store that is this process' own, without end, and says how many attempts a dead
    /// owner had left open: they are unknown now.
    pub(crate) async fn take_all(&self, store: &dyn Store, settings: &Settings) -> Result<u64, StoreError> {
        let Settings { lease, margin, evidence_deadline, .. } = *settings;
        let holder = self.inner.holder;
        let asked =
            Shard::all().map(|shard| store.acquire_lease(shard, holder, lease, margin, evidence_deadline));
        let mut orphaned = 0;
        for answer in try_join_all(asked).await? {
            let Leased::Yours { lease, orphans } = answer else {
                return Err(StoreError::Unavailable("another process works on this store".to_owned()));
            };
            orphaned += u64::from(orphans);
            self.set(lease, Time::MAX);
        }
        Ok(orphaned)
    }

    /// The lease under which a sender's messages may be claimed now, if it is ours and is not being given up.
    pub fn lease(&self, sender: E164, now: Time) -> Option<Lease> {
        self.lease_of(Shard::of(sender), now)
    }

    /// May messages of the sender be claimed now?
    pub fn owns(&self, sender: E164, now: Time) -> bool {
        self.lease(sender, now).is_some()
    }

    /// May what was claimed of the sender be begun now? Until its lease is released or over: longer than more
    /// may be claimed.
    pub fn may_begin(&self, sender: E164, now: Time) -> bool {
        let slot = self.slot(Shard::of(sender));
        slot.is_some_and(|slot| now.as_nanos() < slot.until.load(Ordering::Acquire))
    }

    /// Those that are ours now.
    pub fn owned(&self, now: Time) -> ShardSet {
        Shard::all().filter(|shard| self.lease_of(*shard, now).is_some()).collect()
    }

    /// The fence of the sender's last lease here, be it over or not.
    pub(crate) fn tenure(&self, sender: E164) -> u64 {
        self.slot(Shard::of(sender)).map_or(0, |slot| slot.fence.load(Ordering::Acquire))
    }

    /// The shard's lease if it is ours now.
    pub(crate) fn lease_of(&self, shard: Shard, now: Time) -> Option<Lease> {
        let slot = self.slot(shard).filter(|slot| slot.kept.load(Ordering::Acquire))?;
        if now.as_nanos() >= slot.until.load(Ordering::Acquire) {
            return None;
        }
        let fence = slot.fence.load(Ordering::Acquire);
        Some(Lease { shard, fence, holder: self.inner.holder })
    }

    /// The lease is ours until then.
    pub(crate) fn set(&self, lease: Lease, until: Time) {
        let Some(slot) = self.slot(lease.shard) else { return };
        // First, so that no one reads an end beside an older fence.
        slot.fence.store(lease.fence, Ordering::Release);
        slot.until.store(until.as_nanos(), Ordering::Release);
        slot.kept.store(true, Ordering::Release);
    }

    /// The shard is being given up: nothing of it is claimed from here on.
    pub(crate) fn suspend(&self, shard: Shard) {
        if let Some(slot) = self.slot(shard) {
            slot.kept.store(false, Ordering::Release);
        }
    }

    /// The shard is not ours any more: nothing of it is begun either.
    pub(crate) fn clear(&self, shard: Shard) {
        self.suspend(shard);
        if let Some(slot) = self.slot(shard) {
            slot.until.store(0, Ordering::Release);
        }
    }

    /// Something of this shard is under way until the value is dropped.
    pub(crate) fn under_way(&self, shard: Shard) -> UnderWay {
        let count = self.slot(shard).map(|slot| Arc::clone(&slot.under_way)).unwrap_or_default();
        count.fetch_add(1, Ordering::AcqRel);
        UnderWay(count)
    }

    /// Is anything of these shards under way?
    pub(crate) fn are_busy(&self, shards: ShardSet) -> bool {
        shards
            .iter()
            .any(|shard| self.slot(shard).is_some_and(|slot| slot.under_way.load(Ordering::Acquire) > 0))
    }

    fn slot(&self, shard: Shard) -> Option<&Slot> {
        self.inner.slots.get(usize::from(shard.as_u16()))
    }
}

/// The end of a lease that was asked for then, by our own clock.
pub(crate) fn end_of(asked_at: Time, lease_for: Duration) -> Time {
    asked_at + lease_for.saturating_sub(lease_for / DRIFT_PART)
}
