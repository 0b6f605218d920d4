//! What a face makes of a request, and what a fault makes of that: a ledger line and an answer,
//! which agree. The same for all faces.

use axum::http::{HeaderName, HeaderValue, StatusCode};

use super::exchange::{self, Answer, Delivery, json_answer};
use super::faults::Disturbance;
use super::ledger::{Line, Stamp};

/// A refusal in a provider's own words.
pub(super) trait Refusal {
    /// Which header tells, in seconds, when to ask again.
    const WAIT: HeaderName;

    /// Of a client that asks too often.
    fn throttled() -> Self;
    /// Of a sender that sends too fast: in the provider's words for its limit or, where it has none, those above.
    fn sender_throttled() -> Self;
    /// The provider's own failure, a 500.
    fn internal() -> Self;
    /// The provider's number for it, where it has one.
    fn code(&self) -> Option<u32>;
    /// As the provider answers it.
    fn answer(&self) -> Answer;
}

/// A request as the ledger tells it, whichever face was asked.
#[derive(Debug, Default)]
pub(super) struct Asked {
    pub(super) account: String,
    pub(super) from: Option<String>,
    pub(super) to: String,
    pub(super) text: String,
    pub(super) media: Vec<String>,
    pub(super) segments: u32,
    pub(super) token: Option<String>,
    pub(super) service: Option<String>,
}

impl Asked {
    /// Its line, before anything is decided.
    pub(super) fn line(self, provider: &'static str, stamp: Stamp, delivery: Delivery) -> Line {
        Line {
            seq: stamp.seq,
            at_us: stamp.at_us,
            provider,
            account: self.account,
            accepted: false,
            answered: delivery.answered(),
            status: 0,
            code: None,
            provider_message_id: None,
            replay_of: None,
            from: self.from,
            to: self.to,
            text: self.text,
            media: self.media,
            segments: self.segments,
            token: self.token,
            service: self.service,
        }
    }
}

/// Would the provider send it?
#[derive(Debug)]
pub(super) enum Verdict<R> {
    Accepted {
        id: String,
    },
    /// It was accepted before, as this line, and is told again what it was told then.
    Replayed {
        of: u64,
        answer: Vec<u8>,
    },
    Refused(R),
    /// More than the sender's limit, which a fault set; the seconds to wait, or none.
    TooFast {
        retry_after: Option<u64>,
    },
    /// A fault took it, and answers in the provider's place.
    Lost,
}

impl<R: Refusal> Verdict<R> {
    /// The face's own verdict, unless a fault comes before it.
    pub(super) fn of(disturbance: Option<Disturbance>, own: impl FnOnce() -> Self) -> Self {
        if let Some(Disturbance::Throttle { .. }) = disturbance {
            return Self::Refused(R::throttled());
        }
        if disturbance.is_some_and(Disturbance::refuses) {
            return Self::Lost;
        }
        own()
    }

    /// What was going to be accepted, unless it is more than its sender's limit.
    pub(super) fn within(self, is_within: impl FnOnce() -> bool, retry_after: Option<u64>) -> Self {
        if matches!(self, Self::Accepted { .. }) && !is_within() {
            return Self::TooFast { retry_after };
        }
        self
    }

    /// Completes the line and words the answer. `body` is asked exactly where the message is
    /// accepted, and `success` is the status that goes with it.
    pub(super) fn write_down(
        self,
        line: &mut Line,
        disturbance: Option<Disturbance>,
        success: StatusCode,
        body: impl FnOnce(&Line) -> Vec<u8>,
    ) -> Answer {
        let (own_code, own_answer) = match self {
            Self::Accepted { id } => {
                line.accepted = true;
                line.provider_message_id = Some(id);
                (None, json_answer(success, body(line)))
            }
            Self::Replayed { of, answer } => {
                line.replay_of = Some(of);
                (None, json_answer(success, answer))
            }
            Self::Refused(refusal) => (refusal.code(), refusal.answer()),
            Self::TooFast { retry_after } => {
                let refusal = R::sender_throttled();
                let mut answer = refusal.answer();
                if let Some(seconds) = retry_after {
                    answer.headers_mut().insert(R::WAIT, HeaderValue::from(seconds));
                }
                (refusal.code(), answer)
            }
            Self::Lost => (None, exchange::proxy_error(StatusCode::SERVICE_UNAVAILABLE)),
        };
        let (code, answer) = disturbed::<R>(own_code, own_answer, disturbance, success);
        line.code = code;
        line.status = answer.status().as_u16();
        answer
    }
}

/// The answer with its error code, as the fault leaves it.
fn disturbed<R: Refusal>(
    code: Option<u32>,
    mut answer: Answer,
    disturbance: Option<Disturbance>,
    success: StatusCode,
) -> (Option<u32>, Answer) {
    match disturbance {
        Some(Disturbance::ServerError { status: 500, .. }) => {
            let refusal = R::internal();
            (refusal.code(), refusal.answer())
        }
        Some(Disturbance::ServerError { status, .. }) => {
            let named = StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_GATEWAY);
            (None, exchange::proxy_error(named))
        }
        Some(Disturbance::Garbage { pick, .. }) => (None, exchange::garbage(pick, success, &answer)),
        Some(Disturbance::Throttle { retry_after: Some(seconds) }) => {
            answer.headers_mut().insert(R::WAIT, HeaderValue::from(seconds));
            (code, answer)
        }
        Some(
            Disturbance::Throttle { retry_after: None } | Disturbance::Cut { .. } | Disturbance::Hang { .. },
        )
        | None => (code, answer),
    }
}
