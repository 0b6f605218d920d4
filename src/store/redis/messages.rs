//! The steps on one message, each one call of its script.

use sendyard_actors::domain::ids::{MessageId, OrganizationId};
use sendyard_actors::domain::message::{
    AttemptResult, ByHand, Cancelled, Draft, Message, NotByHand, Settlement, Shown, UnknownPolicy, repeat,
};
use sendyard_actors::domain::outcome::{Acceptance, Next};
use sendyard_actors::domain::pace::Keep;
use sendyard_actors::domain::time::Time;
use sendyard_actors::ports::{Appended, Claim, Lease, MarkUnknown, Settle, SettleAnswer, StoreError};

use super::call::{Call, Reply};
use super::link::Link;
use super::{keys, micros, record, scripts};
use crate::store::references;

/// `append_sending`; a stale lease is said as a step that was not done.
pub(super) async fn append_sending(
    link: Link,
    draft: Draft,
    claim: Claim,
    request_until: Time,
) -> Result<Appended, StoreError> {
    let stale = || StoreError::Unavailable("the lease of the sender's shard is over".to_owned());
    let id = draft.id;
    let call = link.call(&scripts::APPEND_SENDING, &keys::message(id)).arg(micros::down(request_until));
    let call = with_lease(call, &claim.lease, id)
        .arg(record::claim_bytes(claim.claim_id))
        .span(claim.begin_within)
        .span(claim.answer_within);
    let mut reply = with_draft(call, &draft)?.write().await?;
    match reply.bytes()?.as_slice() {
        b"stored" => Ok(Appended::Stored(changed(id, &mut reply)?)),
        b"exists" => Ok(Appended::Exists(message(id, &mut reply)?)),
        b"late" => Ok(Appended::Late),
        b"stale" => Err(stale()),
        _ => Err(reply.unexpected("an unknown word")),
    }
}

/// `forward_immediate`.
pub(super) async fn forward_immediate(
    link: Link,
    draft: Draft,
    not_after: Time,
) -> Result<Appended, StoreError> {
    let id = draft.id;
    let call = link.call(&scripts::FORWARD_IMMEDIATE, &keys::message(id)).arg(micros::down(not_after));
    let mut reply = with_draft(call, &draft)?.write().await?;
    match reply.bytes()?.as_slice() {
        b"stored" => Ok(Appended::Stored(changed(id, &mut reply)?)),
        b"exists" => Ok(Appended::Exists(message(id, &mut reply)?)),
        b"late" => Ok(Appended::Late),
        _ => Err(reply.unexpected("an unknown word")),
    }
}

/// `forward_again`.
pub(super) async fn forward_again(
    link: Link,
    id: MessageId,
    expected: u16,
    not_after: Time,
) -> Result<SettleAnswer, StoreError> {
    let call = link.call(&scripts::FORWARD_AGAIN, &keys::message(id));
    settle_answer(id, call.arg(expected).arg(micros::down(not_after)).write().await?)
}

/// `withdraw`.
pub(super) async fn withdraw(link: Link, id: MessageId) -> Result<Option<Box<Message>>, StoreError> {
    let mut reply = link.call(&scripts::WITHDRAW, &keys::message(id)).write().await?;
    match reply.bytes()?.as_slice() {
        b"found" => Ok(Some(changed(id, &mut reply)?)),
        b"none" => Ok(None),
        _ => Err(reply.unexpected("an unknown word")),
    }
}

/// `settle`.
pub(super) async fn settle(link: Link, settle: Settle) -> Result<SettleAnswer, StoreError> {
    let Settle { id, attempt, settlement, written_at, keep } = settle;
    settled(link, id, Some(attempt), settlement, written_at, keep).await
}

/// `evidence`.
pub(super) async fn evidence(
    link: Link,
    id: MessageId,
    attempt: Option<u16>,
    acceptance: Acceptance,
) -> Result<SettleAnswer, StoreError> {
    settled(link, id, attempt, Settlement::Accepted(acceptance), None, Keep::EVERYTHING).await
}

