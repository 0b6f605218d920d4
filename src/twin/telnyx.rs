//! The Telnyx face: sending a message and reading it back.
//!
//! Source of paths, fields and the message resource: Telnyx's `OpenAPI` description (`spec3.yml`); of
//! limits, errors and idempotency: Telnyx's guides on messaging rate limits, API rate limits, error
//! codes and idempotency.
//!
//! Two limits that must not be confused: messages faster than a sender's or an account's rate are
//! **queued**, and refused only where the queue would take more than four hours (40318). API
//! **requests** faster than allowed are refused (10011, 429), whatever they ask for.

mod callback;
mod credentials;
mod error;
mod idempotency;
mod limits;
mod request;
mod resource;

use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{ConnectInfo, Path, RawQuery, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::response::Response;
use axum::routing::{get, post};
use uuid::Uuid;

use self::callback::TelnyxForm;
use self::error::TelnyxError;
use self::idempotency::Key;
use self::limits::Books;
pub use self::limits::{TelnyxAccount, TelnyxLimits};
use self::request::SendRequest;
use self::resource::Extras;
use super::allowance::Standing;
use super::callbacks::Plan;
use super::connection::Connection;
use super::exchange::{self, Answer, Delivery, json_answer};
use super::faults::Disturbance;
use super::verdict::{Refusal, Verdict};
use super::{Twin, ids};

/// As the ledger names it.
const PROVIDER: &str = "telnyx";
const LIMIT: HeaderName = HeaderName::from_static("x-ratelimit-limit");
const REMAINING: HeaderName = HeaderName::from_static("x-ratelimit-remaining");
const RESET: HeaderName = HeaderName::from_static("x-ratelimit-reset");
/// The allowance is counted in seconds, so the next one is never farther away.
const UNTIL_RESET: u64 = 1;

/// State of this face.
#[derive(Debug)]
pub(super) struct TelnyxFace {
    books: Books,
    /// Makes the message ids of one twin unlike those of another.
    salt: u64,
}

impl TelnyxFace {
    /// Nothing sent yet.
    pub(super) fn new(limits: TelnyxLimits) -> Self {
        Self { books: Books::new(limits), salt: rand::random() }
    }
}

/// What this face answers.
pub(super) fn routes() -> Router<Arc<Twin>> {
    Router::new().route("/v2/messages", post(send)).route("/v2/messages/{id}", get(fetch))
}

async fn send(
    State(twin): State<Arc<Twin>>,
    ConnectInfo(connection): ConnectInfo<Connection>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let mut request = SendRequest::parse(&body);
    let faults = twin.faults.current();
    let books = &twin.telnyx.books;
    let (account, door) = credentials::check(books.limits(), &headers);
    let key = Key::of(&account, &headers, query.as_deref(), &body);
    request.asked.account.clone_from(&account);

    let recorded = twin.ledger.record(|stamp| {
        let standing = books.count_request(&account, stamp.at_us);
        let fate = faults.fate(&account, request.asked.from.as_deref(), stamp.seq);
        let delivery = Delivery::of(fate);
        let mut wait = None;
        let verdict = Verdict::of(fate.disturbance, || {
            let let_in = door.and_then(|()| allow(standing)).and(key.as_ref().map_err(TelnyxError::from));
            let replay = let_in.and_then(|key| books.replay(key.as_ref(), stamp.at_us));
            match replay {
                Err(error) => Verdict::Refused(error),
                Ok(Some(kept)) => Verdict::Replayed { of: kept.seq, answer: kept.answer },
                Ok(None) => request
                    .check(books.limits(), &faults.opted_out)
                    .and_then(|()| books.enqueue(&request, stamp.at_us))
                    .map_or_else(Verdict::Refused, |queued| {
                        wait = Some(queued);
                        Verdict::Accepted { id: ids::uuid(twin.telnyx.salt, stamp.seq).to_string() }
                    })
                    .within(
                        || twin.is_within_limit(fate, faults.seed, &account, &request.asked, stamp.at_us),
                        fate.sender_waits(),
                    ),
            }
        });
        let told = match &verdict {
            Verdict::TooFast { retry_after } => Some(Disturbance::Throttle { retry_after: *retry_after }),
            _ => fate.disturbance,
        };
        let mut line = request.asked.line(PROVIDER, stamp, delivery);
        let extras = Extras { wait, ..request.extras };
        let mut answer = verdict.write_down(&mut line, fate.disturbance, StatusCode::OK, |line| {
            let resource = resource::render(line, &extras);
            books.keep(key.ok().flatten(), line, &resource);
            resource
        });
        tell_standing(&mut answer, standing, told);
        let addresses = [&extras.webhook_url, &extras.webhook_failover_url];
        let plan = Plan::of(&faults, &line, &addresses, || TelnyxForm::new(&line, &extras));
        (line, (delivery, answer, plan))
    });
    match recorded {
        Ok((stamp, (delivery, answer, plan))) => {
            delivery.give(&twin, &connection, stamp.seq, answer, plan).await
        }
        Err(refusal) => exchange::not_recorded(&refusal),
    }
}

fn allow(standing: Standing) -> Result<(), TelnyxError> {
    if standing.exceeded { Err(TelnyxError::TooManyRequests) } else { Ok(()) }
}

/// Telnyx tells it with every answer. A fault that throttles tells what it was told to, or nothing.
fn tell_standing(answer: &mut Answer, standing: Standing, disturbance: Option<Disturbance>) {
    let headers = answer.headers_mut();
    if let Some(Disturbance::Throttle { retry_after }) = disturbance {
        if retry_after.is_some() {
            headers.insert(LIMIT, HeaderValue::from(standing.limit));
            headers.insert(REMAINING, HeaderValue::from(0));
        }
        return;
    }
    headers.insert(LIMIT, HeaderValue::from(standing.limit));
    headers.insert(REMAINING, HeaderValue::from(standing.remaining));
    headers.insert(RESET, HeaderValue::from(UNTIL_RESET));
}

/// Reads a message back. Faults leave it alone.
async fn fetch(State(twin): State<Arc<Twin>>, Path(id): Path<String>, headers: HeaderMap) -> Response {
    let mut answer = match read_back(&twin, &id, &headers) {
        Ok(found) => json_answer(StatusCode::OK, found),
        Err(error) => error.answer(),
    };
    let limit = twin.telnyx.books.limits().requests_per_second;
    tell_standing(&mut answer, Standing { limit, remaining: limit, exceeded: false }, None);
    answer.map(axum::body::Body::from)
}

fn read_back(twin: &Twin, id: &str, headers: &HeaderMap) -> Result<Vec<u8>, TelnyxError> {
    let (account, door) = credentials::check(twin.telnyx.books.limits(), headers);
    door?;
    let seq = Uuid::parse_str(id).map(ids::seq_of).map_err(|_| TelnyxError::NotFound)?;
    let line = twin.ledger.line(seq).ok_or(TelnyxError::NotFound)?;
    if line.provider != PROVIDER || line.account != account || line.provider_message_id.as_deref() != Some(id)
    {
        return Err(TelnyxError::NotFound);
    }
    Ok(resource::render(&line, &Extras::default()))
}
