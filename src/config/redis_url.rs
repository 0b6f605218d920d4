//! The URL of a Redis store: checked here, and shown without its passwords.

use std::fmt;

use url::Url;

use crate::store::redis::Address;

/// A URL that names one Redis server, the Sentinels that know it, or a Cluster. It may hold passwords, so
/// its `Debug` does not show them.
#[derive(Clone, PartialEq, Eq)]
pub struct RedisUrl(String);

impl RedisUrl {
    /// `redis://[user:password@]host[:port][/database]`, the same with `rediss` for TLS,
    /// `redis+unix:///path[?db=N&user=U&pass=P]`; `redis+sentinel://[user:password@]host[:port][,…]/service
    /// [/database][?sentinel_user=U&sentinel_password=P]`, `redis+cluster://[user:password@]host[:port][,…]`,
    /// the same with `rediss+` for TLS. `None` for anything else.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (scheme, _) = text.split_once(':')?;
        let is_good = match scheme {
            "redis" | "rediss" => names_a_host(&Url::parse(text).ok()?),
            "redis+unix" => names_a_socket(&Url::parse(text).ok()?),
            "redis+sentinel" | "rediss+sentinel" | "redis+cluster" | "rediss+cluster" => {
                Address::parse(text).is_ok()
            }
            _ => false,
        };
        is_good.then(|| Self(text.to_owned()))
    }

    /// Does it name a Cluster?
    pub(super) fn is_cluster(&self) -> bool {
        self.0.split("://").next().is_some_and(|scheme| scheme.ends_with("+cluster"))
    }

    /// The whole URL, with its passwords.
    pub fn whole(&self) -> &str {
        &self.0
    }
}

fn names_a_host(url: &Url) -> bool {
    let database = url.path().trim_start_matches('/');
    let is_database = database.is_empty() || database.parse::<u16>().is_ok();
    let has_host = url.host_str().is_some_and(|host| !host.is_empty());
    has_host && is_database && url.query().is_none() && url.fragment().is_none()
}

fn names_a_socket(url: &Url) -> bool {
    let has_no_host = url.host_str().is_none_or(str::is_empty);
    let is_path = url.path().len() > 1;
    let is_known = |(name, value): (std::borrow::Cow<'_, str>, std::borrow::Cow<'_, str>)| match &*name {
        "db" => value.parse::<u16>().is_ok(),
        "user" | "pass" => !value.is_empty(),
        _ => false,
    };
    has_no_host && is_path && url.query_pairs().all(is_known) && url.fragment().is_none()
}

impl fmt::Debug for RedisUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(whole) = self;
        let shown = whole.split('?').next().unwrap_or_default();
        let (scheme, rest) = shown.split_once("://").unwrap_or((shown, ""));
        let hosts = rest.rsplit('@').next().unwrap_or_default();
        write!(f, "{scheme}://•••{hosts}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sentinels_and_clusters_are_taken() {
        for good in [
            "redis+sentinel://db-1,db-2:26380,db-3/orders",
            "rediss+sentinel://user:secret@db-1,db-2/orders/3?sentinel_user=u&sentinel_password=secret",
            "redis+cluster://db-1:7000,[::1]:7001",
            "rediss+cluster://:secret@db-1",
        ] {
            let url = RedisUrl::parse(good).expect(good);
            assert_eq!(url.whole(), good);
            assert!(!format!("{url:?}").contains("secret"), "{url:?}");
        }
    }

    #[test]
    fn the_forms_of_one_server_are_taken() {
        for good in [
            "redis://db",
            "redis://db:6380/3",
            "redis://:secret@db",
            "rediss://user:secret@db.example.com:6380/0",
            "redis://[::1]:6379",
            "redis+unix:///run/redis.sock",
            "redis+unix:///run/redis.sock?db=2&user=u&pass=secret",
        ] {
            let url = RedisUrl::parse(good).expect(good);
            assert_eq!(url.whole(), good);
            assert!(!format!("{url:?}").contains("secret"), "{url:?}");
            assert!(redis::IntoConnectionInfo::into_connection_info(url.whole()).is_ok(), "{good}");
        }
    }

    #[test]
    fn what_names_no_server_is_not() {
        for bad in [
            "redis:",
            "redis://",
            "redis:///3",
            "redis://db/three",
            "redis://db/70000",
            "redis://db?protocol=resp3",
            "redis+unix://",
            "redis+unix:///run/redis.sock?database=2",
            "redis+unix://host/run/redis.sock",
            "redis+sentinel://a,b",
            "redis+cluster://a,b/name",
        ] {
            assert_eq!(RedisUrl::parse(bad), None, "{bad}");
        }
    }
}
