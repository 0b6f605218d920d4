//! Who owns a shard, and what becomes of a dead owner's attempts.

use std::ops::ControlFlow;
use std::time::Duration;

use sendyard_actors::domain::ids::{Incarnation, MessageId, Shard};
use sendyard_actors::domain::outcome::Doubt;
use sendyard_actors::domain::time::Time;
use sendyard_actors::ports::{Lease, Leased, StoreError, Unsettled};

use super::attempts::charge;
use crate::store::indexes::Standing;
use crate::store::keys::{LeaseRow, UnsettledRow};
use crate::store::rows::{Rows, RowsMut, decode, load, save};
use crate::store::{indexes, keys};

/// The fence check of a step on message `id`.
pub(super) fn holds(rows: &dyn Rows, lease: &Lease, id: MessageId) -> Result<bool, StoreError> {
    if lease.shard != id.shard() {
        return Ok(false);
    }
    let stored: Option<LeaseRow> = load(rows, &keys::lease(lease.shard))?;
    Ok(stored == Some(LeaseRow { fence: lease.fence, holder: lease.holder }))
}

/// `acquire_lease`. Only one process can have these stores open, so whoever held the shard before
/// under another incarnation is dead, and nobody will ever settle its attempts.
pub(in crate::store) fn acquire_lease(
    rows: &mut dyn RowsMut,
    now: Time,
    shard: Shard,
    holder: Incarnation,
    margin: Duration,
    evidence_within: Duration,
) -> Result<Leased, StoreError> {
    let key = keys::lease(shard);
    let stored: Option<LeaseRow> = load(rows, &key)?;
    if let Some(LeaseRow { fence, .. }) = stored.filter(|row| row.holder == holder) {
        return Ok(Leased::Yours { lease: Lease { shard, fence, holder }, orphans: 0 });
    }
    let fence = stored.map_or(0, |row| row.fence).saturating_add(1);
    save(rows, key, &LeaseRow { fence, holder })?;
    let orphans = mark_orphans(rows, now, shard, holder, margin, evidence_within)?;
    Ok(Leased::Yours { lease: Lease { shard, fence, holder }, orphans })
}

fn mark_orphans(
    rows: &mut dyn RowsMut,
    now: Time,
    shard: Shard,
    holder: Incarnation,
    margin: Duration,
    evidence_within: Duration,
) -> Result<u32, StoreError> {
    let mut unsettled = Vec::new();
    rows.scan(&keys::unsettled_of_shard(shard), &mut |_, value| {
        unsettled.push(Unsettled::from(decode::<UnsettledRow>(value)?));
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
        charge(rows, &message, attempt, settled)?;
        orphans += 1;
    }
    Ok(orphans)
}
