//! Bulk import: every line of a file is one message, sent once, whatever ends the import in between.
//!
//! * **Once.** A line's idempotency key is made of the file's content and the line's number, so a repeat
//!   of a line is the same message to the server. What is settled is noted in a file beside it, so a
//!   second run begins where the first ended.
//! * **Order.** Lines of one conversation (sender and recipient) go one after the other, as they stand.
//! * **Bounded.** The file is read as it is sent: memory depends on how many requests run at one time,
//!   and on `WINDOW`, not on the file.
//!
//! The run owns all state; `cli` draws what it tells by [`Notice`].

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::{mpsc, watch};

use crate::client::{BadClient, Client, NoAnswer, Server};

mod lane;
mod notes;
mod report;
mod run;
mod source;
mod survey;

pub use notes::BadNotes;
pub use source::{BadFile, Format};

use notes::Notes;
use report::Report;
use survey::Survey;

/// How far ahead of the first unsettled line lines are sent. What is noted beyond the first unsettled
/// line is kept in memory, so this bounds it.
const WINDOW: u64 = 10_000;

/// What is to be imported, and how.
#[derive(Debug, Clone)]
pub struct Plan {
    /// The file.
    pub file: PathBuf,
    /// Its form.
    pub format: Format,
    /// Sends the same file anew under another name: a part of every idempotency key.
    pub name: String,
    /// The sending number of lines that name none.
    pub from: Option<String>,
    /// Where the server is.
    pub server: Server,
    /// Requests at one time.
    pub at_a_time: usize,
    /// It ends when nothing was settled for so long.
    pub patience: Duration,
    /// Where settled lines are noted.
    pub notes: PathBuf,
    /// Where refused lines are written.
    pub report: PathBuf,
}

/// Why an import cannot begin, or ended early. Each says what to do.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The file cannot be imported.
    #[error(transparent)]
    File(#[from] BadFile),
    /// The notes of an earlier run cannot be used.
    #[error(transparent)]
    Notes(#[from] BadNotes),
    /// The report cannot be written.
    #[error("cannot write the report {path}: check its rights, and the room on its disk")]
    Report {
        /// The report.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// No client.
    #[error(transparent)]
    Client(#[from] BadClient),
    /// The key is not let in.
    #[error("the server does not know the API key; give one of its directory with --key or SENDYARD_API_KEY")]
    UnknownKey,
    /// The key may not send.
    #[error("{0}; give a key with the scope sms:send")]
    MissingScope(String),
    /// Something else answers there.
    #[error("the answer {0} is not Sendyard's; is --server the whole address of the API?")]
    NotSendyard(u16),
    /// Nothing went on for too long.
    #[error("nothing went on for {0:?}: {1}; run the same command again to go on where it ended")]
    OutOfPatience(Duration, String),
}

impl Failure {
    /// Is it a matter of the command line or of a file, rather than of the server?
    pub const fn is_of_files(&self) -> bool {
        matches!(self, Self::File(_) | Self::Notes(_))
    }
}

/// What is told while it runs. Whoever listens must be quick.
#[derive(Debug, Clone)]
pub enum Notice {
    /// A line was refused; it is in the report.
    Refused {
        /// Where it stands in the file.
        line: u64,
        /// The error's code.
        code: String,
        /// One sentence.
        detail: String,
    },
    /// A line waits before it is tried again.
    Waiting {
        /// Why.
        why: String,
        /// How long.
        wait: Duration,
    },
}

/// How far it is. All runs over this file together.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    /// Messages in the file.
    pub lines: u64,
    /// Accepted, replays included.
    pub accepted: u64,
    /// Of these: an earlier request of the same line had been accepted already.
    pub replayed: u64,
    /// Refused; they are in the report.
    pub refused: u64,
}

impl Tally {
    /// Neither accepted nor refused yet.
    pub const fn remaining(self) -> u64 {
        self.lines.saturating_sub(self.accepted).saturating_sub(self.refused)
    }
}

/// An import that can run.
pub struct Import {
    plan: Plan,
    client: Client,
    survey: Survey,
    notes: Notes,
    report: Report,
    counts: Counts,
    stop: watch::Sender<bool>,
}

/// Counters that workers and whoever draws the progress share.
#[derive(Debug, Default)]
struct Counts {
    accepted: AtomicU64,
    replayed: AtomicU64,
    refused: AtomicU64,
}

impl Import {
    /// Reads the file once, and the notes of an earlier run of it. Sends nothing.
    pub async fn prepare(plan: Plan) -> Result<Self, Failure> {
        let client = Client::new(&plan.server, plan.at_a_time)?;
        let reading = plan.clone();
        let opened = tokio::task::spawn_blocking(move || {
            let survey = survey::survey(&reading)?;
            let notes = Notes::open(&reading.notes, &survey.identity)?;
            let report = Report::new(reading.report.clone(), reading.format, survey.columns.clone());
            Ok::<_, Failure>((survey, notes, report))
        });
        let (survey, notes, report) = match opened.await {
            Ok(opened) => opened?,
            Err(failed) => std::panic::resume_unwind(failed.into_panic()),
        };
        let before = notes.counted();
        let counts = Counts {
            accepted: AtomicU64::new(before.accepted),
            replayed: AtomicU64::default(),
            refused: AtomicU64::new(before.refused),
        };
        Ok(Self { plan, client, survey, notes, report, counts, stop: watch::Sender::new(false) })
    }

    /// How far it is.
    pub fn tally(&self) -> Tally {
        Tally {
            lines: self.survey.lines,
            accepted: self.counts.accepted.load(Ordering::Relaxed),
            replayed: self.counts.replayed.load(Ordering::Relaxed),
            refused: self.counts.refused.load(Ordering::Relaxed),
        }
    }

    /// Where refused lines are, if there are any.
    pub fn report(&self) -> Option<PathBuf> {
        (self.tally().refused > 0).then(|| self.plan.report.clone())
    }

    /// Is the server there, and does it know the key? Changes nothing there.
    pub async fn check(&self) -> Result<(), Failure> {
        let answer = match self.client.get("/sms/queue/stats").await {
            Ok(answer) => answer,
            // Whoever is stopped meanwhile tells; here nobody has begun.
            Err(NoAnswer::Connect | NoAnswer::Timeout | NoAnswer::Cut) => return Ok(()),
        };
        match answer.status {
            401 => Err(Failure::UnknownKey),
            404 | 405 => Err(Failure::NotSendyard(answer.status)),
            _ => Ok(()),
        }
    }

    /// Begins no further line. What is on its way is waited for, and noted.
    pub fn stop(&self) {
        self.stop.send_replace(true);
    }

    /// Runs to the end of the file, or until it is stopped.
    pub async fn run(self: &Arc<Self>, notices: mpsc::Sender<Notice>) -> Result<(), Failure> {
        run::run(self, notices).await
    }
}
