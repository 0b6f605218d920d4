//! One call of a script, and its answer.

use std::time::Duration;

use redis::aio::ConnectionLike;
use redis::{
    Arg, Cmd, ErrorKind, FromRedisValue, Pipeline, RedisError, RedisWrite, ServerErrorKind, ToRedisArgs,
    Value,
};
use sendyard_actors::domain::time::Time;
use sendyard_actors::ports::StoreError;

use super::connection::Ask;
use super::failure::unexpected;
use super::link::Link;
use super::micros;
use super::scripts::Script;

/// How long replicas may take; less than the connection waits for the answer.
const ON_REPLICAS_WITHIN: Duration = Duration::from_secs(1);

/// Room for a key: the longest tag, and two numbers.
const LENGTH_OF_KEY: usize = 32;

/// One call of a script, being put together.
pub(super) struct Call {
    link: Link,
    invocation: Invocation,
}

impl Call {
    /// Of this script; `now` is the time that it is to go by, nothing for its server's own.
    pub(super) fn new(link: &Link, script: &'static Script, key: &[u8], now: Option<u64>) -> Self {
        let invocation = Invocation { script, keys: Cmd::new(), many_keys: 0, args: Cmd::new() };
        Self { link: link.clone(), invocation }.key(key).optional(now)
    }

    /// Takes room for what is to come: so many keys and arguments, and their bytes.
    pub(super) fn room(mut self, keys: usize, args: usize, bytes: usize) -> Self {
        let Invocation { keys: all_keys, args: all_args, .. } = &mut self.invocation;
        all_keys.reserve_space_for_args(std::iter::repeat_n(LENGTH_OF_KEY, keys));
        all_args.reserve_space_for_args(std::iter::repeat_n(bytes / args.max(1), args));
        self
    }

    /// A further key, of the same hash tag.
    pub(super) fn key(mut self, key: &[u8]) -> Self {
        self.invocation.keys.write_arg(key);
        self.invocation.many_keys += 1;
        self
    }

    /// A number, or bytes.
    pub(super) fn arg(mut self, arg: impl ToRedisArgs) -> Self {
        arg.write_redis_args(&mut self.invocation.args);
        self
    }

    /// An empty string where there is none.
    pub(super) fn optional(self, arg: Option<impl ToRedisArgs>) -> Self {
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
        let values = self.link.step(&self.invocation).await?;
        Ok(Reply::of(values, true))
    }

    /// Makes the call, over the connection of the reads.
    pub(super) async fn read(self) -> Result<Reply, StoreError> {
        let values = self.link.ask(Ask::Script(&self.invocation)).await?;
        Ok(Reply::of(values, false))
    }
}

/// A script with its keys and arguments. Both are kept as a command keeps its own: one behind the other.
pub(super) struct Invocation {
    script: &'static Script,
    /// Not empty; the first decides which node of a Cluster has it.
    keys: Cmd,
    many_keys: usize,
    args: Cmd,
}

impl Invocation {
    /// Calls the script by its name, and sends the whole of it where the server does not know that:
    /// after a start, a failover, a `SCRIPT FLUSH`. Only that one server learns it, as the others of a
    /// Cluster may be away.
    pub(super) async fn invoke(&self, server: &mut impl ConnectionLike) -> Result<Vec<Value>, RedisError> {
        let answer = self.command("EVALSHA", self.script.hash()).query_async(server).await;
        if !answer.as_ref().is_err_and(is_unknown) {
            return answer;
        }
        self.command("EVAL", self.script.lines()).query_async(server).await
    }

    /// Calls it, and waits until so many replicas have what it wrote. Both go over one wire, one behind the other:
    /// `WAIT` is about what its own connection has written. With fewer the step is done all the same, and what
    /// comes of it is not known: an error says so, and whoever asked asks again.
    pub(super) async fn invoke_on_replicas(
        &self,
        server: &mut impl ConnectionLike,
        replicas: u8,
    ) -> Result<Vec<Value>, RedisError> {
        let answer = self.on_replicas("EVALSHA", self.script.hash(), replicas, server).await;
        if !answer.as_ref().is_err_and(is_unknown) {
            return answer;
        }
        self.on_replicas("EVAL", self.script.lines(), replicas, server).await
    }

    async fn on_replicas(
        &self,
        name: &str,
        script: &str,
        replicas: u8,
        server: &mut impl ConnectionLike,
    ) -> Result<Vec<Value>, RedisError> {
        let mut both = Pipeline::with_capacity(2);
        both.add_command(self.command(name, script));
        both.cmd("WAIT").arg(replicas).arg(ON_REPLICAS_WITHIN.as_millis());
        let (answer, have_it): (Vec<Value>, u64) = both.query_async(server).await?;
        if have_it < u64::from(replicas) {
            return Err((ErrorKind::Client, "fewer replicas have the step than are to have it").into());
        }
        Ok(answer)
    }

    fn command(&self, name: &str, script: &str) -> Cmd {
        let words = || self.keys.args_iter().chain(self.args.args_iter());
        let (many, length) = words().fold((3, script.len() + 16), |(many, length), word| match word {
            Arg::Simple(word) => (many + 1, length + word.len()),
            _ => (many, length),
        });
        let mut command = Cmd::with_capacity(many, length);
        command.arg(name).arg(script).arg(self.many_keys);
        for word in words() {
            // There is no other kind of word but a scan's cursor.
            if let Arg::Simple(word) = word {
                command.write_arg(word);
            }
        }
        command
    }
}

fn is_unknown(error: &RedisError) -> bool {
    error.kind() == ErrorKind::Server(ServerErrorKind::NoScript)
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

#[cfg(test)]
mod tests {
    use futures::FutureExt;
    use redis::RedisFuture;

    use super::super::scripts;
    use super::*;

    /// Knows no script, and counts what it is asked.
    #[derive(Default)]
    struct Forgetful {
        asked: Vec<Vec<u8>>,
    }

    impl ConnectionLike for Forgetful {
        fn req_packed_command<'a>(&'a mut self, command: &'a Cmd) -> RedisFuture<'a, Value> {
            let Some(redis::Arg::Simple(name)) = command.args_iter().next() else { panic!() };
            self.asked.push(name.to_vec());
            let forgotten = (ErrorKind::Server(ServerErrorKind::NoScript), "no such script");
            let answer = if name == b"EVAL" { Ok(Value::Array(Vec::new())) } else { Err(forgotten.into()) };
            async move { answer }.boxed()
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
    async fn a_script_that_the_server_does_not_know_is_sent_whole() {
        let (mut keys, args) = (Cmd::new(), Cmd::new());
        keys.write_arg(b"{s1}m");
        let invocation = Invocation { script: &scripts::CLAIM, keys, many_keys: 1, args };
        let mut server = Forgetful::default();
        assert!(invocation.invoke(&mut server).await.is_ok());
        assert_eq!(server.asked, [b"EVALSHA".as_slice(), b"EVAL"]);
    }
}
