//! Every mistake of a directory file, for whoever writes one: the start needs only the first.
//!
//! They are found one after the other: what a sentence is about is taken out of the file, and the rest is
//! checked again. So the checks themselves stay as simple as they are. An entry that refers to one that was
//! taken out is taken out with it, without a sentence of its own.

use std::path::Path;

use figment::value::{Dict, Value};

use super::{Directory, From, file};
use crate::config::{Environment, Refusal, toml_layer};

/// More than this are not looked for: each costs a check of the whole file.
const MOST: usize = 100;

/// The sections, each with the key by which others name its entries.
const SECTIONS: [(&str, &str); 4] =
    [("organizations", "id"), ("accounts", "name"), ("assistants", "id"), ("numbers", "number")];

/// The keys by which an entry names one of another section.
const REFERENCES: [(&str, &str); 4] = [
    ("organization", "organizations"),
    ("account", "accounts"),
    ("fallback_account", "accounts"),
    ("assistant", "assistants"),
];

/// An index of a list as it was written, of a list from which some were taken.
type Indexes = Vec<usize>;

/// The file while mistakes are taken out of it.
struct Rest {
    tables: Dict,
    /// Of each section, and of the keys of each organization: what is left, by its place in the file.
    indexes: Vec<(String, Indexes)>,
    /// What was taken out: its section and its name.
    taken: Vec<(&'static str, Value)>,
}

impl Directory {
    /// Reads and checks a file; all mistakes in it, up to 100, in the order in which they were found.
    pub fn check(path: &Path, environment: &Environment) -> Result<Self, Vec<Refusal>> {
        let text = toml_layer::read(path).map_err(|refusal| vec![refusal])?;
        let tables = toml_layer::parse(path, &text).map_err(|refusal| vec![refusal])?;
        let mut rest = Rest { tables, indexes: Vec::new(), taken: Vec::new() };
        let mut found = Vec::new();
        while found.len() < MOST {
            let checked = toml_layer::extract::<file::File>(rest.tables.clone())
                .and_then(|written| Self::of(written, environment, From::File(path.to_owned())));
            let refusal = match checked {
                Ok(directory) if found.is_empty() => return Ok(directory),
                Ok(_) => return Err(found),
                Err(refusal) => refusal,
            };
            if !rest.follows_from_another(&refusal) {
                found.push(rest.as_written(&refusal));
            }
            if !rest.take_out(&refusal) {
                return Err(found);
            }
        }
        Err(found)
    }
}

/// `numbers[2].limits[0]` is of `numbers`, 2, and `limits[0]`.
fn split(place: &str) -> Option<(&str, usize, &str)> {
    let (list, rest) = place.split_once('[')?;
    let (index, rest) = rest.split_once(']')?;
    Some((list, index.parse().ok()?, rest.trim_start_matches('.')))
}

/// A key in a table; the table itself where there is none.
fn below(table: &str, key: &str) -> String {
    if key.is_empty() { table.to_owned() } else { format!("{table}.{key}") }
}

impl Rest {
    /// Is it about an entry that was taken out already?
    fn follows_from_another(&self, refusal: &Refusal) -> bool {
        let Some((section, index, key)) = split(refusal.place()) else { return false };
        let Some((_, other)) = REFERENCES.into_iter().find(|(reference, _)| *reference == key) else {
            return false;
        };
        let Some(named) = self.entry(section, index).and_then(|entry| entry.get(key)) else { return false };
        self.taken.iter().any(|(section, name)| *section == other && same(name, named))
    }

    /// With the indexes that the entries have in the file.
    fn as_written(&self, refusal: &Refusal) -> Refusal {
        let Some((section, index, rest)) = split(refusal.place()) else { return refusal.clone() };
        let entry = format!("{section}[{}]", self.written(section, index));
        let place = match split(rest) {
            Some((list, inner, rest)) if list == "api_keys" => {
                let inner = self.written(&format!("{entry}.{list}"), inner);
                below(&format!("{entry}.{list}[{inner}]"), rest)
            }
            _ => below(&entry, rest),
        };
        refusal.at(place)
    }

    fn written(&self, list: &str, index: usize) -> usize {
        let left = self.indexes.iter().find(|(name, _)| name == list);
        left.and_then(|(_, left)| left.get(index).copied()).unwrap_or(index)
    }

    /// Takes out what it is about; false where that is not to be found.
    fn take_out(&mut self, refusal: &Refusal) -> bool {
        let Some((section, index, rest)) = split(refusal.place()) else {
            let key = refusal.place().split('.').next().unwrap_or_default();
            return self.tables.remove(key).is_some();
        };
        if let Some(("api_keys", inner, _)) = split(rest) {
            let written = self.written(section, index);
            let Some(Value::Array(_, entries)) = self.tables.get_mut(section) else { return false };
            let Some(Value::Dict(_, entry)) = entries.get_mut(index) else { return false };
            let Some(Value::Array(_, keys)) = entry.get_mut("api_keys") else { return false };
            return remove(&mut self.indexes, &format!("{section}[{written}].api_keys"), keys, inner)
                .is_some();
        }
        let Some(Value::Array(_, entries)) = self.tables.get_mut(section) else { return false };
        let Some(entry) = remove(&mut self.indexes, section, entries, index) else { return false };
        let known = SECTIONS.into_iter().find(|(known, _)| *known == section);
        let Some((section, key)) = known else { return true };
        if let Some(name) = entry.as_dict().and_then(|entry| entry.get(key)) {
            self.taken.push((section, name.clone()));
        }
        true
    }

    fn entry(&self, section: &str, index: usize) -> Option<&Dict> {
        let Value::Array(_, entries) = self.tables.get(section)? else { return None };
        entries.get(index)?.as_dict()
    }
}

/// Removes an entry of a list, and notes which are left.
fn remove(
    indexes: &mut Vec<(String, Indexes)>,
    list: &str,
    entries: &mut Vec<Value>,
    index: usize,
) -> Option<Value> {
    if index >= entries.len() {
        return None;
    }
    let entry = entries.remove(index);
    if let Some((_, left)) = indexes.iter_mut().find(|(name, _)| name == list) {
        left.remove(index);
    } else {
        let whole = 0..=entries.len();
        indexes.push((list.to_owned(), whole.filter(|place| *place != index).collect()));
    }
    Some(entry)
}

/// The same number or text, wherever it is written.
fn same(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::Num(_, one), Value::Num(_, other)) => one.to_i128() == other.to_i128(),
        _ => one.as_str().is_some() && one.as_str() == other.as_str(),
    }
}
