//! The Twilio face: creating a message and reading it back.
//!
//! Source of paths, fields and the message resource: Twilio's `OpenAPI` description
//! (`twilio_api_v2010.json`); of limits and errors: Twilio's error catalogue and messaging guides.

mod credentials;
mod error;
mod limits;
mod request;
mod resource;

use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{ConnectInfo, Path, State};
use axum::http::header::RETRY_AFTER;
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::Response;
use axum::routing::{get, post};

use self::error::TwilioError;
use self::limits::Books;
pub use self::limits::{TwilioAccount, TwilioLimits};
use self::request::SendRequest;
use super::Twin;
use super::connection::Connection;
use super::dice;
use super::exchange::{self, Answer, Delivery, json_answer};
use super::faults::{Disturbance, Faults};
use super::ledger::{Line, Stamp};

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
        let fate = faults.fate(&account, request.from.as_deref(), stamp.seq);
        let delivery = Delivery::of(fate);
        let verdict = judge(&twin.twilio, &faults, &account, &request, stamp, door, fate.disturbance);
        let (line, mut answer) =
            verdict.write_down(stamp, account.clone(), request, delivery, fate.disturbance);
        answer.headers_mut().insert(CONCURRENT_REQUESTS, HeaderValue::from(in_flight.count()));
        (line, (delivery, answer))
    });
    match recorded {
        Ok((stamp, (delivery, answer))) => delivery.give(&twin, &connection, stamp.seq, answer).await,
        Err(refusal) => exchange::not_recorded(&refusal),
    }
}

/// Would Twilio send it?
enum Verdict {
    Accepted {
        sid: String,
    },
    Refused(TwilioError),
    /// A fault took it, and answers in Twilio's place.
    Lost,
}

fn judge(
    face: &TwilioFace,
    faults: &Faults,
    account: &str,
    request: &SendRequest,
    stamp: Stamp,
    door: Result<(), TwilioError>,
    disturbance: Option<Disturbance>,
) -> Verdict {
    if let Some(Disturbance::Throttle { .. }) = disturbance {
        return Verdict::Refused(TwilioError::TooManyRequests);
    }
    if disturbance.is_some_and(Disturbance::refuses) {
        return Verdict::Lost;
    }
    let checked = door
        .and_then(|()| request.check(face.books.limits(), &faults.opted_out))
        .and_then(|()| face.books.enqueue(account, request, stamp.at_us));
    match checked {
        Ok(()) => Verdict::Accepted { sid: face.message_sid(stamp.seq, !request.media.is_empty()) },
        Err(error) => Verdict::Refused(error),
    }
}

impl Verdict {
    /// The ledger's line and the answer, which agree.
    fn write_down(
        self,
        stamp: Stamp,
        account: String,
        request: SendRequest,
        delivery: Delivery,
        disturbance: Option<Disturbance>,
    ) -> (Line, Answer) {
        let mut line = Line {
            seq: stamp.seq,
            at_us: stamp.at_us,
            provider: PROVIDER,
            account,
            accepted: false,
            answered: delivery.answered(),
            status: 0,
            code: None,
            provider_message_id: None,
            from: request.from,
            to: request.to,
            text: request.text,
            media: request.media,
            segments: request.segments,
            token: request.token,
            service: request.service,
        };
        let (own_code, own_answer) = match self {
            Self::Accepted { sid } => {
                line.accepted = true;
                line.provider_message_id = Some(sid);
                (None, json_answer(StatusCode::CREATED, resource::render(&line)))
            }
            Self::Refused(error) => (Some(error.code()), error.answer()),
            Self::Lost => (None, exchange::proxy_error(StatusCode::SERVICE_UNAVAILABLE)),
        };
        let (code, answer) = disturbed(own_code, own_answer, disturbance);
        line.code = code;
        line.status = answer.status().as_u16();
        (line, answer)
    }
}

/// The answer with its error code, as the fault leaves it.
fn disturbed(
    code: Option<u32>,
    mut answer: Answer,
    disturbance: Option<Disturbance>,
) -> (Option<u32>, Answer) {
    match disturbance {
        Some(Disturbance::ServerError { status: 500, .. }) => {
            let error = TwilioError::Internal;
            (Some(error.code()), error.answer())
        }
        Some(Disturbance::ServerError { status, .. }) => {
            let named = StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_GATEWAY);
            (None, exchange::proxy_error(named))
        }
        Some(Disturbance::Garbage { pick, .. }) => (None, exchange::garbage(pick, &answer)),
        Some(Disturbance::Throttle { retry_after: Some(seconds) }) => {
            answer.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds));
            (code, answer)
        }
        Some(
            Disturbance::Throttle { retry_after: None } | Disturbance::Cut { .. } | Disturbance::Hang { .. },
        )
        | None => (code, answer),
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
