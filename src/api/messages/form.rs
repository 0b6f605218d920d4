//! The body of `POST /sms/send`, checked: what is in a [`SendForm`] is well-formed.

use axum::http::HeaderValue;
use sendyard_actors::domain::message::Lane;
use sendyard_actors::domain::phone::E164;
use sendyard_actors::domain::time::Time;
use url::Url;
use utoipa::ToSchema;

use super::super::errors::{ApiError, Code};
use super::super::json::Object;
use super::noted;
use super::timed::Timed;

/// The longest message, in code points.
const LONGEST_MESSAGE: usize = 1600;
/// The longest idempotency key, in code points.
const LONGEST_KEY: usize = 256;
/// The most media of one message.
const MOST_MEDIA: usize = 10;
/// The longest media URL, in code points.
const LONGEST_URL: usize = 2048;

/// A message to be sent. Unknown fields are ignored.
#[derive(Debug, ToSchema)]
#[schema(as = SendRequest)]
pub(super) struct SendForm {
    /// The sending number, in E.164 form; an assistant of yours must have it.
    #[schema(value_type = String, pattern = r"^\+[1-9][0-9]{1,14}$", example = "+1234567890")]
    pub(super) from_phone_number: E164,
    /// The recipient, in E.164 form.
    #[schema(value_type = String, pattern = r"^\+[1-9][0-9]{1,14}$", example = "+1555123456")]
    pub(super) to_phone_number: E164,
    /// The text: 1 to 1600 code points, not blank, without NUL.
    #[schema(min_length = 1, max_length = 1600, example = "Hello from Sendyard")]
    pub(super) message: String,
    /// Up to 10 `http` or `https` URLs; any makes it an MMS.
    #[schema(required = false, nullable, max_items = 10)]
    pub(super) media_urls: Vec<String>,
    /// False: hand over now and answer with the outcome.
    #[schema(required = false, nullable, default = true)]
    pub(super) queue: bool,
    /// `urgent`, `normal` or `bulk`: what the message gets of its number's pace while others wait, 8, 3 and
    /// 1 parts of 12 unless the number has other weights. Order holds within a lane. An immediate message
    /// is a lane of its own.
    #[schema(required = false, nullable, value_type = String, default = "normal")]
    pub(super) lane: Lane,
    /// Up to 256 code points; the `Idempotency-Key` header wins; empty counts as absent.
    #[schema(max_length = 256)]
    pub(super) idempotency_key: Option<String>,
    /// Not before this; up to 35 days ahead, with its offset. What has passed means now. Until then the
    /// message holds up nothing; then it takes its place in its queue and its conversation. Not with `queue` false.
    #[schema(value_type = Option<String>, format = DateTime, example = "2026-11-23T20:00:00Z")]
    pub(super) send_at: Option<Time>,
    /// From then on it is not handed over any more: it is `failed`, with the code `expired`. Only one of this and
    /// `validity_seconds`.
    #[schema(value_type = Option<String>, format = DateTime, example = "2026-11-23T21:00:00Z")]
    pub(super) expires_at: Option<Time>,
    /// The same, so many seconds after `send_at`, else after it was accepted: up to 35 days.
    #[schema(minimum = 1, maximum = 3_024_000)]
    pub(super) validity_seconds: Option<u64>,
    /// What you call it: 1 to 128 code points, no control characters. Messages are listed and cancelled by it.
    #[schema(min_length = 1, max_length = 128, example = "order 1042")]
    pub(super) client_reference: Option<String>,
    /// What you keep with it: up to 16 fields with names of up to 40 code points, each a string, a number or a
    /// boolean; 2,048 bytes as JSON without blanks.
    #[schema(value_type = Option<Object>, example = json!({ "order": 1042, "shop": "north" }))]
    pub(super) metadata: Option<String>,
}

impl SendForm {
    /// Parses and checks a whole body. `key_header` is the `Idempotency-Key` header.
    pub(super) fn parse(body: &[u8], key_header: Option<&HeaderValue>, now: Time) -> Result<Self, ApiError> {
        Self::of(Object::parse(body)?, key_header, now)
    }

