//! Configuration: layers, checks, and the sentences that refuse it.
//!
//! Three layers, each over the one before: `config/default.toml` (embedded; it is the reference), a
//! file, and the environment (`SENDYARD__SECTION__KEY`). What comes out is checked whole: nothing
//! behind this module validates a setting again. A mistake is refused with one sentence that starts
//! with the key in full. The environment is an argument, so that nothing here reads the process.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use secrecy::ExposeSecret;
use sendyard_actors::settings::Settings;
use url::Url;

use crate::api::AdminToken;

pub mod directory;
pub mod environment;
mod file;
mod redis_url;
pub mod refusal;
mod secret;
mod toml_layer;
mod values;

pub use directory::Directory;
pub use environment::Environment;
pub use redis_url::RedisUrl;
pub use refusal::Refusal;
pub(crate) use values::parse_duration;

/// The first layer and the reference: every key with its default.
pub const DEFAULTS: &str = include_str!("config/default.toml");

/// The API answers within this, whatever happens: clients give up at 30 s (API.md §2).
const ANSWER_WITHIN: Duration = Duration::from_secs(25);

/// Where messages live.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StoreUrl {
    /// The embedded store, in this directory.
    Redb(PathBuf),
    /// On Redis: one server, the master that Sentinel names, or a Cluster.
    Redis(RedisUrl),
    /// In memory: gone with the process.
    Memory,
}

/// The whole configuration, checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// `http.listen`: where the API listens.
    pub listen: SocketAddr,
    /// `http.public_url`: how providers reach the API; `None` asks for no status callbacks.
    pub public_url: Option<Url>,
    /// `http.body_timeout`: a body that is not whole by then is refused.
    pub body_timeout: Duration,
    /// `http.admin_token`; `None` where it is empty.
    pub admin_token: Option<AdminToken>,
    /// `metrics.listen`: where `/metrics` is; `None` is the API's port.
    pub metrics_listen: Option<SocketAddr>,
    /// `store.url`.
    pub store: StoreUrl,
    /// `store.replicas`: so many of a Redis server's replicas have what is answered; 0 but on Redis.
    pub replicas: u8,
    /// `store.least_free_mib`, in bytes.
    pub least_free: u64,
    /// `[engine]`.
    pub engine: Settings,
    /// `directory.file`.
    pub directory: PathBuf,
    /// `directory.applied`: what was applied wins over the file.
    pub applied: bool,
}

impl Config {
    /// Reads the defaults, then `file` if there is one, then `environment`, and checks the result.
    pub fn load(file: Option<&Path>, environment: &Environment) -> Result<Self, Refusal> {
        let text = file.map(toml_layer::read).transpose()?;
        let named = file.zip(text.as_deref());
        Self::from_layers(named, environment)
    }

    /// As [`Config::load`], with the file's text at hand; its path is for the sentence of a refusal.
    pub fn from_layers(file: Option<(&Path, &str)>, environment: &Environment) -> Result<Self, Refusal> {
        let defaults = toml_layer::parse(Path::new("default.toml"), DEFAULTS)?;
        let mut layers = toml_layer::Layers::from(defaults);
        if let Some((path, text)) = file {
            layers.merge(toml_layer::parse(path, text)?);
        }
        layers.merge_environment(environment);
        checked(layers.extract()?, environment)
    }
}

fn checked(file: file::File, environment: &Environment) -> Result<Config, Refusal> {
    let file::File { http, metrics, store, engine, directory } = file;
    let admin_token = admin_token(&http.admin_token, environment)?;
    refuse_contradictions(&engine)?;
    refuse_replicas(&store)?;
    Ok(Config {
        listen: http.listen,
        public_url: http.public_url,
        body_timeout: http.body_timeout,
        admin_token,
        metrics_listen: metrics.listen,
        store: store.url,
        replicas: store.replicas,
        least_free: store.least_free_mib.saturating_mul(1 << 20),
        engine: Settings {
            begin_by: engine.begin_by,
            attempt_deadline: engine.attempt_deadline,
            margin: engine.margin,
            evidence_deadline: engine.evidence_deadline,
            lease: engine.lease,
            places_in_flight: engine.places_in_flight,
            requests_in_flight: engine.requests_in_flight,
            queue_limit: engine.queue_limit,
            organization_queue_limit: engine.organization_queue_limit,
            idempotency_retention: engine.idempotency_retention,
            message_retention: engine.message_retention,
            idle_after: engine.idle_after,
        },
        directory: directory.file,
        applied: directory.applied,
    })
}

/// Who would have them?
fn refuse_replicas(store: &file::Store) -> Result<(), Refusal> {
    let may_have_some = matches!(&store.url, StoreUrl::Redis(url) if !url.is_cluster());
    if store.replicas == 0 || may_have_some {
        return Ok(());
    }
    let problem = format!(
        "expected 0, as store.url names neither one Redis server nor a master behind Sentinel, found {}",
        store.replicas
    );
    Err(Refusal::new("store.replicas", problem))
}

fn admin_token(text: &str, environment: &Environment) -> Result<Option<AdminToken>, Refusal> {
    if text.is_empty() {
        return Ok(None);
    }
    let secret =
        secret::resolve(text, environment).map_err(|problem| Refusal::new("http.admin_token", problem))?;
    Ok(Some(AdminToken::of(secret.expose_secret())))
}

/// What is well-formed by itself and cannot be true together.
fn refuse_contradictions(engine: &file::Engine) -> Result<(), Refusal> {
    let file::Engine { begin_by, attempt_deadline, idempotency_retention, message_retention, .. } = engine;
    if attempt_deadline > &ANSWER_WITHIN {
        let problem = format!(
            "expected at most {ANSWER_WITHIN:?}, by which the API answers, found {attempt_deadline:?}"
        );
        return Err(Refusal::new("engine.attempt_deadline", problem));
    }
    if begin_by >= attempt_deadline {
        let problem = format!(
            "expected less than engine.attempt_deadline ({attempt_deadline:?}), as an answer takes time too, \
             found {begin_by:?}"
        );
        return Err(Refusal::new("engine.begin_by", problem));
    }
    if idempotency_retention > message_retention {
        let problem = format!(
            "expected at most engine.message_retention ({message_retention:?}), as a key answers with its \
             message, found {idempotency_retention:?}"
        );
        return Err(Refusal::new("engine.idempotency_retention", problem));
    }
    Ok(())
}
