//! `/v1/admin/directory`: the directory that the service works with, and how it is changed while it runs. With
//! the token of `http.admin_token`.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Request, State};
use axum::http::HeaderMap;
use sendyard_actors::ports::{Later, StoreError};
use serde::{Deserialize, Serialize};
use utoipa::{IntoResponses, ToSchema};

use super::admin::{AdminErrors, admitted};
use super::errors::{ApiError, Code, Described, described};
use super::json::Object;
use super::limits;
use super::router::Front;
use super::unbuilt;

/// Where the directory in force is from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// `directory.file` of each process.
    File,
    /// It was applied, and the store keeps it.
    Applied,
}

impl Source {
    /// The word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::File => "file",
            Self::Applied => "applied",
        }
    }
}

/// The directory in force.
#[derive(Debug, Clone)]
pub struct InForce {
    /// Where it is from.
    pub source: Source,
    /// Grows with each change, on all processes of a store; 0 before the first.
    pub generation: u64,
    /// How many sending numbers it has.
    pub numbers: usize,
    /// How many provider accounts.
    pub accounts: usize,
    /// How many API keys.
    pub api_keys: usize,
    /// The whole of it as TOML, without secrets.
    pub text: Arc<str>,
}

/// Why another directory is not in force.
#[derive(Debug)]
pub enum NotApplied {
    /// There is a mistake in it: one sentence that starts with the key.
    Refused(String),
    /// The store cannot keep it now.
    Store(StoreError),
    /// A fault of ours.
    Failed,
}

/// Who keeps the directory.
pub trait Desk: Send + Sync + 'static {
    /// The one in force.
    fn in_force(&self) -> InForce;

    /// Checks this TOML whole; if it is good, it is kept and in force before this is answered. Other processes
    /// on the store follow within a second.
    fn apply(&self, text: String) -> Later<Result<InForce, NotApplied>>;

    /// Goes back to `directory.file`, which is read again; so do the other processes, each to its own.
    fn reset(&self) -> Later<Result<InForce, NotApplied>>;

    /// One sentence if what another process applied cannot be gone by here.
    fn trouble(&self) -> Option<String>;
}

/// The directory in force.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({ "source": "applied", "generation": 3, "numbers": 12, "accounts": 2, "api_keys": 4 }))]
pub(super) struct DirectoryAnswer {
    /// Where it is from.
    source: Source,
    /// Grows with each change, on all processes of a store; 0 before the first.
    generation: u64,
    /// How many sending numbers it has.
    numbers: usize,
    /// How many provider accounts.
    accounts: usize,
    /// How many API keys.
    api_keys: usize,
}

impl DirectoryAnswer {
    const fn of(in_force: &InForce) -> Self {
        let InForce { source, generation, numbers, accounts, api_keys, .. } = in_force;
        Self {
            source: *source,
            generation: *generation,
            numbers: *numbers,
            accounts: *accounts,
            api_keys: *api_keys,
        }
    }
}

/// The same, with the whole of it.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "source": "applied",
    "generation": 3,
    "numbers": 12,
    "accounts": 2,
    "api_keys": 4,
    "directory": "[[organizations]]\nid = 1\nname = \"Acme\"\n",
}))]
pub(super) struct WholeDirectoryAnswer {
    #[serde(flatten)]
    facts: DirectoryAnswer,
    /// The whole of it as TOML. No secret is in it: API keys are their SHA-256, providers' secrets where they
    /// are (`env:NAME`, `file:PATH`), or `hidden` where a file has them plain.
    #[schema(value_type = String)]
    directory: Arc<str>,
}

/// Another directory.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(example = json!({ "directory": "[[organizations]]\nid = 1\nname = \"Acme\"\n" }))]
pub(super) struct DirectoryBody {
    /// The whole of it as TOML, as in `directory.file`. Providers' secrets as `env:NAME` or `file:PATH`.
    #[expect(dead_code, reason = "describes the body; it is read by hand")]
    directory: String,
}

/// What a reset may be answered with instead.
struct ResetErrors;

