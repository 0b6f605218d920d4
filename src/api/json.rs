//! A request body as one JSON object whose fields are taken by name.
//!
//! Read by hand, not derived, so that each refusal is a sentence that names its field, and so that a
//! field given twice is refused rather than decided by chance. Depth is bounded by `serde_json` (128
//! levels); the body's size by [`super::limits`].

use serde_json::{Map, Value};

use super::errors::{ApiError, Code};
use crate::fields::{ECHO, Fields};

/// The fields that have not been taken yet.
pub(super) struct Object(Vec<(String, Value)>);

impl Object {
    /// Parses a whole body.
    pub(super) fn parse(body: &[u8]) -> Result<Self, ApiError> {
        Self::parse_as(body, "The request body")
    }

    /// Parses one of the objects in a body; `what` is how a refusal calls it.
    pub(super) fn parse_as(body: &[u8], what: &str) -> Result<Self, ApiError> {
        let broken = |detail: String| ApiError::new(Code::InvalidJson, detail);
        let Ok(text) = std::str::from_utf8(body) else {
            return Err(broken(format!("{what} is not valid UTF-8")));
        };
        // Looked at first so that the parser's complaint never repeats a stray value of the client.
        if !text.trim_start_matches([' ', '\t', '\r', '\n']).starts_with('{') {
            return Err(broken(format!("{what} must be a JSON object")));
        }
        match serde_json::from_str::<Fields>(text) {
            Ok(Fields(fields)) => Ok(Self(fields)),
            Err(error) => Err(broken(format!("{what} cannot be read as JSON: {error}"))),
        }
    }

    /// A string that must be there.
    pub(super) fn required_text(&mut self, name: &str) -> Result<String, ApiError> {
        let text = self.text(name)?;
        text.ok_or_else(|| ApiError::invalid(format!("Field '{name}' is required and must be a string")))
    }

    /// A string; absent or null is `None`.
    pub(super) fn text(&mut self, name: &str) -> Result<Option<String>, ApiError> {
        match self.remove(name) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(_) => Err(ApiError::invalid(format!("Field '{name}' must be a string"))),
        }
    }

    /// A boolean; absent or null is `None`.
    pub(super) fn boolean(&mut self, name: &str) -> Result<Option<bool>, ApiError> {
        match self.remove(name) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::Bool(yes)) => Ok(Some(yes)),
            Some(_) => Err(ApiError::invalid(format!("Field '{name}' must be true or false"))),
        }
    }

    /// A whole number that is not negative; absent or null is `None`.
    pub(super) fn whole_number(&mut self, name: &str) -> Result<Option<u64>, ApiError> {
        match self.remove(name) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::Number(number)) if number.is_u64() => Ok(number.as_u64()),
            Some(_) => Err(ApiError::invalid(format!("Field '{name}' must be a whole number"))),
        }
    }

    /// A list of strings; absent or null is the empty one.
    pub(super) fn texts(&mut self, name: &str) -> Result<Vec<String>, ApiError> {
        let mistyped = || ApiError::invalid(format!("Field '{name}' must be an array of strings"));
        let list = match self.remove(name) {
            None | Some(Value::Null) => return Ok(Vec::new()),
            Some(Value::Array(list)) => list,
            Some(_) => return Err(mistyped()),
        };
        let mut texts = Vec::with_capacity(list.len());
        for item in list {
            let Value::String(text) = item else { return Err(mistyped()) };
            texts.push(text);
        }
        Ok(texts)
    }

    /// An object; absent or null is `None`.
    pub(super) fn fields(&mut self, name: &str) -> Result<Option<Map<String, Value>>, ApiError> {
        match self.remove(name) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::Object(fields)) => Ok(Some(fields)),
            Some(_) => Err(ApiError::invalid(format!("Field '{name}' must be an object"))),
        }
    }

    /// Whatever it is; absent or null is `None`.
    pub(super) fn take(&mut self, name: &str) -> Option<Value> {
        self.remove(name).filter(|value| !value.is_null())
    }

    /// The name of a field that was not taken, as far as an error repeats it.
    pub(super) fn any_name(&self) -> Option<String> {
        self.0.first().map(|(name, _)| name.chars().take(ECHO).collect())
    }

    /// Is it there, null or not?
    pub(super) fn names(&self, name: &str) -> bool {
        self.0.iter().any(|(known, _)| known == name)
    }

    /// Is it there, and not null?
    pub(super) fn has(&self, name: &str) -> bool {
        self.0.iter().any(|(known, value)| known == name && !value.is_null())
    }

    fn remove(&mut self, name: &str) -> Option<Value> {
        let place = self.0.iter().position(|(known, _)| known == name)?;
        Some(self.0.swap_remove(place).1)
    }
}
