//! The files joined by message: everything that is known of each, from all sides.

use std::collections::HashMap;

use super::inputs::{Answer, Inputs, Kind, LedgerLine, Shown, Status};
use super::report::Counts;

/// One run.
pub(super) struct Run<'a> {
    pub(super) inputs: &'a Inputs,
    /// Every message that a client or the provider names, in the order of first mention.
    pub(super) messages: Vec<Message<'a>>,
    /// Accepted by the provider without a token of ours.
    pub(super) untraced: Vec<&'a LedgerLine>,
}

/// What is known of one message.
pub(super) struct Message<'a> {
    pub(super) id: &'a str,
    /// The requests that were told its id, in the order of the file.
    pub(super) answers: Vec<&'a Answer>,
    /// The earliest request that may have stored it: of these, or of the same key without an id.
    pub(super) asked_us: u64,
    pub(super) status: Option<&'a Status>,
    /// What the provider read of it, by `seq`.
    pub(super) lines: Vec<&'a LedgerLine>,
}

impl<'a> Message<'a> {
    fn named(id: &'a str) -> Self {
        Self { id, answers: Vec::new(), asked_us: u64::MAX, status: None, lines: Vec::new() }
    }

    /// None where no client knows.
    pub(super) fn kind(&self) -> Option<Kind> {
        self.answers.first().map(|answer| answer.kind)
    }

    /// When a client first held a `200`.
    pub(super) fn answered_us(&self) -> Option<u64> {
        let good = self.answers.iter().filter(|answer| answer.http_status == 200);
        good.map(|answer| answer.answered_at_us).min()
    }

    pub(super) fn accepted(&self) -> impl Iterator<Item = &'a LedgerLine> {
        self.lines.iter().copied().filter(|line| line.accepted)
    }

    /// Was the request answered as a repetition of one of this message that was accepted? What says so of
    /// itself, and names no such line, is a request like any other.
    pub(super) fn is_replay(&self, line: &LedgerLine) -> bool {
        let first = line.replay_of.filter(|_| !line.accepted);
        first.is_some_and(|first| self.accepted().any(|line| line.seq == first))
    }

    pub(super) fn shown(&self) -> Option<Shown> {
        self.status.and_then(|status| status.status)
    }

    pub(super) fn is_unknown(&self) -> bool {
        self.status.is_some_and(Status::is_unknown)
    }

    pub(super) fn is_queued(&self) -> bool {
        self.kind() == Some(Kind::Queued)
    }

    /// Sender and recipient, by the clients.
    pub(super) fn conversation(&self) -> Option<(&'a str, &'a str)> {
        self.answers.first().map(|answer| (answer.from.as_str(), answer.to.as_str()))
    }
}

impl<'a> Run<'a> {
    pub(super) fn of(inputs: &'a Inputs) -> Self {
        let mut messages = Messages::default();
        let mut first_asked_by_key: HashMap<&str, u64> = HashMap::new();
        for answer in &inputs.answers {
            if let Some(key) = &answer.key {
                let first = first_asked_by_key.entry(key).or_insert(u64::MAX);
                *first = answer.asked_at_us.min(*first);
            }
            if let Some(id) = &answer.message_id {
                messages.named(id).answers.push(answer);
            }
        }
        for status in &inputs.statuses {
            if let Some(id) = &status.message_id {
                messages.named(id).status = Some(status);
            }
        }
        let mut untraced = Vec::new();
        for line in &inputs.ledger {
            match line.message_id() {
                Some(id) => messages.named(id).lines.push(line),
                None if line.accepted => untraced.push(line),
                None => {}
            }
        }
        let mut all = messages.all;
        for message in &mut all {
            message.lines.sort_by_key(|line| line.seq);
            let asked = |answer: &&Answer| {
                let by_key = answer.key.as_deref().and_then(|key| first_asked_by_key.get(key)).copied();
                by_key.unwrap_or(answer.asked_at_us)
            };
            message.asked_us = message.answers.iter().map(asked).min().unwrap_or(u64::MAX);
        }
        Self { inputs, messages: all, untraced }
    }

    /// The allowance for clocks and ways, in microseconds.
    pub(super) fn jitter_us(&self) -> u64 {
        u64::try_from(self.inputs.options.jitter.as_micros()).unwrap_or(u64::MAX)
    }

    pub(super) fn counts(&self) -> Counts {
        let accepted = self.inputs.ledger.iter().filter(|line| line.accepted).count();
        let mut counts = Counts {
            requests: self.inputs.answers.len() as u64,
            accepted: accepted as u64,
            refused: (self.inputs.ledger.len() - accepted) as u64,
            ..Counts::default()
        };
        for message in &self.messages {
            count(message, &mut counts);
            counts.replayed += message.lines.iter().filter(|line| message.is_replay(line)).count() as u64;
            let first = message.accepted().next();
            let sender = first.and_then(|line| line.from.as_deref());
            let judged = sender.is_some_and(|sender| self.inputs.limits.contains_key(sender));
            counts.without_limits += u64::from(first.is_some() && !judged);
        }
        counts.refused -= counts.replayed;
        counts
    }
}

fn count(message: &Message, counts: &mut Counts) {
    if message.answered_us().is_none() {
        counts.unasked += u64::from(message.accepted().next().is_some());
        return;
    }
    counts.answered += 1;
    counts.immediate += u64::from(message.kind() == Some(Kind::Immediate));
    match message.shown() {
        Some(Shown::Sent) => counts.sent += 1,
        Some(Shown::Failed) => counts.failed += 1,
        Some(Shown::Cancelled) => counts.cancelled += 1,
        Some(Shown::Sending) if message.is_unknown() => counts.unknown += 1,
        Some(Shown::Queued | Shown::Sending) | None => counts.undecided += 1,
    }
}

/// Messages in the order of first mention, found by id.
#[derive(Default)]
struct Messages<'a> {
    places: HashMap<&'a str, usize>,
    all: Vec<Message<'a>>,
}

impl<'a> Messages<'a> {
    #[expect(clippy::indexing_slicing, reason = "places holds only indices of `all`, which never shrinks")]
    fn named(&mut self, id: &'a str) -> &mut Message<'a> {
        let next = self.all.len();
        let place = *self.places.entry(id).or_insert(next);
        if place == next {
            self.all.push(Message::named(id));
        }
        &mut self.all[place]
    }
}
