//! Messages that wait for their time, and messages whose time is over.
//!
//! What may not go yet is *scheduled*: it waits outside of its sender's queue and of its conversation, so it
//! holds up neither. When its time comes it takes its place in both as if it were accepted then, those of
//! one instant in the order in which they were accepted.
//!
//! What expires before it is handed over has failed; unless an attempt of it may have arrived, then nobody
//! knows, and it is listed (`C4`).

use super::{Answer, Changed, Draft, Message, State};
use crate::domain::outcome::Refusal;
use crate::domain::time::Time;

/// What its time brought a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TimeUp {
    /// It took its place in its sender's queue.
    Due,
    /// It is not worth sending any more.
    Expired,
}

impl Message {
    /// A message that is stored to wait for its time.
    pub fn scheduled(draft: Draft, seq: u64, answer: Answer, due: Time, now: Time) -> Self {
        Self { state: State::Scheduled, due, ..Self::queued(draft, seq, answer, now) }
    }

    /// Waits for its time, outside of its sender's queue?
    pub fn is_scheduled(&self) -> bool {
        self.state == State::Scheduled
    }

    /// When something is to be done about it that nothing but the clock brings: it is due, or it expires.
    pub fn timer(&self) -> Option<Time> {
        let end = self.draft.expires_at;
        match self.state {
            State::Scheduled => Some(end.map_or(self.due, |end| end.min(self.due))),
            State::Queued => end,
            State::Sending
            | State::Unknown
            | State::Sent
            | State::Failed
            | State::Cancelled
            | State::Offered => None,
        }
    }

    /// Is it not worth sending any more?
    pub fn is_expired(&self, now: Time) -> bool {
        self.draft.expires_at.is_some_and(|end| end <= now)
    }

    /// `time_up`: `queued | scheduled → failed` once it has expired, else `scheduled → queued` once it is due, at
    /// `next_seq`, the end of its sender's queue.
    pub fn time_up(&mut self, next_seq: u64, now: Time) -> Result<TimeUp, Changed> {
        let waits = matches!(self.state, State::Queued | State::Scheduled);
        if waits && self.is_expired(now) {
            self.expire(now);
            return Ok(TimeUp::Expired);
        }
        if self.state != State::Scheduled || self.due > now {
            return Err(Changed);
        }
        self.updated_at = now;
        self.state = State::Queued;
        self.seq = next_seq;
        Ok(TimeUp::Due)
    }

    /// `postpone`: `queued → scheduled` until `due`, of what waits after attempt `expected` and cannot have
    /// reached a provider.
    pub fn postpone(&mut self, expected: u16, due: Time, now: Time) -> Result<(), Changed> {
        let waits = self.state == State::Queued && self.attempt == expected;
        if !waits || !self.unresolved.is_empty() {
            return Err(Changed);
        }
        self.updated_at = now;
        self.state = State::Scheduled;
        self.due = due;
        Ok(())
    }

    fn expire(&mut self, now: Time) {
        if self.unresolved.is_empty() {
            self.refusal = Some(Refusal::expired());
            self.finish(State::Failed, now);
            return;
        }
        self.updated_at = now;
        self.state = State::Unknown;
        self.list();
    }
}
