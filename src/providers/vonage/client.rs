//! The HTTP call, one for each attempt.

use std::time::{Duration, SystemTime};

use secrecy::SecretString;
use sendyard_actors::domain::ids::ProviderKind;
use sendyard_actors::domain::outcome::{Class, Outcome, Refusal};
use sendyard_actors::ports::{HandOver, Later, Provider, TooLong};
use url::Url;

use super::authorization::Authorization;
use super::token::{PrivateKey, Tokens, Unsigned};
use super::{answer, request};
use crate::providers::exchange::{exchange, not_built};

/// Characters of an SMS. Source: Vonage's API description (PROVIDERS.md §3.2).
const TEXT_LIMIT: usize = 1000;

/// Characters of a caption, which is how an MMS carries its text. Source: as above. How many media
/// a message may have is not stated.
const CAPTION_LIMIT: usize = 3000;

/// One Vonage account, as configured.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Where the API is: `https://api.nexmo.com`, a regional host, or the twin.
    pub base_url: Url,
    /// What signs in.
    pub credentials: Credentials,
    /// What Vonage signs its webhooks with: the account's signature secret. Sending does not need it.
    pub signature_secret: Option<SecretString>,
    /// Where Vonage reports what became of a message; without it the application says where.
    pub status_callback: Option<Url>,
}

/// What signs in to Vonage.
#[derive(Debug, Clone)]
pub enum Credentials {
    /// An application, by tokens that its key signs. What Vonage recommends.
    Application {
        /// Its id, a UUID.
        application_id: String,
        /// The key whose public half Vonage has.
        private_key: PrivateKey,
    },
    /// The account. Enough to send, but Vonage ties webhooks to an application.
    Basic {
        /// The account's key.
        api_key: String,
        /// And its secret.
        api_secret: SecretString,
    },
}

/// The way out through one Vonage account.
#[derive(Debug)]
pub struct Vonage {
    settings: Settings,
    messages_url: Url,
    tokens: Tokens,
    http: reqwest::Client,
}

impl Vonage {
    /// An account's way out over `http`, which is [`crate::providers::http_client`]'s. Connects to
    /// nothing; a base URL that cannot be called shows as a refused attempt of class configuration.
    pub fn new(settings: Settings, http: reqwest::Client) -> Self {
        let messages_url = request::messages_url(&settings);
        Self { settings, messages_url, tokens: Tokens::default(), http }
    }

    pub(super) fn authorization(&self) -> Result<Authorization, Unsigned> {
        match &self.settings.credentials {
            Credentials::Application { application_id, private_key } => {
                let token = self.tokens.current(application_id, private_key, SystemTime::now())?;
                Ok(Authorization::Bearer(token))
            }
            Credentials::Basic { api_key, api_secret } => {
                Ok(Authorization::Basic { api_key: api_key.clone(), api_secret: api_secret.clone() })
            }
        }
    }
}

impl Provider for Vonage {
    fn kind(&self) -> ProviderKind {
        ProviderKind::Vonage
    }

    fn check_length(&self, text: &str, media: &[String]) -> Result<(), TooLong> {
        let limit = if media.is_empty() { TEXT_LIMIT } else { CAPTION_LIMIT };
        let characters = text.chars().count();
        if characters > limit {
            let sentence =
                format!("Message too long for vonage: at most {limit} characters, got {characters}");
            return Err(TooLong { sentence });
        }
        Ok(())
    }

    fn send(&self, hand_over: HandOver, patience: Duration) -> Later<Outcome> {
        let authorization = match self.authorization() {
            Ok(authorization) => authorization,
            Err(unsigned) => return Box::pin(async move { not_signed(unsigned) }),
        };
        let built =
            request::build(&self.settings, &self.messages_url, &self.http, &authorization, &hand_over);
        let http = self.http.clone();
        Box::pin(async move {
            let request = match built {
                Ok(request) => request,
                Err(error) => return not_built(&error),
            };
            match exchange(&http, request, patience).await {
                Ok(answer) => answer::outcome(&answer, &authorization),
                Err(outcome) => outcome,
            }
        })
    }
}

/// The outcome of a request that could not be signed: the key is not what it seems, nothing was written.
fn not_signed(unsigned: Unsigned) -> Outcome {
    Outcome::Refused(Refusal {
        class: Class::Configuration,
        code: Some("token".to_owned()),
        detail: unsigned.to_string(),
        retry_after: None,
        slows: None,
    })
}
