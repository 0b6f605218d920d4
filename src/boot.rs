//! Wiring only: from a checked configuration to a running engine.
//!
//! Who stops what: [`Running::stop`] ends the front door first, so that nothing new comes in, then
//! the engine, which lets what is in flight finish, then the metrics, so that the end can be watched.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use sendyard_actors::engine::{Engine, EngineError, Parts, RunningEngine};
use sendyard_actors::ports::{Clock, Store};
use tokio::sync::Notify;

use crate::api::{self, DiskRoom, Drain, Front};
use crate::clock::{OwnClock, StoreClock, SystemClock, SystemIds};
use crate::config::{Config, Directory, StoreUrl};
use crate::providers::HttpClientError;
use crate::store::memory::MemoryStore;
use crate::store::redb::{OpenError, RedbStore};
use crate::store::redis::{BadUrl, RedisStore};

mod directory;
mod disk;
mod metrics;
mod server;
mod steward;
mod store_server;
mod ways_out;
mod word;

use directory::{Keeper, Look, NotTaken};
use server::{Listener, Server};
use steward::Steward;
use store_server::StoreServer;

/// Given to the last attempts beyond their deadline, to be recorded in.
const TO_RECORD: Duration = Duration::from_secs(2);

/// Why it did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// Nothing can listen there.
    #[error("cannot listen on {address} ({key})")]
    Listen {
        /// The key of the configuration that says so.
        key: &'static str,
        /// Where.
        address: SocketAddr,
        /// Why.
        source: io::Error,
    },
    /// The store cannot be opened.
    #[error(transparent)]
    Store(#[from] OpenError),
    /// The Redis store's URL cannot be used.
    #[error("store.url")]
    StoreUrl(#[from] BadUrl),
    /// No client for the providers.
    #[error("cannot set up the connections to the providers")]
    Client(#[source] HttpClientError),
    /// The metrics have no recorder.
    #[error("cannot set up the metrics")]
    Metrics(#[source] metrics_exporter_prometheus::BuildError),
    /// What was applied of the directory cannot be gone by.
    #[error(
        "the directory that was applied last, and kept in the store, cannot be gone by (directory.applied = false \
         starts with the file)"
    )]
    Directory(#[source] NotTaken),
    /// The engine did not start.
    #[error("cannot start the engine")]
    Engine(#[source] EngineError),
}

/// A running Sendyard: the engine, its front door and its metrics.
pub struct Running {
    engine: Works,
    api: Server,
    metrics: Option<Server>,
    upkeep: metrics::Upkeep,
    _disk_watch: Option<disk::Watch>,
    _look: Option<Look>,
    _time_keeper: Option<word::Keeper>,
    drain_asked: Arc<Notify>,
    grace: Duration,
}

/// Who works on the store.
enum Works {
    /// This process, for as long as it has the store open.
    Always(Box<RunningEngine>),
    /// This process and others, each on its share.
    WithOthers(Steward),
}

/// Starts everything. Where a port is taken, nothing has been touched yet.
pub async fn start(config: Config, directory: Directory) -> Result<Running, StartError> {
    let api_listener = Listener::bind("http.listen", config.listen).await?;
    let metrics_listener = match config.metrics_listen {
        Some(address) => Some(Listener::bind("metrics.listen", address).await?),
        None => None,
    };
    let recorder = metrics::recorder().map_err(StartError::Metrics)?;
    let upkeep = metrics::Upkeep::start(recorder.clone());

    let settings = config.engine;
    let grace = settings.attempt_deadline + settings.margin + TO_RECORD;
    let ids = Arc::new(SystemIds);
    let places = settings.places_in_flight;
    let keeper = |store: Arc<dyn Store>| {
        Keeper::new(directory, store, config.public_url.clone(), places, config.applied)
            .map_err(StartError::Client)
    };
    let mut time_keeper = None;
    let (engine, works, promise, keeper, look) = match &config.store {
        StoreUrl::Redb(_) | StoreUrl::Memory => {
            let system = SystemClock::start();
            let (store, clock, promise): (Arc<dyn Store>, Arc<dyn Clock>, _) = match &config.store {
                StoreUrl::Redb(directory) => {
                    let store = Arc::new(RedbStore::open(directory, Arc::new(system))?);
                    let jumps = word::read(directory, system.now());
                    time_keeper =
                        Some(word::Keeper::start(directory.clone(), Arc::new(system), jumps.clone()));
                    (store, Arc::new(OwnClock::new(system, jumps)), EMBEDDED)
                }
                StoreUrl::Redis(_) | StoreUrl::Memory => {
                    (Arc::new(MemoryStore::new(Arc::new(system))), Arc::new(system), IN_MEMORY)
                }
            };
            let keeper = keeper(Arc::clone(&store))?;
            if config.applied {
                keeper.catch_up().await.map_err(StartError::Directory)?;
            }
            let (book, providers) = keeper.start_with();
            let parts = Parts { settings, book, store, peers: None, providers, clock, ids };
            let running = Engine::start(parts).await.map_err(StartError::Engine)?;
            let engine = running.engine.clone();
            keeper.tell(engine.clone());
            (engine, Works::Always(Box::new(running)), promise, keeper, None)
        }
        StoreUrl::Redis(url) => {
            let clock = Arc::new(StoreClock::start());
            let store = Arc::new(RedisStore::open(url.whole(), config.replicas)?);
            let engine = Engine::waiting(clock.clone(), "its Redis server has not answered yet".to_owned());
            let server = StoreServer::new(store.clone(), clock.clone());
            let keeper = keeper(store.clone())?;
            keeper.tell(engine.clone());
            let (book, providers) = keeper.start_with();
            let parts = Parts { settings, book, store, peers: Some(server.peers()), providers, clock, ids };
            let look = config.applied.then(|| keeper.clone());
            let steward = Steward::start(engine.clone(), server, look.clone(), parts, grace);
            (engine, Works::WithOthers(steward), ON_REDIS, keeper, look.map(|keeper| keeper.look()))
        }
    };
    let numbers = keeper.start_with().0.numbers.len();

    let disk = match &config.store {
        StoreUrl::Redb(_) => Some(Arc::new(DiskRoom::unseen(config.least_free))),
        StoreUrl::Redis(_) | StoreUrl::Memory => None,
    };
    let disk_watch = match (&config.store, &disk) {
        (StoreUrl::Redb(directory), Some(room)) => {
            Some(disk::Watch::start(directory.clone(), Arc::clone(room)))
        }
        _ => None,
    };
    let page = metrics::page(recorder, engine.clone(), disk.clone());
    let drain_asked = Arc::new(Notify::new());
    let front = Front {
        engine,
        keys: keeper.keys(),
        directory: Some(Arc::new(keeper)),
        metrics: metrics_listener.is_none().then(|| page.clone()),
        body_timeout: config.body_timeout,
        disk,
        drain: config.admin_token.map(|token| Drain { token, asked: Arc::clone(&drain_asked) }),
    };
    let running = Running {
        engine: works,
        api: Server::start(api_listener, api::router(front)),
        metrics: metrics_listener.map(|listener| Server::start(listener, metrics::router(page))),
        upkeep,
        _disk_watch: disk_watch,
        _look: look,
        _time_keeper: time_keeper,
        drain_asked,
        grace,
    };
    tracing::info!(
        api = %running.addr(),
        metrics = %running.metrics_addr(),
        numbers,
        store = promise,
        "started"
    );
    Ok(running)
}

impl Running {
    /// Where the API listens.
    pub fn addr(&self) -> SocketAddr {
        self.api.addr()
    }

    /// Where `/metrics` is.
    pub fn metrics_addr(&self) -> SocketAddr {
        self.metrics.as_ref().unwrap_or(&self.api).addr()
    }

    /// Ends once an admin path has asked the process to end.
    pub async fn drain_asked(&self) {
        self.drain_asked.notified().await;
    }

    /// Stops: new connections are refused, requests on open ones are answered `503`, and what is in
    /// flight may finish until its deadline. Ends when everything is recorded.
    pub async fn stop(self) {
        self.api.close(self.grace);
        match self.engine {
            Works::Always(engine) => engine.stop(self.grace).await,
            Works::WithOthers(steward) => steward.stop().await,
        }
        self.api.ended().await;
        if let Some(metrics) = self.metrics {
            metrics.close(Duration::ZERO);
            metrics.ended().await;
        }
        drop(self.upkeep);
        tracing::info!("stopped");
    }
}

/// What `queued` means with each store.
const EMBEDDED: &str = "embedded: queued means on disk, fsync before the answer; one process at a time";
const IN_MEMORY: &str = "memory: nothing outlives this process, not even what was answered queued";
const ON_REDIS: &str = "redis: what queued means is said when the server answers";
