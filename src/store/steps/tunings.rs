//! What is set of a sender by hand.

use sendyard_actors::domain::ids::Shard;
use sendyard_actors::domain::phone::E164;
use sendyard_actors::domain::shard_set::ShardSet;
use sendyard_actors::domain::tuning::Tuning;
use sendyard_actors::ports::StoreError;

use crate::store::rows::{Rows, RowsMut, load, save};
use crate::store::{keys, tuning};

/// `tuning`.
pub(in crate::store) fn tuning_of(rows: &dyn Rows, sender: E164) -> Result<Option<Tuning>, StoreError> {
    rows.get(&keys::tuning(sender))?.as_deref().map(tuning::decode).transpose()
}

/// `tune`. Of the record that is there already, the answer is that of the first time.
pub(in crate::store) fn tune(
    rows: &mut dyn RowsMut,
    sender: E164,
    record: &Tuning,
) -> Result<bool, StoreError> {
    let stored = tuning_of(rows, sender)?;
    if stored.as_ref() == Some(record) {
        return Ok(true);
    }
    let before = stored.map_or(0, |stored| stored.generation);
    if record.generation != before.saturating_add(1) {
        return Ok(false);
    }
    rows.put(keys::tuning(sender), tuning::encode(record)?)?;
    let counter = keys::tunings(Shard::of(sender));
    let times: u64 = load(rows, &counter)?.unwrap_or_default();
    save(rows, counter, &times.saturating_add(1))?;
    Ok(true)
}

/// `tunings`.
pub(in crate::store) fn tunings(rows: &dyn Rows, shards: ShardSet) -> Result<Vec<(Shard, u64)>, StoreError> {
    let mut tuned = Vec::new();
    for shard in shards.iter() {
        if let Some(times) = load(rows, &keys::tunings(shard))? {
            tuned.push((shard, times));
        }
    }
    Ok(tuned)
}
