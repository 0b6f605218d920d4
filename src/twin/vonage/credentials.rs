//! Who asks: an application by a token of its own, or an account by its key and secret.

use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use secrecy::ExposeSecret;

use super::error::VonageError;
use super::jwt;
use super::limits::Books;

/// The application's id or the API key, as the request names it, and whether it is let in. Neither is
/// a secret.
pub(super) fn check(books: &Books, headers: &HeaderMap, now_us: u64) -> (String, Result<(), VonageError>) {
    let nobody = || (String::new(), Err(VonageError::Unauthorized));
    let Some(value) = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok()) else {
        return nobody();
    };
    match value.split_once(' ') {
        Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") => {
            application(books, token.trim(), now_us)
        }
        Some((scheme, encoded)) if scheme.eq_ignore_ascii_case("basic") => {
            basic(encoded.trim()).map_or_else(nobody, |(key, secret)| account(books, key, &secret))
        }
        _ => nobody(),
    }
}

fn application(books: &Books, token: &str, now_us: u64) -> (String, Result<(), VonageError>) {
    let Some(parsed) = jwt::parse(token) else {
        return (String::new(), Err(VonageError::Unauthorized));
    };
    let signed = match books.application(&parsed.application_id) {
        Some(application) => application.signed(&parsed),
        None => books.is_open(),
    };
    let door = if signed && parsed.is_in_time(now_us) { Ok(()) } else { Err(VonageError::Unauthorized) };
    (parsed.application_id, door)
}

fn account(books: &Books, key: String, secret: &str) -> (String, Result<(), VonageError>) {
    let known = books.limits().keys.iter().find(|known| known.api_key == key);
    let let_in = match known {
        Some(known) => known.api_secret.expose_secret() == secret,
        None => books.is_open() && !key.is_empty() && !secret.is_empty(),
    };
    (key, if let_in { Ok(()) } else { Err(VonageError::Unauthorized) })
}

fn basic(encoded: &str) -> Option<(String, String)> {
    let decoded = String::from_utf8(STANDARD.decode(encoded).ok()?).ok()?;
    let (key, secret) = decoded.split_once(':')?;
    Some((key.to_owned(), secret.to_owned()))
}
