//! The open database, shared by the writer and the readers, and opened anew after a failure.

use std::sync::{PoisonError, RwLock, RwLockReadGuard};

use ::redb::{Database, ReadOnlyTable, ReadableDatabase, WriteTransaction};
use sendyard_actors::ports::StoreError;

use super::file::{OpenError, ROWS, failed, not_opened};
use super::group::ReadRows;
use crate::store::rows::Rows;

/// How the database is opened, the first time and anew.
pub(super) type Opener = Box<dyn Fn() -> Result<Database, OpenError> + Send + Sync>;

/// The database. `None` inside while it is closed.
pub(super) struct Handle {
    opener: Opener,
    database: RwLock<Option<Database>>,
}

impl Handle {
    pub(super) fn open(opener: Opener) -> Result<Self, OpenError> {
        let database = opener()?;
        Ok(Self { opener, database: RwLock::new(Some(database)) })
    }

    /// A transaction to write in. For the writer alone.
    pub(super) fn begin_write(&self) -> Result<WriteTransaction, StoreError> {
        let database = self.database();
        database.as_ref().ok_or_else(shut)?.begin_write().map_err(failed)
    }

    /// Runs a read on the last durable state.
    pub(super) fn read<T>(
        &self,
        query: impl FnOnce(&dyn Rows) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let table: ReadOnlyTable<&[u8], &[u8]> = {
            let database = self.database();
            let transaction = database.as_ref().ok_or_else(shut)?.begin_read().map_err(failed)?;
            transaction.open_table(ROWS).map_err(failed)?
        };
        query(&ReadRows(table))
    }

    /// Closes the database, which gives up its lock, and opens it anew. For the writer alone.
    pub(super) fn reopen(&self) -> Result<(), StoreError> {
        let mut database = self.database.write().unwrap_or_else(PoisonError::into_inner);
        drop(database.take());
        *database = Some((self.opener)().map_err(|error| not_opened(&error))?);
        Ok(())
    }

    /// Closes the database for good.
    pub(super) fn close(&self) {
        drop(self.database.write().unwrap_or_else(PoisonError::into_inner).take());
    }

    fn database(&self) -> RwLockReadGuard<'_, Option<Database>> {
        self.database.read().unwrap_or_else(PoisonError::into_inner)
    }
}

fn shut() -> StoreError {
    StoreError::Unavailable(
        "its file is closed after a failure and is opened anew with the next step".to_owned(),
    )
}
