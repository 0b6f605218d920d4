//! A sender's queue: a window of each lane, and whose turn it is.
//!
//! Pure: no clock, no store. Owned by the sender actor; all of it may be lost. Conversations belong to
//! one lane, so what is held in one holds nothing back in another.

use std::collections::HashSet;

use super::window::{PageWanted, Window};
use crate::domain::lanes::{LANES, Lanes, Weights, place};
use crate::domain::message::Lane;
use crate::domain::pace::Cost;
use crate::domain::phone::E164;
use crate::domain::time::Time;
use crate::ports::Waiting;

/// No more than these are known to have started.
const MOST_STARTED: usize = 1024;

#[derive(Debug, Default)]
pub(crate) struct Queue {
    windows: [Window; 3],
    lanes: Lanes,
    /// Those that were started while a page is read, or the answer is awaited that they are stored: either may tell of
    /// them once more. In a box: there are seldom any.
    #[expect(clippy::box_collection, reason = "each sender pays for the place, and few have any")]
    started: Option<Box<HashSet<u64>>>,
}

impl Queue {
    pub(crate) fn new(weights: Weights) -> Self {
        let mut queue = Self::default();
        queue.lanes.weigh(weights);
        queue
    }

    /// From now on by these weights.
    pub(crate) const fn weigh(&mut self, weights: Weights) {
        self.lanes.weigh(weights);
    }

    /// The next message that may go now, if any: the head of the lane whose turn it is.
    pub(crate) fn head(&mut self, now: Time) -> Option<Waiting> {
        let [urgent, normal, bulk] = &mut self.windows;
        let heads = [urgent.head(now), normal.head(now), bulk.head(now)];
        let lane = self.lanes.next(heads.map(|head| head.is_some()))?;
        heads.into_iter().flatten().find(|head| head.lane == lane)
    }

    /// Gives memory back that only a busy one needs.
    pub(crate) fn give_memory_back(&mut self) {
        self.windows.iter_mut().for_each(Window::give_memory_back);
    }

    /// How many messages are ready, as far as that is known without looking at each.
    pub(crate) fn ready(&self) -> usize {
        self.windows.iter().map(Window::ready).sum()
    }

    /// When the first retry is due.
    pub(crate) fn next_due(&self) -> Option<Time> {
        self.windows.iter().filter_map(Window::next_due).min()
    }

    /// The message is being claimed: its conversation is held, and its lane has had its turn. `stores`: messages are
    /// being stored.
    pub(crate) fn start(&mut self, message: &Waiting, stores: bool) {
        self.of(message.lane).start(message);
        if stores || self.of(message.lane).is_read() {
            let started = self.started.get_or_insert_default();
            if started.len() >= MOST_STARTED {
                // One of them that is told of again is claimed in vain, no more.
                started.clear();
            }
            started.insert(message.seq);
        }
        self.lanes.take(message.lane, message.cost.segments);
    }

    /// It was not claimed: its lane has its turn again.
    pub(crate) fn not_started(&mut self, message: &Waiting) {
        self.lanes.give_back(message.lane, message.cost.segments);
    }

    /// The window of a lane.
    pub(crate) const fn of(&mut self, lane: Lane) -> &mut Window {
        let [urgent, normal, bulk] = &mut self.windows;
        match lane {
            Lane::Urgent => urgent,
            Lane::Normal => normal,
            Lane::Bulk => bulk,
        }
    }

    /// What is known of a lane's queue to cost, in about its order.
    pub(crate) fn costs(&self, lane: Lane) -> impl Iterator<Item = Cost> {
        self.windows.get(place(lane)).into_iter().flat_map(Window::costs)
    }

    /// Is all of a lane's queue known?
    pub(crate) fn is_whole(&self, lane: Lane) -> bool {
        self.windows.get(place(lane)).is_some_and(Window::is_whole)
    }

    /// Whose turn it is.
    pub(crate) const fn lanes(&self) -> &Lanes {
        &self.lanes
    }

