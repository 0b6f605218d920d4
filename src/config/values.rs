//! Values of the configuration that are more than a string or a number.
//!
//! Each is read by a function that says what it expected: `parsed` does so for everything that is
//! written as a string. Secrets never come here: what is refused is shown.

use std::fmt;
use std::net::SocketAddr;
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::time::Duration;

use jiff::{Span, SpanRelativeTo};
use serde::Deserializer;
use serde::de::{Error, Unexpected, Visitor};
use url::Url;

use super::{RedisUrl, StoreUrl};

/// A duration above zero.
pub(super) fn duration<'de, D: Deserializer<'de>>(from: D) -> Result<Duration, D::Error> {
    parsed(from, r#"a duration above zero with its unit, such as "250ms", "2s", "10m" or "30d""#, |text| {
        parse_duration(text).filter(|duration| !duration.is_zero())
    })
}

/// `"250ms"`, `"2s"`, `"10m"`, `"24h"`, `"30d"`, and sums of them; a day is 24 hours.
pub(crate) fn parse_duration(text: &str) -> Option<Duration> {
    let span: Span = text.parse().ok()?;
    let signed = span.to_duration(SpanRelativeTo::days_are_24_hours()).ok()?;
    Duration::try_from(signed).ok()
}

/// An address to listen on.
pub(super) fn address<'de, D: Deserializer<'de>>(from: D) -> Result<SocketAddr, D::Error> {
    parsed(from, r#"an IP address and a port, such as "127.0.0.1:8080""#, |text| text.parse().ok())
}

/// An address to listen on, or an empty string.
pub(super) fn optional_address<'de, D: Deserializer<'de>>(from: D) -> Result<Option<SocketAddr>, D::Error> {
    let expected = r#"an IP address and a port, such as "127.0.0.1:9464", or an empty string"#;
    parsed(from, expected, |text| if text.is_empty() { Some(None) } else { text.parse().ok().map(Some) })
}

/// The base URL of something that speaks HTTP, or an empty string.
pub(super) fn optional_url<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Url>, D::Error> {
    let expected = r#"a URL such as "https://sms.example.com", or an empty string"#;
    parsed(from, expected, |text| if text.is_empty() { Some(None) } else { http_url(text).map(Some) })
}

/// An `http` or `https` URL without anything that could not be a base for paths.
pub(super) fn http_url(text: &str) -> Option<Url> {
    let url = Url::parse(text).ok()?;
    let is_http = matches!(url.scheme(), "http" | "https");
    let is_base = url.query().is_none() && url.fragment().is_none();
    let is_anonymous = url.username().is_empty() && url.password().is_none();
    (is_http && is_base && is_anonymous).then_some(url)
}

/// What a store's URL can be.
const STORES: &str = r#""redb:DIR", "redis://HOST" or "memory:""#;

/// What a Redis URL can be.
const REDIS_FORMS: &str = r#"expected "redis://[USER:PASSWORD@]HOST[:PORT][/DATABASE]", the same with "rediss" for TLS, "redis+unix:///SOCKET[?db=DATABASE]", "redis+sentinel://[USER:PASSWORD@]HOST[:PORT],…/SERVICE[/DATABASE]", or "redis+cluster://[USER:PASSWORD@]HOST[:PORT],…", found another form"#;

/// Where messages live.
pub(super) fn store_url<'de, D: Deserializer<'de>>(from: D) -> Result<StoreUrl, D::Error> {
    let url = parsed(from, STORES, |text| Some(text.to_owned()))?;
    let (scheme, rest) = url.split_once(':').unwrap_or((&url, ""));
    match scheme {
        "redb" if !rest.is_empty() => Ok(StoreUrl::Redb(PathBuf::from(rest))),
        "memory" if rest.is_empty() && url.ends_with(':') => Ok(StoreUrl::Memory),
        // Not shown, as a Redis URL may hold a password.
        "redis" | "rediss" | "redis+unix" | "redis+sentinel" | "rediss+sentinel" | "redis+cluster"
        | "rediss+cluster" => {
            RedisUrl::parse(&url).map(StoreUrl::Redis).ok_or_else(|| D::Error::custom(REDIS_FORMS))
        }
        _ => Err(D::Error::custom(format!("expected {STORES}, found something else"))),
    }
}

/// A path that is not empty.
pub(super) fn path<'de, D: Deserializer<'de>>(from: D) -> Result<PathBuf, D::Error> {
    parsed(from, "a path", |text| (!text.is_empty()).then(|| PathBuf::from(text)))
}

/// How many replicas are waited for.
pub(super) fn replicas<'de, D: Deserializer<'de>>(from: D) -> Result<u8, D::Error> {
    whole(from, NumberVisitor { within: 0..=16, expected: "a whole number from 0 to 16" })
}

/// A whole number of at least 1.
pub(super) fn count<'de, D: Deserializer<'de>, N: TryFrom<u64>>(from: D) -> Result<N, D::Error> {
    whole(from, NumberVisitor { within: 1..=u64::MAX, expected: "a whole number of at least 1" })
}

fn whole<'de, D: Deserializer<'de>, N: TryFrom<u64>>(from: D, which: NumberVisitor) -> Result<N, D::Error> {
    let number = from.deserialize_any(which)?;
    N::try_from(number)
        .map_err(|_| D::Error::invalid_value(Unexpected::Unsigned(number), &"a smaller whole number"))
}

struct NumberVisitor {
    within: RangeInclusive<u64>,
    expected: &'static str,
}

impl Visitor<'_> for NumberVisitor {
    type Value = u64;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.expected)
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<u64, E> {
        if !self.within.contains(&number) {
            return Err(E::invalid_value(Unexpected::Unsigned(number), &self));
        }
        Ok(number)
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<u64, E> {
        let refused = || E::invalid_value(Unexpected::Signed(number), &self);
        u64::try_from(number).map_err(|_| refused()).and_then(|number| self.visit_u64(number))
    }
}

/// A string that `parse` takes.
fn parsed<'de, D, T, P>(from: D, expected: &'static str, parse: P) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    P: FnOnce(&str) -> Option<T>,
{
    from.deserialize_str(ParsedVisitor { expected, parse })
}

struct ParsedVisitor<P> {
    expected: &'static str,
    parse: P,
}

impl<T, P: FnOnce(&str) -> Option<T>> Visitor<'_> for ParsedVisitor<P> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.expected)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<T, E> {
        let expected = self.expected;
        (self.parse)(text).ok_or_else(|| E::invalid_value(Unexpected::Str(text), &expected))
    }
}
