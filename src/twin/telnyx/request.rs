//! The JSON that asks for a message, and what Telnyx wants of it.

use std::collections::HashSet;

use serde_json::{Map, Value};

use super::error::TelnyxError;
use super::limits::TelnyxLimits;
use super::resource::Extras;
use crate::twin::senders::{SenderKind, is_e164};
use crate::twin::verdict::Asked;
use crate::twin::{callback_url, segments};

/// Source: the field `parts` of the answer, 1 to 10.
const MOST_PARTS: u32 = 10;
/// Source: Telnyx's guide on MMS.
const MOST_MEDIA: usize = 10;
/// Source: error 10003.
const LONGEST_URL: usize = 2_000;

/// What counts against which of the account's rates.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Kind {
    Sms,
    Mms,
}

/// The fields that the twin looks at; all others are welcome and ignored.
#[derive(Debug, Default)]
pub(super) struct SendRequest {
    /// `service` is the messaging profile.
    pub(super) asked: Asked,
    /// Told back in the answer.
    pub(super) extras: Extras,
    kind: Option<String>,
    encoding: Option<String>,
    /// What is wrong with the JSON as such.
    malformed: Option<TelnyxError>,
}

impl SendRequest {
    /// Never fails: what is no JSON object has no fields.
    pub(super) fn parse(body: &[u8]) -> Self {
        let mut request = Self::default();
        match serde_json::from_slice(body) {
            Ok(Value::Object(fields)) => request.read(fields),
            Ok(_) | Err(_) => request.malformed = Some(TelnyxError::Malformed),
        }
        request.count_segments();
        request
    }

    fn read(&mut self, mut fields: Map<String, Value>) {
        let mut text = |field: &'static str| match fields.remove(field) {
            None | Some(Value::Null) => None,
            Some(Value::String(text)) => Some(text),
            Some(_) => {
                self.malformed.get_or_insert(TelnyxError::Invalid(field));
                None
            }
        };
        self.asked.to = text("to").unwrap_or_default();
        self.asked.from = text("from").filter(|from| !from.is_empty());
        self.asked.service = text("messaging_profile_id").filter(|profile| !profile.is_empty());
        self.asked.text = text("text").unwrap_or_default();
        self.kind = text("type");
        self.encoding = text("encoding");
        self.extras.webhook_url = text("webhook_url").filter(|url| !url.is_empty());
        self.extras.webhook_failover_url = text("webhook_failover_url").filter(|url| !url.is_empty());
        self.asked.token = self.extras.webhook_url.as_deref().and_then(callback_url::token);
        match fields.remove("media_urls") {
            None | Some(Value::Null) => {}
            Some(Value::Array(urls)) => self.read_media(urls),
            Some(_) => {
                self.malformed.get_or_insert(TelnyxError::MediaInvalid);
            }
        }
    }

    fn read_media(&mut self, urls: Vec<Value>) {
        for url in urls {
            match url {
                Value::String(url) => self.asked.media.push(url),
                _ => {
                    self.malformed.get_or_insert(TelnyxError::MediaInvalid);
                }
            }
        }
    }

    fn count_segments(&mut self) {
        self.asked.segments = match (self.kind(), self.encoding.as_deref()) {
            (Kind::Mms, _) => 1,
            (Kind::Sms, Some("ucs2")) => segments::count_ucs2(&self.asked.text),
            (Kind::Sms, _) => segments::count_telnyx(&self.asked.text),
        };
        self.extras.mms = self.kind() == Kind::Mms;
        self.extras.ucs2 = self.encoding.as_deref() == Some("ucs2");
    }

    /// Media make an MMS, and so does asking for one.
    pub(super) fn kind(&self) -> Kind {
        let mms = !self.asked.media.is_empty() || self.kind.as_deref() == Some("MMS");
        if mms { Kind::Mms } else { Kind::Sms }
    }

    /// Telnyx's checks that need no memory. Their order is not documented.
    pub(super) fn check(
        &self,
        limits: &TelnyxLimits,
        opted_out: &HashSet<String>,
    ) -> Result<(), TelnyxError> {
        if let Some(error) = &self.malformed {
            return Err(error.clone());
        }
        if self.asked.to.is_empty() {
            return Err(TelnyxError::Missing("to"));
        }
        if !is_e164(&self.asked.to) {
            return Err(TelnyxError::ToInvalid);
        }
        self.check_sender(limits)?;
        self.check_content()?;
        self.check_addresses()?;
        if opted_out.contains(&self.asked.to) {
            return Err(TelnyxError::OptedOut);
        }
        Ok(())
    }

    fn check_sender(&self, limits: &TelnyxLimits) -> Result<(), TelnyxError> {
        let has_profile = self.asked.service.is_some();
        let Some(from) = &self.asked.from else {
            return if has_profile { Ok(()) } else { Err(TelnyxError::Missing("from")) };
        };
        let kind = SenderKind::of(from).ok_or(TelnyxError::FromInvalid)?;
        if !limits.numbers.is_empty() && !limits.numbers.contains(from) {
            return Err(TelnyxError::FromInvalid);
        }
        if kind == SenderKind::Name && !has_profile {
            return Err(TelnyxError::NameWithoutProfile);
        }
        Ok(())
    }

    fn check_content(&self) -> Result<(), TelnyxError> {
        match self.kind.as_deref() {
            Some("SMS") if !self.asked.media.is_empty() => return Err(TelnyxError::Contradiction),
            None | Some("SMS" | "MMS") => {}
            Some(_) => return Err(TelnyxError::Invalid("type")),
        }
        match self.encoding.as_deref() {
            Some("gsm7") if !segments::is_telnyx_gsm(&self.asked.text) => {
                return Err(TelnyxError::Invalid("encoding"));
            }
            None | Some("auto" | "gsm7" | "ucs2") => {}
            Some(_) => return Err(TelnyxError::Invalid("encoding")),
        }
        if self.asked.text.is_empty() && self.asked.media.is_empty() {
            return Err(TelnyxError::NothingToSay);
        }
        if self.asked.segments > MOST_PARTS {
            return Err(TelnyxError::TooLong);
        }
        let media = &self.asked.media;
        if media.len() > MOST_MEDIA || !media.iter().all(|url| callback_url::is_http(url)) {
            return Err(TelnyxError::MediaInvalid);
        }
        Ok(())
    }

    fn check_addresses(&self) -> Result<(), TelnyxError> {
        let addresses = [
            ("webhook_url", &self.extras.webhook_url),
            ("webhook_failover_url", &self.extras.webhook_failover_url),
        ];
        for (field, address) in addresses {
            let fits = |url: &String| callback_url::is_http(url) && url.len() <= LONGEST_URL;
            if !address.as_ref().is_none_or(fits) {
                return Err(TelnyxError::UrlInvalid(field));
            }
        }
        Ok(())
    }
}
