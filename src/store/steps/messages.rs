//! Messages as clients see them: stored, called back.

use std::time::Duration;

use sendyard_actors::domain::ids::{MessageId, OrganizationId};
use sendyard_actors::domain::message::{Answer, Cancelled, Draft, Message, Shown};
use sendyard_actors::domain::time::Time;
use sendyard_actors::ports::{Append, Appended, Claim, EstimateRule, StoreError};

use super::leases::holds;
use super::times_of;
use crate::store::indexes;
use crate::store::indexes::Standing;
use crate::store::rows::RowsMut;
use crate::store::sums::Sums;

/// `append`.
pub(in crate::store) fn append(
    rows: &mut dyn RowsMut,
    now: Time,
    append: &Append,
) -> Result<Appended, StoreError> {
    let mut sums = Sums::default();
    let appended = append_to(rows, &mut sums, now, append)?;
    sums.save(rows)?;
    Ok(appended)
}

fn append_to(
    rows: &mut dyn RowsMut,
    sums: &mut Sums,
    now: Time,
    append: &Append,
) -> Result<Appended, StoreError> {
    let draft = &append.draft;
    if let Some(there) = indexes::message(rows, draft.id)? {
        return Ok(Appended::Exists(Box::new(there)));
    }
    if now > append.request_until {
        return Ok(Appended::Late);
    }
    let sender = sums.sender(rows, draft.sender)?;
    let estimate = estimate(append.estimate, sender.units).max(append.not_before);
    if draft.expires_at.is_some_and(|end| end <= estimate) {
        return Ok(Appended::TooLate(estimate));
    }
    let is_later = append.not_before > now;
    let ahead = if is_later { indexes::scheduled(rows, draft.sender)? } else { sender.depth };
    if ahead >= append.depth_limit {
        return Ok(Appended::Full);
    }
    let answer = Answer { position: ahead.saturating_add(1), estimate };
    let (draft, seq) = (draft.clone(), sender.next_seq);
    let message = if is_later {
        Message::scheduled(draft, seq, answer, append.not_before, now)
    } else {
        Message::queued(draft, seq, answer, now)
    };
    indexes::store_new(rows, sums, &message)?;
    Ok(Appended::Stored(Box::new(message)))
}

/// `append_all`.
pub(in crate::store) fn append_all(
    rows: &mut dyn RowsMut,
    now: Time,
    appends: &[Append],
) -> Result<Vec<Appended>, StoreError> {
    let mut sums = Sums::default();
    let each = appends.iter().map(|one| append_to(rows, &mut sums, now, one));
    let answers = each.collect::<Result<_, _>>()?;
    sums.save(rows)?;
    Ok(answers)
}

fn estimate(rule: EstimateRule, units_ahead: u64) -> Time {
    let nanos_per_unit = u64::try_from(rule.per_unit.as_nanos()).unwrap_or(u64::MAX);
    rule.from + Duration::from_nanos(nanos_per_unit.saturating_mul(units_ahead))
}

/// `append_sending`; `None` if the lease is over.
pub(in crate::store) fn append_sending(
    rows: &mut dyn RowsMut,
    now: Time,
    draft: &Draft,
    claim: &Claim,
    request_until: Time,
) -> Result<Option<Appended>, StoreError> {
    // Before the fence: a repeat of what has landed must not be told that it has not.
    if let Some(there) = indexes::message(rows, draft.id)? {
        return Ok(Some(Appended::Exists(Box::new(there))));
    }
    if !holds(rows, &claim.lease, draft.id)? {
        return Ok(None);
    }
    if now > request_until {
        return Ok(Some(Appended::Late));
    }
    let seq = indexes::sender(rows, draft.sender)?.next_seq;
    let message = Message::born_sending(draft.clone(), seq, claim.claim_id, times_of(claim, now));
    indexes::store_one_new(rows, &message)?;
    Ok(Some(Appended::Stored(Box::new(message))))
}

/// `cancel`.
pub(in crate::store) fn cancel(
    rows: &mut dyn RowsMut,
    now: Time,
    id: MessageId,
    organization: OrganizationId,
) -> Result<Option<(Cancelled, Shown)>, StoreError> {
    let Some(mut message) = indexes::message(rows, id)? else { return Ok(None) };
    if message.draft.organization != organization {
        return Ok(None);
    }
    let before = Standing::of(&message);
    let cancelled = message.cancel(now);
    match cancelled {
        Cancelled::Done => indexes::store(rows, before, &message, now)?,
        Cancelled::Before | Cancelled::TooLate(_) => {}
    }
    Ok(Some((cancelled, message.shown())))
}
