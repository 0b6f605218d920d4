//! The end of every exchange, the same for all faces: the answer is held back, spoilt, cut off or
//! given, and the ledger hears which.

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde_json::json;
use tokio::sync::oneshot;

use super::Twin;
use super::callbacks::Plan;
use super::connection::Connection;
use super::faults::{Disturbance, Fate};
use super::ledger::{Answered, LedgerRefusal};

/// An answer waits no longer for a callback that is to come before it.
const LONGEST_EARLY: Duration = Duration::from_secs(10);

/// An answer, whole, so that it can still be spoilt.
pub(super) type Answer = Response<Vec<u8>>;

/// How an answer leaves, known as soon as the request is decided.
#[derive(Debug, Clone, Copy)]
pub(super) struct Delivery {
    held: Duration,
    cut: bool,
    /// A callback may come first.
    early: bool,
}

impl Delivery {
    /// As fate has it.
    pub(super) fn of(fate: Fate) -> Self {
        let (held, cut) = match fate.disturbance {
            Some(Disturbance::Hang { held }) => (held, true),
            Some(Disturbance::Cut { .. }) => (fate.latency, true),
            Some(
                Disturbance::Throttle { .. } | Disturbance::ServerError { .. } | Disturbance::Garbage { .. },
            )
            | None => (fate.latency, false),
        };
        Self { held, cut, early: fate.early }
    }

    /// What the ledger's line says at first.
    pub(super) fn answered(self) -> Answered {
        match (self.cut, self.is_immediate()) {
            (true, _) => Answered::no(),
            (false, true) => Answered::yes(),
            (false, false) => Answered::open(),
        }
    }

    fn is_immediate(self) -> bool {
        self.held.is_zero() && !self.early
    }

    /// Begins the callbacks, holds the answer to request `seq` back as long as it must be, then gives
    /// it or cuts.
    pub(super) async fn give(
        self,
        twin: &Arc<Twin>,
        connection: &Connection,
        seq: u64,
        answer: Answer,
        plan: Option<Plan>,
    ) -> Response {
        let response = answer.map(axum::body::Body::from);
        let early = plan.and_then(|plan| twin.callbacks.begin(plan));
        if self.is_immediate() {
            if self.cut {
                connection.cut();
            }
            return response;
        }
        let held = HeldAnswer { twin: Arc::clone(twin), seq };
        let mut stopping = twin.stopping.subscribe();
        let stopped = tokio::select! {
            () = self.wait(early) => false,
            _ = stopping.wait_for(|stop| *stop) => true,
        };
        if self.cut || stopped {
            connection.cut();
        } else {
            held.went_out();
        }
        response
    }

    async fn wait(self, early: Option<oneshot::Receiver<()>>) {
        if let Some(early) = early {
            // Whether it was sent or given up, it is no longer waited for.
            let _ = tokio::time::timeout(LONGEST_EARLY, early).await;
        }
        if !self.held.is_zero() {
            tokio::time::sleep(self.held).await;
        }
    }
}

/// While it lives nothing was answered: a client that hangs up drops it with the handler.
struct HeldAnswer {
    twin: Arc<Twin>,
    seq: u64,
}

impl HeldAnswer {
    fn went_out(self) {
        self.twin.ledger.settle(self.seq, true);
    }
}

impl Drop for HeldAnswer {
    fn drop(&mut self) {
        self.twin.ledger.settle(self.seq, false);
    }
}

/// An answer with a JSON body.
pub(super) fn json_answer(status: StatusCode, body: Vec<u8>) -> Answer {
    body_answer(status, "application/json", body)
}

fn body_answer(status: StatusCode, content_type: &'static str, body: Vec<u8>) -> Answer {
    let mut answer = Answer::new(body);
    *answer.status_mut() = status;
    answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    answer
}

/// What a broken front of a provider says, in place of `answer`, where the provider itself says
/// `success`.
pub(super) fn garbage(pick: u64, success: StatusCode, answer: &Answer) -> Answer {
    match pick % 4 {
        0 => {
            let page = b"<!DOCTYPE html><html><body><h1>It works!</h1></body></html>";
            body_answer(StatusCode::OK, "text/html", page.to_vec())
        }
        1 => {
            let whole = answer.body();
            let half = whole.iter().take(whole.len() / 2).copied().collect();
            json_answer(success, half)
        }
        2 => json_answer(success, Vec::new()),
        _ => json_answer(StatusCode::OK, br#"{"ok":true}"#.to_vec()),
    }
}

/// What a proxy in front of a provider says with a 5xx of its own.
pub(super) fn proxy_error(status: StatusCode) -> Answer {
    body_answer(status, "text/plain", b"upstream connect error".to_vec())
}

/// Nothing may be decided that cannot be written down.
pub(super) fn not_recorded(refusal: &LedgerRefusal) -> Response {
    (StatusCode::SERVICE_UNAVAILABLE, Json(json!({ "error": refusal.to_string() }))).into_response()
}
