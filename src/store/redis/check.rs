//! What the server is asked at the start: is the data of this version, and what does its configuration
//! promise? Each thing that is wrong is one sentence. Of a Cluster each master is asked; of a service that
//! Sentinel watches the present master alone, as a replica answers for itself when it becomes one.

use std::time::Duration;

use redis::{Cmd, FromRedisValue, Pipeline, Value};
use sendyard_actors::domain::ids::SHARDS;
use sendyard_actors::ports::StoreError;
use tokio::time::Instant;

use super::link::{Link, value_of};
use super::promise::{Promise, promise, unknown};
use super::{keys, scripts};

/// Scripts with flags came with it.
const OLDEST_SERVER: u32 = 7;

/// The slots of every Cluster.
const CLUSTER_SLOTS: u64 = 16384;

/// Half of the engine's margin, unless that is set: see `keys.rs`, on time.
const CLOCKS_APART: Duration = Duration::from_secs(1);

/// Why the data there cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotUsable {
    /// The server did not answer, or refused.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Its data has another form.
    #[error(
        "the data in Redis is of format {found}, and this version reads format {expected}: use another \
         database, or the version that wrote it"
    )]
    Format {
        /// What the data says.
        found: String,
        /// What this version reads.
        expected: u32,
    },
    /// Its data is laid out for another number of shards.
    #[error(
        "the data in Redis was created with {found} shards, and this version has {expected}: use another \
         database, or the version that wrote it"
    )]
    Shards {
        /// What the data says.
        found: String,
        /// What this version has.
        expected: u16,
    },
    /// The server is too old.
    #[error("the Redis server is version {found}, expected at least {OLDEST_SERVER}.0, or Valkey")]
    Server {
        /// What the server says.
        found: String,
    },
    /// Fewer replicas are there than are to have each answer.
    #[error(
        "{connected} replicas of the Redis server are connected, expected at least {expected} (store.replicas)"
    )]
    Replicas {
        /// How many are.
        connected: u64,
        /// How many are to be.
        expected: u8,
    },
    /// Not every slot of the Cluster has a master.
    #[error("of the Redis Cluster's {CLUSTER_SLOTS} slots {assigned} have a master, expected all of them")]
    Slots {
        /// How many have one.
        assigned: u64,
    },
    /// The Cluster itself says that it does not work.
    #[error("the Redis Cluster is down: its cluster_state is {state}, expected ok")]
    Cluster {
        /// What it says.
        state: String,
    },
    /// Not every master of the Cluster can be reached.
    #[error("{reached} of the {masters} masters of the Redis Cluster can be reached, expected all of them")]
    Masters {
        /// How many can be.
        reached: usize,
        /// How many it has.
        masters: usize,
    },
    /// The clocks of the Cluster's masters differ too much.
    #[error(
        "the clocks of the Redis Cluster's masters are at least {apart:?} apart, expected less than \
         {CLOCKS_APART:?}: have them set by one source of time"
    )]
    Clocks {
        /// How far, at least.
        apart: Duration,
    },
}

/// Checks the server's version, then the store's mark, which is written where there is none, then what
/// the server's configuration promises.
pub(super) async fn check(link: &Link) -> Result<Promise, NotUsable> {
    let mut info = redis::cmd("INFO");
    info.arg("server");
    let servers: Vec<(String, String)> = of_masters(link, &info).await?;
    servers.iter().try_for_each(|(_, info)| refuse_old(info))?;
    if link.is_cluster() {
        refuse_incomplete(link, servers.len()).await?;
        refuse_other_times(link).await?;
    }

    refuse_alone(link).await?;
    let call = link.call(&scripts::MARK_STORE, keys::MARK.as_bytes()).arg(keys::FORMAT).arg(SHARDS);
    let mut mark = call.write().await?;
    let mut said = || mark.next::<Option<String>>().map(Option::unwrap_or_default);
    let (format, shards) = (said()?, said()?);
    if format != keys::FORMAT.to_string() {
        return Err(NotUsable::Format { found: format, expected: keys::FORMAT });
    }
    if shards != SHARDS.to_string() {
        return Err(NotUsable::Shards { found: shards, expected: SHARDS });
    }

    let mut config = redis::cmd("CONFIG");
    config.arg("GET").arg("append*").arg("maxmemory-policy");
    match of_masters::<Vec<(String, String)>>(link, &config).await {
        Ok(servers) => Ok(promise(&servers, link.may_fail_over(), link.replicas())),
        Err(StoreError::Unavailable(_)) => Ok(unknown()),
        Err(error) => Err(error.into()),
    }
}

