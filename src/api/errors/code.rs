//! The closed set of error codes, and all that is the same for every error of a code.
//!
//! [`Code::meaning`] is the one table: the status line, the description, `/docs/errors` and
//! docs/ERRORS.md are made of it.

use axum::http::StatusCode;
use serde::{Serialize, Serializer};
use utoipa::ToSchema;

/// What went wrong, for programs. `/docs/errors` explains each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ToSchema)]
#[schema(rename_all = "snake_case")]
pub(in crate::api) enum Code {
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
    /// It would expire before it can go.
    ExpiresBeforeTurn,
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

/// Is it safe and sensible to send the same request again?
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Retry {
    /// Yes.
    Yes,
    /// No.
    No,
    /// Each answer says so of itself; no, where it does not.
    AsSaid,
}

impl Retry {
    /// As the documentation says it.
    pub(super) const fn in_words(self) -> &'static str {
        match self {
            Self::Yes => "yes",
            Self::No => "no",
            Self::AsSaid => "as `retryable` says",
        }
    }
}

/// What is the same for every error of a code.
pub(super) struct Meaning {
    /// The code as it is written.
    pub(super) word: &'static str,
    /// What it is answered with. The first is the usual one.
    pub(super) statuses: &'static [StatusCode],
    /// Whether to send the same request again.
    pub(super) retry: Retry,
    /// A `detail` that it comes with.
    pub(super) example: &'static str,
    /// What happened, for people.
    pub(super) happened: &'static str,
    /// What to do about it, for people.
    pub(super) remedy: &'static str,
}

impl Code {
    /// Every code, in the order of the documentation.
    pub(super) const ALL: [Self; 28] = [
        Self::InvalidJson,
        Self::InvalidRequest,
        Self::InvalidPhoneNumber,
        Self::MessageTooLong,
        Self::NotSupported,
        Self::Unauthorized,
        Self::MissingScope,
        Self::OtherOrganization,
        Self::NoAssistant,
        Self::MessageNotFound,
        Self::AccountNotFound,
        Self::NotFound,
        Self::MethodNotAllowed,
        Self::RequestTimeout,
        Self::IdempotencyInProgress,
        Self::NotUnknown,
        Self::ExpiresBeforeTurn,
        Self::BodyTooLarge,
        Self::UnsupportedMediaType,
        Self::IdempotencyMismatch,
        Self::QueueFull,
        Self::SendFailed,
        Self::Internal,
        Self::Busy,
        Self::StoreUnavailable,
        Self::Stopping,
        Self::NotReady,
        Self::OutcomeUnknown,
    ];

