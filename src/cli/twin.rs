//! `sendyard twin`: the stand-in for the providers, alone.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;
use clap::Args;

use super::{Failure, say};
use crate::shutdown::Signals;
use crate::twin::{self, CallbackKeys, TwinOptions, VonageApplication, VonageLimits};

/// Run the stand-in for the providers, to test against.
///
/// It takes what the providers' send APIs take, delivers nothing, and writes down every request.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  sendyard twin --listen 127.0.0.1:8090
  sendyard twin --listen 127.0.0.1:8090 --ledger ledger.ndjson
  sendyard twin --listen 127.0.0.1:8090 --vonage-application $ID --vonage-public-key app.pub.pem
  curl http://127.0.0.1:8090/_twin/ledger")]
pub(super) struct Twin {
    /// Where it listens.
    #[arg(long, value_name = "ADDR")]
    listen: SocketAddr,
    /// Also write the ledger to this file, one JSON line per request.
    #[arg(long, value_name = "FILE")]
    ledger: Option<PathBuf>,
    /// Sign Twilio's callbacks with this token where a request came with an API key.
    #[arg(long, value_name = "TOKEN")]
    twilio_auth_token: Option<String>,
    /// Sign Vonage's callbacks with this secret.
    #[arg(long, value_name = "SECRET")]
    vonage_signature_secret: Option<String>,
    /// Name this key in Vonage's callbacks of an application's messages.
    #[arg(long, value_name = "KEY")]
    vonage_api_key: Option<String>,
    /// Let only this application in at Vonage.
    #[arg(long, value_name = "ID", requires = "vonage_public_key")]
    vonage_application: Option<String>,
    /// Its public key, PEM.
    #[arg(long, value_name = "FILE", requires = "vonage_application")]
    vonage_public_key: Option<PathBuf>,
}

impl Twin {
    pub(super) async fn run(self) -> Result<ExitCode, Failure> {
        let mut signals = Signals::listen().context("cannot listen for signals")?;
        let listen = self.listen;
        let twin = twin::start(listen, self.options()?)
            .await
            .with_context(|| format!("cannot start the twin on {listen}"))?;
        let addr = twin.addr();
        say(&format!("The twin listens on http://{addr}; its ledger is http://{addr}/_twin/ledger"));
        signals.next().await;
        twin.stop().await;
        Ok(ExitCode::SUCCESS)
    }
    fn options(self) -> Result<TwinOptions, anyhow::Error> {
        let known = CallbackKeys::default();
        let callback_keys = CallbackKeys {
            twilio_auth_token: self.twilio_auth_token.map_or(known.twilio_auth_token, Into::into),
            vonage_signature_secret: self
                .vonage_signature_secret
                .map_or(known.vonage_signature_secret, Into::into),
            vonage_api_key: self.vonage_api_key.unwrap_or(known.vonage_api_key),
            ..known
        };
        let mut vonage = VonageLimits::default();
        if let (Some(id), Some(path)) = (self.vonage_application, self.vonage_public_key) {
            let public_key = std::fs::read_to_string(&path)
                .with_context(|| format!("cannot read the public key {}", path.display()))?;
            vonage.applications.push(VonageApplication { id, public_key });
        }
        Ok(TwinOptions { ledger_file: self.ledger, vonage, callback_keys, ..TwinOptions::default() })
    }
}
