//! `sendyard verify`: did a run keep the promises?

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context;
use clap::Args;

use super::{Failure, say};
use crate::config::parse_duration;
use crate::verify::{self, Inputs, Options, Paths};

/// Judge a run by what the outside saw of it.
///
/// Reads the twin's ledger, the clients' answers, the final statuses and the limits, and re-derives
/// the promises from them. Ends with 1 if one was broken. The files are described in docs/VERIFY.md.
#[derive(Debug, Args)]
#[command(after_help = "Example:
  sendyard verify --ledger seen.ndjson --answers answers.ndjson --statuses statuses.ndjson")]
pub(super) struct Verify {
    /// The twin's ledger, NDJSON.
    #[arg(long, value_name = "FILE")]
    ledger: PathBuf,
    /// What clients asked and were told, NDJSON.
    #[arg(long, value_name = "FILE")]
    answers: PathBuf,
    /// The statuses at the end, NDJSON.
    #[arg(long, value_name = "FILE")]
    statuses: PathBuf,
    /// The limits of every number, JSON. Without it no pace is judged.
    #[arg(long, value_name = "FILE")]
    limits: Option<PathBuf>,
    /// How far the ledger's clock and way may differ from the engine's and the clients'.
    #[arg(long, value_name = "DURATION", default_value = "50ms", value_parser = duration)]
    jitter: Duration,
    /// The accounts' policy for unknown outcomes is `resend`, which may double a message.
    #[arg(long)]
    resend: bool,
    /// Print the report as JSON.
    #[arg(long)]
    json: bool,
}

impl Verify {
    pub(super) fn run(self) -> Result<ExitCode, Failure> {
        let Self { ledger, answers, statuses, limits, jitter, resend, json } = self;
        let paths = Paths { ledger, answers, statuses, limits };
        let inputs = Inputs::read(&paths, Options { jitter, resend }).map_err(anyhow::Error::new)?;
        let report = verify::verify(&inputs);
        if json {
            say(&serde_json::to_string_pretty(&report).context("cannot write the report as JSON")?);
        } else {
            say(report.to_string().trim_end());
        }
        Ok(if report.violations() == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }
}

fn duration(text: &str) -> Result<Duration, String> {
    parse_duration(text).ok_or_else(|| r#"expected a duration such as "50ms" or "1s""#.to_owned())
}
