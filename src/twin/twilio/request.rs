//! The form that asks for a message, and what Twilio wants of it.

use std::collections::HashSet;

use url::form_urlencoded;

use super::credentials::is_sid;
use super::error::TwilioError;
use super::limits::TwilioLimits;
use crate::twin::senders::{SenderKind, is_e164};
use crate::twin::verdict::Asked;
use crate::twin::{callback_url, segments};

/// Source: error 21617.
const LONGEST_BODY: usize = 1_600;
/// Source: error 21623.
const MOST_MEDIA: usize = 10;

/// The fields that the twin looks at; all others are welcome and ignored.
#[derive(Debug, Default)]
pub(super) struct SendRequest {
    /// All but the account, which the path names. `service` is the Messaging Service.
    pub(super) asked: Asked,
    /// Where its callbacks are to go.
    pub(super) callback: Option<String>,
    has_content: bool,
}

impl SendRequest {
    /// Never fails: what is no form has no fields.
    pub(super) fn parse(body: &[u8]) -> Self {
        let mut request = Self::default();
        for (name, value) in form_urlencoded::parse(body) {
            match name.as_ref() {
                "To" => request.asked.to = value.into_owned(),
                "From" => request.asked.from = not_empty(value.into_owned()),
                "MessagingServiceSid" => request.asked.service = not_empty(value.into_owned()),
                "Body" => request.asked.text = value.into_owned(),
                "MediaUrl" => request.asked.media.push(value.into_owned()),
                "ContentSid" => request.has_content = !value.is_empty(),
                "StatusCallback" => request.callback = not_empty(value.into_owned()),
                _ => {}
            }
        }
        let asked = &mut request.asked;
        asked.token = request.callback.as_deref().and_then(callback_url::token);
        asked.segments = if asked.media.is_empty() { segments::count(&asked.text) } else { 1 };
        request
    }

    /// Twilio's checks that need no memory, in its order as far as it is known.
    pub(super) fn check(
        &self,
        limits: &TwilioLimits,
        opted_out: &HashSet<String>,
    ) -> Result<(), TwilioError> {
        self.check_presence()?;
        if !is_e164(&self.asked.to) {
            return Err(TwilioError::ToInvalid { to: self.asked.to.clone() });
        }
        self.check_sender(limits)?;
        self.check_content()?;
        if opted_out.contains(&self.asked.to) {
            return Err(TwilioError::OptedOut);
        }
        Ok(())
    }

    fn check_presence(&self) -> Result<(), TwilioError> {
        if self.asked.from.is_none() && self.asked.service.is_none() {
            return Err(TwilioError::FromMissing);
        }
        if self.asked.to.is_empty() {
            return Err(TwilioError::ToMissing);
        }
        let empty = self.asked.text.is_empty() && self.asked.media.is_empty() && !self.has_content;
        match (empty, &self.asked.service) {
            (true, Some(_)) => Err(TwilioError::ServiceBodyMissing),
            (true, None) => Err(TwilioError::BodyMissing),
            (false, _) => Ok(()),
        }
    }

    fn check_sender(&self, limits: &TwilioLimits) -> Result<(), TwilioError> {
        if self.asked.service.as_deref().is_some_and(|service| !is_sid(service, "MG")) {
            return Err(TwilioError::ServiceUnknown);
        }
        let Some(from) = &self.asked.from else { return Ok(()) };
        if SenderKind::of(from).is_none() {
            return Err(TwilioError::FromInvalid { from: from.clone() });
        }
        if !limits.numbers.is_empty() && !limits.numbers.contains(from) {
            return Err(TwilioError::FromNotOwned { from: from.clone() });
        }
        Ok(())
    }

    fn check_content(&self) -> Result<(), TwilioError> {
        if self.asked.text.encode_utf16().count() > LONGEST_BODY {
            return Err(TwilioError::BodyTooLong);
        }
        if self.asked.media.len() > MOST_MEDIA {
            return Err(TwilioError::MediaTooMany);
        }
        if !self.asked.media.iter().all(|url| callback_url::is_http(url)) {
            return Err(TwilioError::MediaInvalid);
        }
        Ok(())
    }
}

fn not_empty(value: String) -> Option<String> {
    if value.is_empty() { None } else { Some(value) }
}
