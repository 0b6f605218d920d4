//! What the queue and the list of the unsettled say of a message, and the sums of hand-overs: msgpack of
//! the scripts.

use sendyard_actors::domain::ids::MessageId;
use sendyard_actors::domain::message::{Draft, Lane};
use sendyard_actors::domain::pace::Cost;
use sendyard_actors::domain::time::Time;
use sendyard_actors::ports::{Charge, StoreError, Unsettled, Waiting};

use super::pack::{Reader, Writer};
use super::{keys, micros, record};

/// An entry of a queue; `seq` is its score.
pub(super) fn waiting(lane: Lane, seq: u64, entry: &[u8]) -> Result<Waiting, StoreError> {
    let mut from = Reader::new(entry);
    let id = message_id(from.array()?)?;
    let recipient = record::number(&mut from)?;
    let segments = from.number()?;
    let (due, attempt) = (micros::time(from.number()?), from.number()?);
    let elsewhere = from.boolean()?;
    let cost = Cost { mms: mms(&mut from)?, ..Cost::sms(segments) };
    Ok(Waiting { id, seq, recipient, lane, cost, due, attempt, elsewhere })
}

/// Does it have media? An entry of the queue says so only if it does; those of before that was told say nothing.
fn mms(from: &mut Reader<'_>) -> Result<bool, StoreError> {
    if from.is_empty() { Ok(false) } else { from.boolean() }
}

/// What stands in the entry of a fresh message before its due time.
pub(super) fn fresh_start(draft: &Draft) -> Vec<u8> {
    let start = Writer::with_capacity(32).bytes(draft.id.as_bytes()).bytes(&keys::number(draft.recipient));
    start.number(draft.cost().segments).into_bytes()
}

/// What stands there behind it: no attempt yet, and not elsewhere. Of one with media a `true` follows.
pub(super) fn fresh_end() -> Vec<u8> {
    Writer::default().number(0_u8).boolean(false).into_bytes()
}

/// What is open or unknown and not listed; the id is its field.
pub(super) fn unsettled(id: &[u8], entry: &[u8]) -> Result<Unsettled, StoreError> {
    let id: [u8; 16] = id.try_into().map_err(|_| no_id())?;
    let mut from = Reader::new(entry);
    let mut unsettled = Unsettled {
        id: message_id(id)?,
        sender: record::number(&mut from)?,
        recipient: record::number(&mut from)?,
        lane: record::lane(from.number()?)?,
        attempt: from.number()?,
        cost: Cost::sms(from.number()?),
        in_conversation: from.boolean()?,
        begin_by: micros::time(from.number()?),
        deadline: micros::time(from.number()?),
        evidence_until: from.optional(instant)?,
        // An entry of before there were offers ends here.
        not_after: if from.is_empty() { None } else { from.optional(instant)? },
    };
    unsettled.cost.mms = mms(&mut from)?;
    Ok(unsettled)
}

/// The sums of a quarter of an hour: those of each kind whose last one is at or after `from`.
pub(super) fn sums(entry: &[u8], from: Time) -> Result<Vec<Charge>, StoreError> {
    let mut reader = Reader::new(entry);
    let mut sums = Vec::with_capacity(2);
    for mms in [false, true] {
        let (latest, segments, messages) = (reader.number()?, reader.number()?, reader.number()?);
        let sum = Charge { at: micros::time(latest), cost: Cost { segments, messages, mms } };
        if latest > 0 && sum.at >= from {
            sums.push(sum);
        }
    }
    Ok(sums)
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
