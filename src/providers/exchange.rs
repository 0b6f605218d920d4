//! One HTTP exchange: a request written at most once, and what came back, bounded in size and time.
//!
//! Also what follows when nothing usable came back. The rule is DESIGN.md's *Once*: an attempt is
//! refused only if it is certain that the provider has nothing; whatever may have been written and
//! was not answered is unknown.

use std::error::Error;
use std::pin::pin;
use std::time::{Duration, SystemTime};

use reqwest::header::{HeaderMap, RETRY_AFTER};
use reqwest::{Client, Request, Response, StatusCode};
use sendyard_actors::domain::outcome::{Class, Doubt, Outcome, Refusal, Slows};
use serde_json::Value;
use tokio::select;
use tokio::time::sleep;

use super::reading::{self, bounded_detail};

/// More of an answer's body is not read; a real answer has a few hundred bytes.
pub(super) const BODY_LIMIT: usize = 64 * 1024;

/// A longer wait that an answer asks for is cut to this: the engine should ask again within its own day.
const LONGEST_WAIT: Duration = Duration::from_hours(1);

/// Seconds until the limit on requests allows more. Telnyx writes it on every answer; elsewhere the
/// same name may mean an instant.
const RATE_LIMIT_RESET: &str = "x-ratelimit-reset";

/// Keeps the deadline inside what an instant can hold.
const LONGEST_PATIENCE: Duration = Duration::from_hours(1);

/// What a provider answered.
#[derive(Debug)]
pub(super) struct Answer {
    /// The status of its head.
    pub(super) status: StatusCode,
    /// When it asks to be tried again (`Retry-After`, seconds or a date), at most an hour.
    pub(super) retry_after: Option<Duration>,
    /// Its `x-ratelimit-reset` as seconds, at most an hour. It says nothing of this answer unless that
    /// is itself about the limit.
    pub(super) rate_limit_reset: Option<Duration>,
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

    /// The body as JSON, with `secret` taken out of every text in it, if it is JSON and could be had.
    pub(super) fn said(&self, secret: &str) -> Option<Value> {
        reading::said(self.body.as_ref().ok()?, secret)
    }

    /// The named fields of a body that is a JSON object, with `secret` taken out of every text in them.
    pub(super) fn fields<const N: usize>(
        &self,
        names: [&str; N],
        secret: &str,
    ) -> Option<[Option<Value>; N]> {
        reading::fields(self.body.as_ref().ok()?, names, secret)
    }

    /// The text of a refusal for people: the provider's own, else the status. A body that is not the
    /// provider's is not quoted: it may be anybody's, and repeat our request.
    pub(super) fn detail(&self, message: Option<&str>) -> String {
        match message.filter(|text| !text.is_empty()) {
            Some(text) => bounded_detail(text),
            None => format!("http status {} without a message", self.status.as_u16()),
        }
    }

    /// Whose pace a 429 is about that says no more: requests are counted for the account. One with a code that we
    /// know is about what that says.
    pub(super) fn slows_by_status(&self, code_is_known: bool) -> Option<Slows> {
        (self.status.as_u16() == 429 && !code_is_known).then_some(Slows::Account)
    }

    /// What the status alone refuses, for an answer whose code says nothing to us. `None`: it
    /// neither accepts nor refuses.
    pub(super) fn class_by_status(&self) -> Option<Class> {
        match self.status.as_u16() {
            // A proxy on the way gave up waiting; whether it passed the request on is not said.
            408 => None,
            // "Send this same request elsewhere": our base URL is wrong. Not so 302 and 303, which may
            // also be said after the request was worked on.
            301 | 307 | 308 | 401 | 402 | 403 | 404 | 407 => Some(Class::Configuration),
            425 | 429 => Some(Class::Retry),
            400..=499 => Some(Class::Request),
            _ => None,
        }
    }
}

/// A request with this body that is else like `template`: what is the same in every request of an account
/// is made once.
pub(super) fn with_body(template: &Request, body: String) -> Request {
    let mut request = Request::new(template.method().clone(), template.url().clone());
    *request.headers_mut() = template.headers().clone();
    *request.body_mut() = Some(body.into());
    request
}

