//! One connection to a Redis server, to the master that Sentinel names, or to a Cluster; made again
//! whenever it breaks.
//!
//! It connects with the first call, and all calls that come meanwhile wait for that one try and share its
//! outcome. The call that meets a break fails; the next one connects anew, so each try is made by a call, and
//! none in between. A master that Sentinel has replaced may take steps for seconds, and lose them: so once a
//! second a call has Sentinel asked, beside it, whether it is the master still. What is known of a failed
//! call, was it sent or not, is kept apart: see `failure.rs`.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures::FutureExt;
use futures::future::{BoxFuture, Shared};
use redis::aio::MultiplexedConnection;
use redis::cluster::ClusterClient;
use redis::cluster_async::ClusterConnection;
use redis::{AsyncConnectionConfig, Client, Cmd, ErrorKind, Pipeline, RedisError, ServerErrorKind, Value};
use tokio::time::{Instant, sleep, timeout};

use super::address::{Address, Sentinels};
use super::call::Invocation;
use super::failure::{Failed, is_replica};
use super::{cluster, sentinel};

/// A server that has not answered by then may have done the step or not.
pub(super) const ANSWER_WITHIN: Duration = Duration::from_secs(2);

/// A connection that does not stand by then is given up.
pub(super) const CONNECT_WITHIN: Duration = Duration::from_secs(1);

/// The same with all that comes before it: asking the Sentinels, or each node of a Cluster, one of which
/// may hang.
const FIND_WITHIN: Duration = Duration::from_secs(4);

/// A Cluster's connection mends itself in part, so it is made anew at most so often.
const CLUSTER_LASTS: Duration = Duration::from_millis(500);

/// How old what Sentinel said may be.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// How long to wait before a call is made again that a Cluster's node refused as another's: the nodes tell
/// each other within this who has a slot, or a small slot is moved by then.
const ELSEWHERE: [Duration; 3] = [Duration::ZERO, Duration::from_millis(30), Duration::from_millis(100)];

/// The connection. Cheap to clone.
#[derive(Clone)]
pub(super) struct Connection {
    target: Target,
    current: Arc<Mutex<Current>>,
}

/// What is connected to.
#[derive(Clone)]
enum Target {
    One(Arc<Client>),
    Master(Arc<Sentinels>),
    Cluster(Arc<ClusterClient>),
}

/// A connection that stands.
#[derive(Clone)]
enum Wire {
    One(MultiplexedConnection),
    Master(MultiplexedConnection, String),
    Cluster(ClusterConnection),
}

/// The try that is under way, or what it brought.
type Connecting = Shared<BoxFuture<'static, Result<Wire, String>>>;

struct Current {
    /// Counts the tries, so that a late failure of an old connection does not cost the new one.
    number: u64,
    connecting: Option<Connecting>,
    since: Instant,
    /// When Sentinel was asked last.
    looked_at: Instant,
}

