//! The reads.

use std::ops::ControlFlow;

use sendyard_actors::domain::ids::{MessageId, OrganizationId, Shard};
use sendyard_actors::domain::message::{Conversation, Lane, Message};
use sendyard_actors::domain::phone::E164;
use sendyard_actors::domain::shard_set::ShardSet;
use sendyard_actors::domain::time::Time;
use sendyard_actors::ports::{Backlog, Charge, Depths, Ended, StoreError, Timer, Unsettled, Waiting};

use super::keys;
use super::rows::{Rows, decode};
use super::values::{ChargeRow, QueueRow, SenderRow, SumRow, UnsettledRow};
use super::{indexes, record, references};

/// The records of these.
pub(super) fn messages(rows: &dyn Rows, ids: &[MessageId]) -> Result<Vec<Option<Box<Message>>>, StoreError> {
    ids.iter().map(|id| Ok(indexes::message(rows, *id)?.map(Box::new))).collect()
}

/// What is finished, in that order, behind `after`.
pub(super) fn ended(rows: &dyn Rows, after: Option<Ended>, limit: usize) -> Result<Vec<Ended>, StoreError> {
    let mut page = Vec::new();
    rows.scan(&keys::finished_above(after), &mut |key, _| {
        if page.len() >= limit {
            return Ok(ControlFlow::Break(()));
        }
        page.push(keys::ended_of_finished(key)?);
        Ok(ControlFlow::Continue(()))
    })?;
    Ok(page)
}

/// The messages of one reference behind `after`.
pub(super) fn referenced(
    rows: &dyn Rows,
    place: references::Place,
    shard: Option<Shard>,
    after: Option<MessageId>,
    limit: usize,
) -> Result<Vec<MessageId>, StoreError> {
    let mut found = Vec::new();
    rows.scan(&keys::references_above(place, after), &mut |key, _| {
        if found.len() >= limit {
            return Ok(ControlFlow::Break(()));
        }
        let id = keys::id_of_reference(key)?;
        found.extend(Some(id).filter(|id| shard.is_none_or(|shard| shard == id.shard())));
        Ok(ControlFlow::Continue(()))
    })?;
    Ok(found)
}

/// What waits in a lane behind `after`.
pub(super) fn queue_page(
    rows: &dyn Rows,
    sender: E164,
    lane: Lane,
    after: Option<u64>,
    limit: usize,
) -> Result<Vec<Waiting>, StoreError> {
    let mut page = Vec::new();
    rows.scan(&keys::queue_above(sender, lane, after), &mut |_, value| {
        if page.len() >= limit {
            return Ok(ControlFlow::Break(()));
        }
        page.push(QueueRow::decode(value)?.waiting(lane));
        Ok(ControlFlow::Continue(()))
    })?;
    Ok(page)
}

/// What waits in a conversation behind `after`. Its rows tell the places, the queue's rows what
/// waits there: one that is on its way has none.
pub(super) fn conversation_page(
    rows: &dyn Rows,
    conversation: Conversation,
    after: Option<u64>,
    limit: usize,
) -> Result<Vec<Waiting>, StoreError> {
    let mut page = Vec::new();
    rows.scan(&keys::conversation_above(conversation, after), &mut |key, _| {
        if page.len() >= limit {
            return Ok(ControlFlow::Break(()));
        }
        let seq = keys::seq_of_conversation(key)?;
        let row = rows.get(&keys::queue(conversation.sender, conversation.lane, seq))?;
        let row = row.as_deref().map(QueueRow::decode).transpose()?;
        page.extend(row.map(|row| row.waiting(conversation.lane)));
        Ok(ControlFlow::Continue(()))
    })?;
    Ok(page)
}

/// How much waits at a sender, lane by lane.
pub(super) fn depths(rows: &dyn Rows, sender: E164) -> Result<Depths, StoreError> {
    let SenderRow { lanes, units, .. } = indexes::sender(rows, sender)?;
    Ok(Depths { lanes, segments: units })
}

