//! What the twin really did: one line for each send request that was read whole.
//!
//! A line appears as soon as its request is decided, in the order in which requests were read. One
//! thing about it may change later: `answered` becomes true when an answer that was held back goes
//! out. The file gets a line when nothing about it can change any more.

mod file;
mod line;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::clock::TwinClock;

pub(super) use self::file::LedgerFile;
pub(super) use self::line::{Answered, Line, Stamp};

/// Why a request cannot be written down, and so must not be decided.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub(super) enum LedgerRefusal {
    /// As many lines as memory was granted for.
    #[error(
        "the twin's ledger is full ({limit} lines): read it and DELETE /_twin/ledger, or start the twin with a \
         larger limit"
    )]
    Full { limit: usize },
    /// The file stopped taking lines.
    #[error("the twin's ledger file can no longer be written: {reason}")]
    FileBroken { reason: String },
    /// The twin is stopping.
    #[error("the twin is stopping")]
    Closed,
}

/// The ledger, in memory, and what waits to be written to its file.
#[derive(Debug)]
pub(super) struct Ledger {
    clock: TwinClock,
    limit: usize,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    /// Of the next line.
    next_seq: u64,
    /// Without gaps, up to `next_seq`.
    lines: Vec<Arc<Line>>,
    /// Lines whose answer is held back.
    held: HashMap<u64, Arc<Line>>,
    /// Rendered lines that the file has not got yet. None: there is no file.
    for_file: Option<Vec<u8>>,
    refusal: Option<LedgerRefusal>,
}

impl Ledger {
    /// An empty one of at most `limit` lines.
    pub(super) fn new(clock: TwinClock, limit: usize) -> Self {
        let state =
            State { next_seq: 1, lines: Vec::new(), held: HashMap::new(), for_file: None, refusal: None };
        Self { clock, limit, state: Mutex::new(state) }
    }

    /// From now on lines are also gathered for a file.
    pub(super) fn keep_for_file(&mut self) {
        self.state.get_mut().unwrap_or_else(PoisonError::into_inner).for_file = Some(Vec::new());
    }

    /// The most lines it takes.
    pub(super) fn limit(&self) -> usize {
        self.limit
    }

    /// Lines now in memory.
    pub(super) fn len(&self) -> usize {
        self.state().lines.len()
    }

    /// Numbers a request that was just read, lets `decide` decide it, and writes the line down.
    ///
    /// One step under one lock, so that numbers, instants and the providers' own books agree:
    /// `decide` must be quick, and must not ask the ledger anything.
    pub(super) fn record<T>(
        &self,
        decide: impl FnOnce(Stamp) -> (Line, T),
    ) -> Result<(Stamp, T), LedgerRefusal> {
        let mut state = self.state();
        if let Some(refusal) = &state.refusal {
            return Err(refusal.clone());
        }
        if state.lines.len() >= self.limit {
            return Err(LedgerRefusal::Full { limit: self.limit });
        }
        let stamp = Stamp { seq: state.next_seq, at_us: self.clock.now_us() };
        let (decided, value) = decide(stamp);
        let line = Arc::new(decided);
        state.next_seq += 1;
        if line.answered.is_open() {
            state.held.insert(stamp.seq, Arc::clone(&line));
        } else {
            state.write(&line);
        }
        state.lines.push(line);
        Ok((stamp, value))
    }

    /// An answer that was held back went out, or never will. Only the first word counts.
    pub(super) fn settle(&self, seq: u64, answered: bool) {
        let mut state = self.state();
        if let Some(line) = state.held.remove(&seq) {
            line.answered.settle(answered);
            state.write(&line);
        }
    }

    /// At most `limit` lines whose number is greater than `after`, in order.
    pub(super) fn page(&self, after: u64, limit: usize) -> Vec<Arc<Line>> {
        let state = self.state();
        let start = state.index_of(after.saturating_add(1));
        state.lines.iter().skip(start).take(limit).cloned().collect()
    }

