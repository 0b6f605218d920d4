//! The writer thread: takes what waits as one group, makes it durable, then answers.
//!
//! Each group is one numbered entry of a log. After an append that failed, the log, opened anew, tells by
//! the number whether the group is there. Once enough is pending it is folded into the table, beside the
//! groups that come meanwhile; when those have grown to twice as much, they wait for it. After a fold that
//! failed no group is taken until one has succeeded. So the logs are bounded.

#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::sync::mpsc::Receiver;
use std::thread::JoinHandle;

use sendyard_actors::domain::time::Time;
use sendyard_actors::ports::{Clock, StoreError};
use sendyard_actors::telemetry::StoreMeters;
use tokio::sync::{OwnedSemaphorePermit, oneshot};

use super::changes::Changes;
use super::handle::{Handle, LogError};
use crate::store::rows::RowsMut;

/// With so many steps a group is full. With longer ones callers and writer wait for each other in turn: all
/// callers are answered at once, ask again at once, and the writer has nothing to do meanwhile.
const GROUP: usize = 128;

/// How and when what is pending is folded into the table.
#[derive(Debug, Clone, Copy)]
pub(super) struct Folding {
    /// Once it holds so many bytes. A start has to read twice as much of each log at the most, or what one group more is.
    pub(super) at: usize,
    /// On a thread of its own, beside the groups to come. Else between two groups, which is what tests
    /// want that are to happen the same way each time.
    pub(super) beside: bool,
}

impl Folding {
    /// What the program does. The more at a time, the fewer pages of the table are written per message.
    pub(super) const USUAL: Self = Self { at: 16 << 20, beside: true };

    /// It is folded, too, once its log takes up so many bytes: a group of one small step takes up a block.
    const fn log_at(self) -> u64 {
        2 * self.at as u64
    }
}

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

    /// As many steps it is as long as.
    fn steps(&self) -> usize;

    /// Answers, with what the step said, or with why that did not become durable.
    fn answer(self: Box<Self>, failure: Option<StoreError>);
}

/// The job of one kind of step.
pub(super) struct StepJob<T, F> {
    step: F,
    steps: usize,
    said: Option<T>,
    answer: oneshot::Sender<Result<T, StoreError>>,
    /// Free again when the job is answered.
    _place: OwnedSemaphorePermit,
}