    /// So many messages wait: if fewer are known of, though the queue ends here, it is read again.
    pub(crate) fn expect(&mut self, waiting: u64) {
        let known = self.windows.iter().map(Window::known).sum::<Option<usize>>();
        let fewer = known.is_some_and(|known| u64::try_from(known).is_ok_and(|known| known < waiting));
        if fewer {
            self.start_over();
        }
    }

    /// The oldest message that waits, of those in memory: also one that is held.
    pub(crate) fn oldest(&self) -> Option<Waiting> {
        self.windows.iter().filter_map(Window::oldest).min_by_key(|message| message.seq)
    }

    /// The queue is read again from its head: something of it may have been missed.
    pub(crate) fn start_over(&mut self) {
        self.windows.iter_mut().for_each(Window::start_over);
    }

    /// The next page that is wanted; each is said once.
    pub(crate) fn wants_page(&mut self) -> Option<(Lane, PageWanted)> {
        LANES.iter().zip(&mut self.windows).find_map(|(lane, window)| Some((*lane, window.wants_page()?)))
    }

    /// Nothing is being stored: unless a page is read, nobody tells any more of what was started.
    pub(crate) fn nothing_is_stored(&mut self) {
        if !self.windows.iter().any(Window::is_read) {
            self.started = None;
        }
    }

    /// A message was stored, unless it was started before this was heard.
    pub(crate) fn stored(&mut self, message: Waiting) {
        if !self.started.as_ref().is_some_and(|started| started.contains(&message.seq)) {
            self.of(message.lane).stored(message);
        }
    }

    /// A page of a lane.
    pub(crate) fn page(&mut self, lane: Lane, page: Vec<Waiting>) {
        let started = self.started.take();
        self.of(lane).page(page, |seq| started.as_ref().is_some_and(|started| started.contains(&seq)));
        self.started = started;
    }

    /// A conversation whose next messages are to be read from the store.
    pub(crate) fn wants_thread(&mut self) -> Option<(Lane, E164)> {
        LANES.iter().zip(&mut self.windows).find_map(|(lane, window)| Some((*lane, window.wants_thread()?)))
    }

    /// Nothing here, nothing in the store, nothing held.
    pub(crate) fn is_empty(&self) -> bool {
        self.windows.iter().all(Window::is_empty)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::domain::ids::{MessageId, Shard};

    fn waiting(seq: u64) -> Waiting {
        let recipient = E164::from_u64(15_550_000 + seq).unwrap();
        let id = MessageId::new(uuid::Uuid::from_u128(u128::from(seq)), Shard::of(recipient));
        Waiting {
            id,
            seq,
            lane: Lane::Normal,
            recipient,
            due: Time::ZERO,
            attempt: 0,
            cost: Cost::sms(1),
            elsewhere: false,
        }
    }

    /// The store was read before it was claimed, and the answer came when it was sent.
    #[test]
    fn what_went_while_a_page_was_read_does_not_come_back_with_it() {
        let now = Time::ZERO + Duration::from_secs(1);
        let mut queue = Queue::default();
        let (first, second) = (waiting(1), waiting(2));
        let read = |queue: &mut Queue| while queue.wants_page().is_some() {};
        read(&mut queue);
        queue.page(Lane::Normal, vec![first]);
        queue.start_over();
        read(&mut queue);
        queue.start(&first, false);
        queue.of(Lane::Normal).release(first.recipient);
        queue.page(Lane::Normal, vec![first, second]);
        assert_eq!(queue.head(now), Some(second));
        assert_eq!(queue.ready(), 1);
    }

    /// It was read before it was told to be stored.
    #[test]
    fn what_went_before_it_was_told_to_be_stored_does_not_come_back() {
        let mut queue = Queue::default();
        let first = waiting(1);
        while queue.wants_page().is_some() {}
        queue.page(Lane::Normal, vec![first]);
        queue.start(&first, true);
        queue.of(Lane::Normal).release(first.recipient);
        queue.stored(first);
        assert_eq!(queue.ready(), 0);
    }
}
