//! The report of refused lines: as they stood in the file, with the reason beside them.
//!
//! It has the file's own form, so that it can be mended and imported in its turn: what is added begins
//! with `_`, which an import leaves out.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use csv::StringRecord;
use serde_json::{Map, Value, json};

use super::Failure;
use super::source::{Format, Record, Written};

/// What is added to each line.
const ADDED: [&str; 4] = ["_line", "_status", "_code", "_detail"];

/// Why a line was refused.
#[derive(Debug, Clone)]
pub(super) struct Reason {
    /// The answer's status; 0 where it was not sent.
    pub(super) status: u16,
    /// The error's code.
    pub(super) code: String,
    /// One sentence.
    pub(super) detail: String,
}

/// The report. Made when the first line is refused; a later run of the same import adds to it.
pub(super) struct Report {
    path: PathBuf,
    format: Format,
    columns: Option<StringRecord>,
    file: Mutex<Option<File>>,
}

impl Report {
    pub(super) fn new(path: PathBuf, format: Format, columns: Option<StringRecord>) -> Self {
        Self { path, format, columns, file: Mutex::new(None) }
    }

    /// Adds a line.
    pub(super) fn add(&self, record: &Record, reason: &Reason) -> Result<(), Failure> {
        let mut open = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        let added = self.line(record, reason).and_then(|line| {
            let file = match open.as_mut() {
                Some(file) => file,
                None => open.insert(self.begin()?),
            };
            file.write_all(&line)
        });
        added.map_err(|source| Failure::Report { path: self.path.clone(), source })
    }

    fn begin(&self) -> io::Result<File> {
        let mut file = OpenOptions::new().create(true).append(true).open(&self.path)?;
        let is_new = file.metadata()?.len() == 0;
        if let (true, Format::Csv, Some(columns)) = (is_new, self.format, &self.columns) {
            let kept = columns.iter().filter(|name| !ADDED.contains(name));
            file.write_all(&csv_line(kept.chain(ADDED))?)?;
        }
        Ok(file)
    }

    fn line(&self, record: &Record, reason: &Reason) -> io::Result<Vec<u8>> {
        match &record.written {
            Written::Csv(fields) => self.of_csv(fields, record.line, reason),
            Written::Ndjson(text) => of_ndjson(text, record.line, reason),
        }
    }

    fn of_csv(&self, fields: &StringRecord, line: u64, reason: &Reason) -> io::Result<Vec<u8>> {
        let (line, status) = (line.to_string(), reason.status.to_string());
        let names = self.columns.iter().flatten();
        // A line with too few or too many columns keeps what it has in the places of the first ones.
        let kept = names.enumerate().filter(|(_, name)| !ADDED.contains(name));
        let kept = kept.map(|(place, _)| fields.get(place).unwrap_or_default());
        csv_line(kept.chain([line.as_str(), status.as_str(), reason.code.as_str(), reason.detail.as_str()]))
    }
}

fn of_ndjson(text: &str, line: u64, reason: &Reason) -> io::Result<Vec<u8>> {
    let mut fields: Map<String, Value> =
        serde_json::from_str(text).unwrap_or_else(|_| Map::from_iter([("_text".to_owned(), json!(text))]));
    let added = [json!(line), json!(reason.status), json!(reason.code), json!(reason.detail)];
    fields.extend(ADDED.map(str::to_owned).into_iter().zip(added));
    let mut bytes = serde_json::to_vec(&fields)?;
    bytes.push(b'\n');
    Ok(bytes)
}

fn csv_line<'a>(fields: impl Iterator<Item = &'a str>) -> io::Result<Vec<u8>> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.write_record(fields).map_err(io::Error::other)?;
    writer.into_inner().map_err(|error| io::Error::other(error.to_string()))
}
