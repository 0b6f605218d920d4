//! Offers: immediate messages passed to their sender's owner through the store.

use sendyard_actors::domain::ids::MessageId;
use sendyard_actors::domain::message::{Draft, Message};
use sendyard_actors::domain::time::Time;
use sendyard_actors::ports::{Appended, Claim, Claimed, SettleAnswer, StoreError};

use super::attempts::begin;
use super::leases::holds;
use crate::store::indexes;
use crate::store::indexes::Standing;
use crate::store::rows::RowsMut;

/// `forward_immediate`.
pub(in crate::store) fn forward_immediate(
    rows: &mut dyn RowsMut,
    now: Time,
    draft: &Draft,
    not_after: Time,
) -> Result<Appended, StoreError> {
    if let Some(there) = indexes::message(rows, draft.id)? {
        return Ok(Appended::Exists(Box::new(there)));
    }
    if now > not_after {
        return Ok(Appended::Late);
    }
    let seq = indexes::sender(rows, draft.sender)?.next_seq;
    let message = Message::offered(draft.clone(), seq, not_after, now);
    indexes::store_one_new(rows, &message)?;
    Ok(Appended::Stored(Box::new(message)))
}

/// `retry` by a process that does not own the sender.
pub(in crate::store) fn forward_again(
    rows: &mut dyn RowsMut,
    now: Time,
    id: MessageId,
    expected: u16,
    not_after: Time,
) -> Result<SettleAnswer, StoreError> {
    let Some(mut message) = indexes::message(rows, id)? else { return Ok(SettleAnswer::Known) };
    let before = Standing::of(&message);
    if message.offer_again(expected, not_after, now).is_err() {
        return Ok(SettleAnswer::Known);
    }
    indexes::store(rows, before, &message, now)?;
    Ok(SettleAnswer::Done(Box::new(message)))
}

/// `take_immediate`.
pub(in crate::store) fn take_immediate(
    rows: &mut dyn RowsMut,
    now: Time,
    claim: &Claim,
) -> Result<Claimed, StoreError> {
    if !holds(rows, &claim.lease, claim.id)? {
        return Ok(Claimed::Stale);
    }
    let Some(message) = indexes::message(rows, claim.id)? else { return Ok(Claimed::Changed) };
    begin(rows, now, claim, message, Message::take)
}

/// `withdraw`.
pub(in crate::store) fn withdraw(
    rows: &mut dyn RowsMut,
    now: Time,
    id: MessageId,
) -> Result<Option<Box<Message>>, StoreError> {
    let Some(mut message) = indexes::message(rows, id)? else { return Ok(None) };
    let before = Standing::of(&message);
    if message.withdraw(now).is_ok() {
        indexes::store(rows, before, &message, now)?;
    }
    Ok(Some(Box::new(message)))
}
