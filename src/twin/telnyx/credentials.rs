//! Whose key it is. The ledger must not hold the key, so each has a name.

use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;
use secrecy::ExposeSecret;
use sha2::{Digest, Sha256};

use super::error::TelnyxError;
use super::limits::TelnyxLimits;

/// Bytes of a key's hash that name it: enough to tell a few keys apart, too few to find it by.
const NAME_BYTES: usize = 6;

/// The name of the account, and whether it is let in. A key that was not named at the start is called
/// `key-` and the first twelve hexadecimal digits of its SHA-256; no key at all is an empty name.
pub(super) fn check(limits: &TelnyxLimits, headers: &HeaderMap) -> (String, Result<(), TelnyxError>) {
    let Some(key) = bearer(headers) else { return (String::new(), Err(TelnyxError::Authenticate)) };
    if let Some(known) = limits.accounts.iter().find(|known| known.key.expose_secret() == key) {
        return (known.name.clone(), Ok(()));
    }
    let hash = Sha256::digest(key);
    let name = format!("key-{}", hex::encode(hash.get(..NAME_BYTES).unwrap_or_default()));
    let door = if limits.accounts.is_empty() { Ok(()) } else { Err(TelnyxError::Authenticate) };
    (name, door)
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(AUTHORIZATION)?.to_str().ok()?;
    let (scheme, key) = value.split_once(' ')?;
    let key = key.trim();
    (scheme.eq_ignore_ascii_case("bearer") && !key.is_empty()).then_some(key)
}
