//! The file's messages, one after the other.
//!
//! CSV has a line of column names first, which are the fields of `POST /sms/send`; `media_urls` are separated
//! by blanks, `metadata` is a JSON object. NDJSON has the body of `POST /sms/send` in each line. Columns and
//! fields that begin with `_` are left out: a report of refused lines can be mended and imported as it is.

use std::cell::Cell;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::rc::Rc;

use csv::StringRecord;
use serde_json::{Map, Value};

use crate::fields::Fields;

pub(super) mod quotes;

/// The longest message in a file, in bytes: the server takes no longer body.
const LONGEST: usize = 64 * 1024;

/// The mark that some programs write at the beginning of a text in UTF-8.
pub(super) const MARK: &[u8] = "\u{feff}".as_bytes();

/// The columns that a file may have.
const COLUMNS: [&str; 11] = [
    "from_phone_number",
    "to_phone_number",
    "message",
    "media_urls",
    "queue",
    "send_at",
    "expires_at",
    "validity_seconds",
    "lane",
    "client_reference",
    "metadata",
];

/// The form of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// Comma-separated values with a header line.
    Csv,
    /// One JSON object in each line.
    Ndjson,
}

impl Format {
    /// By the file's ending.
    pub fn of(path: &Path) -> Option<Self> {
        match path.extension()?.to_str()?.to_ascii_lowercase().as_str() {
            "csv" => Some(Self::Csv),
            "ndjson" | "jsonl" => Some(Self::Ndjson),
            _ => None,
        }
    }
}

/// Why a file cannot be imported at all.
#[derive(Debug, thiserror::Error)]
pub enum BadFile {
    /// It cannot be read.
    #[error("cannot read {path}")]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A message is longer than any can be; often a quote that is never closed.
    #[error("{path}, line {line}: a message of more than 64 KiB; is a quote missing at its end?")]
    Endless {
        /// The file.
        path: PathBuf,
        /// Where it begins.
        line: u64,
    },
    /// A quote without its other half: what follows it, other messages among it, would be one text.
    #[error(
        "{path}, line {line}: the quote that opens a column here is not closed before a comma or the end of a line; \
         close it, and write a quote inside of a text twice"
    )]
    Quote {
        /// The file.
        path: PathBuf,
        /// Where the column begins.
        line: u64,
    },
    /// A column that no message has.
    #[error(
        "{path}: unknown column {column:?}, expected some of {}, or a name that begins with _, with commas between them",
        COLUMNS.join(", ")
    )]
    Column {
        /// The file.
        path: PathBuf,
        /// Its name.
        column: String,
    },
    /// A column that is there twice: which of them counts would be chance.
    #[error("{path}: the column {column} is named twice; name what is not to be sent with a _ before it")]
    Twice {
        /// The file.
        path: PathBuf,
        /// Its name.
        column: String,
    },
    /// A column that every message must have.
    #[error("{path}: there is no column {column}; the first line must name the columns")]
    Missing {
        /// The file.
        path: PathBuf,
        /// Its name.
        column: &'static str,
    },
}

/// One message of the file, or what stands in its place.
#[derive(Debug, Clone)]
pub(super) struct Record {
    /// Its place among the messages, from 1.
    pub(super) place: u64,
    /// The line on which it begins, from 1; of CSV, the first of the blank ones before it.
    pub(super) line: u64,
    /// The fields to be sent; or why it is none, in one sentence.
    pub(super) fields: Result<Map<String, Value>, String>,
    /// As it stands in the file, for the report.
    pub(super) written: Written,
}

/// A message as it stands in the file.
#[derive(Debug, Clone)]
pub(super) enum Written {
    Csv(StringRecord),
    Ndjson(String),
}

/// A file while it is read. Not to be shared between threads: it is one reader's.
pub(super) struct Source {
    path: PathBuf,
    from: Option<String>,
    place: u64,
    form: Form,
}

enum Form {
    Csv { reader: Box<csv::Reader<Guarded>>, columns: StringRecord, used: Rc<Cell<usize>> },
    Ndjson { reader: BufReader<Box<dyn Read>>, line: u64 },
}

