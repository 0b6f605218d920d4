//! `sendyard keys`: API keys for directory files.

use std::io::Read;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;
use clap::{Args, Subcommand};
use secrecy::{ExposeSecret, SecretString};
use serde_json::json;
use sha2::{Digest, Sha256};

use super::{Failure, complain, say};
use crate::api::auth::{Keyring, Scope};
use crate::config::{Directory, Environment};

/// The directory does not have the key.
const UNKNOWN: u8 = 3;

/// The longest key that is read, in bytes.
const LONGEST: u64 = 64 * 1024;

/// Work with API keys.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  sendyard keys new --name reports --scope sms:read
  SENDYARD_API_KEY=sy_... sendyard keys check directory.toml")]
pub(super) struct Keys {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Print a fresh key, and the line for the directory file that lets it in.
    ///
    /// The key is shown once: the directory needs only its SHA-256.
    #[command(after_help = "Examples:
  sendyard keys new
  sendyard keys new --name reports --scope sms:read
  sendyard keys new --json")]
    New {
        /// The key's name in the directory, for people.
        #[arg(long, value_name = "NAME", default_value = "default")]
        name: String,
        /// What it may be used for: sms:send, sms:read, senders:write or admin [default: sms:send sms:read].
        #[arg(long = "scope", value_name = "SCOPE")]
        scopes: Vec<Scope>,
        /// Print one JSON object.
        #[arg(long)]
        json: bool,
    },
    /// Print a key's SHA-256 as the directory file takes it.
    #[command(after_help = "Example:
  printf %s \"$SENDYARD_API_KEY\" | sendyard keys digest")]
    Digest,
    /// Say what a key may do, by a directory file. Speaks to nobody.
    ///
    /// The key comes from `SENDYARD_API_KEY`, or else from standard input.
    #[command(after_help = "Example:
  SENDYARD_API_KEY=sy_... sendyard keys check directory.toml

Exit codes:
  0  the directory has it
  2  the file has a mistake
  3  the directory has it not")]
    Check {
        /// The directory file, TOML.
        #[arg(value_name = "FILE")]
        file: PathBuf,
        /// Print one JSON object.
        #[arg(long)]
        json: bool,
    },
}

impl Keys {
    pub(super) fn run(self) -> Result<ExitCode, Failure> {
        match self.command {
            Command::New { name, scopes, json } => new(&name, &scopes, json),
            Command::Digest => {
                say(&format!("sha256:{}", digest(read()?.expose_secret())));
                Ok(ExitCode::SUCCESS)
            }
            Command::Check { file, json } => check(&file, json),
        }
    }
}

fn new(name: &str, scopes: &[Scope], as_json: bool) -> Result<ExitCode, Failure> {
    let usual = [Scope::SmsSend, Scope::SmsRead];
    let scopes: Vec<&str> =
        if scopes.is_empty() { &usual[..] } else { scopes }.iter().map(|scope| scope.as_str()).collect();
    let key = format!("sy_{}", hex::encode(rand::random::<[u8; 32]>()));
    let digest = format!("sha256:{}", digest(&key));
    if as_json {
        let object = json!({ "key": key, "name": name, "directory": digest, "scopes": scopes });
        say(&serde_json::to_string(&object).context("cannot write the key as JSON")?);
        return Ok(ExitCode::SUCCESS);
    }
    say(&format!("key:        {key}"));
    let scopes = scopes.join(r#"", ""#);
    say(&format!(r#"directory:  {{ name = {name:?}, key = "{digest}", scopes = ["{scopes}"] }}"#));
    Ok(ExitCode::SUCCESS)
}

fn check(file: &std::path::Path, as_json: bool) -> Result<ExitCode, Failure> {
    let environment = Environment::of_process();
    let directory = Directory::load(file, &environment)?;
    let key = match environment.get("SENDYARD_API_KEY") {
        Some(key) => key.into(),
        None => read()?,
    };
    let keyring = Keyring::new(directory.keys);
    let found = keyring.find(key.expose_secret().as_bytes());
    if as_json {
        let of = |key: &crate::api::auth::ApiKey| json!({ "known": true, "name": key.name, "organization": key.organization.0, "scopes": words(key) });
        say(&found.as_deref().map_or_else(|| json!({ "known": false }), of).to_string());
    }
    let Some(key) = found else {
        if !as_json {
            complain(&format!("{} has no such key; check that it is the whole one", file.display()));
        }
        return Ok(ExitCode::from(UNKNOWN));
    };
    if !as_json {
        let scopes = words(&key).join(", ");
        say(&format!("{:?} of organization {}, scopes {scopes}", key.name, key.organization.0));
    }
    Ok(ExitCode::SUCCESS)
}

fn words(key: &crate::api::auth::ApiKey) -> Vec<&'static str> {
    let has = Scope::ALL.into_iter().filter(|scope| key.scopes.contains(*scope));
    has.map(Scope::as_str).collect()
}

fn digest(key: &str) -> String {
    hex::encode(Sha256::digest(key))
}

/// A key from standard input, without the blanks around it.
fn read() -> Result<SecretString, Failure> {
    let mut text = String::new();
    let read = std::io::stdin().take(LONGEST).read_to_string(&mut text);
    read.context("cannot read the key from standard input")?;
    if text.trim().is_empty() {
        return Err(anyhow::anyhow!("expected a key on standard input, found none").into());
    }
    Ok(text.trim().into())
}
