//! `POST /v1/messages/cancel`: calls back all that wait and are meant.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Request, State};
use sendyard_actors::domain::filter::Filter;
use sendyard_actors::domain::ids::OrganizationId;
use sendyard_actors::domain::phone::E164;
use sendyard_actors::listing::Place;
use serde::Serialize;
use utoipa::{IntoResponses, ToSchema};

use super::auth::{Caller, Scope};
use super::errors::{ApiError, Code, Described, keyed};
use super::json::Object;
use super::list::lane;
use super::message::LaneWord;
use super::messages::noted;
use super::router::Front;
use super::{limits, place};

/// Cancel messages by filter
///
/// Every message of the key's organization that waits and is all that the body says: of this sender, to this
/// recipient, with this `client_reference`, in this lane; at least one of them must be given. Of those that are
/// counted as `cancelled` no provider ever sees one. `too_late` counts those that are meant and were just being
/// handed over, or whose outcome is unknown; what had ended before is not counted.
///
/// One call goes on for ten seconds at the most. While `next_cursor` is not null, something may be left: repeat
/// the call with it as `cursor`. A message that is accepted while this runs may or may not be met. If the call
/// fails in the middle, those that it met are cancelled all the same; repeat it. Needs the scope `sms:send`.
#[utoipa::path(
    post,
    path = "/v1/messages/cancel",
    operation_id = "cancel_messages",
    tag = "messages",
    security(("api_key" = ["sms:send"])),
    request_body(content = CancelForm, content_type = "application/json"),
    responses(
        (status = 200, description = "How many were cancelled", body = CancelledMessages),
        CancelErrors,
    ),
)]
pub(super) async fn cancel_many(
    State(front): State<Arc<Front>>,
    caller: Caller,
    request: Request,
) -> Result<Json<CancelledMessages>, ApiError> {
    caller.must(Scope::SmsSend)?;
    let body = limits::json_body(request, front.body_timeout).await?;
    let (filter, place) = meant(&body, caller.organization)?;
    let done = front.engine.cancel_many(&filter, place).await?;
    Ok(Json(CancelledMessages {
        cancelled: done.cancelled,
        too_late: done.too_late,
        next_cursor: done.next.map(place::text_of),
    }))
}

/// What it may answer instead.
struct CancelErrors;

impl IntoResponses for CancelErrors {
    fn responses() -> Described {
        keyed(&[
            Code::InvalidJson,
            Code::InvalidRequest,
            Code::InvalidPhoneNumber,
            Code::RequestTimeout,
            Code::BodyTooLarge,
            Code::UnsupportedMediaType,
        ])
    }
}

fn meant(body: &[u8], organization: OrganizationId) -> Result<(Filter, Option<Place>), ApiError> {
    let mut object = Object::parse(body)?;
    let filter = Filter {
        sender: number(&mut object, "from_phone_number")?,
        recipient: number(&mut object, "to_phone_number")?,
        client_reference: noted::client_reference(&mut object)?,
        lane: object.text("lane")?.map(|word| lane(&word, "Field 'lane'")).transpose()?,
        ..Filter::of(organization)
    };
    let cursor = object.text("cursor")?;
    let place = cursor.map(|text| place::place_of(&text, "Field 'cursor'")).transpose()?;
    // A filter with a name that is not known would cancel more than is meant.
    if let Some(name) = object.any_name() {
        return Err(ApiError::invalid(format!("There is no field {name:?} here")));
    }
    if filter == Filter::of(organization) {
        let detail = "Say which: at least one of from_phone_number, to_phone_number, client_reference, lane";
        return Err(ApiError::invalid(detail));
    }
    place::of_same_list(place, &filter, "Field 'cursor'")?;
    Ok((filter, place))
}

fn number(object: &mut Object, name: &str) -> Result<Option<E164>, ApiError> {
    let Some(text) = object.text(name)? else { return Ok(None) };
    let number = text.parse().map_err(|_| {
        let detail = format!("Invalid {name} format. Use E.164 format (e.g., +1234567890)");
        ApiError::new(Code::InvalidPhoneNumber, detail)
    });
    number.map(Some)
}

/// Which messages are cancelled. Other fields are refused.
#[derive(ToSchema)]
#[schema(example = json!({ "client_reference": "order 1042" }))]
#[expect(dead_code, reason = "describes the body; it is read by hand")]
pub(super) struct CancelForm {
    /// Those that are sent from this number.
    #[schema(pattern = r"^\+[1-9][0-9]{1,14}$")]
    from_phone_number: Option<String>,
    /// Those that are sent to this number.
    #[schema(pattern = r"^\+[1-9][0-9]{1,14}$")]
    to_phone_number: Option<String>,
    /// Those that you call so.
    #[schema(min_length = 1, max_length = 128)]
    client_reference: Option<String>,
    /// Those in this lane.
    lane: Option<LaneWord>,
    /// `next_cursor` of the call before, with the same filter.
    cursor: Option<String>,
}

/// What a cancellation of many came to.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({ "cancelled": 812, "too_late": 3, "next_cursor": null }))]
pub(super) struct CancelledMessages {
    /// No provider has seen them, and none will.
    cancelled: u64,
    /// They were being handed over, or their outcome is unknown.
    too_late: u64,
    /// For the next call; null where nothing is left.
    #[schema(required)]
    next_cursor: Option<String>,
}
