//! Wiring only: from a checked configuration to a running engine.
//!
//! Who stops what: [`Running::stop`] ends the front door first, so that nothing new comes in, then
//! the engine, which lets what is in flight finish, then the metrics, so that the end can be watched, and
//! last a store of this process' own: whoever starts next may have it at once.

use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use sendyard_actors::engine::{Engine, EngineError, Parts, RunningEngine};
use sendyard_actors::ports::{Clock, Store};
use tokio::sync::Notify;

use crate::api::{self, Batches, DiskRoom, Drain, Front};
use crate::clock::{OwnClock, StoreClock, SystemClock, SystemIds};
use crate::config::{Config, Directory, RedisUrl, StoreUrl};
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
#[cfg(test)]
mod tests;
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
    on_disk: Option<Arc<RedbStore>>,
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

/// The engine at work, or waiting for its store.
struct Begun {
    engine: Engine,
    works: Works,
    /// A store that is to be closed at the end.
    on_disk: Option<Arc<RedbStore>>,
    /// What its store promises, as far as it is known.
    promise: &'static str,
    keeper: Keeper,
    look: Option<Look>,
    time_keeper: Option<word::Keeper>,
}

/// A store of this process' own, its time, and what it promises.
struct OwnStore {
    store: Arc<dyn Store>,
    on_disk: Option<Arc<RedbStore>>,
    clock: Arc<dyn Clock>,
    promise: &'static str,
    time_keeper: Option<word::Keeper>,
}

impl OwnStore {
    fn on_disk(home: &Path) -> Result<Self, StartError> {
        let system = SystemClock::start();
        let store = Arc::new(RedbStore::open(home, Arc::new(system))?);
        let jumps = word::read(home, system.now());
        let time_keeper = word::Keeper::start(home.to_owned(), Arc::new(system), jumps.clone());
        let clock = Arc::new(OwnClock::new(system, jumps));
        let on_disk = Some(Arc::clone(&store));
        Ok(Self { store, on_disk, clock, promise: EMBEDDED, time_keeper: Some(time_keeper) })
    }

    fn in_memory() -> Self {
        let clock = Arc::new(SystemClock::start());
        let store = Arc::new(MemoryStore::new(clock.clone()));
        Self { store, on_disk: None, clock, promise: IN_MEMORY, time_keeper: None }
    }
}

async fn begin(config: &Config, directory: Directory, grace: Duration) -> Result<Begun, StartError> {
    match &config.store {
        StoreUrl::Redb(home) => begin_alone(config, directory, OwnStore::on_disk(home)?).await,
        StoreUrl::Memory => begin_alone(config, directory, OwnStore::in_memory()).await,
        StoreUrl::Redis(url) => begin_with_others(config, directory, url, grace),
    }
}

fn keeper_of(config: &Config, directory: Directory, store: Arc<dyn Store>) -> Result<Keeper, StartError> {
    let places = config.engine.places_in_flight;
    Keeper::new(directory, store, config.public_url.clone(), places, config.applied)
        .map_err(StartError::Client)
}

async fn begin_alone(config: &Config, directory: Directory, own: OwnStore) -> Result<Begun, StartError> {
    let OwnStore { store, on_disk, clock, promise, time_keeper } = own;
    let keeper = keeper_of(config, directory, Arc::clone(&store))?;
    if config.applied {
        keeper.catch_up().await.map_err(StartError::Directory)?;
    }
    let (book, providers) = keeper.start_with();
    let (settings, ids) = (config.engine, Arc::new(SystemIds));
    let parts = Parts { settings, book, store, peers: None, providers, clock, ids };
    let running = Engine::start(parts).await.map_err(StartError::Engine)?;
    let engine = running.engine.clone();
    keeper.tell(engine.clone());
    let works = Works::Always(Box::new(running));
    Ok(Begun { engine, works, on_disk, promise, keeper, look: None, time_keeper })
}

/// Its server may be away.
fn begin_with_others(
    config: &Config,
    directory: Directory,
    url: &RedisUrl,
    grace: Duration,
) -> Result<Begun, StartError> {
    let clock = Arc::new(StoreClock::start());
    let store = Arc::new(RedisStore::open(url.whole(), config.replicas)?);
    let engine = Engine::waiting(clock.clone(), "its Redis server has not answered yet".to_owned());
    let server = StoreServer::new(store.clone(), clock.clone());
    let keeper = keeper_of(config, directory, store.clone())?;
    keeper.tell(engine.clone());
    let (book, providers) = keeper.start_with();
    let (settings, ids, peers) = (config.engine, Arc::new(SystemIds), Some(server.peers()));
    let parts = Parts { settings, book, store, peers, providers, clock, ids };
    let looking = config.applied.then(|| keeper.clone());
    let steward = Steward::start(engine.clone(), server, looking.clone(), parts, grace);
    let look = looking.map(|keeper| keeper.look());
    Ok(Begun {
        engine,
        works: Works::WithOthers(steward),
        on_disk: None,
        promise: ON_REDIS,
        keeper,
        look,
        time_keeper: None,
    })
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
    let Begun { engine, works, on_disk, promise, keeper, look, time_keeper } =
        begin(&config, directory, grace).await?;
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
        batches: Batches::default(),
    };
    let running = Running {
        engine: works,
        on_disk,
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
    /// flight may finish until its deadline. Ends when everything is recorded, and the store is closed.
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
        if let Some(store) = self.on_disk {
            // Not left to whoever drops it last. If it failed, it says so itself.
            let _ = tokio::task::spawn_blocking(move || store.close()).await;
        }
        tracing::info!("stopped");
    }
}

/// What `queued` means with each store.
const EMBEDDED: &str = "embedded: queued means on disk, fsync before the answer; one process at a time";
const IN_MEMORY: &str = "memory: nothing outlives this process, not even what was answered queued";
const ON_REDIS: &str = "redis: what queued means is said when the server answers";
