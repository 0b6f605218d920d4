//! Twilio's answer → our outcome (PROVIDERS.md §1.2, §1.3).
//!
//! Read leniently: fields may be missing, new ones may come, numbers may be strings. What is left of
//! an answer that cannot be read is its status.

use sendyard_actors::domain::outcome::{Acceptance, Outcome, Refusal};
use serde_json::Value;

use super::codes::{self, Code};
use crate::providers::exchange::Answer;
use crate::providers::reading::{id, positive_count, word};

/// Twilio's first status of a message without a messaging service.
const FIRST_STATUS: &str = "queued";

/// What an answer says of the attempt. `secret` is kept out of every text that is recorded.
pub(super) fn outcome(answer: &Answer, secret: &str) -> Outcome {
    let outcome = if answer.status.is_success() {
        acceptance(answer, secret).map(Outcome::Accepted)
    } else {
        refusal(answer, secret).map(Outcome::Refused)
    };
    outcome.unwrap_or(Outcome::Unknown(answer.doubt()))
}

/// A message resource. Without its `sid` it is none.
fn acceptance(answer: &Answer, secret: &str) -> Option<Acceptance> {
    let [sid, status, segments] = answer.fields(["sid", "status", "num_segments"], secret)?;
    Some(Acceptance {
        provider_id: id(sid.as_ref())?,
        provider_status: word(status.as_ref()).unwrap_or_else(|| FIRST_STATUS.to_owned()),
        // "0" as long as a messaging service has not picked a sender.
        segments: positive_count(segments.as_ref()),
    })
}

/// A definite no, or `None` where the answer leaves it open whether the message was taken.
fn refusal(answer: &Answer, secret: &str) -> Option<Refusal> {
    let [code, message] = answer.fields(["code", "message"], secret).unwrap_or_default();
    let code = word(code.as_ref());
    let known = code.as_deref().and_then(|code| code.parse().ok()).and_then(codes::find);
    let refuses = |code: &&Code| answer.status.is_client_error() || code.never_processed;
    let class = match known.filter(refuses) {
        Some(row) => row.class,
        None => answer.class_by_status()?,
    };
    let message = message.as_ref().and_then(Value::as_str);
    let retry_after = answer.retry_after.or(known.and_then(|row| row.wait));
    let slows = known.and_then(|row| row.slows).or_else(|| answer.slows_by_status(known.is_some()));
    Some(Refusal { class, code, detail: answer.detail(message), retry_after, slows })
}
