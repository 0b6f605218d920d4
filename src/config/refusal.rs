//! Why a configuration is refused: one sentence that starts with the key.

use figment::error::{Actual, Kind};

/// One mistake: where it is, what is wrong and what is expected. Never shows a secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{place}: {problem}")]
pub struct Refusal {
    place: String,
    problem: String,
}

impl Refusal {
    /// `place` is a key in full (`engine.begin_by`, `numbers[2].limits[0]`), or a file.
    pub fn new(place: impl Into<String>, problem: impl Into<String>) -> Self {
        Self { place: place.into(), problem: problem.into() }
    }

    /// Where it is.
    pub(super) fn place(&self) -> &str {
        &self.place
    }

    /// The same mistake, elsewhere.
    pub(super) fn at(&self, place: String) -> Self {
        Self { place, problem: self.problem.clone() }
    }

    /// The same mistake, in a table that is itself found under `parent`.
    pub(super) fn under(self, parent: &str) -> Self {
        let place =
            if self.place.is_empty() { parent.to_owned() } else { format!("{parent}.{}", self.place) };
        Self { place, ..self }
    }
}

impl From<figment::Error> for Refusal {
    fn from(error: figment::Error) -> Self {
        let mut place = key(&error.path);
        let problem = match error.kind {
            Kind::UnknownField(_, []) => "unknown key".to_owned(),
            Kind::UnknownField(_, expected) => {
                format!("unknown key, expected one of {}", expected.join(", "))
            }
            Kind::MissingField(field) => {
                place = if place.is_empty() { field.into_owned() } else { format!("{place}.{field}") };
                "this key is missing".to_owned()
            }
            Kind::InvalidType(found, expected) => {
                format!("expected {}, found {}", in_words(&expected), kind_of(&found))
            }
            Kind::InvalidValue(found, expected) => {
                format!("expected {}, found {}", in_words(&expected), value_of(&found))
            }
            Kind::UnknownVariant(found, expected) => {
                format!("expected one of {}, found {found:?}", expected.join(", "))
            }
            Kind::Message(message) => message,
            other => other.to_string(),
        };
        Self { place, problem }
    }
}

/// `["numbers", "2", "limits"]` is `numbers[2].limits`.
fn key(path: &[String]) -> String {
    let mut key = String::new();
    for part in path {
        let is_index = part.parse::<usize>().is_ok();
        match (is_index, key.is_empty()) {
            (true, _) => key.extend(["[", part, "]"]),
            (false, false) => key.extend([".", part]),
            (false, true) => key.push_str(part),
        }
    }
    key
}

/// serde's names of types, as whoever writes TOML knows them.
fn in_words(expected: &str) -> &str {
    match expected {
        "u32" => "a whole number from 0 to 4294967295",
        "a sequence" => "a list",
        other => other,
    }
}

/// The type only: where a type is wrong, the value may be a secret.
fn kind_of(found: &Actual) -> &'static str {
    match found {
        Actual::Bool(_) => "a boolean",
        Actual::Unsigned(_) | Actual::Signed(_) => "a whole number",
        Actual::Float(_) => "a number with a fraction",
        Actual::Char(_) | Actual::Str(_) => "a string",
        Actual::Seq => "a list",
        Actual::Map => "a table",
        _ => "something else",
    }
}

fn value_of(found: &Actual) -> String {
    match found {
        Actual::Unsigned(number) => number.to_string(),
        Actual::Signed(number) => number.to_string(),
        Actual::Str(text) => format!("{text:?}"),
        other => kind_of(other).to_owned(),
    }
}
