//! The Twilio face: creating a message and reading it back.
//!
//! Source of paths, fields and the message resource: Twilio's `OpenAPI` description
//! (`twilio_api_v2010.json`); of limits and errors: Twilio's error catalogue and messaging guides.

mod callback;
mod credentials;
mod error;
mod limits;
mod request;
mod resource;

use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{ConnectInfo, Path, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::Response;
use axum::routing::{get, post};

use self::callback::TwilioForm;
use self::error::TwilioError;
use self::limits::Books;
pub use self::limits::{TwilioAccount, TwilioLimits};
use self::request::SendRequest;
use super::Twin;
use super::callbacks::Plan;
use super::connection::Connection;
use super::dice;
use super::exchange::{self, Delivery, json_answer};
use super::verdict::{Asked, Refusal, Verdict};

/// As the ledger names it.
const PROVIDER: &str = "twilio";
/// Requests of this account that are being worked on, in every answer.
const CONCURRENT_REQUESTS: &str = "twilio-concurrent-requests";

/// State of this face.
#[derive(Debug)]
pub(super) struct TwilioFace {
    books: Books,
    /// Makes the message ids of one twin unlike those of another.
    salt: u64,
}

impl TwilioFace {
    /// Nothing sent yet.
    pub(super) fn new(limits: TwilioLimits) -> Self {
        Self { books: Books::new(limits), salt: rand::random() }
    }

    /// `SM` or `MM` and 32 hexadecimal digits, of which the last 16 are the ledger's number.
    fn message_sid(&self, seq: u64, media: bool) -> String {
        let kind = if media { "MM" } else { "SM" };
        format!("{kind}{:016x}{seq:016x}", dice::mix(self.salt ^ seq))
    }
}

/// What this face answers.
pub(super) fn routes() -> Router<Arc<Twin>> {
    Router::new()
        .route("/2010-04-01/Accounts/{account}/Messages.json", post(create))
        .route("/2010-04-01/Accounts/{account}/Messages/{file}", get(fetch))
}

async fn create(
    State(twin): State<Arc<Twin>>,
    ConnectInfo(connection): ConnectInfo<Connection>,
    Path(account): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let request = SendRequest::parse(&body);
    let faults = twin.faults.current();
    let books = &twin.twilio.books;
    let in_flight = books.enter(&account);
    let door = match credentials::check(books.limits(), &account, "Messages.json", &headers) {
        Ok(()) if in_flight.too_many() => Err(TwilioError::TooManyRequests),
        other => other,
    };
    let recorded = twin.ledger.record(|stamp| {
        let fate = faults.fate(&account, request.asked.from.as_deref(), stamp.seq);
        let delivery = Delivery::of(fate);
        let verdict = Verdict::of(fate.disturbance, || {
            door.and_then(|()| request.check(books.limits(), &faults.opted_out))
                .and_then(|()| books.enqueue(&account, &request.asked, stamp.at_us))
                .map_or_else(Verdict::Refused, |()| Verdict::Accepted {
                    id: twin.twilio.message_sid(stamp.seq, !request.asked.media.is_empty()),
                })
                .within(
                    || twin.is_within_limit(fate, faults.seed, &account, &request.asked, stamp.at_us),
                    fate.sender_waits(),
                )
        });
        let asked = Asked { account: account.clone(), ..request.asked };
        let mut line = asked.line(PROVIDER, stamp, delivery);
        let mut answer =
            verdict.write_down(&mut line, fate.disturbance, StatusCode::CREATED, resource::render);
        answer.headers_mut().insert(CONCURRENT_REQUESTS, HeaderValue::from(in_flight.count()));
        let plan = Plan::of(&faults, &line, &[&request.callback], || {
            TwilioForm::new(&line, credentials::auth_token(&headers))
        });
        (line, (delivery, answer, plan))
    });
    match recorded {
        Ok((stamp, (delivery, answer, plan))) => {
            delivery.give(&twin, &connection, stamp.seq, answer, plan).await
        }
        Err(refusal) => exchange::not_recorded(&refusal),
    }
}

/// Reads a message back. Faults leave it alone.
async fn fetch(
    State(twin): State<Arc<Twin>>,
    Path((account, file)): Path<(String, String)>,
    headers: HeaderMap,
) -> Response {
    let answer = match read_back(&twin, &account, &file, &headers) {
        Ok(found) => json_answer(StatusCode::OK, found),
        Err(error) => error.answer(),
    };
    answer.map(axum::body::Body::from)
}

fn read_back(twin: &Twin, account: &str, file: &str, headers: &HeaderMap) -> Result<Vec<u8>, TwilioError> {
    let path = format!("Messages/{file}");
    credentials::check(twin.twilio.books.limits(), account, &path, headers)?;
    let missing = || TwilioError::not_found(account, &path);
    let sid = file.strip_suffix(".json").ok_or_else(missing)?;
    let seq = sid.get(18..).and_then(|digits| u64::from_str_radix(digits, 16).ok()).ok_or_else(missing)?;
    let line = twin.ledger.line(seq).ok_or_else(missing)?;
    if line.account != account || line.provider_message_id.as_deref() != Some(sid) {
        return Err(missing());
    }
    Ok(resource::render(&line))
}
