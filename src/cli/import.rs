//! `sendyard import`: the messages of a file, to a running server.

mod progress;

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use clap::Args;
use clap::builder::RangedU64ValueParser;
use serde_json::json;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep};

use self::progress::Progress;
use super::target::Target;
use super::{Failure, say};
use crate::import::{self, Format, Import as Running, Plan};
use crate::shutdown::{Signal, Signals};

/// A mistake in the command line, the file or its notes.
const MISTAKE: u8 = 2;

/// Every line is settled, and some were refused.
const REFUSED: u8 = 3;

/// Between two looks at how far it is.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// Notices that may wait to be shown; what is more is not shown.
const NOTICES: usize = 1024;

/// Send the messages of a file through a running server.
///
/// CSV names its columns in the first line, NDJSON has an object in each; both have the fields of POST
/// /sms/send: `from_phone_number`, `to_phone_number`, `message`, and if need be `media_urls`, `queue`,
/// `lane`, `send_at`, `expires_at`, `validity_seconds`, `client_reference`, `metadata`. Each line is sent
/// once, under an idempotency key made of the file's content and the line's number; what is settled is noted
/// beside the file, so that the same command goes on where it ended. Refused lines are written to a report
/// with the reason, which can be mended and imported in its turn.
#[derive(Debug, Args)]
#[command(after_help = "Examples, while `sendyard demo` runs:
  export SENDYARD_API_KEY=sendyard-demo
  sendyard import messages.csv
  sendyard import recipients.csv --from +15550100010
  sendyard import messages.ndjson --at-a-time 32 --json

Exit codes:
  0    every line was accepted
  1    it ended early; the sentence says why, and the same command goes on
  2    a mistake in the command line, the file or its notes; nothing was sent
  3    every line is settled, and some were refused: see the report
  130  stopped by Ctrl-C (143: by SIGTERM); the same command goes on

The server keeps idempotency keys for a day (engine.idempotency_retention): an import that was killed, rather
than stopped, should go on within that time.")]
pub(super) struct Import {
    #[command(flatten)]
    target: Target,
    /// The file: CSV or NDJSON by its ending, .csv, .ndjson or .jsonl.
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Its form, where the ending does not tell.
    #[arg(long, value_name = "FORM")]
    format: Option<Format>,
    /// The sending number of lines that name none.
    #[arg(long, value_name = "NUMBER")]
    from: Option<String>,
    /// Requests at one time. Lines of one conversation go one after the other all the same.
    #[arg(long, value_name = "N", default_value = "16", value_parser = up_to_1_000())]
    at_a_time: usize,
    /// Another name sends the same file anew.
    #[arg(long, value_name = "NAME", default_value = "")]
    name: String,
    /// End when nothing was settled for so long: the server is away, or a queue is full.
    #[arg(long, value_name = "DURATION", default_value = "30m", value_parser = super::duration)]
    patience: Duration,
    /// Where settled lines are noted [default: FILE.progress].
    #[arg(long, value_name = "FILE")]
    notes: Option<PathBuf>,
    /// Where refused lines are written [default: FILE.refused and the file's ending].
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,
    /// Print the result as one JSON object.
    #[arg(long)]
    json: bool,
}

fn up_to_1_000() -> RangedU64ValueParser<usize> {
    RangedU64ValueParser::new().range(1..=1_000)
}

