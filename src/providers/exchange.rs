//! One HTTP exchange: a request written at most once, and what came back, bounded in size and time.
//!
//! Also what follows when nothing usable came back. The rule is DESIGN.md's *Once*: an attempt is
//! refused only if it is certain that the provider has nothing; whatever may have been written and
//! was not answered is unknown.

use std::error::Error;
use std::time::Duration;

use reqwest::header::{HeaderMap, RETRY_AFTER};
use reqwest::{Client, Request, Response, StatusCode};
use sendyard_actors::domain::outcome::{Class, Doubt, Outcome, Refusal};
use tokio::time::{Instant, timeout_at};

use super::reading::bounded_detail;

/// More of an answer's body is not read; a real answer has a few hundred bytes.
pub(super) const BODY_LIMIT: usize = 64 * 1024;

/// A longer `Retry-After` is cut to this: the engine should ask again within its own day.
const LONGEST_RETRY_AFTER: Duration = Duration::from_hours(1);

/// Keeps the deadline inside what an instant can hold.
const LONGEST_PATIENCE: Duration = Duration::from_hours(1);

/// What a provider answered.
#[derive(Debug)]
pub(super) struct Answer {
    /// The status of its head.
    pub(super) status: StatusCode,
    /// When it asks to be tried again; integer seconds only, a date is taken for none.
    pub(super) retry_after: Option<Duration>,
    /// The whole body, or why it could not be had.
    pub(super) body: Result<Vec<u8>, Doubt>,
}

impl Answer {
    /// Why nobody knows, for an answer that says neither yes nor no.
    pub(super) fn doubt(&self) -> Doubt {
        match self.body {
            Ok(_) => Doubt::UnclearAnswer,
            Err(doubt) => doubt,
        }
    }

    /// What the status alone refuses, for an answer whose code says nothing to us. `None`: it
    /// neither accepts nor refuses.
    pub(super) fn class_by_status(&self) -> Option<Class> {
        match self.status.as_u16() {
            // A proxy on the way gave up waiting; whether it passed the request on is not said.
            408 => None,
            // "Send this same request elsewhere": our base URL is wrong. Not so 302 and 303, which may
            // also be said after the request was worked on.
            301 | 307 | 308 | 401 | 403 | 404 | 407 => Some(Class::Configuration),
            425 | 429 => Some(Class::Retry),
            400..=499 => Some(Class::Request),
            _ => None,
        }
    }
}

/// Sends the request and reads the answer, both within `patience` from the first poll. `Err` is the
/// outcome where no answer's head came.
///
/// The first poll starts the request: nothing is awaited before it.
pub(super) async fn exchange(http: &Client, request: Request, patience: Duration) -> Result<Answer, Outcome> {
    let deadline = Instant::now() + patience.min(LONGEST_PATIENCE);
    let response = match timeout_at(deadline, http.execute(request)).await {
        Ok(Ok(response)) => response,
        Ok(Err(error)) => return Err(failed(&error)),
        Err(_) => return Err(Outcome::Unknown(Doubt::NoAnswer)),
    };
    let status = response.status();
    let retry_after = retry_after(response.headers());
    let body = match timeout_at(deadline, read_body(response)).await {
        Ok(read) => read,
        Err(_) => Err(Doubt::NoAnswer),
    };
    Ok(Answer { status, retry_after, body })
}

/// The outcome of a request that could not even be built: our settings are wrong, nothing was written.
pub(super) fn not_built(error: &reqwest::Error) -> Outcome {
    refused(Class::Configuration, "request", &format!("the request cannot be built: {}", innermost(error)))
}

fn failed(error: &reqwest::Error) -> Outcome {
    if error.is_builder() {
        return not_built(error);
    }
    if error.is_connect() {
        return refused(Class::Retry, "connect", &format!("cannot connect: {}", innermost(error)));
    }
    Outcome::Unknown(Doubt::ConnectionLost)
}

fn refused(class: Class, code: &str, detail: &str) -> Outcome {
    let detail = bounded_detail(detail);
    Outcome::Refused(Refusal { class, code: Some(code.to_owned()), detail, retry_after: None })
}

/// The text of the first cause. The outer ones repeat it, and the outermost holds the URL.
fn innermost(error: &reqwest::Error) -> String {
    let Some(mut cause) = error.source() else { return "invalid request".to_owned() };
    while let Some(deeper) = cause.source() {
        cause = deeper;
    }
    cause.to_string()
}

async fn read_body(mut response: Response) -> Result<Vec<u8>, Doubt> {
    let mut body = Vec::new();
    loop {
        let Ok(next) = response.chunk().await else { return Err(Doubt::ConnectionLost) };
        let Some(chunk) = next else { return Ok(body) };
        if body.len() + chunk.len() > BODY_LIMIT {
            return Err(Doubt::UnclearAnswer);
        }
        body.extend_from_slice(&chunk);
    }
}

fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    // A number too large for us is still a number: the bound applies.
    let seconds = is_number.then(|| text.parse().unwrap_or(u64::MAX))?;
    Some(Duration::from_secs(seconds).min(LONGEST_RETRY_AFTER))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn retry_after_is_read_as_seconds_and_bounded() {
        let table = [
            ("7", Some(7)),
            (" 30 ", Some(30)),
            ("0", Some(0)),
            ("3601", Some(3600)),
            ("99999999999999999999999", Some(3600)),
            ("-1", None),
            ("1.5", None),
            ("", None),
            ("Wed, 21 Oct 2026 07:28:00 GMT", None),
        ];
        for (text, seconds) in table {
            let headers = HeaderMap::from_iter([(RETRY_AFTER, text.parse().unwrap())]);
            assert_eq!(retry_after(&headers), seconds.map(Duration::from_secs), "{text:?}");
        }
        assert_eq!(retry_after(&HeaderMap::new()), None);
    }

    #[test]
    fn a_status_alone_refuses_only_where_nothing_can_have_been_accepted() {
        let table = [
            (101, None),
            (200, None),
            (204, None),
            (300, None),
            (301, Some(Class::Configuration)),
            (302, None),
            (303, None),
            (304, None),
            (307, Some(Class::Configuration)),
            (308, Some(Class::Configuration)),
            (400, Some(Class::Request)),
            (401, Some(Class::Configuration)),
            (403, Some(Class::Configuration)),
            (404, Some(Class::Configuration)),
            (407, Some(Class::Configuration)),
            (408, None),
            (413, Some(Class::Request)),
            (425, Some(Class::Retry)),
            (429, Some(Class::Retry)),
            (499, Some(Class::Request)),
            (500, None),
            (503, None),
            (599, None),
            (999, None),
        ];
        for (status, class) in table {
            let status = StatusCode::from_u16(status).unwrap();
            let answer = Answer { status, retry_after: None, body: Ok(Vec::new()) };
            assert_eq!(answer.class_by_status(), class, "{status}");
        }
    }
}
