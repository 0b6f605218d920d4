//! The command line, a file per subcommand.

use std::io::{self, Write};
use std::process::ExitCode;
use std::time::Duration;

use clap::{Parser, Subcommand};

use crate::config::{self, Refusal};

mod completions;
mod demo;
mod directory;
mod import;
mod keys;
mod load;
mod metrics;
mod openapi;
mod paint;
mod probe;
mod send;
mod serve;
mod target;
mod top;
mod twin;
mod verify;

/// A self-hosted engine that sends SMS and MMS for applications.
#[derive(Debug, Parser)]
#[command(name = "sendyard", version, arg_required_else_help = true)]
#[command(after_help = "Examples:
  sendyard demo
  sendyard serve --config sendyard.toml
  sendyard send --help

Exit codes, where a command's --help names no others:
  0  it is done
  1  it failed; the last line says why
  2  a mistake in the command line, or in a file that it names
  130, 143  ended at once by a second Ctrl-C or SIGTERM")]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Serve(serve::Serve),
    Demo(demo::Demo),
    Twin(twin::Twin),
    Send(Box<send::Send>),
    Import(Box<import::Import>),
    Top(top::Top),
    Load(Box<load::Load>),
    Verify(verify::Verify),
    Openapi(openapi::Openapi),
    Metrics(metrics::Metrics),
    Probe(probe::Probe),
    Directory(directory::Directory),
    Keys(keys::Keys),
    Completions(completions::Completions),
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
        Command::Send(send) => send.run().await,
        Command::Import(import) => import.run().await,
        Command::Top(top) => top.run().await,
        Command::Load(load) => load.run().await,
        Command::Verify(verify) => verify.run(),
        Command::Openapi(openapi) => openapi.run(),
        Command::Metrics(metrics) => Ok(metrics.run()),
        Command::Probe(probe) => Ok(probe.run().await),
        Command::Directory(directory) => directory.run().await,
        Command::Keys(keys) => keys.run(),
        Command::Completions(completions) => Ok(completions.run()),
    }
}

/// Says something to the user beside what a program may read.
fn complain(text: &str) {
    let _ = writeln!(io::stderr(), "sendyard: {text}");
}

/// A duration of an option, above zero.
fn duration(text: &str) -> Result<Duration, String> {
    let duration = config::parse_duration(text).filter(|duration| !duration.is_zero());
    duration.ok_or_else(|| r#"expected a duration above zero such as "500ms" or "10s""#.to_owned())
}

/// Says something to the user. Whoever has closed the pipe wants no more of it.
fn say(text: &str) {
    let _ = writeln!(io::stdout(), "{text}");
}
