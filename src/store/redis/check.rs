//! What the server is asked at the start: is the data of this version, and what does its configuration
//! promise? Each thing that is wrong is one sentence.

use redis::{Pipeline, Value};
use sendyard_actors::domain::ids::SHARDS;
use sendyard_actors::ports::StoreError;

use super::link::{Link, value_of};
use super::{keys, scripts};

/// Scripts with flags came with it.
const OLDEST_SERVER: u32 = 7;

/// What the store promises, and what speaks against it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Promise {
    /// What an answer `queued` means, in one line.
    pub queued_means: &'static str,
    /// What an operator should change, a sentence each.
    pub warnings: Vec<String>,
}

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
}

/// Checks the server's version, then the store's mark, which is written where there is none, then what
/// the server's configuration promises.
pub(super) async fn check(link: &Link) -> Result<Promise, NotUsable> {
    let mut read = Pipeline::with_capacity(1);
    read.cmd("INFO").arg("server");
    let info: String = only(link.read(&read).await?)?;
    refuse_old(&info)?;

    let call = link.call(&scripts::MARK_STORE, keys::MARK.into()).arg(keys::FORMAT).arg(SHARDS);
    let mut mark = call.write().await?;
    let mut said = || mark.next::<Option<String>>().map(Option::unwrap_or_default);
    let (format, shards) = (said()?, said()?);
    if format != keys::FORMAT.to_string() {
        return Err(NotUsable::Format { found: format, expected: keys::FORMAT });
    }
    if shards != SHARDS.to_string() {
        return Err(NotUsable::Shards { found: shards, expected: SHARDS });
    }

    let mut read = Pipeline::with_capacity(1);
    read.cmd("CONFIG").arg("GET").arg("append*").arg("maxmemory-policy");
    match link.read(&read).await {
        Ok(values) => Ok(promise(&only::<Vec<(String, String)>>(values)?)),
        // Hosted servers often keep it to themselves.
        Err(StoreError::Unavailable(_)) => Ok(Promise {
            queued_means: "Redis: queued means in Redis; what its own configuration keeps is not known",
            warnings: vec![
                "Redis does not tell its configuration (CONFIG GET), so nobody checked it".to_owned(),
            ],
        }),
        Err(error) => Err(error.into()),
    }
}

fn refuse_old(info: &str) -> Result<(), NotUsable> {
    let field =
        |name: &str| info.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':')).map(str::trim);
    let Some(version) = field("redis_version") else { return Ok(()) };
    let major = version.split('.').next().and_then(|major| major.parse::<u32>().ok());
    if field("valkey_version").is_none() && major.is_some_and(|major| major < OLDEST_SERVER) {
        return Err(NotUsable::Server { found: version.to_owned() });
    }
    Ok(())
}

/// From what `CONFIG GET` said.
fn promise(config: &[(String, String)]) -> Promise {
    let value = |name: &str| {
        let found = config.iter().find(|(key, _)| key == name);
        found.map_or("", |(_, value)| value.as_str())
    };
    let mut warnings = Vec::new();
    let policy = value("maxmemory-policy");
    if !matches!(policy, "noeviction" | "") {
        warnings.push(format!(
            "Redis may drop queued messages when its memory is full: maxmemory-policy is {policy}, expected \
             noeviction"
        ));
    }
    let queued_means = match (value("appendonly"), value("appendfsync")) {
        ("yes", "always") => "Redis: queued means in its append-only file, fsync before the answer",
        ("yes", "everysec") => {
            "Redis: queued means in its append-only file; a crash of its machine may lose the last second"
        }
        ("yes", _) => {
            warnings.push(
                "Redis may lose answered messages when its machine crashes: appendfsync is no, expected \
                 always or everysec"
                    .to_owned(),
            );
            "Redis: queued means in its memory, and in its file when the system gets to it"
        }
        (_, _) => {
            warnings.push(
                "Redis loses answered messages when it ends: appendonly is no, expected yes".to_owned(),
            );
            "Redis: queued means in its memory; nothing that it has not saved outlives it"
        }
    };
    Promise { queued_means, warnings }
}

fn only<T: redis::FromRedisValue>(values: Vec<Value>) -> Result<T, StoreError> {
    value_of(values.into_iter().next().unwrap_or(Value::Nil))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn promised(appendonly: &str, appendfsync: &str, policy: &str) -> Promise {
        let pairs = [("appendonly", appendonly), ("appendfsync", appendfsync), ("maxmemory-policy", policy)];
        promise(&pairs.map(|(key, value)| (key.to_owned(), value.to_owned())))
    }

    #[test]
    fn what_keeps_everything_is_promised_without_a_warning() {
        for fsync in ["always", "everysec"] {
            assert_eq!(promised("yes", fsync, "noeviction").warnings, Vec::<String>::new());
        }
    }

    #[test]
    fn each_thing_that_may_lose_a_message_is_one_sentence() {
        for (promise, says) in [
            (promised("no", "everysec", "noeviction"), "appendonly is no"),
            (promised("yes", "no", "noeviction"), "appendfsync is no"),
            (promised("yes", "always", "allkeys-lru"), "maxmemory-policy is allkeys-lru"),
        ] {
            assert_eq!(promise.warnings.len(), 1);
            assert!(promise.warnings[0].contains(says), "{promise:?}");
        }
    }

    #[test]
    fn a_server_before_scripts_had_flags_is_refused_and_valkey_is_not() {
        assert!(refuse_old("# Server\r\nredis_version:7.0.15\r\n").is_ok());
        assert!(refuse_old("redis_version:6.2.1\r\nvalkey_version:8.0.1\r\n").is_ok());
        let refused = refuse_old("# Server\r\nredis_version:6.2.14\r\n").unwrap_err();
        assert!(refused.to_string().contains("version 6.2.14"), "{refused}");
    }
}
