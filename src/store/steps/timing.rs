//! What the clock brings: scheduled messages whose time has come, and messages that expire.

use sendyard_actors::domain::ids::MessageId;
use sendyard_actors::domain::message::TimeUp;
use sendyard_actors::domain::time::Time;
use sendyard_actors::ports::{SettleAnswer, StoreError, TimedUp};

use crate::store::indexes;
use crate::store::indexes::Standing;
use crate::store::rows::RowsMut;

/// `time_up` of each, in this order.
pub(in crate::store) fn time_up(
    rows: &mut dyn RowsMut,
    now: Time,
    ids: &[MessageId],
) -> Result<Vec<TimedUp>, StoreError> {
    ids.iter().map(|id| time_up_of(rows, now, *id)).collect()
}

fn time_up_of(rows: &mut dyn RowsMut, now: Time, id: MessageId) -> Result<TimedUp, StoreError> {
    let Some(mut message) = indexes::message(rows, id)? else { return Ok(None) };
    let before = Standing::of(&message);
    let next_seq = indexes::sender(rows, message.draft.sender)?.next_seq;
    let Ok(what) = message.time_up(next_seq, now) else { return Ok(None) };
    if what == TimeUp::Due {
        indexes::take_seq(rows, &message)?;
    }
    indexes::store(rows, before, &message, now)?;
    Ok(Some((what, Box::new(message))))
}

/// `postpone`.
pub(in crate::store) fn postpone(
    rows: &mut dyn RowsMut,
    now: Time,
    id: MessageId,
    expected: u16,
    due: Time,
) -> Result<SettleAnswer, StoreError> {
    let Some(mut message) = indexes::message(rows, id)? else { return Ok(SettleAnswer::Known) };
    let before = Standing::of(&message);
    if message.postpone(expected, due, now).is_err() {
        return Ok(SettleAnswer::Known);
    }
    indexes::store(rows, before, &message, now)?;
    Ok(SettleAnswer::Done(Box::new(message)))
}
