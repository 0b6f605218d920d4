//! A disk of the tests' own, with the three files of a store on it: it can lose its power at any moment,
//! fail once, and be full.
//!
//! What was written counts only once it was synced. At a power cut, of the sectors written since then
//! any may have reached the medium, in any of their versions, and any may not. A sync that fails forgets
//! what it should have written, as systems do: the medium has whichever version, later syncs do not write
//! it, and what programs read may be the new one or what came back from the medium. Whatever was open
//! like that stays open, as on a mirror whose halves differ: a second power cut may show another version,
//! until the sector is written again and synced.

use std::collections::{BTreeMap, HashSet};
use std::fmt;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard};

use ::redb::StorageBackend;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

/// What takes room at a time.
const BLOCK: u64 = 4096;

/// What is written whole or not at all.
const SECTOR: usize = 512;

type Sector = [u8; SECTOR];

/// Cheap to clone; every clone is the same disk.
#[derive(Clone)]
pub(in crate::store) struct Disk(Arc<Mutex<Machine>>);

/// A file on it.
pub(in crate::store) struct DiskFile {
    disk: Disk,
    which: usize,
}

struct Machine {
    files: [Content; 3],
    dice: StdRng,
    off: bool,
    /// Writes and syncs so far.
    operations: u64,
    /// The operation at which the power is cut.
    cut_at: Option<u64>,
    /// The sync that fails, counted from the next one, 1.
    failing_sync: Option<u32>,
    /// The write that fails half done, counted from the next one, 1.
    failing_write: Option<u32>,
    blocks: HashSet<(usize, u64)>,
    most_blocks: Option<usize>,
    /// The logs get no more room, whatever else does.
    log_is_full: bool,
}

#[derive(Clone, Default)]
struct Content {
    /// As the programs see it.
    cached: Vec<u8>,
    /// Of what is behind here the medium may have nothing.
    sure_length: usize,
    /// The sectors that the medium need not have as they are seen.
    open: BTreeMap<usize, Open>,
}

/// A sector that the medium may have in several versions.
#[derive(Clone, Default)]
struct Open {
    versions: Vec<Sector>,
    /// The next sync writes it.
    dirty: bool,
}

impl Content {
    fn sector(&self, index: usize) -> Sector {
        let mut sector = [0; SECTOR];
        let from = (index * SECTOR).min(self.cached.len());
        let there = &self.cached[from..(from + SECTOR).min(self.cached.len())];
        sector[..there.len()].copy_from_slice(there);
        sector
    }

    fn show(&mut self, index: usize, sector: &Sector) {
        let from = (index * SECTOR).min(self.cached.len());
        let end = (from + SECTOR).min(self.cached.len());
        self.cached[from..end].copy_from_slice(&sector[..end - from]);
    }

    fn write(&mut self, offset: usize, data: &[u8]) {
        let end = offset + data.len();
        for index in offset / SECTOR..end.div_ceil(SECTOR) {
            let before = self.sector(index);
            let open = self.open.entry(index).or_default();
            open.versions.push(before);
            open.dirty = true;
        }
        if self.cached.len() < end {
            self.cached.resize(end, 0);
        }
        self.cached[offset..end].copy_from_slice(data);
    }

    /// As ever since there are journals, a length that was set is kept.
    fn set_len(&mut self, length: usize) {
        self.cached.resize(length, 0);
        self.sure_length = length;
        self.open.retain(|index, _| index * SECTOR < length);
    }

    fn sync(&mut self) {
        self.open.retain(|_, open| !open.dirty);
        self.sure_length = self.cached.len();
    }

    fn fail_to_sync(&mut self, dice: &mut StdRng) {
        // How much of the cache has had to go meanwhile.
        let evicted = if dice.random_bool(0.5) { dice.random_range(0.0..1.0) } else { 0.0 };
        let indices: Vec<usize> = self.open.keys().copied().collect();
        for index in indices {
            let seen = self.sector(index);
            let open = self.open.get_mut(&index).unwrap();
            if std::mem::take(&mut open.dirty) {
                open.versions.push(seen);
                if dice.random_bool(evicted) {
                    let read = open.versions[dice.random_range(0..open.versions.len())];
                    self.show(index, &read);
                }
            }
        }
    }

    fn after_power_cut(&self, dice: &mut StdRng) -> Self {
        let mut found = self.clone();
        let kept = dice.random_range(0.0..1.0);
        for (index, open) in &self.open {
            let versions = &mut found.open.get_mut(index).unwrap().versions;
            versions.push(self.sector(*index));
            if !dice.random_bool(kept) {
                let sector = open.versions[dice.random_range(0..open.versions.len())];
                found.show(*index, &sector);
            }
        }
        if dice.random_bool(0.5) {
            found.cached.truncate(self.sure_length);
        }
        let length = found.cached.len();
        found.open.retain(|index, _| index * SECTOR < length);
        for open in found.open.values_mut() {
            open.dirty = false;
        }
        found.sure_length = length;
        found
    }
}

impl Default for Disk {
    fn default() -> Self {
        Self::seeded(0)
    }
}

impl Disk {
    /// An empty one. What chance decides, the seed decides.
    pub(in crate::store) fn seeded(seed: u64) -> Self {
        Self::of(<[Content; 3]>::default(), StdRng::seed_from_u64(seed))
    }

