//! Attempts: claimed, settled, given up as unknown.

use std::ops::ControlFlow;
use std::time::Duration;

use sendyard_actors::domain::ids::{ClaimId, MessageId, OrganizationId};
use sendyard_actors::domain::message::{
    ByHand, ClaimRefused, ClaimTimes, Message, NotByHand, Settlement, UnknownPolicy,
};
use sendyard_actors::domain::outcome::Acceptance;
use sendyard_actors::domain::pace::Keep;
use sendyard_actors::domain::time::Time;
use sendyard_actors::ports::{Claim, Claimed, Lease, MarkUnknown, Settle, SettleAnswer, StoreError, Waiting};

use super::leases::holds;
use super::{charges, times_of};
use crate::store::indexes::Standing;
use crate::store::rows::{Rows, RowsMut, decode};
use crate::store::{indexes, keys};

/// How far behind a message that is sent again by hand the open one of its conversation can be: each of
/// those in between was listed and is sent again by hand, too.
const LISTED_BEFORE: usize = 64;

/// Outdated charges are looked for with one message in so many of a sender: a look costs as much as
/// half a step.
const FORGET_EVERY: u64 = 16;

/// `claim`.
pub(in crate::store) fn claim(
    rows: &mut dyn RowsMut,
    now: Time,
    claim: &Claim,
) -> Result<Claimed, StoreError> {
    if !holds(rows, &claim.lease, claim.id)? {
        return Ok(Claimed::Stale);
    }
    claim_held(rows, now, claim)
}

/// `claim`, once the lease is checked.
fn claim_held(rows: &mut dyn RowsMut, now: Time, claim: &Claim) -> Result<Claimed, StoreError> {
    let Some(message) = indexes::message(rows, claim.id)? else { return Ok(Claimed::Changed) };
    if message.is_waiting() && message.attempt == claim.expected {
        // C7: the owner need not know every message that waits, so the store looks itself.
        if let Some(head) = earlier_in_conversation(rows, &message)? {
            return Ok(Claimed::NotHead(head));
        }
        if message.overtaken
            && let Some(other) = open_in_conversation(rows, &message)?
        {
            return Ok(Claimed::NotHead(other));
        }
    }
    begin(rows, now, claim, message, Message::claim)
}

/// `claim` of each, in this order. They are of one sender, so mostly of one lease.
pub(in crate::store) fn claim_all(
    rows: &mut dyn RowsMut,
    now: Time,
    claims: &[Claim],
) -> Result<Vec<Claimed>, StoreError> {
    let mut checked: Option<Lease> = None;
    let mut answers = Vec::with_capacity(claims.len());
    for claim in claims {
        let is_held = checked == Some(claim.lease) && claim.lease.shard == claim.id.shard();
        if !is_held && !holds(rows, &claim.lease, claim.id)? {
            answers.push(Claimed::Stale);
            continue;
        }
        checked = Some(claim.lease);
        answers.push(claim_held(rows, now, claim)?);
    }
    Ok(answers)
}

/// `retry`.
pub(in crate::store) fn retry(
    rows: &mut dyn RowsMut,
    now: Time,
    claim: &Claim,
) -> Result<Claimed, StoreError> {
    if !holds(rows, &claim.lease, claim.id)? {
        return Ok(Claimed::Stale);
    }
    let Some(message) = indexes::message(rows, claim.id)? else { return Ok(Claimed::Changed) };
    begin(rows, now, claim, message, Message::retry)
}

/// [`Message::claim`], [`Message::retry`] or [`Message::take`].
pub(super) type Begin = fn(&mut Message, u16, ClaimId, ClaimTimes) -> Result<(), ClaimRefused>;

/// A new attempt, if the transition allows it.
pub(super) fn begin(
    rows: &mut dyn RowsMut,
    now: Time,
    claim: &Claim,
    mut message: Message,
    transition: Begin,
) -> Result<Claimed, StoreError> {
    let before = Standing::of(&message);
    match transition(&mut message, claim.expected, claim.claim_id, times_of(claim, now)) {
        Ok(()) => {
            indexes::store(rows, before, &message, now)?;
            Ok(Claimed::Yes(Box::new(message)))
        }
        Err(ClaimRefused::Already) => Ok(Claimed::Already(Box::new(message))),
        Err(ClaimRefused::Changed) => Ok(Claimed::Changed),
        Err(ClaimRefused::NotDue(due)) => Ok(Claimed::NotDue(due)),
        Err(ClaimRefused::Expired) => Ok(Claimed::Expired),
    }
}

/// What heads the conversation of a message that is in it, unless it does so itself.
fn earlier_in_conversation(rows: &dyn Rows, message: &Message) -> Result<Option<Waiting>, StoreError> {
    if !message.is_in_conversation() {
        return Ok(None);
    }
    let mut head: Option<MessageId> = None;
    rows.scan(&keys::conversation_above(message.draft.conversation(), None), &mut |_, value| {
        head = Some(decode(value)?);
        Ok(ControlFlow::Break(()))
    })?;
    match head.filter(|id| *id != message.draft.id) {
        Some(id) => Ok(indexes::message(rows, id)?.as_ref().map(Waiting::of)),
        None => Ok(None),
    }
}