impl Source {
    /// Opens a file whose bytes come out of `bytes`.
    pub(super) fn new(
        path: &Path,
        format: Format,
        from: Option<String>,
        bytes: Box<dyn Read>,
    ) -> Result<Self, BadFile> {
        let form = match format {
            Format::Csv => csv_form(path, from.is_some(), bytes)?,
            Format::Ndjson => Form::Ndjson { reader: BufReader::new(bytes), line: 0 },
        };
        Ok(Self { path: path.to_owned(), from, place: 0, form })
    }

    /// Opens a file on disk.
    pub(super) fn open(path: &Path, format: Format, from: Option<String>) -> Result<Self, BadFile> {
        let file = File::open(path).map_err(|source| BadFile::Read { path: path.to_owned(), source })?;
        Self::new(path, format, from, Box::new(file))
    }

    /// The names of the columns, of a CSV file.
    pub(super) fn columns(&self) -> Option<StringRecord> {
        match &self.form {
            Form::Csv { columns, .. } => Some(columns.clone()),
            Form::Ndjson { .. } => None,
        }
    }

    /// The next message; none at the end of the file.
    pub(super) fn next(&mut self) -> Result<Option<Record>, BadFile> {
        let (line, fields, written) = match &mut self.form {
            Form::Csv { reader, columns, used } => {
                used.set(0);
                let mut bytes = csv::ByteRecord::new();
                let line = reader.position().line();
                match reader.read_byte_record(&mut bytes) {
                    Ok(true) => {}
                    Ok(false) => return Ok(None),
                    Err(_) if used.get() > LONGEST => {
                        return Err(BadFile::Endless { path: self.path.clone(), line });
                    }
                    Err(error) => {
                        let source = io::Error::other(error);
                        return Err(BadFile::Read { path: self.path.clone(), source });
                    }
                }
                let line = bytes.position().map_or(line, csv::Position::line);
                let is_text = bytes.iter().all(|field| std::str::from_utf8(field).is_ok());
                let record: StringRecord = bytes.iter().map(String::from_utf8_lossy).collect();
                let fields = if is_text { csv_fields(columns, &record) } else { Err(NOT_TEXT.to_owned()) };
                (line, fields, Written::Csv(record))
            }
            Form::Ndjson { reader, line } => {
                let Some(text) = next_line(reader, line, &self.path)? else { return Ok(None) };
                let fields = match text.as_deref() {
                    Ok(text) => json_fields(text),
                    Err(_) => Err(NOT_TEXT.to_owned()),
                };
                let text = text.unwrap_or_else(|broken| broken);
                (*line, fields, Written::Ndjson(text))
            }
        };
        self.place += 1;
        let fields = fields.map(|fields| with_sender(fields, self.from.as_deref()));
        Ok(Some(Record { place: self.place, line, fields, written }))
    }
}

const NOT_TEXT: &str = "this line is not UTF-8 text";

fn csv_form(path: &Path, has_sender: bool, bytes: Box<dyn Read>) -> Result<Form, BadFile> {
    let used = Rc::new(Cell::new(0));
    let guarded = Guarded { bytes, used: Rc::clone(&used) };
    let mut reader = csv::ReaderBuilder::new().flexible(true).from_reader(guarded);
    let columns = reader.headers().map_err(|error| {
        let source = io::Error::other(error);
        BadFile::Read { path: path.to_owned(), source }
    })?;
    // Spreadsheets write a mark of their own at the beginning of a file.
    let columns: StringRecord =
        columns.iter().map(|name| name.trim_start_matches('\u{feff}').trim()).collect();
    for (index, column) in columns.iter().enumerate() {
        if column.starts_with('_') {
            continue;
        }
        if !COLUMNS.contains(&column) {
            return Err(BadFile::Column { path: path.to_owned(), column: column.to_owned() });
        }
        if columns.iter().take(index).any(|before| before == column) {
            return Err(BadFile::Twice { path: path.to_owned(), column: column.to_owned() });
        }
    }
    for column in ["from_phone_number", "to_phone_number", "message"] {
        let is_given = has_sender && column == "from_phone_number";
        if !is_given && !columns.iter().any(|name| name == column) {
            return Err(BadFile::Missing { path: path.to_owned(), column });
        }
    }
    Ok(Form::Csv { reader: Box::new(reader), columns, used })
}

