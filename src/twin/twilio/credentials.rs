//! Who may ask for which account.

use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use secrecy::{ExposeSecret, SecretString};

use super::error::TwilioError;
use super::limits::TwilioLimits;

/// The path's account must look like one; then somebody must be named, with a token.
pub(super) fn check(
    limits: &TwilioLimits,
    account: &str,
    rest: &str,
    headers: &HeaderMap,
) -> Result<(), TwilioError> {
    if !is_sid(account, "AC") {
        return Err(TwilioError::not_found(account, rest));
    }
    let (user, token) = basic(headers).ok_or(TwilioError::Authenticate)?;
    let allowed = if limits.accounts.is_empty() {
        is_user(&user) && !token.is_empty()
    } else {
        limits.accounts.iter().any(|known| {
            known.account_sid == account && known.user == user && known.token.expose_secret() == token
        })
    };
    if allowed { Ok(()) } else { Err(TwilioError::Authenticate) }
}

/// Two letters and 32 hexadecimal digits.
pub(super) fn is_sid(text: &str, kind: &str) -> bool {
    text.strip_prefix(kind)
        .is_some_and(|digits| digits.len() == 32 && digits.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

/// An account, or an API key.
fn is_user(user: &str) -> bool {
    is_sid(user, "AC") || is_sid(user, "SK")
}

/// The account's token, which callbacks are signed with. None: an API key asks, whose secret is none.
pub(super) fn auth_token(headers: &HeaderMap) -> Option<SecretString> {
    let (user, token) = basic(headers)?;
    is_sid(&user, "AC").then(|| token.into())
}

fn basic(headers: &HeaderMap) -> Option<(String, String)> {
    let value = headers.get(AUTHORIZATION)?.to_str().ok()?;
    let (scheme, encoded) = value.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let decoded = String::from_utf8(STANDARD.decode(encoded.trim()).ok()?).ok()?;
    let (user, token) = decoded.split_once(':')?;
    Some((user.to_owned(), token.to_owned()))
}
