//! `GET /v1/messages/{id}`: everything about one message. Lists show the same of each ([`MessageView`]), but
//! for its timeline.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use sendyard_actors::domain::ids::MessageId;
use sendyard_actors::domain::message::{AttemptResult, Kind, Lane, Message, State as Stage};
use sendyard_actors::domain::time::Time;
use sendyard_actors::engine::Engine;
use serde::Serialize;
use serde_json::value::RawValue;
use utoipa::{IntoResponses, ToSchema};

use super::auth::{Caller, Scope};
use super::errors::{ApiError, Code, Described, keyed};
use super::message_id::AskedId;
use super::router::Front;
use super::status::StatusAnswer;
use super::times::Rfc3339;

/// Everything about a message
///
/// What was asked for, where it stands, what it waits for, and each attempt to hand it over. Needs the scope
/// `sms:read`.
#[utoipa::path(
    get,
    path = "/v1/messages/{message_id}",
    operation_id = "get_message",
    tag = "messages",
    security(("api_key" = ["sms:read"])),
    params(("message_id" = String, Path, description = "The id from the answer to `POST /sms/send`")),
    responses(
        (status = 200, description = "The message", body = WholeMessage),
        MessageErrors,
    ),
)]
pub(super) async fn message(
    State(front): State<Arc<Front>>,
    caller: Caller,
    asked: AskedId,
) -> Result<Json<WholeMessage>, ApiError> {
    caller.must(Scope::SmsRead)?;
    let id: MessageId = asked.id()?;
    let found = front.engine.message(caller.organization, id).await?;
    let message = found.ok_or_else(|| asked.not_found())?;
    Ok(Json(WholeMessage::of(&message, &front.engine)))
}

/// What it may answer instead.
struct MessageErrors;

impl IntoResponses for MessageErrors {
    fn responses() -> Described {
        keyed(&[Code::MessageNotFound])
    }
}

/// A message, with its timeline.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "timeline": [
        { "event": "accepted", "at": "2026-11-23T20:24:28.105979Z", "attempt": null, "account": null,
          "written_at": null, "outcome": null, "code": null },
        { "event": "attempt", "at": "2026-11-23T20:24:28.311207Z", "attempt": 1, "account": "acme-telnyx",
          "written_at": "2026-11-23T20:24:28.312118Z", "outcome": "accepted", "code": null },
    ],
    "from_phone_number": "+1234567890",
    "to_phone_number": "+1555123456",
    "message": "Hello from Sendyard",
    "media_urls": [],
    "lane": "normal",
    "queued": true,
    "account": "acme-telnyx",
    "client_reference": "order 1042",
    "metadata": { "shop": "north" },
    "expires_at": null,
    "waits_for": null,
    "waits_until": null,
    "listed": false,
    "evidence_until": null,
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
pub(super) struct WholeMessage {
    /// What happened to it, oldest first: that it was accepted, the last 16 attempts, and that it was cancelled.
    timeline: Vec<Event>,
    #[serde(flatten)]
    message: MessageView,
}

impl WholeMessage {
    fn of(message: &Message, engine: &Engine) -> Self {
        let mut timeline = vec![Event::plain("accepted", Rfc3339(message.accepted_at))];
        timeline.extend(message.attempts.iter().map(|attempt| {
            let (outcome, code) = outcome(&attempt.result);
            Event {
                what: "attempt",
                at: Rfc3339(attempt.claimed_at),
                attempt: Some(attempt.number),
                account: message.account_of(attempt.number).map(ToString::to_string),
                written_at: attempt.written_at.map(Rfc3339),
                outcome: Some(outcome),
                code,
            }
        }));
        if message.state == Stage::Cancelled {
            timeline.push(Event::plain("cancelled", Rfc3339(message.updated_at)));
        }
        Self { timeline, message: MessageView::of(message, engine) }
    }
}

fn outcome(result: &AttemptResult) -> (&'static str, Option<String>) {
    match result {
        AttemptResult::Open => ("open", None),
        AttemptResult::NeverBegun => ("never_begun", None),
        AttemptResult::Accepted => ("accepted", None),
        AttemptResult::Refused { code, .. } => ("refused", code.clone()),
        AttemptResult::Unknown(_) => ("unknown", None),
    }
}

/// Something that happened to a message.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = TimelineEvent)]
struct Event {
    /// `accepted`, `attempt` or `cancelled`.
    #[serde(rename = "event")]
    #[schema(value_type = EventWord)]
    what: &'static str,
    /// When; of an attempt, when it was claimed.
    #[schema(value_type = String, format = DateTime)]
    at: Rfc3339,
    /// The attempt's number, from 1.
    #[schema(required)]
    attempt: Option<u16>,
    /// The provider account that it went through; null where it is not known any more.
    #[schema(required)]
    account: Option<String>,
    /// When its request was written, once known.
    #[schema(required, value_type = Option<String>, format = DateTime)]
    written_at: Option<Rfc3339>,
    /// What became of it.
    #[schema(required, value_type = Option<AttemptOutcome>)]
    outcome: Option<&'static str>,
    /// The provider's code, of a refused one.
    #[schema(required)]
    code: Option<String>,
}

impl Event {
    const fn plain(what: &'static str, at: Rfc3339) -> Self {
        Self { what, at, attempt: None, account: None, written_at: None, outcome: None, code: None }
    }
}

