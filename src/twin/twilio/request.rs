//! The form that asks for a message, and what Twilio wants of it.

use std::collections::HashSet;

use url::form_urlencoded;

use super::credentials::is_sid;
use super::error::TwilioError;
use super::limits::{SenderKind, TwilioLimits};
use crate::twin::segments;

/// Source: error 21617.
const LONGEST_BODY: usize = 1_600;
/// Source: error 21623.
const MOST_MEDIA: usize = 10;
/// Our token in the callback's URL.
const TOKEN: &str = "a";

/// The fields that the twin looks at; all others are welcome and ignored.
#[derive(Debug, Default)]
pub(super) struct SendRequest {
    pub(super) from: Option<String>,
    pub(super) to: String,
    pub(super) service: Option<String>,
    pub(super) text: String,
    pub(super) media: Vec<String>,
    /// By the twin's count; 1 with media.
    pub(super) segments: u32,
    pub(super) token: Option<String>,
    has_content: bool,
}

impl SendRequest {
    /// Never fails: what is no form has no fields.
    pub(super) fn parse(body: &[u8]) -> Self {
        let mut request = Self::default();
        for (name, value) in form_urlencoded::parse(body) {
            match name.as_ref() {
                "To" => request.to = value.into_owned(),
                "From" => request.from = not_empty(value.into_owned()),
                "MessagingServiceSid" => request.service = not_empty(value.into_owned()),
                "Body" => request.text = value.into_owned(),
                "MediaUrl" => request.media.push(value.into_owned()),
                "ContentSid" => request.has_content = !value.is_empty(),
                "StatusCallback" => request.token = token(&value),
                _ => {}
            }
        }
        request.segments = if request.media.is_empty() { segments::count(&request.text) } else { 1 };
        request
    }

    /// Twilio's checks that need no memory, in its order as far as it is known.
    pub(super) fn check(
        &self,
        limits: &TwilioLimits,
        opted_out: &HashSet<String>,
    ) -> Result<(), TwilioError> {
        self.check_presence()?;
        if !is_e164(&self.to) {
            return Err(TwilioError::ToInvalid { to: self.to.clone() });
        }
        self.check_sender(limits)?;
        self.check_content()?;
        if opted_out.contains(&self.to) {
            return Err(TwilioError::OptedOut);
        }
        Ok(())
    }

    fn check_presence(&self) -> Result<(), TwilioError> {
        if self.from.is_none() && self.service.is_none() {
            return Err(TwilioError::FromMissing);
        }
        if self.to.is_empty() {
            return Err(TwilioError::ToMissing);
        }
        let empty = self.text.is_empty() && self.media.is_empty() && !self.has_content;
        match (empty, &self.service) {
            (true, Some(_)) => Err(TwilioError::ServiceBodyMissing),
            (true, None) => Err(TwilioError::BodyMissing),
            (false, _) => Ok(()),
        }
    }

    fn check_sender(&self, limits: &TwilioLimits) -> Result<(), TwilioError> {
        if self.service.as_deref().is_some_and(|service| !is_sid(service, "MG")) {
            return Err(TwilioError::ServiceUnknown);
        }
        let Some(from) = &self.from else { return Ok(()) };
        if SenderKind::of(from).is_none() {
            return Err(TwilioError::FromInvalid { from: from.clone() });
        }
        if !limits.numbers.is_empty() && !limits.numbers.contains(from) {
            return Err(TwilioError::FromNotOwned { from: from.clone() });
        }
        Ok(())
    }

    fn check_content(&self) -> Result<(), TwilioError> {
        if self.text.encode_utf16().count() > LONGEST_BODY {
            return Err(TwilioError::BodyTooLong);
        }
        if self.media.len() > MOST_MEDIA {
            return Err(TwilioError::MediaTooMany);
        }
        if !self.media.iter().all(|url| url.starts_with("http://") || url.starts_with("https://")) {
            return Err(TwilioError::MediaInvalid);
        }
        Ok(())
    }
}

/// `+`, then 7 to 15 digits of which the first is no zero.
pub(super) fn is_e164(number: &str) -> bool {
    number.strip_prefix('+').is_some_and(|digits| {
        (7..=15).contains(&digits.len())
            && digits.bytes().all(|byte| byte.is_ascii_digit())
            && !digits.starts_with('0')
    })
}

fn not_empty(value: String) -> Option<String> {
    if value.is_empty() { None } else { Some(value) }
}

fn token(callback: &str) -> Option<String> {
    let (_, after) = callback.split_once('?')?;
    let query = after.split('#').next()?;
    form_urlencoded::parse(query.as_bytes())
        .find(|(name, _)| name == TOKEN)
        .map(|(_, value)| value.into_owned())
}