    /// The code as it is written.
    pub(in crate::api) const fn as_str(self) -> &'static str {
        self.meaning().word
    }

    /// The status that it is answered with unless the error says otherwise.
    pub(super) const fn status(self) -> StatusCode {
        match self.meaning().statuses {
            [first, ..] => *first,
            [] => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// Is it safe and sensible to send the same request again? Where it depends, the error says so.
    pub(super) const fn is_retryable(self) -> bool {
        matches!(self.meaning().retry, Retry::Yes)
    }

    /// The one table.
    #[expect(clippy::too_many_lines, reason = "a table, an entry for each code")]
    pub(super) const fn meaning(self) -> Meaning {
        use Retry::{AsSaid, No, Yes};
        match self {
            Self::InvalidJson => Meaning {
                word: "invalid_json",
                statuses: &[StatusCode::BAD_REQUEST],
                retry: No,
                example: "The request body must be a JSON object",
                happened: "The body is not JSON in UTF-8 as the path takes it (one object; of a batch an array, or an object in each line), a field stands in it twice, or it ended early.",
                remedy: "Mend the request.",
            },
            Self::InvalidRequest => Meaning {
                word: "invalid_request",
                statuses: &[StatusCode::BAD_REQUEST],
                retry: No,
                example: "Field 'message' is required and must be a string",
                happened: "A field or parameter is missing, of the wrong type, too long or blank; `detail` names it.",
                remedy: "Mend the request.",
            },
            Self::InvalidPhoneNumber => Meaning {
                word: "invalid_phone_number",
                statuses: &[StatusCode::BAD_REQUEST],
                retry: No,
                example: "Invalid to_phone_number format. Use E.164 format (e.g., +1234567890)",
                happened: "A number is not in E.164 form: a plus sign, then 2 to 15 digits, the first not 0.",
                remedy: "Mend the number.",
            },
            Self::MessageTooLong => Meaning {
                word: "message_too_long",
                statuses: &[StatusCode::BAD_REQUEST],
                retry: No,
                example: "vonage takes at most 1000 characters, and this message has 1200",
                happened: "The sender's provider does not take a message of this size; `detail` names provider, limit and size.",
                remedy: "Shorten it or send parts.",
            },
            Self::NotSupported => Meaning {
                word: "not_supported",
                statuses: &[StatusCode::BAD_REQUEST],
                retry: No,
                example: "This path is not supported by this version",
                happened: "The field, parameter or path is described but not part of this version. Nothing was done.",
                remedy: "Leave it out, or upgrade.",
            },
            Self::Unauthorized => Meaning {
                word: "unauthorized",
                statuses: &[StatusCode::UNAUTHORIZED],
                retry: No,
                example: "Missing or invalid API key",
                happened: "No API key, or not a known one.",
                remedy: "Send `Authorization: Bearer <key>`; `sendyard keys check` says whether the directory has the key.",
            },
            Self::MissingScope => Meaning {
                word: "missing_scope",
                statuses: &[StatusCode::FORBIDDEN],
                retry: No,
                example: "This API key lacks the scope sms:send",
                happened: "The key lacks the scope that `detail` names.",
                remedy: "Use another key, or give this one the scope in the directory.",
            },
            Self::OtherOrganization => Meaning {
                word: "other_organization",
                statuses: &[StatusCode::FORBIDDEN],
                retry: No,
                example: "Unauthorized: phone number belongs to different organization",
                happened: "The sending number belongs to another organization.",
                remedy: "Use a number of your own.",
            },
            Self::NoAssistant => Meaning {
                word: "no_assistant",
                statuses: &[StatusCode::NOT_FOUND],
                retry: No,
                example: "No assistant found for phone number +1234567890",
                happened: "No assistant has the sending number.",
                remedy: "Give the number to an assistant in the directory.",
            },
            Self::MessageNotFound => Meaning {
                word: "message_not_found",
                statuses: &[StatusCode::NOT_FOUND],
                retry: No,
                example: "Message 01a20a14-d8c9-75c1-9f48-59daf0a000a3 not found",
                happened: "No message of your organization has this id.",
                remedy: "Check the id and the key; finished messages go after `engine.message_retention`.",
            },
            Self::AccountNotFound => Meaning {
                word: "account_not_found",
                statuses: &[StatusCode::NOT_FOUND],
                retry: No,
                example: "There is no account acme-twilio",
                happened: "Your organization has no provider account of this name.",
                remedy: "List them with `GET /v1/accounts`.",
            },
            Self::NotFound => Meaning {
                word: "not_found",
                statuses: &[StatusCode::NOT_FOUND],
                retry: No,
                example: "Not found",
                happened: "There is no such path.",
                remedy: "Check the address; `/docs` lists every path.",
            },
            Self::MethodNotAllowed => Meaning {
                word: "method_not_allowed",
                statuses: &[StatusCode::METHOD_NOT_ALLOWED],
                retry: No,
                example: "Method not allowed",
                happened: "The path does not take this method; the header `Allow` lists those that it takes.",
                remedy: "Use one of them.",
            },
            Self::RequestTimeout => Meaning {
                word: "request_timeout",
                statuses: &[StatusCode::REQUEST_TIMEOUT],
                retry: Yes,
                example: "The request body did not arrive in time",
                happened: "The body did not arrive in time. Nothing was done.",
                remedy: "Send it again.",
            },
            Self::IdempotencyInProgress => Meaning {
                word: "idempotency_in_progress",
                statuses: &[StatusCode::CONFLICT],
                retry: Yes,
                example: "The first request with this idempotency key is still running",
                happened: "The first request with this idempotency key is still running.",
                remedy: "Repeat after `Retry-After`, or ask under `message_id`.",
            },
            Self::NotUnknown => Meaning {
                word: "not_unknown",
                statuses: &[StatusCode::CONFLICT],
                retry: No,
                example: "The outcome of this message is known; ask for its status",
                happened: "The outcome of the message is known, or an attempt is under way; `detail` says which.",
                remedy: "Ask for its status.",
            },
            Self::BodyTooLarge => Meaning {
                word: "body_too_large",
                statuses: &[StatusCode::PAYLOAD_TOO_LARGE],
                retry: No,
                example: "The request body is larger than 64 KiB",
                happened: "The body is larger than this path takes; `detail` says how much that is.",
                remedy: "Send less at a time.",
            },
            Self::UnsupportedMediaType => Meaning {
                word: "unsupported_media_type",
                statuses: &[StatusCode::UNSUPPORTED_MEDIA_TYPE],
                retry: No,
                example: "The request body must be JSON: send Content-Type: application/json",
                happened: "`Content-Type` names something that this path does not take.",
                remedy: "Send `application/json`.",
            },
            Self::IdempotencyMismatch => Meaning {
                word: "idempotency_mismatch",
                statuses: &[StatusCode::UNPROCESSABLE_ENTITY],
                retry: No,
                example: "This idempotency key was used with a different request",
                happened: "The idempotency key stands for a different request.",
                remedy: "Use a fresh key for a new message.",
            },
            Self::ExpiresBeforeTurn => Meaning {
                word: "expires_before_turn",
                statuses: &[StatusCode::CONFLICT],
                retry: No,
                example: "The message would expire before it can go, which is at 2026-11-24T07:00:00.000000Z at the earliest",
                happened: "By the queue of its sender, its `send_at` and the quiet hours the message cannot go before it expires. `earliest_send_time` says when it could; nothing was stored.",
                remedy: "Let it be valid for longer, send it in a more urgent lane, or leave it.",
            },
            Self::QueueFull => Meaning {
                word: "queue_full",
                statuses: &[StatusCode::TOO_MANY_REQUESTS],
                retry: Yes,
                example: "The queue of +1234567890 is full",
                happened: "The sender's queue is full, or the queues of the organization together are; the sentence says which. Nothing is stored.",
                remedy: "Repeat after `Retry-After`: then there is room, unless others were faster.",
            },
            Self::SendFailed => Meaning {
                word: "send_failed",
                statuses: &[StatusCode::INTERNAL_SERVER_ERROR],
                retry: AsSaid,
                example: "Failed to send SMS via telnyx",
                happened: "The provider refused an immediate message, could not be reached, or its circuit is open (then there is no `message_id` and nothing is stored, unless another process sends from its number); or that other process has no place free, or did not take it within 5 s; `provider_code` has its code.",
                remedy: "If `retryable`, repeat with the same idempotency key; else see what `provider_code` means at the provider.",
            },
            Self::Internal => Meaning {
                word: "internal",
                statuses: &[StatusCode::INTERNAL_SERVER_ERROR],
                retry: No,
                example: "Internal server error",
                happened: "A fault of ours.",
                remedy: "Tell the operator the `request_id`. With an idempotency key a repeat is safe.",
            },
            Self::Busy => Meaning {
                word: "busy",
                statuses: &[StatusCode::SERVICE_UNAVAILABLE],
                retry: Yes,
                example: "Too many messages are in flight; nothing was stored",
                happened: "Too much is in flight. Nothing is stored.",
                remedy: "Repeat after `Retry-After`.",
            },
            Self::StoreUnavailable => Meaning {
                word: "store_unavailable",
                statuses: &[StatusCode::SERVICE_UNAVAILABLE],
                retry: Yes,
                example: "The message store is unavailable; nothing was stored",
                happened: "The message store cannot serve now. Of a send nothing is stored; other requests may be repeated freely.",
                remedy: "Repeat after `Retry-After`.",
            },
            Self::Stopping => Meaning {
                word: "stopping",
                statuses: &[StatusCode::SERVICE_UNAVAILABLE],
                retry: Yes,
                example: "The service is stopping; nothing was stored",
                happened: "The process is stopping. Nothing is stored.",
                remedy: "Repeat after `Retry-After`.",
            },
            Self::NotReady => Meaning {
                word: "not_ready",
                statuses: &[StatusCode::SERVICE_UNAVAILABLE],
                retry: Yes,
                example: "the store is loading",
                happened: "Only from `/readyz`: the process cannot take requests now; `detail` says why, and `checks` which of its checks fail.",
                remedy: "Wait.",
            },
            Self::OutcomeUnknown => Meaning {
                word: "outcome_unknown",
                statuses: &[StatusCode::SERVICE_UNAVAILABLE, StatusCode::GATEWAY_TIMEOUT],
                retry: AsSaid,
                example: "Whether the message was stored is not known; ask for its status, or repeat the request with the same idempotency key",
                happened: "503: whether the message was stored is not known. 504: an immediate message may have reached the provider.",
                remedy: "Ask under `message_id`. After a 503, a repeat with the same idempotency key is safe; without a key it may send twice.",
            },
        }
    }
}

impl Serialize for Code {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(self.as_str())
    }
}
