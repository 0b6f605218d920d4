//! `sendyard demo`: engine, embedded store and the twin in one process.

use std::io::{self, IsTerminal};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context;
use clap::Args;
use console::Term;
use url::Url;
use uuid::Uuid;

use super::{Failure, say};
use crate::boot::{self, Running, StartError};
use crate::client::{Client, Server};
use crate::config::{Config, Directory, Environment, StoreUrl};
use crate::shutdown::{self, Signals};
use crate::twin::{self, RunningTwin, TwinOptions};

mod tour;

/// Known to everybody: it opens nothing but the twin.
const KEY: &str = "sendyard-demo";

/// Connections that the tour keeps.
const AT_A_TIME: usize = 16;

/// The seeded directory; `{twin}` is where the twin listens.
const DIRECTORY: &str = include_str!("demo.toml");

/// Try it out: engine, embedded store and a stand-in for the providers, in one process.
///
/// Nothing is sent to anybody. Prints a key, numbers, and a line for the shell that sends a message; then, on a terminal,
/// a short tour: three numbers at their limits, one re-tuned and one paused on the way. It serves meanwhile, and goes
/// on until it is stopped.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  sendyard demo
  sendyard demo --no-tour
  sendyard demo --listen 127.0.0.1:9090 --data ./sendyard-demo")]
pub(super) struct Demo {
    /// Where the API listens.
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8080")]
    listen: SocketAddr,
    /// Keep the messages in this directory. Without it they are gone at the end. No tour then: it would be kept, too.
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// No tour.
    #[arg(long)]
    no_tour: bool,
}

impl Demo {
    pub(super) async fn run(self) -> Result<ExitCode, Failure> {
        let mut signals = Signals::listen().context("cannot listen for signals")?;
        let data = Data::new(self.data);
        let anywhere = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let twin = twin::start(anywhere, TwinOptions::default()).await.context("cannot start the twin")?;

        let environment = Environment::default();
        let text = DIRECTORY.replace("{twin}", &format!("http://{}", twin.addr()));
        let directory = Directory::parse(Path::new("demo.toml"), &text, &environment)?;
        let config = Config {
            listen: self.listen,
            public_url: callbacks_to(self.listen),
            metrics_listen: None,
            store: StoreUrl::Redb(data.directory.clone()),
            ..Config::load(None, &environment)?
        };
        let running = boot::start(config, directory).await.map_err(|error| advise(error, self.listen))?;

        say(&welcome(&running, &twin, &data));
        let api = format!("http://{}", reachable(running.addr()));
        let is_shown = !self.no_tour && !data.is_kept && io::stdout().is_terminal();
        tokio::select! {
            _ = signals.next() => {}
            () = show_and_wait(is_shown, &api) => {}
        }
        say("Stopping: what is in flight finishes.");
        let stop = async {
            running.stop().await;
            twin.stop().await;
        };
        Ok(shutdown::stop_or_leave(stop, &mut signals).await)
    }
}

/// The tour, if it is to be shown; never ends.
async fn show_and_wait(is_shown: bool, api: &str) {
    if is_shown {
        match tour_of(api).await {
            Ok(()) => say(&format!(
                "\nThe tour is over, and Sendyard goes on. Watch and tune it:\n\n  sendyard top --server {api} --key {KEY}"
            )),
            Err(error) => say(&format!("\nThe tour has ended early: {error:#}. Sendyard goes on.")),
        }
    }
    std::future::pending::<()>().await;
}

async fn tour_of(api: &str) -> anyhow::Result<()> {
    let client = Client::new(&Server { url: Url::parse(api)?, key: KEY.into() }, AT_A_TIME)?;
    tour::run(&client, &Term::stdout()).await
}

/// Where the twin's callbacks would go. With them the twin's ledger names our messages.
fn callbacks_to(listen: SocketAddr) -> Option<Url> {
    let is_known = listen.port() != 0;
    if is_known { Url::parse(&format!("http://{}", reachable(listen))).ok() } else { None }
}

