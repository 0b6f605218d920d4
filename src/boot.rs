//! Wiring only: from a checked configuration to a running engine.
//!
//! Who stops what: [`Running::stop`] ends the front door first, so that nothing new comes in, then
//! the engine, which lets what is in flight finish, then the metrics, so that the end can be watched.

use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use sendyard_actors::domain::ids::AccountName;
use sendyard_actors::engine::{Engine, EngineError, Parts, RunningEngine};
use sendyard_actors::ports::{Clock, Provider};
use tokio::sync::Notify;
use url::Url;

use crate::api::auth::Keyring;
use crate::api::{self, DiskRoom, Drain, Front};
use crate::clock::{OwnClock, StoreClock, SystemClock, SystemIds};
use crate::config::directory::ProviderSettings;
use crate::config::{Config, Directory, StoreUrl};
use crate::providers::{self, HttpClientError, telnyx, twilio, vonage};
use crate::store::memory::MemoryStore;
use crate::store::redb::{OpenError, RedbStore};
use crate::store::redis::{BadUrl, RedisStore};

mod disk;
mod metrics;
mod server;
mod steward;
mod store_server;
mod word;

use server::{Listener, Server};
use steward::Steward;
use store_server::StoreServer;

/// Below the public URL: where Twilio's status callbacks go (API.md §5).
const TWILIO_CALLBACK: &str = "/webhooks/sms/twilio";

/// And Telnyx's.
const TELNYX_CALLBACK: &str = "/webhooks/sms/telnyx";
/// And Vonage's.
const VONAGE_CALLBACK: &str = "/webhooks/sms/vonage";

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

    let Directory { book, keys, accounts } = directory;
    let settings = config.engine;
    let numbers = book.numbers.len();
    let providers = providers(accounts, config.public_url.as_ref(), settings.places_in_flight)?;
    let grace = settings.attempt_deadline + settings.margin + TO_RECORD;
    let ids = Arc::new(SystemIds);
    let parts = |store, peers, clock| Parts { settings, book, store, peers, providers, clock, ids };
    let mut time_keeper = None;
    let (engine, works, promise) = match &config.store {
        StoreUrl::Redb(directory) => {
            let system = SystemClock::start();
            let store = Arc::new(RedbStore::open(directory, Arc::new(system))?);
            let jumps = word::read(directory, system.now());
            time_keeper = Some(word::Keeper::start(directory.clone(), Arc::new(system), jumps.clone()));
            let clock = Arc::new(OwnClock::new(system, jumps));
            always(parts(store, None, clock), EMBEDDED).await?
        }
        StoreUrl::Memory => {
            let clock = Arc::new(SystemClock::start());
            always(parts(Arc::new(MemoryStore::new(clock.clone())), None, clock), IN_MEMORY).await?
        }
        StoreUrl::Redis(url) => {
            let clock = Arc::new(StoreClock::start());
            let store = Arc::new(RedisStore::open(url.whole(), config.replicas)?);
            let engine = Engine::waiting(clock.clone(), "its Redis server has not answered yet".to_owned());
            let server = StoreServer::new(store.clone(), clock.clone());
            let parts = parts(store, Some(server.peers()), clock);
            let steward = Steward::start(engine.clone(), server, parts, grace);
            (engine, Works::WithOthers(steward), ON_REDIS)
        }
    };

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
        keys: Arc::new(Keyring::new(keys)),
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

/// An engine on a store that is this process' own.
async fn always(parts: Parts, promise: &'static str) -> Result<(Engine, Works, &'static str), StartError> {
    let running = Engine::start(parts).await.map_err(StartError::Engine)?;
    Ok((running.engine.clone(), Works::Always(Box::new(running)), promise))
}

/// The way out of every account, each with connections of its own.
fn providers(
    accounts: HashMap<AccountName, ProviderSettings>,
    public_url: Option<&Url>,
    places: usize,
) -> Result<HashMap<AccountName, Arc<dyn Provider>>, StartError> {
    let mut providers: HashMap<AccountName, Arc<dyn Provider>> = HashMap::new();
    for (name, settings) in accounts {
        let client = providers::http_client(places).map_err(StartError::Client)?;
        match settings {
            ProviderSettings::Twilio(settings) => {
                let status_callback = public_url.map(|base| below(base, TWILIO_CALLBACK));
                let settings = twilio::Settings { status_callback, ..settings };
                providers.insert(name, Arc::new(twilio::Twilio::new(settings, client)));
            }
            ProviderSettings::Telnyx(settings) => {
                let status_callback = public_url.map(|base| below(base, TELNYX_CALLBACK));
                let settings = telnyx::Settings { status_callback, ..settings };
                providers.insert(name, Arc::new(telnyx::Telnyx::new(settings, client)));
            }
            ProviderSettings::Vonage(settings) => {
                let status_callback = public_url.map(|base| below(base, VONAGE_CALLBACK));
                let settings = vonage::Settings { status_callback, ..settings };
                providers.insert(name, Arc::new(vonage::Vonage::new(settings, client)));
            }
        }
    }
    Ok(providers)
}

/// A path below a base URL that may have a path of its own.
fn below(base: &Url, path: &str) -> Url {
    let mut url = base.clone();
    url.set_path(&format!("{}{path}", base.path().trim_end_matches('/')));
    url
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn callbacks_go_below_the_public_url() {
        for (base, whole) in [
            ("https://sms.example.com", "https://sms.example.com/webhooks/sms/twilio"),
            ("https://example.com/sms/", "https://example.com/sms/webhooks/sms/twilio"),
        ] {
            assert_eq!(below(&base.parse().unwrap(), TWILIO_CALLBACK).as_str(), whole);
        }
    }
}
