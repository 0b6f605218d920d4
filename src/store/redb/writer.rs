//! The writer thread: takes what waits as one group, makes it durable, then answers.
//!
//! Each group is one numbered entry of the log. After an append that failed, the log, opened anew,
//! tells by the number whether the group is there. Once enough is pending in the log it is folded into
//! the table, after the answers and before the next group; while that fails no group is taken, so the
//! log is bounded.

use std::sync::Arc;
use std::sync::mpsc::Receiver;

use sendyard_actors::domain::time::Time;
use sendyard_actors::ports::{Clock, StoreError};
use tokio::sync::{OwnedSemaphorePermit, oneshot};

use super::changes::Changes;
use super::handle::{Handle, LogError};
use crate::store::rows::RowsMut;

/// The most steps of one group. With longer ones callers and writer wait for each other in turn: all
/// callers are answered at once, ask again at once, and the writer has nothing to do meanwhile.
const GROUP: usize = 128;

/// Pending changes are folded into the table once they hold this many bytes: about as long as one
/// fold keeps steps waiting, and as much as a start has to read.
pub(super) const FOLD_AT: usize = 1 << 20;

/// They are folded, too, once the log takes up this many times as much: a group of one small step takes
/// up a block of it.
const LOG_PER_PENDING: u64 = 4;

/// What the writer is sent.
pub(super) enum Work {
    /// A step to be run.
    Step(Box<dyn Job>),
    /// A read failed: see whether the file must be opened anew.
    Mend,
    /// Finish what was sent before, then end.
    Close,
}

/// A step on its way, and who waits for its answer.
pub(super) trait Job: Send {
    /// Runs the step and keeps what it answers. May be called again.
    fn run(&mut self, rows: &mut dyn RowsMut, now: Time) -> Result<(), StoreError>;

    /// Answers, with what the step said, or with why that did not become durable.
    fn answer(self: Box<Self>, failure: Option<StoreError>);
}

/// The job of one kind of step.
pub(super) struct StepJob<T, F> {
    step: F,
    said: Option<T>,
    answer: oneshot::Sender<Result<T, StoreError>>,
    /// Free again when the job is answered.
    _place: OwnedSemaphorePermit,
}

impl<T, F> StepJob<T, F> {
    pub(super) fn new(
        step: F,
        answer: oneshot::Sender<Result<T, StoreError>>,
        place: OwnedSemaphorePermit,
    ) -> Self {
        Self { step, said: None, answer, _place: place }
    }
}

impl<T, F> Job for StepJob<T, F>
where
    T: Send,
    F: Fn(&mut dyn RowsMut, Time) -> Result<T, StoreError> + Send,
{
    fn run(&mut self, rows: &mut dyn RowsMut, now: Time) -> Result<(), StoreError> {
        self.said = Some((self.step)(rows, now)?);
        Ok(())
    }

    fn answer(self: Box<Self>, failure: Option<StoreError>) {
        let said = match failure {
            Some(error) => Err(error),
            None => self.said.ok_or(StoreError::Unanswered),
        };
        // Who gave up waiting repeats the step and finds it done.
        let _ = self.answer.send(said);
    }
}

/// What became of a group.
enum Trouble {
    /// This step met a record that it cannot read; nothing of the group was written.
    Step(usize, StoreError),
    /// The store failed before the group was written; nothing of it was.
    Group(StoreError),
    /// Writing it failed; whether it is there is open.
    Append(StoreError),
}

impl From<StoreError> for Trouble {
    fn from(error: StoreError) -> Self {
        Self::Group(error)
    }
}

/// The writer's own state.
pub(super) struct Writer {
    handle: Arc<Handle>,
    clock: Arc<dyn Clock>,
    work: Receiver<Work>,
    fold_at: usize,
}

impl Writer {
    pub(super) fn new(
        handle: Arc<Handle>,
        clock: Arc<dyn Clock>,
        work: Receiver<Work>,
        fold_at: usize,
    ) -> Self {
        Self { handle, clock, work, fold_at }
    }

    /// Runs until it is told to close, or nobody can send any more.
    pub(super) fn run(self) {
        let mut open = true;
        while open {
            let Ok(first) = self.work.recv() else { return };
            open = self.take_group(first);
        }
        // What was sent before the end was told, and what raced with it.
        while let Ok(work) = self.work.try_recv() {
            self.take_group(work);
        }
    }

