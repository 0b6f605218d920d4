//! `ended`: the lists of finished messages of all shards as one, in the order of finishing.
//!
//! Each shard's list is in that order by its server's clock; a place in it is found by halving. Where a clock was
//! set back between two of them, as after a failover, some that finished then may be left out of a page.

use futures::future::try_join_all;
use sendyard_actors::domain::ids::Shard;
use sendyard_actors::ports::{Ended, StoreError};

use super::failure::unexpected;
use super::link::Link;
use super::pack::Reader;
use super::{entries, keys, micros, scripts};

/// Entries that are asked of a shard beside its part of a page: several may have finished at one instant.
const MORE: usize = 8;

/// Of how many shards a page is likely to be, at the least.
const LIKELY_SHARDS: usize = 32;

/// `ended`.
pub(super) async fn ended(
    link: Link,
    shard: Option<Shard>,
    after: Option<Ended>,
    limit: usize,
) -> Result<Vec<Ended>, StoreError> {
    let (shards, many) = match shard {
        Some(shard) => (vec![shard], limit + MORE),
        None => (Shard::all().collect(), limit / LIKELY_SHARDS + MORE),
    };
    let pages = shards.into_iter().map(|shard| page_of(&link, shard, after, many));
    let pages = try_join_all(pages).await?;
    // What a full page does not show is behind its last; all before the earliest of these is known.
    let ends = pages.iter().filter(|page| page.is_full).filter_map(|page| page.ended.last());
    let known_below = ends.map(|last| last.at).min();
    let mut all: Vec<Ended> = pages.iter().flat_map(|page| page.ended.iter().copied()).collect();
    all.sort_unstable();
    all.retain(|ended| after.is_none_or(|after| *ended > after));
    if let Some(below) = known_below {
        all.retain(|ended| ended.at < below);
    }
    all.truncate(limit);
    Ok(all)
}

struct ShardPage {
    ended: Vec<Ended>,
    is_full: bool,
}

async fn page_of(
    link: &Link,
    shard: Shard,
    after: Option<Ended>,
    many: usize,
) -> Result<ShardPage, StoreError> {
    let mut many = many;
    loop {
        let from = after.map_or(0, |after| micros::down(after.at));
        let mut reply =
            link.call(&scripts::ENDED_PAGE, &keys::finished(shard)).arg(from).arg(many).read().await?;
        let mut ended = Vec::with_capacity(many);
        while !reply.is_empty() {
            ended.push(entry(&reply.bytes()?)?);
        }
        let is_full = ended.len() >= many;
        // An empty page is the end, so a full one must show something that is known to be whole.
        let is_new = |one: &Ended| after.is_none_or(|after| *one > after);
        let shows = ended.last().is_some_and(|last| ended.iter().any(|one| is_new(one) && one.at < last.at));
        if !is_full || shows {
            return Ok(ShardPage { ended, is_full });
        }
        many = many.saturating_mul(2);
    }
}

fn entry(bytes: &[u8]) -> Result<Ended, StoreError> {
    // Two values, one behind the other.
    let mut from = Reader::new(bytes);
    let id = entries::message_id(from.array()?)?;
    let at = micros::time(from.number()?);
    if !from.is_empty() {
        return Err(unexpected("an entry of the finished messages"));
    }
    Ok(Ended { at, id })
}
