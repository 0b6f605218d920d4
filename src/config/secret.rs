//! Secrets of the configuration: plain, `env:NAME`, or `file:PATH`.

use std::fs::File;
use std::io::Read;

use secrecy::{ExposeSecret, SecretString};

use super::Environment;

/// A file is read so far, in bytes: no secret is longer.
const FILE_LIMIT: u64 = 64 * 1024;

/// The secret that `text` is or names. The error says what is wrong, without the secret.
pub(super) fn resolve(text: &str, environment: &Environment) -> Result<SecretString, String> {
    if let Some(path) = text.strip_prefix("file:") {
        return read_file(path);
    }
    let Some(name) = text.strip_prefix("env:") else {
        return if text.is_empty() {
            Err("expected a secret, found none".to_owned())
        } else {
            Ok(text.into())
        };
    };
    match environment.get(name) {
        None => Err(format!("the environment variable {name} is not set")),
        Some("") => Err(format!("the environment variable {name} is empty")),
        Some(secret) => Ok(secret.into()),
    }
}

/// Does it only say where the secret is?
pub(super) fn is_reference(text: &str) -> bool {
    text.starts_with("env:") || text.starts_with("file:")
}

/// Without the ends of lines behind it, which an editor leaves there.
fn read_file(path: &str) -> Result<SecretString, String> {
    let mut text = String::new();
    let read = File::open(path).and_then(|file| file.take(FILE_LIMIT).read_to_string(&mut text));
    read.map_err(|error| format!("cannot read {path}: {error}"))?;
    let secret = SecretString::from(text.trim_end_matches(['\r', '\n']));
    if secret.expose_secret().is_empty() {
        return Err(format!("the file {path} is empty"));
    }
    Ok(secret)
}
