//! The two connections to a Redis server, and a script's way over them.
//!
//! Steps go over one connection and reads over another, so that a long read holds back no step; many
//! calls are on their way at once over each. They connect with the first call, and again by themselves
//! when they break: the call that meets the break fails, and whoever made it repeats it. The scripts
//! load themselves where the server does not know them.

use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use redis::aio::{ConnectionLike, ConnectionManager, ConnectionManagerConfig};
use redis::{
    Client, ErrorKind, FromRedisValue, Pipeline, RedisError, Script, ScriptInvocation, ServerErrorKind, Value,
};
use sendyard_actors::domain::time::Time;
use sendyard_actors::ports::{Clock, StoreError};

use super::micros;

/// A server that has not answered by then may have done the step or not.
const ANSWER_WITHIN: Duration = Duration::from_secs(2);

/// A connection that does not stand by then is given up.
const CONNECT_WITHIN: Duration = Duration::from_secs(1);

/// How often a script is loaded in one call of it.
const LOADS: u32 = 4;

/// Errors of the server before a script runs, or before it writes: once it has written, the server refuses
/// it nothing of this kind. `CORRUPT` is our own: scripts read all that they need before they write.
const REFUSED: [&str; 15] = [
    "OOM",
    "CORRUPT",
    "NOSCRIPT",
    "LOADING",
    "BUSY",
    "READONLY",
    "MISCONF",
    "NOREPLICAS",
    "MASTERDOWN",
    "CLUSTERDOWN",
    "MOVED",
    "ASK",
    "TRYAGAIN",
    "NOAUTH",
    "WRONGPASS",
];

/// The way to the server. Cheap to clone.
#[derive(Clone)]
pub(super) struct Link {
    writes: Connection,
    reads: Connection,
    /// In place of the server's own clock; for tests.
    clock: Option<Arc<dyn Clock>>,
}

/// One connection, made again whenever it breaks. Cheap to clone.
#[derive(Clone)]
struct Connection {
    client: Client,
    manager: Arc<RwLock<ConnectionManager>>,
}

impl Connection {
    fn new(client: &Client) -> Result<Self, RedisError> {
        let manager = Arc::new(RwLock::new(lazy(client)?));
        Ok(Self { client: client.clone(), manager })
    }

    fn manager(&self) -> ConnectionManager {
        self.manager.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Looks at a call that failed. The manager connects again after a break, but not after the server has
    /// refused the password or the database: it would repeat that refusal for ever.
    fn note(&self, error: &RedisError) {
        let may_be_a_refused_connection = matches!(
            error.kind(),
            ErrorKind::AuthenticationFailed | ErrorKind::Server(ServerErrorKind::ResponseError)
        );
        if may_be_a_refused_connection && let Ok(fresh) = lazy(&self.client) {
            *self.manager.write().unwrap_or_else(PoisonError::into_inner) = fresh;
        }
    }

    /// What a failed read over it says.
    fn failed(&self, error: &RedisError) -> StoreError {
        self.note(error);
        failure(error)
    }
}

/// Connects with its first call.
fn lazy(client: &Client) -> Result<ConnectionManager, RedisError> {
    let config = ConnectionManagerConfig::new()
        .set_response_timeout(Some(ANSWER_WITHIN))
        .set_connection_timeout(Some(CONNECT_WITHIN))
        // Whoever made the call repeats it, so nothing is waited for here.
        .set_number_of_retries(0);
    ConnectionManager::new_lazy_with_config(client.clone(), config)
}

impl Link {
    /// Does not connect yet. To be called within a runtime.
    pub(super) fn new(client: &Client, clock: Option<Arc<dyn Clock>>) -> Result<Self, RedisError> {
        Ok(Self { writes: Connection::new(client)?, reads: Connection::new(client)?, clock })
    }

    /// A call of a script on this key, which decides its hash tag.
    pub(super) fn call(&self, script: &'static Script, key: Vec<u8>) -> Call {
        let mut invocation = script.prepare_invoke();
        invocation.key(key);
        match &self.clock {
            Some(clock) => invocation.arg(micros::down(clock.now())),
            None => invocation.arg(""),
        };
        Call { link: self.clone(), invocation }
    }

