//! `sendyard directory`: the file of organizations, accounts, assistants and numbers.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Subcommand};

use super::{Failure, say};
use crate::config::{self, Environment};

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
    /// Ends with 0 if it is good; else with 2, and one sentence that starts with the key.
    #[command(after_help = "Example:
  sendyard directory check directory.toml")]
    Check {
        /// The file, TOML.
        #[arg(value_name = "FILE")]
        file: PathBuf,
    },
}

impl Directory {
    pub(super) fn run(self) -> Result<ExitCode, Failure> {
        let Command::Check { file } = self.command;
        let directory = config::Directory::load(&file, &Environment::of_process())?;
        let (numbers, accounts) = (directory.book.numbers.len(), directory.accounts.len());
        let keys = directory.keys.len();
        let file = file.display();
        say(&format!("{file} is good: numbers {numbers}, accounts {accounts}, API keys {keys}"));
        Ok(ExitCode::SUCCESS)
    }
}
