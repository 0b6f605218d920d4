//! TOML files and the environment as layers, and out of them a typed value or a refusal.

use std::path::Path;

use figment::Figment;
use figment::providers::Serialized;
use figment::value::{Dict, Value};
use serde::de::DeserializeOwned;

use super::{Environment, Refusal};

/// The text of a file.
pub(super) fn read(path: &Path) -> Result<String, Refusal> {
    std::fs::read_to_string(path)
        .map_err(|error| Refusal::new(path.display().to_string(), format!("cannot be read: {error}")))
}

/// The tables of a TOML text; `path` names it where it is no TOML.
pub(super) fn parse(path: &Path, text: &str) -> Result<Dict, Refusal> {
    toml::from_str(text).map_err(|error: toml::de::Error| {
        let start = error.span().map_or(0, |span| span.start);
        let line = 1 + text.bytes().take(start).filter(|byte| *byte == b'\n').count();
        let problem = error.message().replace('\n', ", ");
        Refusal::new(format!("{}, line {line}", path.display()), format!("not TOML: {problem}"))
    })
}

/// A typed value out of one layer.
pub(super) fn extract<T: DeserializeOwned>(layer: Dict) -> Result<T, Refusal> {
    T::deserialize(&Value::from(layer)).map_err(Refusal::from)
}

/// Layers, each over the one before.
pub(super) struct Layers {
    first: Figment,
    merged: Figment,
}

impl From<Dict> for Layers {
    fn from(first: Dict) -> Self {
        let first = Figment::from(Serialized::defaults(first));
        Self { merged: first.clone(), first }
    }
}

impl Layers {
    /// Puts a file over what is there.
    pub(super) fn merge(&mut self, layer: Dict) {
        let below = std::mem::take(&mut self.merged);
        self.merged = below.merge(Serialized::defaults(layer));
    }

    /// Puts the environment over what is there. A variable is text: the first layer tells which keys
    /// are numbers or booleans, so that a token of digits stays a string.
    pub(super) fn merge_environment(&mut self, environment: &Environment) {
        for (key, text) in environment.settings() {
            let value = match self.first.find_value(&key) {
                Ok(Value::Num(..)) => text.parse::<i64>().ok().map(Value::from),
                Ok(Value::Bool(..)) => text.parse::<bool>().ok().map(Value::from),
                _ => None,
            };
            let value = value.unwrap_or_else(|| Value::from(text));
            let below = std::mem::take(&mut self.merged);
            self.merged = below.merge((key, value));
        }
    }

    /// The typed value.
    pub(super) fn extract<T: DeserializeOwned>(&self) -> Result<T, Refusal> {
        self.merged.extract().map_err(Refusal::from)
    }
}
