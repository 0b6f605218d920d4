//! `GET /v1/messages`: the messages of an organization, by filters and in pages.

use std::sync::Arc;

use axum::Json;
use axum::extract::{RawQuery, State};
use sendyard_actors::domain::filter::{Filter, Standing};
use sendyard_actors::domain::ids::OrganizationId;
use sendyard_actors::domain::message::{Lane, Shown};
use sendyard_actors::domain::phone::E164;
use sendyard_actors::domain::time::Time;
use sendyard_actors::listing::Place;
use serde::Serialize;
use url::form_urlencoded;
use utoipa::{IntoResponses, ToSchema};

use super::auth::{Caller, Scope};
use super::errors::{ApiError, Code, Described, keyed};
use super::message::{LaneWord, MessageView};
use super::messages::noted::is_reference;
use super::place;
use super::router::Front;
use super::times;

/// Messages on one page unless another number is asked for.
const PAGE: usize = 50;

/// Messages on one page at the most.
const LONGEST_PAGE: usize = 1000;

/// List messages
///
/// Of the key's organization: first what waits (by sender, lane and place), then what is on its way, then what
/// is of unknown outcome, then what is over, in the order in which it ended. With `status=unknown` only what
/// a person may settle.
///
/// With `client_reference` they are in the order in which they came, by an index: only messages with that reference
/// are looked at. There is none behind the other filters. For one page up to 1,000 messages are looked at, so a page
/// may have fewer than `limit` of them, or none, although there are more: go on while `next_cursor` is not null.
/// `status`, `from_phone_number` and `since` narrow what is looked at. Without a reference a message that goes on
/// from one part of the list to another between two pages may be met twice, or not at all. Needs the scope `sms:read`.
#[utoipa::path(
    get,
    path = "/v1/messages",
    operation_id = "list_messages",
    tag = "messages",
    security(("api_key" = ["sms:read"])),
    params(
        ("status" = inline(Option<ListedStatus>), Query, description = "Where they stand"),
        ("from_phone_number" = Option<String>, Query, description = "The sending number, in E.164 form"),
        ("to_phone_number" = Option<String>, Query, description = "The recipient, in E.164 form"),
        ("lane" = inline(Option<LaneWord>), Query, description = "Their lane"),
        ("client_reference" = Option<String>, Query, description = "What you call them, to the letter"),
        ("since" = Option<String>, Query, description = "Accepted then or later; RFC 3339, for example \
            `2026-11-23T20:24:28Z`"),
        ("until" = Option<String>, Query, description = "Accepted before then"),
        ("limit" = Option<usize>, Query, minimum = 1, maximum = 1000,
            description = "Messages on a page; 50 unless given"),
        ("cursor" = Option<String>, Query, description = "`next_cursor` of the page before, with the same filters"),
    ),
    responses(
        (status = 200, description = "A page of them", body = MessagePage),
        ListErrors,
    ),
)]
pub(super) async fn list(
    State(front): State<Arc<Front>>,
    caller: Caller,
    RawQuery(query): RawQuery,
) -> Result<Json<MessagePage>, ApiError> {
    caller.must(Scope::SmsRead)?;
    let asked = Asked::parse(query.as_deref().unwrap_or_default(), caller.organization)?;
    let page = front.engine.list(&asked.filter, asked.cursor, asked.limit).await?;
    let messages = page.messages.iter().map(|message| MessageView::of(message, &front.engine)).collect();
    Ok(Json(MessagePage { messages, next_cursor: page.next.map(place::text_of) }))
}

/// What it may answer instead.
struct ListErrors;

impl IntoResponses for ListErrors {
    fn responses() -> Described {
        keyed(&[Code::InvalidRequest, Code::InvalidPhoneNumber])
    }
}

/// What is asked.
struct Asked {
    filter: Filter,
    limit: usize,
    cursor: Option<Place>,
}