fn refuse_old(info: &str) -> Result<(), NotUsable> {
    let Some(version) = field(info, "redis_version") else { return Ok(()) };
    let major = version.split('.').next().and_then(|major| major.parse::<u32>().ok());
    if field(info, "valkey_version").is_none() && major.is_some_and(|major| major < OLDEST_SERVER) {
        return Err(NotUsable::Server { found: version.to_owned() });
    }
    Ok(())
}

/// Are there as many replicas as are waited for? Without them no step would be answered.
async fn refuse_alone(link: &Link) -> Result<(), NotUsable> {
    let expected = link.replicas();
    if expected == 0 {
        return Ok(());
    }
    let mut info = redis::cmd("INFO");
    info.arg("replication");
    for (_, info) in of_masters::<String>(link, &info).await? {
        let connected =
            field(&info, "connected_slaves").and_then(|count| count.parse().ok()).unwrap_or_default();
        if connected < u64::from(expected) {
            return Err(NotUsable::Replicas { connected, expected });
        }
    }
    Ok(())
}

/// Is the Cluster whole, and were all its masters asked?
async fn refuse_incomplete(link: &Link, asked: usize) -> Result<(), NotUsable> {
    let mut read = Pipeline::with_capacity(1);
    read.cmd("CLUSTER").arg("INFO");
    let info: String = value_of(link.read(&read).await?.into_iter().next().unwrap_or(Value::Nil))?;
    let number = |name| field(&info, name).and_then(|count| count.parse::<u64>().ok()).unwrap_or_default();
    let assigned = number("cluster_slots_assigned");
    if assigned != CLUSTER_SLOTS {
        return Err(NotUsable::Slots { assigned });
    }
    let state = field(&info, "cluster_state").unwrap_or_default();
    if state != "ok" {
        return Err(NotUsable::Cluster { state: state.to_owned() });
    }
    let masters = usize::try_from(number("cluster_size")).unwrap_or_default();
    if asked < masters {
        return Err(NotUsable::Masters { reached: asked, masters });
    }
    Ok(())
}

/// Do the masters' clocks agree? All are asked at once.
async fn refuse_other_times(link: &Link) -> Result<(), NotUsable> {
    let asked_at = Instant::now();
    let times: Vec<(String, (u64, u64))> = of_masters(link, &redis::cmd("TIME")).await?;
    let took = asked_at.elapsed();
    let since_epoch = |(_, (seconds, micros)): &(String, (u64, u64))| {
        Duration::from_secs(*seconds) + Duration::from_micros(*micros)
    };
    let apart = apart(&times.iter().map(since_epoch).collect::<Vec<_>>(), took);
    if apart > CLOCKS_APART { Err(NotUsable::Clocks { apart }) } else { Ok(()) }
}

/// How far clocks are apart at least that showed this within a time that long.
fn apart(times: &[Duration], took: Duration) -> Duration {
    let first = times.iter().min().copied().unwrap_or_default();
    let last = times.iter().max().copied().unwrap_or_default();
    last.saturating_sub(first).saturating_sub(took)
}

async fn of_masters<T: FromRedisValue>(link: &Link, command: &Cmd) -> Result<Vec<(String, T)>, StoreError> {
    let answers = link.ask_masters(command).await?.into_iter();
    answers.map(|(address, value)| Ok((address, value_of(value)?))).collect()
}

/// A line of what `INFO` says.
fn field<'i>(info: &'i str, name: &str) -> Option<&'i str> {
    info.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':')).map(str::trim)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clocks_are_apart_by_what_the_asking_does_not_explain() {
        let times = [5000, 7500, 6000].map(Duration::from_millis);
        assert_eq!(apart(&times, Duration::from_millis(100)), Duration::from_millis(2400));
        assert_eq!(apart(&times, Duration::from_secs(3)), Duration::ZERO);
        assert_eq!(apart(&[], Duration::ZERO), Duration::ZERO);
    }

    #[test]
    fn a_server_before_scripts_had_flags_is_refused_and_valkey_is_not() {
        assert!(refuse_old("# Server\r\nredis_version:7.0.15\r\n").is_ok());
        assert!(refuse_old("redis_version:6.2.1\r\nvalkey_version:8.0.1\r\n").is_ok());
        let refused = refuse_old("# Server\r\nredis_version:6.2.14\r\n").unwrap_err();
        assert!(refused.to_string().contains("version 6.2.14"), "{refused}");
    }
}
