//! Messages of unknown outcome: `GET /v1/messages?status=unknown` lists them,
//! `POST /v1/messages/{id}/settle` lets a person say what became of one.
//!
//! Of the list of messages this is all that this version has: another status is refused.

use std::sync::Arc;

use axum::Json;
use axum::extract::{RawQuery, Request, State};
use sendyard_actors::domain::ids::MessageId;
use sendyard_actors::domain::message::{ByHand, Message, NotByHand};
use serde::Serialize;
use url::form_urlencoded;
use utoipa::{IntoResponses, ToSchema};

use super::auth::{Caller, Scope};
use super::errors::{ApiError, Code, Described, keyed};
use super::json::Object;
use super::limits;
use super::message_id::AskedId;
use super::router::Front;
use super::status::StatusAnswer;
use super::times::Rfc3339;

/// Messages on one page unless another number is asked for.
const PAGE: usize = 50;

/// Messages on one page at the most.
const LONGEST_PAGE: usize = 1000;

/// List the messages of unknown outcome
///
/// Of the key's organization, about in the order of acceptance. A message is listed here from when its
/// attempt's time is over until its outcome is known. Needs the scope `sms:read`.
#[utoipa::path(
    get,
    path = "/v1/messages",
    operation_id = "list_messages",
    tag = "messages",
    security(("api_key" = ["sms:read"])),
    params(
        ("status" = inline(ListedStatus), Query, description = "`unknown`; this version lists no others"),
        ("limit" = Option<usize>, Query, minimum = 1, maximum = 1000,
            description = "Messages on a page; 50 unless given"),
        ("cursor" = Option<String>, Query, description = "`next_cursor` of the page before"),
    ),
    responses(
        (status = 200, description = "A page of them", body = UnknownPage),
        ListErrors,
    ),
)]
pub(super) async fn list(
    State(front): State<Arc<Front>>,
    caller: Caller,
    RawQuery(query): RawQuery,
) -> Result<Json<UnknownPage>, ApiError> {
    caller.must(Scope::SmsRead)?;
    let Asked { limit, cursor } = Asked::parse(query.as_deref().unwrap_or_default())?;
    let messages = front.engine.doubtful(caller.organization, cursor, limit).await?;
    // A full page may be the last; then the next one is empty.
    let next_cursor = messages.last().filter(|_| messages.len() == limit).map(|last| last.draft.id);
    let messages = messages.iter().map(UnknownMessage::of).collect();
    Ok(Json(UnknownPage { messages, next_cursor }))
}

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

/// What the list may answer instead.
struct ListErrors;

impl IntoResponses for ListErrors {
    fn responses() -> Described {
        keyed(&[Code::InvalidRequest, Code::NotSupported])
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

/// What is asked of the list.
struct Asked {
    limit: usize,
    cursor: Option<MessageId>,
}

impl Asked {
    /// Parameters that it does not know change what is meant, so they are refused.
    fn parse(query: &str) -> Result<Self, ApiError> {
        let mut asked = Self { limit: PAGE, cursor: None };
        let mut unknown_only = false;
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            match name.as_ref() {
                "status" if value == "unknown" => unknown_only = true,
                "limit" => asked.limit = limit(&value)?,
                "cursor" => asked.cursor = Some(cursor(&value)?),
                _ => return Err(not_supported()),
            }
        }
        if unknown_only { Ok(asked) } else { Err(not_supported()) }
    }
}

fn limit(text: &str) -> Result<usize, ApiError> {
    let limit = text.parse().ok().filter(|limit| (1..=LONGEST_PAGE).contains(limit));
    limit.ok_or_else(|| ApiError::invalid("Parameter 'limit' must be a number from 1 to 1000"))
}

fn cursor(text: &str) -> Result<MessageId, ApiError> {
    text.parse().map_err(|_| ApiError::invalid("Parameter 'cursor' must be the next_cursor of a page"))
}

fn not_supported() -> ApiError {
    ApiError::new(Code::NotSupported, "This version lists messages with status=unknown only")
}

/// Which messages are listed.
#[derive(ToSchema)]
#[schema(rename_all = "lowercase")]
#[expect(dead_code, reason = "describes the parameter; it is read by hand")]
enum ListedStatus {
    /// Nobody knows whether the provider has it.
    Unknown,
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

/// A page of messages of unknown outcome.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({ "messages": [], "next_cursor": null }))]
pub(super) struct UnknownPage {
    /// About in the order of acceptance.
    messages: Vec<UnknownMessage>,
    /// For the page behind this one; null on the last.
    #[schema(required, value_type = Option<String>)]
    next_cursor: Option<MessageId>,
}

/// A message of unknown outcome.
#[derive(Debug, Serialize, ToSchema)]
struct UnknownMessage {
    /// The number that it is sent from.
    #[schema(value_type = String, example = "+1234567890")]
    from_phone_number: String,
    /// The number that it is sent to.
    #[schema(value_type = String, example = "+1555123456")]
    to_phone_number: String,
    /// The provider account that it goes through.
    account: String,
    /// True: nothing more happens by itself; a person decides.
    listed: bool,
    /// Until when the provider's word is waited for; null if it is not.
    #[schema(required, value_type = Option<String>, format = DateTime)]
    evidence_until: Option<Rfc3339>,
    /// Its status, as `GET /sms/{message_id}/status` tells it.
    #[serde(flatten)]
    status: StatusAnswer,
}

impl UnknownMessage {
    fn of(message: &Message) -> Self {
        Self {
            from_phone_number: message.draft.sender.to_string(),
            to_phone_number: message.draft.recipient.to_string(),
            account: message.draft.account.to_string(),
            listed: message.listed,
            evidence_until: message.evidence_until.map(Rfc3339),
            status: StatusAnswer::of(message),
        }
    }
}
