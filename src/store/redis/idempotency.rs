//! The steps on idempotency keys.

use std::time::Duration;

use sendyard_actors::domain::fingerprint::Fingerprint;
use sendyard_actors::domain::ids::MessageId;
use sendyard_actors::ports::{BoundKey, Reserved, ScopedKey, StoreError};
use uuid::Uuid;

use super::call::Reply;
use super::link::Link;
use super::{entries, keys, scripts};

/// `reserve_key`.
pub(super) async fn reserve(
    link: Link,
    key: ScopedKey,
    fresh: BoundKey,
    token: Uuid,
    keep_for: Duration,
) -> Result<Reserved, StoreError> {
    let mut reply = link
        .call(&scripts::RESERVE_KEY, keys::idempotency(&key))
        .arg(fresh.id.as_bytes().as_slice())
        .arg(fresh.fingerprint.as_bytes().as_slice())
        .arg(token.as_bytes().as_slice())
        .span(keep_for)
        .write()
        .await?;
    match reply.bytes()?.as_slice() {
        b"yours" => Ok(Reserved::Yours(message_id(&mut reply)?)),
        b"joined" => Ok(Reserved::Joined(message_id(&mut reply)?)),
        b"other_request" => Ok(Reserved::OtherRequest),
        _ => Err(reply.unexpected("an unknown word")),
    }
}

/// `lookup_key`.
pub(super) async fn lookup(link: Link, key: ScopedKey) -> Result<Option<BoundKey>, StoreError> {
    let mut reply = link.call(&scripts::LOOKUP_KEY, keys::idempotency(&key)).read().await?;
    match reply.bytes()?.as_slice() {
        b"none" => Ok(None),
        b"bound" => {
            let id = message_id(&mut reply)?;
            let bytes = reply.bytes()?.try_into();
            let fingerprint = bytes.map_err(|_| reply.unexpected("no fingerprint"))?;
            Ok(Some(BoundKey { id, fingerprint: Fingerprint::from_bytes(fingerprint) }))
        }
        _ => Err(reply.unexpected("an unknown word")),
    }
}

/// `release_key`.
pub(super) async fn release(
    link: Link,
    key: ScopedKey,
    id: MessageId,
    token: Uuid,
) -> Result<(), StoreError> {
    let call = link.call(&scripts::RELEASE_KEY, keys::idempotency(&key));
    call.arg(id.as_bytes().as_slice()).arg(token.as_bytes().as_slice()).write().await.map(drop)
}

fn message_id(reply: &mut Reply) -> Result<MessageId, StoreError> {
    let bytes = reply.bytes()?.try_into().map_err(|_| reply.unexpected("no message id"))?;
    entries::message_id(bytes).map_err(|_| reply.unexpected("no message id"))
}
