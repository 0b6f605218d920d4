//! Provider accounts: whose they are, their limits, and how they are signed in to.

use std::collections::{HashMap, HashSet};

use figment::value::Value;
use secrecy::{ExposeSecret, SecretString};
use sendyard_actors::domain::ids::{AccountName, OrganizationId, ProviderKind};
use sendyard_actors::domain::routing;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use url::Url;

use super::ProviderSettings;
use super::file::Account;
use super::numbers::limits;
use crate::config::{Environment, Refusal, secret, values};
use crate::providers::twilio;

mod vonage;

/// Where Twilio is unless the directory says otherwise.
const TWILIO: &str = "https://api.twilio.com";

/// What the rest of the file may refer to, and the ways in.
pub(super) struct Accounts {
    pub(super) known: HashMap<AccountName, routing::Account>,
    pub(super) settings: HashMap<AccountName, ProviderSettings>,
}

/// Names are unique, organizations exist, providers are built, credentials are whole.
pub(super) fn check(
    written: &[Account],
    organizations: &HashSet<OrganizationId>,
    environment: &Environment,
) -> Result<Accounts, Refusal> {
    let mut accounts = Accounts { known: HashMap::new(), settings: HashMap::new() };
    for (index, account) in written.iter().enumerate() {
        let place = format!("accounts[{index}]");
        let name = AccountName::from(account.name.as_str());
        if account.name.trim().is_empty() {
            return Err(Refusal::new(format!("{place}.name"), "expected a name, found none"));
        }
        if accounts.known.contains_key(&name) {
            return Err(Refusal::new(format!("{place}.name"), format!("account {name} is listed twice")));
        }
        if !organizations.contains(&account.organization) {
            let problem = format!("there is no organization {}", account.organization.0);
            return Err(Refusal::new(format!("{place}.organization"), problem));
        }
        let provider = provider(&place, &account.provider)?;
        accounts.settings.insert(name.clone(), settings(provider, &place, account, environment)?);
        let known = routing::Account {
            name: name.clone(),
            organization: account.organization,
            provider,
            limits: limits(&place, &account.limits)?,
            unknown_outcome: account.unknown_outcome,
        };
        accounts.known.insert(name, known);
    }
    Ok(accounts)
}

fn provider(place: &str, name: &str) -> Result<ProviderKind, Refusal> {
    ProviderKind::ALL.into_iter().find(|kind| kind.as_str() == name).ok_or_else(|| {
        let known = ProviderKind::ALL.map(ProviderKind::as_str).join(", ");
        Refusal::new(format!("{place}.provider"), format!("expected one of {known}, found {name:?}"))
    })
}

/// How the account is reached and signed in to; `place` is the account's.
fn settings(
    provider: ProviderKind,
    place: &str,
    account: &Account,
    environment: &Environment,
) -> Result<ProviderSettings, Refusal> {
    match provider {
        ProviderKind::Twilio => twilio_settings(place, account, environment),
        ProviderKind::Telnyx => {
            let problem = "this version sends through twilio and vonage only, found telnyx";
            Err(Refusal::new(format!("{place}.provider"), problem))
        }
        ProviderKind::Vonage => vonage::settings(place, account, environment),
    }
}

/// Where the provider is: `default` unless the account says otherwise.
fn base_url(place: &str, account: &Account, default: &str) -> Result<Url, Refusal> {
    let text = account.base_url.as_deref().unwrap_or(default);
    values::http_url(text).ok_or_else(|| {
        let problem = format!("expected a URL such as {default:?}, found {text:?}");
        Refusal::new(format!("{place}.base_url"), problem)
    })
}

/// An account's credentials, under its key `credentials`.
struct Credentials<'a> {
    place: String,
    environment: &'a Environment,
}

impl<'a> Credentials<'a> {
    /// The table as its provider knows it, and what reads the secrets in it.
    fn of<T: DeserializeOwned>(
        place: &str,
        account: &Account,
        environment: &'a Environment,
    ) -> Result<(T, Self), Refusal> {
        let place = format!("{place}.credentials");
        let written =
            T::deserialize(&account.credentials).map_err(|error| Refusal::from(error).under(&place));
        Ok((written?, Self { place, environment }))
    }

    /// What is written under `key`, or the environment's variable that is named there.
    fn read(&self, key: &str, text: &str) -> Result<SecretString, Refusal> {
        secret::resolve(text, self.environment).map_err(|problem| self.refusal(key, problem))
    }

    /// A mistake under `key`. What is written there is never shown: it may be a secret, put into the
    /// wrong line.
    fn refusal(&self, key: &str, problem: impl Into<String>) -> Refusal {
        Refusal::new(format!("{}.{key}", self.place), problem)
    }
}

/// What signs in to Twilio: the account's token, or an API key of it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, expecting = "a table")]
struct TwilioCredentials {
    account_sid: String,
    auth_token: Option<String>,
    api_key_sid: Option<String>,
    api_key_secret: Option<String>,
    messaging_service_sid: Option<String>,
}

fn twilio_settings(
    place: &str,
    account: &Account,
    environment: &Environment,
) -> Result<ProviderSettings, Refusal> {
    let base_url = base_url(place, account, TWILIO)?;
    let place = format!("{place}.credentials");
    let written = credentials(&place, &account.credentials)?;
    let read = |key: &str, text: &str| {
        secret::resolve(text, environment).map_err(|problem| Refusal::new(format!("{place}.{key}"), problem))
    };
    let account_sid = sid(&place, "account_sid", "AC", &read("account_sid", &written.account_sid)?)?;
    let (user, secret) = match (&written.auth_token, &written.api_key_sid, &written.api_key_secret) {
        (Some(token), None, None) => (account_sid.clone(), read("auth_token", token)?),
        (None, Some(key), Some(secret)) => {
            let user = sid(&place, "api_key_sid", "SK", &read("api_key_sid", key)?)?;
            (user, read("api_key_secret", secret)?)
        }
        _ => {
            let problem = "expected either auth_token, or api_key_sid with api_key_secret";
            return Err(Refusal::new(place, problem));
        }
    };
    let messaging_service_sid = match &written.messaging_service_sid {
        None => None,
        Some(text) => {
            let key = "messaging_service_sid";
            Some(sid(&place, key, "MG", &read(key, text)?)?)
        }
    };
    let status_callback = None;
    Ok(ProviderSettings::Twilio(twilio::Settings {
        base_url,
        account_sid,
        user,
        secret,
        messaging_service_sid,
        status_callback,
    }))
}

fn credentials(place: &str, written: &Value) -> Result<TwilioCredentials, Refusal> {
    TwilioCredentials::deserialize(written).map_err(|error| Refusal::from(error).under(place))
}

/// One of Twilio's ids: two letters that tell what it is of, then 32 hexadecimal digits.
fn sid(place: &str, key: &str, letters: &str, found: &SecretString) -> Result<String, Refusal> {
    let text = found.expose_secret();
    let digits = text.strip_prefix(letters).unwrap_or_default();
    if digits.len() == 32 && digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Ok(text.to_owned());
    }
    // Not shown: a secret that was put into the wrong line would be.
    let problem = format!("expected {letters} and 32 hexadecimal digits");
    Err(Refusal::new(format!("{place}.{key}"), problem))
}
