//! `sendyard directory`: organizations, accounts, assistants and numbers, as a file and in a running service.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context;
use clap::{Args, Subcommand};
use serde_json::json;

use super::target::AdminTarget;
use super::{Failure, complain, say};
use crate::client::{Answer, Client};
use crate::config::{self, Environment};

/// Where a running service has it.
const PATH: &str = "/v1/admin/directory";

/// A mistake in the file.
const MISTAKE: u8 = 2;

/// Check a directory file, apply it to a running service, or export what that works with.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  sendyard directory check directory.toml
  sendyard directory export > now.toml
  sendyard directory apply directory.toml")]
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
    /// Give a running service another directory, which wins over its file from then on.
    ///
    /// The service checks it whole first, with the secrets of its own environment; a mistake is one sentence, and
    /// then nothing is changed. Keys, accounts, numbers and limits are gone by at once, and within a second on
    /// every process of its store, which keeps it over restarts. Providers' secrets must be `env:NAME` or
    /// `file:PATH`: the store keeps none.
    #[command(after_help = "Examples:
  sendyard directory apply directory.toml
  sendyard directory export > now.toml && sendyard directory apply now.toml
  sendyard directory apply directory.toml --server https://sms.example.com --json

Exit codes:
  0  it is in force
  1  the service does not answer, refuses the token, or cannot keep it now
  2  there is a mistake in it, or it cannot be read")]
    Apply {
        /// The file, TOML.
        #[arg(value_name = "FILE")]
        file: PathBuf,
        #[command(flatten)]
        target: AdminTarget,
        /// Print the answer as one JSON object.
        #[arg(long)]
        json: bool,
    },
    /// Print the directory that a running service works with, as TOML.
    ///
    /// No secret is in it: API keys are their SHA-256, providers' secrets where they are (`env:NAME`,
    /// `file:PATH`), or `hidden` where the service's file has them plain.
    #[command(after_help = "Examples:
  sendyard directory export > directory.toml
  sendyard directory export --json | jq .source

Exit codes:
  0  it is printed
  1  the service does not answer, or refuses the token")]
    Export {
        #[command(flatten)]
        target: AdminTarget,
        /// Print one JSON object: the TOML, where it is from, and its generation.
        #[arg(long)]
        json: bool,
    },
    /// Have a running service go back to its file, which is read again.
    ///
    /// So do all processes of its store, each to its own file.
    #[command(after_help = "Examples:
  sendyard directory reset

Exit codes:
  0  the file is in force
  1  the service does not answer, refuses the token, or cannot keep it now
  2  there is a mistake in the file")]
    Reset {
        #[command(flatten)]
        target: AdminTarget,
        /// Print the answer as one JSON object.
        #[arg(long)]
        json: bool,
    },
}

impl Directory {
    pub(super) async fn run(self) -> Result<ExitCode, Failure> {
        match self.command {
            Command::Check { file, json } => check(&file, json),
            Command::Apply { file, target, json } => apply(&file, &target, json).await,
            Command::Export { target, json } => export(&target, json).await,
            Command::Reset { target, json } => {
                let answer = client(&target)?.delete(PATH).await;
                Ok(tell(&answer.map_err(anyhow::Error::new)?, json))
            }
        }
    }
}

fn client(target: &AdminTarget) -> Result<Client, Failure> {
    Ok(Client::new(&target.server(), 1).map_err(anyhow::Error::new)?)
}

async fn apply(file: &Path, target: &AdminTarget, as_json: bool) -> Result<ExitCode, Failure> {
    let text = match fs::read_to_string(file) {
        Ok(text) => text,
        Err(error) => {
            complain(&format!("{}: cannot be read: {error}", file.display()));
            return Ok(ExitCode::from(MISTAKE));
        }
    };
    let body = serde_json::to_vec(&json!({ "directory": text })).context("cannot write it as JSON")?;
    let answer = client(target)?.put(PATH, body).await;
    Ok(tell(&answer.map_err(anyhow::Error::new)?, as_json))
}

async fn export(target: &AdminTarget, as_json: bool) -> Result<ExitCode, Failure> {
    let answer = client(target)?.get(PATH).await.map_err(anyhow::Error::new)?;
    let Some(text) = answer.text("directory").filter(|_| answer.status == 200) else {
        return Ok(refused(&answer, as_json));
    };
    say(if as_json { answer.body.to_string() } else { text.trim_end().to_owned() }.as_str());
    Ok(ExitCode::SUCCESS)
}

/// What came of a change.
fn tell(answer: &Answer, as_json: bool) -> ExitCode {
    if answer.status != 200 {
        return refused(answer, as_json);
    }
    if as_json {
        say(&answer.body.to_string());
        return ExitCode::SUCCESS;
    }
    let count = |name: &str| answer.body.get(name).and_then(serde_json::Value::as_u64).unwrap_or_default();
    let source = if answer.text("source") == Some("file") { "its file" } else { "what was applied" };
    let (generation, numbers) = (count("generation"), count("numbers"));
    let (accounts, keys) = (count("accounts"), count("api_keys"));
    say(&format!(
        "the service goes by {source}: generation {generation}, numbers {numbers}, accounts {accounts}, API keys {keys}"
    ));
    ExitCode::SUCCESS
}

fn refused(answer: &Answer, as_json: bool) -> ExitCode {
    let detail = answer.detail();
    if as_json {
        say(&answer.body.to_string());
    } else if answer.status == 404 {
        complain(&format!("{detail}: is http.admin_token set there?"));
    } else {
        complain(&detail);
    }
    if answer.status == 400 { ExitCode::from(MISTAKE) } else { ExitCode::FAILURE }
}

fn check(file: &Path, json: bool) -> Result<ExitCode, Failure> {
    let checked = config::Directory::check(file, &Environment::of_process());
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