/// Another message of the conversation that is on its way, or of unknown outcome and not listed. Such
/// a one was the head when it was claimed, so it is not far behind.
fn open_in_conversation(rows: &dyn Rows, message: &Message) -> Result<Option<Waiting>, StoreError> {
    let mut behind: Vec<MessageId> = Vec::new();
    rows.scan(&keys::conversation_above(message.draft.conversation(), None), &mut |_, value| {
        behind.push(decode(value)?);
        let enough = behind.len() > LISTED_BEFORE;
        Ok(if enough { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
    })?;
    for id in behind.into_iter().filter(|id| *id != message.draft.id) {
        if let Some(other) = indexes::message(rows, id)?.filter(Message::is_unsettled) {
            return Ok(Some(Waiting::of(&other)));
        }
    }
    Ok(None)
}

/// `settle` and `requeue`.
pub(in crate::store) fn settle(
    rows: &mut dyn RowsMut,
    now: Time,
    settle: &Settle,
) -> Result<SettleAnswer, StoreError> {
    let Some(mut message) = indexes::message(rows, settle.id)? else { return Ok(SettleAnswer::Known) };
    let before = Standing::of(&message);
    let settlement = settle.settlement.clone();
    let Ok(settled) = message.settle(settle.attempt, settlement, settle.written_at, now) else {
        return Ok(SettleAnswer::Known);
    };
    indexes::store(rows, before, &message, now)?;
    charges::note(rows, &message, settle, settled)?;
    charges::note_rest(rows, &message, settle, settled, now)?;
    if message.seq.is_multiple_of(FORGET_EVERY) {
        charges::forget(rows, message.draft.sender, settle.keep, now)?;
    }
    Ok(SettleAnswer::Done(Box::new(message)))
}

/// `evidence`.
pub(in crate::store) fn evidence(
    rows: &mut dyn RowsMut,
    now: Time,
    id: MessageId,
    attempt: Option<u16>,
    acceptance: &Acceptance,
) -> Result<SettleAnswer, StoreError> {
    let Some(message) = indexes::message(rows, id)? else { return Ok(SettleAnswer::Known) };
    let of = attempt.or_else(|| message.unresolved.first().copied()).unwrap_or(message.attempt);
    let settlement = Settlement::Accepted(acceptance.clone());
    let found = Settle { id, attempt: of, settlement, written_at: None, keep: Keep::EVERYTHING };
    settle(rows, now, &found)
}

/// `settle_by_hand`; `None` for another organization's message, too.
pub(in crate::store) fn settle_by_hand(
    rows: &mut dyn RowsMut,
    now: Time,
    id: MessageId,
    organization: OrganizationId,
    verdict: ByHand,
) -> Result<Option<Result<Box<Message>, NotByHand>>, StoreError> {
    let found = indexes::message(rows, id)?.filter(|message| message.draft.organization == organization);
    let Some(mut message) = found else { return Ok(None) };
    let before = Standing::of(&message);
    if let Err(refused) = message.settle_by_hand(verdict, now) {
        return Ok(Some(Err(refused)));
    }
    indexes::store(rows, before, &message, now)?;
    Ok(Some(Ok(Box::new(message))))
}

/// `mark_unknown`.
pub(in crate::store) fn mark_unknown(
    rows: &mut dyn RowsMut,
    now: Time,
    mark: &MarkUnknown,
) -> Result<SettleAnswer, StoreError> {
    if !holds(rows, &mark.lease, mark.id)? {
        return Ok(SettleAnswer::Stale);
    }
    let Some(mut message) = indexes::message(rows, mark.id)? else { return Ok(SettleAnswer::Known) };
    let Some(open) = message.last_attempt().filter(|last| last.number == mark.attempt) else {
        return Ok(SettleAnswer::Known);
    };
    if now < open.deadline + mark.margin {
        return Ok(SettleAnswer::Known);
    }
    let charged_at = mark.written_at.unwrap_or(open.begin_by + mark.margin);
    // What can be repeated needs no evidence.
    let patience = if message.draft.frozen.is_some() { Duration::ZERO } else { mark.evidence_within };
    let evidence_until = now + patience;
    let before = Standing::of(&message);
    let Ok(settled) = message.mark_unknown(mark.attempt, mark.doubt, evidence_until, charged_at, now) else {
        return Ok(SettleAnswer::Known);
    };
    indexes::store(rows, before, &message, now)?;
    charges::charge(rows, &message, mark.attempt, settled)?;
    Ok(SettleAnswer::Done(Box::new(message)))
}

/// `settle_unknown`.
pub(in crate::store) fn settle_unknown(
    rows: &mut dyn RowsMut,
    now: Time,
    id: MessageId,
    attempt: u16,
    lease: &Lease,
    policy: UnknownPolicy,
) -> Result<SettleAnswer, StoreError> {
    if !holds(rows, lease, id)? {
        return Ok(SettleAnswer::Stale);
    }
    let Some(mut message) = indexes::message(rows, id)? else { return Ok(SettleAnswer::Known) };
    let before = Standing::of(&message);
    if message.settle_unknown(attempt, policy, now).is_err() {
        return Ok(SettleAnswer::Known);
    }
    indexes::store(rows, before, &message, now)?;
    Ok(SettleAnswer::Done(Box::new(message)))
}