/// The hand-overs of a sender from `from` on, oldest first.
pub(super) fn charges(rows: &dyn Rows, sender: E164, from: Time) -> Result<Vec<Charge>, StoreError> {
    let mut charges = Vec::new();
    rows.scan(&keys::charges_from(sender, from), &mut |key, value| {
        charges.push(charge(key, value)?);
        Ok(ControlFlow::Continue(()))
    })?;
    Ok(charges)
}

/// The charge of a row.
pub(super) fn charge(key: &[u8], value: &[u8]) -> Result<Charge, StoreError> {
    Ok(Charge { at: keys::instant_of_charge(key)?, cost: ChargeRow::decode(value)?.into() })
}

/// The sums of those that are not known one by one any more, whose last one is at or after `from`.
pub(super) fn charge_sums(rows: &dyn Rows, sender: E164, from: Time) -> Result<Vec<Charge>, StoreError> {
    let mut sums = Vec::new();
    rows.scan(&keys::sums_from(sender, from), &mut |_, value| {
        sums.extend(decode::<SumRow>(value)?.from(from));
        Ok(ControlFlow::Continue(()))
    })?;
    Ok(sums)
}

/// What is open or unknown and not listed; of one sender, or of all.
pub(super) fn unsettled(rows: &dyn Rows, sender: Option<E164>) -> Result<Vec<Unsettled>, StoreError> {
    let span = sender.map_or_else(keys::unsettled_all, keys::unsettled_of_sender);
    let mut unsettled = Vec::new();
    rows.scan(&span, &mut |_, value| {
        unsettled.push(Unsettled::from(UnsettledRow::decode(value)?));
        Ok(ControlFlow::Continue(()))
    })?;
    Ok(unsettled)
}

/// What is open or unknown and not listed, of these shards.
pub(super) fn unsettled_in(rows: &dyn Rows, shards: ShardSet) -> Result<Vec<Unsettled>, StoreError> {
    let mut all = unsettled(rows, None)?;
    all.retain(|attempt| shards.contains(Shard::of(attempt.sender)));
    Ok(all)
}

/// The first timers of these shards behind `after`, up to `until`.
pub(super) fn timers(
    rows: &dyn Rows,
    shards: ShardSet,
    after: Option<Timer>,
    until: Time,
    limit: usize,
) -> Result<Vec<Timer>, StoreError> {
    let mut timers = Vec::new();
    rows.scan(&keys::timers(after, until), &mut |key, _| {
        if timers.len() >= limit {
            return Ok(ControlFlow::Break(()));
        }
        timers.extend(Some(keys::timer_of(key)?).filter(|timer| shards.contains(timer.id.shard())));
        Ok(ControlFlow::Continue(()))
    })?;
    Ok(timers)
}

/// Messages of unknown outcome of one organization, behind `after`.
pub(super) fn doubtful(
    rows: &dyn Rows,
    organization: OrganizationId,
    after: Option<MessageId>,
    limit: usize,
) -> Result<Vec<Message>, StoreError> {
    let mut found = Vec::new();
    rows.scan(&keys::doubtful_above(organization, after), &mut |key, _| {
        if found.len() >= limit {
            return Ok(ControlFlow::Break(()));
        }
        let row = rows.get(&keys::message_of_doubtful(key))?;
        found.extend(row.as_deref().map(record::decode).transpose()?);
        Ok(ControlFlow::Continue(()))
    })?;
    Ok(found)
}

/// Senders of these shards with messages waiting, by their own rows: no queue is read.
pub(super) fn backlogs(rows: &dyn Rows, shards: ShardSet) -> Result<Vec<Backlog>, StoreError> {
    let mut backlogs = Vec::new();
    rows.scan(&keys::senders(), &mut |key, value| {
        let SenderRow { depth, .. } = SenderRow::decode(value)?;
        if depth > 0 {
            let sender = keys::number_of_sender(key)?;
            if shards.contains(Shard::of(sender)) {
                backlogs.push(Backlog { sender, waiting: depth });
            }
        }
        Ok(ControlFlow::Continue(()))
    })?;
    Ok(backlogs)
}
