//! A log: what each group of steps changed, in a file of its own, until it is folded into the table. Two
//! of them take turns (`logs.rs`): while the groups of one are being folded, the next go into the other.
//!
//! One group is one entry, and durable after one sync of blocks that the file has already: nothing but
//! bytes reaches the disk, where a commit of redb writes pages, twice, and grows its file. Entries lie
//! one behind the other from the second block on. When all are folded and its turn comes again, the next
//! is written over the first; that is a *lap*. The first block says whose log it is, and is written once.
//!
//! ```text
//! block 0          checksum, MAGIC, id of the store
//! blocks 1 …       checksum, id of the store, number of the group, length, changes, zeros up to the block's end
//! ```
//!
//! All numbers are big-endian; a checksum covers what stands behind it, without the zeros.
//!
//! **What counts as an entry.** What is whole, has the id, and has exactly the next number: each the one
//! behind the entry before it, and the first at most the one behind the last group that is known without
//! this log. (Entries in front may be folded: the other log was being filled when they were.) Whole is
//! what has its checksum, XXH3 with 128 bits: an entry of which any blocks are missing passes with a chance of 2⁻¹²⁸.
//! XXH3 is not made to withstand forgers, and need not: the id is 64 random bits that leave the store's
//! directory for nowhere, so no text of a client can be an entry, wherever it comes to lie.
//!
//! **Invariants**, and what each rests on:
//!
//! 1. *An answered entry is not written over before it is folded.* Every entry begins with a block of
//!    its own, so appending touches no earlier one, and a lap begins only when the commit of the fold of
//!    all of its entries has returned. Until the lap's first entry is whole the file still holds folded ones in front:
//!    their numbers say so, and so does a torn mixture of the two.
//! 2. *Only the last entry can be in doubt.* The next is begun after the sync of the one before. After a
//!    write or a sync that failed nothing is appended until the log is opened anew.
//! 3. *What was found when the log was opened stays found.* A sync that failed may have marked blocks as
//!    written that are not on the disk, and the halves of a mirror may differ after a power cut, so a
//!    block that reads well may read otherwise the next time. So the last entry, the only one in doubt,
//!    is written again as it was read, and zeros behind it, and both synced, before anything is answered
//!    from them. (It is rewritten with the same bytes: whatever part arrives, it reads the same.)
//! 4. *The number of a group that failed is used again only for what replaces it.* It failed, so the log
//!    is opened anew first, which leaves zeros where it began: behind what is there, or, if all of that is
//!    folded, where a lap begins, for it may have been the first of one. Without its first block it is
//!    nothing, whatever is left of it behind shorter entries.
//! 5. *Damage is not taken for the end.* A later number than the next anywhere behind the end means that
//!    the entries before it were durable and cannot be read, or that file and log are copies of
//!    different moments. That is refused. An old log beside a newer file cannot be told from one that is
//!    folded: the two must be copied together.
//!
//! Number 1 leans on redb for one thing: that a fold whose last sync failed, and which is found done when
//! the file is opened anew, cannot be undone by a later power cut. redb's commit syncs its pages before
//! the header that makes them count, and opening writes that header again and syncs it.
//!
//! The log has no lock. It is opened after redb has locked the store's file, and closed before.
//!
//! New room is written with zeros once, a step ahead, so that appending changes neither the length of
//! the file nor where its blocks are, which a sync would have to write too.

#[cfg(test)]
mod tests;

use std::io;

use ::redb::StorageBackend;
use twox_hash::XxHash3_128;

/// What is written whole or, at a power cut, may be missing. Entries begin at multiples of it.
const BLOCK: u64 = 4096;

/// The same, to make one of.
const BLOCK_BYTES: usize = 4096;

/// How the first block begins, behind its checksum. Its last byte is the version of the layout.
const MAGIC: [u8; 16] = *b"sendyard log\0\0\0\x01";