impl<T, F> StepJob<T, F> {
    pub(super) fn new(
        step: F,
        steps: usize,
        answer: oneshot::Sender<Result<T, StoreError>>,
        place: OwnedSemaphorePermit,
    ) -> Self {
        Self { step, steps, said: None, answer, _place: place }
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

    fn steps(&self) -> usize {
        self.steps
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
    folding: Folding,
    meters: StoreMeters,
    /// A fold that was begun, until its end is known.
    fold: Option<JoinHandle<Result<(), StoreError>>>,
    /// The last fold failed: one must succeed before the next group.
    fold_failed: bool,
}

impl Writer {
    pub(super) fn new(
        handle: Arc<Handle>,
        clock: Arc<dyn Clock>,
        work: Receiver<Work>,
        folding: Folding,
    ) -> Self {
        let meters = StoreMeters::new();
        Self { handle, clock, work, folding, meters, fold: None, fold_failed: false }
    }

    /// Runs until it is told to close, or nobody can send any more.
    pub(super) fn run(mut self) {
        let mut open = true;
        while open && let Ok(first) = self.work.recv() {
            open = self.take_group(first);
        }
        // What was sent before the end was told, and what raced with it.
        while let Ok(work) = self.work.try_recv() {
            self.take_group(work);
        }
        // The files are closed next. What a fold did not do the next start finds in the logs.
        let _ = self.end_fold(true);
    }

    /// Runs a group that begins with `first`; false once it was told to close.
    fn take_group(&mut self, first: Work) -> bool {
        let mut group: Vec<Box<dyn Job>> = Vec::new();
        let mut steps = 0;
        let mut open = true;
        let mut mend = false;
        let mut gave_way = false;
        let mut next = Some(first);
        while let Some(work) = next {
            match work {
                Work::Step(job) => {
                    steps += job.steps();
                    group.push(job);
                }
                Work::Mend => mend = true,
                Work::Close => open = false,
            }
            next = if open && steps < GROUP { self.next_waiting(&mut gave_way) } else { None };
        }
        if mend {
            self.mend();
        }
        self.write(group);
        open
    }

    /// What waits, if anything does. Where nothing does, gives way once for each group: where the processors
    /// are busy, whoever is about to send a step does so then, and a group costs about the same whatever it
    /// holds. Where one is idle that takes no time.
    fn next_waiting(&self, gave_way: &mut bool) -> Option<Work> {
        let waiting = self.work.try_recv().ok();
        if waiting.is_some() || std::mem::replace(gave_way, true) {
            return waiting;
        }
        std::thread::yield_now();
        self.work.try_recv().ok()
    }

    /// Opens the files anew if they can no longer be written.
    fn mend(&mut self) {
        if !self.handle.is_whole() {
            self.reopen();
        }
    }

    /// Brings a group to its end: every job is answered.
    fn write(&mut self, mut group: Vec<Box<dyn Job>>) {
        while !group.is_empty() {
            let number = match self.next_number() {
                Ok(number) => number,
                Err(error) => return answer_all(group, Some(&error)),
            };
            match self.append(&mut group, number) {
                Ok(()) => {
                    self.meters.group(group.len());
                    answer_all(group, None);
                    // If it fails it is tried again before the next group, whose steps are told.
                    let _ = self.fold_if_due();
                    return;
                }
                Err(Trouble::Step(place, error)) => {
                    tracing::error!(%error, "a step of the store failed");
                    group.remove(place).answer(Some(error));
                }
                // The log cannot grow; once all is folded, one of the two may have room for the group. Both
                // are empty then, so this happens once.
                Err(Trouble::Group(StoreError::Full(_))) if self.handle.can_make_room() => {
                    if let Err(error) = self.fold_now() {
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
    fn next_number(&mut self) -> Result<u64, StoreError> {
        if self.handle.last().is_none() {
            self.handle.reopen()?;
        }
        if self.fold_failed {
            self.fold_now()?;
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

    fn fold_if_due(&mut self) -> Result<(), StoreError> {
        self.end_fold(false)?;
        let Folding { at, beside } = self.folding;
        let (pending, log_used) = (self.handle.pending(), self.handle.log_used());
        let is_due = pending >= at || log_used >= self.folding.log_at() || self.handle.is_behind();
        let is_overdue = pending >= 2 * at || log_used >= 2 * self.folding.log_at();
        if self.fold.is_some() && is_overdue {
            self.end_fold(true)?;
        }
        match self.fold {
            None if is_due && beside => self.begin_fold(),
            None if is_due => self.fold_now(),
            None | Some(_) => Ok(()),
        }
    }

    /// Folds beside the groups to come.
    fn begin_fold(&mut self) -> Result<(), StoreError> {
        let Some(fold) = self.handle.begin_fold() else { return Ok(()) };
        match std::thread::Builder::new().name("store-fold".to_owned()).spawn(move || fold.make()) {
            Ok(thread) => {
                self.fold = Some(thread);
                Ok(())
            }
            Err(error) => {
                let reason = format!("cannot start a thread for it: {error}");
                self.fold_ended(Err(StoreError::Unavailable(reason)))
            }
        }
    }

    /// Takes in the end of a fold that was begun, if it has ended or is to be waited for.
    fn end_fold(&mut self, wait: bool) -> Result<(), StoreError> {
        let Some(thread) = self.fold.take_if(|thread| wait || thread.is_finished()) else { return Ok(()) };
        let made = thread.join();
        let made = made.unwrap_or_else(|_| Err(StoreError::Unavailable("its thread failed".to_owned())));
        self.fold_ended(made)
    }

    fn fold_ended(&mut self, made: Result<(), StoreError>) -> Result<(), StoreError> {
        let ended = made.and_then(|()| self.handle.end_fold());
        if let Err(error) = &ended {
            self.fold_failed(error);
        }
        ended
    }

    /// Folds all that is pending, between two groups.
    fn fold_now(&mut self) -> Result<(), StoreError> {
        self.end_fold(true)?;
        let made = self.handle.fold();
        match &made {
            Ok(()) => self.fold_failed = false,
            Err(error) => self.fold_failed(error),
        }
        made
    }

    /// A fold that fails leaves the logs as they are: everything stays durable there. Whether it was made
    /// all the same is seen when the files are opened anew, before anything is written to a log.
    fn fold_failed(&mut self, error: &StoreError) {
        tracing::error!(%error, "the store could not fold its log into its table yet");
        self.fold_failed = true;
        self.reopen();
    }

    /// Is the group there after all, or must that stay open?
    fn after_failed_append(&mut self, number: u64) -> bool {
        self.reopen();
        self.handle.last().is_none_or(|last| last >= number)
    }

    fn reopen(&mut self) {
        if let Some(thread) = self.fold.take() {
            // It has the database; whether it was made is seen in the files. If it failed, that must not
            // go unseen: else groups would be taken for as long as each such fold is met here.
            self.fold_failed |= !matches!(thread.join(), Ok(Ok(())));
        }
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
