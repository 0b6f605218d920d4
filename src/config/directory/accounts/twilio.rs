//! Twilio: signed in to by the account's token, or by an API key of it.

use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;

use super::{Credentials, base_url};
use crate::config::directory::ProviderSettings;
use crate::config::directory::file::Account;
use crate::config::{Environment, Refusal};
use crate::providers::twilio::Settings;

/// Where it is unless the directory says otherwise.
const BASE_URL: &str = "https://api.twilio.com";

#[derive(Deserialize)]
#[serde(deny_unknown_fields, expecting = "a table")]
struct Written {
    account_sid: String,
    auth_token: Option<String>,
    api_key_sid: Option<String>,
    api_key_secret: Option<String>,
    messaging_service_sid: Option<String>,
}

pub(super) fn settings(
    place: &str,
    account: &Account,
    environment: &Environment,
) -> Result<ProviderSettings, Refusal> {
    let base_url = base_url(place, account, BASE_URL)?;
    let (written, credentials) = Credentials::of::<Written>(place, account, environment)?;
    let account_sid = sid(&credentials, "account_sid", "AC", &written.account_sid)?;
    let (user, secret) = match (&written.auth_token, &written.api_key_sid, &written.api_key_secret) {
        (Some(token), None, None) => (account_sid.clone(), credentials.read("auth_token", token)?),
        (None, Some(key), Some(secret)) => {
            let user = sid(&credentials, "api_key_sid", "SK", key)?;
            (user, credentials.read("api_key_secret", secret)?)
        }
        _ => {
            let problem = "expected either auth_token, or api_key_sid with api_key_secret";
            return Err(Refusal::new(credentials.place, problem));
        }
    };
    let service = written.messaging_service_sid.as_deref();
    let messaging_service_sid =
        service.map(|text| sid(&credentials, "messaging_service_sid", "MG", text)).transpose()?;
    let status_callback = None;
    Ok(ProviderSettings::Twilio(Settings {
        base_url,
        account_sid,
        user,
        secret,
        messaging_service_sid,
        status_callback,
    }))
}

/// One of Twilio's ids: two letters that tell what it is of, then 32 hexadecimal digits.
fn sid(credentials: &Credentials, key: &str, letters: &str, written: &str) -> Result<String, Refusal> {
    let found: SecretString = credentials.read(key, written)?;
    let text = found.expose_secret();
    let digits = text.strip_prefix(letters).unwrap_or_default();
    if digits.len() == 32 && digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Ok(text.to_owned());
    }
    Err(credentials.refusal(key, format!("expected {letters} and 32 hexadecimal digits")))
}
