//! The Redis store: each step one script, run whole by the server; several processes may share it.
//!
//! What the stores in this process do in Rust over rows (`steps`), the scripts do in Lua over keys, so
//! the rules of `domain::message` are written twice. What holds the two together is the contract suite,
//! which runs on every store, and its random walk, which compares answers and reads step by step.
//!
//! * `keys`: every key, its type and value, and who writes it. `record`: the form of a message's
//!   record. `entries`: that of the smaller values. `pack`: msgpack, which the scripts write.
//! * `scripts`: the scripts. `call`: a call of one. `link`: the two connections. `connection`: one, made
//!   again when it breaks: to a server, to the master that `sentinel` finds, or to a `cluster`. `failure`:
//!   what a failed call says about its step. `address`: the URL.
//! * `messages`, `claims`, `idempotency`, `leases`, `prune`: the steps that write. `reads`, `ended`, `tallies`: the others.
//!   `port` hands them out.
//! * `peers`: what the processes on one server tell each other.
//! * `check`: what is wrong with the server. `promise`: what it promises.
//!
//! All keys of a step share one hash tag, and no step touches a key of another. Time is the server's,
//! in whole microseconds (`micros`). A message without a key costs three calls over its life: append,
//! claim, settle.

mod address;
mod appends;
mod bodies;
mod call;
mod check;
mod claims;
mod cluster;
mod connection;
mod directory;
mod ended;
mod entries;
mod failure;
mod gather;
mod idempotency;
mod keys;
mod leases;
mod link;
mod messages;
mod micros;
mod pack;
mod peers;
mod port;
mod promise;
mod prune;
mod reads;
pub(super) mod record;
mod scripts;
mod sentinel;
mod tallies;
mod timing;
mod tunings;

use std::sync::Arc;

use redis::RedisError;
use sendyard_actors::domain::time::Time;
use sendyard_actors::ports::{Clock, StoreError};

use self::appends::Appends;
pub use self::check::NotUsable;
use self::link::Link;
pub use self::peers::RedisPeers;
pub use self::promise::Promise;

pub(crate) use self::address::Address;

/// The URL cannot be used; says why, without its password.
#[derive(Debug, thiserror::Error)]
#[error("the URL of the Redis store cannot be used")]
pub enum BadUrl {
    /// It is of no known form.
    Form(#[from] address::UnknownForm),
    /// Its parts do not go together.
    Parts(#[from] RedisError),
}

/// The store on a Redis server.
pub struct RedisStore {
    link: Link,
    appends: Appends,
}

impl RedisStore {
    /// The store at this URL: `redis://`, `rediss://` or `redis+unix:` of one server, `redis+sentinel://` or
    /// `redis+cluster://` (`rediss+…` for TLS). It connects with its first step, so that a server may be
    /// away at the start. To be used within a tokio runtime.
    ///
    /// A step is answered when so many of the server's replicas have it. A Cluster's are not waited for.
    pub fn open(url: &str, replicas: u8) -> Result<Self, BadUrl> {
        Self::with_clock(url, replicas, None)
    }

    /// As [`RedisStore::open`], with a clock whose now is given to each script in place of the server's:
    /// for tests that move it by hand.
    pub fn on_clock(url: &str, clock: Arc<dyn Clock>) -> Result<Self, BadUrl> {
        Self::with_clock(url, 0, Some(clock))
    }

    fn with_clock(url: &str, replicas: u8, clock: Option<Arc<dyn Clock>>) -> Result<Self, BadUrl> {
        let link = Link::new(Address::parse(url)?, replicas, clock)?;
        let appends = Appends::new(link.clone(), |link, asked| Box::pin(appends::append_all(link, asked)));
        Ok(Self { link, appends })
    }

    /// The way to the other processes on it. To be called within a tokio runtime.
    pub fn peers(&self) -> RedisPeers {
        RedisPeers::new(self.link.clone())
    }

    /// The store's time.
    pub async fn time(&self) -> Result<Time, StoreError> {
        self.link.now().await
    }

    /// Asks the server whether its data can be used, marks it where it is empty, and says what the store
    /// promises.
    pub async fn check(&self) -> Result<Promise, NotUsable> {
        check::check(&self.link).await
    }
}
