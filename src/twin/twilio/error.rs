//! What Twilio refuses, and in which words.
//!
//! Source of codes: Twilio's error catalogue. Status and wording as Twilio's test credentials gave
//! them where public programs recorded that, else the catalogue's title.

use axum::http::header::{RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderName, HeaderValue, StatusCode};
use serde::Serialize;

use crate::twin::exchange::{Answer, json_answer};
use crate::twin::verdict::Refusal;

/// A refusal.
#[derive(Debug)]
pub(super) enum TwilioError {
    Authenticate,
    NotFound { path: String },
    TooManyRequests,
    Internal,
    ToMissing,
    ToInvalid { to: String },
    FromMissing,
    FromInvalid { from: String },
    FromNotOwned { from: String },
    ServiceUnknown,
    BodyMissing,
    ServiceBodyMissing,
    BodyTooLong,
    MediaInvalid,
    MediaTooMany,
    OptedOut,
    QueueFull,
}

#[derive(Serialize)]
struct Body<'a> {
    code: u32,
    message: &'a str,
    more_info: &'a str,
    status: u16,
}

impl TwilioError {
    /// `rest` of the path below the account.
    pub(super) fn not_found(account: &str, rest: &str) -> Self {
        Self::NotFound { path: format!("/2010-04-01/Accounts/{account}/{rest}") }
    }

    const fn number(&self) -> u32 {
        match self {
            Self::Authenticate => 20003,
            Self::NotFound { .. } => 20404,
            Self::TooManyRequests => 20429,
            Self::Internal => 20500,
            Self::ToInvalid { .. } => 21211,
            Self::FromInvalid { .. } => 21212,
            Self::BodyMissing => 21602,
            Self::FromMissing => 21603,
            Self::ToMissing => 21604,
            Self::FromNotOwned { .. } => 21606,
            Self::OptedOut => 21610,
            Self::QueueFull => 21611,
            Self::BodyTooLong => 21617,
            Self::ServiceBodyMissing => 21619,
            Self::MediaInvalid => 21620,
            Self::MediaTooMany => 21623,
            Self::ServiceUnknown => 21701,
        }
    }

    const fn status(&self) -> StatusCode {
        match self {
            Self::Authenticate => StatusCode::UNAUTHORIZED,
            Self::NotFound { .. } => StatusCode::NOT_FOUND,
            Self::TooManyRequests | Self::QueueFull => StatusCode::TOO_MANY_REQUESTS,
            Self::Internal => StatusCode::INTERNAL_SERVER_ERROR,
            Self::ToMissing
            | Self::ToInvalid { .. }
            | Self::FromMissing
            | Self::FromInvalid { .. }
            | Self::FromNotOwned { .. }
            | Self::ServiceUnknown
            | Self::BodyMissing
            | Self::ServiceBodyMissing
            | Self::BodyTooLong
            | Self::MediaInvalid
            | Self::MediaTooMany
            | Self::OptedOut => StatusCode::BAD_REQUEST,
        }
    }

    fn message(&self) -> String {
        let fixed = match self {
            Self::NotFound { path } => return format!("The requested resource {path} was not found"),
            Self::ToInvalid { to } => return format!("The 'To' number {to} is not a valid phone number."),
            Self::FromInvalid { from } => {
                return format!(
                    "The 'From' number {from} is not a valid phone number, shortcode, or alphanumeric sender ID."
                );
            }
            Self::FromNotOwned { from } => {
                return format!(
                    "The From phone number {from} is not a valid, SMS-capable inbound phone number or short code \
                     for your account."
                );
            }
            Self::Authenticate => "Authenticate",
            Self::TooManyRequests => "Too Many Requests",
            Self::Internal => "Internal Server Error",
            Self::ToMissing => "A 'To' phone number is required.",
            Self::FromMissing => "A 'From' phone number is required.",
            Self::ServiceUnknown => "The Messaging Service does not exist.",
            Self::BodyMissing => "Message body is required.",
            Self::ServiceBodyMissing => "A Message Body, Media URL or Content SID is required.",
            Self::BodyTooLong => "The concatenated message body exceeds the 1600 character limit",
            Self::MediaInvalid => "Invalid media URL(s)",
            Self::MediaTooMany => "Number of media files exceeds allowed limit",
            Self::OptedOut => "Attempt to send to unsubscribed recipient",
            Self::QueueFull => "SMS queue is full.",
        };
        fixed.to_owned()
    }
}

impl Refusal for TwilioError {
    const WAIT: HeaderName = RETRY_AFTER;

    fn throttled() -> Self {
        Self::TooManyRequests
    }

    fn sender_throttled() -> Self {
        Self::QueueFull
    }

    fn internal() -> Self {
        Self::Internal
    }

    fn code(&self) -> Option<u32> {
        Some(self.number())
    }

    fn answer(&self) -> Answer {
        let code = self.number();
        let status = self.status();
        let more_info = format!("https://www.twilio.com/docs/errors/{code}");
        let body = Body { code, message: &self.message(), more_info: &more_info, status: status.as_u16() };
        let mut answer = json_answer(status, serde_json::to_vec(&body).unwrap_or_default());
        if status == StatusCode::UNAUTHORIZED {
            let challenge = HeaderValue::from_static("Basic realm=\"Twilio API\"");
            answer.headers_mut().insert(WWW_AUTHENTICATE, challenge);
        }
        answer
    }
}