/// Checksum, id, number, length.
const HEAD: usize = 16 + 8 + 8 + 8;

/// The log, open for appending.
#[derive(Debug)]
pub(super) struct Log {
    file: Box<dyn StorageBackend>,
    /// Of the store.
    id: u64,
    /// Where the next entry begins.
    end: u64,
    /// Up to here the file has blocks.
    reserved: u64,
    /// How much room is made at a time.
    grow_by: u64,
    /// An append failed: what lies at the end is not known (invariant 2).
    in_doubt: bool,
}

/// What an opened log holds.
#[derive(Debug)]
pub(super) struct Opened {
    pub(super) log: Log,
    /// The changes of each group that is not folded yet, in order.
    pub(super) groups: Vec<Vec<u8>>,
}

/// Why a log cannot be opened or made.
#[derive(Debug)]
pub(super) enum Fault {
    /// The disk failed.
    Io(io::Error),
    /// It is another store's, or no log at all.
    NotOurs,
    /// Entries that were durable are missing.
    Damaged(String),
}

impl From<io::Error> for Fault {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

/// Why a group is not in the log, or not known to be.
#[derive(Debug)]
pub(super) enum AppendError {
    /// It is not there: there was no room, or an earlier one is in doubt.
    NotWritten(io::Error),
    /// It may be there, as a whole or in part: the log, opened anew, tells.
    InDoubt(io::Error),
}

/// The number of the first entry of a log of this store, if it begins with one that is whole.
pub(super) fn first_number(file: &dyn StorageBackend, id: u64) -> io::Result<Option<u64>> {
    Ok(whole_entry(file, id, BLOCK)?.map(|entry| entry.number))
}

/// Makes a log of a new store, durably but for the file's name. What is there is written over if it
/// holds no entry: another start may have come as far as this.
pub(super) fn create(file: &dyn StorageBackend, id: u64) -> Result<(), Fault> {
    let length = file.len()?;
    let mut first = vec![0; place(length.min(BLOCK))];
    file.read(0, &mut first)?;
    if first.iter().any(|byte| *byte != 0) {
        let earlier = id_in(&first).ok_or(Fault::NotOurs)?;
        if number_above(file, earlier, BLOCK, 0)?.is_some() {
            return Err(Fault::NotOurs);
        }
    }
    file.write(0, &header(id))?;
    file.sync_data()?;
    Ok(())
}

impl Log {
    /// Opens a log of the store with this `id`, whose groups up to number `known` are in the table or in
    /// the other log. What it is found to hold is durable when this returns.
    pub(super) fn open(
        file: Box<dyn StorageBackend>,
        id: u64,
        known: u64,
        grow_by: u64,
    ) -> Result<Opened, Fault> {
        check_header(&*file, id)?;
        let mut groups = Vec::new();
        let mut last = known;
        let mut before = None;
        let mut end = BLOCK;
        let mut newest = None;
        while let Some(entry) = whole_entry(&*file, id, end)? {
            let follows = match before {
                Some(before) => entry.number == before + 1,
                None => entry.number <= known.saturating_add(1),
            };
            if !follows {
                break;
            }
            before = Some(entry.number);
            let begin = end;
            end += entry.size();
            if entry.number > known {
                last = entry.number;
                groups.push(entry.changes().to_vec());
                newest = Some((begin, entry));
            }
        }
        let behind = end;
        if newest.is_none() {
            // All that is there is known without it: a new lap.
            end = BLOCK;
        }
        if let Some(number) = number_above(&*file, id, end, last)? {
            return Err(Fault::Damaged(format!(
                "it has group {number}, and between group {last} and that nothing"
            )));
        }
        let reserved = file.len()? / BLOCK * BLOCK;
        let log = Self { file, id, end, reserved, grow_by, in_doubt: false };
        log.settle(newest, behind)?;
        Ok(Opened { log, groups })
    }