impl Import {
    pub(super) async fn run(self) -> Result<ExitCode, Failure> {
        let signals = Signals::listen().context("cannot listen for signals")?;
        let Some(plan) = self.plan() else {
            let advice = "name its form with --format csv or --format ndjson";
            return Ok(self.mistake(&format!("{}: unknown ending; {advice}", self.file.display())));
        };
        let running = match Running::prepare(plan).await {
            Ok(running) => Arc::new(running),
            Err(failure) if failure.is_of_files() => return Ok(self.mistake(&sentence(failure))),
            Err(failure) => return Err(anyhow::Error::new(failure).into()),
        };
        if running.tally().remaining() > 0 {
            running.check().await.map_err(anyhow::Error::new)?;
        }
        let begun = Instant::now();
        let ended = finish(&running, signals).await;
        self.print(&running, begun.elapsed())?;
        let tally = running.tally();
        match ended {
            Ok(()) if tally.refused > 0 => Ok(ExitCode::from(REFUSED)),
            Ok(()) => Ok(ExitCode::SUCCESS),
            Err(Early::Stopped(signal)) => {
                if !self.json {
                    say("Stopped. The same command goes on where it ended.");
                }
                Ok(ExitCode::from(signal.exit_code()))
            }
            Err(Early::Failed(failure)) if failure.is_of_files() => Ok(self.mistake(&sentence(failure))),
            Err(Early::Failed(failure)) => Err(anyhow::Error::new(failure).into()),
        }
    }

    fn plan(&self) -> Option<Plan> {
        let format = self.format.or_else(|| Format::of(&self.file))?;
        let ending = match format {
            Format::Csv => ".refused.csv",
            Format::Ndjson => ".refused.ndjson",
        };
        let file = self.file.clone();
        Some(Plan {
            format,
            name: self.name.clone(),
            from: self.from.clone(),
            server: self.target.server(),
            at_a_time: self.at_a_time,
            patience: self.patience,
            notes: self.notes.clone().unwrap_or_else(|| beside(&file, ".progress")),
            report: self.report.clone().unwrap_or_else(|| beside(&file, ending)),
            file,
        })
    }

    #[expect(clippy::unused_self, reason = "beside the other ends of a run")]
    fn mistake(&self, sentence: &str) -> ExitCode {
        super::complain(sentence);
        ExitCode::from(MISTAKE)
    }

    fn print(&self, running: &Running, took: Duration) -> Result<(), Failure> {
        let tally = running.tally();
        let report = running.report();
        if self.json {
            let object = json!({
                "lines": tally.lines,
                "accepted": tally.accepted,
                "replayed": tally.replayed,
                "refused": tally.refused,
                "remaining": tally.remaining(),
                "elapsed_ms": u64::try_from(took.as_millis()).unwrap_or(u64::MAX),
                "report": report.map(|path| path.display().to_string()),
            });
            say(&serde_json::to_string(&object).context("cannot write the result as JSON")?);
            return Ok(());
        }
        say(&format!(
            "lines {}: accepted {}, refused {}, not sent yet {}",
            tally.lines,
            tally.accepted,
            tally.refused,
            tally.remaining()
        ));
        if let Some(report) = report {
            say(&format!("Refused lines and their reasons: {}", report.display()));
        }
        Ok(())
    }
}

/// Why a run ended before the end of the file.
enum Early {
    Stopped(Signal),
    Failed(import::Failure),
}

/// To the end of the file. After the first signal no further line is begun; the second ends it at once.
async fn finish(running: &Arc<Running>, mut signals: Signals) -> Result<(), Early> {
    let (notices, told) = mpsc::channel(NOTICES);
    let mut progress = Progress::new(running, told);
    let run = running.run(notices);
    tokio::pin!(run);
    let mut first = None;
    let ended = loop {
        tokio::select! {
            ended = &mut run => break ended,
            () = sleep(LOOK_EVERY) => progress.look(running),
            signal = signals.next() => {
                if first.is_some() {
                    return Err(Early::Stopped(signal));
                }
                first = Some(signal);
                running.stop();
                progress.say("Stopping: what is on its way is waited for.");
            }
        }
    };
    progress.look(running);
    ended.map_err(Early::Failed)?;
    match first {
        // The last line may have been settled just now.
        Some(signal) if running.tally().remaining() > 0 => Err(Early::Stopped(signal)),
        _ => Ok(()),
    }
}

/// The file's name with something behind it.
fn beside(file: &Path, ending: &str) -> PathBuf {
    let mut name = OsString::from(file);
    name.push(ending);
    PathBuf::from(name)
}

fn sentence(failure: import::Failure) -> String {
    format!("{:#}", anyhow::Error::new(failure))
}
