//! A sender's window of its queue: which message is next.
//!
//! The store holds the queue; here is only its head, at most [`READY`] messages plus what is held
//! back. Messages leave in order of acceptance (`seq`). A conversation with a message on its way, of
//! unknown outcome, or waiting for its retry is *held*: its later messages are set aside, the first
//! [`ASIDE`] of them in memory, the rest left in the store and read again when the conversation goes
//! on. Nothing else waits for it.
//!
//! Invariants: no message of a held conversation is ever the head; a conversation's messages become
//! head in the order of their `seq`; memory is bounded by `READY + HELD × (1 + ASIDE)` entries.
//! Pure: no clock, no store. Owned by the sender actor. Everything here may be lost: it is read again.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};

use super::make_anew;
use crate::domain::pace::Cost;
use crate::domain::phone::E164;
use crate::domain::time::Time;
use crate::ports::Waiting;

/// How many messages a page of the queue brings, and about how many wait here ready to go.
pub(crate) const READY: usize = 256;

/// Below this many, the next page is wanted.
const REFILL_BELOW: usize = 64;

/// How many messages of a held conversation stay in memory.
pub(crate) const ASIDE: usize = 8;

/// How many conversations may be held at one time. At the bound the sender claims nothing more until
/// one is decided: it is in trouble anyway.
pub(crate) const HELD: usize = 4096;

#[derive(Debug, Default)]
pub(crate) struct Window {
    ready: BTreeMap<u64, Waiting>,
    threads: HashMap<E164, Thread>,
    /// How many of the threads are held.
    held: usize,
    retries: BTreeSet<(Time, E164)>,
    /// Everything of the queue up to here has been seen.
    cursor: Option<u64>,
    /// The queue ends at the cursor.
    complete: bool,
    paging: Option<Reading>,
    /// Conversations whose messages are to be read from the store.
    to_read: Vec<E164>,
}

/// A page of the queue to be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct PageWanted {
    /// Behind this place; from the head without one.
    pub(crate) after: Option<u64>,
}

/// A conversation that is held, or of which a part is only in the store.
#[derive(Debug, Default)]
struct Thread {
    hold: Hold,
    aside: VecDeque<Waiting>,
    /// Messages of it behind those in memory were left in the store.
    spilled: bool,
    reading: Reading,
}

/// A read that is under way.
#[derive(Debug, Default, Clone, Copy)]
struct Reading {
    /// A message was stored meanwhile and left in the store: the read may not hold it.
    missed: bool,
}

#[derive(Debug, Default, Clone, Copy)]
enum Hold {
    /// Free to go.
    #[default]
    Free,
    /// On its way, or of unknown outcome.
    Undecided,
    /// Its first message waits for its retry.
    Retry(Waiting),
    /// Its next messages are being read.
    Reading,
}

impl Window {
    /// The next message that may go now, if any.
    pub(crate) fn head(&mut self, now: Time) -> Option<Waiting> {
        self.release_due(now);
        if self.held >= HELD {
            return None;
        }
        loop {
            let first = *self.ready.first_entry()?.get();
            if self.is_held(first.recipient) {
                self.ready.remove(&first.seq);
                self.set_aside(first);
            } else if first.due > now {
                self.requeue(first);
            } else {
                return Some(first);
            }
        }
    }

    /// Gives memory back that only a busy one needs.
    pub(crate) fn give_memory_back(&mut self) {
        make_anew(&mut self.ready);
        self.threads.shrink_to_fit();
        make_anew(&mut self.retries);
        self.to_read.shrink_to_fit();
    }

    /// How many messages are ready, as far as that is known without looking at each.
    pub(crate) fn ready(&self) -> usize {
        self.ready.len()
    }

    /// The oldest message that waits, of those in memory: also one that is held.
    pub(crate) fn oldest(&self) -> Option<Waiting> {
        let ready = self.ready.first_key_value().map(|(_, message)| *message);
        let threads = self.threads.values().filter_map(|thread| match thread.hold {
            Hold::Retry(message) => Some(message),
            Hold::Free | Hold::Undecided | Hold::Reading => thread.aside.front().copied(),
        });
        threads.chain(ready).min_by_key(|message| message.seq)
    }

    /// When the first retry is due.
    pub(crate) fn next_due(&self) -> Option<Time> {
        self.retries.first().map(|(due, _)| *due)
    }

    /// The message is being claimed: its conversation is held.
    pub(crate) fn start(&mut self, message: &Waiting) {
        self.ready.remove(&message.seq);
        self.set_hold(message.recipient, Hold::Undecided);
    }

