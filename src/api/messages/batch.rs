//! `POST /v1/messages/batch`: many messages in, each with a result of its own.
//!
//! Each message has the same checks, the same promise and the same errors as a single one; the batch saves
//! requests, and steps of the store (`Engine::send_all`). Messages of one number are stored in the order in which
//! they stand. So many batches at one time as there are tickets in [`Batches`]: each may hold 16 MiB.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Request, State};
use axum::http::HeaderValue;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use sendyard_actors::domain::phone::E164;
use sendyard_actors::domain::time::Time;
use serde::Serialize;
use serde_json::value::RawValue;
use tokio::sync::Semaphore;
use utoipa::{IntoResponses, ToSchema};

use super::form::SendForm;
use super::{SendAnswer, refusal, to_engine};
use crate::api::auth::{Caller, Scope};
use crate::api::errors::{ApiError, Code, Described, RefusedMessage, keyed};
use crate::api::json::Object;
use crate::api::limits::{self, BatchBody};
use crate::api::router::Front;

/// The most messages of a batch.
const MOST: usize = 10_000;

/// So many messages are read before others have a turn.
const READ_AT_A_TIME: usize = 256;

/// Batches at one time, for a whole process: what they hold in memory is bounded by this.
const AT_A_TIME: usize = 4;

/// The tickets of a process.
#[derive(Debug)]
pub struct Batches(Semaphore);

impl Default for Batches {
    fn default() -> Self {
        Self(Semaphore::new(AT_A_TIME))
    }
}

/// No message of a batch is begun after this: clients give up at 30 s.
const BEGIN_WITHIN: Duration = Duration::from_secs(15);

/// The longest `Idempotency-Key` of a batch, in characters: what is added for each message fits behind it.
const LONGEST_KEY: usize = 240;

/// Send many messages
///
/// A JSON array of messages, or NDJSON with one in each line: up to 10,000, and 16 MiB. Each has its own
/// result, in the same order; a bad one spoils no other. Queued messages only. An `idempotency_key` counts
/// for its message; with the header, each message without one has a key made of the header and its place, so
/// that the whole batch may be repeated. Needs the scope `sms:send`.
#[utoipa::path(
    post,
    path = "/v1/messages/batch",
    operation_id = "send_batch",
    tag = "messages",
    security(("api_key" = ["sms:send"])),
    params(
        ("Idempotency-Key" = Option<String>, Header,
            description = "Up to 240 characters; of the whole batch. Empty counts as absent."),
    ),
    request_body(
        content((Vec<SendForm> = "application/json"), (String = "application/x-ndjson")),
        description = "Up to 10,000 messages",
    ),
    responses((status = 200, description = "A result for each message", body = BatchAnswer), BatchErrors),
)]
pub(in crate::api) async fn send_batch(
    State(front): State<Arc<Front>>,
    caller: Caller,
    request: Request,
) -> Result<BatchAnswer, ApiError> {
    caller.must(Scope::SmsSend)?;
    let Ok(_ticket) = front.batches.0.try_acquire() else {
        let detail = "Too many batches are in flight; nothing was stored";
        return Err(ApiError::new(Code::Busy, detail).retry_after(Duration::from_secs(1)));
    };
    let key = request.headers().get("idempotency-key").map(batch_key).transpose()?.flatten();
    let body = limits::batch_body(request, front.body_timeout).await?;
    let messages = messages(&body)?;
    let now = front.engine.now();

    let mut results: Vec<Option<BatchResult>> = Vec::new();
    results.resize_with(messages.len(), || None);
    let (mut asked, mut requests) = (Vec::new(), Vec::new());
    for (index, message) in messages.into_iter().enumerate() {
        if index.is_multiple_of(READ_AT_A_TIME) {
            // Others are to have their turn: to read ten thousand takes a while.
            tokio::task::yield_now().await;
        }
        match form(message, key.as_deref(), index, now) {
            Ok(form) => {
                asked.push(Asked {
                    index,
                    from: form.from_phone_number,
                    keyed: form.idempotency_key.is_some(),
                });
                requests.push(to_engine(caller, form));
            }
            Err(error) => set(&mut results, index, BatchResult::Refused(error.refused())),
        }
    }
    let answers = front.engine.send_all(requests, now + BEGIN_WITHIN).await;
    for (Asked { index, from, keyed }, answer) in asked.into_iter().zip(answers) {
        let result = match answer {
            Ok(sent) => BatchResult::Accepted(SendAnswer::of(&sent)),
            Err(not_sent) => BatchResult::Refused(refusal::answer(not_sent, from, keyed).refused()),
        };
        set(&mut results, index, result);
    }
    Ok(BatchAnswer::of(results))
}

/// A message that the engine was asked to take in: what its answer needs to know of it.
struct Asked {
    index: usize,
    from: E164,
    keyed: bool,
}

/// What the whole batch may answer instead.
struct BatchErrors;

impl IntoResponses for BatchErrors {
    fn responses() -> Described {
        keyed(&[
            Code::InvalidJson,
            Code::InvalidRequest,
            Code::RequestTimeout,
            Code::BodyTooLarge,
            Code::UnsupportedMediaType,
            Code::Busy,
        ])
    }
}

