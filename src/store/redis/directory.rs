//! What was applied of the directory: one string for all processes.

use redis::{Cmd, FromRedisValue, Pipeline};
use sendyard_actors::domain::applied::Applied;
use sendyard_actors::ports::StoreError;

use super::failure::unexpected;
use super::link::{Link, value_of};
use super::{keys, scripts};
use crate::store::applied;

/// `directory`. It is asked for often: only what says its generation is read, unless that is news.
pub(super) async fn of(link: Link, known: u64) -> Result<Option<Applied>, StoreError> {
    let mut head = redis::cmd("GETRANGE");
    head.arg(keys::directory()).arg(0).arg(applied::HEAD - 1);
    let head: Vec<u8> = read(&link, head).await?;
    if head.is_empty() || applied::generation(&head) == known {
        return Ok(None);
    }
    let mut whole = redis::cmd("GET");
    whole.arg(keys::directory());
    let bytes: Option<Vec<u8>> = read(&link, whole).await?;
    bytes.as_deref().map(applied::decode).transpose()
}

async fn read<T: FromRedisValue>(link: &Link, command: Cmd) -> Result<T, StoreError> {
    let mut read = Pipeline::with_capacity(1);
    read.add_command(command);
    value_of(link.read(&read).await?.into_iter().next().ok_or_else(|| unexpected("no answer"))?)
}

/// `apply_directory`.
pub(super) async fn apply(link: Link, directory: Applied) -> Result<bool, StoreError> {
    let call = link.call(&scripts::APPLY_DIRECTORY, &keys::directory());
    let mut reply = call.arg(applied::encode(&directory)?).write().await?;
    match reply.bytes()?.as_slice() {
        b"done" => Ok(true),
        b"changed" => Ok(false),
        _ => Err(reply.unexpected("an unknown word")),
    }
}
