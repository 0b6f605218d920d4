//! The one form of every error answer. `code` has the closed set of codes, `described` what the
//! description says of them, `page` the page for people.
//!
//! An [`ApiError`] becomes an answer in two steps. Where it arises it is a status, its headers, and
//! itself as an extension; the body names the request's id, which only the outermost layer knows
//! ([`super::request_id`]), so that layer writes it. Nothing in between carries the id along.
//! Invariants: `429` and `503` always tell when to come back, and every error links to its line of help.

use std::borrow::Cow;
use std::time::Duration;

use axum::http::header::{LINK, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use sendyard_actors::domain::ids::MessageId;
use sendyard_actors::domain::time::Time;
use sendyard_actors::engine::Check;
use sendyard_actors::ports::StoreError;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::request_id::RequestId;
use super::times::Rfc3339;

mod code;
mod described;
pub(super) mod page;

pub(super) use code::Code;
pub(super) use described::{Described, described, keyed};

/// The page that explains every code.
pub(super) const HELP_PATH: &str = "/docs/errors";

/// When to come back where nothing better is known, in seconds.
const COME_BACK: u64 = 5;

/// An answer that is not the wanted one.
#[derive(Debug, Clone)]
pub(super) struct ApiError {
    status: StatusCode,
    code: Code,
    detail: Cow<'static, str>,
    retryable: bool,
    /// In seconds, at least 1.
    retry_after: Option<u64>,
    message_id: Option<MessageId>,
    /// `None` leaves the field out; `Some(Null)` says that the provider gave no code.
    provider_code: Option<Value>,
    /// When it can go at the earliest, with `expires_before_turn` only.
    earliest: Option<Box<Rfc3339>>,
    /// Of `/readyz` only. As small as can be, like the rest: it is the error of every function here.
    checks: Option<Box<[CheckAnswer]>>,
}

impl ApiError {
    /// An error with everything that follows from its code. `detail` is for people, one sentence.
    pub(super) fn new(code: Code, detail: impl Into<Cow<'static, str>>) -> Self {
        let status = code.status();
        let must_say_when = matches!(status, StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE);
        Self {
            status,
            code,
            detail: detail.into(),
            retryable: code.is_retryable(),
            retry_after: must_say_when.then_some(COME_BACK),
            message_id: None,
            provider_code: None,
            earliest: None,
            checks: None,
        }
    }

    /// A field or parameter that is missing, mistyped or out of range.
    pub(super) fn invalid(detail: impl Into<Cow<'static, str>>) -> Self {
        Self::new(Code::InvalidRequest, detail)
    }

    /// A fault of ours; says nothing of it.
    pub(super) fn internal() -> Self {
        Self::new(Code::Internal, "Internal server error")
    }

    /// As `504`: the provider did not answer, and coming back would not help.
    pub(super) fn gateway_timeout(self) -> Self {
        Self { status: StatusCode::GATEWAY_TIMEOUT, retry_after: None, ..self }
    }

    /// With `Retry-After`: whole seconds, rounded up, at least 1.
    pub(super) fn retry_after(self, wait: Duration) -> Self {
        let begun_second = u64::from(wait.subsec_nanos() > 0);
        let seconds = wait.as_secs().saturating_add(begun_second).max(1);
        Self { retry_after: Some(seconds), ..self }
    }

    /// With another word on whether to send it again.
    pub(super) fn retryable(self, retryable: bool) -> Self {
        Self { retryable, ..self }
    }

    /// With the message that it is about.
    pub(super) fn about(self, id: MessageId) -> Self {
        Self { message_id: Some(id), ..self }
    }

    /// With the provider's code, `null` if it gave none.
    pub(super) fn provider_code(self, code: Option<String>) -> Self {
        Self { provider_code: Some(code.map_or(Value::Null, Value::String)), ..self }
    }

    /// With the earliest instant at which it can go.
    pub(super) fn earliest(self, at: Time) -> Self {
        Self { earliest: Some(Box::new(Rfc3339(at))), ..self }
    }

    /// With what was looked at.
    pub(super) fn checks(self, checks: Vec<CheckAnswer>) -> Self {
        Self { checks: Some(checks.into_boxed_slice()), ..self }
    }

    /// Its code, as a word.
    pub(super) fn word(&self) -> &'static str {
        self.code.as_str()
    }

    /// Is it a fault of ours that an operator must hear of?
    pub(super) fn is_internal(&self) -> bool {
        self.code == Code::Internal
    }

    /// As the result of one message among several.
    pub(super) fn refused(self) -> RefusedMessage {
        RefusedMessage {
            success: false,
            detail: self.detail,
            code: self.code,
            retryable: self.retryable,
            retry_after: self.retry_after,
            message_id: self.message_id,
            earliest_send_time: self.earliest.map(|at| *at),
        }
    }

    /// The body, as it is sent.
    pub(super) fn body(self, id: &RequestId) -> ErrorBody {
        ErrorBody {
            detail: self.detail,
            code: self.code,
            retryable: self.retryable,
            request_id: id.as_str().to_owned(),
            message_id: self.message_id,
            provider_code: self.provider_code,
            earliest_send_time: self.earliest.map(|at| *at),
            checks: self.checks.map(Vec::from),
        }
    }
}

