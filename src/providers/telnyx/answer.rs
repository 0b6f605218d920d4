//! Telnyx's answer → our outcome (PROVIDERS.md §2.2, §2.3).
//!
//! Read leniently: fields may be missing, new ones may come, numbers may be strings. What is left of
//! an answer that cannot be read is its status.
//!
//! Unknown is cheap here, as the engine settles it by writing the same request again under the same
//! key. So it is what every answer means that does not plainly refuse: 5xx whatever their code, and
//! *unexpected error* and *timeout* whatever their status.
//!
//! The key itself brings two more. A request under a key that stands for other bytes is answered 422
//! while the first one's success is remembered, and one under a key that is being worked on probably
//! 409. Both say that a request of ours was or may be taken. Nothing documented tells them from a 422
//! on the fields of the request, so such a status refuses only where it must be about this request:
//! * if anything in it speaks of idempotency, it does not refuse, whatever its code;
//! * else, with a code of our table it does: Telnyx looked at the fields;
//! * else, a 422 does where no earlier attempt of the message may have arrived, so that nothing can
//!   stand under its key; a 409 never does.

use sendyard_actors::domain::outcome::{Acceptance, Class, Outcome, Refusal};
use serde_json::Value;

use super::codes::{self, Code};
use crate::providers::exchange::Answer;
use crate::providers::reading::{id, positive_count, word};

/// Telnyx's first status of a message.
const FIRST_STATUS: &str = "queued";

/// Of *idempotency* and *idempotent*, in lower case.
const ABOUT_THE_KEY: &str = "idempoten";

/// What an answer says of the attempt. `is_repeat`: an earlier attempt of the message may have
/// arrived. `secret` is kept out of every text that is recorded.
pub(super) fn outcome(answer: &Answer, is_repeat: bool, secret: &str) -> Outcome {
    let said = answer.said(secret);
    let outcome = if answer.status.is_success() {
        said.as_ref().and_then(acceptance).map(Outcome::Accepted)
    } else {
        refusal(answer, said.as_ref(), is_repeat).map(Outcome::Refused)
    };
    outcome.unwrap_or(Outcome::Unknown(answer.doubt()))
}

/// A message resource. Without its `id` it is none.
fn acceptance(said: &Value) -> Option<Acceptance> {
    let data = said.get("data")?;
    Some(Acceptance {
        provider_id: id(data.get("id"))?,
        provider_status: word(data.pointer("/to/0/status")).unwrap_or_else(|| FIRST_STATUS.to_owned()),
        segments: positive_count(data.get("parts")),
    })
}

/// A definite no, or `None` where the answer leaves it open whether the message was taken.
fn refusal(answer: &Answer, said: Option<&Value>, is_repeat: bool) -> Option<Refusal> {
    let errors = errors(said);
    let known = |error: &Value| row(error).is_some();
    let may_have_been_taken = errors.iter().filter_map(row).any(|row| row.class.is_none());
    if may_have_been_taken || is_about_the_key(answer, said) {
        return None;
    }
    // Each error refuses by itself, and none is more true than another: the first that we know gives
    // class, code and text, so that they belong together. Telnyx names first what it found first.
    let told = errors.iter().find(|error| known(error)).or(errors.first());
    let row = told.and_then(row).filter(|_| answer.status.is_client_error());
    let class = match row {
        Some(row) => row.class?,
        None => class_by_status(answer, is_repeat)?,
    };
    let message = told.and_then(message);
    let limit_resets = answer.rate_limit_reset.filter(|_| is_throttle(answer, class));
    Some(Refusal {
        class,
        code: told.and_then(|error| word(error.get("code"))),
        detail: answer.detail(message),
        slows: row.and_then(|row| row.slows).or_else(|| answer.slows_by_status(row.is_some())),
        retry_after: answer.retry_after.or(row.and_then(|row| row.wait)).or(limit_resets),
    })
}

fn errors(said: Option<&Value>) -> &[Value] {
    said.and_then(|body| body.get("errors")).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

fn row(error: &Value) -> Option<&'static Code> {
    word(error.get("code"))?.parse().ok().and_then(codes::find)
}

/// The longer text, else the heading.
fn message(error: &Value) -> Option<&str> {
    let text = |key| error.get(key).and_then(Value::as_str).filter(|text| !text.is_empty());
    text("detail").or_else(|| text("title"))
}

fn is_about_the_key(answer: &Answer, said: Option<&Value>) -> bool {
    let may_be = matches!(answer.status.as_u16(), 409 | 422);
    may_be && said.is_some_and(|body| body.to_string().to_ascii_lowercase().contains(ABOUT_THE_KEY))
}

fn class_by_status(answer: &Answer, is_repeat: bool) -> Option<Class> {
    match answer.status.as_u16() {
        409 => None,
        422 if is_repeat => None,
        _ => answer.class_by_status(),
    }
}

/// The limit's headers come with every answer; only here are they the reason for it.
fn is_throttle(answer: &Answer, class: Class) -> bool {
    answer.status.as_u16() == 429 && class == Class::Retry
}
