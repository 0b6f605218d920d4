//! The window against a store that it pages from: nothing is lost, order holds.

use std::collections::{BTreeMap, HashMap};

use proptest::prelude::*;

use super::*;
use crate::domain::ids::{MessageId, Shard};
use crate::domain::message::Lane;
use crate::domain::pace::Cost;

const NOW: Time = Time::from_millis(1_000);

const NONE_STARTED: fn(u64) -> bool = |_| false;

fn number(n: u64) -> E164 {
    E164::from_u64(15_550_000_000 + n).unwrap()
}

fn waiting(seq: u64, recipient: u64) -> Waiting {
    let id = MessageId::new(uuid::Uuid::now_v7(), Shard::of(number(0)));
    Waiting {
        id,
        seq,
        recipient: number(recipient),
        lane: Lane::Normal,
        cost: Cost::sms(1),
        due: Time::ZERO,
        attempt: 0,
        elsewhere: false,
    }
}

/// The queue as a store would hold it.
#[derive(Default)]
struct Queue(BTreeMap<u64, Waiting>);

impl Queue {
    fn page(&self, after: Option<u64>) -> Vec<Waiting> {
        let from = after.map_or(0, |after| after + 1);
        self.0.range(from..).take(READY).map(|(_, message)| *message).collect()
    }

    fn thread(&self, recipient: E164) -> Vec<Waiting> {
        self.0.values().filter(|message| message.recipient == recipient).take(ASIDE).copied().collect()
    }

    fn serve(&self, window: &mut Window) {
        while let Some(wanted) = window.wants_page() {
            window.page(self.page(wanted.after), NONE_STARTED);
        }
        while let Some(recipient) = window.wants_thread() {
            window.thread_page(recipient, self.thread(recipient));
        }
    }
}

#[test]
fn a_held_conversation_holds_back_itself_and_nothing_else() {
    let mut window = Window::default();
    let (first, second, other) = (waiting(1, 1), waiting(2, 1), waiting(3, 2));
    assert_eq!(window.wants_page(), Some(PageWanted { after: None }));
    window.page(vec![first, second, other], NONE_STARTED);
    assert_eq!(window.head(NOW), Some(first));
    window.start(&first);
    assert_eq!(window.head(NOW), Some(other));
    window.start(&other);
    assert_eq!(window.head(NOW), None);
    window.release(first.recipient);
    assert_eq!(window.head(NOW), Some(second));
}

#[test]
fn a_retry_waits_for_its_time_before_its_successors() {
    let mut window = Window::default();
    let (first, second) = (waiting(1, 1), waiting(2, 1));
    window.wants_page();
    window.page(vec![first, second], NONE_STARTED);
    window.start(&first);
    let due = NOW + std::time::Duration::from_secs(5);
    window.requeue(Waiting { due, attempt: 1, ..first });
    assert_eq!((window.head(NOW), window.next_due()), (None, Some(due)));
    assert_eq!(window.head(due).map(|head| head.seq), Some(1));
    window.start(&first);
    window.release(first.recipient);
    assert_eq!(window.head(due), Some(second));
}

#[test]
fn a_message_stored_while_a_page_is_read_is_not_lost() {
    let mut window = Window::default();
    window.wants_page();
    window.stored(waiting(1, 1));
    window.page(Vec::new(), NONE_STARTED);
    let wanted = Some(PageWanted { after: None });
    assert_eq!(window.wants_page(), wanted, "the page was read before the message was stored");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Whatever ends in whatever order, every message becomes head once per attempt, in the order of
    /// its conversation, with one of a conversation on its way at a time.
    #[test]
    fn every_message_goes_once_and_in_the_order_of_its_conversation(
        recipients in proptest::collection::vec(0_u64..6, 1..700),
        endings in proptest::collection::vec((0_usize..1000, 0_u8..4), 1..64),
        late in 0_usize..300,
    ) {
        let mut queue = Queue::default();
        let mut window = Window::default();
        let mut now = NOW;
        let all: Vec<Waiting> =
            recipients.iter().zip(1..).map(|(recipient, seq)| waiting(seq, *recipient)).collect();
        let mut to_store = all.iter().rev().take(late).rev().copied().collect::<VecDeque<_>>();
        for message in all.iter().take(all.len() - to_store.len()) {
            queue.0.insert(message.seq, *message);
        }
        let mut flying: Vec<Waiting> = Vec::new();
        let mut last_done: HashMap<E164, u64> = HashMap::new();
        let mut done = 0;
        let mut endings = endings.into_iter().cycle();
        for _ in 0..20_000 {
            if done == all.len() {
                break;
            }
            if let Some(message) = to_store.pop_front() {
                queue.0.insert(message.seq, message);
                window.stored(message);
            }
            queue.serve(&mut window);
            while let Some(head) = window.head(now) {
                prop_assert!(flying.iter().all(|other| other.recipient != head.recipient), "two in flight");
                let before = last_done.get(&head.recipient).copied().unwrap_or(0);
                let expected = queue.0.values().find(|other| other.recipient == head.recipient);
                prop_assert_eq!(expected.map(|other| other.seq), Some(head.seq));
                prop_assert!(before < head.seq);
                window.start(&head);
                queue.0.remove(&head.seq);
                flying.push(head);
                queue.serve(&mut window);
            }
            now = now + std::time::Duration::from_millis(50);
            if flying.is_empty() {
                continue;
            }
            let (which, how) = endings.next().unwrap();
            let message = flying.swap_remove(which % flying.len());
            if how == 0 && message.attempt < 3 {
                let due = now + std::time::Duration::from_millis(120);
                let again = Waiting { due, attempt: message.attempt + 1, ..message };
                queue.0.insert(again.seq, again);
                window.requeue(again);
            } else {
                last_done.insert(message.recipient, message.seq);
                done += 1;
                window.release(message.recipient);
            }
        }
        prop_assert_eq!(done, all.len());
        queue.serve(&mut window);
        prop_assert!(window.is_empty());
    }
}

#[test]
fn a_late_hint_does_not_replace_the_retry() {
    let mut window = Window::default();
    let first = waiting(1, 1);
    window.wants_page();
    window.page(vec![first], NONE_STARTED);
    assert_eq!(window.head(NOW), Some(first));
    window.start(&first);
    // An idempotent repeat of the request was answered from the store before the claim.
    window.stored(first);
    assert_eq!(window.head(NOW), None);
    let due = NOW + std::time::Duration::from_secs(5);
    window.requeue(Waiting { due, attempt: 1, ..first });
    assert_eq!(window.head(due).map(|head| head.attempt), Some(1));
}

#[test]
fn a_message_that_was_not_the_head_is_not_lost() {
    let mut window = Window::default();
    let second = waiting(2, 1);
    window.wants_page();
    window.page(vec![second], NONE_STARTED);
    assert_eq!(window.head(NOW), Some(second));
    window.start(&second);
    // The store said NotHead; before the sender looks again, the first of the conversation is decided.
    window.mistaken(&second);
    window.release(second.recipient);
    window.release_to_read(second.recipient);
    let found = window.head(NOW) == Some(second) || window.wants_thread().is_some();
    assert!(found, "waiting in the store, and the window is_empty: {}", window.is_empty());
}
