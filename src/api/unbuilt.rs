//! Paths and methods that lead nowhere; and those that the contract describes and this version has
//! not got, which are refused by name rather than denied.

use axum::http::Uri;

use super::auth::Caller;
use super::errors::{ApiError, Code};

/// Who may hear that a path is not built.
#[derive(Debug, Clone, Copy)]
enum Access {
    /// Whoever has a key.
    Keyed,
    /// Anybody: providers bring signatures, not keys.
    Open,
}

/// Where the described paths begin.
const DESCRIBED: [(&str, Access); 7] = [
    ("/v1/", Access::Keyed),
    ("/api/v1/sms-conversations", Access::Keyed),
    ("/api/v1/sms-logs", Access::Keyed),
    ("/webhooks/sms/", Access::Open),
    ("/twilio-sms-webhook", Access::Open),
    ("/telnyx-sms-webhook", Access::Open),
    ("/vonage-sms-webhook", Access::Open),
];

/// Of these everything that is described is there: whatever else begins so leads nowhere.
const BUILT: [&str; 3] = ["/v1/messages/", "/v1/senders/", "/v1/accounts/"];

/// Answers every path without a route.
pub(super) async fn unknown_path(uri: Uri, caller: Result<Caller, ApiError>) -> ApiError {
    if BUILT.iter().any(|start| uri.path().starts_with(start)) {
        return not_found();
    }
    let described = DESCRIBED.into_iter().find(|(start, _)| uri.path().starts_with(start));
    match (described, caller) {
        (None, _) => not_found(),
        (Some((_, Access::Keyed)), Err(unauthorized)) => unauthorized,
        (Some((_, Access::Keyed | Access::Open)), _) => {
            ApiError::new(Code::NotSupported, "This path is not supported by this version")
        }
    }
}

/// Answers a known path with another method. `Allow` is added by axum.
pub(super) async fn unknown_method() -> ApiError {
    ApiError::new(Code::MethodNotAllowed, "Method not allowed")
}

/// No such path.
pub(super) fn not_found() -> ApiError {
    ApiError::new(Code::NotFound, "Not found")
}
