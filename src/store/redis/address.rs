//! The URL of a Redis store, taken apart: one server, a master that Sentinel names, or a Cluster.

use std::fmt;

use redis::{ConnectionInfo, IntoConnectionInfo};
use url::Url;

/// Where Sentinel listens unless it is told otherwise.
const SENTINEL_PORT: u16 = 26379;

/// Where the store is.
#[derive(Clone)]
pub(crate) enum Address {
    /// One server.
    One(ConnectionInfo),
    /// The master of a service that Sentinel watches.
    Sentinel(Sentinels),
    /// Nodes of a Cluster, with user and password. Those that are not named are learnt from these.
    Cluster(Vec<ConnectionInfo>),
}

/// The Sentinels to ask, and how to enter the server that they name.
#[derive(Clone)]
pub(crate) struct Sentinels {
    /// Each with Sentinel's own user and password.
    pub(super) asked: Vec<ConnectionInfo>,
    pub(super) service: String,
    /// User, password, database and TLS of the servers; its host stands for nothing.
    pub(super) server: ConnectionInfo,
}

/// The URL is of none of the forms; says nothing, as it may hold a password.
#[derive(Debug, thiserror::Error)]
#[error("the URL of the Redis store is of an unknown form")]
pub struct UnknownForm;

impl Address {
    /// `redis://`, `rediss://` or `redis+unix:` of one server;
    /// `redis+sentinel://[user:password@]host[:port][,…]/service[/database]`, where
    /// `?sentinel_user=` and `sentinel_password=` are for the Sentinels themselves;
    /// `redis+cluster://[user:password@]host[:port][,…]`. The last two with `rediss` for TLS, to every
    /// server and Sentinel.
    pub(crate) fn parse(text: &str) -> Result<Self, UnknownForm> {
        let (scheme, rest) = text.split_once("://").unwrap_or((text, ""));
        let form = match scheme {
            "redis+sentinel" => sentinels("redis", rest).map(Self::Sentinel),
            "rediss+sentinel" => sentinels("rediss", rest).map(Self::Sentinel),
            "redis+cluster" => cluster("redis", rest).map(Self::Cluster),
            "rediss+cluster" => cluster("rediss", rest).map(Self::Cluster),
            _ => text.into_connection_info().ok().map(Self::One),
        };
        form.ok_or(UnknownForm)
    }
}

/// What follows `://` of several servers.
struct Members<'u> {
    /// With its `@`, or empty.
    user: &'u str,
    hosts: Vec<&'u str>,
    /// From the first slash on, without it.
    path: &'u str,
    query: &'u str,
}

fn members(rest: &str) -> Option<Members<'_>> {
    let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
    let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
    let (user, hosts) = authority.split_at(authority.rfind('@').map_or(0, |at| at + 1));
    let hosts: Vec<&str> = hosts.split(',').collect();
    let is_whole = !hosts.iter().any(|host| host.is_empty()) && !rest.contains('#');
    is_whole.then_some(Members { user, hosts, path, query })
}

fn cluster(scheme: &str, rest: &str) -> Option<Vec<ConnectionInfo>> {
    let Members { user, hosts, path, query } = members(rest)?;
    if !path.is_empty() || !query.is_empty() {
        return None;
    }
    hosts.iter().map(|host| server(&format!("{scheme}://{user}{host}"), None)).collect()
}

fn sentinels(scheme: &str, rest: &str) -> Option<Sentinels> {
    let Members { user, hosts, path, query } = members(rest)?;
    let (service, database) = path.split_once('/').unwrap_or((path, "0"));
    if service.is_empty() || database.parse::<u16>().is_err() {
        return None;
    }
    let entry = sentinel_entry(query)?;
    let of_sentinel = |host: &&str| server(&format!("{scheme}://{host}"), Some(&entry));
    let asked: Option<Vec<_>> = hosts.iter().map(of_sentinel).collect();
    let server = format!("{scheme}://{user}server/{database}").into_connection_info().ok()?;
    Some(Sentinels { asked: asked?, service: service.to_owned(), server })
}

/// User and password of the Sentinels themselves.
#[derive(Default)]
struct SentinelEntry {
    user: Option<String>,
    password: Option<String>,
}

