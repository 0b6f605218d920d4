//! The Redis server under a store: whether it is there and can be used, asked before anything is done with it
//! and again whenever it was away, as another server, or other data, may have taken its place.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use sendyard_actors::domain::ids::Incarnation;
use sendyard_actors::domain::shard_set::ShardSet;
use sendyard_actors::ports::{Clock, Heard, Member, Note, Peers, StoreError, Stored, To};
use tokio::sync::mpsc;

use crate::clock::StoreClock;
use crate::store::redis::{Promise, RedisPeers, RedisStore};

/// The server as this process knows it. Cheap to clone.
#[derive(Clone)]
pub(super) struct StoreServer {
    store: Arc<RedisStore>,
    clock: Arc<StoreClock>,
    /// What the server promised when it was asked last.
    promise: Arc<Mutex<Option<Promise>>>,
}

impl StoreServer {
    /// Not asked yet.
    pub(super) fn new(store: Arc<RedisStore>, clock: Arc<StoreClock>) -> Self {
        Self { store, clock, promise: Arc::default() }
    }

    /// Is the server there, and are its data for us? Learns its time. Says what it promises, where that is
    /// news; an error is one sentence.
    pub(super) async fn check(&self) -> Result<(), String> {
        let promise = self.store.check().await.map_err(|error| sentence(&error))?;
        let asked_at = self.clock.now();
        let theirs = self.store.time().await.map_err(|error| sentence(&error))?;
        self.clock.learn(asked_at, theirs);
        let mut last = self.promise.lock().unwrap_or_else(PoisonError::into_inner);
        if last.as_ref() != Some(&promise) {
            tracing::info!(store = promise.queued_means.as_str(), "the store is there");
            for warning in &promise.warnings {
                tracing::warn!("{warning}");
            }
            *last = Some(promise);
        }
        Ok(())
    }

    /// The way to the other processes, on which the server is checked again before the first word after a
    /// failure.
    pub(super) fn peers(&self) -> Arc<dyn Peers> {
        let peers = Arc::new(self.store.peers());
        Arc::new(CheckedPeers { server: self.clone(), peers, is_fine: Arc::default() })
    }
}

/// An error with its causes, in one line.
pub(super) fn sentence(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(deeper) = cause {
        text = format!("{text}: {deeper}");
        cause = deeper.source();
    }
    text
}

struct CheckedPeers {
    server: StoreServer,
    peers: Arc<RedisPeers>,
    /// The last word was answered well.
    is_fine: Arc<AtomicBool>,
}

impl Peers for CheckedPeers {
    fn announce(&self, me: Incarnation, holds: ShardSet, lasts: Duration) -> Stored<Vec<Member>> {
        let (server, peers, is_fine) =
            (self.server.clone(), Arc::clone(&self.peers), Arc::clone(&self.is_fine));
        Box::pin(async move {
            // Whoever gives up waiting leaves it so.
            if !is_fine.swap(false, Ordering::AcqRel) {
                server.check().await.map_err(StoreError::Unavailable)?;
            }
            let members = peers.announce(me, holds, lasts).await?;
            is_fine.store(true, Ordering::Release);
            Ok(members)
        })
    }

    fn depart(&self, me: Incarnation) -> Stored<()> {
        self.peers.depart(me)
    }

    fn listen(&self, me: Incarnation) -> mpsc::Receiver<Heard> {
        self.peers.listen(me)
    }

    fn attend(&self, me: Incarnation, shards: ShardSet) -> Stored<()> {
        self.peers.attend(me, shards)
    }

    fn tell(&self, to: To, note: Note) {
        self.peers.tell(to, note);
    }
}

#[cfg(test)]
mod tests {
    use sendyard_actors::domain::time::Time;

    use super::*;
    use crate::store::contract::redis_server;

    /// A server's clock that stands still, in 2001.
    #[derive(Debug)]
    struct Still;

    const THEN: Time = Time::from_nanos(1_000_000_000_000_000_000);

    impl Clock for Still {
        fn now(&self) -> Time {
            THEN
        }
    }

    #[tokio::test]
    async fn the_engine_goes_by_the_time_of_a_store_that_is_usable() {
        let Some(server) = redis_server::shared() else { return };
        let (store, clock) = (Arc::new(server.store(Arc::new(Still))), Arc::new(StoreClock::start()));
        let server = StoreServer::new(store, Arc::clone(&clock));
        assert_eq!(server.check().await, Ok(()));
        assert!(clock.now().since(THEN) < Duration::from_hours(1), "{:?}", clock.now());
    }
}