impl IntoResponses for ResetErrors {
    fn responses() -> Described {
        described(&[
            Code::InvalidRequest,
            Code::Unauthorized,
            Code::NotFound,
            Code::StoreUnavailable,
            Code::Internal,
        ])
    }
}

/// What a change may be answered with instead.
struct ApplyErrors;

impl IntoResponses for ApplyErrors {
    fn responses() -> Described {
        described(&[
            Code::InvalidJson,
            Code::InvalidRequest,
            Code::Unauthorized,
            Code::NotFound,
            Code::RequestTimeout,
            Code::BodyTooLarge,
            Code::UnsupportedMediaType,
            Code::StoreUnavailable,
            Code::Internal,
        ])
    }
}

/// The directory in force
///
/// Organizations, their keys, provider accounts, assistants and numbers, as the service works with them, without
/// secrets. Needs the token of `http.admin_token`; without one in the configuration there is no such path.
#[utoipa::path(get, path = "/v1/admin/directory", operation_id = "show_directory", tag = "operations",
    security(("admin_token" = [])),
    responses((status = 200, description = "The directory in force", body = WholeDirectoryAnswer), AdminErrors),
)]
pub(super) async fn show(
    State(front): State<Arc<Front>>,
    headers: HeaderMap,
) -> Result<Json<WholeDirectoryAnswer>, ApiError> {
    let in_force = desk(&front, &headers)?.in_force();
    let facts = DirectoryAnswer::of(&in_force);
    Ok(Json(WholeDirectoryAnswer { facts, directory: in_force.text }))
}

/// Apply another directory
///
/// It replaces the one in force, whole, while the service runs: keys, accounts, numbers and limits are gone by
/// at once here, and within a second on every other process of the store. It is kept in the store, and wins over
/// `directory.file` from then on, also after a restart. It is checked first: a mistake is one sentence that
/// starts with the key, and then nothing is changed. What is queued stays, with the account that it was accepted
/// for; at a number that is gone it waits until the directory has that number again.
#[utoipa::path(put, path = "/v1/admin/directory", operation_id = "apply_directory", tag = "operations",
    security(("admin_token" = [])),
    request_body(content = DirectoryBody),
    responses(
        (status = 200, description = "It is in force", body = DirectoryAnswer),
        ApplyErrors,
    ),
)]
pub(super) async fn apply(
    State(front): State<Arc<Front>>,
    headers: HeaderMap,
    request: Request,
) -> Result<Json<DirectoryAnswer>, ApiError> {
    let desk = desk(&front, &headers)?;
    let body = limits::directory_body(request, front.body_timeout).await?;
    let text = Object::parse(&body)?.required_text("directory")?;
    answer(desk.apply(text).await)
}

/// Go back to the file
///
/// What was applied is forgotten: each process reads its `directory.file` again and goes by it. Also the way to
/// have that file read again.
#[utoipa::path(delete, path = "/v1/admin/directory", operation_id = "reset_directory", tag = "operations",
    security(("admin_token" = [])),
    responses((status = 200, description = "The file is in force", body = DirectoryAnswer), ResetErrors),
)]
pub(super) async fn reset(
    State(front): State<Arc<Front>>,
    headers: HeaderMap,
) -> Result<Json<DirectoryAnswer>, ApiError> {
    answer(desk(&front, &headers)?.reset().await)
}

fn desk<'a>(front: &'a Front, headers: &HeaderMap) -> Result<&'a dyn Desk, ApiError> {
    admitted(front, headers)?;
    front.directory.as_deref().ok_or_else(unbuilt::not_found)
}

fn answer(applied: Result<InForce, NotApplied>) -> Result<Json<DirectoryAnswer>, ApiError> {
    match applied {
        Ok(in_force) => Ok(Json(DirectoryAnswer::of(&in_force))),
        Err(NotApplied::Refused(sentence)) => Err(ApiError::invalid(sentence)),
        Err(NotApplied::Store(error)) => Err(error.into()),
        Err(NotApplied::Failed) => Err(ApiError::internal()),
    }
}
