//! The HTTP call, one for each attempt.

use std::future::ready;
use std::time::Duration;

use reqwest::{Client, Request};
use secrecy::{ExposeSecret, SecretString};
use sendyard_actors::domain::ids::ProviderKind;
use sendyard_actors::domain::message::Draft;
use sendyard_actors::domain::outcome::{Outcome, Slows};
use sendyard_actors::domain::segments::count_for;
use sendyard_actors::ports::{HandOver, Later, Provider, TooLong};
use url::Url;

use super::{answer, codes, request};
use crate::providers::exchange::{exchange, not_built};

/// Parts of a text, as we count them. Source: Telnyx's page on message encoding (PROVIDERS.md §4).
/// Whether the text of an MMS may be longer is not documented, so it may not.
const SEGMENT_LIMIT: u16 = 10;

/// Media of a message. Source: Telnyx's API description (PROVIDERS.md §2.1).
const MEDIA_LIMIT: usize = 10;

/// One Telnyx account, as configured.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Where the API is: `https://api.telnyx.com`, or the twin.
    pub base_url: Url,
    /// The API key (v2), `KEY…`.
    pub api_key: SecretString,
    /// What Telnyx signs its webhooks with: the account's Ed25519 key. Sending does not need it.
    pub public_key: Option<[u8; 32]>,
    /// Named beside `from` where set; else Telnyx takes the number's own.
    pub messaging_profile_id: Option<String>,
    /// Where Telnyx reports what became of a message; without it the profile says where.
    pub status_callback: Option<Url>,
}

/// The way out through one Telnyx account.
#[derive(Debug)]
pub struct Telnyx {
    settings: Settings,
    template: Result<Request, reqwest::Error>,
    http: Client,
}

impl Telnyx {
    /// An account's way out over `http`, which is [`crate::providers::http_client`]'s. Connects to
    /// nothing; a base URL that cannot be called shows as a refused attempt of class configuration.
    pub fn new(settings: Settings, http: Client) -> Self {
        let template = request::template(&settings, &http);
        Self { settings, template, http }
    }
}

impl Provider for Telnyx {
    fn kind(&self) -> ProviderKind {
        ProviderKind::Telnyx
    }

    fn check_length(&self, text: &str, media: &[String]) -> Result<(), TooLong> {
        let segments = count_for(ProviderKind::Telnyx, text).segments;
        if segments > SEGMENT_LIMIT {
            let sentence =
                format!("Message too long for telnyx: at most {SEGMENT_LIMIT} segments, got {segments}");
            return Err(TooLong { sentence });
        }
        let count = media.len();
        if count > MEDIA_LIMIT {
            let sentence = format!("Too many media for telnyx: at most {MEDIA_LIMIT}, got {count}");
            return Err(TooLong { sentence });
        }
        Ok(())
    }

    fn freeze(&self, draft: &Draft) -> Option<String> {
        request::body(&self.settings, draft)
    }

    fn slows(&self, code: &str) -> Option<(Slows, Option<Duration>)> {
        let code = codes::find(code.parse().ok()?)?;
        Some((code.slows?, code.wait))
    }

    fn send(&self, hand_over: HandOver, patience: Duration) -> Later<Outcome> {
        let request = match &self.template {
            Ok(template) => request::build(&self.settings, template, &hand_over),
            Err(error) => return Box::pin(ready(not_built(error))),
        };
        let is_repeat = !hand_over.message.unresolved.is_empty();
        let http = self.http.clone();
        let api_key = self.settings.api_key.clone();
        Box::pin(async move {
            match exchange(&http, request, patience).await {
                Ok(answer) => answer::outcome(&answer, is_repeat, api_key.expose_secret()),
                Err(outcome) => outcome,
            }
        })
    }
}
