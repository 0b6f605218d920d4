//! What the queue and the list of the unsettled say of a message: msgpack of the scripts.

use sendyard_actors::domain::ids::MessageId;
use sendyard_actors::domain::message::Draft;
use sendyard_actors::domain::time::Time;
use sendyard_actors::ports::{StoreError, Unsettled, Waiting};

use super::pack::{Reader, Writer};
use super::{keys, micros, record};

/// An entry of a queue; `seq` is its score.
pub(super) fn waiting(seq: u64, entry: &[u8]) -> Result<Waiting, StoreError> {
    let mut from = Reader::new(entry);
    Ok(Waiting {
        id: message_id(from.array()?)?,
        seq,
        recipient: record::number(&mut from)?,
        cost: from.number()?,
        due: micros::time(from.number()?),
        attempt: from.number()?,
        elsewhere: from.boolean()?,
    })
}

/// What stands in the entry of a fresh message before its due time.
pub(super) fn fresh_start(draft: &Draft) -> Vec<u8> {
    let start = Writer::default().bytes(draft.id.as_bytes()).bytes(&keys::number(draft.recipient));
    start.number(draft.cost()).into_bytes()
}

/// What stands there behind it: no attempt yet, and not elsewhere.
pub(super) fn fresh_end() -> Vec<u8> {
    Writer::default().number(0_u8).boolean(false).into_bytes()
}

/// What is open or unknown and not listed; the id is its field.
pub(super) fn unsettled(id: &[u8], entry: &[u8]) -> Result<Unsettled, StoreError> {
    let id: [u8; 16] = id.try_into().map_err(|_| no_id())?;
    let mut from = Reader::new(entry);
    Ok(Unsettled {
        id: message_id(id)?,
        sender: record::number(&mut from)?,
        recipient: record::number(&mut from)?,
        lane: record::lane(from.number()?)?,
        attempt: from.number()?,
        cost: from.number()?,
        in_conversation: from.boolean()?,
        begin_by: micros::time(from.number()?),
        deadline: micros::time(from.number()?),
        evidence_until: from.optional(instant)?,
        // An entry of before there were offers ends here.
        not_after: if from.is_empty() { None } else { from.optional(instant)? },
    })
}

fn instant(from: &mut Reader<'_>) -> Result<Time, StoreError> {
    Ok(micros::time(from.number()?))
}

/// A message's id.
pub(super) fn message_id(bytes: [u8; 16]) -> Result<MessageId, StoreError> {
    MessageId::from_bytes(bytes).ok_or_else(no_id)
}

fn no_id() -> StoreError {
    StoreError::Corrupt("an entry in Redis has no message id".to_owned())
}
