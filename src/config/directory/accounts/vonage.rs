//! Vonage: signed in to by an application and its private key, or by the account's key and secret.

use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use uuid::Uuid;

use super::{Credentials, base_url};
use crate::config::directory::ProviderSettings;
use crate::config::directory::file::Account;
use crate::config::{Environment, Refusal};
use crate::providers::vonage::{self, PrivateKey, Settings};

/// Where it is unless the directory says otherwise.
const BASE_URL: &str = "https://api.nexmo.com";

#[derive(Deserialize)]
#[serde(deny_unknown_fields, expecting = "a table")]
struct Written {
    application_id: Option<String>,
    /// Plain, `env:NAME` or `file:PATH`.
    private_key: Option<String>,
    api_key: Option<String>,
    api_secret: Option<String>,
    signature_secret: Option<String>,
}

pub(super) fn settings(
    place: &str,
    account: &Account,
    environment: &Environment,
) -> Result<ProviderSettings, Refusal> {
    let base_url = base_url(place, account, BASE_URL)?;
    let (written, found) = Credentials::of::<Written>(place, account, environment)?;
    let keys = (&written.application_id, &written.private_key, &written.api_key, &written.api_secret);
    let credentials = match keys {
        (Some(id), Some(key), None, None) => vonage::Credentials::Application {
            application_id: application_id(&found, id)?,
            private_key: private_key(&found, key)?,
        },
        (None, None, Some(key), Some(secret)) => vonage::Credentials::Basic {
            api_key: api_key(&found, key)?,
            api_secret: found.read("api_secret", secret)?,
        },
        _ => {
            let problem = "expected either application_id with private_key, or api_key with api_secret";
            return Err(Refusal::new(found.place, problem));
        }
    };
    let signature_secret =
        written.signature_secret.as_deref().map(|text| found.read("signature_secret", text)).transpose()?;
    let status_callback = None;
    Ok(ProviderSettings::Vonage(Settings { base_url, credentials, signature_secret, status_callback }))
}

fn application_id(credentials: &Credentials, written: &str) -> Result<String, Refusal> {
    let key = "application_id";
    let found = credentials.read(key, written)?;
    let text = found.expose_secret();
    if Uuid::try_parse(text).is_err() {
        return Err(credentials.refusal(key, "expected a UUID"));
    }
    Ok(text.to_owned())
}

fn api_key(credentials: &Credentials, written: &str) -> Result<String, Refusal> {
    let key = "api_key";
    let found = credentials.read(key, written)?;
    let text = found.expose_secret();
    // A colon would end it where it is signed in with.
    if !text.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        return Err(credentials.refusal(key, "expected letters and digits"));
    }
    Ok(text.to_owned())
}

fn private_key(credentials: &Credentials, written: &str) -> Result<PrivateKey, Refusal> {
    let key = "private_key";
    let found = credentials.read(key, written)?;
    // A file of environment variables has one line for each, so line ends are often written out.
    let pem = SecretString::from(found.expose_secret().replace("\\n", "\n"));
    PrivateKey::from_pem(pem.expose_secret()).map_err(|error| credentials.refusal(key, error.to_string()))
}