    fn of(files: [Content; 3], dice: StdRng) -> Self {
        Self(Arc::new(Mutex::new(Machine {
            files,
            dice,
            off: false,
            operations: 0,
            cut_at: None,
            failing_sync: None,
            failing_write: None,
            blocks: HashSet::new(),
            most_blocks: None,
            log_is_full: false,
        })))
    }

    fn machine(&self) -> MutexGuard<'_, Machine> {
        self.0.lock().unwrap()
    }

    /// The file of the rows and those of the logs.
    pub(in crate::store) fn files(&self) -> [DiskFile; 3] {
        [0, 1, 2].map(|which| DiskFile { disk: self.clone(), which })
    }

    /// The first log's alone.
    pub(in crate::store) fn log(&self) -> DiskFile {
        DiskFile { disk: self.clone(), which: 1 }
    }

    /// Is the power cut?
    pub(in crate::store) fn is_off(&self) -> bool {
        self.machine().off
    }

    /// Cuts the power after so many more changes and syncs.
    pub(in crate::store) fn cut_after(&self, operations: u64) {
        let mut machine = self.machine();
        machine.cut_at = Some(machine.operations + operations);
    }

    /// What a machine finds that is switched on again: what was synced, and some of what came after.
    pub(in crate::store) fn after_power_cut(&self, seed: u64) -> Self {
        let mut machine = self.machine();
        machine.off = true;
        let mut dice = StdRng::seed_from_u64(seed);
        let files = [0, 1, 2].map(|which| machine.files[which].after_power_cut(&mut dice));
        Self::of(files, dice)
    }

    /// Lets one of the next syncs fail, counted from 1, and only that. The log syncs once, and redb syncs
    /// a commit twice: its pages, then that they count.
    pub(in crate::store) fn fail_sync(&self, which: u32) {
        self.machine().failing_sync = Some(which);
    }

    /// Lets one of the next writes fail half done, counted from 1, and only that.
    pub(in crate::store) fn fail_write(&self, which: u32) {
        self.machine().failing_write = Some(which);
    }

    /// Leaves room for so many blocks more than are in use.
    pub(in crate::store) fn leave_room(&self, blocks: usize) {
        let mut machine = self.machine();
        machine.most_blocks = Some(machine.blocks.len() + blocks);
    }

    /// Leaves no more room for the logs, and as much as there is for the rows.
    pub(in crate::store) fn leave_none_for_the_logs(&self) {
        self.machine().log_is_full = true;
    }

    /// What a file holds, as the programs see it.
    pub(in crate::store) fn content(&self, which: usize) -> Vec<u8> {
        self.machine().files[which].cached.clone()
    }

    /// Puts something else into a file, for good.
    pub(in crate::store) fn replace(&self, which: usize, content: Vec<u8>) {
        let content = Content { sure_length: content.len(), cached: content, open: BTreeMap::new() };
        self.machine().files[which] = content;
    }
}

/// Counts down to the one that fails.
fn fails(which: &mut Option<u32>) -> bool {
    *which = which.map(|which| which - 1);
    which.take_if(|which| *which == 0).is_some()
}

impl Machine {
    fn operation(&mut self) -> io::Result<()> {
        self.operations += 1;
        self.off |= self.cut_at.is_some_and(|at| self.operations >= at);
        self.powered()
    }

    fn powered(&self) -> io::Result<()> {
        if self.off { Err(io::Error::other("the power is off")) } else { Ok(()) }
    }

    /// A file with holes: room is taken by the first write to a block, not by the length.
    fn take_room(&mut self, which: usize, offset: u64, length: u64) -> io::Result<()> {
        let last = offset + length.saturating_sub(1);
        for block in offset / BLOCK..=last / BLOCK {
            let is_full = self.most_blocks.is_some_and(|most| self.blocks.len() >= most)
                || (which > 0 && self.log_is_full);
            if is_full && !self.blocks.contains(&(which, block)) {
                return Err(io::Error::from(io::ErrorKind::StorageFull));
            }
            self.blocks.insert((which, block));
        }
        Ok(())
    }
}

impl fmt::Debug for DiskFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DiskFile {}", self.which)
    }
}

fn place(offset: u64) -> usize {
    usize::try_from(offset).unwrap()
}

impl StorageBackend for DiskFile {
    fn len(&self) -> io::Result<u64> {
        Ok(self.disk.machine().files[self.which].cached.len() as u64)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let machine = self.disk.machine();
        machine.powered()?;
        let from = place(offset);
        out.copy_from_slice(&machine.files[self.which].cached[from..from + out.len()]);
        Ok(())
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        let mut machine = self.disk.machine();
        machine.operation()?;
        machine.files[self.which].set_len(place(len));
        Ok(())
    }

    fn sync_data(&self) -> io::Result<()> {
        let mut machine = self.disk.machine();
        machine.operation()?;
        let Machine { files, dice, failing_sync, .. } = &mut *machine;
        if fails(failing_sync) {
            files[self.which].fail_to_sync(dice);
            return Err(io::Error::other("the disk failed"));
        }
        files[self.which].sync();
        Ok(())
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        let mut machine = self.disk.machine();
        machine.operation()?;
        machine.take_room(self.which, offset, data.len() as u64)?;
        let Machine { files, dice, failing_write, .. } = &mut *machine;
        if fails(failing_write) {
            let sectors = dice.random_range(0..=data.len() / SECTOR);
            files[self.which].write(place(offset), &data[..sectors * SECTOR]);
            return Err(io::Error::other("the disk failed"));
        }
        files[self.which].write(place(offset), data);
        Ok(())
    }
}
