//! `sendyard directory`: the file of organizations, accounts, assistants and numbers.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;
use clap::{Args, Subcommand};
use serde_json::json;

use super::{Failure, complain, say};
use crate::config::{self, Environment};

/// A mistake in the file.
const MISTAKE: u8 = 2;

/// Work with directory files.
#[derive(Debug, Args)]
pub(super) struct Directory {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Check a directory file as the start does, secrets in the environment too.
    ///
    /// Says every mistake, one sentence each, which starts with the key. Speaks to nobody.
    #[command(after_help = "Examples:
  sendyard directory check directory.toml
  sendyard directory check directory.toml --json

Exit codes:
  0  it is good
  2  it is not, or it cannot be read")]
    Check {
        /// The file, TOML.
        #[arg(value_name = "FILE")]
        file: PathBuf,
        /// Print the result as one JSON object.
        #[arg(long)]
        json: bool,
    },
}

impl Directory {
    pub(super) fn run(self) -> Result<ExitCode, Failure> {
        let Command::Check { file, json } = self.command;
        let checked = config::Directory::check(&file, &Environment::of_process());
        let sentences: Vec<String> =
            checked.as_ref().err().into_iter().flatten().map(ToString::to_string).collect();
        if json {
            let object =
                json!({ "file": file.display().to_string(), "good": checked.is_ok(), "mistakes": sentences });
            say(&serde_json::to_string(&object).context("cannot write the result as JSON")?);
        }
        let Ok(directory) = checked else {
            if !json {
                for sentence in &sentences {
                    complain(sentence);
                }
            }
            return Ok(ExitCode::from(MISTAKE));
        };
        if !json {
            let (numbers, accounts) = (directory.book.numbers.len(), directory.accounts.len());
            let keys = directory.keys.len();
            let file = file.display();
            say(&format!("{file} is good: numbers {numbers}, accounts {accounts}, API keys {keys}"));
        }
        Ok(ExitCode::SUCCESS)
    }
}
