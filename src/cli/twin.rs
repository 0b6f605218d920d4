//! `sendyard twin`: the stand-in for the providers, alone.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;
use clap::Args;

use super::{Failure, say};
use crate::shutdown::Signals;
use crate::twin::{self, TwinOptions};

/// Run the stand-in for the providers, to test against.
///
/// It takes what the providers' send APIs take, delivers nothing, and writes down every request.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  sendyard twin --listen 127.0.0.1:8090
  sendyard twin --listen 127.0.0.1:8090 --ledger ledger.ndjson
  curl http://127.0.0.1:8090/_twin/ledger")]
pub(super) struct Twin {
    /// Where it listens.
    #[arg(long, value_name = "ADDR")]
    listen: SocketAddr,
    /// Also write the ledger to this file, one JSON line per request.
    #[arg(long, value_name = "FILE")]
    ledger: Option<PathBuf>,
}

impl Twin {
    pub(super) async fn run(self) -> Result<ExitCode, Failure> {
        let mut signals = Signals::listen().context("cannot listen for signals")?;
        let options = TwinOptions { ledger_file: self.ledger, ..TwinOptions::default() };
        let twin = twin::start(self.listen, options)
            .await
            .with_context(|| format!("cannot start the twin on {}", self.listen))?;
        let addr = twin.addr();
        say(&format!("The twin listens on http://{addr}; its ledger is http://{addr}/_twin/ledger"));
        signals.next().await;
        twin.stop().await;
        Ok(ExitCode::SUCCESS)
    }
}
