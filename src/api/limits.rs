//! What a client may send: how much, how slowly, declared as what.

use std::time::Duration;

use axum::body::{Bytes, HttpBody};
use axum::extract::rejection::{BytesRejection, FailedToBufferBody};
use axum::extract::{DefaultBodyLimit, FromRequest, Request};
use axum::http::HeaderMap;
use axum::http::header::CONTENT_TYPE;
use tokio::time::timeout;

use super::errors::{ApiError, Code};

/// The largest body, in bytes.
const BODY_LIMIT: usize = 64 * 1024;

/// Reads a whole body that may be JSON, within `patience`. To be called only once the key is checked.
pub(super) async fn json_body(mut request: Request, patience: Duration) -> Result<Bytes, ApiError> {
    if !may_be_json(request.headers()) {
        let detail = "The request body must be JSON: send Content-Type: application/json";
        return Err(ApiError::new(Code::UnsupportedMediaType, detail));
    }
    let announced = request.body().size_hint().lower();
    if announced > BODY_LIMIT as u64 {
        return Err(too_large());
    }
    DefaultBodyLimit::max(BODY_LIMIT).apply(&mut request);
    let Ok(read) = timeout(patience, Bytes::from_request(request, &())).await else {
        return Err(ApiError::new(Code::RequestTimeout, "The request body did not arrive in time"));
    };
    read.map_err(|rejection| match rejection {
        BytesRejection::FailedToBufferBody(FailedToBufferBody::LengthLimitError(_)) => too_large(),
        _ => ApiError::new(Code::InvalidJson, "The request body could not be read to its end"),
    })
}

fn too_large() -> ApiError {
    ApiError::new(Code::BodyTooLarge, "The request body is larger than 64 KiB")
}

/// Undeclared bodies pass: simple clients do not say what they send.
fn may_be_json(headers: &HeaderMap) -> bool {
    let Some(declared) = headers.get(CONTENT_TYPE) else { return true };
    let Ok(declared) = declared.to_str() else { return false };
    let essence = declared.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let structured = essence.starts_with("application/") && essence.ends_with("+json");
    essence == "application/json" || structured
}