/// What to do where the port is taken.
fn advise(error: StartError, listen: SocketAddr) -> anyhow::Error {
    match &error {
        StartError::Listen { source, .. } if source.kind() == io::ErrorKind::AddrInUse => anyhow::anyhow!(
            "{listen} is taken by another program: stop it, or choose another port, \
             as in `sendyard demo --listen 127.0.0.1:9090`"
        ),
        _ => anyhow::Error::new(error),
    }
}

fn welcome(running: &Running, twin: &RunningTwin, data: &Data) -> String {
    let api = format!("http://{}", reachable(running.addr()));
    let (twin, data) = (twin.addr(), data.describe());
    format!(
        r#"Sendyard runs on {api}. Nothing leaves this machine: the provider is a stand-in.

  key       {KEY}
  numbers   +1234567890 (1 segment/s), +15550100010 (10/s), +15550100006 (6/min)
  data      {data}

Send a message:

  curl -sS {api}/sms/send -H 'Authorization: Bearer {KEY}' -H 'Content-Type: application/json' -d '{{"from_phone_number":"+1234567890","to_phone_number":"+1555123456","message":"Hello from Sendyard"}}'

Ask what became of it, with the message_id of the answer:

  curl -sS {api}/sms/MESSAGE_ID/status -H 'Authorization: Bearer {KEY}'

See what the provider saw:  curl -sS http://{twin}/_twin/ledger
Metrics:                    curl -sS {api}/metrics
Stop with Ctrl-C."#
    )
}

/// An address for a client on this machine: nobody can connect to "any address" everywhere.
fn reachable(listening: SocketAddr) -> SocketAddr {
    if listening.ip().is_unspecified() {
        return SocketAddr::from((Ipv4Addr::LOCALHOST, listening.port()));
    }
    listening
}

/// The store's directory: kept if the user named it, else removed at the end.
struct Data {
    directory: PathBuf,
    is_kept: bool,
}

impl Data {
    fn new(named: Option<PathBuf>) -> Self {
        let is_kept = named.is_some();
        let fresh = || std::env::temp_dir().join(format!("sendyard-demo-{}", Uuid::new_v4()));
        Self { directory: named.unwrap_or_else(fresh), is_kept }
    }

    fn describe(&self) -> String {
        let until = if self.is_kept { "kept" } else { "removed at the end" };
        format!("{} ({until})", self.directory.display())
    }
}

impl Drop for Data {
    fn drop(&mut self) {
        if self.is_kept {
            return;
        }
        if let Err(error) = std::fs::remove_dir_all(&self.directory) {
            tracing::debug!(%error, "the demo's directory is not removed");
        }
    }
}

#[cfg(test)]
mod tests {
    use sha2::{Digest, Sha256};

    use super::*;
    use crate::api::auth::Scope;

    #[test]
    fn the_seeded_directory_lets_the_printed_key_send_from_the_printed_numbers() {
        let text = DIRECTORY.replace("{twin}", "http://127.0.0.1:1");
        let directory = Directory::parse(Path::new("demo.toml"), &text, &Environment::default()).unwrap();
        let digest: [u8; 32] = Sha256::digest(KEY).into();
        assert_eq!(directory.keys[0].digest, digest);
        for scope in [Scope::SmsSend, Scope::SmsRead, Scope::SendersWrite, Scope::Admin] {
            assert!(directory.keys[0].scopes.contains(scope), "{scope:?}");
        }
        for number in ["+1234567890", "+15550100010", "+15550100006"] {
            assert!(directory.book.numbers.contains_key(&number.parse().unwrap()), "{number}");
        }
    }

    #[test]
    fn data_that_nobody_named_is_removed_at_the_end() {
        let data = Data::new(None);
        std::fs::create_dir(&data.directory).unwrap();
        let directory = data.directory.clone();
        drop(data);
        assert!(!directory.exists());
    }

    #[test]
    fn an_address_that_means_any_is_printed_as_one_to_connect_to() {
        assert_eq!(reachable("0.0.0.0:8080".parse().unwrap()).to_string(), "127.0.0.1:8080");
        assert_eq!(reachable("[::]:8080".parse().unwrap()).to_string(), "127.0.0.1:8080");
        assert_eq!(reachable("192.0.2.1:80".parse().unwrap()).to_string(), "192.0.2.1:80");
    }
}
