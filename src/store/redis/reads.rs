//! The reads. What spans shards is asked of all of them in one round trip, as each of those answers is
//! small: what is in flight, who waits, what is in doubt.

use redis::{Pipeline, Value};
use sendyard_actors::domain::ids::{MessageId, OrganizationId, Shard};
use sendyard_actors::domain::lanes::LANES;
use sendyard_actors::domain::message::{Conversation, Lane, Message};
use sendyard_actors::domain::pace::Cost;
use sendyard_actors::domain::phone::E164;
use sendyard_actors::domain::shard_set::ShardSet;
use sendyard_actors::domain::time::Time;
use sendyard_actors::ports::{Backlog, Charge, Depths, StoreError, Unsettled, Waiting};

use super::failure::unexpected;
use super::link::{Link, value_of};
use super::{entries, keys, micros, record, scripts};
use crate::store::references;

/// `message`.
pub(super) async fn message(link: Link, id: MessageId) -> Result<Option<Box<Message>>, StoreError> {
    let mut read = Pipeline::with_capacity(1);
    read.cmd("GET").arg(keys::message(id));
    let bytes: Option<Vec<u8>> = first(link.read(&read).await?)?;
    bytes.map(|bytes| record::decode(id, &bytes).map(Box::new)).transpose()
}

/// `messages`.
pub(super) async fn messages(
    link: Link,
    ids: Vec<MessageId>,
) -> Result<Vec<Option<Box<Message>>>, StoreError> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let mut read = Pipeline::with_capacity(ids.len());
    for id in &ids {
        read.cmd("GET").arg(keys::message(*id));
    }
    let mut messages = Vec::with_capacity(ids.len());
    for (id, value) in ids.iter().zip(link.read(&read).await?) {
        let bytes: Option<Vec<u8>> = value_of(value)?;
        messages.push(bytes.map(|bytes| record::decode(*id, &bytes).map(Box::new)).transpose()?);
    }
    Ok(messages)
}

/// `queue_page`.
pub(super) async fn queue_page(
    link: Link,
    sender: E164,
    lane: Lane,
    after: Option<u64>,
    limit: usize,
) -> Result<Vec<Waiting>, StoreError> {
    let above = after.map_or_else(|| "-inf".to_owned(), |seq| format!("({seq}"));
    let mut read = Pipeline::with_capacity(1);
    read.cmd("ZRANGEBYSCORE").arg(keys::queue(sender, lane)).arg(above).arg("+inf");
    read.arg("WITHSCORES").arg("LIMIT").arg(0).arg(limit);
    let page: Vec<(Vec<u8>, u64)> = first(link.read(&read).await?)?;
    page.iter().map(|(entry, seq)| entries::waiting(lane, *seq, entry)).collect()
}

/// `conversation_page`.
pub(super) async fn conversation_page(
    link: Link,
    conversation: Conversation,
    after: Option<u64>,
    limit: usize,
) -> Result<Vec<Waiting>, StoreError> {
    let mut reply = link
        .call(&scripts::CONVERSATION_PAGE, &keys::conversation(conversation))
        .key(&keys::queue(conversation.sender, conversation.lane))
        .optional(after)
        .arg(limit)
        .read()
        .await?;
    let mut page = Vec::new();
    while !reply.is_empty() {
        let seq = reply.next()?;
        page.push(entries::waiting(conversation.lane, seq, &reply.bytes()?)?);
    }
    Ok(page)
}

/// `depth`.
pub(super) async fn depth(link: Link, sender: E164) -> Result<u64, StoreError> {
    let mut read = Pipeline::with_capacity(1);
    read.cmd("HGET").arg(keys::waiting(Shard::of(sender))).arg(keys::number(sender).as_slice());
    let depth: Option<u64> = first(link.read(&read).await?)?;
    Ok(depth.unwrap_or_default())
}

