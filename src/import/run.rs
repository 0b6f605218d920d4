//! The run: a reader, a dealer that gives each conversation its lane, and the lanes.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures::future::join_all;
use serde_json::Value;
use tokio::sync::{mpsc, watch};
use tokio::time::Instant;

use super::lane::{self, unless_stopped};
use super::notes::Notes;
use super::report::Report;
use super::source::{BadFile, Record, Source};
use super::{Counts, Failure, Import, Notice};
use crate::client::Client;

/// Lines that are read ahead of the dealer.
const READ_AHEAD: usize = 256;

/// Lines that wait in one lane. A conversation that waits keeps the others of its lane waiting.
const LANE: usize = 32;

/// What the lanes of a run share.
pub(super) struct Shared<'a> {
    pub(super) identity: &'a str,
    pub(super) client: &'a Client,
    pub(super) notes: &'a Notes,
    pub(super) report: &'a Report,
    pub(super) counts: &'a Counts,
    pub(super) patience: Duration,
    pub(super) stop: &'a watch::Sender<bool>,
    pub(super) notices: mpsc::Sender<Notice>,
    last_settled: Mutex<Instant>,
}

impl Shared<'_> {
    /// Something was settled.
    pub(super) fn went_on(&self) {
        *self.last_settled.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
    }

    /// For how long nothing was settled.
    pub(super) fn idle_for(&self) -> Duration {
        lane::since(*self.last_settled.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Runs to the end of the file, or until it is stopped.
pub(super) async fn run(import: &Arc<Import>, notices: mpsc::Sender<Notice>) -> Result<(), Failure> {
    let shared = Shared {
        identity: &import.survey.identity,
        client: &import.client,
        notes: &import.notes,
        report: &import.report,
        counts: &import.counts,
        patience: import.plan.patience,
        stop: &import.stop,
        notices,
        last_settled: Mutex::new(Instant::now()),
    };
    let (to_dealer, read) = mpsc::channel(READ_AHEAD);
    let reading = Arc::clone(import);
    // Ends when the dealer does: nobody takes what it reads any more.
    let reader = tokio::task::spawn_blocking(move || read_all(&reading, &to_dealer));

    let (doors, lanes): (Vec<_>, Vec<_>) =
        (0..import.plan.at_a_time.max(1)).map(|_| mpsc::channel(LANE)).unzip();
    let lanes = join_all(lanes.into_iter().map(async |lines| {
        let ended = lane::run(&shared, lines).await;
        if ended.is_err() {
            // The others finish what is on its way, and begin nothing more.
            shared.stop.send_replace(true);
        }
        ended
    }));
    let (lanes, ()) = tokio::join!(lanes, deal(&shared, read, doors));
    let read = match reader.await {
        Ok(read) => read,
        Err(failed) => std::panic::resume_unwind(failed.into_panic()),
    };
    lanes.into_iter().collect::<Result<(), Failure>>()?;
    Ok(read?)
}

/// Reads what is not settled yet.
fn read_all(import: &Import, to: &mpsc::Sender<Record>) -> Result<(), BadFile> {
    let plan = &import.plan;
    let mut source = Source::open(&plan.file, plan.format, plan.from.clone())?;
    while let Some(record) = source.next()? {
        if import.notes.has(record.place) {
            continue;
        }
        if to.blocking_send(record).is_err() {
            return Ok(());
        }
    }
    Ok(())
}

/// Gives each line to the lane of its conversation.
async fn deal(shared: &Shared<'_>, mut read: mpsc::Receiver<Record>, doors: Vec<mpsc::Sender<Record>>) {
    let mut stopped = shared.stop.subscribe();
    while let Some(record) = unless_stopped(&mut stopped, read.recv()).await.flatten() {
        let dealt = async {
            shared.notes.near(record.place).await;
            let Some(door) = doors.get(lane_of(&record, doors.len())) else { return };
            // An error says that the lanes have ended.
            let _ = door.send(record).await;
        };
        if unless_stopped(&mut stopped, dealt).await.is_none() {
            return;
        }
    }
}

/// The same for all lines of a conversation.
fn lane_of(record: &Record, lanes: usize) -> usize {
    let Ok(fields) = &record.fields else { return 0 };
    let mut hasher = DefaultHasher::new();
    for name in ["from_phone_number", "to_phone_number"] {
        fields.get(name).and_then(Value::as_str).hash(&mut hasher);
    }
    let lanes = u64::try_from(lanes.max(1)).unwrap_or(1);
    usize::try_from(hasher.finish() % lanes).unwrap_or(0)
}