    /// Checks what was parsed.
    pub(super) fn of(
        mut object: Object,
        key_header: Option<&HeaderValue>,
        now: Time,
    ) -> Result<Self, ApiError> {
        let queue = object.boolean("queue")?.unwrap_or(true);
        let Timed { send_at, expires_at, validity_seconds } = Timed::read(&mut object, queue, now)?;
        Ok(Self {
            from_phone_number: phone_number(&mut object, "from_phone_number")?,
            to_phone_number: phone_number(&mut object, "to_phone_number")?,
            message: message(&mut object)?,
            media_urls: media_urls(&mut object)?,
            queue,
            lane: lane(&mut object)?,
            idempotency_key: idempotency_key(&mut object, key_header)?,
            send_at,
            expires_at,
            validity_seconds,
            client_reference: noted::client_reference(&mut object)?,
            metadata: noted::metadata(&mut object)?,
        })
    }
}

fn lane(object: &mut Object) -> Result<Lane, ApiError> {
    match object.text("lane")?.as_deref() {
        None | Some("normal") => Ok(Lane::Normal),
        Some("urgent") => Ok(Lane::Urgent),
        Some("bulk") => Ok(Lane::Bulk),
        Some(_) => Err(ApiError::invalid("Field 'lane' must be urgent, normal or bulk")),
    }
}

fn phone_number(object: &mut Object, name: &str) -> Result<E164, ApiError> {
    let text = object.required_text(name)?;
    text.parse().map_err(|_| {
        let detail = format!("Invalid {name} format. Use E.164 format (e.g., +1234567890)");
        ApiError::new(Code::InvalidPhoneNumber, detail)
    })
}

fn message(object: &mut Object) -> Result<String, ApiError> {
    let text = object.required_text("message")?;
    if text.trim().is_empty() {
        return Err(ApiError::invalid("Field 'message' must not be empty or blank"));
    }
    if text.contains('\0') {
        return Err(ApiError::invalid("Field 'message' must not contain the NUL character"));
    }
    at_most(LONGEST_MESSAGE, &text, "Field 'message'")?;
    Ok(text)
}

fn media_urls(object: &mut Object) -> Result<Vec<String>, ApiError> {
    let urls = object.texts("media_urls")?;
    if urls.len() > MOST_MEDIA {
        let detail = format!("Field 'media_urls' may hold at most {MOST_MEDIA} URLs, not {}", urls.len());
        return Err(ApiError::invalid(detail));
    }
    for url in &urls {
        at_most(LONGEST_URL, url, "Each of 'media_urls'")?;
        if !is_web_url(url) {
            return Err(ApiError::invalid("Each of 'media_urls' must be an http or https URL with a host"));
        }
    }
    Ok(urls)
}

/// The provider gets the text as it came, so what the parser would repair is refused: blanks and
/// control characters, a missing `//`.
fn is_web_url(text: &str) -> bool {
    if text.contains(|letter: char| letter.is_whitespace() || letter.is_control()) {
        return false;
    }
    let Some((scheme, _)) = text.split_once("://") else { return false };
    let web = scheme.eq_ignore_ascii_case("http") || scheme.eq_ignore_ascii_case("https");
    web && Url::parse(text).is_ok_and(|url| url.has_host())
}

/// The header wins over the field; an empty one counts as absent.
fn idempotency_key(object: &mut Object, header: Option<&HeaderValue>) -> Result<Option<String>, ApiError> {
    let field = object.text("idempotency_key")?.filter(|key| !key.is_empty());
    let Some(header) = header.filter(|header| !header.is_empty()) else {
        let Some(key) = field else { return Ok(None) };
        at_most(LONGEST_KEY, &key, "Field 'idempotency_key'")?;
        return Ok(Some(key));
    };
    let Ok(key) = std::str::from_utf8(header.as_bytes()) else {
        return Err(ApiError::invalid("Header 'Idempotency-Key' must be UTF-8 text"));
    };
    at_most(LONGEST_KEY, key, "Header 'Idempotency-Key'")?;
    Ok(Some(key.to_owned()))
}

fn at_most(limit: usize, text: &str, what: &str) -> Result<(), ApiError> {
    let length = text.chars().count();
    if length <= limit {
        return Ok(());
    }
    Err(ApiError::invalid(format!("{what} may have at most {limit} characters, not {length}")))
}

#[cfg(test)]
mod tests;
