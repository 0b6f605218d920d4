//! `sendyard keys`: API keys for directory files.

use std::process::ExitCode;

use clap::{Args, Subcommand};
use sha2::{Digest, Sha256};

use super::say;

/// Work with API keys.
#[derive(Debug, Args)]
pub(super) struct Keys {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Print a fresh key, and the line for the directory file that lets it in.
    ///
    /// The key is shown once: the directory needs only its SHA-256.
    #[command(after_help = "Example:
  sendyard keys new")]
    New,
}

impl Keys {
    pub(super) fn run(self) -> ExitCode {
        let Command::New = self.command;
        let key = format!("sy_{}", hex::encode(rand::random::<[u8; 32]>()));
        let digest = hex::encode(Sha256::digest(&key));
        say(&format!("key:        {key}"));
        say(&format!(
            r#"directory:  {{ name = "default", key = "sha256:{digest}", scopes = ["sms:send", "sms:read"] }}"#
        ));
        ExitCode::SUCCESS
    }
}
