//! The table of rows as a reader sees it, with what spares most look-ups of fresh messages: the last message in it.
//!
//! Ids grow with time, so a message that is being stored is behind all that are folded, as a rule. What is behind
//! the last one is not there, and need not be looked for through all levels of the table.

use std::ops::RangeBounds;

use ::redb::{AccessGuard, Range, ReadOnlyTable, StorageError};

use super::sort_key::SortKey;
use crate::store::keys;

/// The table as it was when its reader began.
pub(super) struct Table {
    rows: ReadOnlyTable<&'static [u8], &'static [u8]>,
    last_message: Option<SortKey>,
}

impl Table {
    pub(super) fn new(rows: ReadOnlyTable<&'static [u8], &'static [u8]>) -> Result<Self, StorageError> {
        let messages = keys::messages();
        let last =
            rows.range(messages.from.as_slice()..messages.below.as_slice())?.next_back().transpose()?;
        let last_message = last.map(|(key, _)| SortKey::new(key.value()));
        Ok(Self { rows, last_message })
    }

    /// The value under a key, and the same key.
    pub(super) fn get(
        &self,
        key: &[u8],
        same: &SortKey,
    ) -> Result<Option<AccessGuard<'static, &'static [u8]>>, StorageError> {
        if keys::is_message(key) && self.last_message.as_ref().is_none_or(|last| same > last) {
            return Ok(None);
        }
        self.rows.get(key)
    }

    pub(super) fn range<'a>(
        &self,
        bounds: impl RangeBounds<&'a [u8]> + 'a,
    ) -> Result<Range<'static, &'static [u8], &'static [u8]>, StorageError> {
        self.rows.range::<&[u8]>(bounds)
    }
}

#[cfg(test)]
mod tests {
    use ::redb::backends::InMemoryBackend;
    use ::redb::{Database, ReadableDatabase, TableDefinition};

    use super::*;

    const ROWS: TableDefinition<'_, &[u8], &[u8]> = TableDefinition::new("rows");

    /// A table with these keys.
    fn table(keys: &[&[u8]]) -> Table {
        let database = Database::builder().create_with_backend(InMemoryBackend::new()).unwrap();
        let transaction = database.begin_write().unwrap();
        {
            let mut rows = transaction.open_table(ROWS).unwrap();
            for key in keys {
                rows.insert(*key, *key).unwrap();
            }
        }
        transaction.commit().unwrap();
        Table::new(database.begin_read().unwrap().open_table(ROWS).unwrap()).unwrap()
    }

    #[test]
    fn every_row_is_found_the_last_message_and_what_is_no_message_too() {
        let all: [&[u8]; 5] = [&[1, 3], &[1, 5], &[1, 7, 1], &[2], &[9, 1]];
        let has = |table: &Table, key: &[u8]| table.get(key, &SortKey::new(key)).unwrap().is_some();
        let whole = table(&all);
        assert!(all.iter().all(|key| has(&whole, key)));
        for key in [&[1, 4][..], &[1, 7], &[1, 7, 2], &[1, 9], &[3]] {
            assert!(!has(&whole, key), "{key:?}");
        }
        let without_messages = table(&[&[2], &[9]]);
        assert!(has(&without_messages, &[2]) && !has(&without_messages, &[1, 1]));
    }
}
