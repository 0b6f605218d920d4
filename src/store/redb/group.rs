//! Rows of a redb table: as a reader sees them, and as a group of steps changes them.

use std::collections::HashMap;
use std::ops::{Bound, ControlFlow};

use ::redb::{ReadOnlyTable, ReadableTable, Table, WriteTransaction};
use sendyard_actors::ports::StoreError;

use super::file::{ROWS, failed};
use crate::store::keys::{Space, Span};
use crate::store::rows::{Rows, RowsMut, Visit};

/// The rows at one durable state.
pub(super) struct ReadRows(pub(super) ReadOnlyTable<&'static [u8], &'static [u8]>);

impl Rows for ReadRows {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        get(&self.0, key)
    }

    fn scan(&self, span: &Span, visit: &mut Visit<'_>) -> Result<(), StoreError> {
        scan(&self.0, span, visit)
    }
}

/// The rows as the steps of one group leave them, one after the other.
pub(super) struct GroupRows<'txn> {
    table: Table<'txn, &'static [u8], &'static [u8]>,
    /// Hot rows, held back until [`GroupRows::finish`]. Scans do not see them; none needs to.
    hot: HashMap<Vec<u8>, Vec<u8>>,
}

impl<'txn> GroupRows<'txn> {
    pub(super) fn open(transaction: &'txn WriteTransaction) -> Result<Self, StoreError> {
        Ok(Self { table: transaction.open_table(ROWS).map_err(failed)?, hot: HashMap::new() })
    }

    /// Writes what was held back.
    pub(super) fn finish(mut self) -> Result<(), StoreError> {
        for (key, value) in self.hot {
            self.table.insert(key.as_slice(), value.as_slice()).map_err(failed)?;
        }
        Ok(())
    }
}

impl Rows for GroupRows<'_> {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        match self.hot.get(key) {
            Some(value) => Ok(Some(value.clone())),
            None => get(&self.table, key),
        }
    }

    fn scan(&self, span: &Span, visit: &mut Visit<'_>) -> Result<(), StoreError> {
        scan(&self.table, span, visit)
    }
}

impl RowsMut for GroupRows<'_> {
    fn put(&mut self, key: Vec<u8>, value: Vec<u8>) -> Result<(), StoreError> {
        if Space::is_hot(&key) {
            self.hot.insert(key, value);
        } else {
            self.table.insert(key.as_slice(), value.as_slice()).map_err(failed)?;
        }
        Ok(())
    }

    fn remove(&mut self, key: &[u8]) -> Result<(), StoreError> {
        self.hot.remove(key);
        self.table.remove(key).map_err(failed)?;
        Ok(())
    }
}

fn get(
    table: &impl ReadableTable<&'static [u8], &'static [u8]>,
    key: &[u8],
) -> Result<Option<Vec<u8>>, StoreError> {
    let value = table.get(key).map_err(failed)?;
    Ok(value.map(|value| value.value().to_vec()))
}

fn scan(
    table: &impl ReadableTable<&'static [u8], &'static [u8]>,
    span: &Span,
    visit: &mut Visit<'_>,
) -> Result<(), StoreError> {
    if span.from >= span.below {
        return Ok(());
    }
    let bounds = (Bound::Included(span.from.as_slice()), Bound::Excluded(span.below.as_slice()));
    for row in table.range::<&[u8]>(bounds).map_err(failed)? {
        let (key, value) = row.map_err(failed)?;
        if visit(key.value(), value.value())? == ControlFlow::Break(()) {
            break;
        }
    }
    Ok(())
}
