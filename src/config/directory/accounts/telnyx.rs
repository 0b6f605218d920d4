//! Telnyx: signed in to by an API key. What it sends us is signed with the account's own key.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use secrecy::ExposeSecret;
use serde::Deserialize;
use uuid::Uuid;

use super::{Credentials, base_url};
use crate::config::directory::ProviderSettings;
use crate::config::directory::file::Account;
use crate::config::{Environment, Refusal};
use crate::providers::telnyx::Settings;

/// Where it is unless the directory says otherwise.
const BASE_URL: &str = "https://api.telnyx.com";

#[derive(Deserialize)]
#[serde(deny_unknown_fields, expecting = "a table")]
struct Written {
    api_key: String,
    public_key: Option<String>,
    messaging_profile_id: Option<String>,
}

pub(super) fn settings(
    place: &str,
    account: &Account,
    environment: &Environment,
) -> Result<ProviderSettings, Refusal> {
    let base_url = base_url(place, account, BASE_URL)?;
    let (written, credentials) = Credentials::of::<Written>(place, account, environment)?;
    let api_key = credentials.read("api_key", &written.api_key)?;
    // Anything else could not be sent as a bearer token.
    if !api_key.expose_secret().bytes().all(|byte| byte.is_ascii_graphic()) {
        let problem = "expected visible ASCII characters without spaces";
        return Err(credentials.refusal("api_key", problem));
    }
    let public_key = written.public_key.as_deref().map(|text| public_key(&credentials, text)).transpose()?;
    let profile = written.messaging_profile_id.as_deref();
    let messaging_profile_id = profile.map(|text| profile_id(&credentials, text)).transpose()?;
    let status_callback = None;
    Ok(ProviderSettings::Telnyx(Settings {
        base_url,
        api_key,
        public_key,
        messaging_profile_id,
        status_callback,
    }))
}

/// An Ed25519 public key.
fn public_key(credentials: &Credentials, written: &str) -> Result<[u8; 32], Refusal> {
    let key = "public_key";
    let found = credentials.read(key, written)?;
    let bytes = BASE64_STANDARD.decode(found.expose_secret()).ok();
    bytes
        .and_then(|bytes| bytes.try_into().ok())
        .ok_or_else(|| credentials.refusal(key, "expected 32 bytes in base64"))
}

fn profile_id(credentials: &Credentials, written: &str) -> Result<String, Refusal> {
    let key = "messaging_profile_id";
    let found = credentials.read(key, written)?;
    let text = found.expose_secret();
    if Uuid::try_parse(text).is_err() {
        return Err(credentials.refusal(key, "expected a UUID"));
    }
    Ok(text.to_owned())
}
