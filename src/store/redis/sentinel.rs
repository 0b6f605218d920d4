//! The master of a service, as Sentinel names it: found anew for each connection, so a failover is
//! followed by connecting again.

use redis::sentinel::{Sentinel, SentinelNodeConnectionInfo};
use redis::{Client, ConnectionAddr, ConnectionInfo, ErrorKind, RedisError, TlsMode};

use super::address::Sentinels;

/// A client of the master, which said itself that it is one; or a sentence.
pub(super) async fn master(of: &Sentinels) -> Result<Client, String> {
    let Sentinels { asked, service, server } = of;
    let mut sentinel = Sentinel::build(asked.clone()).map_err(|error| error.to_string())?;
    let entry =
        SentinelNodeConnectionInfo::default().set_redis_connection_info(server.redis_settings().clone());
    let entry = match server.addr() {
        ConnectionAddr::TcpTls { .. } => entry.set_tls_mode(TlsMode::Secure),
        _ => entry,
    };
    match sentinel.async_master_for(service, Some(&entry)).await {
        Ok(client) => Ok(client),
        Err(error) => Err(why_none(asked, service, &error).await),
    }
}

/// The address that the first Sentinel to answer names, be it up or not.
pub(super) async fn named_address(of: &Sentinels) -> Option<String> {
    for sentinel in &of.asked {
        if let Ok(Some((host, port))) = named(sentinel, &of.service).await {
            return Some(ConnectionAddr::Tcp(host, port).to_string());
        }
    }
    None
}

/// Asks for the reason. The one word for "no master" has several.
async fn why_none(sentinels: &[ConnectionInfo], service: &str, error: &RedisError) -> String {
    let mut unasked = None;
    for sentinel in sentinels {
        match named(sentinel, service).await {
            Ok(None) => return format!("Sentinel knows no service {service:?}"),
            Ok(Some((host, port))) if error.kind() == ErrorKind::MasterNameNotFoundBySentinel => {
                return format!(
                    "Sentinel knows of no master of {service:?} that is up, {host}:{port} was the last"
                );
            }
            Ok(Some((host, port))) => {
                return format!(
                    "cannot connect to the Redis server {host}:{port}, which Sentinel names as the master of \
                     {service:?}: {error}"
                );
            }
            Err(refused) => unasked = Some(refused),
        }
    }
    format!("no Sentinel answers: {}", unasked.as_ref().unwrap_or(error))
}

/// What one Sentinel says is the master's address, up or not.
async fn named(sentinel: &ConnectionInfo, service: &str) -> Result<Option<(String, u16)>, RedisError> {
    let mut connection = Client::open(sentinel.clone())?.get_multiplexed_async_connection().await?;
    redis::cmd("SENTINEL").arg("GET-MASTER-ADDR-BY-NAME").arg(service).query_async(&mut connection).await
}
