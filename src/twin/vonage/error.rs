//! What Vonage refuses, and in which words.
//!
//! The number stands only in the fragment of `type`. Two things are odd and kept, because clients meet
//! them: the documented body of a 500 has the number of throttling, and some refusals have no number.
//! Source: Vonage's `OpenAPI` description and error catalogue.

use axum::http::header::RETRY_AFTER;
use axum::http::{HeaderName, StatusCode};
use serde::Serialize;
use uuid::Uuid;

use crate::twin::exchange::{Answer, json_answer};
use crate::twin::verdict::Refusal;

/// A refusal.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum VonageError {
    Unauthorized,
    InvalidJson,
    Throttled,
    Internal,
    /// The field that is missing.
    Missing(&'static str),
    /// The field that makes no sense.
    Invalid(&'static str),
    InvalidTtl,
    FromRefused,
    ToInvalid,
}

#[derive(Serialize)]
struct Body<'a> {
    #[serde(rename = "type")]
    kind: String,
    title: &'a str,
    detail: &'a str,
    instance: Uuid,
    #[serde(skip_serializing_if = "Option::is_none")]
    invalid_parameters: Option<[InvalidParameter<'a>; 1]>,
}

#[derive(Serialize)]
struct InvalidParameter<'a> {
    name: &'a str,
    reason: &'a str,
}

impl VonageError {
    const fn number(&self) -> Option<u32> {
        match self {
            Self::Unauthorized | Self::InvalidJson => None,
            Self::Throttled | Self::Internal => Some(1000),
            Self::Missing(_) => Some(1010),
            Self::FromRefused => Some(1120),
            Self::InvalidTtl => Some(1130),
            Self::Invalid(_) => Some(1150),
            Self::ToInvalid => Some(1170),
        }
    }

    const fn status(&self) -> StatusCode {
        match self {
            Self::Unauthorized => StatusCode::UNAUTHORIZED,
            Self::Throttled => StatusCode::TOO_MANY_REQUESTS,
            Self::Internal => StatusCode::INTERNAL_SERVER_ERROR,
            Self::InvalidJson
            | Self::Missing(_)
            | Self::Invalid(_)
            | Self::InvalidTtl
            | Self::FromRefused
            | Self::ToInvalid => StatusCode::UNPROCESSABLE_ENTITY,
        }
    }

    fn kind(&self) -> String {
        match self {
            Self::Unauthorized => "https://developer.vonage.com/api-errors#unauthorized".to_owned(),
            Self::InvalidJson => "https://developer.vonage.com/api-errors#invalid-json".to_owned(),
            Self::Throttled
            | Self::Internal
            | Self::Missing(_)
            | Self::Invalid(_)
            | Self::InvalidTtl
            | Self::FromRefused
            | Self::ToInvalid => {
                let number = self.number().unwrap_or_default();
                format!("https://developer.vonage.com/api-errors/messages#{number}")
            }
        }
    }

    /// Title and detail.
    const fn words(&self) -> (&'static str, &'static str) {
        match self {
            Self::Unauthorized => ("Unauthorized", "You did not provide correct credentials."),
            Self::InvalidJson => ("Invalid JSON", "The request body is not a JSON object."),
            Self::Throttled => ("Throttled", "You have exceeded the submission capacity allowed."),
            Self::Internal => ("Internal error", "There was an error processing your request."),
            Self::Missing(_) => ("Missing params", "A mandatory parameter is missing."),
            Self::Invalid(_) => ("Invalid params", "The value of a parameter is invalid."),
            Self::InvalidTtl => ("Invalid TTL", "The value of ttl is invalid."),
            Self::FromRefused => ("Invalid sender", "The from parameter is invalid for this account."),
            Self::ToInvalid => ("Invalid or missing MSISDN", "The to parameter is no phone number."),
        }
    }

    const fn field(&self) -> Option<&'static str> {
        match self {
            Self::Missing(field) | Self::Invalid(field) => Some(field),
            Self::InvalidTtl => Some("ttl"),
            Self::FromRefused => Some("from"),
            Self::ToInvalid => Some("to"),
            Self::Unauthorized | Self::InvalidJson | Self::Throttled | Self::Internal => None,
        }
    }
}

impl Refusal for VonageError {
    /// Vonage documents no header; a fault that is told to name a time uses the usual one.
    const WAIT: HeaderName = RETRY_AFTER;

    fn throttled() -> Self {
        Self::Throttled
    }

    fn sender_throttled() -> Self {
        Self::Throttled
    }

    fn internal() -> Self {
        Self::Internal
    }

    fn code(&self) -> Option<u32> {
        self.number()
    }

    fn answer(&self) -> Answer {
        let (title, detail) = self.words();
        let invalid_parameters = self.field().map(|name| [InvalidParameter { name, reason: detail }]);
        let body = Body { kind: self.kind(), title, detail, instance: Uuid::new_v4(), invalid_parameters };
        json_answer(self.status(), serde_json::to_vec(&body).unwrap_or_default())
    }
}
