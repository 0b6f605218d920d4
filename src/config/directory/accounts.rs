//! Provider accounts: whose they are, their limits, and how they are signed in to.
//!
//! What all providers have in common; a provider's own keys are in its file, as `settings`.

use std::collections::{HashMap, HashSet};

use secrecy::SecretString;
use sendyard_actors::domain::ids::{AccountName, OrganizationId, ProviderKind};
use sendyard_actors::domain::routing::{self, Book};
use serde::de::DeserializeOwned;
use url::Url;

use super::file::Account;
use super::numbers::limits;
use super::{ProviderSettings, careful};
use crate::config::{Environment, Refusal, secret, values};

mod telnyx;
mod twilio;
mod vonage;

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
        let limits = match &account.limits {
            Some(written) => limits(&place, written)?,
            None => careful::of_account(provider),
        };
        let known = routing::Account {
            name: name.clone(),
            organization: account.organization,
            provider,
            limits,
            unknown_outcome: account.unknown_outcome,
        };
        accounts.known.insert(name, known);
    }
    Ok(accounts)
}

/// What was accepted for an account is its provider's, and its organization's, for ever.
pub(super) fn refuse_others_of_the_name(written: &[Account], before: &Book) -> Result<(), Refusal> {
    for (index, account) in written.iter().enumerate() {
        let name = account.name.as_str();
        let Some(known) = before.accounts.get(&AccountName::from(name)) else { continue };
        let refused = |key: &str, whose: String| {
            let problem = format!("account {name:?} is {whose}'s: another one needs another name");
            Err(Refusal::new(format!("accounts[{index}].{key}"), problem))
        };
        // What is no provider at all is said to be none, when the account is read.
        let is_provider = ProviderKind::ALL.iter().any(|kind| kind.as_str() == account.provider);
        if is_provider && known.provider.as_str() != account.provider {
            return refused("provider", known.provider.to_string());
        }
        if known.organization != account.organization {
            return refused("organization", format!("organization {}", known.organization.0));
        }
    }
    Ok(())
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
        ProviderKind::Twilio => twilio::settings(place, account, environment),
        ProviderKind::Telnyx => telnyx::settings(place, account, environment),
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
