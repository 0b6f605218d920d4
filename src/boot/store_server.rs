//! The Redis server under a store: whether it is there and can be used, asked before anything is done with it
//! and again whenever it was away, as another server, or other data, may have taken its place.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use sendyard_actors::domain::ids::Incarnation;
use sendyard_actors::domain::shard_set::ShardSet;
use sendyard_actors::ports::{Clock, Heard, Member, Note, Peers, StoreError, Stored, To};
use tokio::sync::mpsc;
use tokio::time::timeout;

use crate::clock::{Apart, StoreClock};
use crate::store::redis::{Promise, RedisPeers, RedisStore};

/// What its clock shows is not waited for longer.
const LOOK_WITHIN: Duration = Duration::from_millis(100);

/// The server as this process knows it. Cheap to clone.
#[derive(Clone)]
pub(super) struct StoreServer {
    store: Arc<RedisStore>,
    clock: Arc<StoreClock>,
    /// What the server promised when it was asked last.
    promise: Arc<Mutex<Option<Promise>>>,
    /// Its clock was set, and that was said.
    was_set: Arc<AtomicBool>,
}

impl StoreServer {
    /// Not asked yet.
    pub(super) fn new(store: Arc<RedisStore>, clock: Arc<StoreClock>) -> Self {
        Self { store, clock, promise: Arc::default(), was_set: Arc::default() }
    }

    /// Is the server there, and are its data for us? Learns its time. Says what it promises, where that is
    /// news; an error is one sentence.
    pub(super) async fn check(&self) -> Result<(), String> {
        let promise = self.store.check().await.map_err(|error| sentence(&error))?;
        self.look_at_clock().await.map_err(|error| sentence(&error))?;
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

    /// Goes by what its clock shows: of a Cluster that of the master that has the store's mark. That it was set is said
    /// once.
    async fn look_at_clock(&self) -> Result<(), StoreError> {
        let asked_at = self.clock.now();
        let theirs = self.store.time().await?;
        let apart = self.clock.learn(asked_at, theirs);
        let was_set = apart != Apart::Little;
        if self.was_set.swap(was_set, Ordering::AcqRel) == was_set {
            return Ok(());
        }
        match apart {
            Apart::Little => tracing::info!("the clock of the Redis server is where it was expected again"),
            Apart::Ahead(by) => tracing::error!(
                ?by,
                "the clock of the Redis server was set forward while this process runs: leases may have ended \
                 early, and what was handed over before looks older than it is; restart this process, and keep \
                 that clock in step (NTP)"
            ),
            Apart::Behind(by) => tracing::error!(
                ?by,
                "the clock of the Redis server was set back while this process runs: what is claimed may come too \
                 late to be begun; restart this process, and keep that clock in step (NTP)"
            ),
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
            // Another server may be asked, on a Cluster, and must hold up nothing; it is asked again in a moment.
            let looked = timeout(LOOK_WITHIN, server.look_at_clock());
            let (members, _) = tokio::join!(peers.announce(me, holds, lasts), looked);
            let members = members?;
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
    use std::sync::atomic::AtomicU64;

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

    /// A server's clock that can be set.
    #[derive(Debug, Default)]
    struct Settable(AtomicU64);

    impl Clock for Settable {
        fn now(&self) -> Time {
            THEN + Duration::from_secs(self.0.load(Ordering::Relaxed))
        }
    }

    #[tokio::test]
    async fn whoever_says_that_it_is_there_notices_that_the_clock_was_set() {
        let Some(server) = redis_server::shared() else { return };
        let theirs = Arc::new(Settable::default());
        let store = Arc::new(server.store(Arc::clone(&theirs) as Arc<dyn Clock>));
        let server = StoreServer::new(store, Arc::new(StoreClock::start()));
        let peers = server.peers();
        let announce = || peers.announce(Incarnation(1), ShardSet::NONE, Duration::from_secs(3));
        let mut noticed = Vec::new();
        for set_to in [0, 0, 3600, 3600, 0] {
            theirs.0.store(set_to, Ordering::Relaxed);
            announce().await.unwrap();
            noticed.push(server.was_set.load(Ordering::Relaxed));
        }
        assert_eq!(noticed, [false, false, true, true, false]);
    }
}
