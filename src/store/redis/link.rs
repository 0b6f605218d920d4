//! The two connections to Redis, and a call's way over them.
//!
//! Steps go over one connection and reads over another, so that a long read holds back no step; many
//! calls are on their way at once over each. They connect with the first call, and again by themselves
//! when they break: the call that meets the break fails, and whoever made it repeats it. Who calls does
//! not know whether it is one server, a master that Sentinel names, or a Cluster.

use std::sync::Arc;

use redis::{Client, Cmd, FromRedisValue, Pipeline, RedisError, Value};
use sendyard_actors::domain::time::Time;
use sendyard_actors::ports::{Clock, StoreError};

use super::address::Address;
use super::call::{Call, Invocation};
use super::connection::{Ask, Connection};
use super::failure::unexpected;
use super::scripts::Script;
use super::{micros, sentinel};

/// The way to Redis. Cheap to clone.
#[derive(Clone)]
pub(super) struct Link {
    writes: Connection,
    reads: Connection,
    address: Arc<Address>,
    /// So many of the server's replicas have a step when it is answered.
    replicas: u8,
    /// In place of the server's own clock; for tests.
    clock: Option<Arc<dyn Clock>>,
}

impl Link {
    /// Does not connect yet. Its calls are to be made within a runtime.
    pub(super) fn new(
        address: Address,
        replicas: u8,
        clock: Option<Arc<dyn Clock>>,
    ) -> Result<Self, RedisError> {
        let (writes, reads) = (Connection::new(&address)?, Connection::new(&address)?);
        Ok(Self { writes, reads, address: Arc::new(address), replicas, clock })
    }

    /// How many of the server's replicas have a step when it is answered.
    pub(super) fn replicas(&self) -> u8 {
        self.replicas
    }

    /// Is it a Cluster, each of whose masters has its own clock and configuration?
    pub(super) fn is_cluster(&self) -> bool {
        matches!(*self.address, Address::Cluster(_))
    }

    /// Has the server a replica that may take its place?
    pub(super) fn may_fail_over(&self) -> bool {
        !matches!(*self.address, Address::One(_))
    }

    /// The number of its database. What is published does not belong to one.
    pub(super) fn database(&self) -> i64 {
        match &*self.address {
            Address::One(info) => info.redis_settings().db(),
            Address::Sentinel(sentinels) => sentinels.server.redis_settings().db(),
            Address::Cluster(_) => 0,
        }
    }

    /// A call of a script on this key, which decides its hash tag.
    pub(super) fn call(&self, script: &'static Script, key: &[u8]) -> Call {
        Call::new(self, script, key, self.clock.as_ref().map(|clock| micros::down(clock.now())))
    }

    /// Asks for a step, which may write. What is not known to have been refused may be done.
    pub(super) async fn step(&self, script: &Invocation) -> Result<Vec<Value>, StoreError> {
        self.writes.ask(Ask::Step(script, self.replicas)).await.map_err(|failed| {
            if failed.is_of_replica() {
                // So is the server of the reads.
                self.reads.renew();
            }
            failed.of_step()
        })
    }

    /// Asks for what writes nothing.
    pub(super) async fn ask(&self, what: Ask<'_>) -> Result<Vec<Value>, StoreError> {
        self.reads.ask(what).await.map_err(|failed| failed.of_read())
    }

    /// Several reads in one round trip, of any shards; their answers in order.
    pub(super) async fn read(&self, pipeline: &Pipeline) -> Result<Vec<Value>, StoreError> {
        self.ask(Ask::Reads(pipeline)).await
    }

    /// What the server says, or each master of the Cluster, with its address there.
    pub(super) async fn ask_masters(&self, command: &Cmd) -> Result<Vec<(String, Value)>, StoreError> {
        self.reads.ask_masters(command).await.map_err(|failed| failed.of_read())
    }

    /// The store's now: of a Cluster, that of the master that has the store's mark.
    pub(super) async fn now(&self) -> Result<Time, StoreError> {
        if let Some(clock) = &self.clock {
            return Ok(clock.now());
        }
        let mut read = Pipeline::with_capacity(1);
        read.cmd("TIME");
        let answer = self.read(&read).await?.into_iter().next().unwrap_or(Value::Nil);
        let (seconds, micros): (u64, u64) = value_of(answer)?;
        Ok(micros::time(seconds.saturating_mul(1_000_000).saturating_add(micros)))
    }

    /// Servers at which to listen for what is published, in the order in which to try them: the server
    /// itself; the master that Sentinel names at the moment; each node of a Cluster that the URL names, as
    /// every node passes on what is published at any.
    ///
    /// To be asked anew after each break, since a failover changes the answer.
    pub(super) async fn listen_at(&self) -> Result<Vec<Client>, StoreError> {
        let unusable = |error: RedisError| StoreError::Unavailable(error.to_string());
        match &*self.address {
            Address::One(info) => Ok(vec![Client::open(info.clone()).map_err(unusable)?]),
            Address::Sentinel(sentinels) => {
                let master = sentinel::master(sentinels).await;
                master.map(|client| vec![client]).map_err(StoreError::Unavailable)
            }
            Address::Cluster(nodes) => {
                nodes.iter().map(|node| Client::open(node.clone()).map_err(unusable)).collect()
            }
        }
    }
}

/// A value of the type that is expected there.
pub(super) fn value_of<T: FromRedisValue>(value: Value) -> Result<T, StoreError> {
    redis::from_redis_value(value).map_err(|error| unexpected(&error.to_string()))
}
