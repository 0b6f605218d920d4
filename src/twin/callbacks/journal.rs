//! What was sent, and what it was answered: the last thousand calls, and counts of all.

use std::collections::VecDeque;

use serde::Serialize;
use serde_json::{Value, json};

/// Calls that are remembered.
const REMEMBERED: usize = 1_000;

/// A call that was made.
#[derive(Debug, Serialize)]
pub(super) struct Entry {
    /// When it began, on the twin's clock.
    pub(super) at_us: u64,
    pub(super) took_us: u64,
    pub(super) provider: &'static str,
    /// Of the ledger's line that accepted the message.
    pub(super) seq: u64,
    pub(super) provider_message_id: String,
    pub(super) state: &'static str,
    pub(super) url: String,
    /// From 1.
    pub(super) attempt: u32,
    /// Of the answer. None: there was none.
    pub(super) status: Option<u16>,
    /// Why there was none.
    pub(super) error: Option<String>,
}

#[derive(Debug, Default)]
pub(super) struct Journal {
    last: VecDeque<Entry>,
    sent: u64,
    /// By the dial.
    pub(super) lost: u64,
    /// For want of room.
    pub(super) dropped: u64,
}

impl Journal {
    /// One more.
    pub(super) fn add(&mut self, entry: Entry) {
        self.sent += 1;
        if self.last.len() >= REMEMBERED {
            self.last.pop_front();
        }
        self.last.push_back(entry);
    }

    /// The oldest call first.
    pub(super) fn report(&self, waiting: usize) -> Value {
        json!({
            "waiting": waiting, "sent": self.sent, "lost": self.lost, "dropped": self.dropped,
            "last": self.last,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_last_calls_are_remembered_and_all_are_counted() {
        let mut journal = Journal::default();
        for seq in 0..1_500 {
            journal.add(Entry {
                at_us: 0,
                took_us: 0,
                provider: "test",
                seq,
                provider_message_id: String::new(),
                state: "sent",
                url: String::new(),
                attempt: 1,
                status: Some(200),
                error: None,
            });
        }
        let report = journal.report(7);
        assert_eq!((&report["sent"], &report["waiting"]), (&json!(1_500), &json!(7)));
        let last = report["last"].as_array().unwrap();
        assert_eq!((last.len(), &last[0]["seq"]), (1_000, &json!(500)));
    }
}
