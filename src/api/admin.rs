//! `POST /v1/admin/drain`: the process ends as with SIGTERM. With the token of `http.admin_token`, which
//! belongs to whoever runs the process and to no organization.

use std::fmt;
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::HeaderMap;
use serde::Serialize;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use tokio::sync::Notify;
use utoipa::{IntoResponses, ToSchema};

use super::auth::bearer;
use super::errors::{ApiError, Code, Described, described};
use super::router::Front;
use super::unbuilt;

/// The token of the admin paths, known only by its digest.
#[derive(Clone, PartialEq, Eq)]
pub struct AdminToken([u8; 32]);

impl AdminToken {
    /// Of this secret.
    pub fn of(secret: &str) -> Self {
        Self(Sha256::digest(secret.as_bytes()).into())
    }

    fn is(&self, presented: &[u8]) -> bool {
        let presented: [u8; 32] = Sha256::digest(presented).into();
        self.0.ct_eq(&presented).into()
    }
}

/// Without the digest.
impl fmt::Debug for AdminToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AdminToken")
    }
}

/// How the process is asked to end by an admin path.
#[derive(Debug)]
pub struct Drain {
    /// Who may ask.
    pub token: AdminToken,
    /// Told when it is asked.
    pub asked: Arc<Notify>,
}

/// Refuses whoever has not got the token; there is no admin path where no token is configured.
pub(super) fn admitted<'a>(front: &'a Front, headers: &HeaderMap) -> Result<&'a Drain, ApiError> {
    let Some(drain) = &front.drain else { return Err(unbuilt::not_found()) };
    if !bearer(headers).is_some_and(|presented| drain.token.is(presented)) {
        return Err(ApiError::new(Code::Unauthorized, "Missing or invalid admin token"));
    }
    Ok(drain)
}

/// What follows.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct DrainAnswer {
    /// Always `draining`.
    #[schema(value_type = String, example = "draining")]
    status: &'static str,
}

/// Drain the process and end it
///
/// As SIGTERM does: it is not ready any more and takes nothing new in, what is in flight finishes, its shards
/// are given up, and the process ends within `engine.attempt_deadline` and a little. Needs the token of
/// `http.admin_token`; without one in the configuration there is no such path.
#[utoipa::path(post, path = "/v1/admin/drain", operation_id = "drain", tag = "operations",
    security(("admin_token" = [])),
    responses((status = 200, description = "It drains", body = DrainAnswer), AdminErrors),
)]
pub(super) async fn drain(
    State(front): State<Arc<Front>>,
    headers: HeaderMap,
) -> Result<Json<DrainAnswer>, ApiError> {
    let drain = admitted(&front, &headers)?;
    tracing::info!("draining, as an admin path was asked to");
    drain.asked.notify_one();
    Ok(Json(DrainAnswer { status: "draining" }))
}

/// What an admin path answers without the token, and where none is configured.
pub(super) struct AdminErrors;

impl IntoResponses for AdminErrors {
    fn responses() -> Described {
        described(&[Code::Unauthorized, Code::NotFound])
    }
}
