//! The JSON that asks for a message, and what Vonage wants of it.

use std::ops::RangeInclusive;

use serde_json::{Map, Value};

use super::error::VonageError;
use super::limits::VonageLimits;
use crate::twin::senders::{SenderKind, is_msisdn};
use crate::twin::verdict::Asked;
use crate::twin::{callback_url, segments};

/// Characters of an SMS.
const LONGEST_TEXT: usize = 1_000;
/// Characters of an attachment's caption.
const LONGEST_CAPTION: usize = 3_000;
/// Characters of `client_ref`.
const LONGEST_REF: usize = 100;
/// Seconds that an MMS may be given.
const MMS_TTL: RangeInclusive<u64> = 300..=259_200;
/// What an MMS may carry, beside text.
const ATTACHMENTS: [&str; 5] = ["image", "vcard", "audio", "video", "file"];

/// The fields that the twin looks at; all others are welcome and ignored.
#[derive(Debug, Default)]
pub(super) struct SendRequest {
    /// Numbers with `+`; `token` is `client_ref`.
    pub(super) asked: Asked,
    pub(super) mms: bool,
    /// Where its callbacks are to go.
    pub(super) callback: Option<String>,
    /// What is wrong with it, whoever asks.
    wrong: Option<VonageError>,
}

impl SendRequest {
    /// Never fails: what is no JSON object has no fields.
    pub(super) fn parse(body: &[u8]) -> Self {
        let Ok(Value::Object(fields)) = serde_json::from_slice(body) else {
            return Self { wrong: Some(VonageError::InvalidJson), ..Self::default() };
        };
        let mut request = Self::default();
        request.asked.to = with_plus(text(&fields, "to"));
        request.asked.from = Some(with_plus(text(&fields, "from"))).filter(|from| !from.is_empty());
        request.asked.token = Some(text(&fields, "client_ref").to_owned()).filter(|token| !token.is_empty());
        request.mms = text(&fields, "channel") == "mms";
        request.callback = Some(text(&fields, "webhook_url").to_owned()).filter(|url| !url.is_empty());
        request.wrong = request.read_content(&fields).and_then(|()| check_fields(&fields)).err();
        request.asked.segments = match text_in(&fields, "sms", "encoding_type") {
            _ if request.mms => 1,
            "unicode" => segments::count_ucs2(&request.asked.text),
            _ => segments::count(&request.asked.text),
        };
        request
    }

    fn read_content(&mut self, fields: &Map<String, Value>) -> Result<(), VonageError> {
        let kind = required(fields, "message_type")?;
        match (required(fields, "channel")?, kind) {
            ("sms" | "mms", "text") if !fields.contains_key("content") => {
                required(fields, "text")?.clone_into(&mut self.asked.text);
            }
            ("mms", _) if fields.contains_key("content") => {
                let content = fields.get("content").and_then(Value::as_array);
                let attachments = content.filter(|list| !list.is_empty());
                for attachment in attachments.ok_or(VonageError::Invalid("content"))? {
                    self.attach(attachment).ok_or(VonageError::Invalid("content"))?;
                }
            }
            ("mms", _) => {
                let field = ATTACHMENTS
                    .into_iter()
                    .find(|known| *known == kind)
                    .ok_or(VonageError::Invalid("message_type"))?;
                let attachment = fields.get(field).ok_or(VonageError::Missing(field))?;
                self.attach(attachment).ok_or(VonageError::Invalid(field))?;
            }
            ("sms", _) => return Err(VonageError::Invalid("message_type")),
            _ => return Err(VonageError::Invalid("channel")),
        }
        if text(fields, "channel") == "sms" && self.asked.text.chars().count() > LONGEST_TEXT {
            return Err(VonageError::Invalid("text"));
        }
        Ok(())
    }

    /// None: not an attachment.
    fn attach(&mut self, attachment: &Value) -> Option<()> {
        let attachment = attachment.as_object()?;
        let url = text(attachment, "url");
        let kind = attachment.get("type").map_or(Some(""), Value::as_str)?;
        let caption = attachment.get("caption").map_or(Some(""), Value::as_str)?;
        let fits = callback_url::is_http(url)
            && (kind.is_empty() || ATTACHMENTS.contains(&kind))
            && caption.chars().count() <= LONGEST_CAPTION;
        if !fits {
            return None;
        }
        self.asked.media.push(url.to_owned());
        if !caption.is_empty() {
            if !self.asked.text.is_empty() {
                self.asked.text.push('\n');
            }
            self.asked.text.push_str(caption);
        }
        Some(())
    }

    /// Vonage's checks that need no memory. Their order is not documented.
    pub(super) fn check(&self, limits: &VonageLimits) -> Result<(), VonageError> {
        if let Some(wrong) = &self.wrong {
            return Err(wrong.clone());
        }
        let from = self.asked.from.as_deref().ok_or(VonageError::Missing("from"))?;
        let owned = limits.numbers.is_empty() || limits.numbers.contains(from);
        if SenderKind::of(from).is_none() || !owned {
            return Err(VonageError::FromRefused);
        }
        Ok(())
    }
}

/// All but the content.
fn check_fields(fields: &Map<String, Value>) -> Result<(), VonageError> {
    if !is_msisdn(required(fields, "to")?) {
        return Err(VonageError::ToInvalid);
    }
    if required(fields, "from")?.starts_with('+') {
        return Err(VonageError::FromRefused);
    }
    if let Some(ttl) = fields.get("ttl") {
        let fits =
            |seconds: u64| seconds > 0 && (text(fields, "channel") == "sms" || MMS_TTL.contains(&seconds));
        if !ttl.as_u64().is_some_and(fits) {
            return Err(VonageError::InvalidTtl);
        }
    }
    let fits = |field: &str, allowed: &dyn Fn(&str) -> bool| {
        fields.get(field).is_none_or(|value| value.as_str().is_some_and(allowed))
    };
    if !fits("client_ref", &|value| value.chars().count() <= LONGEST_REF) {
        return Err(VonageError::Invalid("client_ref"));
    }
    if !fits("webhook_url", &callback_url::is_http) {
        return Err(VonageError::Invalid("webhook_url"));
    }
    if !fits("webhook_version", &|value| ["v1", "v0.1"].contains(&value)) {
        return Err(VonageError::Invalid("webhook_version"));
    }
    if !["", "text", "unicode", "auto"].contains(&text_in(fields, "sms", "encoding_type")) {
        return Err(VonageError::Invalid("sms"));
    }
    Ok(())
}

/// Empty where there is none.
fn text<'a>(fields: &'a Map<String, Value>, field: &str) -> &'a str {
    fields.get(field).and_then(Value::as_str).unwrap_or_default()
}

fn text_in<'a>(fields: &'a Map<String, Value>, outer: &str, inner: &str) -> &'a str {
    fields.get(outer).and_then(Value::as_object).map_or("", |fields| text(fields, inner))
}

fn required<'a>(fields: &'a Map<String, Value>, field: &'static str) -> Result<&'a str, VonageError> {
    match fields.get(field) {
        None | Some(Value::Null) => Err(VonageError::Missing(field)),
        Some(Value::String(text)) if text.is_empty() => Err(VonageError::Missing(field)),
        Some(Value::String(text)) => Ok(text),
        Some(_) => Err(VonageError::Invalid(field)),
    }
}

/// A number as the ledger writes it; short codes, names and what is neither stay as they are.
fn with_plus(number: &str) -> String {
    if is_msisdn(number) { format!("+{number}") } else { number.to_owned() }
}
