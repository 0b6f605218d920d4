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
use utoipa::{IntoResponses, ToSchema};

use self::form::SendForm;
use self::timed::Timed;
use super::auth::{Caller, Scope};
use super::errors::{ApiError, Code, Described, keyed};
use super::limits;
use super::router::Front;
use super::times::Rfc3339;
use super::words;

pub(super) mod batch;
mod form;
pub(super) mod noted;
mod refusal;
mod timed;

/// Send a message
///
/// Queues one SMS or MMS on its sender's own track, or hands it over at once with `"queue": false`.
/// A queued message is on stable storage before the answer. Needs the scope `sms:send`.
#[utoipa::path(
    post,
    path = "/sms/send",
    operation_id = "send_message",
    tag = "messages",
    security(("api_key" = ["sms:send"])),
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
        SendErrors,
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
    let form = SendForm::parse(&body, key_header.as_ref(), front.engine.now())?;

    let from = form.from_phone_number;
    let keyed = form.idempotency_key.is_some();
    match front.engine.send(to_engine(caller, form)).await {
        Ok(sent) => {
            tracing::debug!(message_id = %sent.id, replayed = sent.replayed, "accepted");
            Ok(answer(&sent))
        }
        Err(not_sent) => Err(refusal::answer(not_sent, from, keyed)),
    }
}

/// What it may answer instead.
struct SendErrors;

impl IntoResponses for SendErrors {
    fn responses() -> Described {
        keyed(&[
            Code::InvalidJson,
            Code::InvalidRequest,
            Code::InvalidPhoneNumber,
            Code::MessageTooLong,
            Code::NotSupported,
            Code::OtherOrganization,
            Code::NoAssistant,
            Code::RequestTimeout,
            Code::IdempotencyInProgress,
            Code::BodyTooLarge,
            Code::UnsupportedMediaType,
            Code::IdempotencyMismatch,
            Code::ExpiresBeforeTurn,
            Code::QueueFull,
            Code::SendFailed,
            Code::Busy,
            Code::Stopping,
            Code::OutcomeUnknown,
        ])
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
        send_at,
        expires_at,
        validity_seconds,
        client_reference,
        metadata,
    } = form;
    let timed = Timed { send_at, expires_at, validity_seconds };
    let mut fingerprint = Fingerprint::of_lane(from, to, &message, &media_urls, queue, lane);
    for (field, value) in timed.facts() {
        fingerprint = fingerprint.with(field, &value);
    }
    for (field, value) in [("client_reference", &client_reference), ("metadata", &metadata)] {
        if let Some(value) = value {
            fingerprint = fingerprint.with(field, value);
        }
    }
    SendRequest {
        organization: caller.organization,
        from,
        to,
        fingerprint,
        text: message,
        media: media_urls,
        kind: if queue { Kind::Queued } else { Kind::Immediate },
        lane,
        validity: timed.validity(),
        key: idempotency_key,
        client_reference,
        metadata,
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
#[schema(example = json!({
    "success": true,
    "message_id": "01a20a14-d8c9-75c1-9f48-59daf0a000a3",
    "message": "SMS queued successfully via telnyx",
    "provider": "telnyx",
    "status": "queued",
    "queued": true,
    "queue_position": 3,
    "estimated_send_time": "2026-11-23T20:24:28.105979Z",
    "segments": 1,
    "encoding": "GSM-7",
}))]
pub(super) struct SendAnswer {
    /// Always true.
    success: bool,
    /// The message's id, always ours.
    #[schema(value_type = String, format = Uuid)]
    message_id: MessageId,
    /// One sentence for people.
    message: String,
    /// `twilio`, `telnyx` or `vonage`.
    #[schema(value_type = words::Provider)]
    provider: ProviderKind,
    /// `queued`, or `sent` for an immediate one.
    #[schema(value_type = words::Status)]
    status: &'static str,
    /// False for an immediate one.
    queued: bool,
    /// Place in its sender's queue, from 1; null for an immediate one.
    #[schema(required)]
    queue_position: Option<u64>,
    /// When it is expected to be handed over; null for an immediate one.
    #[schema(required, value_type = Option<String>, format = DateTime)]
    estimated_send_time: Option<Rfc3339>,
    /// True where messages keep coming in more urgent lanes of the sender: then `estimated_send_time` counts on them to
    /// go on coming as they did in the last minutes. Else it is absent, and the time comes from what waits already. Not
    /// repeated when the request is answered again under its key.
    #[serde(skip_serializing_if = "Option::is_none")]
    estimate_is_expectation: Option<bool>,
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
            estimate_is_expectation: sent.queued.and_then(|queued| queued.is_expectation.then_some(true)),
            segments: sent.segments,
            encoding: sent.encoding.as_str(),
        }
    }
}

#[cfg(test)]
mod tests;