async fn settled(
    link: Link,
    id: MessageId,
    attempt: Option<u16>,
    settlement: Settlement,
    written_at: Option<Time>,
    keep: Keep,
) -> Result<SettleAnswer, StoreError> {
    let what = match &settlement {
        Settlement::Accepted(_) => "accepted",
        Settlement::Refused { .. } => "refused",
        Settlement::NeverBegun { .. } => "never_begun",
    };
    let result = match &settlement {
        Settlement::Accepted(_) => AttemptResult::Accepted,
        Settlement::Refused { refusal, .. } => {
            AttemptResult::Refused { class: refusal.class, code: refusal.code.clone() }
        }
        Settlement::NeverBegun { .. } => AttemptResult::NeverBegun,
    };
    let looks_back = keep != Keep::NOTHING;
    let call = link
        .call(&scripts::SETTLE, &keys::message(id))
        .optional(attempt)
        .arg(what)
        .optional(written_at.map(micros::up))
        .optional(looks_back.then(|| micros::down(keep.each_from)))
        .optional(looks_back.then(|| micros::down(keep.sums_from)))
        .arg(record::opaque(&result)?);
    let call =
        match settlement {
            Settlement::Accepted(acceptance) => {
                call.arg(acceptance.provider_id).arg(acceptance.provider_status).optional(acceptance.segments)
            }
            Settlement::Refused { refusal, next } => {
                let due = match next {
                    Next::Retry { due } => Some(micros::up(due)),
                    Next::GiveUp => None,
                };
                call.arg(record::opaque(&refusal)?)
                    .optional(due)
                    .arg(if refusal.class.may_pass_elsewhere(next) { "1" } else { "" })
            }
            Settlement::NeverBegun { due } => call.time(due),
        };
    settle_answer(id, call.write().await?)
}

/// `mark_unknown`.
pub(super) async fn mark_unknown(link: Link, mark: MarkUnknown) -> Result<SettleAnswer, StoreError> {
    let reply = with_lease(link.call(&scripts::MARK_UNKNOWN, &keys::message(mark.id)), &mark.lease, mark.id)
        .arg(mark.attempt)
        .optional(mark.written_at.map(micros::up))
        .span(mark.margin)
        .span(mark.evidence_within)
        .arg(record::opaque(&AttemptResult::Unknown(mark.doubt))?)
        .write()
        .await?;
    settle_answer(mark.id, reply)
}

/// `settle_unknown`.
pub(super) async fn settle_unknown(
    link: Link,
    id: MessageId,
    attempt: u16,
    lease: Lease,
    policy: UnknownPolicy,
) -> Result<SettleAnswer, StoreError> {
    let policy = match policy {
        UnknownPolicy::Resend => "resend",
        UnknownPolicy::Hold => "hold",
    };
    let reply = with_lease(link.call(&scripts::SETTLE_UNKNOWN, &keys::message(id)), &lease, id)
        .arg(attempt)
        .arg(policy)
        .span(repeat::WITHIN)
        .span(repeat::FIRST_WAIT)
        .span(repeat::LONGEST_WAIT)
        .write()
        .await?;
    settle_answer(id, reply)
}

pub(super) fn settle_answer(id: MessageId, mut reply: Reply) -> Result<SettleAnswer, StoreError> {
    match reply.bytes()?.as_slice() {
        b"done" => Ok(SettleAnswer::Done(changed(id, &mut reply)?)),
        b"known" => Ok(SettleAnswer::Known),
        b"stale" => Ok(SettleAnswer::Stale),
        _ => Err(reply.unexpected("an unknown word")),
    }
}

