//! The steps on idempotency keys.

use std::sync::Arc;
use std::time::Duration;

use futures::future::join_all;
use sendyard_actors::domain::fingerprint::Fingerprint;
use sendyard_actors::domain::ids::MessageId;
use sendyard_actors::ports::{BoundKey, Reserve, Reserved, ScopedKey, StoreError, as_one_answer};
use uuid::Uuid;

use super::call::Reply;
use super::link::Link;
use super::{entries, keys, scripts};

/// How many keys one call reserves at most: the server does nothing else meanwhile.
const TOGETHER: usize = 256;

/// `reserve_key`.
pub(super) async fn reserve(link: Link, asked: Reserve, keep_for: Duration) -> Result<Reserved, StoreError> {
    let answers = reserve_call(&link, std::slice::from_ref(&asked), keep_for).await?;
    answers.into_iter().next().ok_or(StoreError::Unanswered)
}

/// `reserve_keys`: one call for all. On a Cluster, where one call must not touch two tags, one for each.
pub(super) async fn reserve_all(
    link: Link,
    asked: Arc<[Reserve]>,
    keep_for: Duration,
) -> Result<Vec<Reserved>, StoreError> {
    if link.is_cluster() {
        let each = asked.iter().map(|one| reserve(link.clone(), one.clone(), keep_for));
        return as_one_answer(join_all(each).await);
    }
    let mut answers = Vec::with_capacity(asked.len());
    for some in asked.chunks(TOGETHER) {
        match reserve_call(&link, some, keep_for).await {
            Ok(of_some) => answers.extend(of_some),
            Err(error) => return Err(if answers.is_empty() { error } else { StoreError::Unanswered }),
        }
    }
    Ok(answers)
}

async fn reserve_call(
    link: &Link,
    asked: &[Reserve],
    keep_for: Duration,
) -> Result<Vec<Reserved>, StoreError> {
    let Some((first, others)) = asked.split_first() else { return Ok(Vec::new()) };
    let mut call = link.call(&scripts::RESERVE_KEY, &keys::idempotency(&first.key));
    for other in others {
        call = call.key(&keys::idempotency(&other.key));
    }
    call = call.span(keep_for);
    for Reserve { id, fingerprint, token, .. } in asked {
        call = call
            .arg(id.as_bytes().as_slice())
            .arg(fingerprint.as_bytes().as_slice())
            .arg(token.as_bytes().as_slice());
    }
    let mut reply = call.write().await?;
    asked.iter().map(|_| reserved(&mut reply.nested()?)).collect()
}

fn reserved(reply: &mut Reply) -> Result<Reserved, StoreError> {
    match reply.bytes()?.as_slice() {
        b"yours" => Ok(Reserved::Yours(message_id(reply)?)),
        b"joined" => Ok(Reserved::Joined(message_id(reply)?)),
        b"other_request" => Ok(Reserved::OtherRequest),
        _ => Err(reply.unexpected("an unknown word")),
    }
}

/// `lookup_key`.
pub(super) async fn lookup(link: Link, key: ScopedKey) -> Result<Option<BoundKey>, StoreError> {
    let mut reply = link.call(&scripts::LOOKUP_KEY, &keys::idempotency(&key)).read().await?;
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
    let call = link.call(&scripts::RELEASE_KEY, &keys::idempotency(&key));
    call.arg(id.as_bytes().as_slice()).arg(token.as_bytes().as_slice()).write().await.map(drop)
}

fn message_id(reply: &mut Reply) -> Result<MessageId, StoreError> {
    let bytes = reply.bytes()?.try_into().map_err(|_| reply.unexpected("no message id"))?;
    entries::message_id(bytes).map_err(|_| reply.unexpected("no message id"))
}
