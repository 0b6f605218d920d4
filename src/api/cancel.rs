//! `DELETE /sms/{message_id}` and its twin: calls a message back.
//!
//! Too late is `200` too, with `success: false`: the documented clients test the status code.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use sendyard_actors::domain::ids::MessageId;
use sendyard_actors::domain::message::{Cancelled, Shown};
use serde::Serialize;
use utoipa::{IntoResponses, ToSchema};

use super::auth::{Caller, Scope};
use super::errors::{ApiError, Code, Described, keyed};
use super::message_id::AskedId;
use super::router::Front;
use super::words;

/// Cancel a message
///
/// With `success: true` no provider ever sees it. Too late is `200` with `success: false`. Needs the
/// scope `sms:send`.
#[utoipa::path(
    delete,
    path = "/sms/{message_id}",
    operation_id = "cancel_message",
    tag = "messages",
    security(("api_key" = ["sms:send"])),
    params(("message_id" = String, Path, description = "The id from the answer to `POST /sms/send`")),
    responses(
        (status = 200, description = "Cancelled, or too late", body = CancelAnswer),
        CancelErrors,
    ),
)]
pub(super) async fn cancel(
    State(front): State<Arc<Front>>,
    caller: Caller,
    asked: AskedId,
) -> Result<Json<CancelAnswer>, ApiError> {
    caller.must(Scope::SmsSend)?;
    let id = asked.id()?;
    let found = front.engine.cancel(caller.organization, id).await?;
    let (cancelled, _) = found.ok_or_else(|| asked.not_found())?;
    Ok(Json(CancelAnswer::of(id, cancelled)))
}

/// Cancel a message
///
/// The same as `DELETE /sms/{message_id}`.
#[utoipa::path(
    post,
    path = "/sms/cancel/{message_id}",
    operation_id = "cancel_message_by_prefix",
    tag = "messages",
    security(("api_key" = ["sms:send"])),
    params(("message_id" = String, Path, description = "The id from the answer to `POST /sms/send`")),
    responses(
        (status = 200, description = "Cancelled, or too late", body = CancelAnswer),
        CancelErrors,
    ),
)]
pub(super) async fn cancel_by_prefix(
    front: State<Arc<Front>>,
    caller: Caller,
    asked: AskedId,
) -> Result<Json<CancelAnswer>, ApiError> {
    cancel(front, caller, asked).await
}

/// What both may answer instead.
struct CancelErrors;

impl IntoResponses for CancelErrors {
    fn responses() -> Described {
        keyed(&[Code::MessageNotFound])
    }
}

/// What a cancellation found.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "success": true,
    "message_id": "01a20a14-d8c9-75c1-9f48-59daf0a000a3",
    "message": "SMS cancelled successfully",
    "previous_status": "queued",
    "new_status": "cancelled",
    "status": "cancelled",
}))]
pub(super) struct CancelAnswer {
    /// True: no provider has seen the message and none will.
    success: bool,
    /// The message.
    #[schema(value_type = String, format = Uuid)]
    message_id: MessageId,
    /// One sentence for people.
    message: String,
    /// What it was before.
    #[schema(value_type = words::Status)]
    previous_status: &'static str,
    /// `cancelled`; null when it was too late.
    #[schema(required, value_type = Option<String>)]
    new_status: Option<&'static str>,
    /// What it is now.
    #[schema(value_type = words::Status)]
    status: &'static str,
}

impl CancelAnswer {
    /// A repeated cancellation succeeds again: its answer may have been lost on the way.
    fn of(id: MessageId, cancelled: Cancelled) -> Self {
        match cancelled {
            Cancelled::Done => Self::done(id, Shown::Queued),
            Cancelled::Before => Self::done(id, Shown::Cancelled),
            Cancelled::TooLate(now) => Self {
                success: false,
                message_id: id,
                message: format!("Message is already {}", now.as_str()),
                previous_status: now.as_str(),
                new_status: None,
                status: now.as_str(),
            },
        }
    }

    fn done(id: MessageId, before: Shown) -> Self {
        Self {
            success: true,
            message_id: id,
            message: "SMS cancelled successfully".to_owned(),
            previous_status: before.as_str(),
            new_status: Some(Shown::Cancelled.as_str()),
            status: Shown::Cancelled.as_str(),
        }
    }
}

#[cfg(test)]
mod tests {
    use sendyard_actors::domain::ids::Shard;
    use serde_json::json;
    use uuid::Uuid;

    use super::*;

    #[test]
    fn each_finding_has_its_documented_body() {
        let id = MessageId::new(Uuid::now_v7(), Shard::of("+1234567890".parse().unwrap()));
        let cases = [
            (Cancelled::Done, true, "SMS cancelled successfully", "queued", Some("cancelled"), "cancelled"),
            (
                Cancelled::Before,
                true,
                "SMS cancelled successfully",
                "cancelled",
                Some("cancelled"),
                "cancelled",
            ),
            (
                Cancelled::TooLate(Shown::Sending),
                false,
                "Message is already sending",
                "sending",
                None,
                "sending",
            ),
            (Cancelled::TooLate(Shown::Sent), false, "Message is already sent", "sent", None, "sent"),
            (Cancelled::TooLate(Shown::Failed), false, "Message is already failed", "failed", None, "failed"),
        ];
        for (cancelled, success, message, previous, new, status) in cases {
            let body = serde_json::to_value(CancelAnswer::of(id, cancelled)).unwrap();
            let expected = json!({
                "success": success, "message_id": id.to_string(), "message": message,
                "previous_status": previous, "new_status": new, "status": status,
            });
            assert_eq!(body, expected);
        }
    }
}