/// `settle_by_hand`.
pub(super) async fn settle_by_hand(
    link: Link,
    id: MessageId,
    organization: OrganizationId,
    verdict: ByHand,
) -> Result<Option<Result<Box<Message>, NotByHand>>, StoreError> {
    let verdict = match verdict {
        ByHand::Sent => "sent",
        ByHand::Failed => "failed",
        ByHand::Retry => "retry",
    };
    let call = link.call(&scripts::SETTLE_BY_HAND, &keys::message(id));
    let mut reply = call.arg(organization.0).arg(verdict).write().await?;
    match reply.bytes()?.as_slice() {
        b"done" => Ok(Some(Ok(changed(id, &mut reply)?))),
        b"none" => Ok(None),
        b"known" => Ok(Some(Err(NotByHand::Known))),
        b"under_way" => Ok(Some(Err(NotByHand::UnderWay))),
        b"immediate" => Ok(Some(Err(NotByHand::Immediate))),
        _ => Err(reply.unexpected("an unknown word")),
    }
}

/// `cancel`.
pub(super) async fn cancel(
    link: Link,
    id: MessageId,
    organization: OrganizationId,
) -> Result<Option<(Cancelled, Shown)>, StoreError> {
    let mut reply = link.call(&scripts::CANCEL, &keys::message(id)).arg(organization.0).write().await?;
    let word = reply.bytes()?;
    if word == b"none" {
        return Ok(None);
    }
    let shown = match reply.next::<u8>()? {
        0 => Shown::Queued,
        1 => Shown::Sending,
        2 => Shown::Sent,
        3 => Shown::Failed,
        4 => Shown::Cancelled,
        _ => return Err(reply.unexpected("an unknown state")),
    };
    match word.as_slice() {
        b"done" => Ok(Some((Cancelled::Done, shown))),
        b"before" => Ok(Some((Cancelled::Before, shown))),
        b"too_late" => Ok(Some((Cancelled::TooLate(shown), shown))),
        _ => Err(reply.unexpected("an unknown word")),
    }
}

/// A record that the step found.
pub(super) fn message(id: MessageId, reply: &mut Reply) -> Result<Box<Message>, StoreError> {
    record::decode(id, &reply.bytes()?).map(Box::new)
}

/// A record as the step left it. The step is done, so one that cannot be read is no word of its refusal.
pub(super) fn changed(id: MessageId, reply: &mut Reply) -> Result<Box<Message>, StoreError> {
    message(id, reply).map_err(|_| reply.unexpected("a record that cannot be read"))
}

pub(super) fn with_lease(call: Call, lease: &Lease, id: MessageId) -> Call {
    // A lease of another shard is no lease of this one, so it must not pass for one.
    let fence = if lease.shard == id.shard() { lease.fence } else { 0 };
    call.arg(fence).arg(holder(lease))
}

/// A holder as the scripts compare it.
pub(super) fn holder(lease: &Lease) -> Vec<u8> {
    lease.holder.0.to_be_bytes().to_vec()
}

/// What the scripts make a fresh record of.
pub(super) fn with_draft(call: Call, draft: &Draft) -> Result<Call, StoreError> {
    let fallback = draft.fallback.as_ref();
    let provider_there = fallback.map(|fallback| record::provider_code(fallback.to.provider));
    let frozen_there = fallback.and_then(|fallback| fallback.frozen.as_ref());
    let flag = |is_set| if is_set { "1" } else { "" };
    Ok(call
        .arg(keys::number(draft.sender).as_slice())
        .arg(keys::number(draft.recipient).as_slice())
        .arg(keys::lane_number(draft.lane))
        .arg(record::kind_code(draft.kind))
        .arg(draft.organization.0)
        .arg(record::provider_code(draft.provider))
        .arg(draft.cost().segments)
        .arg(flag(draft.frozen.is_some()))
        .optional(provider_there)
        .arg(flag(frozen_there.is_some()))
        .arg(flag(draft.cost().mms))
        .arg(record::rest_of(draft)?)
        .optional(draft.expires_at.map(micros::down))
        .optional(references::place_of_draft(draft).as_ref().map(references::Place::as_slice)))
}
