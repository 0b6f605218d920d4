//! The embedded store: a redb file and its two logs, one writer thread, group commit.
//!
//! Steps are sent to the writer, which owns every change. It takes what is waiting, up to a bounded
//! number, as one group, makes that durable (fsync), and only then answers; while it does, the next
//! group gathers. It never waits on a timer, but before each group it gives way once to whoever could run.
//! Reads run on tokio's blocking threads, each on the last durable state, beside the writer.
//!
//! A group is made durable as one entry of a log, a file of its own (`log.rs`), and many groups are
//! folded into the table of rows at a time (`handle.rs`), beside the writer, which fills another log
//! meanwhile (`logs.rs`). redb writes each page anew that a
//! transaction touches, and syncs twice, so a group that wrote its rows directly would pay for a page or
//! two per row and for both.
//!
//! Only one process can have the files open: redb locks its own, and the logs are opened under that lock.
//! That is what lets `acquire_lease` take an earlier owner for dead.
//!
//! **When the disk fails.** redb refuses everything after an I/O error until its file is opened
//! anew, and so does a log, so the writer closes and opens all at once, and again with each group
//! until that succeeds; meanwhile every step and read is answered with an error, and nothing hangs. The
//! steps of the group that met the error are told that they were not done (`Full` when it was for want of
//! room), if the log as it was opened anew shows so; else that they may have been (`Unanswered`). So a
//! disk that has room again needs no restart. While there is no room for a fold, no group is taken.

mod changes;
mod file;
mod fold;
mod group;
mod handle;
mod log;
mod logs;
mod merge;
mod sort_key;
mod table;
mod writer;

use std::path::Path;
use std::sync::mpsc::Sender;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

pub use file::OpenError;
use handle::Handle;
use sendyard_actors::domain::time::Time;
use sendyard_actors::ports::{Clock, StoreError, Stored};
use tokio::sync::{Semaphore, oneshot};
use writer::{Folding, StepJob, Work, Writer};

use super::rows::{Rows, RowsMut};
use super::step_store::{Runner, StepStore};

/// Steps that may wait for the writer; more callers wait for a place.
const PLACES: usize = 8192;

/// The store in a redb file and its logs.
pub type RedbStore = StepStore<Embedded>;

impl RedbStore {
    /// Opens the store in a directory, which is created where it is missing.
    ///
    /// # Errors
    /// One sentence each that names the path and what to do: see [`OpenError`].
    pub fn open(dir: &Path, clock: Arc<dyn Clock>) -> Result<Self, OpenError> {
        let path = file::path_in(dir)?;
        Self::with_opener(Box::new(move || file::open(&path)), clock, Folding::USUAL)
    }

    /// Over three files of the caller's own, for the rows and for the logs; asked for again each time they
    /// are opened anew. Folds its logs often, so that what follows a fold is tested with few steps.
    #[cfg(test)]
    pub(super) fn over<B: ::redb::StorageBackend>(
        files: impl Fn() -> [B; 3] + Send + Sync + 'static,
        clock: Arc<dyn Clock>,
        beside: bool,
    ) -> Result<Self, OpenError> {
        let opener = move || {
            let [rows, first, second] = files();
            file::open_on(rows, [first, second])
        };
        Self::with_opener(Box::new(opener), clock, Folding { at: 4096, beside })
    }

    fn with_opener(
        opener: handle::Opener,
        clock: Arc<dyn Clock>,
        folding: Folding,
    ) -> Result<Self, OpenError> {
        let handle = Arc::new(Handle::open(opener)?);
        let (work, waiting) = std::sync::mpsc::channel();
        let writer = Writer::new(Arc::clone(&handle), Arc::clone(&clock), waiting, folding);
        let thread = std::thread::Builder::new().name("store".to_owned()).spawn(move || writer.run());
        let thread = thread.map_err(OpenError::Thread)?;
        let places = Arc::new(Semaphore::new(PLACES));
        Ok(Self { runner: Embedded { handle, clock, places, work, thread: Mutex::new(Some(thread)) } })
    }

    /// Finishes the steps that were sent, and ends the writer. Later steps are told that the store is
    /// closed. Blocks until then; a second call does nothing. Dropping the store does the same.
    pub fn close(&self) {
        self.runner.close();
    }
}

/// Runs steps on the writer thread, in groups.
pub struct Embedded {
    handle: Arc<Handle>,
    clock: Arc<dyn Clock>,
    /// Bounds `work`, which is itself unbounded: nothing is sent without a place.
    places: Arc<Semaphore>,
    work: Sender<Work>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl Embedded {
    fn close(&self) {
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some(thread) = thread else { return };
        self.places.close();
        let told = self.work.send(Work::Close).is_ok();
        let ended = thread.join().is_ok();
        if !told || !ended {
            tracing::error!("the store's writer had ended before it was told to");
        }
        self.handle.close();
    }
}

impl Drop for Embedded {
    fn drop(&mut self) {
        self.close();
    }
}

fn closed<E>(_: E) -> StoreError {
    StoreError::Unavailable(
        "it is closed, or its writer has ended and the process must be restarted".to_owned(),
    )
}

impl Runner for Embedded {
    fn write<T: Send + 'static>(
        &self,
        step: impl Fn(&mut dyn RowsMut, Time) -> Result<T, StoreError> + Send + 'static,
    ) -> Stored<T> {
        self.write_all(1, step)
    }

    fn write_all<T: Send + 'static>(
        &self,
        steps: usize,
        step: impl Fn(&mut dyn RowsMut, Time) -> Result<T, StoreError> + Send + 'static,
    ) -> Stored<T> {
        let places = Arc::clone(&self.places);
        let work = self.work.clone();
        Box::pin(async move {
            let place = places.acquire_owned().await.map_err(closed)?;
            let (answer, answered) = oneshot::channel();
            work.send(Work::Step(Box::new(StepJob::new(step, steps, answer, place)))).map_err(closed)?;
            answered.await.unwrap_or(Err(StoreError::Unanswered))
        })
    }

    fn read<T: Send + 'static>(
        &self,
        query: impl FnOnce(&dyn Rows, Time) -> Result<T, StoreError> + Send + 'static,
    ) -> Stored<T> {
        let handle = Arc::clone(&self.handle);
        let clock = Arc::clone(&self.clock);
        let work = self.work.clone();
        Box::pin(async move {
            let reading = tokio::task::spawn_blocking(move || {
                let answer = handle.read(|rows| query(rows, clock.now()));
                if matches!(answer, Err(StoreError::Unavailable(_))) {
                    // Only the writer opens the files anew, and without steps it would not notice.
                    let _ = work.send(Work::Mend);
                }
                answer
            });
            reading.await.unwrap_or(Err(StoreError::Unanswered))
        })
    }
}
