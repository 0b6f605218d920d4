//! What hand-overs cost of their sender's pace: noted one by one, and added up once that is enough.
//!
//! A sliding window needs each hand-over; the days of a calendar only need their sums, and may need those
//! of a month. So what is outdated for every sliding window is added up by quarters of an hour of UTC, in
//! the step that removes it: each counts once at any time, nothing is added while a message is settled,
//! and a start reads a few thousand sums at most. The days of all zones consist of whole quarters.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::ops::ControlFlow;

use sendyard_actors::domain::message::{Message, Settled, Settlement};
use sendyard_actors::domain::outcome::Acceptance;
use sendyard_actors::domain::pace::Keep;
use sendyard_actors::domain::phone::E164;
use sendyard_actors::domain::time::Time;
use sendyard_actors::ports::{Charge, SUMS_KEPT, Settle, StoreError};

use crate::store::keys::{KeyBytes, Span};
use crate::store::rows::{RowsMut, encode, load, save};
use crate::store::values::{ChargeRow, SumRow};
use crate::store::{keys, queries};

/// How many outdated rows a step removes at most. More than come until the next look, so few are left.
const REMOVED: usize = 64;

/// Notes what an attempt cost of its sender's pace, if this step brings that to the record and anything
/// looks back.
pub(super) fn note(
    rows: &mut dyn RowsMut,
    message: &Message,
    settle: &Settle,
    settled: Settled,
) -> Result<(), StoreError> {
    if settle.keep == Keep::NOTHING {
        return Ok(());
    }
    charge(rows, message, settle.attempt, settled)
}

/// The same, whatever looks back.
pub(super) fn charge(
    rows: &mut dyn RowsMut,
    message: &Message,
    attempt: u16,
    settled: Settled,
) -> Result<(), StoreError> {
    let Some(at) = settled.charged_at else { return Ok(()) };
    let key = keys::charge(message.draft.sender, at, message.seq, attempt);
    rows.put_new(key, encode(&ChargeRow::from(message.cost()))?)
}

/// An attempt that was charged when it was marked unknown was charged by our own count. What the provider
/// counted beyond that is known only now, and counts now.
pub(super) fn note_rest(
    rows: &mut dyn RowsMut,
    message: &Message,
    settle: &Settle,
    settled: Settled,
    now: Time,
) -> Result<(), StoreError> {
    let Settlement::Accepted(Acceptance { segments: Some(counted), .. }) = settle.settlement else {
        return Ok(());
    };
    let ours = message.draft.cost();
    let rest = u32::from(counted).saturating_sub(ours.segments);
    if settled.charged_at.is_some() || rest == 0 {
        return Ok(());
    }
    let row = ChargeRow::from(ours.more(rest));
    save(rows, keys::charge(message.draft.sender, now, message.seq, settle.attempt), &row)
}

/// Adds up what need not be known one by one any more, and forgets sums that nothing needs.
pub(super) fn forget(rows: &mut dyn RowsMut, sender: E164, keep: Keep, now: Time) -> Result<(), StoreError> {
    if keep == Keep::NOTHING {
        return Ok(());
    }
    let mut outdated: Vec<(KeyBytes, Charge)> = Vec::new();
    rows.scan(&keys::charges_before(sender, keep.each_from), &mut |key, value| {
        outdated.push((KeyBytes::from_slice(key), queries::charge(key, value)?));
        let enough = outdated.len() >= REMOVED;
        Ok(if enough { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
    })?;
    let mut begins_a_quarter = false;
    let mut quarters: BTreeMap<KeyBytes, SumRow> = BTreeMap::new();
    for (key, charge) in outdated {
        rows.remove(&key)?;
        let quarter = keys::sum(sender, charge.at);
        let sums = match quarters.entry(quarter) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(unknown) => {
                let stored = load(rows, unknown.key())?;
                begins_a_quarter |= stored.is_none();
                unknown.insert(stored.unwrap_or_default())
            }
        };
        sums.add(charge);
    }
    for (quarter, sums) in quarters {
        save(rows, quarter, &sums)?;
    }
    // Not each time: there is one more to go with each new one.
    if begins_a_quarter {
        let sums_from = keep.sums_from.min(now - SUMS_KEPT);
        remove_some(rows, &keys::sums_before(sender, sums_from))?;
    }
    Ok(())
}

fn remove_some(rows: &mut dyn RowsMut, span: &Span) -> Result<(), StoreError> {
    let mut found = Vec::new();
    rows.scan(span, &mut |key, _| {
        found.push(KeyBytes::from_slice(key));
        let enough = found.len() >= REMOVED;
        Ok(if enough { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
    })?;
    for key in found {
        rows.remove(&key)?;
    }
    Ok(())
}
