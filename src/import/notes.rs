//! The notes of an import: which messages of the file are settled, in a text file beside it.
//!
//! The first line names the file's identity, each further one a settled message: `17 a` (accepted) or
//! `18 r` (refused). A line is written when its answer is there, so a process that is killed at any
//! moment leaves at most those unnoted that were on their way; the next run sends these again, under the
//! keys that they had, and the server knows them. Owner: one import at a time.

use std::collections::BTreeSet;
use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, BufReader, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use tokio::sync::Notify;

use super::WINDOW;

const HEAD: &str = "sendyard import 1";

/// Why the notes cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum BadNotes {
    /// They cannot be read or written.
    #[error("cannot read and write the notes {path}: check its rights, and the room on its disk")]
    File {
        /// The notes.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// They are of another content.
    #[error(
        "{path} is of another import: the file was changed, or --from or --name is another one, and what was \
         sent already would be sent again. Put the file back as it was; import the mended report of refused \
         lines instead; or name other notes with --notes to send the whole file"
    )]
    OtherFile {
        /// The notes.
        path: PathBuf,
    },
    /// Another import has them.
    #[error("{path} is in use by another import of this file: wait for its end")]
    InUse {
        /// The notes.
        path: PathBuf,
    },
}

/// How a message was settled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Settled {
    Accepted,
    Refused,
}

/// What the notes say, in numbers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Counted {
    pub(super) accepted: u64,
    pub(super) refused: u64,
}

/// The notes, open for more.
pub(super) struct Notes {
    path: PathBuf,
    state: Mutex<State>,
    /// Told whenever a message is noted.
    moved: Notify,
}

struct State {
    file: File,
    /// All up to this place are settled.
    up_to: u64,
    /// Those beyond; at most [`WINDOW`].
    beyond: BTreeSet<u64>,
    counted: Counted,
}

impl Notes {
    /// Opens the notes of this identity, or begins them. Held by this process until it ends.
    pub(super) fn open(path: &Path, identity: &str) -> Result<Self, BadNotes> {
        let failed = |source| BadNotes::File { path: path.to_owned(), source };
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(path)
            .map_err(failed)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(std::fs::TryLockError::WouldBlock) => {
                return Err(BadNotes::InUse { path: path.to_owned() });
            }
            Err(std::fs::TryLockError::Error(source)) => return Err(failed(source)),
        }
        let head = format!("{HEAD} {identity}\n");
        let mut state = State {
            file: file.try_clone().map_err(failed)?,
            up_to: 0,
            beyond: BTreeSet::new(),
            counted: Counted::default(),
        };
        let whole = read_back(&file, &head, &mut state).map_err(failed)?;
        let Some(whole) = whole else { return Err(BadNotes::OtherFile { path: path.to_owned() }) };
        // A line that a kill cut in half is not there: its message is sent again.
        file.set_len(whole).map_err(failed)?;
        file.seek(SeekFrom::End(0)).map_err(failed)?;
        if whole == 0 {
            file.write_all(head.as_bytes()).map_err(failed)?;
        }
        Ok(Self { path: path.to_owned(), state: Mutex::new(state), moved: Notify::new() })
    }

    /// What was settled by now.
    pub(super) fn counted(&self) -> Counted {
        self.state().counted
    }

    /// Is this message settled?
    pub(super) fn has(&self, place: u64) -> bool {
        let state = self.state();
        place <= state.up_to || state.beyond.contains(&place)
    }

    /// Waits until this message may be begun: until the first unsettled one is near enough.
    pub(super) async fn near(&self, place: u64) {
        loop {
            let moved = self.moved.notified();
            if place.saturating_sub(self.state().up_to) <= WINDOW {
                return;
            }
            moved.await;
        }
    }

    /// Notes a message; it is in the file when this returns, though not on the disk.
    pub(super) fn note(&self, place: u64, settled: Settled) -> Result<(), BadNotes> {
        let word = match settled {
            Settled::Accepted => 'a',
            Settled::Refused => 'r',
        };
        let mut state = self.state();
        state
            .file
            .write_all(format!("{place} {word}\n").as_bytes())
            .map_err(|source| BadNotes::File { path: self.path.clone(), source })?;
        state.settle(place, settled);
        drop(state);
        self.moved.notify_waiters();
        Ok(())
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn settle(&mut self, place: u64, settled: Settled) {
        if place <= self.up_to || !self.beyond.insert(place) {
            return;
        }
        while self.beyond.remove(&(self.up_to + 1)) {
            self.up_to += 1;
        }
        match settled {
            Settled::Accepted => self.counted.accepted += 1,
            Settled::Refused => self.counted.refused += 1,
        }
    }
}

/// Reads what is noted; the length of what is whole. None where they are of another file.
fn read_back(file: &File, head: &str, state: &mut State) -> io::Result<Option<u64>> {
    let mut reader = BufReader::new(file);
    let mut line = String::new();
    let mut whole: u64 = 0;
    loop {
        line.clear();
        // What is no text was not written by this; a kill leaves the beginning of a line of digits.
        let read = reader.read_line(&mut line)?;
        let is_whole = line.ends_with('\n');
        if read == 0 || (!is_whole && whole > 0) {
            return Ok(Some(whole));
        }
        if whole == 0 {
            if head.starts_with(&line) && !is_whole {
                return Ok(Some(0));
            }
            if line != head {
                return Ok(None);
            }
        } else if let Some((place, settled)) = noted(&line) {
            state.settle(place, settled);
        }
        whole += u64::try_from(read).unwrap_or(u64::MAX);
    }
}

fn noted(line: &str) -> Option<(u64, Settled)> {
    let (place, word) = line.trim_end().split_once(' ')?;
    let settled = match word {
        "a" => Settled::Accepted,
        "r" => Settled::Refused,
        _ => return None,
    };
    Some((place.parse().ok()?, settled))
}

#[cfg(test)]
mod tests;
