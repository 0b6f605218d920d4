//! Shards that are given up: nothing of them is claimed any more, what is under way may end for a moment,
//! then their leases are released.

use std::sync::Arc;
use std::time::Duration;

use futures::future::join_all;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};

use super::SharingArguments;
use crate::domain::ids::Incarnation;
use crate::domain::shard_set::ShardSet;
use crate::ports::{Lease, Peers, Store};
use crate::roster::Roster;
use crate::sender::SenderMessage;
use crate::shards::Shards;
use crate::telemetry::{self, LeaseChange};

/// How long what is under way may take, where a shard moves to another process. Longer attempts hold their
/// conversation, and the pace of their number, with the next owner.
const MOMENT: Duration = Duration::from_millis(500);

/// The same at the end of the process, which is to be replaced within a second.
const MOMENT_AT_THE_END: Duration = Duration::from_millis(250);

/// Between two looks at what is under way.
const LOOK_EVERY: Duration = Duration::from_millis(10);

/// A release that is not answered by then is left to the end of the lease.
const RELEASE_WITHIN: Duration = Duration::from_secs(1);

pub(super) struct Leaving {
    me: Incarnation,
    store: Arc<dyn Store>,
    peers: Arc<dyn Peers>,
    shards: Shards,
    roster: Roster,
    /// Given up, and not released.
    not_released: ShardSet,
    tasks: JoinSet<ShardSet>,
}

impl Leaving {
    pub(super) fn new(with: &SharingArguments) -> Self {
        let SharingArguments { me, store, peers, shards, roster, .. } = with.clone();
        Self { me, store, peers, shards, roster, not_released: ShardSet::NONE, tasks: JoinSet::new() }
    }

    /// Those that are on their way to others.
    pub(super) const fn shards(&self) -> ShardSet {
        self.not_released
    }

    /// Other processes have them: there is nothing to release.
    pub(super) fn drop_lost(&self, lost: ShardSet) {
        for shard in lost.iter() {
            self.shards.clear(shard);
        }
        self.stop_senders(lost);
    }

    /// Begins to give these up.
    pub(super) fn give_up(&mut self, leases: Vec<Lease>) {
        self.suspend(&leases);
        self.not_released = self.not_released.with(shards_of(&leases));
        let released = release(Arc::clone(&self.store), self.shards.clone(), leases, MOMENT);
        self.tasks.spawn(released);
    }

    /// Ends when some of those that are given up are released; never while there are none.
    pub(super) async fn some_left(&mut self) {
        match self.tasks.join_next().await {
            Some(Ok(left)) => self.not_released = self.not_released.without(left),
            // A task that failed leaves its leases to their end.
            Some(Err(_)) => self.not_released = ShardSet::NONE,
            None => std::future::pending().await,
        }
    }

    /// Gives these up, waits until everything is given up, and says that the process is there no more.
    pub(super) async fn leave_the_store(&mut self, leases: Vec<Lease>) {
        self.suspend(&leases);
        let released = release(Arc::clone(&self.store), self.shards.clone(), leases, MOMENT_AT_THE_END);
        let others = async { while self.tasks.join_next().await.is_some() {} };
        // At the same time, as the others may have at once what is idle.
        let departed = timeout(RELEASE_WITHIN, self.peers.depart(self.me));
        let (_, (), departed) = tokio::join!(released, others, departed);
        self.not_released = ShardSet::NONE;
        if !matches!(departed, Ok(Ok(()))) {
            tracing::warn!("the other processes hear of this one's end only by its silence");
        }
    }

    fn suspend(&self, leases: &[Lease]) {
        for lease in leases {
            self.shards.suspend(lease.shard);
        }
        self.stop_senders(shards_of(leases));
    }

    fn stop_senders(&self, shards: ShardSet) {
        for sender in self.roster.senders_in(shards) {
            // One that has stopped claims nothing.
            let _ = sender.send_message(SenderMessage::Leave);
        }
    }
}

fn shards_of(leases: &[Lease]) -> ShardSet {
    leases.iter().map(|lease| lease.shard).collect()
}

/// Releases each as soon as nothing of it is under way, and all of them after `moment`.
async fn release(store: Arc<dyn Store>, shards: Shards, leases: Vec<Lease>, moment: Duration) -> ShardSet {
    let all = shards_of(&leases);
    let deadline = Instant::now() + moment;
    let mut left = leases;
    loop {
        let is_over = Instant::now() >= deadline;
        let is_busy = |lease: &Lease| shards.are_busy(std::iter::once(lease.shard).collect());
        let (busy, free): (Vec<Lease>, Vec<Lease>) =
            left.into_iter().partition(|lease| !is_over && is_busy(lease));
        for lease in &free {
            shards.clear(lease.shard);
        }
        let released = free.iter().map(|lease| timeout(RELEASE_WITHIN, store.release_lease(*lease)));
        let answers = join_all(released).await;
        let done = answers.iter().filter(|released| matches!(released, Ok(Ok(())))).count();
        telemetry::leases(LeaseChange::Released, done);
        if done < answers.len() {
            tracing::warn!("leases could not be released; they end by themselves");
        }
        if busy.is_empty() {
            return all;
        }
        left = busy;
        sleep(LOOK_EVERY).await;
    }
}
