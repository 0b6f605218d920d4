//! What a client is told of a message that got no `200`.

use std::time::Duration;

use sendyard_actors::domain::phone::E164;
use sendyard_actors::engine::NotSent;

use super::super::errors::{ApiError, Code};
use super::super::times::Rfc3339;

/// `from` is the sending number of the request; `keyed` says whether it had an idempotency key.
pub(super) fn answer(not_sent: NotSent, from: E164, keyed: bool) -> ApiError {
    match not_sent {
        NotSent::NoAssistant => {
            ApiError::new(Code::NoAssistant, format!("No assistant found for phone number {from}"))
        }
        NotSent::OtherOrganization => ApiError::new(
            Code::OtherOrganization,
            "Unauthorized: phone number belongs to different organization",
        ),
        NotSent::TooLong(sentence) => ApiError::new(Code::MessageTooLong, sentence),
        NotSent::OtherRequest => {
            ApiError::new(Code::IdempotencyMismatch, "This idempotency key was used with a different request")
        }
        NotSent::InProgress(id) => ApiError::new(
            Code::IdempotencyInProgress,
            "The first request with this idempotency key is still running",
        )
        .about(id)
        .retry_after(Duration::from_secs(1)),
        NotSent::ExpiresBefore(earliest) => ApiError::new(
            Code::ExpiresBeforeTurn,
            format!(
                "The message would expire before it can go, which is at {} at the earliest",
                Rfc3339(earliest)
            ),
        )
        .earliest(earliest),
        NotSent::QueueFull(wait) => {
            ApiError::new(Code::QueueFull, format!("The queue of {from} is full")).retry_after(wait)
        }
        NotSent::OrganizationFull(wait) => {
            ApiError::new(Code::QueueFull, "The queues of this organization are full").retry_after(wait)
        }
        NotSent::Busy(wait) => {
            ApiError::new(Code::Busy, "Too many messages are in flight; nothing was stored").retry_after(wait)
        }
        NotSent::ProviderOut(provider) => {
            ApiError::new(Code::SendFailed, format!("Failed to send SMS via {provider}"))
                .provider_code(None)
                .retryable(true)
        }
        NotSent::StoreUnavailable => {
            ApiError::new(Code::StoreUnavailable, "The message store is unavailable; nothing was stored")
        }
        // With a key the repeat finds the first request; without one it would be a second message.
        NotSent::OutcomeUnknown(id) => ApiError::new(
            Code::OutcomeUnknown,
            "Whether the message was stored is not known; ask for its status, \
             or repeat the request with the same idempotency key",
        )
        .about(id)
        .retryable(keyed),
        NotSent::Refused { id, provider, provider_code, retryable } => {
            ApiError::new(Code::SendFailed, format!("Failed to send SMS via {provider}"))
                .about(id)
                .provider_code(provider_code)
                .retryable(retryable)
        }
        NotSent::Unknown { id, provider } => ApiError::new(
            Code::OutcomeUnknown,
            format!("Whether the message was sent via {provider} is not known; ask for its status"),
        )
        .gateway_timeout()
        .about(id),
        NotSent::Stopping => ApiError::new(Code::Stopping, "The service is stopping; nothing was stored"),
    }
}
