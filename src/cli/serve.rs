//! `sendyard serve`: the service.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;
use clap::Args;

use super::Failure;
use crate::boot;
use crate::config::{Config, Directory, Environment};
use crate::shutdown::{self, Signals};

/// Run the service.
///
/// Settings come from the embedded defaults, then the file, then the environment
/// (`SENDYARD__SECTION__KEY`). SIGTERM and SIGINT let what is in flight finish; a second one ends at
/// once.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  sendyard serve --config sendyard.toml
  SENDYARD__HTTP__LISTEN=0.0.0.0:8080 sendyard serve
  SENDYARD_LOG_FORMAT=json RUST_LOG=sendyard=debug sendyard serve --config sendyard.toml")]
pub(super) struct Serve {
    /// The settings, TOML. Without it: the defaults and the environment.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

impl Serve {
    pub(super) async fn run(self) -> Result<ExitCode, Failure> {
        let environment = Environment::of_process();
        let config = Config::load(self.config.as_deref(), &environment)?;
        let directory = Directory::load(&config.directory, &environment)?;
        let signals = Signals::listen().context("cannot listen for signals")?;
        let running = boot::start(config, directory).await.map_err(anyhow::Error::new)?;
        Ok(shutdown::until_stopped(running, signals).await)
    }
}