/// A message: what was asked for, and where it stands.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Message)]
pub(super) struct MessageView {
    /// The number that it is sent from.
    #[schema(value_type = String, example = "+1234567890")]
    from_phone_number: String,
    /// The number that it is sent to.
    #[schema(value_type = String, example = "+1555123456")]
    to_phone_number: String,
    /// Its text.
    message: String,
    /// Its media.
    media_urls: Vec<String>,
    /// Its lane.
    #[schema(value_type = LaneWord)]
    lane: &'static str,
    /// False: it was to be handed over at once.
    queued: bool,
    /// The provider account that it goes through.
    account: String,
    /// What you call it.
    #[schema(required, max_length = 128)]
    client_reference: Option<String>,
    /// What you keep with it.
    #[schema(required, value_type = Option<Object>)]
    metadata: Option<Box<RawValue>>,
    /// Not handed over after this.
    #[schema(required, value_type = Option<String>, format = DateTime)]
    expires_at: Option<Rfc3339>,
    /// What it waits for; null once it is decided.
    #[schema(required, value_type = Option<WaitsFor>)]
    waits_for: Option<&'static str>,
    /// Until when it waits for that, where that is known.
    #[schema(required, value_type = Option<String>, format = DateTime)]
    waits_until: Option<Rfc3339>,
    /// True: its outcome is unknown, nothing more happens by itself, and a person decides.
    listed: bool,
    /// Until when the provider's word is waited for, of one of unknown outcome; null if it is not.
    #[schema(required, value_type = Option<String>, format = DateTime)]
    evidence_until: Option<Rfc3339>,
    /// Its status, as `GET /sms/{message_id}/status` tells it.
    #[serde(flatten)]
    status: StatusAnswer,
}

impl MessageView {
    pub(super) fn of(message: &Message, engine: &Engine) -> Self {
        let draft = &message.draft;
        let is_waiting = matches!(message.state, Stage::Queued | Stage::Scheduled);
        let (waits_for, waits_until) = match waits(message) {
            _ if is_waiting && engine.lacks_a_way_for(message) => (Some("directory"), None),
            waits => waits,
        };
        Self {
            from_phone_number: draft.sender.to_string(),
            to_phone_number: draft.recipient.to_string(),
            message: draft.text.clone(),
            media_urls: draft.media.clone(),
            lane: lane_word(draft.lane),
            queued: draft.kind == Kind::Queued,
            account: draft.account.to_string(),
            client_reference: draft.client_reference.clone(),
            // It was made of JSON when it came in.
            metadata: draft.metadata.clone().and_then(|text| RawValue::from_string(text).ok()),
            expires_at: draft.expires_at.map(Rfc3339),
            waits_for,
            waits_until: waits_until.map(Rfc3339),
            listed: message.listed,
            evidence_until: message.evidence_until.map(Rfc3339),
            status: StatusAnswer::of(message),
        }
    }
}

/// As far as its record says it; what its sender waits for is the sender's to say.
fn waits(message: &Message) -> (Option<&'static str>, Option<Time>) {
    match message.state {
        Stage::Queued if message.due > message.updated_at => (Some("retry"), Some(message.due)),
        Stage::Queued => (Some("turn"), None),
        Stage::Scheduled => (Some("schedule"), Some(message.due)),
        Stage::Sending => (Some("answer"), message.attempts.last().map(|last| last.deadline)),
        Stage::Offered => (Some("turn"), message.not_after),
        Stage::Unknown if message.listed => (Some("person"), None),
        Stage::Unknown => (Some("evidence"), message.evidence_until),
        Stage::Sent | Stage::Failed | Stage::Cancelled => (None, None),
    }
}

/// The documented word.
pub(super) const fn lane_word(lane: Lane) -> &'static str {
    match lane {
        Lane::Urgent => "urgent",
        Lane::Normal => "normal",
        Lane::Bulk => "bulk",
    }
}

/// What a message waits for.
#[derive(ToSchema)]
#[schema(rename_all = "lowercase")]
#[expect(dead_code, reason = "describes answers; they are made of the record")]
enum WaitsFor {
    /// Its `send_at`, or the end of quiet hours.
    Schedule,
    /// Its turn in its sender's queue.
    Turn,
    /// The time of its next attempt.
    Retry,
    /// The directory, which has its number, or its account, no more.
    Directory,
    /// The provider's answer.
    Answer,
    /// Word of the provider by another way, as the answer did not come.
    Evidence,
    /// A person: `POST /v1/messages/{message_id}/settle`.
    Person,
}

/// What happened.
#[derive(ToSchema)]
#[schema(as = TimelineWord, rename_all = "lowercase")]
#[expect(dead_code, reason = "describes answers; they are made of the record")]
enum EventWord {
    /// It was stored.
    Accepted,
    /// It was to be handed over.
    Attempt,
    /// It was called back.
    Cancelled,
}

/// What became of an attempt.
#[derive(ToSchema)]
#[schema(rename_all = "snake_case")]
#[expect(dead_code, reason = "describes answers; they are made of the record")]
enum AttemptOutcome {
    /// It is under way.
    Open,
    /// Nothing was written to the provider.
    NeverBegun,
    /// The provider took it.
    Accepted,
    /// The provider refused it.
    Refused,
    /// Nobody knows.
    Unknown,
}

/// A lane.
#[derive(ToSchema)]
#[schema(as = Lane, rename_all = "lowercase")]
#[expect(dead_code, reason = "describes answers; they are made of `Lane`")]
pub(super) enum LaneWord {
    /// Before the others.
    Urgent,
    /// Where nothing else is said.
    Normal,
    /// Behind the others.
    Bulk,
}