/// What is asked over a connection.
#[derive(Clone, Copy)]
pub(super) enum Ask<'a> {
    /// A script; its answer's items.
    Script(&'a Invocation),
    /// A script that may write, answered when so many replicas have it; those of a Cluster are not waited for.
    Step(&'a Invocation, u8),
    /// Several reads in one round trip; their answers in order.
    Reads(&'a Pipeline),
}

impl Connection {
    /// Does not connect yet.
    pub(super) fn new(address: &Address) -> Result<Self, RedisError> {
        let target = match address.clone() {
            Address::One(info) => Target::One(Arc::new(Client::open(info)?)),
            Address::Sentinel(sentinels) => Target::Master(Arc::new(sentinels)),
            Address::Cluster(nodes) => Target::Cluster(Arc::new(cluster::client(nodes)?)),
        };
        let now = Instant::now();
        let current = Current { number: 0, connecting: None, since: now, looked_at: now };
        Ok(Self { target, current: Arc::new(Mutex::new(current)) })
    }

    /// Asks, and asks again what was refused, undone, because another node of the Cluster has it.
    pub(super) async fn ask(&self, what: Ask<'_>) -> Result<Vec<Value>, Failed> {
        let (number, wire) = self.wire().await?;
        let mut answer = wire.ask(what).await;
        for pause in ELSEWHERE {
            if !answer.as_ref().is_err_and(is_elsewhere) || !matches!(wire, Wire::Cluster(_)) {
                break;
            }
            sleep(pause).await;
            answer = wire.ask(what).await;
        }
        answer.map_err(|error| self.failed(number, error))
    }

    /// The answers of the server, or of each master of the Cluster with its address.
    pub(super) async fn ask_masters(&self, command: &Cmd) -> Result<Vec<(String, Value)>, Failed> {
        let (number, wire) = self.wire().await?;
        let answer = match wire {
            Wire::One(mut one) | Wire::Master(mut one, _) => {
                command.query_async(&mut one).await.map(|value| vec![(String::new(), value)])
            }
            Wire::Cluster(nodes) => cluster::of_masters(&nodes, command).await,
        };
        answer.map_err(|error| self.failed(number, error))
    }

    /// The connection that stands, or the outcome of the try that is under way.
    async fn wire(&self) -> Result<(u64, Wire), Failed> {
        let (number, connecting) = {
            let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
            if current.connecting.is_none() {
                current.number += 1;
                current.since = Instant::now();
                current.looked_at = current.since;
            }
            let number = current.number;
            let connecting = current.connecting.get_or_insert_with(|| connecting(self.target.clone()));
            (number, connecting.clone())
        };
        match connecting.await {
            Ok(wire) => {
                if let (Wire::Master(_, address), Target::Master(sentinels)) = (&wire, &self.target)
                    && self.is_time_to_look()
                {
                    tokio::spawn(self.clone().look(number, address.clone(), Arc::clone(sentinels)));
                }
                Ok((number, wire))
            }
            Err(why) => {
                self.forget(number, Duration::ZERO);
                Err(Failed::NotConnected(why))
            }
        }
    }

    /// Once in a while.
    fn is_time_to_look(&self) -> bool {
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        let is_time = current.looked_at.elapsed() >= LOOK_EVERY;
        if is_time {
            current.looked_at = Instant::now();
        }
        is_time
    }

    /// Drops the connection of this number if Sentinel names another master than this.
    async fn look(self, number: u64, address: String, sentinels: Arc<Sentinels>) {
        let named = timeout(FIND_WITHIN, sentinel::named_address(&sentinels)).await;
        if named.ok().flatten().is_some_and(|named| named != address) {
            tracing::warn!(was = address, "Sentinel names another master of the store");
            self.forget(number, Duration::ZERO);
        }
    }

    /// What a failed call says. The next one connects anew, where this connection may be of no more use.
    fn failed(&self, number: u64, error: RedisError) -> Failed {
        match &self.target {
            Target::One(_) if is_broken(&error) => self.forget(number, Duration::ZERO),
            // A timeout too: the master may hang, and another have taken its place.
            Target::Master(_) if is_broken(&error) || error.is_io_error() || is_replica(&error) => {
                self.forget(number, Duration::ZERO);
            }
            Target::Cluster(_) if is_broken(&error) || error.is_io_error() => {
                self.forget(number, CLUSTER_LASTS);
            }
            Target::One(_) | Target::Master(_) | Target::Cluster(_) => {}
        }
        let is_cluster = matches!(self.target, Target::Cluster(_));
        if is_cluster { Failed::OnCluster(error) } else { Failed::OnServer(error) }
    }

    /// Drops the connection of this number, if it is the present one and at least so old.
    fn forget(&self, number: u64, age: Duration) {
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        if current.number == number && current.since.elapsed() >= age {
            current.connecting = None;
        }
    }

    /// Drops whatever is there: another connection has met a server that is a master no more.
    pub(super) fn renew(&self) {
        self.current.lock().unwrap_or_else(PoisonError::into_inner).connecting = None;
    }
}

/// Tries once. The try goes on though its callers go.
fn connecting(target: Target) -> Connecting {
    let task = tokio::spawn(async move {
        match target {
            Target::One(client) => {
                let connected = one(&client).await.map(Wire::One);
                connected.map_err(|why| format!("cannot connect to Redis: {why}"))
            }
            Target::Master(sentinels) => within(FIND_WITHIN, to_master(&sentinels)).await,
            Target::Cluster(client) => within(FIND_WITHIN, to_cluster(&client)).await,
        }
    });
    task.map(|ended| ended.unwrap_or_else(|error| Err(error.to_string()))).boxed().shared()
}

async fn one(client: &Client) -> Result<MultiplexedConnection, String> {
    let config = AsyncConnectionConfig::new()
        .set_response_timeout(Some(ANSWER_WITHIN))
        .set_connection_timeout(Some(CONNECT_WITHIN));
    let connected = client.get_multiplexed_async_connection_with_config(&config).await;
    connected.map_err(|error| {
        if error.is_timeout() {
            format!("it did not answer within {CONNECT_WITHIN:?}")
        } else {
            error.to_string()
        }
    })
}

async fn to_master(sentinels: &Sentinels) -> Result<Wire, String> {
    let client = sentinel::master(sentinels).await?;
    let address = client.get_connection_info().addr().to_string();
    match one(&client).await {
        Ok(connected) => Ok(Wire::Master(connected, address)),
        Err(why) => Err(format!("cannot connect to the Redis server {address}, which Sentinel names: {why}")),
    }
}

async fn to_cluster(client: &ClusterClient) -> Result<Wire, String> {
    let connected = client.get_async_connection().await;
    connected.map(Wire::Cluster).map_err(|error| format!("cannot connect to the Redis Cluster: {error}"))
}

async fn within<T>(time: Duration, connect: impl Future<Output = Result<T, String>>) -> Result<T, String> {
    let late = |_| Err(format!("cannot connect to Redis: no answer within {time:?}"));
    timeout(time, connect).await.unwrap_or_else(late)
}

impl Wire {
    async fn ask(&self, what: Ask<'_>) -> Result<Vec<Value>, RedisError> {
        match (self.clone(), what) {
            (Self::One(mut one) | Self::Master(mut one, _), Ask::Step(script, replicas @ 1..)) => {
                script.invoke_on_replicas(&mut one, replicas).await
            }
            (Self::One(mut one) | Self::Master(mut one, _), Ask::Script(script) | Ask::Step(script, 0)) => {
                script.invoke(&mut one).await
            }
            (Self::Cluster(mut nodes), Ask::Script(script) | Ask::Step(script, _)) => {
                script.invoke(&mut nodes).await
            }
            (Self::One(mut one) | Self::Master(mut one, _), Ask::Reads(reads)) => {
                reads.query_async(&mut one).await
            }
            (Self::Cluster(nodes), Ask::Reads(reads)) => cluster::read(&nodes, reads).await,
        }
    }
}

/// Of no more use, also where the server refused the password or the database.
fn is_broken(error: &RedisError) -> bool {
    let refused_entry = ErrorKind::Server(ServerErrorKind::ResponseError);
    error.is_unrecoverable_error() || error.kind() == refused_entry
}

/// Refused by a node, before it did anything, as the slot is another's or on its way there.
fn is_elsewhere(error: &RedisError) -> bool {
    let kinds = [ServerErrorKind::Moved, ServerErrorKind::Ask, ServerErrorKind::TryAgain];
    kinds.iter().any(|kind| error.kind() == ErrorKind::Server(*kind))
}
