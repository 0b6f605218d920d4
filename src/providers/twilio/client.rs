//! The HTTP call, one for each attempt.

use std::future::ready;
use std::time::Duration;

use reqwest::{Client, Request};
use secrecy::{ExposeSecret, SecretString};
use sendyard_actors::domain::ids::ProviderKind;
use sendyard_actors::domain::outcome::{Outcome, Slows};
use sendyard_actors::ports::{HandOver, Later, Provider, TooLong};
use url::Url;

use super::{answer, codes, request};
use crate::providers::exchange::{exchange, not_built, with_body};

/// Characters of a text, more is error 21617. Source: Twilio's error dictionary (PROVIDERS.md §1.3).
const TEXT_LIMIT: usize = 1600;

/// Media of a message, more is error 21623. Source: as above.
const MEDIA_LIMIT: usize = 10;

/// One Twilio account, as configured.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Where the API is: `https://api.twilio.com`, a regional host, or the twin.
    pub base_url: Url,
    /// The account in the path, `AC…`; also where an API key signs in.
    pub account_sid: String,
    /// Who signs in: the account (`AC…`) or an API key (`SK…`).
    pub user: String,
    /// The account's auth token or the API key's secret.
    pub secret: SecretString,
    /// Named beside `From` where set. The sender stays ours: it owns order and pace.
    pub messaging_service_sid: Option<String>,
    /// Where Twilio reports what became of a message; without it no report is asked for.
    pub status_callback: Option<Url>,
}

/// The way out through one Twilio account.
#[derive(Debug)]
pub struct Twilio {
    settings: Settings,
    template: Result<Request, reqwest::Error>,
    http: Client,
}

impl Twilio {
    /// An account's way out over `http`, which is [`crate::providers::http_client`]'s. Connects to
    /// nothing; a base URL that cannot be called shows as a refused attempt of class configuration.
    pub fn new(settings: Settings, http: Client) -> Self {
        let template = request::template(&settings, &http);
        Self { settings, template, http }
    }
}

impl Provider for Twilio {
    fn kind(&self) -> ProviderKind {
        ProviderKind::Twilio
    }

    fn check_length(&self, text: &str, media: &[String]) -> Result<(), TooLong> {
        let characters = text.chars().count();
        if characters > TEXT_LIMIT {
            let sentence =
                format!("Message too long for twilio: at most {TEXT_LIMIT} characters, got {characters}");
            return Err(TooLong { sentence });
        }
        let count = media.len();
        if count > MEDIA_LIMIT {
            let sentence = format!("Too many media for twilio: at most {MEDIA_LIMIT}, got {count}");
            return Err(TooLong { sentence });
        }
        Ok(())
    }

    fn slows(&self, code: &str) -> Option<(Slows, Option<Duration>)> {
        let code = codes::find(code.parse().ok()?)?;
        Some((code.slows?, code.wait))
    }

    fn send(&self, hand_over: HandOver, patience: Duration) -> Later<Outcome> {
        let request = match &self.template {
            Ok(template) => with_body(template, request::form(&self.settings, &hand_over)),
            Err(error) => return Box::pin(ready(not_built(error))),
        };
        let http = self.http.clone();
        let secret = self.settings.secret.clone();
        Box::pin(async move {
            match exchange(&http, request, patience).await {
                Ok(answer) => answer::outcome(&answer, secret.expose_secret()),
                Err(outcome) => outcome,
            }
        })
    }
}
