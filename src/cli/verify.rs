//! `sendyard verify`: judges a run after it is over.
#![expect(clippy::print_stdout, reason = "what a subcommand says to its user")]

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context;
use clap::Args;
use jiff::{Span, SpanRelativeTo};

use super::Failure;
use crate::verify::{Inputs, Options, Paths, verify};

/// Ends a run that broke a promise. 1 and 2 say that nothing was judged.
const BROKEN: u8 = 3;

/// Judge a run: did the engine keep its promises?
///
/// Reads what the provider saw, what clients were told, and where messages stand at the end.
/// docs/VERIFY.md describes the files. Ends with 0 if nothing is wrong, with 3 if a promise was
/// broken.
#[derive(Debug, Args)]
#[command(after_help = "Example:
  sendyard verify --ledger ledger.ndjson --answers answers.ndjson --statuses statuses.ndjson --limits limits.json")]
pub(super) struct Verify {
    /// What the provider saw: the twin's ledger.
    #[arg(long, value_name = "FILE")]
    ledger: PathBuf,
    /// What clients were told, a line a request.
    #[arg(long, value_name = "FILE")]
    answers: PathBuf,
    /// The last status of every message, a line each.
    #[arg(long, value_name = "FILE")]
    statuses: PathBuf,
    /// The limits of every number. Without it no pace is judged.
    #[arg(long, value_name = "FILE")]
    limits: Option<PathBuf>,
    /// How far the clocks and ways of both sides may differ.
    #[arg(long, value_name = "DURATION", default_value = "50ms", value_parser = duration)]
    jitter: Duration,
    /// Unknown outcomes are sent again, as the accounts say: a double is then no violation.
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
        let report = verify(&inputs);
        if json {
            println!("{}", serde_json::to_string(&report).context("cannot write the report as JSON")?);
        } else {
            print!("{report}");
        }
        Ok(if report.violations() == 0 { ExitCode::SUCCESS } else { ExitCode::from(BROKEN) })
    }
}

fn duration(text: &str) -> Result<Duration, String> {
    let span: Span = text.parse().map_err(|_| r#"expected a duration such as "50ms" or "2s""#)?;
    let signed = span.to_duration(SpanRelativeTo::days_are_24_hours()).map_err(|error| error.to_string())?;
    Duration::try_from(signed).map_err(|_| "expected a duration that is not negative".to_owned())
}
