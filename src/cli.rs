//! The command line, a file per subcommand.

use std::io::{self, Write};
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::config::Refusal;

mod demo;
mod directory;
mod keys;
mod load;
mod metrics;
mod openapi;
mod probe;
mod serve;
mod twin;
mod verify;

/// A self-hosted engine that sends SMS and MMS for applications.
#[derive(Debug, Parser)]
#[command(name = "sendyard", version, arg_required_else_help = true)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Serve(serve::Serve),
    Demo(demo::Demo),
    Twin(twin::Twin),
    Load(Box<load::Load>),
    Verify(verify::Verify),
    Openapi(openapi::Openapi),
    Metrics(metrics::Metrics),
    Probe(probe::Probe),
    Directory(directory::Directory),
    Keys(keys::Keys),
}

/// Why a subcommand ended early.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// A mistake in the configuration or the directory.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// Everything else, with its causes in one sentence.
    #[error("{0:#}")]
    Failed(#[from] anyhow::Error),
}

impl Failure {
    /// 2 for what is to be corrected in a file, as for a wrong command line; 1 for the rest.
    pub const fn exit_code(&self) -> u8 {
        match self {
            Self::Refused(_) => 2,
            Self::Failed(_) => 1,
        }
    }
}

/// Runs the subcommand to its end.
pub async fn run(cli: Cli) -> Result<ExitCode, Failure> {
    match cli.command {
        Command::Serve(serve) => serve.run().await,
        Command::Demo(demo) => demo.run().await,
        Command::Twin(twin) => twin.run().await,
        Command::Load(load) => load.run().await,
        Command::Verify(verify) => verify.run(),
        Command::Openapi(openapi) => openapi.run(),
        Command::Metrics(metrics) => Ok(metrics.run()),
        Command::Probe(probe) => Ok(probe.run().await),
        Command::Directory(directory) => directory.run(),
        Command::Keys(keys) => Ok(keys.run()),
    }
}

/// Says something to the user. Whoever has closed the pipe wants no more of it.
fn say(text: &str) {
    let _ = writeln!(io::stdout(), "{text}");
}