    /// Makes sure that the log reads the same from now on (invariants 3 and 4). `behind`: where what was
    /// read ended.
    fn settle(&self, newest: Option<(u64, Entry)>, behind: u64) -> io::Result<()> {
        if let Some((begin, entry)) = newest {
            self.file.write(begin, &entry.bytes)?;
        }
        // Behind the end of the file there is nothing that could come back.
        if self.end < self.reserved {
            self.file.write(self.end, &[0; BLOCK_BYTES])?;
        }
        if behind != self.end && behind < self.reserved {
            self.file.write(behind, &[0; BLOCK_BYTES])?;
        }
        self.file.sync_data()
    }

    /// Appends a group's changes; they are durable when this returns. `number` is one above the last
    /// group's.
    pub(super) fn append(&mut self, number: u64, changes: &[u8]) -> Result<(), AppendError> {
        if self.in_doubt {
            let error = io::Error::other("the log failed and is not opened anew yet");
            return Err(AppendError::NotWritten(error));
        }
        let entry = Entry::new(self.id, number, changes);
        let end = self.end + entry.size();
        self.reserve(end).map_err(AppendError::NotWritten)?;
        self.in_doubt = true;
        self.file.write(self.end, &entry.bytes).map_err(AppendError::InDoubt)?;
        self.file.sync_data().map_err(AppendError::InDoubt)?;
        self.in_doubt = false;
        self.end = end;
        Ok(())
    }

    /// Makes room up to there, which is durable with the next entry.
    fn reserve(&mut self, up_to: u64) -> io::Result<()> {
        let zeros = vec![0; if up_to > self.reserved { place(self.grow_by) } else { 0 }];
        while self.reserved < up_to {
            self.file.write(self.reserved, &zeros)?;
            self.reserved += self.grow_by;
        }
        Ok(())
    }

    /// Begins a new lap. All its entries are folded, durably.
    pub(super) fn restart(&mut self) {
        self.end = BLOCK;
    }

    /// Bytes that a lap can take up before the file must grow.
    pub(super) const fn room(&self) -> u64 {
        self.reserved.saturating_sub(BLOCK)
    }

    /// Bytes that the entries of this lap take up.
    pub(super) fn used(&self) -> u64 {
        self.end - BLOCK
    }
}

/// What an entry says of itself.
struct Head {
    checksum: u128,
    id: u64,
    number: u64,
    length: u64,
}

impl Head {
    fn read(mut bytes: &[u8]) -> Option<Self> {
        Some(Self {
            checksum: u128::from_be_bytes(take(&mut bytes)?),
            id: u64::from_be_bytes(take(&mut bytes)?),
            number: u64::from_be_bytes(take(&mut bytes)?),
            length: u64::from_be_bytes(take(&mut bytes)?),
        })
    }
}

/// A whole entry, as it is in the file.
struct Entry {
    number: u64,
    /// Where its changes end and its zeros begin.
    changes_end: usize,
    bytes: Vec<u8>,
}

impl std::fmt::Debug for Entry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Entry {}", self.number)
    }
}

impl Entry {
    fn new(id: u64, number: u64, changes: &[u8]) -> Self {
        let changes_end = HEAD + changes.len();
        let mut bytes = Vec::with_capacity(changes_end.next_multiple_of(place(BLOCK)));
        bytes.extend_from_slice(&[0; 16]);
        bytes.extend_from_slice(&id.to_be_bytes());
        bytes.extend_from_slice(&number.to_be_bytes());
        bytes.extend_from_slice(&(changes.len() as u64).to_be_bytes());
        bytes.extend_from_slice(changes);
        seal(&mut bytes);
        bytes.resize(changes_end.next_multiple_of(place(BLOCK)), 0);
        Self { number, changes_end, bytes }
    }

    fn changes(&self) -> &[u8] {
        self.bytes.get(HEAD..self.changes_end).unwrap_or_default()
    }