/// Where the code is explained: in the engine's own pages, which need no internet. Relative, since the
/// engine need not know under which name it is reached.
fn help_link(code: Code) -> String {
    format!("<{HELP_PATH}#{}>; rel=\"help\"", code.as_str())
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let mut response = self.status.into_response();
        let headers = response.headers_mut();
        if let Some(seconds) = self.retry_after {
            headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
        }
        if self.code == Code::Unauthorized {
            headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        if let Ok(link) = HeaderValue::from_str(&help_link(self.code)) {
            headers.insert(LINK, link);
        }
        response.extensions_mut().insert(self);
        response
    }
}

/// Of reads and cancellations, which may all be repeated. What a store says of itself is not for clients.
impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Unanswered | StoreError::Full(_) | StoreError::Unavailable(_) => {
                Self::new(Code::StoreUnavailable, "The message store is unavailable; try again later")
            }
            StoreError::Corrupt(_) => Self::internal(),
        }
    }
}

/// What became of a message of a batch that was not accepted.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct RefusedMessage {
    /// Always false.
    success: bool,
    /// One sentence for people.
    #[schema(value_type = String)]
    detail: Cow<'static, str>,
    /// What went wrong, for programs.
    code: Code,
    /// Whether the same message, sent again later, may pass without going out twice.
    retryable: bool,
    /// When to come back, in whole seconds; null where that would not help.
    #[schema(required)]
    retry_after: Option<u64>,
    /// The message, where it may be stored.
    #[schema(required, value_type = Option<String>, format = Uuid)]
    message_id: Option<MessageId>,
    /// With `expires_before_turn`: when it can go at the earliest.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime, nullable = false)]
    earliest_send_time: Option<Rfc3339>,
}

/// The body of every error.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "detail": "No assistant found for phone number +1234567890",
    "code": "no_assistant",
    "retryable": false,
    "request_id": "4f7c1f6e-6f0f-4b7e-9a43-3f6f5f0f9d7a",
}))]
pub(super) struct ErrorBody {
    /// One sentence for people.
    #[schema(value_type = String)]
    detail: Cow<'static, str>,
    /// What went wrong, for programs.
    code: Code,
    /// Whether the same request, sent again later, may pass without doing anything twice.
    retryable: bool,
    /// The request's id, also in `X-Request-Id`.
    request_id: String,
    /// The message, where the error is about one that may be stored.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = Uuid, nullable = false)]
    message_id: Option<MessageId>,
    /// The provider's code, with `send_failed`; null if it gave none.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    provider_code: Option<Value>,
    /// When the message can go at the earliest, with `expires_before_turn`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime, nullable = false)]
    earliest_send_time: Option<Rfc3339>,
    /// What `/readyz` looked at, with `not_ready`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    checks: Option<Vec<CheckAnswer>>,
}

/// One check of `/readyz`.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(super) struct CheckAnswer {
    /// Its name.
    #[schema(value_type = String, example = "store")]
    check: &'static str,
    /// Whether it passed.
    ok: bool,
    /// Why it did not.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    detail: Option<String>,
}

impl From<Check> for CheckAnswer {
    fn from(check: Check) -> Self {
        Self { check: check.name, ok: check.problem.is_none(), detail: check.problem }
    }
}

#[cfg(test)]
mod tests;
