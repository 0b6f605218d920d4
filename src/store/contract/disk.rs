//! A disk of the tests' own: it can lose its power at any moment, fail once, and be full.
//!
//! What was written counts only once it was synced. At a power cut, of the writes since then any may
//! have reached the medium and any may not.

use std::collections::HashSet;
use std::fmt;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard};

use ::redb::StorageBackend;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

const BLOCK: u64 = 4096;

/// Cheap to clone; every clone is the same disk.
#[derive(Clone, Default)]
pub(super) struct Disk(Arc<Mutex<Medium>>);

#[derive(Default)]
struct Medium {
    /// As the programs see it.
    cached: Vec<u8>,
    /// As it was at the last sync.
    synced: Vec<u8>,
    since_sync: Vec<Change>,
    off: bool,
    /// Operations until the power is cut.
    cut_after: Option<u64>,
    fail_next_sync: bool,
    blocks: HashSet<u64>,
    most_blocks: Option<usize>,
}

enum Change {
    Length(usize),
    Write(usize, Vec<u8>),
}

fn apply(image: &mut Vec<u8>, change: &Change) {
    match change {
        Change::Length(length) => image.resize(*length, 0),
        Change::Write(offset, data) => {
            let end = offset + data.len();
            if image.len() < end {
                image.resize(end, 0);
            }
            image[*offset..end].copy_from_slice(data);
        }
    }
}

impl Disk {
    fn medium(&self) -> MutexGuard<'_, Medium> {
        self.0.lock().unwrap()
    }

    /// Cuts the power after so many more changes and syncs.
    pub(super) fn cut_after(&self, operations: u64) {
        self.medium().cut_after = Some(operations);
    }

    /// What a machine finds that is switched on again: the synced state, and some of what came after.
    pub(super) fn after_power_cut(&self, seed: u64) -> Self {
        let mut medium = self.medium();
        medium.off = true;
        let mut dice = StdRng::seed_from_u64(seed);
        let kept = dice.random_range(0.0..1.0);
        let mut image = medium.synced.clone();
        for change in &medium.since_sync {
            let is_kept = matches!(change, Change::Length(_)) || dice.random_bool(kept);
            if is_kept {
                apply(&mut image, change);
            }
        }
        Self(Arc::new(Mutex::new(Medium { cached: image.clone(), synced: image, ..Medium::default() })))
    }

    /// Lets the next sync fail, and only that.
    pub(super) fn fail_next_sync(&self) {
        self.medium().fail_next_sync = true;
    }

    /// Leaves room for so many blocks more than are in use.
    pub(super) fn leave_room(&self, blocks: usize) {
        let mut medium = self.medium();
        medium.most_blocks = Some(medium.blocks.len() + blocks);
    }
}

impl Medium {
    fn operation(&mut self) -> io::Result<()> {
        if let Some(left) = self.cut_after.as_mut() {
            *left = left.saturating_sub(1);
            self.off |= *left == 0;
        }
        if self.off { Err(io::Error::other("the power is off")) } else { Ok(()) }
    }

    fn change(&mut self, change: Change) {
        apply(&mut self.cached, &change);
        self.since_sync.push(change);
    }
}

impl fmt::Debug for Disk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Disk")
    }
}

fn place(offset: u64) -> usize {
    usize::try_from(offset).unwrap()
}

impl StorageBackend for Disk {
    fn len(&self) -> io::Result<u64> {
        Ok(self.medium().cached.len() as u64)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let medium = self.medium();
        if medium.off {
            return Err(io::Error::other("the power is off"));
        }
        let from = place(offset);
        out.copy_from_slice(&medium.cached[from..from + out.len()]);
        Ok(())
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        let mut medium = self.medium();
        medium.operation()?;
        medium.change(Change::Length(place(len)));
        Ok(())
    }

    fn sync_data(&self) -> io::Result<()> {
        let mut medium = self.medium();
        medium.operation()?;
        if std::mem::take(&mut medium.fail_next_sync) {
            return Err(io::Error::other("the disk failed"));
        }
        medium.synced = medium.cached.clone();
        medium.since_sync.clear();
        Ok(())
    }

    /// A file with holes: room is taken by the first write to a block, not by the length.
    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        let mut medium = self.medium();
        medium.operation()?;
        let last = offset + (data.len() as u64).saturating_sub(1);
        for block in offset / BLOCK..=last / BLOCK {
            let is_full = medium.most_blocks.is_some_and(|most| medium.blocks.len() >= most);
            if is_full && !medium.blocks.contains(&block) {
                return Err(io::Error::from(io::ErrorKind::StorageFull));
            }
            medium.blocks.insert(block);
        }
        medium.change(Change::Write(place(offset), data.to_vec()));
        Ok(())
    }
}
