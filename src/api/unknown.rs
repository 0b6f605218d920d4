//! Messages of unknown outcome: `POST /v1/messages/{id}/settle` lets a person say what became of one.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Request, State};
use sendyard_actors::domain::message::{ByHand, NotByHand};
use utoipa::{IntoResponses, ToSchema};

use super::auth::{Caller, Scope};
use super::errors::{ApiError, Code, Described, keyed};
use super::json::Object;
use super::limits;
use super::message_id::AskedId;
use super::router::Front;
use super::status::StatusAnswer;

/// Settle a message of unknown outcome
///
/// What is said is believed: `sent` and `failed` change the record only, `retry` hands the message over
/// again, at the risk of a double. Needs the scope `admin`.
#[utoipa::path(
    post,
    path = "/v1/messages/{message_id}/settle",
    operation_id = "settle_message",
    tag = "messages",
    security(("api_key" = ["admin"])),
    params(("message_id" = String, Path, description = "The id from the answer to `POST /sms/send`")),
    request_body(content = SettleForm, content_type = "application/json"),
    responses(
        (status = 200, description = "As it stands now", body = StatusAnswer),
        SettleErrors,
    ),
)]
pub(super) async fn settle(
    State(front): State<Arc<Front>>,
    caller: Caller,
    asked: AskedId,
    request: Request,
) -> Result<Json<StatusAnswer>, ApiError> {
    caller.must(Scope::Admin)?;
    let body = limits::json_body(request, front.body_timeout).await?;
    let verdict = verdict(&body)?;
    let settled = front.engine.settle_by_hand(caller.organization, asked.id()?, verdict).await?;
    match settled.ok_or_else(|| asked.not_found())? {
        Ok(message) => Ok(Json(StatusAnswer::of(&message))),
        Err(refused) => Err(ApiError::new(Code::NotUnknown, sentence(refused))),
    }
}

const fn sentence(refused: NotByHand) -> &'static str {
    match refused {
        NotByHand::Known => "The outcome of this message is known; ask for its status",
        NotByHand::UnderWay => {
            "An attempt to send this message is under way and may still tell; ask for its status later"
        }
        NotByHand::Immediate => {
            "An immediate message is not sent again under its id; settle it as sent or failed, \
             then send it anew"
        }
    }
}

fn verdict(body: &[u8]) -> Result<ByHand, ApiError> {
    match Object::parse(body)?.required_text("outcome")?.as_str() {
        "sent" => Ok(ByHand::Sent),
        "failed" => Ok(ByHand::Failed),
        "retry" => Ok(ByHand::Retry),
        _ => Err(ApiError::invalid("Field 'outcome' must be one of sent, failed, retry")),
    }
}

/// What settling may answer instead.
struct SettleErrors;

impl IntoResponses for SettleErrors {
    fn responses() -> Described {
        keyed(&[
            Code::InvalidJson,
            Code::InvalidRequest,
            Code::MessageNotFound,
            Code::RequestTimeout,
            Code::NotUnknown,
            Code::BodyTooLarge,
            Code::UnsupportedMediaType,
        ])
    }
}

/// What a person says.
#[derive(ToSchema)]
#[schema(example = json!({ "outcome": "sent" }))]
#[expect(dead_code, reason = "describes the body; it is read by hand")]
pub(super) struct SettleForm {
    /// `sent`: the provider has it. `failed`: it has it not. `retry`: hand it over again.
    outcome: Outcome,
}

/// What became of a message, by a person's word.
#[derive(ToSchema)]
#[schema(as = SettleOutcome, rename_all = "lowercase")]
#[expect(dead_code, reason = "describes the body; it is read by hand")]
enum Outcome {
    /// The provider has it.
    Sent,
    /// It has it not.
    Failed,
    /// Hand it over again.
    Retry,
}
