//! The two logs of a store, which take turns.
//!
//! New groups go into the *active* one. When it has enough, the turn passes to the other and the groups
//! of the first are folded meanwhile; then the first is free. So a fold stops no group, and each log for
//! itself stays as simple as `log.rs` says.
//!
//! Invariants: the turn passes only to a log that is *free*: all its entries are folded. Groups are
//! numbered through both, so the entries of one that are not folded all come before those of the other:
//! which is the older is told by the numbers alone. A number that is missing in between is damage.

#[cfg(test)]
mod tests;

use std::io;

use ::redb::StorageBackend;

use super::log::{self, AppendError, Fault, Log};

/// The logs, open for appending.
#[derive(Debug)]
pub(super) struct Logs {
    active: Log,
    other: Log,
    other_is_free: bool,
}

/// What opened logs hold.
#[derive(Debug)]
pub(super) struct Opened {
    pub(super) logs: Logs,
    /// The changes of each group that is not folded yet, in order.
    pub(super) groups: Vec<Vec<u8>>,
}

impl Logs {
    /// Opens the logs of the store with this `id`, whose groups up to number `folded` are in the table.
    /// What they are found to hold is durable when this returns. A fault comes with the place of its
    /// file in `files`.
    pub(super) fn open(
        files: [Box<dyn StorageBackend>; 2],
        id: u64,
        folded: u64,
        grow_by: u64,
    ) -> Result<Opened, (usize, Fault)> {
        let [first, second] = files;
        let order = [log::first_number(&*first, id), log::first_number(&*second, id)];
        let [first_begins, second_begins] = place_faults(order)?;
        // A log that begins with nothing has nothing: it may as well be opened first.
        let swapped = second_begins < first_begins;
        let (older, newer) = if swapped { (second, first) } else { (first, second) };
        let [older_place, newer_place] = if swapped { [1, 0] } else { [0, 1] };

        let older = Log::open(older, id, folded, grow_by).map_err(|fault| (older_place, fault))?;
        let known = folded.saturating_add(older.groups.len() as u64);
        let newer = Log::open(newer, id, known, grow_by).map_err(|fault| (newer_place, fault))?;

        // The one that was written last goes on; of two that hold nothing the first.
        let both_are_blank = first_begins.is_none() && second_begins.is_none();
        let older_goes_on = newer.groups.is_empty() && (both_are_blank || !older.groups.is_empty());
        let other_is_free = newer.groups.is_empty() || older.groups.is_empty();
        let groups = older.groups.into_iter().chain(newer.groups).collect();
        let (active, other) = if older_goes_on { (older.log, newer.log) } else { (newer.log, older.log) };
        Ok(Opened { logs: Self { active, other, other_is_free }, groups })
    }

    /// [`Log::append`] to the active one.
    pub(super) fn append(&mut self, number: u64, changes: &[u8]) -> Result<(), AppendError> {
        self.active.append(number, changes)
    }

    /// Bytes that the entries of the active one take up.
    pub(super) fn used(&self) -> u64 {
        self.active.used()
    }

    /// Can the turn pass? Else groups of the other one are not folded.
    pub(super) const fn can_turn(&self) -> bool {
        self.other_is_free
    }

    /// Passes the turn to the other log, if that is free, and begins a lap of it.
    pub(super) fn turn_if_free(&mut self) {
        if self.other_is_free {
            std::mem::swap(&mut self.active, &mut self.other);
            self.active.restart();
            self.other_is_free = false;
        }
    }

    /// All groups of the log that is not active are folded, durably.
    pub(super) const fn free_other(&mut self) {
        self.other_is_free = true;
    }

    /// Has the active one more room once all groups of both are folded, and it is begun anew?
    pub(super) fn can_make_room(&self) -> bool {
        self.active.used() > 0 || !self.other_is_free || self.other.room() > self.active.room()
    }

    /// All groups of both are folded, durably: the one with more room begins a new lap. The other may
    /// have none, on a disk that has none left.
    pub(super) fn restart(&mut self) {
        if self.other.room() > self.active.room() {
            std::mem::swap(&mut self.active, &mut self.other);
        }
        self.active.restart();
        self.other_is_free = true;
    }
}

fn place_faults(order: [io::Result<Option<u64>>; 2]) -> Result<[Option<u64>; 2], (usize, Fault)> {
    let [first, second] = order;
    Ok([first.map_err(|error| (0, error.into()))?, second.map_err(|error| (1, error.into()))?])
}
