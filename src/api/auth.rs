//! API keys: who a caller is and what it may do.
//!
//! A key is opaque and known only by its SHA-256. It is found by the first bytes of that and compared
//! whole in constant time; whoever measures the look-up learns of a digest, which does not lead back
//! to a key.

use std::collections::HashMap;
use std::fmt;
use std::str::FromStr;
use std::sync::{Arc, PoisonError, RwLock};

use axum::extract::FromRequestParts;
use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;
use axum::http::request::Parts;
use sendyard_actors::domain::ids::OrganizationId;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use super::errors::{ApiError, Code};
use super::router::Front;

/// What a key may be used for. None implies another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Scope {
    /// `sms:send`: send and cancel messages.
    SmsSend,
    /// `sms:read`: statuses and counts.
    SmsRead,
    /// `senders:write`: limits of senders.
    SendersWrite,
    /// `admin`: organizations, keys, accounts.
    Admin,
}

impl Scope {
    /// Every scope.
    pub const ALL: [Self; 4] = [Self::SmsSend, Self::SmsRead, Self::SendersWrite, Self::Admin];

    /// The word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::SmsSend => "sms:send",
            Self::SmsRead => "sms:read",
            Self::SendersWrite => "senders:write",
            Self::Admin => "admin",
        }
    }

    const fn bit(self) -> u8 {
        match self {
            Self::SmsSend => 1,
            Self::SmsRead => 1 << 1,
            Self::SendersWrite => 1 << 2,
            Self::Admin => 1 << 3,
        }
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The word names no scope.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown scope {0:?}: use sms:send, sms:read, senders:write or admin")]
pub struct UnknownScope(String);

impl FromStr for Scope {
    type Err = UnknownScope;

    fn from_str(text: &str) -> Result<Self, UnknownScope> {
        let found = Self::ALL.into_iter().find(|scope| scope.as_str() == text);
        found.ok_or_else(|| UnknownScope(text.to_owned()))
    }
}

/// A set of scopes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Scopes(u8);

impl Scopes {
    /// Is this one in it?
    pub const fn contains(self, scope: Scope) -> bool {
        self.0 & scope.bit() != 0
    }
}

impl FromIterator<Scope> for Scopes {
    fn from_iter<I: IntoIterator<Item = Scope>>(scopes: I) -> Self {
        Self(scopes.into_iter().fold(0, |all, scope| all | scope.bit()))
    }
}

/// One key, as the configuration knows it.
#[derive(Clone)]
pub struct ApiKey {
    /// Whose it is.
    pub organization: OrganizationId,
    /// Its name, for people.
    pub name: String,
    /// SHA-256 of the key.
    pub digest: [u8; 32],
    /// What it may be used for.
    pub scopes: Scopes,
}

/// Without the digest: it is as good as the key to whoever can put it into a configuration.
impl fmt::Debug for ApiKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ApiKey({}, organization {})", self.name, self.organization.0)
    }
}

/// The first bytes of a digest, by which a key is found.
type Prefix = u32;

/// Every valid key. Replaced whole when the directory changes.
#[derive(Debug, Default)]
pub struct Keyring {
    keys: RwLock<Keys>,
}

type Keys = HashMap<Prefix, Vec<Arc<ApiKey>>>;

impl Keyring {
    /// A keyring of these keys. Of two with the same digest the first counts.
    pub fn new(keys: Vec<ApiKey>) -> Self {
        let keyring = Self::default();
        keyring.replace(keys);
        keyring
    }

    /// These are the valid ones from now on.
    pub fn replace(&self, keys: Vec<ApiKey>) {
        let mut sorted = Keys::new();
        for key in keys {
            sorted.entry(prefix(&key.digest)).or_default().push(Arc::new(key));
        }
        *self.keys.write().unwrap_or_else(PoisonError::into_inner) = sorted;
    }

    /// The key that was presented, if it is one of these.
    pub(crate) fn find(&self, presented: &[u8]) -> Option<Arc<ApiKey>> {
        let digest: [u8; 32] = Sha256::digest(presented).into();
        let keys = self.keys.read().unwrap_or_else(PoisonError::into_inner);
        let candidates = keys.get(&prefix(&digest))?;
        candidates.iter().find(|key| bool::from(key.digest.ct_eq(&digest))).cloned()
    }
}

fn prefix(digest: &[u8; 32]) -> Prefix {
    let [a, b, c, d, ..] = *digest;
    Prefix::from_be_bytes([a, b, c, d])
}

/// Who is asking. A handler that takes one runs only for a known key, before any body is read.
#[derive(Debug, Clone, Copy)]
pub(super) struct Caller {
    /// Whose key it is.
    pub(super) organization: OrganizationId,
    scopes: Scopes,
}

impl Caller {
    /// Refuses a key without this scope.
    pub(super) fn must(self, scope: Scope) -> Result<(), ApiError> {
        if self.scopes.contains(scope) {
            return Ok(());
        }
        Err(ApiError::new(Code::MissingScope, format!("This API key lacks the scope {scope}")))
    }
}

impl FromRequestParts<Arc<Front>> for Caller {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, front: &Arc<Front>) -> Result<Self, ApiError> {
        let key = bearer(&parts.headers).and_then(|key| front.keys.find(key));
        // One answer for all cases: it must not tell which keys exist.
        let key = key.ok_or_else(|| ApiError::new(Code::Unauthorized, "Missing or invalid API key"))?;
        Ok(Self { organization: key.organization, scopes: key.scopes })
    }
}

/// The key of `Authorization: Bearer <key>`, the scheme in any case.
pub(super) fn bearer(headers: &HeaderMap) -> Option<&[u8]> {
    let (scheme, rest) = headers.get(AUTHORIZATION)?.as_bytes().split_at_checked("bearer".len())?;
    let key = rest.strip_prefix(b" ")?.trim_ascii();
    scheme.eq_ignore_ascii_case(b"bearer").then_some(key)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scopes_are_told_apart_and_survive_their_words() {
        for scope in Scope::ALL {
            assert_eq!(scope.to_string().parse(), Ok(scope));
            let only: Scopes = [scope].into_iter().collect();
            let inside: Vec<Scope> = Scope::ALL.into_iter().filter(|other| only.contains(*other)).collect();
            assert_eq!(inside, [scope]);
        }
        assert!("sms:".parse::<Scope>().is_err());
    }

    #[test]
    fn keys_whose_digests_begin_alike_are_told_apart() {
        let digest: [u8; 32] = Sha256::digest(b"right").into();
        let mut alike = digest;
        alike[31] ^= 1;
        let key = |name: &str, digest| ApiKey {
            organization: OrganizationId(1),
            name: name.to_owned(),
            digest,
            scopes: Scopes::default(),
        };
        let keyring = Keyring::new(vec![key("other", alike), key("mine", digest)]);
        assert_eq!(keyring.find(b"right").map(|key| key.name.clone()).as_deref(), Some("mine"));
        assert!(Keyring::new(vec![key("other", alike)]).find(b"right").is_none());
    }
}
