//! What signs one request in, and is kept out of everything that is recorded of its answer.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use reqwest::RequestBuilder;
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;

use crate::providers::reading;

/// The header `Authorization` of one request.
#[derive(Debug)]
pub(super) enum Authorization {
    /// An application's token.
    Bearer(SecretString),
    /// The account.
    Basic { api_key: String, api_secret: SecretString },
}

impl Authorization {
    pub(super) fn sign(&self, request: RequestBuilder) -> RequestBuilder {
        match self {
            Self::Bearer(token) => request.bearer_auth(token.expose_secret()),
            Self::Basic { api_key, api_secret } => {
                request.basic_auth(api_key, Some(api_secret.expose_secret()))
            }
        }
    }

    /// A body as JSON, with all that signs in taken out of every text in it.
    pub(super) fn said(&self, body: &[u8]) -> Option<Value> {
        match self {
            Self::Bearer(token) => reading::said(body, token.expose_secret()),
            Self::Basic { api_key, api_secret } => {
                let secret = api_secret.expose_secret();
                let said = reading::said(body, secret)?;
                // Gateways are known to repeat a header that they do not like, as it was.
                let in_header = BASE64_STANDARD.encode(format!("{api_key}:{secret}"));
                reading::said(said.to_string().as_bytes(), &in_header)
            }
        }
    }
}
