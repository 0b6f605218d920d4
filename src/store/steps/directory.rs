//! What is applied of the directory.

use sendyard_actors::domain::applied::Applied;
use sendyard_actors::ports::StoreError;

use crate::store::rows::{Rows, RowsMut};
use crate::store::{applied, keys};

/// `directory`.
pub(in crate::store) fn directory(rows: &dyn Rows, known: u64) -> Result<Option<Applied>, StoreError> {
    let Some(bytes) = rows.get(&keys::directory())? else { return Ok(None) };
    if applied::generation(&bytes) == known {
        return Ok(None);
    }
    applied::decode(&bytes).map(Some)
}

/// `apply_directory`. Of the record that is there already, the answer is that of the first time.
pub(in crate::store) fn apply_directory(
    rows: &mut dyn RowsMut,
    directory: &Applied,
) -> Result<bool, StoreError> {
    let record = applied::encode(directory)?;
    let key = keys::directory();
    let stored = rows.get(&key)?;
    if stored.as_deref() == Some(record.as_slice()) {
        return Ok(true);
    }
    let before = stored.as_deref().map_or(0, applied::generation);
    if directory.generation != before.saturating_add(1) {
        return Ok(false);
    }
    rows.put(key, record)?;
    Ok(true)
}