impl Asked {
    /// A parameter that it does not know, or that is there twice, would change what is meant, so it is refused.
    fn parse(query: &str, organization: OrganizationId) -> Result<Self, ApiError> {
        let mut asked = Self { filter: Filter::of(organization), limit: PAGE, cursor: None };
        let filter = &mut asked.filter;
        let mut seen: Vec<String> = Vec::new();
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            if seen.iter().any(|before| *before == name) {
                return Err(ApiError::invalid(format!("Parameter {:?} is given twice", shown(&name))));
            }
            match name.as_ref() {
                "status" => filter.standing = Some(standing(&value)?),
                "from_phone_number" => filter.sender = Some(number(&name, &value)?),
                "to_phone_number" => filter.recipient = Some(number(&name, &value)?),
                "lane" => filter.lane = Some(lane(&value, "Parameter 'lane'")?),
                "client_reference" => filter.client_reference = Some(reference(&value)?),
                "since" => filter.accepted_from = Some(time(&name, &value)?),
                "until" => filter.accepted_before = Some(time(&name, &value)?),
                "limit" => asked.limit = limit(&value)?,
                "cursor" => asked.cursor = Some(place::place_of(&value, "Parameter 'cursor'")?),
                _ => return Err(ApiError::invalid(format!("There is no parameter {:?} here", shown(&name)))),
            }
            seen.push(name.into_owned());
        }
        place::of_same_list(asked.cursor, filter, "Parameter 'cursor'")?;
        Ok(asked)
    }
}

fn standing(word: &str) -> Result<Standing, ApiError> {
    match word {
        "queued" => Ok(Standing::Shown(Shown::Queued)),
        "sending" => Ok(Standing::Shown(Shown::Sending)),
        "sent" => Ok(Standing::Shown(Shown::Sent)),
        "failed" => Ok(Standing::Shown(Shown::Failed)),
        "cancelled" => Ok(Standing::Shown(Shown::Cancelled)),
        "unknown" => Ok(Standing::Unknown),
        _ => {
            let words = "queued, sending, sent, failed, cancelled, unknown";
            Err(ApiError::invalid(format!("Parameter 'status' must be one of {words}")))
        }
    }
}

fn number(name: &str, text: &str) -> Result<E164, ApiError> {
    // A plus that is not encoded is a blank.
    let text = text.strip_prefix(' ').map_or_else(|| text.to_owned(), |digits| format!("+{digits}"));
    text.parse().map_err(|_| {
        let detail = format!("Invalid {name} format. Use E.164 format (e.g., +1234567890)");
        ApiError::new(Code::InvalidPhoneNumber, detail)
    })
}

/// A lane by its word; `what` is the field or parameter that it came in.
pub(super) fn lane(word: &str, what: &str) -> Result<Lane, ApiError> {
    match word {
        "urgent" => Ok(Lane::Urgent),
        "normal" => Ok(Lane::Normal),
        "bulk" => Ok(Lane::Bulk),
        _ => Err(ApiError::invalid(format!("{what} must be one of urgent, normal, bulk"))),
    }
}

fn reference(text: &str) -> Result<String, ApiError> {
    if is_reference(text) {
        return Ok(text.to_owned());
    }
    Err(ApiError::invalid(
        "No message has such a client_reference: 1 to 128 characters, no control characters",
    ))
}

fn time(name: &str, text: &str) -> Result<Time, ApiError> {
    let detail = || format!("Parameter '{name}' must be a time like 2026-11-23T20:24:28Z");
    // As of a number, of an offset.
    times::read(&text.replace(' ', "+")).map_err(|()| ApiError::invalid(detail()))
}

fn limit(text: &str) -> Result<usize, ApiError> {
    let limit = text.parse().ok().filter(|limit| (1..=LONGEST_PAGE).contains(limit));
    limit.ok_or_else(|| ApiError::invalid("Parameter 'limit' must be a number from 1 to 1000"))
}

/// As much of a client's name for a parameter as is repeated to it.
fn shown(name: &str) -> String {
    name.chars().take(64).collect()
}

/// Which messages are listed.
#[derive(ToSchema)]
#[schema(rename_all = "lowercase")]
#[expect(dead_code, reason = "describes the parameter; it is read by hand")]
enum ListedStatus {
    /// They wait.
    Queued,
    /// They are being handed over, or nobody knows whether they were.
    Sending,
    /// The provider has them.
    Sent,
    /// No provider has them, and none will.
    Failed,
    /// They were called back.
    Cancelled,
    /// Nobody knows whether the provider has them. They are shown as `sending`.
    Unknown,
}

/// A page of messages.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({ "messages": [], "next_cursor": null }))]
pub(super) struct MessagePage {
    /// Those that are meant, as far as was looked.
    messages: Vec<MessageView>,
    /// For the page behind this one; null on the last.
    #[schema(required)]
    next_cursor: Option<String>,
}