/// Sends the request and reads the answer, both within `patience` from the first poll. `Err` is the
/// outcome where no answer's head came.
///
/// The first poll starts the request: nothing is awaited before it.
pub(super) async fn exchange(http: &Client, request: Request, patience: Duration) -> Result<Answer, Outcome> {
    let mut patience = pin!(sleep(patience.min(LONGEST_PATIENCE)));
    let response = select! {
        biased;
        answered = http.execute(request) => answered.map_err(|error| failed(&error))?,
        () = &mut patience => return Err(Outcome::Unknown(Doubt::NoAnswer)),
    };
    let status = response.status();
    let retry_after = retry_after(response.headers(), SystemTime::now());
    let rate_limit_reset = rate_limit_reset(response.headers());
    let body = select! {
        biased;
        read = read_body(response) => read,
        () = &mut patience => Err(Doubt::NoAnswer),
    };
    Ok(Answer { status, retry_after, rate_limit_reset, body })
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
    Outcome::Refused(Refusal { class, code: Some(code.to_owned()), detail, retry_after: None, slows: None })
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

/// A date counts from `now`, the system's wall clock; one that is over is a wait of nothing.
fn retry_after(headers: &HeaderMap, now: SystemTime) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    let wait = seconds(text).or_else(|| until(text, now))?;
    Some(wait.min(LONGEST_WAIT))
}

fn rate_limit_reset(headers: &HeaderMap) -> Option<Duration> {
    let text = headers.get(RATE_LIMIT_RESET)?.to_str().ok()?.trim();
    Some(seconds(text)?.min(LONGEST_WAIT))
}

fn seconds(text: &str) -> Option<Duration> {
    let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    // A number too large for us is still a number: the bound applies.
    is_number.then(|| Duration::from_secs(text.parse().unwrap_or(u64::MAX)))
}

fn until(date: &str, now: SystemTime) -> Option<Duration> {
    let then = httpdate::parse_http_date(date).ok()?;
    Some(then.duration_since(now).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use reqwest::header::HeaderName;

    use super::*;

    #[test]
    fn retry_after_is_read_as_seconds_or_a_date_and_bounded() {
        // 784111777 is Sun, 06 Nov 1994 08:49:37 GMT, as every HTTP standard writes it.
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(784_111_777);
        let table = [
            ("7", Some(7)),
            (" 30 ", Some(30)),
            ("0", Some(0)),
            ("3601", Some(3600)),
            ("99999999999999999999999", Some(3600)),
            ("-1", None),
            ("1.5", None),
            ("", None),
            ("soon", None),
            ("Sun, 06 Nov 1994 08:49:47 GMT", Some(10)),
            ("Sunday, 06-Nov-94 08:49:47 GMT", Some(10)),
            ("Sun Nov  6 08:49:47 1994", Some(10)),
            ("Sun, 06 Nov 1994 08:49:37 GMT", Some(0)),
            ("Sun, 06 Nov 1994 08:49:36 GMT", Some(0)),
            ("Mon, 07 Nov 1994 08:49:37 GMT", Some(3600)),
            ("Fri, 31 Dec 9999 23:59:59 GMT", Some(3600)),
            ("Sun, 31 Nov 1994 08:49:37 GMT", None),
            ("Sun, 06 Nov 1994 08:49:47 PST", None),
        ];
        for (text, seconds) in table {
            let headers = HeaderMap::from_iter([(RETRY_AFTER, text.parse().unwrap())]);
            assert_eq!(retry_after(&headers, now), seconds.map(Duration::from_secs), "{text:?}");
        }
        assert_eq!(retry_after(&HeaderMap::new(), now), None);
    }

    #[test]
    fn a_rate_limits_reset_is_read_as_seconds_and_bounded() {
        let table = [("12", Some(12)), ("1795478400", Some(3600)), ("0.5", None), ("-3", None), ("", None)];
        for (text, seconds) in table {
            let headers =
                HeaderMap::from_iter([(HeaderName::from_static(RATE_LIMIT_RESET), text.parse().unwrap())]);
            assert_eq!(rate_limit_reset(&headers), seconds.map(Duration::from_secs), "{text:?}");
        }
        assert_eq!(rate_limit_reset(&HeaderMap::new()), None);
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
            (402, Some(Class::Configuration)),
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
            let answer = Answer { status, retry_after: None, rate_limit_reset: None, body: Ok(Vec::new()) };
            assert_eq!(answer.class_by_status(), class, "{status}");
        }
    }
}