/// `depths`.
pub(super) async fn depths(link: Link, sender: E164) -> Result<Depths, StoreError> {
    let mut read = Pipeline::with_capacity(4);
    for lane in LANES {
        read.cmd("ZCARD").arg(keys::queue(sender, lane));
    }
    read.cmd("HGET").arg(keys::counts(sender)).arg("u");
    let answers: [Value; 4] =
        link.read(&read).await?.try_into().map_err(|_| unexpected("too few answers"))?;
    let [urgent, normal, bulk, segments] = answers;
    let segments: Option<u64> = value_of(segments)?;
    let lanes = [value_of(urgent)?, value_of(normal)?, value_of(bulk)?];
    Ok(Depths { lanes, segments: segments.unwrap_or_default() })
}

/// `charges`.
pub(super) async fn charges(link: Link, sender: E164, from: Time) -> Result<Vec<Charge>, StoreError> {
    let mut read = Pipeline::with_capacity(1);
    read.cmd("ZRANGEBYSCORE").arg(keys::charges(sender)).arg(micros::up(from)).arg("+inf").arg("WITHSCORES");
    let found: Vec<(Vec<u8>, u64)> = first(link.read(&read).await?)?;
    let charge = |(member, at): &(Vec<u8>, u64)| {
        let units = member.last_chunk::<4>().ok_or_else(|| unexpected("a charge without its units"))?;
        let whole = Cost::sms(u32::from_be_bytes(*units));
        let cost = match member.get(8).filter(|_| member.len() > 12) {
            None => whole,
            Some(0) => whole.more(whole.segments),
            Some(1) => Cost { mms: true, ..whole },
            Some(_) => Cost { mms: true, ..whole.more(whole.segments) },
        };
        Ok(Charge { at: micros::time(*at), cost })
    };
    found.iter().map(charge).collect()
}

/// `charge_sums`.
pub(super) async fn charge_sums(link: Link, sender: E164, from: Time) -> Result<Vec<Charge>, StoreError> {
    let mut read = Pipeline::with_capacity(1);
    read.cmd("HGETALL").arg(keys::charge_sums(sender));
    let mut found: Vec<(u64, Vec<u8>)> = first(link.read(&read).await?)?;
    found.sort_unstable();
    let mut sums = Vec::new();
    for (_, entry) in found {
        sums.extend(entries::sums(&entry, from)?);
    }
    Ok(sums)
}

/// `unsettled`.
pub(super) async fn unsettled(link: Link, sender: Option<E164>) -> Result<Vec<Unsettled>, StoreError> {
    let shards = sender.map_or(ShardSet::ALL, |one| std::iter::once(Shard::of(one)).collect());
    let mut unsettled = unsettled_in(link, shards).await?;
    unsettled.retain(|row| sender.is_none_or(|one| one == row.sender));
    Ok(unsettled)
}

/// `unsettled_in`.
pub(super) async fn unsettled_in(link: Link, shards: ShardSet) -> Result<Vec<Unsettled>, StoreError> {
    if shards.is_empty() {
        return Ok(Vec::new());
    }
    let mut read = Pipeline::with_capacity(shards.len());
    for shard in shards.iter() {
        read.cmd("HGETALL").arg(keys::unsettled(shard));
    }
    let mut unsettled = Vec::new();
    for value in link.read(&read).await? {
        let rows: Vec<(Vec<u8>, Vec<u8>)> = value_of(value)?;
        for (id, entry) in rows {
            unsettled.push(entries::unsettled(&id, &entry)?);
        }
    }
    Ok(unsettled)
}

/// `backlogs`.
pub(super) async fn backlogs(link: Link, shards: ShardSet) -> Result<Vec<Backlog>, StoreError> {
    if shards.is_empty() {
        return Ok(Vec::new());
    }
    let mut read = Pipeline::with_capacity(shards.len());
    for shard in shards.iter() {
        read.cmd("HGETALL").arg(keys::waiting(shard));
    }
    let mut backlogs = Vec::new();
    for value in link.read(&read).await? {
        let rows: Vec<(Vec<u8>, u64)> = value_of(value)?;
        for (number, waiting) in rows {
            let sender = keys::number_of(&number).ok_or_else(|| unexpected("a sender without a number"))?;
            backlogs.push(Backlog { sender, waiting });
        }
    }
    Ok(backlogs)
}

