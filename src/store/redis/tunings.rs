//! What is set of senders by hand: one hash for each shard.

use redis::Pipeline;
use sendyard_actors::domain::ids::Shard;
use sendyard_actors::domain::phone::E164;
use sendyard_actors::domain::shard_set::ShardSet;
use sendyard_actors::domain::tuning::Tuning;
use sendyard_actors::ports::StoreError;

use super::failure::unexpected;
use super::link::{Link, value_of};
use super::{keys, scripts};
use crate::store::tuning;

/// `tuning`.
pub(super) async fn of(link: Link, sender: E164) -> Result<Option<Tuning>, StoreError> {
    let mut read = Pipeline::with_capacity(1);
    read.cmd("HGET").arg(keys::tunings(Shard::of(sender))).arg(keys::number(sender).as_slice());
    let value = link.read(&read).await?.into_iter().next().ok_or_else(|| unexpected("no answer"))?;
    let bytes: Option<Vec<u8>> = value_of(value)?;
    bytes.as_deref().map(tuning::decode).transpose()
}

/// `tune`.
pub(super) async fn tune(link: Link, sender: E164, record: Tuning) -> Result<bool, StoreError> {
    let mut reply = link
        .call(&scripts::TUNE, &keys::tunings(Shard::of(sender)))
        .arg(keys::number(sender).as_slice())
        .arg(tuning::encode(&record)?)
        .write()
        .await?;
    match reply.bytes()?.as_slice() {
        b"done" => Ok(true),
        b"changed" => Ok(false),
        _ => Err(reply.unexpected("an unknown word")),
    }
}

/// `tunings`.
pub(super) async fn all(link: Link, shards: ShardSet) -> Result<Vec<(Shard, u64)>, StoreError> {
    if shards.is_empty() {
        return Ok(Vec::new());
    }
    let mut read = Pipeline::with_capacity(shards.len());
    for shard in shards.iter() {
        read.cmd("HGET").arg(keys::tunings(shard)).arg("g");
    }
    let mut tuned = Vec::new();
    for (shard, value) in shards.iter().zip(link.read(&read).await?) {
        let times: Option<u64> = value_of(value)?;
        tuned.extend(times.map(|times| (shard, times)));
    }
    Ok(tuned)
}
