//! The store's file, written a little at a time.
//!
//! A fold writes many pages and then asks for all of them to be on the disk. While the disk is at that, it
//! does not get to the sync of a log, for which whoever sends a message waits: tens of milliseconds each
//! time. So the file is synced on the way, whenever so much of it is not, which keeps only the fold waiting.

use std::io;
use std::ops::Bound;
use std::sync::atomic::{AtomicU64, Ordering};

use ::redb::backends::FileBackend;
use ::redb::{BackendError, StorageBackend};

/// With so many bytes written and not synced the file is synced.
const AT_ONCE: u64 = 256 << 10;

/// A file that is never far from its disk.
#[derive(Debug)]
pub(super) struct GentleFile {
    file: FileBackend,
    not_synced: AtomicU64,
}

impl GentleFile {
    pub(super) const fn new(file: FileBackend) -> Self {
        Self { file, not_synced: AtomicU64::new(0) }
    }
}

impl StorageBackend for GentleFile {
    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.file.write(offset, data)?;
        let written = data.len() as u64;
        if self.not_synced.fetch_add(written, Ordering::Relaxed) + written < AT_ONCE {
            return Ok(());
        }
        self.sync_data()
    }

    fn sync_data(&self) -> io::Result<()> {
        // What is written from here on may be in the sync, and counts all the same.
        self.not_synced.store(0, Ordering::Relaxed);
        self.file.sync_data()
    }

    fn len(&self) -> io::Result<u64> {
        self.file.len()
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        self.file.read(offset, out)
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.file.set_len(len)
    }

    fn close(&self) -> io::Result<()> {
        self.file.close()
    }

    fn try_lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<bool, BackendError> {
        self.file.try_lock_range(start, end)
    }

    fn try_lock_shared_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<bool, BackendError> {
        self.file.try_lock_shared_range(start, end)
    }

    fn lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<(), BackendError> {
        self.file.lock_range(start, end)
    }

    fn lock_shared_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<(), BackendError> {
        self.file.lock_shared_range(start, end)
    }

    fn unlock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<(), BackendError> {
        self.file.unlock_range(start, end)
    }

    fn query_lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<bool, BackendError> {
        self.file.query_lock_range(start, end)
    }
}
