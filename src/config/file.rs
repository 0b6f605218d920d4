//! The configuration as it is written: exactly the keys of `default.toml`.
//!
//! No field has a default here: `default.toml` has them all, which its test holds it to.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use serde::Deserialize;
use url::Url;

use super::{StoreUrl, values};

#[derive(Deserialize)]
#[serde(deny_unknown_fields, expecting = "a table")]
pub(super) struct File {
    pub(super) http: Http,
    pub(super) metrics: Metrics,
    pub(super) store: Store,
    pub(super) engine: Engine,
    pub(super) directory: Directory,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, expecting = "a table")]
pub(super) struct Http {
    #[serde(deserialize_with = "values::address")]
    pub(super) listen: SocketAddr,
    #[serde(deserialize_with = "values::optional_url")]
    pub(super) public_url: Option<Url>,
    pub(super) admin_token: String,
    #[serde(deserialize_with = "values::duration")]
    pub(super) body_timeout: Duration,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, expecting = "a table")]
pub(super) struct Metrics {
    #[serde(deserialize_with = "values::optional_address")]
    pub(super) listen: Option<SocketAddr>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, expecting = "a table")]
pub(super) struct Store {
    #[serde(deserialize_with = "values::store_url")]
    pub(super) url: StoreUrl,
    #[serde(deserialize_with = "values::replicas")]
    pub(super) replicas: u8,
    #[serde(deserialize_with = "values::count")]
    pub(super) least_free_mib: u64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, expecting = "a table")]
pub(super) struct Engine {
    #[serde(deserialize_with = "values::duration")]
    pub(super) begin_by: Duration,
    #[serde(deserialize_with = "values::duration")]
    pub(super) attempt_deadline: Duration,
    #[serde(deserialize_with = "values::duration")]
    pub(super) margin: Duration,
    #[serde(deserialize_with = "values::duration")]
    pub(super) evidence_deadline: Duration,
    #[serde(deserialize_with = "values::duration")]
    pub(super) lease: Duration,
    #[serde(deserialize_with = "values::count")]
    pub(super) places_in_flight: usize,
    #[serde(deserialize_with = "values::count")]
    pub(super) requests_in_flight: usize,
    #[serde(deserialize_with = "values::count")]
    pub(super) queue_limit: u64,
    #[serde(deserialize_with = "values::count")]
    pub(super) organization_queue_limit: u64,
    #[serde(deserialize_with = "values::duration")]
    pub(super) idempotency_retention: Duration,
    #[serde(deserialize_with = "values::duration")]
    pub(super) message_retention: Duration,
    #[serde(deserialize_with = "values::duration")]
    pub(super) idle_after: Duration,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, expecting = "a table")]
pub(super) struct Directory {
    #[serde(deserialize_with = "values::path")]
    pub(super) file: PathBuf,
    pub(super) applied: bool,
}