    /// Several reads in one round trip; their answers in order.
    pub(super) async fn read(&self, pipeline: &Pipeline) -> Result<Vec<Value>, StoreError> {
        pipeline.query_async(&mut self.reads.manager()).await.map_err(|error| self.reads.failed(&error))
    }

    /// The store's now.
    pub(super) async fn now(&self) -> Result<Time, StoreError> {
        if let Some(clock) = &self.clock {
            return Ok(clock.now());
        }
        let answer: Result<(u64, u64), _> = redis::cmd("TIME").query_async(&mut self.reads.manager()).await;
        let (seconds, micros) = answer.map_err(|error| self.reads.failed(&error))?;
        Ok(micros::time(seconds.saturating_mul(1_000_000).saturating_add(micros)))
    }
}

/// One call of a script, being put together.
pub(super) struct Call {
    link: Link,
    invocation: ScriptInvocation<'static>,
}

impl Call {
    /// A further key, of the same hash tag.
    pub(super) fn key(mut self, key: Vec<u8>) -> Self {
        self.invocation.key(key);
        self
    }

    /// A number, or bytes.
    pub(super) fn arg(mut self, arg: impl redis::ToRedisArgs) -> Self {
        self.invocation.arg(arg);
        self
    }

    /// An empty string where there is none.
    pub(super) fn optional(self, arg: Option<impl redis::ToRedisArgs>) -> Self {
        match arg {
            Some(arg) => self.arg(arg),
            None => self.arg(""),
        }
    }

    /// An instant, rounded up.
    pub(super) fn time(self, time: Time) -> Self {
        self.arg(micros::up(time))
    }

    /// A duration, rounded up.
    pub(super) fn span(self, duration: Duration) -> Self {
        self.arg(micros::span(duration))
    }

    /// Makes the call, over the connection of the steps.
    pub(super) async fn write(self) -> Result<Reply, StoreError> {
        let connection = self.link.writes.clone();
        let answer = invoke(&self.invocation, &mut connection.manager()).await;
        let answer = answer.inspect_err(|error| connection.note(error));
        answer.map(|values| Reply::of(values, true)).map_err(|error| step_failure(&error))
    }

    /// Makes the call, over the connection of the reads.
    pub(super) async fn read(self) -> Result<Reply, StoreError> {
        let connection = self.link.reads.clone();
        let answer = invoke(&self.invocation, &mut connection.manager()).await;
        let answer = answer.inspect_err(|error| connection.note(error));
        answer.map(|values| Reply::of(values, false)).map_err(|error| failure(&error))
    }
}

/// Calls a script, which is loaded where the server does not know it; again where others make the server
/// forget it meanwhile.
async fn invoke(
    invocation: &ScriptInvocation<'_>,
    connection: &mut impl ConnectionLike,
) -> Result<Vec<Value>, RedisError> {
    let mut answer = invocation.invoke_async(connection).await;
    for _load in 1..LOADS {
        let forgotten = |error: &RedisError| error.kind() == ErrorKind::Server(ServerErrorKind::NoScript);
        if !answer.as_ref().is_err_and(forgotten) {
            break;
        }
        answer = invocation.invoke_async(connection).await;
    }
    answer
}

/// A script's answer: a word, then what belongs to it.
#[derive(Debug)]
pub(super) struct Reply {
    values: std::vec::IntoIter<Value>,
    /// Of a step that may have written.
    of_step: bool,
}

impl Reply {
    fn of(values: Vec<Value>, of_step: bool) -> Self {
        Self { values: values.into_iter(), of_step }
    }

    /// The next item, of whatever type is expected.
    pub(super) fn next<T: FromRedisValue>(&mut self) -> Result<T, StoreError> {
        let value = self.values.next().ok_or_else(|| self.unexpected("a shorter answer"))?;
        redis::from_redis_value(value).map_err(|_| self.unexpected("an item of another type"))
    }

    /// The next item's bytes.
    pub(super) fn bytes(&mut self) -> Result<Vec<u8>, StoreError> {
        self.next()
    }

    /// The next item, an answer of its own.
    pub(super) fn nested(&mut self) -> Result<Self, StoreError> {
        let values = self.next()?;
        Ok(Self::of(values, self.of_step))
    }

    /// Is nothing left?
    pub(super) fn is_empty(&self) -> bool {
        self.values.len() == 0
    }

