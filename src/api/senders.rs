//! `/v1/senders`: how senders stand, and what is set of them while they run.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, Query, Request, State};
use sendyard_actors::domain::lanes::{HEAVIEST, Weights};
use sendyard_actors::domain::phone::E164;
use sendyard_actors::domain::tuning::{MOST_PLACES, Part, Pause, Retune};
use sendyard_actors::engine::{NotTuned, SenderView};
use serde::Deserialize;
use utoipa::{IntoParams, IntoResponses};

use self::answer::{SenderAnswer, SendersAnswer};
use super::auth::{Caller, Scope};
use super::errors::{ApiError, Code, Described, keyed};
use super::json::Object;
use super::limits;
use super::router::Front;
use super::times;

mod answer;

/// Senders on a page where nobody says how many.
const PAGE: usize = 50;

/// Senders on a page at most: each is asked how it stands.
const LONGEST_PAGE: usize = 200;

/// Which page.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct Page {
    /// 1 to 200; 50 where it is not given.
    limit: Option<usize>,
    /// The last number of the page before.
    after: Option<String>,
}

/// What the list may answer instead.
struct ListErrors;

impl IntoResponses for ListErrors {
    fn responses() -> Described {
        keyed(&[Code::InvalidRequest, Code::InvalidPhoneNumber])
    }
}

/// What one sender may be answered with instead.
struct ShowErrors;

impl IntoResponses for ShowErrors {
    fn responses() -> Described {
        keyed(&[Code::InvalidPhoneNumber, Code::NoAssistant])
    }
}

/// What a change may be answered with instead.
struct ChangeErrors;

impl IntoResponses for ChangeErrors {
    fn responses() -> Described {
        keyed(&[
            Code::InvalidJson,
            Code::InvalidRequest,
            Code::InvalidPhoneNumber,
            Code::NoAssistant,
            Code::RequestTimeout,
            Code::BodyTooLarge,
            Code::UnsupportedMediaType,
        ])
    }
}

/// How senders stand
///
/// Those of the key's organization, by number, a page at a time. Needs the scope `sms:read`.
#[utoipa::path(
    get,
    path = "/v1/senders",
    operation_id = "list_senders",
    tag = "senders",
    security(("api_key" = ["sms:read"])),
    params(Page),
    responses(
        (status = 200, description = "A page of them", body = SendersAnswer),
        ListErrors,
    ),
)]
pub(super) async fn list(
    State(front): State<Arc<Front>>,
    caller: Caller,
    page: Result<Query<Page>, axum::extract::rejection::QueryRejection>,
) -> Result<Json<SendersAnswer>, ApiError> {
    caller.must(Scope::SmsRead)?;
    let Query(Page { limit, after }) =
        page.map_err(|_| ApiError::invalid("Parameter 'limit' must be a number"))?;
    let limit = limit.unwrap_or(PAGE);
    if !(1..=LONGEST_PAGE).contains(&limit) {
        return Err(ApiError::invalid(format!("Parameter 'limit' must be from 1 to {LONGEST_PAGE}")));
    }
    let after = after.as_deref().map(|text| number(text, "after")).transpose()?;
    let views = front.engine.senders(caller.organization, after, limit).await?;
    let next_after = (views.len() == limit).then(|| views.last().map(|view| view.number)).flatten();
    Ok(Json(SendersAnswer { senders: views.into_iter().map(SenderAnswer::from).collect(), next_after }))
}

/// How one sender stands
///
/// Its limits and how much of each is in use, its lanes, how much waits, and what its next message waits
/// for. Needs the scope `sms:read`.
#[utoipa::path(
    get,
    path = "/v1/senders/{number}",
    operation_id = "show_sender",
    tag = "senders",
    security(("api_key" = ["sms:read"])),
    params(("number" = String, Path, description = "In E.164 form", example = "+1234567890")),
    responses(
        (status = 200, description = "It", body = SenderAnswer),
        ShowErrors,
    ),
)]
pub(super) async fn show(
    State(front): State<Arc<Front>>,
    caller: Caller,
    Path(text): Path<String>,
) -> Result<Json<SenderAnswer>, ApiError> {
    caller.must(Scope::SmsRead)?;
    shown(&front, &caller, number(&text, "number")?).await
}

/// Tune a sender
///
/// `limits` and `lanes` are replaced whole; what is null is the directory's again, what is absent stays.
/// `places_in_flight`, 1 to 10000, bounds how many messages of its queue are handed over at the same time;
/// null, and it may use what its account has. Applied at once, without a burst, and kept over restarts. The
/// first limit of a number that had none, and whose account has none, takes what went before it for a full
/// window. Needs the scope `senders:write`.
#[utoipa::path(
    patch,
    path = "/v1/senders/{number}",
    operation_id = "tune_sender",
    tag = "senders",
    security(("api_key" = ["senders:write"])),
    params(("number" = String, Path, description = "In E.164 form", example = "+1234567890")),
    request_body(content = Object, example = json!({
        "limits": ["5/s", "2000/day@America/Los_Angeles"],
        "lanes": {"urgent": 8, "normal": 3, "bulk": 1},
        "places_in_flight": 4,
    })),
    responses(
        (status = 200, description = "As it stands now", body = SenderAnswer),
        ChangeErrors,
    ),
)]
pub(super) async fn tune(
    State(front): State<Arc<Front>>,
    caller: Caller,
    Path(text): Path<String>,
    request: Request,
) -> Result<Json<SenderAnswer>, ApiError> {
    caller.must(Scope::SendersWrite)?;
    let number = number(&text, "number")?;
    let body = limits::json_body(request, front.body_timeout).await?;
    let mut object = Object::parse(&body)?;
    let (limits, weights) = (given_limits(&mut object)?, lanes(&mut object)?);
    let change = Retune { limits, weights, pause: Part::Keep, places: places(&mut object)? };
    changed(&front, &caller, number, &change).await
}

