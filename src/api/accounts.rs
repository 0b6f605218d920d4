//! `GET /v1/accounts` and `POST /v1/accounts/{name}/close`: how the provider accounts stand.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use sendyard_actors::domain::breaker::Circuit;
use sendyard_actors::domain::ids::{AccountName, ProviderKind};
use sendyard_actors::domain::message::UnknownPolicy;
use sendyard_actors::engine::AccountStanding;
use serde::Serialize;
use utoipa::{IntoResponses, ToSchema};

use super::auth::{Caller, Scope};
use super::errors::{ApiError, Code, Described, keyed};
use super::router::Front;
use super::times::Rfc3339;
use super::words;

/// How the provider accounts stand
///
/// Those of the key's organization, by name. Needs the scope `admin`.
#[utoipa::path(
    get,
    path = "/v1/accounts",
    operation_id = "list_accounts",
    tag = "accounts",
    security(("api_key" = ["admin"])),
    responses((status = 200, description = "All of them", body = AccountsAnswer), ListErrors),
)]
pub(super) async fn list(
    State(front): State<Arc<Front>>,
    caller: Caller,
) -> Result<Json<AccountsAnswer>, ApiError> {
    caller.must(Scope::Admin)?;
    let accounts = front.engine.accounts(caller.organization)?;
    Ok(Json(AccountsAnswer { accounts: accounts.into_iter().map(AccountAnswer::from).collect() }))
}

/// Close the circuit of an account by hand
///
/// For when its cause is mended and the next probe is far away. Places in flight grow again from one.
/// Nothing changes if it is closed. Needs the scope `admin`.
#[utoipa::path(
    post,
    path = "/v1/accounts/{name}/close",
    operation_id = "close_account_circuit",
    tag = "accounts",
    security(("api_key" = ["admin"])),
    params(("name" = String, Path, description = "The account's name in the directory")),
    responses(
        (status = 200, description = "It is closed", body = AccountAnswer),
        CloseErrors,
    ),
)]
pub(super) async fn close(
    State(front): State<Arc<Front>>,
    caller: Caller,
    Path(name): Path<String>,
) -> Result<Json<AccountAnswer>, ApiError> {
    caller.must(Scope::Admin)?;
    let account = AccountName::from(name.as_str());
    let closed = front.engine.close_circuit(caller.organization, &account)?;
    let standing =
        front.engine.accounts(caller.organization)?.into_iter().find(|found| found.name == account);
    let (Some(_), Some(standing)) = (closed, standing) else {
        return Err(ApiError::new(Code::AccountNotFound, format!("There is no account {name}")));
    };
    Ok(Json(standing.into()))
}

/// What the list may answer instead.
struct ListErrors;

impl IntoResponses for ListErrors {
    fn responses() -> Described {
        keyed(&[])
    }
}

/// What closing may answer instead.
struct CloseErrors;

impl IntoResponses for CloseErrors {
    fn responses() -> Described {
        keyed(&[Code::AccountNotFound])
    }
}

/// The accounts of an organization.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({ "accounts": [{
    "name": "acme-twilio",
    "provider": "twilio",
    "unknown_outcome": "hold",
    "circuit": { "state": "closed", "reason": null, "since": null, "probe_at": null },
    "places": { "in_flight": 3, "allowed": 64, "configured": 64 },
}] }))]
pub(super) struct AccountsAnswer {
    /// By name.
    accounts: Vec<AccountAnswer>,
}

/// How one account stands.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "name": "acme-twilio",
    "provider": "twilio",
    "unknown_outcome": "hold",
    "circuit": { "state": "closed", "reason": null, "since": null, "probe_at": null },
    "places": { "in_flight": 1, "allowed": 1, "configured": 64 },
}))]
pub(super) struct AccountAnswer {
    /// Its name in the directory.
    #[schema(value_type = String, example = "acme-twilio")]
    name: String,
    /// `twilio`, `telnyx` or `vonage`.
    #[schema(value_type = words::Provider)]
    provider: ProviderKind,
    /// What follows an unknown outcome: `hold` or `resend`.
    #[schema(value_type = String, example = "hold")]
    unknown_outcome: UnknownPolicy,
    /// Whether its messages go.
    circuit: CircuitAnswer,
    /// Requests in flight.
    places: PlacesAnswer,
}

/// A circuit. Times and reason are null while it is closed.
#[derive(Debug, Serialize, ToSchema)]
struct CircuitAnswer {
    /// `closed`: messages go. `open`: they wait. `probing`: they wait for one that is on its way.
    #[schema(value_type = String, example = "closed")]
    state: &'static str,
    /// `outage` or `configuration`.
    #[schema(required, value_type = Option<String>)]
    reason: Option<&'static str>,
    /// Since when it is open.
    #[schema(required, value_type = Option<String>, format = DateTime)]
    since: Option<Rfc3339>,
    /// When the next message probes it.
    #[schema(required, value_type = Option<String>, format = DateTime)]
    probe_at: Option<Rfc3339>,
}

/// Requests in flight of an account.
#[derive(Debug, Serialize, ToSchema)]
struct PlacesAnswer {
    /// Now.
    in_flight: usize,
    /// At the most, as the provider takes them now.
    allowed: usize,
    /// At the most, as configured.
    configured: usize,
}

impl From<AccountStanding> for AccountAnswer {
    fn from(standing: AccountStanding) -> Self {
        Self {
            name: standing.name.to_string(),
            provider: standing.provider,
            unknown_outcome: standing.unknown_outcome,
            circuit: standing.circuit.into(),
            places: PlacesAnswer {
                in_flight: standing.in_flight,
                allowed: standing.allowed,
                configured: standing.places,
            },
        }
    }
}

impl From<Circuit> for CircuitAnswer {
    fn from(circuit: Circuit) -> Self {
        match circuit {
            Circuit::Closed => Self { state: "closed", reason: None, since: None, probe_at: None },
            Circuit::Open { why, since, probe_at, probing } => Self {
                state: if probing { "probing" } else { "open" },
                reason: Some(why.as_str()),
                since: Some(Rfc3339(since)),
                probe_at: Some(Rfc3339(probe_at)),
            },
        }
    }
}
