//! `sendyard openapi`: the description of the API.

use std::process::ExitCode;

use anyhow::Context;
use clap::Args;

use super::{Failure, say};
use crate::api;

/// Print the API's description, `openapi.json`.
#[derive(Debug, Args)]
#[command(after_help = "Example:
  sendyard openapi > openapi.json")]
pub(super) struct Openapi {}

impl Openapi {
    #[expect(clippy::unused_self, reason = "every subcommand is run alike")]
    pub(super) fn run(self) -> Result<ExitCode, Failure> {
        let description = api::openapi().to_pretty_json().context("cannot write the description as JSON")?;
        say(&description);
        Ok(ExitCode::SUCCESS)
    }
}
