//! `sendyard metrics`: what every metric means.

use std::process::ExitCode;

use clap::Args;
use sendyard_actors::telemetry;

use super::say;

/// Print what every metric means, as Markdown: docs/METRICS.md.
#[derive(Debug, Args)]
#[command(after_help = "Example:
  sendyard metrics > docs/METRICS.md")]
pub(super) struct Metrics {}

impl Metrics {
    #[expect(clippy::unused_self, reason = "every subcommand is run alike")]
    pub(super) fn run(self) -> ExitCode {
        say(telemetry::document().trim_end());
        ExitCode::SUCCESS
    }
}