/// The header of a batch; none where it is empty.
fn batch_key(header: &HeaderValue) -> Result<Option<String>, ApiError> {
    let Ok(key) = std::str::from_utf8(header.as_bytes()) else {
        return Err(ApiError::invalid("Header 'Idempotency-Key' must be UTF-8 text"));
    };
    let length = key.chars().count();
    if length > LONGEST_KEY {
        let detail = format!(
            "Header 'Idempotency-Key' of a batch may have at most {LONGEST_KEY} characters, not {length}"
        );
        return Err(ApiError::invalid(detail));
    }
    Ok((!key.is_empty()).then(|| key.to_owned()))
}

/// The messages as they stand, not looked into yet.
fn messages(body: &BatchBody) -> Result<Vec<&[u8]>, ApiError> {
    let messages: Vec<&[u8]> = match body {
        BatchBody::Lines(bytes) => {
            let lines = without_mark(bytes).split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii);
            lines.filter(|line| !line.is_empty()).collect()
        }
        BatchBody::Array(bytes) => {
            let bytes = without_mark(bytes);
            let array: Vec<&RawValue> =
                serde_json::from_slice(bytes).map_err(|error| no_array(bytes, &error))?;
            array.into_iter().map(|message| message.get().as_bytes()).collect()
        }
    };
    if messages.is_empty() {
        return Err(ApiError::invalid("A batch must have at least one message"));
    }
    if messages.len() > MOST {
        let detail = format!("A batch may have at most {MOST} messages, not {}", messages.len());
        return Err(ApiError::invalid(detail));
    }
    Ok(messages)
}

/// What a file begins with that a program has marked as UTF-8, is not of the first message.
fn without_mark(bytes: &[u8]) -> &[u8] {
    bytes.strip_prefix("\u{feff}".as_bytes()).unwrap_or(bytes)
}

/// The parser's words, without what stands there.
fn no_array(bytes: &[u8], error: &serde_json::Error) -> ApiError {
    let (line, column) = (error.line(), error.column());
    let is_object = bytes.trim_ascii_start().starts_with(b"{");
    let advice =
        if is_object { "; send a message in each line as Content-Type: application/x-ndjson" } else { "" };
    let detail =
        format!("The request body must be a JSON array of messages (line {line}, column {column}){advice}");
    ApiError::new(Code::InvalidJson, detail)
}

/// One message, checked as a single one is.
fn form(message: &[u8], batch_key: Option<&str>, index: usize, now: Time) -> Result<SendForm, ApiError> {
    let mut form = SendForm::of(Object::parse_as(message, "This message")?, None, now)?;
    if !form.queue {
        return Err(ApiError::invalid("Field 'queue' must not be false in a batch; send it alone"));
    }
    if let (None, Some(key)) = (&form.idempotency_key, batch_key) {
        form.idempotency_key = Some(format!("{key}#{index}"));
    }
    Ok(form)
}

fn set(results: &mut [Option<BatchResult>], index: usize, result: BatchResult) {
    if let Some(place) = results.get_mut(index) {
        *place = Some(result);
    }
}

/// A result for each message of a batch.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "accepted": 1,
    "refused": 1,
    "results": [
        {
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
        },
        {
            "success": false,
            "detail": "No assistant found for phone number +15550100003",
            "code": "no_assistant",
            "retryable": false,
            "retry_after": null,
            "message_id": null,
        },
    ],
}))]
pub(in crate::api) struct BatchAnswer {
    /// How many were accepted.
    accepted: usize,
    /// How many were not.
    refused: usize,
    /// In the order of the batch; `success` tells the two kinds apart.
    results: Vec<BatchResult>,
}

/// What became of one message.
#[derive(Debug, Serialize, ToSchema)]
#[serde(untagged)]
enum BatchResult {
    /// It is accepted.
    Accepted(SendAnswer),
    /// It is not.
    Refused(RefusedMessage),
}

/// About so many bytes tell of one message.
const OF_A_RESULT: usize = 320;

impl IntoResponse for BatchAnswer {
    /// As `Json` does, but into memory that is taken at once.
    fn into_response(self) -> Response {
        let mut text = Vec::with_capacity((self.results.len() + 1) * OF_A_RESULT);
        match serde_json::to_writer(&mut text, &self) {
            Ok(()) => ([(CONTENT_TYPE, "application/json")], text).into_response(),
            Err(_) => ApiError::internal().into_response(),
        }
    }
}

impl BatchAnswer {
    fn of(results: Vec<Option<BatchResult>>) -> Self {
        // Each has one; a fault of ours is told as such all the same.
        let fault = || BatchResult::Refused(ApiError::internal().refused());
        let results: Vec<BatchResult> =
            results.into_iter().map(|result| result.unwrap_or_else(fault)).collect();
        let accepted = results.iter().filter(|result| matches!(result, BatchResult::Accepted(_))).count();
        Self { accepted, refused: results.len() - accepted, results }
    }
}