fn sentinel_entry(query: &str) -> Option<SentinelEntry> {
    let mut entry = SentinelEntry::default();
    for (name, value) in url::form_urlencoded::parse(query.as_bytes()) {
        let place = match &*name {
            "sentinel_user" => &mut entry.user,
            "sentinel_password" => &mut entry.password,
            _ => return None,
        };
        if value.is_empty() || place.replace(value.into_owned()).is_some() {
            return None;
        }
    }
    Some(entry)
}

/// One host of several; a Sentinel, if it has an entry for it.
fn server(text: &str, sentinel: Option<&SentinelEntry>) -> Option<ConnectionInfo> {
    let mut url = Url::parse(text).ok()?;
    let has_host = url.host_str().is_some_and(|host| !host.is_empty());
    if !has_host || !matches!(url.path(), "" | "/") {
        return None;
    }
    let Some(SentinelEntry { user, password }) = sentinel else { return url.into_connection_info().ok() };
    if url.port().is_none() {
        url.set_port(Some(SENTINEL_PORT)).ok()?;
    }
    let info = url.into_connection_info().ok()?;
    let mut settings = info.redis_settings().clone();
    if let Some(user) = user {
        settings = settings.set_username(user);
    }
    if let Some(password) = password {
        settings = settings.set_password(password);
    }
    Some(info.set_redis_settings(settings))
}

/// Hosts and names; no user, no password.
impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let hosts = |of: &[ConnectionInfo]| of.iter().map(|one| one.addr().to_string()).collect::<Vec<_>>();
        match self {
            Self::One(info) => write!(f, "{}", info.addr()),
            Self::Sentinel(Sentinels { asked, service, .. }) => {
                write!(f, "{service} of {:?}", hosts(asked))
            }
            Self::Cluster(nodes) => write!(f, "{:?}", hosts(nodes)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hosts(of: &[ConnectionInfo]) -> Vec<String> {
        of.iter().map(|one| one.addr().to_string()).collect()
    }

    #[test]
    fn a_master_is_named_by_its_sentinels() {
        let url = "redis+sentinel://me:se%40cret@a:1,b,[::1]:3/orders/2?sentinel_password=other%26";
        let Ok(Address::Sentinel(found)) = Address::parse(url) else { panic!() };
        assert_eq!(hosts(&found.asked), ["a:1", "b:26379", "::1:3"]);
        assert_eq!(found.service, "orders");
        let server = found.server.redis_settings();
        assert_eq!((server.username(), server.password(), server.db()), (Some("me"), Some("se@cret"), 2));
        let sentinel = found.asked[0].redis_settings();
        assert_eq!((sentinel.username(), sentinel.password()), (None, Some("other&")));
        let shown = format!("{:?}", Address::Sentinel(found));
        assert!(!shown.contains("cret") && !shown.contains("other"), "{shown}");
    }

    #[test]
    fn a_cluster_is_named_by_some_of_its_nodes() {
        let Ok(Address::Cluster(nodes)) = Address::parse("rediss+cluster://:secret@a,b:7001") else {
            panic!()
        };
        assert_eq!(hosts(&nodes), ["a:6379", "b:7001"]);
        assert!(nodes.iter().all(|node| node.redis_settings().password() == Some("secret")));
        assert!(matches!(nodes[0].addr(), redis::ConnectionAddr::TcpTls { insecure: false, .. }));
    }

    #[test]
    fn other_forms_are_refused_without_their_password() {
        for bad in [
            "redis+sentinel://a",
            "redis+sentinel://a/",
            "redis+sentinel:///orders",
            "redis+sentinel://a,,b/orders",
            "redis+sentinel://a/orders/many",
            "redis+sentinel://a/orders?password=secret",
            "redis+sentinel://a/orders?sentinel_password=x&sentinel_password=y",
            "redis+sentinel://a:port/orders",
            "redis+cluster://",
            "redis+cluster://a,",
            "redis+cluster://a/0",
            "redis+cluster://a?protocol=resp3",
            "redis+cluster://:secret@a:1,:2",
            "redis+ring://a",
        ] {
            let refused = Address::parse(bad).expect_err(bad);
            assert!(!refused.to_string().contains("secret"));
        }
    }
}
