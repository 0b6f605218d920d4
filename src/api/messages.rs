//! `POST /sms/send`: one message in.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Request, State};
use axum::http::HeaderValue;
use axum::response::{IntoResponse, Response};
use sendyard_actors::domain::fingerprint::Fingerprint;
use sendyard_actors::domain::ids::{MessageId, ProviderKind};
use sendyard_actors::domain::message::{Kind, Shown};
use sendyard_actors::engine::{SendRequest, Sent};
use serde::Serialize;
use utoipa::ToSchema;

use self::form::SendForm;
use super::auth::{Caller, Scope};
use super::errors::{ApiError, ErrorBody};
use super::limits;
use super::router::Front;
use super::times::Rfc3339;

mod form;
mod refusal;

/// Send a message
///
/// Queues one SMS or MMS on its sender's own track, or hands it over at once with `"queue": false`.
/// A queued message is on stable storage before the answer. Needs the scope `sms:send`.
#[utoipa::path(
    post,
    path = "/sms/send",
    tag = "messages",
    security(("api_key" = [])),
    params(
        ("Idempotency-Key" = Option<String>, Header,
            description = "Up to 256 characters. Wins over the field; empty counts as absent. \
                The same key and request get the first answer again."),
    ),
    request_body(content = SendForm, example = json!({
        "from_phone_number": "+1234567890",
        "to_phone_number": "+1555123456",
        "message": "Hello from Sendyard",
    })),
    responses(
        (status = 200, description = "Accepted, or sent where it was immediate", body = SendAnswer,
            headers(("Idempotent-Replayed" = String, description = "`true` on an earlier request's answer"))),
        (status = 400, body = ErrorBody, description = "`invalid_json`, `invalid_request`, \
            `invalid_phone_number`, `message_too_long`, `not_supported`"),
        (status = 401, body = ErrorBody, description = "`unauthorized`",
            headers(("WWW-Authenticate" = String, description = "`Bearer`"))),
        (status = 403, body = ErrorBody, description = "`missing_scope`, `other_organization`"),
        (status = 404, body = ErrorBody, description = "`no_assistant`"),
        (status = 408, body = ErrorBody, description = "`request_timeout`"),
        (status = 409, body = ErrorBody, description = "`idempotency_in_progress`, with `message_id`",
            headers(("Retry-After" = u64, description = "whole seconds, at least 1"))),
        (status = 413, body = ErrorBody, description = "`body_too_large`: over 64 KiB"),
        (status = 415, body = ErrorBody, description = "`unsupported_media_type`: declared, but not as JSON"),
        (status = 422, body = ErrorBody, description = "`idempotency_mismatch`"),
        (status = 429, body = ErrorBody, description = "`queue_full`; nothing is stored",
            headers(("Retry-After" = u64, description = "whole seconds until there is room"))),
        (status = 500, body = ErrorBody, description = "`send_failed`, with `message_id` and \
            `provider_code`: an immediate message was refused; `internal`"),
        (status = 503, body = ErrorBody, description = "`busy`, `store_unavailable`, `stopping`: nothing is \
            stored; `outcome_unknown`: may be stored under `message_id`",
            headers(("Retry-After" = u64, description = "whole seconds, at least 1"))),
        (status = 504, body = ErrorBody, description = "`outcome_unknown`, with `message_id`: an immediate \
            message may have reached the provider"),
    ),
)]
pub(super) async fn send(
    State(front): State<Arc<Front>>,
    caller: Caller,
    request: Request,
) -> Result<Response, ApiError> {
    caller.must(Scope::SmsSend)?;
    let key_header = request.headers().get("idempotency-key").cloned();
    let body = limits::json_body(request, front.body_timeout).await?;
    let form = SendForm::parse(&body, key_header.as_ref())?;

    let from = form.from_phone_number;
    let keyed = form.idempotency_key.is_some();
    match front.engine.send(to_engine(caller, form)).await {
        Ok(sent) => Ok(answer(&sent)),
        Err(not_sent) => Err(refusal::answer(not_sent, from, keyed)),
    }
}

fn to_engine(caller: Caller, form: SendForm) -> SendRequest {
    let SendForm {
        from_phone_number: from,
        to_phone_number: to,
        message,
        media_urls,
        queue,
        lane,
        idempotency_key,
    } = form;
    SendRequest {
        organization: caller.organization,
        from,
        to,
        fingerprint: Fingerprint::of_lane(from, to, &message, &media_urls, queue, lane),
        text: message,
        media: media_urls,
        kind: if queue { Kind::Queued } else { Kind::Immediate },
        lane,
        key: idempotency_key,
    }
}

fn answer(sent: &Sent) -> Response {
    let mut response = Json(SendAnswer::of(sent)).into_response();
    if sent.replayed {
        response.headers_mut().insert("idempotent-replayed", HeaderValue::from_static("true"));
    }
    response
}

/// An accepted message.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct SendAnswer {
    /// Always true.
    success: bool,
    /// The message's id, always ours.
    #[schema(value_type = String, format = Uuid)]
    message_id: MessageId,
    /// One sentence for people.
    message: String,
    /// `twilio`, `telnyx` or `vonage`.
    #[schema(value_type = String, example = "telnyx")]
    provider: ProviderKind,
    /// `queued`, or `sent` for an immediate one.
    #[schema(value_type = String, example = "queued")]
    status: &'static str,
    /// False for an immediate one.
    queued: bool,
    /// Place in its sender's queue, from 1; null for an immediate one.
    #[schema(required)]
    queue_position: Option<u64>,
    /// When it is expected to be handed over; null for an immediate one.
    #[schema(required, value_type = Option<String>, format = DateTime)]
    estimated_send_time: Option<Rfc3339>,
    /// How many segments it costs, by our own count.
    segments: u16,
    /// `GSM-7` or `UCS-2`.
    #[schema(value_type = String, example = "GSM-7")]
    encoding: &'static str,
}

impl SendAnswer {
    fn of(sent: &Sent) -> Self {
        let (done, status) = match sent.queued {
            Some(_) => ("queued", Shown::Queued),
            None => ("sent", Shown::Sent),
        };
        Self {
            success: true,
            message_id: sent.id,
            message: format!("SMS {done} successfully via {}", sent.provider),
            provider: sent.provider,
            status: status.as_str(),
            queued: sent.queued.is_some(),
            queue_position: sent.queued.map(|queued| queued.position),
            estimated_send_time: sent.queued.map(|queued| Rfc3339(queued.estimate)),
            segments: sent.segments,
            encoding: sent.encoding.as_str(),
        }
    }
}

#[cfg(test)]
mod tests;
