//! The one form of every error answer, and the closed set of its codes (docs/ERRORS.md).
//!
//! An [`ApiError`] becomes an answer in two steps. Where it arises it is a status, its headers, and
//! itself as an extension; the body names the request's id, which only the outermost layer knows
//! ([`super::request_id`]), so that layer writes it. Nothing in between carries the id along.
//! Invariant: `429` and `503` always tell when to come back.

use std::borrow::Cow;
use std::time::Duration;

use axum::http::header::{RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use sendyard_actors::domain::ids::MessageId;
use sendyard_actors::engine::Check;
use sendyard_actors::ports::StoreError;
use serde::Serialize;
use serde_json::Value;
use utoipa::{IntoResponses, ToSchema};

use super::request_id::RequestId;

/// When to come back where nothing better is known, in seconds.
const COME_BACK: u64 = 5;

/// What went wrong, for programs. docs/ERRORS.md has a line for each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum Code {
    /// No key, or not a known one.
    Unauthorized,
    /// The key lacks the scope.
    MissingScope,
    /// The body is not one JSON object.
    InvalidJson,
    /// A field or parameter is missing, mistyped or out of range.
    InvalidRequest,
    /// A number is not in E.164 form.
    InvalidPhoneNumber,
    /// Described, but not in this version.
    NotSupported,
    /// No such path.
    NotFound,
    /// The path exists, the method does not.
    MethodNotAllowed,
    /// The body did not arrive in time.
    RequestTimeout,
    /// The body is too large.
    BodyTooLarge,
    /// The body is declared as something else than JSON.
    UnsupportedMediaType,
    /// No such message in this organization.
    MessageNotFound,
    /// No such provider account in this organization.
    AccountNotFound,
    /// The outcome of a message is not unknown, so there is nothing to settle.
    NotUnknown,
    /// No assistant has the sending number.
    NoAssistant,
    /// The sending number is another organization's.
    OtherOrganization,
    /// Too long for the provider.
    MessageTooLong,
    /// The idempotency key stands for another request.
    IdempotencyMismatch,
    /// The idempotency key's first request is still running.
    IdempotencyInProgress,
    /// The sender's queue is full.
    QueueFull,
    /// Too much is in flight.
    Busy,
    /// The store cannot serve now.
    StoreUnavailable,
    /// Whether it happened is not known.
    OutcomeUnknown,
    /// An immediate message was definitely refused.
    SendFailed,
    /// The process is stopping.
    Stopping,
    /// The process cannot take requests yet.
    NotReady,
    /// A fault of ours.
    Internal,
}

