//! `GET /sms/{message_id}/status` and its twin: where one message stands.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use sendyard_actors::domain::ids::{MessageId, ProviderKind};
use sendyard_actors::domain::message::{AttemptResult, Message, Shown, State as Stage};
use sendyard_actors::domain::outcome::Class;
use serde::Serialize;
use utoipa::{IntoResponses, ToSchema};

use super::auth::{Caller, Scope};
use super::errors::{ApiError, Code, Described, keyed};
use super::message_id::AskedId;
use super::router::Front;
use super::times::Rfc3339;
use super::words;

/// Where a message stands
///
/// Needs the scope `sms:read`.
#[utoipa::path(
    get,
    path = "/sms/{message_id}/status",
    operation_id = "get_message_status",
    tag = "messages",
    security(("api_key" = ["sms:read"])),
    params(("message_id" = String, Path, description = "The id from the answer to `POST /sms/send`")),
    responses(
        (status = 200, description = "Its status", body = StatusAnswer),
        StatusErrors,
    ),
)]
pub(super) async fn status(
    State(front): State<Arc<Front>>,
    caller: Caller,
    asked: AskedId,
) -> Result<Json<StatusAnswer>, ApiError> {
    caller.must(Scope::SmsRead)?;
    let found = front.engine.message(caller.organization, asked.id()?).await?;
    let message = found.ok_or_else(|| asked.not_found())?;
    Ok(Json(StatusAnswer::of(&message)))
}

/// Where a message stands
///
/// The same as `GET /sms/{message_id}/status`.
#[utoipa::path(
    get,
    path = "/sms/status/{message_id}",
    operation_id = "get_message_status_by_prefix",
    tag = "messages",
    security(("api_key" = ["sms:read"])),
    params(("message_id" = String, Path, description = "The id from the answer to `POST /sms/send`")),
    responses(
        (status = 200, description = "Its status", body = StatusAnswer),
        StatusErrors,
    ),
)]
pub(super) async fn status_by_prefix(
    front: State<Arc<Front>>,
    caller: Caller,
    asked: AskedId,
) -> Result<Json<StatusAnswer>, ApiError> {
    status(front, caller, asked).await
}

/// What both may answer instead.
struct StatusErrors;

impl IntoResponses for StatusErrors {
    fn responses() -> Described {
        keyed(&[Code::MessageNotFound])
    }
}

/// The status of a message.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "success": true,
    "message_id": "01a20a14-d8c9-75c1-9f48-59daf0a000a3",
    "status": "sent",
    "provider": "telnyx",
    "provider_message_id": "40385f64-5717-4562-b3fc-2c963f66afa6",
    "provider_status": "queued",
    "error": null,
    "error_code": null,
    "error_message": null,
    "retryable": null,
    "segments": 1,
    "attempts": 1,
    "queued_at": "2026-11-23T20:24:28.105979Z",
    "sent_at": "2026-11-23T20:24:28.412001Z",
    "delivered_at": null,
    "updated_at": "2026-11-23T20:24:28.412001Z",
}))]
pub(super) struct StatusAnswer {
    /// Always true.
    success: bool,
    /// The message.
    #[schema(value_type = String, format = Uuid)]
    message_id: MessageId,
    /// `queued`, `sending`, `sent`, `failed` or `cancelled`.
    #[schema(value_type = words::Status)]
    status: &'static str,
    /// `twilio`, `telnyx` or `vonage`.
    #[schema(value_type = words::Provider)]
    provider: ProviderKind,
    /// The provider's own id.
    #[schema(required)]
    provider_message_id: Option<String>,
    /// The provider's own word; `unknown` while nobody knows whether it has the message.
    #[schema(required)]
    provider_status: Option<String>,
    /// One sentence, of a failed message.
    #[schema(required, value_type = Option<String>)]
    error: Option<&'static str>,
    /// The provider's code, of a failed message.
    #[schema(required)]
    error_code: Option<String>,
    /// What the provider said, of a failed message.
    #[schema(required)]
    error_message: Option<String>,
    /// Whether the same message, sent anew, may pass; of a failed message.
    #[schema(required)]
    retryable: Option<bool>,
    /// Segments as the provider counts them, else by our own count.
    segments: u16,
    /// How often a hand-over was begun.
    attempts: u16,
    /// When it was accepted.
    #[schema(value_type = String, format = DateTime)]
    queued_at: Rfc3339,
    /// When it was handed over, of a sent message.
    #[schema(required, value_type = Option<String>, format = DateTime)]
    sent_at: Option<Rfc3339>,
    /// When the recipient got it, if a receipt said so.
    #[schema(required, value_type = Option<String>, format = DateTime)]
    delivered_at: Option<Rfc3339>,
    /// When anything of this last changed.
    #[schema(value_type = String, format = DateTime)]
    updated_at: Rfc3339,
}

impl StatusAnswer {
    pub(super) fn of(message: &Message) -> Self {
        let shown = message.shown();
        let failed = shown == Shown::Failed;
        let refusal = message.refusal.as_ref().filter(|_| failed);
        Self {
            success: true,
            message_id: message.draft.id,
            status: shown.as_str(),
            provider: message.draft.provider,
            provider_message_id: message.provider_id.clone(),
            provider_status: provider_status(message),
            error: failed.then(|| refusal.map_or(NEVER_HANDED_OVER, |refusal| sentence(refusal.class))),
            error_code: refusal.and_then(|refusal| refusal.code.clone()),
            error_message: refusal.map(|refusal| refusal.detail.clone()),
            // Without a refusal it was never handed over, and nothing speaks against it.
            retryable: failed.then(|| refusal.is_none_or(|refusal| refusal.class.is_retryable())),
            segments: message.provider_segments.unwrap_or(message.draft.segments),
            attempts: attempts(message),
            queued_at: Rfc3339(message.accepted_at),
            sent_at: message.sent_at.filter(|_| shown == Shown::Sent).map(Rfc3339),
            delivered_at: None,
            updated_at: Rfc3339(message.updated_at),
        }
    }
}

/// `unknown` while a message that may have reached the provider waits for evidence, or to be resent.
fn provider_status(message: &Message) -> Option<String> {
    let in_doubt = match message.state {
        Stage::Unknown => true,
        Stage::Queued => !message.unresolved.is_empty(),
        Stage::Scheduled
        | Stage::Sending
        | Stage::Sent
        | Stage::Failed
        | Stage::Cancelled
        | Stage::Offered => false,
    };
    if in_doubt { Some("unknown".to_owned()) } else { message.provider_status.clone() }
}

/// The attempts that the record keeps tell it exactly; of a message with more, the count of those
/// that ended does, without the last.
fn attempts(message: &Message) -> u16 {
    let begun = message.attempts.iter().filter(|attempt| attempt.result != AttemptResult::NeverBegun).count();
    u16::try_from(begun).unwrap_or(u16::MAX).max(message.tries)
}

/// Of a failed message that no provider refused.
const NEVER_HANDED_OVER: &str = "The message was not handed over";

const fn sentence(class: Class) -> &'static str {
    match class {
        Class::Recipient => "The recipient cannot be reached",
        Class::Request => "The provider refused the request",
        Class::Content => "The content was blocked",
        Class::OptedOut => "The recipient has opted out",
        Class::Configuration => "The provider account is not set up for it",
        Class::Sender => "The sending number is not set up for it",
        Class::Retry => "The provider could not take the message in time",
        Class::NextWindow => "The carrier's daily limit was reached",
        Class::Expired => "The message expired before it could be handed over",
    }
}

#[cfg(test)]
mod tests;