    /// The conversation has a message whose outcome is open or unknown.
    pub(crate) fn hold(&mut self, recipient: E164) {
        self.set_hold(recipient, Hold::Undecided);
    }

    /// The message is back in its queue, not before its due time.
    pub(crate) fn requeue(&mut self, message: Waiting) {
        self.ready.remove(&message.seq);
        self.set_hold(message.recipient, Hold::Retry(message));
        self.retries.insert((message.due, message.recipient));
        if let Some(thread) = self.threads.get_mut(&message.recipient) {
            thread.aside.retain(|other| other.seq != message.seq);
        }
    }

    /// A claim found that this is not what the store holds, or not the first of its conversation: the
    /// conversation is read again when it goes on.
    pub(crate) fn mistaken(&mut self, message: &Waiting) {
        self.ready.remove(&message.seq);
        let thread = self.threads.entry(message.recipient).or_default();
        thread.aside.clear();
        thread.spilled = true;
    }

    /// The queue is read again from its head: something of it may have been missed.
    pub(crate) fn start_over(&mut self) {
        self.cursor = None;
        self.complete = false;
        self.paging = self.paging.map(|_| Reading { missed: true });
    }

    /// What those in memory cost, in about the order in which they go: what is held goes later.
    pub(crate) fn costs(&self) -> impl Iterator<Item = Cost> {
        let held = self.threads.values().flat_map(|thread| {
            let first = match thread.hold {
                Hold::Retry(message) => Some(message),
                Hold::Free | Hold::Undecided | Hold::Reading => None,
            };
            first.into_iter().chain(thread.aside.iter().copied())
        });
        self.ready.values().copied().chain(held).map(|message| message.cost)
    }

    /// Is nothing left in the store that is not here?
    pub(crate) fn is_whole(&self) -> bool {
        self.complete && self.threads.values().all(|thread| !thread.spilled)
    }

    /// How many messages wait, where all of them are known of.
    pub(crate) fn known(&self) -> Option<usize> {
        let aside = |thread: &Thread| thread.aside.len() + usize::from(matches!(thread.hold, Hold::Retry(_)));
        let known = self.ready.len() + self.threads.values().map(aside).sum::<usize>();
        self.complete.then_some(known)
    }

    /// The conversation's message is decided: what follows it may go.
    pub(crate) fn release(&mut self, recipient: E164) {
        let Some(thread) = self.threads.get(&recipient) else { return };
        if thread.aside.is_empty() && thread.spilled {
            self.read_thread(recipient);
        } else {
            self.open(recipient);
        }
    }

    /// A message was stored. Taken in if the window reaches the end of the queue; otherwise a later
    /// page brings it.
    pub(crate) fn stored(&mut self, message: Waiting) {
        if self.complete && self.ready.len() >= 2 * READY {
            self.complete = false;
        }
        let seen = self.cursor.is_some_and(|cursor| message.seq <= cursor);
        if !seen && !self.complete {
            self.paging = self.paging.map(|_| Reading { missed: true });
            return;
        }
        self.cursor = self.cursor.max(Some(message.seq));
        self.admit(message);
    }

    /// The message is in its queue no more.
    pub(crate) fn gone(&mut self, message: &Waiting) {
        self.ready.remove(&message.seq);
        let Some(thread) = self.threads.get_mut(&message.recipient) else { return };
        thread.aside.retain(|other| other.seq != message.seq);
        let nothing_left = thread.spilled && thread.aside.is_empty();
        match thread.hold {
            Hold::Retry(first) if first.seq == message.seq => self.release(message.recipient),
            Hold::Free if nothing_left => self.read_thread(message.recipient),
            Hold::Free | Hold::Undecided | Hold::Retry(_) | Hold::Reading => {}
        }
    }

    /// The next page, if it is wanted; said once per page.
    pub(crate) fn wants_page(&mut self) -> Option<PageWanted> {
        if self.paging.is_some() || self.complete || self.ready.len() >= REFILL_BELOW || self.held >= HELD {
            return None;
        }
        self.paging = Some(Reading::default());
        Some(PageWanted { after: self.cursor })
    }

    /// A page of the queue, asked for with `wants_page`, of `READY` messages or the last.
    /// It may still hold what is known to have started since.
    pub(crate) fn page(&mut self, page: Vec<Waiting>, has_started: impl Fn(u64) -> bool) {
        let missed = self.paging.take().is_some_and(|reading| reading.missed);
        self.complete = page.len() < READY && !missed;
        for message in page {
            self.cursor = self.cursor.max(Some(message.seq));
            if !has_started(message.seq) {
                self.admit(message);
            }
        }
    }

