//! Retention. Each shard's finished messages, and each slot's keys, are in a list in the order in which
//! they go. One round trip looks at the heads of all lists; only where one is old, a script runs.

use redis::Pipeline;
use sendyard_actors::domain::ids::Shard;
use sendyard_actors::domain::time::Time;
use sendyard_actors::ports::{Pruned, StoreError};

use super::call::Reply;
use super::link::{Link, value_of};
use super::pack::Reader;
use super::{keys, micros, scripts};

/// How many messages, and how many keys, one call removes at most, give or take one script's share.
const AT_A_TIME: u64 = 500;

/// How many one script removes at most: the server does nothing else meanwhile.
const A_SCRIPT: u64 = 250;

/// `prune`.
pub(super) async fn prune(link: Link, messages_before: Time) -> Result<Pruned, StoreError> {
    let before = micros::up(messages_before);
    let now = micros::down(link.now().await?);
    let (shards, slots) = heads(&link, before, now).await?;
    let mut pruned = Pruned::default();
    for shard in shards {
        loop {
            if pruned.messages >= AT_A_TIME {
                return Ok(Pruned { more: true, ..pruned });
            }
            let call = link.call(&scripts::PRUNE_MESSAGES, &keys::finished(shard));
            let (removed, more) = answer(call.arg(before).arg(A_SCRIPT).write().await?)?;
            pruned.messages += removed;
            if !more {
                break;
            }
        }
    }
    for slot in slots {
        loop {
            if pruned.keys >= AT_A_TIME {
                return Ok(Pruned { more: true, ..pruned });
            }
            let call = link.call(&scripts::PRUNE_KEYS, &keys::expiries(slot));
            let (removed, more) = answer(call.arg(A_SCRIPT).write().await?)?;
            pruned.keys += removed;
            if !more {
                break;
            }
        }
    }
    Ok(pruned)
}

/// Where something is to go: shards with a finished message of before `before`, slots with a key that
/// is free at `now`.
async fn heads(link: &Link, before: u64, now: u64) -> Result<(Vec<Shard>, Vec<u8>), StoreError> {
    let mut read = Pipeline::new();
    for shard in Shard::all() {
        read.cmd("LINDEX").arg(keys::finished(shard)).arg(0);
    }
    for slot in keys::slots() {
        read.cmd("LINDEX").arg(keys::expiries(slot)).arg(0);
    }
    let mut values = link.read(&read).await?.into_iter();
    let mut shards = Vec::new();
    for (shard, value) in Shard::all().zip(values.by_ref()) {
        let Some(entry) = value_of::<Option<Vec<u8>>>(value)? else { continue };
        let mut from = Reader::new(&entry);
        from.bytes()?;
        if from.number::<u64>()? < before {
            shards.push(shard);
        }
    }
    let mut slots = Vec::new();
    for (slot, value) in keys::slots().zip(values) {
        let Some(entry) = value_of::<Option<Vec<u8>>>(value)? else { continue };
        let expires = entry.iter().skip(16).fold(0, |all, byte| all << 8 | u64::from(*byte));
        if expires <= now {
            slots.push(slot);
        }
    }
    Ok((shards, slots))
}

fn answer(mut reply: Reply) -> Result<(u64, bool), StoreError> {
    let removed = reply.next()?;
    let more: String = reply.next()?;
    Ok((removed, !more.is_empty()))
}
