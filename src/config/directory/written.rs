//! A directory as text again: what the service works with, and what the store keeps of one that was applied.
//!
//! No secret is in it. A key of an organization is its SHA-256, which serves as well. A provider's secret is
//! where it was written to be (`env:NAME`, `file:PATH`); one that was written plain is left out, so a directory
//! with such ones is not applied. Comments are lost, and so is what was written otherwise than it need be.

use std::collections::HashMap;

use figment::value::Value;
use secrecy::ExposeSecret;
use sendyard_actors::domain::ids::AccountName;
use serde::Serialize;
use sha2::{Digest, Sha256};

use super::file::{Account, File, SendingNumber};
use crate::api::auth::ApiKey;
use crate::config::{Environment, Refusal, secret};

/// Keys of credentials that say who signs in, or are public. All others are secrets.
const OPEN: [&str; 6] = [
    "account_sid",
    "api_key_sid",
    "messaging_service_sid",
    "messaging_profile_id",
    "application_id",
    "public_key",
];

/// Stands for a secret that is not shown.
const HIDDEN: &str = "hidden";

/// Numbers are written so many at a time: a file of many is not laid out in memory at once.
const AT_A_TIME: usize = 1000;

#[derive(Serialize)]
struct Numbers<'a> {
    numbers: &'a [SendingNumber],
}

/// The text of a directory that was checked, with these keys.
pub(super) fn text_of(mut written: File, keys: &[ApiKey]) -> Result<String, Refusal> {
    let numbers = std::mem::take(&mut written.numbers);
    let written_keys = written.organizations.iter_mut().flat_map(|organization| &mut organization.api_keys);
    for (written, key) in written_keys.zip(keys) {
        if !secret::is_reference(&written.key) {
            written.key = format!("sha256:{}", hex::encode(key.digest));
        }
    }
    for account in &mut written.accounts {
        if let Value::Dict(_, credentials) = &mut account.credentials {
            for (_, value) in credentials.iter_mut().filter(|(key, value)| is_plain_secret(key, value)) {
                *value = Value::from(HIDDEN);
            }
        }
    }
    let mut text = toml(&written)?;
    for some in numbers.chunks(AT_A_TIME) {
        text.push('\n');
        text.push_str(&toml(&Numbers { numbers: some })?);
    }
    Ok(text)
}

/// Refuses what the store must not keep: a provider's secret that is written plain.
pub(super) fn refuse_secrets(written: &File) -> Result<(), Refusal> {
    for (index, account) in written.accounts.iter().enumerate() {
        let Some(credentials) = account.credentials.as_dict() else { continue };
        if let Some((key, _)) = credentials.iter().find(|(key, value)| is_plain_secret(key, value)) {
            let place = format!("accounts[{index}].credentials.{key}");
            let problem = "the store keeps what is applied, and no secret: write env:NAME or file:PATH";
            return Err(Refusal::new(place, problem));
        }
    }
    Ok(())
}

fn is_plain_secret(key: &str, value: &Value) -> bool {
    !OPEN.contains(&key) && value.as_str().is_some_and(|text| !secret::is_reference(text))
}

/// What each account's way in comes to: two that are equal need one client.
pub(super) fn ways_in(written: &[Account], environment: &Environment) -> HashMap<AccountName, [u8; 32]> {
    let way_in = |account: &Account| {
        let mut digest = Sha256::new();
        for part in [&account.provider, account.base_url.as_deref().unwrap_or_default()] {
            digest.update(Sha256::digest(part));
        }
        for (key, value) in account.credentials.as_dict().into_iter().flatten() {
            let text = value.as_str().unwrap_or_default();
            digest.update(Sha256::digest(key));
            // One that cannot be read was refused before.
            if let Ok(secret) = secret::resolve(text, environment) {
                digest.update(Sha256::digest(secret.expose_secret()));
            }
        }
        (AccountName::from(account.name.as_str()), digest.finalize().into())
    };
    written.iter().map(way_in).collect()
}

fn toml(value: &impl Serialize) -> Result<String, Refusal> {
    let refused =
        |error: toml::ser::Error| Refusal::new("the directory", format!("cannot be written: {error}"));
    toml::to_string(value).map_err(refused)
}