    /// Is a page of it being read?
    pub(crate) const fn is_read(&self) -> bool {
        self.paging.is_some()
    }

    /// The page did not come; it may be asked for again.
    pub(crate) fn page_failed(&mut self) {
        self.paging = None;
    }

    /// A conversation whose next messages are to be read from the store.
    pub(crate) fn wants_thread(&mut self) -> Option<E164> {
        self.to_read.pop()
    }

    /// A conversation's first [`ASIDE`] waiting messages, or all of them.
    pub(crate) fn thread_page(&mut self, recipient: E164, page: Vec<Waiting>) {
        let Some(thread) = self.threads.get_mut(&recipient) else { return };
        thread.spilled = page.len() >= ASIDE || thread.reading.missed;
        thread.aside = page.into();
        if matches!(thread.hold, Hold::Reading) {
            self.release(recipient);
        }
    }

    /// The conversation's messages could not be read; it is to be read again.
    pub(crate) fn thread_failed(&mut self, recipient: E164) {
        self.to_read.push(recipient);
    }

    /// Reads a conversation again whose first message was not the one we thought.
    pub(crate) fn release_to_read(&mut self, recipient: E164) {
        if self.threads.get(&recipient).is_some_and(|thread| matches!(thread.hold, Hold::Undecided)) {
            self.read_thread(recipient);
        }
    }

    /// Nothing here, nothing in the store, nothing held.
    pub(crate) fn is_empty(&self) -> bool {
        self.complete && self.ready.is_empty() && self.threads.is_empty()
    }

    fn admit(&mut self, message: Waiting) {
        match self.threads.get_mut(&message.recipient) {
            // What lies behind a spilled part is read with it, in its order.
            Some(thread) if thread.spilled => thread.reading.missed = true,
            Some(thread) if matches!(thread.hold, Hold::Retry(first) if first.seq == message.seq) => {}
            Some(_) | None => self.make_ready(message),
        }
    }

    /// Of two hints of one message the one with the later attempt is the truer.
    fn make_ready(&mut self, message: Waiting) {
        let known = self.ready.entry(message.seq).or_insert(message);
        if known.attempt < message.attempt {
            *known = message;
        }
    }

    fn is_held(&self, recipient: E164) -> bool {
        self.threads.get(&recipient).is_some_and(|thread| !matches!(thread.hold, Hold::Free))
    }

    fn set_aside(&mut self, message: Waiting) {
        let thread = self.threads.entry(message.recipient).or_default();
        let waits_first = matches!(thread.hold, Hold::Retry(first) if first.seq == message.seq);
        if waits_first || thread.aside.iter().any(|other| other.seq == message.seq) {
            return;
        }
        if thread.spilled || thread.aside.len() >= ASIDE {
            thread.spilled = true;
            return;
        }
        // Usually the last; a hint that came late may bring an earlier one.
        let place = thread.aside.partition_point(|other| other.seq < message.seq);
        thread.aside.insert(place, message);
    }

    fn set_hold(&mut self, recipient: E164, hold: Hold) {
        let thread = self.threads.entry(recipient).or_default();
        if let Hold::Retry(message) = thread.hold {
            self.retries.remove(&(message.due, recipient));
        }
        self.held -= usize::from(!matches!(thread.hold, Hold::Free));
        self.held += usize::from(!matches!(hold, Hold::Free));
        thread.hold = hold;
    }

    /// Lets what is in memory of a conversation go.
    fn open(&mut self, recipient: E164) {
        self.set_hold(recipient, Hold::Free);
        let Some(thread) = self.threads.get_mut(&recipient) else { return };
        let aside = std::mem::take(&mut thread.aside);
        if !thread.spilled {
            self.threads.remove(&recipient);
        }
        for message in aside {
            self.make_ready(message);
        }
    }

    fn read_thread(&mut self, recipient: E164) {
        self.set_hold(recipient, Hold::Reading);
        if let Some(thread) = self.threads.get_mut(&recipient) {
            thread.reading = Reading::default();
        }
        self.to_read.push(recipient);
    }

    fn release_due(&mut self, now: Time) {
        while let Some((due, recipient)) = self.retries.first().copied() {
            if due > now {
                return;
            }
            self.retries.pop_first();
            let Some(thread) = self.threads.get(&recipient) else { continue };
            let Hold::Retry(message) = thread.hold else { continue };
            self.make_ready(message);
            self.open(recipient);
        }
    }
}

#[cfg(test)]
mod tests;