    /// The line of this number, if it is still there.
    pub(super) fn line(&self, seq: u64) -> Option<Arc<Line>> {
        let state = self.state();
        let line = state.lines.get(state.index_of(seq))?;
        (line.seq == seq).then(|| Arc::clone(line))
    }

    /// Forgets all lines; numbers go on, and the file keeps what it has.
    pub(super) fn clear(&self) {
        self.state().lines = Vec::new();
    }

    /// Takes no more lines. What was held back stays without an answer.
    pub(super) fn close(&self) {
        let mut state = self.state();
        state.refusal = Some(LedgerRefusal::Closed);
        let mut left: Vec<Arc<Line>> = state.held.drain().map(|(_, line)| line).collect();
        left.sort_by_key(|line| line.seq);
        for line in left {
            line.answered.settle(false);
            state.write(&line);
        }
    }

    /// What the file has not got yet.
    fn take_for_file(&self) -> Vec<u8> {
        self.state().for_file.as_mut().map(std::mem::take).unwrap_or_default()
    }

    /// The file stopped taking lines.
    fn file_broke(&self, reason: String) {
        let mut state = self.state();
        state.for_file = None;
        state.refusal = Some(LedgerRefusal::FileBroken { reason });
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Where the line of this number stands; the first line where that one is gone.
    fn index_of(&self, seq: u64) -> usize {
        let first = self.lines.first().map_or(self.next_seq, |line| line.seq);
        usize::try_from(seq.saturating_sub(first)).unwrap_or(usize::MAX)
    }

    fn write(&mut self, line: &Line) {
        if let Some(buffer) = &mut self.for_file {
            line.render(buffer);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(stamp: Stamp, answered: Answered) -> Line {
        Line {
            seq: stamp.seq,
            at_us: stamp.at_us,
            provider: "test",
            account: String::new(),
            accepted: true,
            answered,
            status: 201,
            code: None,
            provider_message_id: None,
            replay_of: None,
            from: None,
            to: String::new(),
            text: String::new(),
            media: Vec::new(),
            segments: 1,
            token: None,
            service: None,
        }
    }

    fn ledger() -> Ledger {
        let mut ledger = Ledger::new(TwinClock::start(), 10);
        ledger.keep_for_file();
        ledger
    }

    fn record(ledger: &Ledger, answered: Answered) -> u64 {
        ledger.record(|stamp| (line(stamp, answered), ())).unwrap().0.seq
    }

    #[test]
    fn closing_writes_what_is_still_held_as_unanswered_and_takes_no_more() {
        let ledger = ledger();
        let held = record(&ledger, Answered::open());
        assert_eq!(ledger.take_for_file(), b"");
        ledger.close();
        let written = String::from_utf8(ledger.take_for_file()).unwrap();
        assert!(written.starts_with("{\"seq\":1,") && written.contains("\"answered\":false"), "{written}");
        ledger.settle(held, true);
        assert_eq!(ledger.take_for_file(), b"");
        let refused = ledger.record(|stamp| (line(stamp, Answered::yes()), ()));
        assert_eq!(refused.unwrap_err(), LedgerRefusal::Closed);
    }

    #[test]
    fn a_line_held_while_the_ledger_is_cleared_still_reaches_the_file() {
        let ledger = ledger();
        let held = record(&ledger, Answered::open());
        ledger.clear();
        ledger.settle(held, true);
        assert!(String::from_utf8(ledger.take_for_file()).unwrap().contains("\"answered\":true"));
    }

    #[test]
    fn a_line_is_found_by_its_number_and_no_other_in_its_place() {
        let ledger = ledger();
        record(&ledger, Answered::yes());
        ledger.clear();
        assert!(ledger.line(1).is_none());
        assert_eq!(record(&ledger, Answered::yes()), 2);
        assert!(ledger.line(1).is_none());
        assert!(ledger.line(3).is_none());
        assert_eq!(ledger.line(2).map(|line| line.seq), Some(2));
    }
}