/// `doubtful`. First the ids of all shards, then the records of the earliest of them. One that is settled
/// in between is left out, and the next ones are asked for, so that a short page is the last.
pub(super) async fn doubtful(
    link: Link,
    organization: OrganizationId,
    after: Option<MessageId>,
    limit: usize,
) -> Result<Vec<Message>, StoreError> {
    let mut found = Vec::new();
    let mut after = after;
    while found.len() < limit {
        let ids = doubtful_ids(&link, organization, after, limit - found.len()).await?;
        let Some(last) = ids.last() else { break };
        after = Some(*last);
        let mut read = Pipeline::with_capacity(ids.len());
        for id in &ids {
            read.cmd("GET").arg(keys::message(*id));
        }
        for (id, value) in ids.iter().zip(link.read(&read).await?) {
            let bytes: Option<Vec<u8>> = value_of(value)?;
            let message = bytes.map(|bytes| record::decode(*id, &bytes)).transpose()?;
            found.extend(message.filter(Message::is_doubtful));
        }
    }
    Ok(found)
}

/// The earliest ids behind `after` that are in doubt.
async fn doubtful_ids(
    link: &Link,
    organization: OrganizationId,
    after: Option<MessageId>,
    limit: usize,
) -> Result<Vec<MessageId>, StoreError> {
    let prefix = keys::doubtful_prefix(organization);
    let above = match &after {
        Some(id) => [b"(".as_slice(), &prefix, id.as_bytes()].concat(),
        None => [b"[".as_slice(), &prefix].concat(),
    };
    // Behind every id of the organization.
    let end = [b"[".as_slice(), &prefix, &[0xff; 17]].concat();
    let mut read = Pipeline::new();
    for shard in Shard::all() {
        read.cmd("ZRANGEBYLEX").arg(keys::doubtful(shard)).arg(above.as_slice()).arg(end.as_slice());
        read.arg("LIMIT").arg(0).arg(limit);
    }
    ids_of(link.read(&read).await?, limit)
}

/// `referenced`: the earliest ids behind `after`.
pub(super) async fn referenced(
    link: Link,
    place: references::Place,
    shard: Option<Shard>,
    after: Option<MessageId>,
    limit: usize,
) -> Result<Vec<MessageId>, StoreError> {
    let above = match &after {
        Some(id) => [b"(".as_slice(), &place, id.as_bytes()].concat(),
        None => [b"[".as_slice(), &place].concat(),
    };
    // Behind every id of the reference.
    let end = [b"[".as_slice(), &place, &[0xff; 17]].concat();
    let shards = shard.map_or_else(|| Shard::all().collect(), |shard| vec![shard]);
    let mut read = Pipeline::with_capacity(shards.len());
    for shard in shards {
        read.cmd("ZRANGEBYLEX").arg(keys::references(shard)).arg(above.as_slice()).arg(end.as_slice());
        read.arg("LIMIT").arg(0).arg(limit);
    }
    ids_of(link.read(&read).await?, limit)
}

/// The earliest of the ids at the ends of these members.
fn ids_of(answers: Vec<Value>, limit: usize) -> Result<Vec<MessageId>, StoreError> {
    let mut ids = Vec::new();
    for value in answers {
        let members: Vec<Vec<u8>> = value_of(value)?;
        for member in members {
            let id = member.last_chunk::<16>().ok_or_else(|| unexpected("a row without its message"))?;
            ids.push(entries::message_id(*id)?);
        }
    }
    ids.sort_unstable();
    ids.truncate(limit);
    Ok(ids)
}

fn first<T: redis::FromRedisValue>(values: Vec<Value>) -> Result<T, StoreError> {
    value_of(values.into_iter().next().ok_or_else(|| unexpected("no answer"))?)
}
