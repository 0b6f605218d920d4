//! Which senders this process owns: its leases.
//!
//! On an embedded store, which one process opens at a time, all shards are taken at the start and
//! kept. Sharing them out among processes comes with the store that several can open.

use futures::future::try_join_all;

use crate::domain::ids::{Incarnation, Shard};
use crate::domain::phone::E164;
use crate::ports::{Lease, Leased, Store, StoreError};
use crate::settings::Settings;

/// The leases of this process, by shard number.
#[derive(Debug, Clone)]
pub struct Shards {
    leases: Vec<Lease>,
    orphans: u64,
}

/// Why the shards could not be taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotOurs {
    /// The store failed.
    #[error("could not take the shards: {0}")]
    Store(#[from] StoreError),
    /// Another process holds one.
    #[error("shard {0} is held by another process")]
    Held(u16),
}

impl Shards {
    /// Takes every shard. The attempts that a dead owner left open become unknown on the way.
    pub async fn take_all(
        store: &dyn Store,
        holder: Incarnation,
        settings: &Settings,
    ) -> Result<Self, NotOurs> {
        let Settings { lease, margin, evidence_deadline, .. } = *settings;
        let asked =
            Shard::all().map(|shard| store.acquire_lease(shard, holder, lease, margin, evidence_deadline));
        let mut leases = Vec::new();
        let mut orphaned = 0_u64;
        for (shard, answer) in Shard::all().zip(try_join_all(asked).await?) {
            match answer {
                Leased::Yours { lease, orphans } => {
                    leases.push(lease);
                    orphaned += u64::from(orphans);
                }
                Leased::TakenUntil(_) => return Err(NotOurs::Held(shard.as_u16())),
            }
        }
        Ok(Self { leases, orphans: orphaned })
    }

    /// The lease under which a sender's messages may be claimed.
    pub fn lease(&self, sender: E164) -> Option<Lease> {
        self.leases.get(usize::from(Shard::of(sender).as_u16())).copied()
    }

    /// Attempts that were open when their process died, now unknown.
    pub const fn orphans(&self) -> u64 {
        self.orphans
    }
}
