//! What Telnyx refuses, and in which words.
//!
//! Source of codes and titles: Telnyx's pages on API errors and messaging error codes. They name no
//! HTTP status but 429 for 10011 and 422 for a key met again; the others are as public programs
//! recorded them, else 400.

use axum::http::{HeaderName, StatusCode};
use serde::Serialize;

use super::RESET;
use crate::twin::exchange::{Answer, json_answer};
use crate::twin::verdict::Refusal;

/// A refusal.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum TelnyxError {
    Authenticate,
    NotFound,
    TooManyRequests,
    Internal,
    KeyInvalid,
    KeyReused,
    Malformed,
    /// The field that is missing.
    Missing(&'static str),
    /// The field that makes no sense.
    Invalid(&'static str),
    UrlInvalid(&'static str),
    ToInvalid,
    FromInvalid,
    NameWithoutProfile,
    Contradiction,
    NothingToSay,
    TooLong,
    MediaInvalid,
    OptedOut,
    QueueFull,
    SenderTooFast,
}

#[derive(Serialize)]
struct Body<'a> {
    errors: [Entry<'a>; 1],
}

#[derive(Serialize)]
struct Entry<'a> {
    code: &'a str,
    title: &'a str,
    detail: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    source: Option<Source>,
    meta: Meta,
}

#[derive(Serialize)]
struct Source {
    pointer: String,
}

#[derive(Serialize)]
struct Meta {
    url: String,
}

impl TelnyxError {
    const fn number(&self) -> u32 {
        match self {
            Self::UrlInvalid(_) => 10003,
            Self::Missing(_) => 10004,
            Self::NotFound => 10005,
            Self::Internal => 10007,
            Self::Authenticate => 10009,
            Self::TooManyRequests => 10011,
            Self::KeyInvalid | Self::KeyReused | Self::Malformed | Self::Invalid(_) => 10015,
            Self::SenderTooFast => 40011,
            Self::OptedOut => 40300,
            Self::TooLong => 40302,
            Self::Contradiction => 40304,
            Self::FromInvalid => 40305,
            Self::NameWithoutProfile => 40306,
            Self::ToInvalid => 40310,
            Self::NothingToSay => 40316,
            Self::MediaInvalid => 40317,
            Self::QueueFull => 40318,
        }
    }

    const fn status(&self) -> StatusCode {
        match self {
            Self::Authenticate => StatusCode::UNAUTHORIZED,
            Self::OptedOut => StatusCode::FORBIDDEN,
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::KeyReused => StatusCode::UNPROCESSABLE_ENTITY,
            Self::TooManyRequests | Self::QueueFull | Self::SenderTooFast => StatusCode::TOO_MANY_REQUESTS,
            Self::Internal => StatusCode::INTERNAL_SERVER_ERROR,
            Self::KeyInvalid
            | Self::Malformed
            | Self::Missing(_)
            | Self::Invalid(_)
            | Self::UrlInvalid(_)
            | Self::ToInvalid
            | Self::FromInvalid
            | Self::NameWithoutProfile
            | Self::Contradiction
            | Self::NothingToSay
            | Self::TooLong
            | Self::MediaInvalid => StatusCode::BAD_REQUEST,
        }
    }

    /// Title and detail.
    const fn words(&self) -> (&'static str, &'static str) {
        match self {
            Self::Authenticate => ("Authentication failed", "The API key is missing, malformed or unknown."),
            Self::NotFound => ("Resource not found", "There is no such message."),
            Self::TooManyRequests => {
                ("Too many requests", "You have exceeded the maximum number of allowed requests.")
            }
            Self::Internal => ("Unexpected error", "An unexpected error occurred."),
            Self::KeyInvalid => ("Bad Request", "The Idempotency-Key must match ^[A-Za-z0-9_:-]{1,255}$."),
            Self::KeyReused => ("Bad Request", "The Idempotency-Key was used with another request."),
            Self::Malformed => ("Bad Request", "The body must be a JSON object."),
            Self::Missing(_) => ("Missing required parameter", "A required parameter was missing."),
            Self::Invalid(_) => ("Bad Request", "The parameter's value is not one of those allowed."),
            Self::UrlInvalid(_) => {
                ("Invalid URL", "The URL must be http or https, of at most 2000 characters.")
            }
            Self::ToInvalid => {
                ("Invalid 'to' address", "The 'to' address must be a number in +E.164 format.")
            }
            Self::FromInvalid => (
                "Invalid 'from' address",
                "The 'from' address must be a number, short code or alphanumeric sender of this account.",
            ),
            Self::NameWithoutProfile => {
                ("Alpha sender not configured", "An alphanumeric sender needs a messaging profile.")
            }
            Self::Contradiction => {
                ("Invalid combination of message content", "A message of type SMS has no media.")
            }
            Self::NothingToSay => ("No content provided", "The message has neither text nor media."),
            Self::TooLong => ("Message too large", "The message must not need more than 10 parts."),
            Self::MediaInvalid => ("Invalid MMS content", "At most 10 media, each an http or https URL."),
            Self::OptedOut => {
                ("Blocked due to STOP message", "Messages cannot be sent due to an existing block rule.")
            }
            Self::SenderTooFast => ("Too many requests", "The sender's rate with the carrier is exceeded."),
            Self::QueueFull => ("Message queue full", "The message would wait for more than 4 hours."),
        }
    }

    const fn field(&self) -> Option<&'static str> {
        match self {
            Self::Missing(field) | Self::Invalid(field) | Self::UrlInvalid(field) => Some(field),
            Self::ToInvalid | Self::OptedOut => Some("to"),
            Self::FromInvalid | Self::NameWithoutProfile | Self::QueueFull | Self::SenderTooFast => {
                Some("from")
            }
            Self::Contradiction => Some("type"),
            Self::TooLong => Some("text"),
            Self::MediaInvalid => Some("media_urls"),
            Self::Authenticate
            | Self::NotFound
            | Self::TooManyRequests
            | Self::Internal
            | Self::KeyInvalid
            | Self::KeyReused
            | Self::Malformed
            | Self::NothingToSay => None,
        }
    }
}

impl Refusal for TelnyxError {
    /// Telnyx documents no `Retry-After`.
    const WAIT: HeaderName = RESET;

    fn throttled() -> Self {
        Self::TooManyRequests
    }

    fn sender_throttled() -> Self {
        Self::SenderTooFast
    }

    fn internal() -> Self {
        Self::Internal
    }

    fn code(&self) -> Option<u32> {
        Some(self.number())
    }

    fn answer(&self) -> Answer {
        let code = self.number().to_string();
        let (title, detail) = self.words();
        let source = self.field().map(|field| Source { pointer: format!("/{field}") });
        let meta = Meta { url: format!("https://developers.telnyx.com/docs/overview/errors/{code}") };
        let body = Body { errors: [Entry { code: &code, title, detail, source, meta }] };
        json_answer(self.status(), serde_json::to_vec(&body).unwrap_or_default())
    }
}
