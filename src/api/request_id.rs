//! The outermost layer, and the only one: names each request, writes the body of each error, and
//! turns a panic into an answer.

use std::panic::AssertUnwindSafe;

use axum::Json;
use axum::extract::Request;
use axum::http::{HeaderMap, HeaderValue};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use futures::FutureExt;
use sendyard_actors::telemetry::{self, TRACE};
use tracing::Instrument;
use uuid::Uuid;

use super::errors::ApiError;

const HEADER: &str = "x-request-id";

/// Longer ids of clients are replaced.
const LONGEST: usize = 128;

/// The name of one request: the client's own if it is a sane one, else a fresh UUID.
pub(super) struct RequestId(String);

impl RequestId {
    /// Takes over only `[A-Za-z0-9._-]{1,128}`, so that an id is safe in any log and header.
    pub(super) fn of(headers: &HeaderMap) -> Self {
        let given = headers.get(HEADER).and_then(|value| value.to_str().ok());
        let id = given.filter(|id| is_sane(id)).map_or_else(|| Uuid::new_v4().to_string(), str::to_owned);
        Self(id)
    }

    /// The id as text.
    pub(super) fn as_str(&self) -> &str {
        &self.0
    }
}

fn is_sane(id: &str) -> bool {
    let length_fits = (1..=LONGEST).contains(&id.len());
    length_fits && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte))
}

/// The client's own trace, which that of a message is linked to.
fn traceparent(headers: &HeaderMap) -> Option<&str> {
    let given = headers.get("traceparent").and_then(|value| value.to_str().ok())?;
    let is_sane = given.len() == 55 && given.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-');
    is_sane.then_some(given)
}

/// Runs around every route and fallback.
pub(super) async fn identify(request: Request, next: Next) -> Response {
    let id = RequestId::of(request.headers());
    // Off at the usual level, and then free: what it is for is following one message (docs/OPERATIONS.md).
    let traceparent = traceparent(request.headers());
    let span = tracing::debug_span!(target: TRACE, "request", id = id.as_str(), traceparent);
    // Handlers keep nothing across requests, so there is no state that a panic could leave broken.
    let answered = AssertUnwindSafe(next.run(request).instrument(span)).catch_unwind().await;
    let mut response = answered.unwrap_or_else(|_| ApiError::internal().into_response());

    if let Some(error) = response.extensions_mut().remove::<ApiError>() {
        telemetry::api_error(error.word());
        if error.is_internal() {
            tracing::error!(request_id = id.as_str(), "a request failed by a fault of ours");
        }
        response = with_body(response, error, &id);
    }
    if let Ok(value) = HeaderValue::from_str(id.as_str()) {
        response.headers_mut().insert(HEADER, value);
    }
    response
}

/// Keeps status and headers (`Allow` is axum's) and gives the error its body.
fn with_body(bodiless: Response, error: ApiError, id: &RequestId) -> Response {
    let (parts, _) = bodiless.into_parts();
    (parts.status, parts.headers, Json(error.body(id))).into_response()
}
