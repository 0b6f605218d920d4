//! What the clock brings: messages that wait for their time, and messages that expire.
//!
//! Such a message is appended by a script of its own: the usual ones need not pay for it.

use redis::Pipeline;
use sendyard_actors::domain::ids::MessageId;
use sendyard_actors::domain::message::TimeUp;
use sendyard_actors::domain::outcome::Refusal;
use sendyard_actors::domain::shard_set::ShardSet;
use sendyard_actors::domain::time::Time;
use sendyard_actors::ports::{Append, Appended, SettleAnswer, StoreError, TimedUp, Timer};

use super::call::{Call, Reply};
use super::failure::unexpected;
use super::link::{Link, value_of};
use super::{entries, keys, messages, micros, record, scripts};

/// How many messages one script takes at most: the server does nothing else meanwhile.
const AT_A_TIME: usize = 64;

/// Does its append need more than a place in the queue?
pub(super) fn is_timed(append: &Append) -> bool {
    append.draft.expires_at.is_some() || append.not_before > Time::ZERO
}

/// `append` of such a message.
pub(super) async fn append(link: Link, append: Append) -> Result<Appended, StoreError> {
    append_call(&link, std::slice::from_ref(&append)).await?.pop().unwrap_or(Err(StoreError::Unanswered))
}

/// `append` of several such messages of one shard, in their order; an answer for each.
pub(super) async fn append_some(link: &Link, appends: &[Append]) -> Vec<Result<Appended, StoreError>> {
    let mut answers = Vec::with_capacity(appends.len());
    for some in appends.chunks(AT_A_TIME) {
        match append_call(link, some).await {
            Ok(of_some) => answers.extend(of_some),
            Err(error) => {
                answers.resize(appends.len(), Err(error));
                break;
            }
        }
    }
    answers
}

/// One call: its answers, each of which may be one that cannot be read.
async fn append_call(
    link: &Link,
    appends: &[Append],
) -> Result<Vec<Result<Appended, StoreError>>, StoreError> {
    let Some((first, others)) = appends.split_first() else { return Ok(Vec::new()) };
    let mut call = link.call(&scripts::APPEND_TIMED, &keys::message(first.draft.id));
    for other in others {
        call = call.key(&keys::message(other.draft.id));
    }
    for append in appends {
        call = with_append(call, append)?;
    }
    let mut reply = call.write().await?;
    Ok(appends.iter().map(|append| appended(append.draft.id, &mut reply.nested()?)).collect())
}

#[expect(clippy::cast_precision_loss, reason = "a unit's time has a fraction, and is shorter than 2^53 ns")]
fn with_append(call: Call, append: &Append) -> Result<Call, StoreError> {
    let Append { draft, estimate, depth_limit, request_until, not_before } = append;
    let call = call
        .arg(micros::down(*request_until))
        .arg(*depth_limit)
        .arg(micros::up(estimate.from))
        .arg(estimate.per_unit.as_nanos() as f64 / 1000.0)
        .arg(micros::up(*not_before));
    messages::with_draft(call, draft)
}

fn appended(id: MessageId, reply: &mut Reply) -> Result<Appended, StoreError> {
    match reply.bytes()?.as_slice() {
        b"stored" => Ok(Appended::Stored(messages::changed(id, reply)?)),
        b"exists" => Ok(Appended::Exists(messages::message(id, reply)?)),
        b"too_late" => Ok(Appended::TooLate(micros::time(reply.next()?))),
        b"full" => Ok(Appended::Full),
        b"late" => Ok(Appended::Late),
        _ => Err(reply.unexpected("an unknown word")),
    }
}

