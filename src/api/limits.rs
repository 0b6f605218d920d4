//! What a client may send: how much, how slowly, declared as what.

use std::time::Duration;

use axum::body::{Body, Bytes, HttpBody};
use axum::extract::rejection::{BytesRejection, FailedToBufferBody};
use axum::extract::{DefaultBodyLimit, FromRequest, Request};
use axum::http::HeaderMap;
use axum::http::header::{CONTENT_TYPE, EXPECT};
use futures::StreamExt;
use tokio::time::timeout;

use super::errors::{ApiError, Code};

/// The largest body of one message, in bytes.
const BODY_LIMIT: usize = 64 * 1024;

/// The largest body of a batch, in bytes.
const BATCH_LIMIT: usize = 16 * 1024 * 1024;

/// The largest announced body that is read to its end although it is too large, in bytes.
const DISCARDED: u64 = 64 * 1024 * 1024;

/// For how long it is read.
const DISCARDING: Duration = Duration::from_secs(2);

/// What the body of a batch is declared as where each line is a message of its own.
const LINES: [&str; 4] =
    ["application/x-ndjson", "application/ndjson", "application/jsonl", "application/x-jsonlines"];

/// Reads a whole body that may be JSON, within `patience`. To be called only once the key is checked.
pub(super) async fn json_body(request: Request, patience: Duration) -> Result<Bytes, ApiError> {
    if !may_be_json(request.headers()) {
        let detail = "The request body must be JSON: send Content-Type: application/json";
        return Err(ApiError::new(Code::UnsupportedMediaType, detail));
    }
    let too_large = "The request body is larger than 64 KiB";
    read(request, patience, BODY_LIMIT, too_large).await
}

/// Reads the whole body with a directory, as [`json_body`].
pub(super) async fn directory_body(request: Request, patience: Duration) -> Result<Bytes, ApiError> {
    if !may_be_json(request.headers()) {
        let detail = "The request body must be JSON: send Content-Type: application/json";
        return Err(ApiError::new(Code::UnsupportedMediaType, detail));
    }
    read(request, patience, BATCH_LIMIT, "The request body is larger than 16 MiB").await
}

/// The body of a batch.
pub(super) enum BatchBody {
    /// One JSON array.
    Array(Bytes),
    /// A message in each line.
    Lines(Bytes),
}

/// Reads the whole body of a batch, within `patience`. To be called only once the key is checked.
pub(super) async fn batch_body(request: Request, patience: Duration) -> Result<BatchBody, ApiError> {
    let is_lines = LINES.contains(&declared(request.headers()).unwrap_or_default().as_str());
    if !is_lines && !may_be_json(request.headers()) {
        let detail = "The request body must be a JSON array (Content-Type: application/json) or \
                      a JSON object in each line (application/x-ndjson)";
        return Err(ApiError::new(Code::UnsupportedMediaType, detail));
    }
    let bytes = read(request, patience, BATCH_LIMIT, "The request body is larger than 16 MiB").await?;
    Ok(if is_lines { BatchBody::Lines(bytes) } else { BatchBody::Array(bytes) })
}

async fn read(
    mut request: Request,
    patience: Duration,
    limit: usize,
    too_large: &'static str,
) -> Result<Bytes, ApiError> {
    let too_large = || ApiError::new(Code::BodyTooLarge, too_large);
    let announced = request.body().size_hint().lower();
    if announced > limit as u64 {
        if announced <= DISCARDED && !request.headers().contains_key(EXPECT) {
            discard(request.into_body()).await;
        }
        return Err(too_large());
    }
    DefaultBodyLimit::max(limit).apply(&mut request);
    let Ok(read) = timeout(patience, Bytes::from_request(request, &())).await else {
        return Err(ApiError::new(Code::RequestTimeout, "The request body did not arrive in time"));
    };
    read.map_err(|rejection| match rejection {
        BytesRejection::FailedToBufferBody(FailedToBufferBody::LengthLimitError(_)) => too_large(),
        _ => ApiError::new(Code::InvalidJson, "The request body could not be read to its end"),
    })
}

/// Reads a body to nowhere, for a moment. Most clients look for an answer only once they have sent everything: if the
/// connection ended before, they would say that it broke, and not what was wrong.
async fn discard(body: Body) {
    let mut chunks = body.into_data_stream();
    let to_the_end = async { while let Some(Ok(_)) = chunks.next().await {} };
    // Whoever is slower meets the end of the connection.
    let _ = timeout(DISCARDING, to_the_end).await;
}

/// Undeclared bodies pass: simple clients do not say what they send.
fn may_be_json(headers: &HeaderMap) -> bool {
    if !headers.contains_key(CONTENT_TYPE) {
        return true;
    }
    let Some(essence) = declared(headers) else { return false };
    let structured = essence.starts_with("application/") && essence.ends_with("+json");
    essence == "application/json" || structured
}

/// What the body is declared as, without parameters; none where that cannot be read.
fn declared(headers: &HeaderMap) -> Option<String> {
    let declared = headers.get(CONTENT_TYPE)?.to_str().ok()?;
    Some(declared.split(';').next().unwrap_or_default().trim().to_ascii_lowercase())
}