/// Pause a sender
///
/// Its queue hands nothing over until `until`, or until it is resumed. What is on its way goes on, and so
/// do immediate messages. Needs the scope `senders:write`.
#[utoipa::path(
    post,
    path = "/v1/senders/{number}/pause",
    operation_id = "pause_sender",
    tag = "senders",
    security(("api_key" = ["senders:write"])),
    params(("number" = String, Path, description = "In E.164 form", example = "+1234567890")),
    request_body(content = Option<Object>, example = json!({"until": "2026-12-01T08:00:00Z"})),
    responses(
        (status = 200, description = "As it stands now", body = SenderAnswer),
        ChangeErrors,
    ),
)]
pub(super) async fn pause(
    State(front): State<Arc<Front>>,
    caller: Caller,
    Path(text): Path<String>,
    request: Request,
) -> Result<Json<SenderAnswer>, ApiError> {
    caller.must(Scope::SendersWrite)?;
    let number = number(&text, "number")?;
    let body = limits::json_body(request, front.body_timeout).await?;
    let until = if body.is_empty() { None } else { Object::parse(&body)?.text("until")? };
    let until = until.map(|text| times::read(&text)).transpose();
    let until =
        until.map_err(|()| ApiError::invalid("Field 'until' must be a time such as 2026-12-01T08:00:00Z"))?;
    let pause = Pause { since: front.engine.now(), until };
    let change = Retune { pause: Part::Set(pause), ..Retune::default() };
    changed(&front, &caller, number, &change).await
}

/// Resume a sender
///
/// It goes on at its pace; nothing is made up for. Needs the scope `senders:write`.
#[utoipa::path(
    post,
    path = "/v1/senders/{number}/resume",
    operation_id = "resume_sender",
    tag = "senders",
    security(("api_key" = ["senders:write"])),
    params(("number" = String, Path, description = "In E.164 form", example = "+1234567890")),
    responses(
        (status = 200, description = "As it stands now", body = SenderAnswer),
        ShowErrors,
    ),
)]
pub(super) async fn resume(
    State(front): State<Arc<Front>>,
    caller: Caller,
    Path(text): Path<String>,
) -> Result<Json<SenderAnswer>, ApiError> {
    caller.must(Scope::SendersWrite)?;
    let change = Retune { pause: Part::Usual, ..Retune::default() };
    changed(&front, &caller, number(&text, "number")?, &change).await
}

async fn changed(
    front: &Front,
    caller: &Caller,
    number: E164,
    change: &Retune,
) -> Result<Json<SenderAnswer>, ApiError> {
    match front.engine.tune(caller.organization, number, change).await {
        Ok(Some(())) => shown(front, caller, number).await,
        Ok(None) => Err(unknown(number)),
        Err(NotTuned::BadLimit(bad)) => Err(ApiError::invalid(format!("Field 'limits': {bad}"))),
        Err(NotTuned::Store(error)) => Err(error.into()),
    }
}

async fn shown(front: &Front, caller: &Caller, number: E164) -> Result<Json<SenderAnswer>, ApiError> {
    let view: Option<SenderView> = front.engine.sender(caller.organization, number).await?;
    view.map(|view| Json(view.into())).ok_or_else(|| unknown(number))
}

fn unknown(number: E164) -> ApiError {
    ApiError::new(Code::NoAssistant, format!("No assistant found for phone number {number}"))
}

fn number(text: &str, name: &str) -> Result<E164, ApiError> {
    text.parse().map_err(|_| {
        let detail = format!("Invalid {name} format. Use E.164 format (e.g., +1234567890)");
        ApiError::new(Code::InvalidPhoneNumber, detail)
    })
}

fn given_limits(object: &mut Object) -> Result<Part<Vec<String>>, ApiError> {
    if !object.names("limits") {
        return Ok(Part::Keep);
    }
    let is_null = !object.has("limits");
    let limits = object.texts("limits")?;
    Ok(if is_null { Part::Usual } else { Part::Set(limits) })
}

fn places(object: &mut Object) -> Result<Part<u16>, ApiError> {
    if !object.names("places_in_flight") {
        return Ok(Part::Keep);
    }
    let Some(value) = object.take("places_in_flight") else { return Ok(Part::Usual) };
    let places = value.as_u64().and_then(|places| u16::try_from(places).ok());
    let places = places.filter(|places| (1..=MOST_PLACES).contains(places));
    let bad = || {
        ApiError::invalid(format!("Field 'places_in_flight' must be a whole number from 1 to {MOST_PLACES}"))
    };
    places.map(Part::Set).ok_or_else(bad)
}

fn lanes(object: &mut Object) -> Result<Part<Weights>, ApiError> {
    if !object.names("lanes") {
        return Ok(Part::Keep);
    }
    let bad = || {
        let detail =
            format!("Field 'lanes' must be an object of urgent, normal and bulk, each from 1 to {HEAVIEST}");
        ApiError::invalid(detail)
    };
    let Some(value) = object.take("lanes") else { return Ok(Part::Usual) };
    let weights: Weights = serde_json::from_value(value).map_err(|_| bad())?;
    if weights.are_good() { Ok(Part::Set(weights)) } else { Err(bad()) }
}