/// `timers`. Those of one instant are sorted by shard, so that each shard is asked for what is behind `after`.
pub(super) async fn timers(
    link: Link,
    shards: ShardSet,
    after: Option<Timer>,
    until: Time,
    limit: usize,
) -> Result<Vec<Timer>, StoreError> {
    if shards.is_empty() {
        return Ok(Vec::new());
    }
    let skipped = skipped_at(&link, after).await?;
    let mut read = Pipeline::with_capacity(shards.len());
    for shard in shards.iter() {
        let (from, skip) = match after {
            Some(after) if shard < after.id.shard() => (format!("({}", micros::down(after.at)), 0),
            Some(after) if shard == after.id.shard() => (micros::down(after.at).to_string(), skipped),
            Some(after) => (micros::down(after.at).to_string(), 0),
            None => ("-inf".to_owned(), 0),
        };
        read.cmd("ZRANGEBYSCORE").arg(keys::timers(shard)).arg(from).arg(micros::down(until));
        read.arg("WITHSCORES").arg("LIMIT").arg(skip).arg(limit);
    }
    let mut timers = Vec::new();
    for value in link.read(&read).await? {
        let rows: Vec<(Vec<u8>, u64)> = value_of(value)?;
        for (member, at) in rows {
            timers.push(timer_of(&member, at)?);
        }
    }
    timers.sort_by_key(Timer::order);
    timers.truncate(limit);
    Ok(timers)
}

/// How many timers of its shard and instant there are up to `after`; none if it is not there any more.
async fn skipped_at(link: &Link, after: Option<Timer>) -> Result<u64, StoreError> {
    let Some(Timer { at, seq, id }) = after else { return Ok(0) };
    let key = keys::timers(id.shard());
    let mut read = Pipeline::with_capacity(2);
    read.cmd("ZRANK").arg(key.as_slice()).arg(keys::timer(seq, id));
    read.cmd("ZCOUNT").arg(key).arg("-inf").arg(format!("({}", micros::down(at)));
    let mut values = link.read(&read).await?.into_iter();
    let mut next = || values.next().ok_or_else(|| unexpected("no answer"));
    let (rank, earlier): (Option<u64>, u64) = (value_of(next()?)?, value_of(next()?)?);
    Ok(rank.map_or(0, |rank| (rank + 1).saturating_sub(earlier)))
}

fn timer_of(member: &[u8], at: u64) -> Result<Timer, StoreError> {
    let id = member.last_chunk::<16>().ok_or_else(|| unexpected("a timer without its message"))?;
    let place = member.first_chunk::<6>().ok_or_else(|| unexpected("a timer without its place"))?;
    let seq = place.iter().fold(0, |all, byte| all << 8 | u64::from(*byte));
    Ok(Timer { at: micros::time(at), seq, id: entries::message_id(*id)? })
}

/// `time_up`.
pub(super) async fn time_up(link: Link, ids: Vec<MessageId>) -> Result<Vec<TimedUp>, StoreError> {
    let mut done = Vec::with_capacity(ids.len());
    for some in ids.chunks(AT_A_TIME) {
        done.extend(time_up_some(&link, some).await?);
    }
    Ok(done)
}

async fn time_up_some(link: &Link, ids: &[MessageId]) -> Result<Vec<TimedUp>, StoreError> {
    let Some((first, others)) = ids.split_first() else { return Ok(Vec::new()) };
    let mut call = link.call(&scripts::TIME_UP, &keys::message(*first));
    for other in others {
        call = call.key(&keys::message(*other));
    }
    let mut reply = call.arg(record::opaque(&Refusal::expired())?).write().await?;
    ids.iter().map(|id| timed_up(*id, &mut reply.nested()?)).collect()
}

fn timed_up(id: MessageId, reply: &mut Reply) -> Result<TimedUp, StoreError> {
    match reply.bytes()?.as_slice() {
        b"due" => Ok(Some((TimeUp::Due, messages::changed(id, reply)?))),
        b"expired" => Ok(Some((TimeUp::Expired, messages::changed(id, reply)?))),
        b"none" => Ok(None),
        _ => Err(reply.unexpected("an unknown word")),
    }
}

/// `postpone`.
pub(super) async fn postpone(
    link: Link,
    id: MessageId,
    expected: u16,
    due: Time,
) -> Result<SettleAnswer, StoreError> {
    let call = link.call(&scripts::POSTPONE, &keys::message(id)).arg(expected).arg(micros::up(due));
    messages::settle_answer(id, call.write().await?)
}
