//! The first reading of a file: what it is, and how many messages it has.

use std::fs::File;
use std::io::{self, Read};
use std::sync::{Arc, Mutex, PoisonError};

use csv::StringRecord;
use sha2::{Digest, Sha256};

use super::Plan;
use super::source::{BadFile, Source};

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
    let digest = Arc::new(Mutex::new(Sha256::new()));
    let hashing = Hashing { bytes: file, digest: Arc::clone(&digest) };
    let mut source = Source::new(&plan.file, plan.format, plan.from.clone(), Box::new(hashing))?;
    let columns = source.columns();
    let mut lines = 0;
    while source.next()?.is_some() {
        lines += 1;
    }
    let mut digest = digest.lock().unwrap_or_else(PoisonError::into_inner).clone();
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

struct Hashing {
    bytes: File,
    digest: Arc<Mutex<Sha256>>,
}

impl Read for Hashing {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.bytes.read(buffer)?;
        let mut digest = self.digest.lock().unwrap_or_else(PoisonError::into_inner);
        digest.update(buffer.get(..read).unwrap_or_default());
        Ok(read)
    }
}
