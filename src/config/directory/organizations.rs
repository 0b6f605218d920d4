//! Organizations, their limits and their API keys.

use std::collections::{HashMap, HashSet};

use secrecy::ExposeSecret;
use sendyard_actors::domain::ids::OrganizationId;
use sendyard_actors::domain::pace::Limit;
use sendyard_actors::domain::quiet_hours::{BadQuietHours, QuietHours};
use sha2::{Digest, Sha256};

use super::file::{Organization, WrittenKey};
use super::numbers::limits;
use crate::api::auth::{ApiKey, Scope, Scopes};
use crate::config::{Environment, Refusal, secret};

/// What the rest of the file may refer to, and the keys.
pub(super) struct Organizations {
    pub(super) ids: HashSet<OrganizationId>,
    pub(super) keys: Vec<ApiKey>,
    pub(super) quiet_hours: HashMap<OrganizationId, QuietHours>,
    /// Of those that have some.
    pub(super) limits: HashMap<OrganizationId, Vec<Limit>>,
}

/// Ids are unique, names of keys within their organization, and keys everywhere.
pub(super) fn check(written: &[Organization], environment: &Environment) -> Result<Organizations, Refusal> {
    let mut ids = HashSet::new();
    let mut keys = Vec::new();
    let mut places = HashMap::new();
    let mut quiet_hours = HashMap::new();
    let mut known_limits = HashMap::new();
    for (index, organization) in written.iter().enumerate() {
        let id = organization.id;
        if !ids.insert(id) {
            let problem = format!("organization {} is listed twice", id.0);
            return Err(Refusal::new(format!("organizations[{index}].id"), problem));
        }
        if let Some(text) = &organization.quiet_hours {
            let bad = |bad: BadQuietHours| {
                Refusal::new(format!("organizations[{index}].quiet_hours"), bad.to_string())
            };
            quiet_hours.insert(id, text.parse().map_err(bad)?);
        }
        let of_all = limits(&format!("organizations[{index}]"), &organization.limits)?;
        if !of_all.is_empty() {
            known_limits.insert(id, of_all);
        }
        let mut names = HashSet::new();
        for (key_index, key) in organization.api_keys.iter().enumerate() {
            let place = format!("organizations[{index}].api_keys[{key_index}]");
            if !names.insert(&key.name) {
                let problem = format!("organization {} has two keys named {:?}", id.0, key.name);
                return Err(Refusal::new(format!("{place}.name"), problem));
            }
            let api_key = api_key(&place, id, key, environment)?;
            if let Some(first) = places.insert(api_key.digest, place.clone()) {
                return Err(Refusal::new(format!("{place}.key"), format!("the same key as {first}")));
            }
            keys.push(api_key);
        }
    }
    Ok(Organizations { ids, keys, quiet_hours, limits: known_limits })
}

fn api_key(
    place: &str,
    organization: OrganizationId,
    key: &WrittenKey,
    environment: &Environment,
) -> Result<ApiKey, Refusal> {
    if key.name.trim().is_empty() {
        return Err(Refusal::new(format!("{place}.name"), "expected a name, found none"));
    }
    let digest =
        digest(&key.key, environment).map_err(|problem| Refusal::new(format!("{place}.key"), problem))?;
    let scopes = scopes(place, &key.scopes)?;
    Ok(ApiKey { organization, name: key.name.clone(), digest, scopes })
}

/// The SHA-256 of a key that is written as such, plain, or in the environment.
fn digest(text: &str, environment: &Environment) -> Result<[u8; 32], String> {
    if let Some(digits) = text.strip_prefix("sha256:") {
        let mut digest = [0; 32];
        return match hex::decode_to_slice(digits, &mut digest) {
            Ok(()) => Ok(digest),
            Err(_) => Err("expected 64 hexadecimal digits after sha256:".to_owned()),
        };
    }
    let key = secret::resolve(text, environment)?;
    let key = key.expose_secret();
    // Anything else could not be sent as a bearer token, and would be refused without a reason.
    if !key.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err("expected visible ASCII characters without spaces".to_owned());
    }
    Ok(Sha256::digest(key).into())
}

fn scopes(place: &str, written: &[String]) -> Result<Scopes, Refusal> {
    if written.is_empty() {
        let problem = format!("a key without a scope is of no use, expected some of {}", known_scopes());
        return Err(Refusal::new(format!("{place}.scopes"), problem));
    }
    let scope = |(index, text): (usize, &String)| {
        text.parse::<Scope>().map_err(|_| {
            let problem = format!("expected one of {}, found {text:?}", known_scopes());
            Refusal::new(format!("{place}.scopes[{index}]"), problem)
        })
    };
    written.iter().enumerate().map(scope).collect()
}

fn known_scopes() -> String {
    Scope::ALL.map(Scope::as_str).join(", ")
}
