//! The steps on leases. A lease has its end by the store's clock, and what its owner left open stays so.

use std::time::Duration;

use sendyard_actors::domain::ids::{Incarnation, Shard};
use sendyard_actors::ports::{Lease, Leased, StoreError};

use super::link::Link;
use super::messages::holder;
use super::{keys, micros, scripts};

/// `acquire_lease`.
pub(super) async fn acquire(
    link: Link,
    shard: Shard,
    incarnation: Incarnation,
    lease_for: Duration,
) -> Result<Leased, StoreError> {
    let call = link.call(&scripts::ACQUIRE_LEASE, &keys::lease(shard));
    let mut reply = call.arg(incarnation.0.to_be_bytes().as_slice()).span(lease_for).write().await?;
    match reply.bytes()?.as_slice() {
        b"yours" => {
            let lease = Lease { shard, fence: reply.next()?, holder: incarnation };
            Ok(Leased::Yours { lease, orphans: 0 })
        }
        b"taken" => Ok(Leased::TakenUntil(micros::time(reply.next()?))),
        _ => Err(reply.unexpected("an unknown word")),
    }
}

/// `renew_lease`.
pub(super) async fn renew(link: Link, lease: Lease, lease_for: Duration) -> Result<bool, StoreError> {
    let call = link.call(&scripts::RENEW_LEASE, &keys::lease(lease.shard));
    let mut reply = call.arg(lease.fence).arg(holder(&lease)).span(lease_for).write().await?;
    match reply.bytes()?.as_slice() {
        b"yours" => Ok(true),
        b"stale" => Ok(false),
        _ => Err(reply.unexpected("an unknown word")),
    }
}

/// `release_lease`.
pub(super) async fn release(link: Link, lease: Lease) -> Result<(), StoreError> {
    let call = link.call(&scripts::RELEASE_LEASE, &keys::lease(lease.shard));
    call.arg(lease.fence).arg(holder(&lease)).write().await.map(drop)
}