fn csv_fields(columns: &StringRecord, record: &StringRecord) -> Result<Map<String, Value>, String> {
    if record.len() != columns.len() {
        return Err(format!(
            "this line has {} columns, the first line names {}",
            record.len(),
            columns.len()
        ));
    }
    let mut fields = Map::new();
    for (column, text) in columns.iter().zip(record) {
        // An empty place is a field that is not there, but the text itself is sent as it stands.
        if column.starts_with('_') || (text.is_empty() && column != "message") {
            continue;
        }
        let value = match column {
            "media_urls" => text.split_whitespace().collect(),
            "queue" => match text.to_ascii_lowercase().as_str() {
                "true" | "yes" | "1" => Value::Bool(true),
                "false" | "no" | "0" => Value::Bool(false),
                _ => return Err(format!("the column queue has {text:?}, expected true or false")),
            },
            "validity_seconds" => match text.parse::<u64>() {
                Ok(seconds) => Value::from(seconds),
                Err(_) => {
                    return Err(format!("the column validity_seconds has {text:?}, expected a whole number"));
                }
            },
            "metadata" => serde_json::from_str(text)
                .map_err(|error| format!("the column metadata is not a JSON object: {error}"))?,
            _ => Value::from(text),
        };
        fields.insert(column.to_owned(), value);
    }
    Ok(fields)
}

fn json_fields(text: &str) -> Result<Map<String, Value>, String> {
    let Fields(fields) =
        serde_json::from_str(text).map_err(|error| format!("this line is not a JSON object: {error}"))?;
    Ok(fields.into_iter().filter(|(name, _)| !name.starts_with('_')).collect())
}

fn with_sender(mut fields: Map<String, Value>, from: Option<&str>) -> Map<String, Value> {
    if let Some(from) = from {
        fields.entry("from_phone_number").or_insert_with(|| Value::from(from));
    }
    fields
}

/// A line as text; as what is left of it where it is none.
type Line = Result<String, String>;

/// The next line that is not blank. `line` counts them.
fn next_line(
    reader: &mut BufReader<Box<dyn Read>>,
    line: &mut u64,
    path: &Path,
) -> Result<Option<Line>, BadFile> {
    loop {
        let mut bytes = Vec::new();
        let limit = u64::try_from(LONGEST).unwrap_or(u64::MAX) + 1;
        let read = reader.by_ref().take(limit).read_until(b'\n', &mut bytes);
        let read = read.map_err(|source| BadFile::Read { path: path.to_owned(), source })?;
        if read == 0 {
            return Ok(None);
        }
        *line += 1;
        if *line == 1 && bytes.starts_with(MARK) {
            bytes.drain(..MARK.len());
        }
        if read > LONGEST {
            return Err(BadFile::Endless { path: path.to_owned(), line: *line });
        }
        let text = match String::from_utf8(bytes) {
            Ok(text) => Ok(text.trim().to_owned()),
            Err(broken) => Err(String::from_utf8_lossy(broken.as_bytes()).trim().to_owned()),
        };
        if text.as_ref().is_ok_and(String::is_empty) {
            continue;
        }
        return Ok(Some(text));
    }
}

/// Ends a CSV record that does not end: without it a missing quote would read the whole file into memory.
struct Guarded {
    bytes: Box<dyn Read>,
    used: Rc<Cell<usize>>,
}

impl Read for Guarded {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.used.get() > LONGEST {
            return Err(io::Error::other("a record is too long"));
        }
        let read = self.bytes.read(buffer)?;
        self.used.set(self.used.get() + read);
        Ok(read)
    }
}

#[cfg(test)]
mod tests;
