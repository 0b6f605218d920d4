//! The open files, shared by the writer and the readers, and opened anew after a failure.
//!
//! What a group changed is durable as one entry of a log, and *pending* until it is folded into the
//! table, many groups at a time and in the order of the keys: a page of the table is then written once
//! for many changes, and what came and went meanwhile is never written to it at all. A fold runs beside
//! the writer: what was pending when it began is *folding* until it has ended, and new groups are pending
//! anew. Both are also in memory, where every reader and every step sees them over the table.
//!
//! Invariants: folding and pending are what the entries of the logs add up to that are not known to be
//! folded; the table, opened anew where folding is emptied, holds no change that those do not hold as well,
//! or that was not folded whole. So table, folding and pending together are one durable state.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use ::redb::{Database, WriteTransaction};
use sendyard_actors::ports::StoreError;

use super::changes::Changes;
use super::file::{self, Files, OpenError, failed, log_failed, not_opened};
use super::fold::{self, Fold, begin_durable};
use super::group::{GroupRows, ReadRows};
use super::log::AppendError;
use super::logs::Logs;
use super::table::Table;
use crate::store::rows::Rows;

/// How the files are opened, the first time and anew.
pub(super) type Opener = Box<dyn Fn() -> Result<Files, OpenError> + Send + Sync>;

/// The files. `None` inside while they are closed.
pub(super) struct Handle {
    opener: Opener,
    open: RwLock<Option<Open>>,
}

struct Open {
    /// Closed before the database, which has the lock of all. The writer alone takes it.
    logs: Mutex<Logs>,
    /// The rows as the last fold left them. Every reader and every group sees this one: to open it costs as
    /// much as to read a row. Given up before the database.
    table: Table,
    database: Arc<Database>,
    /// Durable in a log, being folded into the table. Empty while nothing is.
    folding: Arc<Changes>,
    /// Durable in a log, newer than what is being folded.
    pending: Changes,
    /// The number of the last group that is durable.
    last: u64,
}

impl From<Files> for Open {
    fn from(files: Files) -> Self {
        let Files { logs, table, database, folded, groups } = files;
        let mut open = Self {
            logs: Mutex::new(logs),
            table,
            database: Arc::new(database),
            folding: Arc::default(),
            pending: Changes::default(),
            last: folded,
        };
        for changes in groups {
            open.pending.extend(changes);
            open.last += 1;
        }
        open
    }
}

impl Open {
    fn rows(&self) -> ReadRows<'_> {
        ReadRows { table: &self.table, newest_first: [&self.pending, &self.folding] }
    }

    /// A fold was made: its rows are seen from now on.
    fn look_anew(&mut self) -> Result<(), StoreError> {
        self.table = file::table(&self.database).map_err(failed)?;
        Ok(())
    }

    fn logs(&self) -> MutexGuard<'_, Logs> {
        self.logs.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn begin_write(&self) -> Result<WriteTransaction, StoreError> {
        begin_durable(&self.database)
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
        query(&open.as_ref().ok_or_else(shut)?.rows())
    }

    /// Runs a group of steps over the last durable state; what they change. For the writer alone.
    pub(super) fn run<E: From<StoreError>>(
        &self,
        steps: impl FnOnce(&mut GroupRows<'_>) -> Result<(), E>,
    ) -> Result<Changes, E> {
        let open = self.shared();
        let mut rows = GroupRows::over(open.as_ref().ok_or_else(shut)?.rows());
        steps(&mut rows)?;
        Ok(rows.into_changes())
    }

    /// Writes a group's changes into a log. What may have landed all the same is said by `last`,
    /// once the file is opened anew. For the writer alone.
    pub(super) fn log(&self, number: u64, changes: Changes) -> Result<(), LogError> {
        {
            let open = self.shared();
            open.as_ref().ok_or_else(shut)?.logs().append(number, &changes.encode()?)?;
        }
        if let Some(open) = self.exclusive().as_mut() {
            open.pending.extend(changes);
            open.last = number;
        }
        Ok(())
    }

    /// How much is pending and not being folded yet, in bytes, about.
    pub(super) fn pending(&self) -> usize {
        self.shared().as_ref().map_or(0, |open| open.pending.bytes())
    }

    /// How many bytes of its file the active log takes up.
    pub(super) fn log_used(&self) -> u64 {
        self.shared().as_ref().map_or(0, |open| open.logs().used())
    }

    /// Do both logs hold groups that are not folded, while nothing is being folded? So it may be after they
    /// were opened; until the older ones are folded the turn cannot pass.
    pub(super) fn is_behind(&self) -> bool {
        self.shared().as_ref().is_some_and(|open| open.folding.is_empty() && !open.logs().can_turn())
    }

    /// Can a fold of everything make room in the logs?
    pub(super) fn can_make_room(&self) -> bool {
        self.shared().as_ref().is_some_and(|open| open.logs().can_make_room())
    }

    /// Folds all that is pending, durably, and begins the logs anew. For the writer alone, with no group
    /// and no other fold under way.
    pub(super) fn fold(&self) -> Result<(), StoreError> {
        {
            let open = self.shared();
            let open = open.as_ref().ok_or_else(shut)?;
            // Also if nothing is left of what the groups changed: the table must know their numbers
            // before the logs begin anew.
            fold::make(&open.database, &open.pending, open.last)?;
        }
        if let Some(open) = self.exclusive().as_mut() {
            open.look_anew()?;
            open.pending = Changes::default();
            open.logs().restart();
        }
        Ok(())
    }

    /// Begins the fold of what is pending beside the groups to come, which go into the other log if that
    /// is free. `None`: the files are closed. For the writer alone, with no other fold under way; what
    /// this returns is to be made, and then `end_fold` told.
    pub(super) fn begin_fold(&self) -> Option<Fold> {
        let mut open = self.exclusive();
        let open = open.as_mut()?;
        open.folding = Arc::new(std::mem::take(&mut open.pending));
        open.logs().turn_if_free();
        Some(Fold::new(&open.database, &open.folding, open.last))
    }

    /// The fold that was begun is made, durably. After an error the files are to be opened anew.
    pub(super) fn end_fold(&self) -> Result<(), StoreError> {
        let mut folded = Arc::default();
        if let Some(open) = self.exclusive().as_mut() {
            open.look_anew()?;
            std::mem::swap(&mut folded, &mut open.folding);
            open.logs().free_other();
        }
        // Dropped here, where nobody waits for the lock.
        drop(folded);
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

    /// Closes the files, which gives up their lock, and opens them anew. For the writer alone, with no fold
    /// under way.
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
