//! The open files, shared by the writer and the readers, and opened anew after a failure.
//!
//! What a group changed is durable as one entry of the log, and *pending* until it is folded into the
//! table, many groups at a time and in the order of the keys: a page of the table is then written once
//! for many changes, and what came and went meanwhile is never written to it at all. The pending
//! changes are also in memory, where every reader and every step sees them over the table.
//!
//! Invariants: pending is what the entries of the log add up to; the table holds no change that
//! pending does not hold as well, or that was not folded whole. So table and pending together are one
//! durable state, whichever of the two a reader took first.

use std::sync::{Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use ::redb::{Database, Durability, ReadableDatabase, WriteTransaction};
use sendyard_actors::ports::StoreError;

use super::changes::Changes;
use super::file::{Files, OpenError, ROWS, failed, log_failed, not_opened};
use super::group::{GroupRows, ReadRows};
use super::log::{AppendError, Log};
use crate::store::keys;
use crate::store::rows::{Rows, encode};

/// How the files are opened, the first time and anew.
pub(super) type Opener = Box<dyn Fn() -> Result<Files, OpenError> + Send + Sync>;

/// The files. `None` inside while they are closed.
pub(super) struct Handle {
    opener: Opener,
    open: RwLock<Option<Open>>,
}

struct Open {
    /// Closed before the database, which has the lock of both. The writer alone takes it.
    log: Mutex<Log>,
    database: Database,
    /// Durable in the log, not yet in the table.
    pending: Changes,
    /// The number of the last group that is durable.
    last: u64,
}

impl From<Files> for Open {
    fn from(files: Files) -> Self {
        let Files { log, database, folded, groups } = files;
        let mut open = Self { log: Mutex::new(log), database, pending: Changes::default(), last: folded };
        for changes in groups {
            open.pending.extend(changes);
            open.last += 1;
        }
        open
    }
}

impl Open {
    fn rows(&self) -> Result<ReadRows<'_>, StoreError> {
        let transaction = self.database.begin_read().map_err(failed)?;
        let table = transaction.open_table(ROWS).map_err(failed)?;
        Ok(ReadRows { table, pending: &self.pending })
    }

    fn log(&self) -> MutexGuard<'_, Log> {
        self.log.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A transaction that is durable when its commit returns.
    fn begin_write(&self) -> Result<WriteTransaction, StoreError> {
        let mut transaction = self.database.begin_write().map_err(failed)?;
        transaction.set_durability(Durability::Immediate).map_err(|error| {
            StoreError::Unavailable(format!("redb refused to make a group durable: {error}"))
        })?;
        // After a crash the file is opened without reading all of it.
        transaction.set_quick_repair(true);
        Ok(transaction)
    }
}

impl Handle {
    pub(super) fn open(opener: Opener) -> Result<Self, OpenError> {
        let open = Open::from(opener()?);
        Ok(Self { opener, open: RwLock::new(Some(open)) })
    }

    /// Runs a read on the last durable state.
    pub(super) fn read<T>(
        &self,
        query: impl FnOnce(&dyn Rows) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let open = self.shared();
        query(&open.as_ref().ok_or_else(shut)?.rows()?)
    }

    /// Runs a group of steps over the last durable state; what they change. For the writer alone.
    pub(super) fn run<E: From<StoreError>>(
        &self,
        steps: impl FnOnce(&mut GroupRows<'_>) -> Result<(), E>,
    ) -> Result<Changes, E> {
        let open = self.shared();
        let mut rows = GroupRows::over(open.as_ref().ok_or_else(shut)?.rows()?);
        steps(&mut rows)?;
        Ok(rows.into_changes())
    }

    /// Writes a group's changes into the log. What may have landed all the same is said by `last`,
    /// once the file is opened anew. For the writer alone.
    pub(super) fn log(&self, number: u64, changes: Changes) -> Result<(), LogError> {
        {
            let open = self.shared();
            open.as_ref().ok_or_else(shut)?.log().append(number, &changes.encode()?)?;
        }
        if let Some(open) = self.exclusive().as_mut() {
            open.pending.extend(changes);
            open.last = number;
        }
        Ok(())
    }

    /// How much is pending, in bytes, about.
    pub(super) fn pending(&self) -> usize {
        self.shared().as_ref().map_or(0, |open| open.pending.bytes())
    }

    /// How many bytes of its file the log takes up.
    pub(super) fn log_used(&self) -> u64 {
        self.shared().as_ref().map_or(0, |open| open.log().used())
    }

    /// Folds what is pending into the table, durably, and then begins the log anew. For the writer
    /// alone, with no group under way.
    pub(super) fn fold(&self) -> Result<(), StoreError> {
        {
            let open = self.shared();
            let open = open.as_ref().ok_or_else(shut)?;
            if open.pending.is_empty() {
                return Ok(());
            }
            let transaction = open.begin_write()?;
            {
                let mut table = transaction.open_table(ROWS).map_err(failed)?;
                for (key, change) in open.pending.iter() {
                    match change {
                        Some(value) => table.insert(key, value).map(drop).map_err(failed)?,
                        None => table.remove(key).map(drop).map_err(failed)?,
                    }
                }
                let number = encode(&open.last)?;
                table.insert(keys::group().as_slice(), number.as_slice()).map_err(failed)?;
            }
            transaction.commit().map_err(failed)?;
        }
        if let Some(open) = self.exclusive().as_mut() {
            open.pending = Changes::default();
            open.log().restart();
        }
        Ok(())
    }

    /// The number of the last group that is durable, by the file as it was opened or written since.
    pub(super) fn last(&self) -> Option<u64> {
        self.shared().as_ref().map(|open| open.last)
    }

    /// Can the file still be written?
    pub(super) fn is_whole(&self) -> bool {
        let open = self.shared();
        open.as_ref()
            .is_some_and(|open| open.begin_write().is_ok_and(|transaction| transaction.abort().is_ok()))
    }

    /// Closes the files, which gives up their lock, and opens them anew. For the writer alone.
    pub(super) fn reopen(&self) -> Result<(), StoreError> {
        let mut open = self.exclusive();
        drop(open.take());
        *open = Some(Open::from((self.opener)().map_err(|error| not_opened(&error))?));
        Ok(())
    }

    /// Closes the files for good.
    pub(super) fn close(&self) {
        drop(self.exclusive().take());
    }

    fn shared(&self) -> RwLockReadGuard<'_, Option<Open>> {
        self.open.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn exclusive(&self) -> RwLockWriteGuard<'_, Option<Open>> {
        self.open.write().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Why a group is not in the log, or not known to be.
pub(super) enum LogError {
    /// It is not there.
    NotWritten(StoreError),
    /// Writing it failed: it may be there.
    InDoubt(StoreError),
}

impl From<AppendError> for LogError {
    fn from(error: AppendError) -> Self {
        match error {
            AppendError::NotWritten(error) => Self::NotWritten(log_failed(&error)),
            AppendError::InDoubt(error) => Self::InDoubt(log_failed(&error)),
        }
    }
}

impl From<StoreError> for LogError {
    fn from(error: StoreError) -> Self {
        Self::NotWritten(error)
    }
}

fn shut() -> StoreError {
    StoreError::Unavailable(
        "its file is closed after a failure and is opened anew with the next step".to_owned(),
    )
}