    /// Runs a group that begins with `first`; false once it was told to close.
    fn take_group(&self, first: Work) -> bool {
        let mut group = Vec::new();
        let mut open = true;
        let mut mend = false;
        let mut next = Some(first);
        while let Some(work) = next {
            match work {
                Work::Step(job) => group.push(job),
                Work::Mend => mend = true,
                Work::Close => open = false,
            }
            next = if open && group.len() < GROUP { self.work.try_recv().ok() } else { None };
        }
        if mend {
            self.mend();
        }
        self.write(group);
        open
    }

    /// Opens the files anew if they can no longer be written.
    fn mend(&self) {
        if !self.handle.is_whole() {
            self.reopen();
        }
    }

    /// Brings a group to its end: every job is answered.
    fn write(&self, mut group: Vec<Box<dyn Job>>) {
        while !group.is_empty() {
            let number = match self.next_number() {
                Ok(number) => number,
                Err(error) => return answer_all(group, Some(&error)),
            };
            match self.append(&mut group, number) {
                Ok(()) => {
                    answer_all(group, None);
                    // If it fails it is tried again before the next group, whose steps are told.
                    let _ = self.fold_if_due();
                    return;
                }
                Err(Trouble::Step(place, error)) => {
                    tracing::error!(%error, "a step of the store failed");
                    group.remove(place).answer(Some(error));
                }
                // The log cannot grow; folded, it may have room for the group. It is empty then, so
                // this happens once.
                Err(Trouble::Group(StoreError::Full(_))) if self.handle.pending() > 0 => {
                    if let Err(error) = self.fold() {
                        return answer_all(group, Some(&error));
                    }
                }
                Err(Trouble::Group(error)) => {
                    self.reopen();
                    return answer_all(group, Some(&error));
                }
                Err(Trouble::Append(error)) => {
                    let landed = self.after_failed_append(number);
                    let verdict = if landed { StoreError::Unanswered } else { error };
                    return answer_all(group, Some(&verdict));
                }
            }
        }
    }

    /// The number of the group to come. First does what failed before: opens the files anew, folds.
    fn next_number(&self) -> Result<u64, StoreError> {
        if self.handle.last().is_none() {
            self.handle.reopen()?;
        }
        self.fold_if_due()?;
        Ok(self.handle.last().unwrap_or(0).saturating_add(1))
    }

    fn append(&self, group: &mut [Box<dyn Job>], number: u64) -> Result<(), Trouble> {
        let changes = self.run_steps(group)?;
        if changes.is_empty() {
            return Ok(());
        }
        self.handle.log(number, changes).map_err(|error| match error {
            LogError::NotWritten(error) => Trouble::Group(error),
            LogError::InDoubt(error) => Trouble::Append(error),
        })
    }

    fn run_steps(&self, group: &mut [Box<dyn Job>]) -> Result<Changes, Trouble> {
        self.handle.run(|rows| {
            for (place, job) in group.iter_mut().enumerate() {
                match job.run(rows, self.clock.now()) {
                    Ok(()) => {}
                    Err(error @ StoreError::Corrupt(_)) => return Err(Trouble::Step(place, error)),
                    Err(error) => return Err(Trouble::Group(error)),
                }
            }
            Ok(())
        })
    }

    fn fold_if_due(&self) -> Result<(), StoreError> {
        let log_at = LOG_PER_PENDING * self.fold_at as u64;
        let is_due = self.handle.pending() >= self.fold_at || self.handle.log_used() >= log_at;
        if is_due { self.fold() } else { Ok(()) }
    }

    /// A fold that fails leaves the log as it is: everything stays durable there. Whether it was made
    /// all the same is seen when the files are opened anew, before anything is written to the log.
    fn fold(&self) -> Result<(), StoreError> {
        self.handle.fold().inspect_err(|error| {
            tracing::error!(%error, "the store could not fold its log into its table yet");
            self.reopen();
        })
    }

    /// Is the group there after all, or must that stay open?
    fn after_failed_append(&self, number: u64) -> bool {
        self.reopen();
        self.handle.last().is_none_or(|last| last >= number)
    }

    fn reopen(&self) {
        match self.handle.reopen() {
            Ok(()) => tracing::warn!("the store's files were opened anew after a failure"),
            Err(error) => tracing::error!(%error, "the store's files cannot be opened anew yet"),
        }
    }
}

fn answer_all(group: Vec<Box<dyn Job>>, failure: Option<&StoreError>) {
    if let Some(error) = failure {
        tracing::error!(%error, steps = group.len(), "the store could not make a group durable");
    }
    for job in group {
        job.answer(failure.cloned());
    }
}
