//! One fold: what many groups changed, written into the table in one durable transaction.
//!
//! A [`Fold`] owns what it needs, so that it can be made beside the writer, on a thread of its own.

use std::sync::Arc;

use ::redb::{Database, Durability, WriteTransaction};
use sendyard_actors::ports::StoreError;

use super::changes::Changes;
use super::file::{ROWS, failed};
use super::merge::merge;
use crate::store::keys;
use crate::store::rows::encode;

/// A fold to be made. While it lives the database stays open.
pub(super) struct Fold {
    database: Arc<Database>,
    changes: Arc<Changes>,
    /// The number of the last group that is in it.
    number: u64,
}

impl Fold {
    pub(super) fn new(database: &Arc<Database>, changes: &Arc<Changes>, number: u64) -> Self {
        Self { database: Arc::clone(database), changes: Arc::clone(changes), number }
    }

    /// Makes it. When this returns `Ok` it is durable.
    pub(super) fn make(self) -> Result<(), StoreError> {
        make(&self.database, &self.changes, self.number)
    }
}

/// Writes the changes of the groups up to `number` into the table, durably when this returns.
pub(super) fn make(database: &Database, changes: &Changes, number: u64) -> Result<(), StoreError> {
    let transaction = begin_durable(database)?;
    {
        let mut table = transaction.open_table(ROWS).map_err(failed)?;
        merge(&mut table, changes.iter())?;
        let number = encode(&number)?;
        table.insert(keys::group().as_slice(), number.as_slice()).map_err(failed)?;
    }
    transaction.commit().map_err(failed)
}

/// A transaction that is durable when its commit returns.
pub(super) fn begin_durable(database: &Database) -> Result<WriteTransaction, StoreError> {
    let mut transaction = database.begin_write().map_err(failed)?;
    transaction
        .set_durability(Durability::Immediate)
        .map_err(|error| StoreError::Unavailable(format!("redb refused to make a group durable: {error}")))?;
    // After a crash the file is opened without reading all of it.
    transaction.set_quick_repair(true);
    Ok(transaction)
}
