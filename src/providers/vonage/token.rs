//! An application's token: a JWT of a few minutes, signed by the application's key (RS256).
//!
//! Signed with `ring`, which is here for TLS already, and put together by hand: three parts in
//! base64url. The crate `jsonwebtoken` would bring either a second C library (`aws-lc-rs`) or the
//! crate `rsa`, with its standing advisory (RUSTSEC-2023-0071: the timing of what it does with a
//! private key), for the same few lines.
//!
//! A token is made when one is needed, and used for a while, because a signature takes about a
//! millisecond of CPU, and a request a few hundredths of that. Nothing is awaited for it. The wall
//! clock comes in as an argument.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use ring::rand::SystemRandom;
use ring::signature::{RSA_PKCS1_SHA256, RsaKeyPair};
use rustls::pki_types::PrivateKeyDer;
use rustls::pki_types::pem::PemObject;
use secrecy::SecretString;
use serde::Serialize;
use uuid::Uuid;

/// How long a token is good for. Vonage's own clients ask for 15 minutes (PROVIDERS.md §3.2); what is
/// seen by others should be of no use sooner.
const VALID_FOR: Duration = Duration::from_mins(5);

/// How long a token is used. What is left of its time covers the way there and clocks that differ.
const USED_FOR: Duration = Duration::from_mins(2);

/// The first part of every token.
#[derive(Serialize)]
struct Header {
    alg: &'static str,
    typ: &'static str,
}

#[derive(Serialize)]
struct Claims<'a> {
    application_id: &'a str,
    /// Unix time in seconds, as `exp`.
    iat: u64,
    exp: u64,
    jti: Uuid,
}

/// An application's RSA key, parsed. Cheap to clone, never shown.
#[derive(Clone)]
pub struct PrivateKey(Arc<RsaKeyPair>);

/// The text is no RSA private key that can be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not an unencrypted RSA private key of 2048 to 4096 bits in PEM form (PKCS#8 or PKCS#1)")]
pub struct NotRsaKey;

/// The token could not be signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the token cannot be signed with the private key")]
pub(super) struct Unsigned;

impl PrivateKey {
    /// The first private key of a PEM text.
    pub fn from_pem(pem: &str) -> Result<Self, NotRsaKey> {
        let pair = match PrivateKeyDer::from_pem_slice(pem.as_bytes()) {
            Ok(PrivateKeyDer::Pkcs8(der)) => RsaKeyPair::from_pkcs8(der.secret_pkcs8_der()),
            Ok(PrivateKeyDer::Pkcs1(der)) => RsaKeyPair::from_der(der.secret_pkcs1_der()),
            Ok(_) | Err(_) => return Err(NotRsaKey),
        };
        pair.map(|pair| Self(Arc::new(pair))).map_err(|_| NotRsaKey)
    }

    fn sign(&self, text: &str) -> Result<Vec<u8>, Unsigned> {
        let mut signature = vec![0; self.0.public().modulus_len()];
        self.0
            .sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), text.as_bytes(), &mut signature)
            .map_err(|_| Unsigned)?;
        Ok(signature)
    }
}

impl fmt::Debug for PrivateKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PrivateKey([redacted])")
    }
}

/// The token of now, if there is one.
#[derive(Debug, Default)]
pub(super) struct Tokens(Mutex<Option<Token>>);

#[derive(Debug)]
struct Token {
    text: SecretString,
    /// Unix time in seconds.
    made_at: u64,
}

impl Tokens {
    /// A token that is good for three minutes at least. Whoever comes while one is being signed waits
    /// for it, a millisecond or two.
    pub(super) fn current(
        &self,
        application_id: &str,
        key: &PrivateKey,
        now: SystemTime,
    ) -> Result<SecretString, Unsigned> {
        let now = now.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs();
        let mut current = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(token) = current.as_ref().filter(|token| token.is_fresh(now)) {
            return Ok(token.text.clone());
        }
        let text = SecretString::from(signed(application_id, key, now, Uuid::new_v4())?);
        *current = Some(Token { text: text.clone(), made_at: now });
        Ok(text)
    }
}

impl Token {
    /// Not so after the clock was set back: Vonage may think it made in the future.
    fn is_fresh(&self, now: u64) -> bool {
        now.checked_sub(self.made_at).is_some_and(|age| age < USED_FOR.as_secs())
    }
}

/// A token made at `now`, Unix time in seconds; `id` is never used again.
fn signed(application_id: &str, key: &PrivateKey, now: u64, id: Uuid) -> Result<String, Unsigned> {
    let exp = now.saturating_add(VALID_FOR.as_secs());
    let header = part(&Header { alg: "RS256", typ: "JWT" })?;
    let claims = part(&Claims { application_id, iat: now, exp, jti: id })?;
    let text = format!("{header}.{claims}");
    let signature = BASE64_URL_SAFE_NO_PAD.encode(key.sign(&text)?);
    Ok(format!("{text}.{signature}"))
}

fn part(value: &impl Serialize) -> Result<String, Unsigned> {
    let json = serde_json::to_vec(value).map_err(|_| Unsigned)?;
    Ok(BASE64_URL_SAFE_NO_PAD.encode(json))
}
