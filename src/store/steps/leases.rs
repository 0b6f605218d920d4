//! Who owns a shard, for how long, and what becomes of a dead owner's attempts.

use std::ops::ControlFlow;
use std::time::Duration;

use sendyard_actors::domain::ids::{Incarnation, MessageId, Shard};
use sendyard_actors::domain::outcome::Doubt;
use sendyard_actors::domain::time::Time;
use sendyard_actors::ports::{Lease, Leased, StoreError, Unsettled};

use super::charges;
use crate::store::indexes::Standing;
use crate::store::rows::{Rows, RowsMut, load, save};
use crate::store::step_store::Owners;
use crate::store::values::{LeaseRow, UnsettledRow};
use crate::store::{indexes, keys};

/// The fence check of a step on message `id`.
pub(super) fn holds(rows: &dyn Rows, lease: &Lease, id: MessageId) -> Result<bool, StoreError> {
    if lease.shard != id.shard() {
        return Ok(false);
    }
    is_current(rows, lease)
}

fn is_current(rows: &dyn Rows, lease: &Lease) -> Result<bool, StoreError> {
    let stored: Option<LeaseRow> = load(rows, &keys::lease(lease.shard))?;
    Ok(stored == Some(LeaseRow { fence: lease.fence, holder: lease.holder }))
}

/// Who asks for a lease, and how.
#[derive(Debug, Clone, Copy)]
pub(in crate::store) struct LeaseAsked {
    pub(in crate::store) shard: Shard,
    pub(in crate::store) holder: Incarnation,
    pub(in crate::store) lease_for: Duration,
    pub(in crate::store) margin: Duration,
    pub(in crate::store) evidence_within: Duration,
    pub(in crate::store) owners: Owners,
}

/// `acquire_lease`. Where only one process can have the store open, whoever held the shard before under
/// another incarnation is dead, and nobody will ever settle its attempts. Where several can, its lease
/// lasts for its time, and its attempts are its own.
pub(in crate::store) fn acquire_lease(
    rows: &mut dyn RowsMut,
    now: Time,
    asked: &LeaseAsked,
) -> Result<Leased, StoreError> {
    let LeaseAsked { shard, holder, .. } = *asked;
    let key = keys::lease(shard);
    let stored: Option<LeaseRow> = load(rows, &key)?;
    if let Some(LeaseRow { fence, .. }) = stored.filter(|row| row.holder == holder) {
        prolong(rows, shard, now + asked.lease_for, asked.owners)?;
        return Ok(Leased::Yours { lease: Lease { shard, fence, holder }, orphans: 0 });
    }
    let until: Option<Time> = load(rows, &keys::lease_end(shard))?;
    if let Some(until) = until.filter(|until| *until > now) {
        return Ok(Leased::TakenUntil(until));
    }
    let fence = stored.map_or(0, |row| row.fence).saturating_add(1);
    save(rows, key, &LeaseRow { fence, holder })?;
    prolong(rows, shard, now + asked.lease_for, asked.owners)?;
    let orphans = match asked.owners {
        Owners::One => mark_orphans(rows, now, asked)?,
        Owners::Many => 0,
    };
    Ok(Leased::Yours { lease: Lease { shard, fence, holder }, orphans })
}

/// `renew_lease`.
pub(in crate::store) fn renew_lease(
    rows: &mut dyn RowsMut,
    now: Time,
    lease: &Lease,
    lease_for: Duration,
    owners: Owners,
) -> Result<bool, StoreError> {
    if !is_current(rows, lease)? {
        return Ok(false);
    }
    prolong(rows, lease.shard, now + lease_for, owners)?;
    Ok(true)
}

/// `release_lease`.
pub(in crate::store) fn release_lease(
    rows: &mut dyn RowsMut,
    lease: &Lease,
    owners: Owners,
) -> Result<(), StoreError> {
    if !is_current(rows, lease)? {
        return Ok(());
    }
    prolong(rows, lease.shard, Time::ZERO, owners)
}

/// Sets a lease's end. It has none where nobody else can ask.
fn prolong(rows: &mut dyn RowsMut, shard: Shard, until: Time, owners: Owners) -> Result<(), StoreError> {
    match owners {
        Owners::One => Ok(()),
        Owners::Many => save(rows, keys::lease_end(shard), &until),
    }
}

fn mark_orphans(rows: &mut dyn RowsMut, now: Time, asked: &LeaseAsked) -> Result<u32, StoreError> {
    let LeaseAsked { shard, holder, margin, evidence_within, .. } = *asked;
    let mut unsettled = Vec::new();
    rows.scan(&keys::unsettled_of_shard(shard), &mut |_, value| {
        unsettled.push(Unsettled::from(UnsettledRow::decode(value)?));
        Ok(ControlFlow::Continue(()))
    })?;

    let mut orphans = 0;
    for Unsettled { id, attempt, .. } in unsettled {
        let Some(mut message) = indexes::message(rows, id)? else { continue };
        let Some(last) = message.last_attempt() else { continue };
        if last.claim_id.incarnation == holder {
            continue;
        }
        let patience = if message.draft.frozen.is_some() { Duration::ZERO } else { evidence_within };
        let evidence_until = now.max(last.deadline + margin) + patience;
        let before = Standing::of(&message);
        let Ok(settled) = message.mark_unknown(attempt, Doubt::ProcessGone, evidence_until, now, now) else {
            continue;
        };
        indexes::store(rows, before, &message, now)?;
        charges::charge(rows, &message, attempt, settled)?;
        orphans += 1;
    }
    Ok(orphans)
}