impl Code {
    /// The word for it, as it is sent and counted.
    const fn word(self) -> &'static str {
        match self {
            Self::Unauthorized => "unauthorized",
            Self::MissingScope => "missing_scope",
            Self::InvalidJson => "invalid_json",
            Self::InvalidRequest => "invalid_request",
            Self::InvalidPhoneNumber => "invalid_phone_number",
            Self::NotSupported => "not_supported",
            Self::NotFound => "not_found",
            Self::MethodNotAllowed => "method_not_allowed",
            Self::RequestTimeout => "request_timeout",
            Self::BodyTooLarge => "body_too_large",
            Self::UnsupportedMediaType => "unsupported_media_type",
            Self::MessageNotFound => "message_not_found",
            Self::AccountNotFound => "account_not_found",
            Self::NotUnknown => "not_unknown",
            Self::NoAssistant => "no_assistant",
            Self::OtherOrganization => "other_organization",
            Self::MessageTooLong => "message_too_long",
            Self::IdempotencyMismatch => "idempotency_mismatch",
            Self::IdempotencyInProgress => "idempotency_in_progress",
            Self::QueueFull => "queue_full",
            Self::Busy => "busy",
            Self::StoreUnavailable => "store_unavailable",
            Self::OutcomeUnknown => "outcome_unknown",
            Self::SendFailed => "send_failed",
            Self::Stopping => "stopping",
            Self::NotReady => "not_ready",
            Self::Internal => "internal",
        }
    }

    /// The status that it is answered with.
    const fn status(self) -> StatusCode {
        match self {
            Self::InvalidJson
            | Self::InvalidRequest
            | Self::InvalidPhoneNumber
            | Self::NotSupported
            | Self::MessageTooLong => StatusCode::BAD_REQUEST,
            Self::Unauthorized => StatusCode::UNAUTHORIZED,
            Self::MissingScope | Self::OtherOrganization => StatusCode::FORBIDDEN,
            Self::NotFound | Self::MessageNotFound | Self::AccountNotFound | Self::NoAssistant => {
                StatusCode::NOT_FOUND
            }
            Self::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
            Self::RequestTimeout => StatusCode::REQUEST_TIMEOUT,
            Self::IdempotencyInProgress | Self::NotUnknown => StatusCode::CONFLICT,
            Self::BodyTooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::UnsupportedMediaType => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::IdempotencyMismatch => StatusCode::UNPROCESSABLE_ENTITY,
            Self::QueueFull => StatusCode::TOO_MANY_REQUESTS,
            Self::SendFailed | Self::Internal => StatusCode::INTERNAL_SERVER_ERROR,
            Self::Busy | Self::StoreUnavailable | Self::OutcomeUnknown | Self::Stopping | Self::NotReady => {
                StatusCode::SERVICE_UNAVAILABLE
            }
        }
    }

    /// Is it safe and sensible to send the same request again? Where it depends, the error says so.
    const fn is_retryable(self) -> bool {
        match self {
            Self::RequestTimeout
            | Self::IdempotencyInProgress
            | Self::QueueFull
            | Self::Busy
            | Self::StoreUnavailable
            | Self::Stopping
            | Self::NotReady => true,
            Self::Unauthorized
            | Self::MissingScope
            | Self::InvalidJson
            | Self::InvalidRequest
            | Self::InvalidPhoneNumber
            | Self::NotSupported
            | Self::NotFound
            | Self::MethodNotAllowed
            | Self::BodyTooLarge
            | Self::UnsupportedMediaType
            | Self::MessageNotFound
            | Self::AccountNotFound
            | Self::NotUnknown
            | Self::NoAssistant
            | Self::OtherOrganization
            | Self::MessageTooLong
            | Self::IdempotencyMismatch
            | Self::OutcomeUnknown
            | Self::SendFailed
            | Self::Internal => false,
        }
    }
}

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
    /// Of `/readyz` only.
    checks: Option<Vec<CheckAnswer>>,
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

    /// With what was looked at.
    pub(super) fn checks(self, checks: Vec<CheckAnswer>) -> Self {
        Self { checks: Some(checks), ..self }
    }

    /// Its code, as a word.
    pub(super) fn word(&self) -> &'static str {
        self.code.word()
    }

    /// Is it a fault of ours that an operator must hear of?
    pub(super) fn is_internal(&self) -> bool {
        self.code == Code::Internal
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
            checks: self.checks,
        }
    }
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

/// What every keyed route may answer; for the description only.
#[derive(IntoResponses)]
#[expect(dead_code, reason = "describes answers; they are made of `ApiError`")]
pub(super) enum KeyedErrors {
    /// No key or not a known one (`unauthorized`).
    #[response(status = 401, headers(("WWW-Authenticate" = String, description = "`Bearer`")))]
    Unauthorized(ErrorBody),
    /// The key lacks the scope (`missing_scope`).
    #[response(status = 403)]
    MissingScope(ErrorBody),
    /// A fault of ours (`internal`).
    #[response(status = 500)]
    Internal(ErrorBody),
    /// The store cannot serve now (`store_unavailable`).
    #[response(status = 503, headers(("Retry-After" = u64, description = "whole seconds, at least 1")))]
    Unavailable(ErrorBody),
}

#[cfg(test)]
mod tests;
