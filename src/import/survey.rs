//! The first reading of a file: what it is, and how many messages it has.

use std::fs::File;
use std::io::{self, Read};
use std::sync::{Arc, Mutex, PoisonError};

use csv::StringRecord;
use sha2::{Digest, Sha256};

use super::Plan;
use super::source::quotes::Quotes;
use super::source::{BadFile, Format, Source};

/// What is known of a file before any of it is sent.
#[derive(Debug, Clone)]
pub(super) struct Survey {
    /// Of its content and the import's name: the same file is the same messages.
    pub(super) identity: String,
    /// Messages in it.
    pub(super) lines: u64,
    /// Names of the columns, of a CSV file.
    pub(super) columns: Option<StringRecord>,
}

/// Reads the whole file once.
pub(super) fn survey(plan: &Plan) -> Result<Survey, BadFile> {
    let file = File::open(&plan.file).map_err(|source| BadFile::Read { path: plan.file.clone(), source })?;
    let seen = Arc::new(Mutex::new(Seen { digest: Sha256::new(), quotes: Quotes::new() }));
    let watched = Watched { bytes: file, seen: Arc::clone(&seen) };
    let mut source = Source::new(&plan.file, plan.format, plan.from.clone(), Box::new(watched))?;
    let columns = source.columns();
    let mut lines = 0;
    while source.next()?.is_some() {
        lines += 1;
    }
    let seen = seen.lock().unwrap_or_else(PoisonError::into_inner);
    if let (Format::Csv, Some(line)) = (plan.format, seen.quotes.broken()) {
        return Err(BadFile::Quote { path: plan.file.clone(), line });
    }
    let mut digest = seen.digest.clone();
    // What else decides what a line says.
    digest.update([0]);
    digest.update(plan.from.as_deref().unwrap_or_default());
    digest.update([0]);
    digest.update(&plan.name);
    let identity = hex::encode(digest.finalize()).chars().take(IDENTITY).collect();
    Ok(Survey { identity, lines, columns })
}

/// Hexadecimal digits of an identity: 128 bits.
const IDENTITY: usize = 32;

/// What the bytes of a file say that its messages do not.
struct Seen {
    digest: Sha256,
    quotes: Quotes,
}

struct Watched {
    bytes: File,
    seen: Arc<Mutex<Seen>>,
}

impl Read for Watched {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.bytes.read(buffer)?;
        let bytes = buffer.get(..read).unwrap_or_default();
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.digest.update(bytes);
        seen.quotes.see(bytes);
        Ok(read)
    }
}