    /// The script answered what this version does not know; a step may be done all the same.
    pub(super) fn unexpected(&self, what: &'static str) -> StoreError {
        if !self.of_step {
            return unexpected(what);
        }
        tracing::error!(what, "Redis gave an unexpected answer to a step");
        StoreError::Unanswered
    }
}

/// A value of the type that is expected there.
pub(super) fn value_of<T: FromRedisValue>(value: Value) -> Result<T, StoreError> {
    redis::from_redis_value(value).map_err(|error| unexpected(&error.to_string()))
}

/// A read was answered with what this version does not know.
pub(super) fn unexpected(what: &str) -> StoreError {
    StoreError::Corrupt(format!("Redis gave an unexpected answer: {what}"))
}

/// What a failed step says. A script that ends in the middle has done what stands before; so whatever is
/// not known to have been refused before it wrote may have been done.
fn step_failure(error: &RedisError) -> StoreError {
    let refused = error.code().is_none_or(|code| REFUSED.contains(&code));
    let unreadable = matches!(error.kind(), ErrorKind::Parse | ErrorKind::UnexpectedReturnType);
    if refused && !unreadable {
        return failure(error);
    }
    tracing::error!(code = error.code(), category = error.category(), "a step on Redis failed");
    StoreError::Unanswered
}

/// What a failed read says, and a step that wrote nothing.
pub(super) fn failure(error: &RedisError) -> StoreError {
    match (error.code(), error.kind()) {
        (Some("OOM"), _) => StoreError::Full("Redis has no memory left (maxmemory)".to_owned()),
        (Some("CORRUPT"), _) => StoreError::Corrupt(error.detail().unwrap_or_default().to_owned()),
        // Without a code: of a pipeline, with a word that the client does not know, NOPERM say.
        (Some(_), _) | (None, ErrorKind::Extension) => {
            StoreError::Unavailable(format!("Redis refused: {error}"))
        }
        (None, ErrorKind::AuthenticationFailed | ErrorKind::InvalidClientConfig) => {
            StoreError::Unavailable(format!("cannot connect to Redis: {error}"))
        }
        (None, ErrorKind::Parse | ErrorKind::UnexpectedReturnType) => unexpected(&error.to_string()),
        (None, _) if error.is_connection_refusal() => {
            StoreError::Unavailable(format!("cannot connect to Redis: {error}"))
        }
        (None, _) => StoreError::Unanswered,
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;
    use redis::{Cmd, RedisFuture};

    use super::*;

    /// Forgets a script so many times just before it is called.
    struct Forgetful<'s> {
        script: &'s Script,
        times: u32,
    }

    impl ConnectionLike for Forgetful<'_> {
        fn req_packed_command<'a>(&'a mut self, command: &'a Cmd) -> RedisFuture<'a, Value> {
            let is_call = command.args_iter().any(|arg| matches!(arg, redis::Arg::Simple(b"EVALSHA")));
            if is_call && self.times > 0 {
                self.times -= 1;
                let forgotten = (ErrorKind::Server(ServerErrorKind::NoScript), "no such script");
                return async move { Err(forgotten.into()) }.boxed();
            }
            let loaded = || Value::SimpleString(self.script.get_hash().to_owned());
            let answer = if is_call { Value::Array(Vec::new()) } else { loaded() };
            async { Ok(answer) }.boxed()
        }

        fn req_packed_commands<'a>(
            &'a mut self,
            _pipeline: &'a Pipeline,
            _offset: usize,
            _count: usize,
        ) -> RedisFuture<'a, Vec<Value>> {
            async { Ok(Vec::new()) }.boxed()
        }

        fn get_db(&self) -> i64 {
            0
        }
    }

    #[tokio::test]
    async fn a_script_is_loaded_again_when_it_is_forgotten_meanwhile() {
        let script = Script::new("return {}");
        for times in 0..6 {
            let answer = invoke(&script.prepare_invoke(), &mut Forgetful { script: &script, times }).await;
            assert!(answer.is_ok(), "forgotten {times} times: {answer:?}");
        }
        let always = invoke(&script.prepare_invoke(), &mut Forgetful { script: &script, times: u32::MAX })
            .await
            .unwrap_err();
        assert!(matches!(step_failure(&always), StoreError::Unavailable(_)), "it never ran: {always}");
    }
}
