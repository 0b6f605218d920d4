//! Vonage's answer → our outcome (PROVIDERS.md §3.3, §3.4).
//!
//! Read leniently: fields may be missing, new ones may come, numbers may be strings. What is left of
//! an answer that cannot be read is its status.

use sendyard_actors::domain::outcome::{Acceptance, Class, Outcome, Refusal};
use serde_json::Value;

use super::authorization::Authorization;
use super::codes::{self, Code};
use crate::providers::exchange::Answer;
use crate::providers::reading::{bounded_detail, id, word};

/// What a 202 means. It names no status, and Vonage's first one, `submitted`, says more: that the
/// message went on to the carrier.
const FIRST_STATUS: &str = "queued";

/// What an answer says of the attempt. What signed its request in is kept out of every text that is
/// recorded.
pub(super) fn outcome(answer: &Answer, authorization: &Authorization) -> Outcome {
    let said = answer.body.as_ref().ok().and_then(|body| authorization.said(body));
    let outcome = if answer.status.is_success() {
        said.as_ref().and_then(acceptance).map(Outcome::Accepted)
    } else {
        refusal(answer, said.as_ref()).map(Outcome::Refused)
    };
    outcome.unwrap_or(Outcome::Unknown(answer.doubt()))
}

/// Without its `message_uuid` it is none. Segments are told in a status report only.
fn acceptance(said: &Value) -> Option<Acceptance> {
    Some(Acceptance {
        provider_id: id(said.get("message_uuid"))?,
        provider_status: FIRST_STATUS.to_owned(),
        segments: None,
    })
}

/// A definite no, or `None` where the answer leaves it open whether the message was taken.
fn refusal(answer: &Answer, said: Option<&Value>) -> Option<Refusal> {
    let code = said.and_then(code);
    let row = code.as_deref().and_then(codes::find);
    let class = class(answer, row)?;
    // As for the class, the code counts only where the status does not contradict it.
    let slows = row.and_then(|row| row.slows).filter(|_| class == Class::Retry);
    let slows = slows.or_else(|| answer.slows_by_status(slows.is_some()));
    let detail = match said.and_then(message) {
        Some(message) => bounded_detail(&message),
        // A body that is not Vonage's is not quoted: it may be anybody's, and repeat our request.
        None => format!("http status {} without a message", answer.status.as_u16()),
    };
    Some(Refusal { class, code, detail, retry_after: answer.retry_after, slows })
}

/// The status first; a code only says what kind of bad request it was.
fn class(answer: &Answer, row: Option<&Code>) -> Option<Class> {
    if row.is_some_and(|row| row.class.is_none()) {
        return None;
    }
    let by_status = match answer.status.as_u16() {
        // Balance.
        402 => Class::Configuration,
        _ => answer.class_by_status()?,
    };
    match by_status {
        Class::Request => row.and_then(|row| row.class).or(Some(by_status)),
        _ => Some(by_status),
    }
}

/// A number or a word, found nowhere but in the fragment of the URL that explains it.
fn code(said: &Value) -> Option<String> {
    let (_, fragment) = said.get("type")?.as_str()?.rsplit_once('#')?;
    word(Some(&Value::from(fragment)))
}

/// The longer text, else the heading, and which parameters are meant where it names them.
fn message(said: &Value) -> Option<String> {
    let text = |key| said.get(key).and_then(Value::as_str).filter(|text| !text.is_empty());
    let mut message = text("detail").or_else(|| text("title"))?.to_owned();
    let parameters = said.get("invalid_parameters").and_then(Value::as_array);
    for parameter in parameters.into_iter().flatten() {
        let part = |key| parameter.get(key).and_then(Value::as_str);
        if let (Some(name), Some(reason)) = (part("name"), part("reason")) {
            message.extend(["; ", name, ": ", reason]);
        }
    }
    Some(message)
}
