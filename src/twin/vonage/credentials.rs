//! Who asks: an application by a token of its own, or an account by its key and secret.

use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use secrecy::ExposeSecret;

use super::error::VonageError;
use super::jwt::{self, Token};
use super::limits::Books;

/// By the name that the request gives. Neither is a secret.
#[derive(Debug, Clone)]
pub(super) enum Asker {
    /// An application, by its id.
    Application(String),
    /// An account, by its key; nobody has an empty one.
    Key(String),
}

impl Asker {
    /// As the ledger and the rules call it.
    pub(super) fn account(&self) -> &str {
        match self {
            Self::Application(name) | Self::Key(name) => name,
        }
    }
}

/// Who asks, and whether it is let in.
pub(super) fn check(books: &Books, headers: &HeaderMap, now_us: u64) -> (Asker, Result<(), VonageError>) {
    let let_in = |asker, let_in: bool| (asker, if let_in { Ok(()) } else { Err(VonageError::Unauthorized) });
    let nobody = || let_in(Asker::Key(String::new()), false);
    let Some(value) = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok()) else {
        return nobody();
    };
    match value.split_once(' ') {
        Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") => {
            let Some(token) = jwt::parse(token.trim()) else { return nobody() };
            let good = is_signed(books, &token) && token.is_in_time(now_us);
            let_in(Asker::Application(token.application_id), good)
        }
        Some((scheme, encoded)) if scheme.eq_ignore_ascii_case("basic") => {
            let Some((key, secret)) = basic(encoded.trim()) else { return nobody() };
            let good = is_known(books, &key, &secret);
            let_in(Asker::Key(key), good)
        }
        Some(_) | None => nobody(),
    }
}

fn is_signed(books: &Books, token: &Token) -> bool {
    match books.application(&token.application_id) {
        Some(key) => key.signed(token),
        None => books.is_open(),
    }
}

fn is_known(books: &Books, key: &str, secret: &str) -> bool {
    match books.limits().keys.iter().find(|known| known.api_key == key) {
        Some(known) => known.api_secret.expose_secret() == secret,
        None => books.is_open() && !key.is_empty() && !secret.is_empty(),
    }
}

fn basic(encoded: &str) -> Option<(String, String)> {
    let decoded = String::from_utf8(STANDARD.decode(encoded).ok()?).ok()?;
    let (key, secret) = decoded.split_once(':')?;
    Some((key.to_owned(), secret.to_owned()))
}
