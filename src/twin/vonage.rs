//! The Vonage face: the Messages API, SMS and MMS.
//!
//! Source of paths, fields and error bodies: Vonage's `OpenAPI` description of the Messages API, 1.11; of
//! limits and error numbers: Vonage's guides and error catalogue.
//!
//! Vonage writes numbers without `+`. The ledger has them with it, like those of the other faces, so
//! that rules, lists and readers compare one form.

mod callback;
mod credentials;
mod error;
mod jwt;
mod limits;
mod request;

use std::io;
use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{ConnectInfo, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use axum::routing::post;
use serde_json::json;

use self::callback::VonageForm;
use self::error::VonageError;
use self::limits::Books;
pub use self::limits::{VonageApplication, VonageKey, VonageLimits};
use self::request::SendRequest;
use super::callbacks::Plan;
use super::connection::Connection;
use super::exchange::{self, Delivery};
use super::ledger::Line;
use super::verdict::Verdict;
use super::{Twin, ids};

/// As the ledger names it.
const PROVIDER: &str = "vonage";

/// State of this face.
#[derive(Debug)]
pub(super) struct VonageFace {
    books: Books,
    /// Makes the message ids of one twin unlike those of another.
    salt: u64,
}

impl VonageFace {
    /// Nothing sent yet. Fails where an application's public key is none.
    pub(super) fn new(limits: VonageLimits) -> io::Result<Self> {
        Ok(Self { books: Books::new(limits)?, salt: rand::random() })
    }
}

/// What this face answers.
pub(super) fn routes() -> Router<Arc<Twin>> {
    Router::new().route("/v1/messages", post(send))
}

async fn send(
    State(twin): State<Arc<Twin>>,
    ConnectInfo(connection): ConnectInfo<Connection>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let mut request = SendRequest::parse(&body);
    let faults = twin.faults.current();
    let books = &twin.vonage.books;
    let (asker, door) = credentials::check(books, &headers, twin.clock.now_us());
    asker.account().clone_into(&mut request.asked.account);

    let recorded = twin.ledger.record(|stamp| {
        let standing = books.count_request(asker.account(), stamp.at_us);
        let fate = faults.fate(asker.account(), request.asked.from.as_deref(), stamp.seq);
        let delivery = Delivery::of(fate);
        let verdict = Verdict::of(fate.disturbance, || {
            let allowed = if standing.exceeded { Err(VonageError::Throttled) } else { Ok(()) };
            door.and(allowed)
                .and_then(|()| request.check(books.limits()))
                .map_or_else(Verdict::Refused, |()| Verdict::Accepted {
                    id: ids::uuid(twin.vonage.salt, stamp.seq).to_string(),
                })
                .within(
                    || twin.is_within_limit(fate, faults.seed, asker.account(), &request.asked, stamp.at_us),
                    fate.sender_waits(),
                )
        });
        let mut line = request.asked.line(PROVIDER, stamp, delivery);
        let answer = verdict.write_down(&mut line, fate.disturbance, StatusCode::ACCEPTED, render);
        let plan =
            Plan::of(&faults, &line, &[&request.callback], || VonageForm::new(&line, request.mms, asker));
        (line, (delivery, answer, plan))
    });
    match recorded {
        Ok((stamp, (delivery, answer, plan))) => {
            delivery.give(&twin, &connection, stamp.seq, answer, plan).await
        }
        Err(refusal) => exchange::not_recorded(&refusal),
    }
}

/// All that Vonage says of a message that it took.
fn render(line: &Line) -> Vec<u8> {
    json!({ "message_uuid": line.provider_message_id }).to_string().into_bytes()
}
