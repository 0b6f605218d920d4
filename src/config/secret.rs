//! Secrets of the configuration: plain, or `env:NAME`.

use secrecy::SecretString;

use super::Environment;

/// The secret that `text` is or names. The error says what is wrong, without the secret.
pub(super) fn resolve(text: &str, environment: &Environment) -> Result<SecretString, String> {
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