    fn size(&self) -> u64 {
        self.bytes.len() as u64
    }
}

/// Puts the checksum of what is behind its place there.
fn seal(bytes: &mut [u8]) {
    if let Some((checksum, covered)) = bytes.split_first_chunk_mut() {
        *checksum = XxHash3_128::oneshot(covered).to_be_bytes();
    }
}

/// The head of what may be an entry of this store; the file ends before it where it is `None`.
fn head_at(file: &dyn StorageBackend, id: u64, begin: u64) -> io::Result<Option<Head>> {
    if begin.saturating_add(BLOCK) > file.len()? {
        return Ok(None);
    }
    let mut bytes = [0; HEAD];
    file.read(begin, &mut bytes)?;
    Ok(Head::read(&bytes).filter(|head| head.id == id))
}

/// The entry that begins there, if one does that is whole.
fn whole_entry(file: &dyn StorageBackend, id: u64, begin: u64) -> io::Result<Option<Entry>> {
    let Some(head) = head_at(file, id, begin)? else { return Ok(None) };
    // Nothing is read, nor room taken for it, by a length that cannot be.
    let size = head.length.checked_add(HEAD as u64).and_then(|size| size.checked_next_multiple_of(BLOCK));
    let Some(size) = size.filter(|size| file.len().is_ok_and(|length| *size <= length - begin)) else {
        return Ok(None);
    };
    let mut bytes = vec![0; place(size)];
    file.read(begin, &mut bytes)?;
    let changes_end = HEAD + place(head.length);
    let is_whole =
        bytes.get(16..changes_end).is_some_and(|covered| XxHash3_128::oneshot(covered) == head.checksum);
    Ok(is_whole.then_some(Entry { number: head.number, changes_end, bytes }))
}

/// The number of an entry from there on that is above `last`, if there is one.
fn number_above(file: &dyn StorageBackend, id: u64, from: u64, last: u64) -> io::Result<Option<u64>> {
    let mut begin = from;
    let length = file.len()?;
    while begin < length {
        let is_above = head_at(file, id, begin)?.is_some_and(|head| head.number > last);
        if is_above && let Some(entry) = whole_entry(file, id, begin)? {
            return Ok(Some(entry.number));
        }
        begin += BLOCK;
    }
    Ok(None)
}

fn header(id: u64) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(place(BLOCK));
    bytes.extend_from_slice(&[0; 16]);
    bytes.extend_from_slice(&MAGIC);
    bytes.extend_from_slice(&id.to_be_bytes());
    seal(&mut bytes);
    bytes.resize(place(BLOCK), 0);
    bytes
}

/// The id in a first block that is a log's.
fn id_in(mut first: &[u8]) -> Option<u64> {
    let checksum = u128::from_be_bytes(take(&mut first)?);
    let covered = first.get(..MAGIC.len() + 8)?;
    let is_ours = take(&mut first) == Some(MAGIC) && XxHash3_128::oneshot(covered) == checksum;
    let id = u64::from_be_bytes(take(&mut first)?);
    is_ours.then_some(id)
}

fn check_header(file: &dyn StorageBackend, id: u64) -> Result<(), Fault> {
    if file.len()? < BLOCK {
        return Err(Fault::Damaged("it has lost its beginning".to_owned()));
    }
    let mut first = vec![0; place(BLOCK)];
    file.read(0, &mut first)?;
    if id_in(&first) == Some(id) { Ok(()) } else { Err(Fault::NotOurs) }
}

/// Takes the first bytes off.
fn take<const N: usize>(bytes: &mut &[u8]) -> Option<[u8; N]> {
    let (first, rest) = bytes.split_first_chunk()?;
    *bytes = rest;
    Some(*first)
}

/// A place in a file as one in memory, which holds it.
fn place(offset: u64) -> usize {
    usize::try_from(offset).unwrap_or(usize::MAX)
}
