//! The message's record and its state machine: every legal change, once, as a pure function.
//!
//! Stores load a record, call one of the transitions here and save what came out; which index
//! entries follow from a state is said by [`Message::is_waiting`] and its neighbours. So every store
//! keeps the same rules. They are PROTOCOL.md §3 (`claim`, `settle`, `requeue`, `mark_unknown`,
//! `settle_unknown`, `cancel`, `retry`) and its *after refusal*; `C3` to `C5` name its remarks.
//!
//! Invariants: an attempt's number is never reused; an outcome settles its own attempt only;
//! `failed` and `cancelled` hold no attempt that may have reached the provider; `sent` holds one
//! that did.

use serde::{Deserialize, Serialize};

use super::fingerprint::Fingerprint;
use super::ids::{AccountName, AssistantId, ClaimId, MessageId, OrganizationId, ProviderKind};
use super::outcome::{Acceptance, Class, Doubt, Next, Refusal};
use super::phone::E164;
use super::segments::Encoding;
use super::time::Time;

/// How many attempts a record keeps by name. Older settled ones are forgotten first.
pub const ATTEMPTS_KEPT: usize = 16;

/// Where a message stands (DESIGN.md §4).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum State {
    /// Waits for its turn, or for its retry.
    Queued,
    /// Claimed; an attempt is open.
    Sending,
    /// The last attempt may have reached the provider and nobody knows. Shown as `sending`.
    Unknown,
    /// The provider has it.
    Sent,
    /// No provider has it and none will be asked.
    Failed,
    /// Called back before any provider saw it.
    Cancelled,
}

/// Queued behind others, or handed over at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Kind {
    /// Keeps its sender's order and pace.
    Queued,
    /// Waits for nothing and is never tried again by itself.
    Immediate,
}

/// A sender's lanes, the most urgent first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Lane {
    /// Before the others.
    Urgent,
    /// Where nothing else is said.
    Normal,
    /// Behind the others.
    Bulk,
}

/// The thread within which order is strict: one sender, one recipient, one lane.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Conversation {
    /// Our number.
    pub sender: E164,
    /// The customer's number.
    pub recipient: E164,
    /// The lane.
    pub lane: Lane,
}

/// What the first `200` said of the place in the queue; a replay says the same again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answer {
    /// Place in the sender's queue at acceptance, from 1. 0 for an immediate message.
    pub position: u64,
    /// When it was expected to be handed over.
    pub estimate: Time,
}

/// What a request asks for: everything of a message that never changes again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Draft {
    /// Its id, given before it is stored.
    pub id: MessageId,
    /// The number it is sent from.
    pub sender: E164,
    /// The number it is sent to.
    pub recipient: E164,
    /// Its lane.
    pub lane: Lane,
    /// Queued or immediate.
    pub kind: Kind,
    /// Who sends it.
    pub organization: OrganizationId,
    /// The assistant that owned the sending number.
    pub assistant: AssistantId,
    /// The provider account it goes through.
    pub account: AccountName,
    /// That account's provider.
    pub provider: ProviderKind,
    /// The text.
    pub text: String,
    /// Media, making it an MMS where there is any.
    pub media: Vec<String>,
    /// What it costs of the pace, at least 1: our own count.
    pub segments: u16,
    /// How the text is encoded, by our own count.
    pub encoding: Encoding,
    /// The request's fingerprint.
    pub fingerprint: Fingerprint,
}

impl Draft {
    /// The conversation it belongs to.
    pub const fn conversation(&self) -> Conversation {
        Conversation { sender: self.sender, recipient: self.recipient, lane: self.lane }
    }

    /// What it costs of the pace, in segments: at least 1.
    pub fn cost(&self) -> u32 {
        u32::from(self.segments.max(1))
    }
}

/// One attempt to hand a message over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attempt {
    /// From 1, never reused.
    pub number: u16,
    /// The call that claimed it.
    pub claim_id: ClaimId,
    /// When it was claimed.
    pub claimed_at: Time,
    /// The last moment to write the request.
    pub begin_by: Time,
    /// The last moment for an answer.
    pub deadline: Time,
    /// When it was written, once known.
    pub written_at: Option<Time>,
    /// What became of it.
    pub result: AttemptResult,
}

/// What became of an attempt, as the record keeps it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum AttemptResult {
    /// No outcome yet.
    Open,
    /// Nothing was written.
    NeverBegun,
    /// The provider took it.
    Accepted,
    /// The provider refused it.
    Refused {
        /// Kind of refusal.
        class: Class,
        /// The provider's code.
        code: Option<String>,
    },
    /// Nobody knows.
    Unknown(Doubt),
}

/// The record of a message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Message {
    /// What never changes.
    pub draft: Draft,
    /// Its place among all messages of its sender, given by the append step.
    pub seq: u64,
    /// What the first `200` said.
    pub answer: Answer,
    /// When it was stored.
    pub accepted_at: Time,
    /// When the record last changed.
    pub updated_at: Time,
    /// Where it stands.
    pub state: State,
    /// While queued: not before this.
    pub due: Time,
    /// The number of the last claim.
    pub attempt: u16,
    /// Attempts that were really begun.
    pub tries: u16,
    /// Attempts that may have reached the provider and have no outcome.
    pub unresolved: Vec<u16>,
    /// An earlier attempt turned out accepted while a newer one is open (`C5`).
    pub accepted_earlier: bool,
    /// Unknown for good: its conversation goes on, a person decides.
    pub listed: bool,
    /// While unknown: evidence is waited for until here.
    pub evidence_until: Option<Time>,
    /// The last [`ATTEMPTS_KEPT`] attempts, oldest first.
    pub attempts: Vec<Attempt>,
    /// When the attempt that was accepted was written.
    pub sent_at: Option<Time>,
    /// The provider's own id.
    pub provider_id: Option<String>,
    /// The provider's own word for the state.
    pub provider_status: Option<String>,
    /// Segments as the provider counts them.
    pub provider_segments: Option<u16>,
    /// The last definite refusal.
    pub refusal: Option<Refusal>,
}

/// The three instants of an attempt, fixed by the step that claims it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClaimTimes {
    /// The store's now.
    pub now: Time,
    /// See [`Attempt::begin_by`].
    pub begin_by: Time,
    /// See [`Attempt::deadline`].
    pub deadline: Time,
}

/// Why a claim was not made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClaimRefused {
    /// The same call claimed it before: the record's times hold, nothing starts anew.
    Already,
    /// It is not what the caller thinks: read it again.
    Changed,
    /// Its retry is not due yet.
    NotDue(Time),
}

/// What the process that made an attempt says became of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Settlement {
    /// The provider took it.
    Accepted(Acceptance),
    /// The provider refused it; `next` is what follows if nothing else forbids it.
    Refused {
        /// The refusal.
        refusal: Refusal,
        /// Retry or give up.
        next: Next,
    },
    /// It was never written (`requeue`). Costs no try.
    NeverBegun {
        /// When it may be claimed again.
        due: Time,
    },
}

/// What a settled attempt did to the sender's pace.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settled {
    /// The instant at which its units count, if this step brings one to the record.
    pub charged_at: Option<Time>,
}

/// The attempt's outcome is known already, or the record does not know the attempt: forget it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KnownAlready;

/// The record is not in the state that the caller thought.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Changed;

/// What follows an unknown outcome for which no evidence came.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum UnknownPolicy {
    /// Hand it over again, at the risk of a double.
    Resend,
    /// List it and let its conversation go on.
    Hold,
}

/// What a cancellation found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cancelled {
    /// No provider has seen it and none will.
    Done,
    /// It had been cancelled before.
    Before,
    /// Too late; the state that is shown.
    TooLate(Shown),
}

/// The five states that a client sees.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Shown {
    /// `queued`
    Queued,
    /// `sending`
    Sending,
    /// `sent`
    Sent,
    /// `failed`
    Failed,
    /// `cancelled`
    Cancelled,
}

impl Shown {
    /// The documented word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Sending => "sending",
            Self::Sent => "sent",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
        }
    }
}

impl Message {
    /// A message that is stored to wait in its sender's queue.
    pub fn queued(draft: Draft, seq: u64, answer: Answer, now: Time) -> Self {
        Self {
            draft,
            seq,
            answer,
            accepted_at: now,
            updated_at: now,
            state: State::Queued,
            due: now,
            attempt: 0,
            tries: 0,
            unresolved: Vec::new(),
            accepted_earlier: false,
            listed: false,
            evidence_until: None,
            attempts: Vec::new(),
            sent_at: None,
            provider_id: None,
            provider_status: None,
            provider_segments: None,
            refusal: None,
        }
    }

    /// A message that is stored as claimed already: an immediate one, by its sender's owner.
    pub fn born_sending(draft: Draft, seq: u64, claim_id: ClaimId, times: ClaimTimes) -> Self {
        let answer = Answer { position: 0, estimate: times.now };
        let mut message = Self::queued(draft, seq, answer, times.now);
        message.begin(claim_id, times);
        message
    }

    /// What a client sees of the state. A message that may have reached a provider is `sending`,
    /// also while it waits to be sent again (`C3`).
    pub fn shown(&self) -> Shown {
        match self.state {
            State::Queued if self.unresolved.is_empty() => Shown::Queued,
            State::Queued | State::Sending | State::Unknown => Shown::Sending,
            State::Sent => Shown::Sent,
            State::Failed => Shown::Failed,
            State::Cancelled => Shown::Cancelled,
        }
    }

    /// In the sender's queue?
    pub fn is_waiting(&self) -> bool {
        self.state == State::Queued
    }

    /// Holding back what follows it in its conversation? Immediate messages have no order.
    pub fn is_in_conversation(&self) -> bool {
        let undecided = matches!(self.state, State::Queued | State::Sending | State::Unknown);
        self.draft.kind == Kind::Queued && undecided && !self.listed
    }

    /// With an attempt that the sweeper must keep an eye on?
    pub fn is_unsettled(&self) -> bool {
        matches!(self.state, State::Sending | State::Unknown) && !self.listed
    }

    /// In a state that nothing but a person, or late word from the carrier, leaves?
    pub fn is_final(&self) -> bool {
        matches!(self.state, State::Sent | State::Failed | State::Cancelled)
    }

    /// The attempt of the last claim.
    pub fn last_attempt(&self) -> Option<&Attempt> {
        self.attempts.last()
    }

    /// `claim`: `queued → sending`, attempt `expected + 1`. That it heads its conversation is the
    /// store's to check, before this.
    pub fn claim(&mut self, expected: u16, claim_id: ClaimId, times: ClaimTimes) -> Result<(), ClaimRefused> {
        let last = self.last_attempt();
        if self.state == State::Sending && last.is_some_and(|last| last.claim_id == claim_id) {
            return Err(ClaimRefused::Already);
        }
        if self.state != State::Queued || self.attempt != expected {
            return Err(ClaimRefused::Changed);
        }
        if self.due > times.now {
            return Err(ClaimRefused::NotDue(self.due));
        }
        self.begin(claim_id, times);
        Ok(())
    }

    /// `settle` and `requeue`: the outcome of attempt `number`, by who made it; needs no lease.
    pub fn settle(
        &mut self,
        number: u16,
        settlement: Settlement,
        written_at: Option<Time>,
        now: Time,
    ) -> Result<Settled, KnownAlready> {
        let was_open = self.is_open(number);
        let was_unresolved = self.unresolved.contains(&number);
        if !was_open && !was_unresolved {
            return Err(KnownAlready);
        }
        self.updated_at = now;
        self.unresolved.retain(|other| *other != number);
        let begun = !matches!(settlement, Settlement::NeverBegun { .. });
        // An unresolved attempt was charged when it was marked unknown.
        let charged_at = (was_open && begun).then(|| written_at.unwrap_or(now));
        // It cost a try when it was marked unknown, too; that is given back if it never began.
        self.tries = match (was_open, begun) {
            (true, true) => self.tries.saturating_add(1),
            (false, false) => self.tries.saturating_sub(1),
            (true, false) | (false, true) => self.tries,
        };
        self.note_result(number, &settlement, written_at);

        match settlement {
            Settlement::Accepted(acceptance) => self.accepted(number, acceptance, written_at, now),
            Settlement::Refused { refusal, next } => {
                self.refusal = Some(refusal);
                self.refused(was_open, next, now);
            }
            Settlement::NeverBegun { due } => self.refused(was_open, Next::Retry { due }, now),
        }
        Ok(Settled { charged_at })
    }

    /// `mark_unknown`: attempt `number` may have reached the provider and nobody will hear.
    ///
    /// `charged_at` is where its units count: its written instant if that is known, else the last
    /// instant at which it could have been written. The caller has checked that its time is over.
    pub fn mark_unknown(
        &mut self,
        number: u16,
        doubt: Doubt,
        evidence_until: Time,
        charged_at: Time,
        now: Time,
    ) -> Result<Settled, Changed> {
        if !self.is_open(number) {
            return Err(Changed);
        }
        self.updated_at = now;
        self.tries = self.tries.saturating_add(1);
        if let Some(attempt) = self.attempt_mut(number) {
            attempt.result = AttemptResult::Unknown(doubt);
            attempt.written_at = attempt.written_at.or(Some(charged_at));
        }
        self.unresolved.push(number);
        if self.accepted_earlier {
            self.finish(State::Sent, now);
        } else {
            self.state = State::Unknown;
            self.evidence_until = Some(evidence_until);
        }
        Ok(Settled { charged_at: Some(charged_at) })
    }

    /// `settle_unknown`: no evidence came for attempt `number`. Immediate messages are only held.
    pub fn settle_unknown(&mut self, number: u16, policy: UnknownPolicy, now: Time) -> Result<(), Changed> {
        let waited = self.evidence_until.is_some_and(|until| until <= now);
        if self.state != State::Unknown || self.attempt != number || self.listed || !waited {
            return Err(Changed);
        }
        self.updated_at = now;
        self.evidence_until = None;
        match (policy, self.draft.kind) {
            (UnknownPolicy::Resend, Kind::Queued) => {
                self.state = State::Queued;
                self.due = now;
            }
            (UnknownPolicy::Hold, _) | (UnknownPolicy::Resend, Kind::Immediate) => self.listed = true,
        }
        Ok(())
    }

    /// `cancel`: only what no provider can have seen (`C3`).
    pub fn cancel(&mut self, now: Time) -> Cancelled {
        match self.state {
            State::Cancelled => Cancelled::Before,
            State::Queued if self.unresolved.is_empty() => {
                self.updated_at = now;
                self.state = State::Cancelled;
                Cancelled::Done
            }
            _ => Cancelled::TooLate(self.shown()),
        }
    }

    /// `retry` of an immediate message that definitely failed: `failed → sending`, by the owner.
    pub fn retry(&mut self, expected: u16, claim_id: ClaimId, times: ClaimTimes) -> Result<(), ClaimRefused> {
        let last = self.last_attempt();
        if self.state == State::Sending && last.is_some_and(|last| last.claim_id == claim_id) {
            return Err(ClaimRefused::Already);
        }
        let failed = self.state == State::Failed && self.unresolved.is_empty();
        if !failed || self.attempt != expected || self.draft.kind != Kind::Immediate {
            return Err(ClaimRefused::Changed);
        }
        self.begin(claim_id, times);
        Ok(())
    }

    /// Is attempt `number` claimed and without an outcome?
    pub fn is_open(&self, number: u16) -> bool {
        self.state == State::Sending && self.attempt == number
    }

    fn begin(&mut self, claim_id: ClaimId, times: ClaimTimes) {
        self.attempt = self.attempt.saturating_add(1);
        self.state = State::Sending;
        self.updated_at = times.now;
        if self.attempts.len() >= ATTEMPTS_KEPT {
            let unresolved = &self.unresolved;
            let oldest_settled = self.attempts.iter().position(|old| !unresolved.contains(&old.number));
            self.attempts.remove(oldest_settled.unwrap_or(0));
        }
        self.attempts.push(Attempt {
            number: self.attempt,
            claim_id,
            claimed_at: times.now,
            begin_by: times.begin_by,
            deadline: times.deadline,
            written_at: None,
            result: AttemptResult::Open,
        });
    }

    fn accepted(&mut self, number: u16, acceptance: Acceptance, written_at: Option<Time>, now: Time) {
        self.provider_id = Some(acceptance.provider_id);
        self.provider_status = Some(acceptance.provider_status);
        self.provider_segments = acceptance.segments.or(self.provider_segments);
        self.sent_at = written_at.or(self.sent_at).or(Some(now));
        let newer_is_open = self.state == State::Sending && self.attempt != number;
        if newer_is_open {
            // C5: the newer attempt may be on its way to the wire; its conversation waits for it.
            self.accepted_earlier = true;
        } else {
            self.finish(State::Sent, now);
        }
    }

    fn refused(&mut self, was_open: bool, next: Next, now: Time) {
        if was_open {
            self.after_refusal(next, now);
            return;
        }
        // Late word on an attempt that had been marked unknown.
        let last_doubt_gone = self.state == State::Unknown && self.unresolved.is_empty();
        if !last_doubt_gone {
            return;
        }
        if self.listed {
            self.finish(State::Failed, now);
        } else {
            self.after_refusal(next, now);
        }
    }

    fn after_refusal(&mut self, next: Next, now: Time) {
        if self.accepted_earlier {
            self.finish(State::Sent, now);
            return;
        }
        let allowed = match self.draft.kind {
            Kind::Queued => next,
            Kind::Immediate => Next::GiveUp,
        };
        match allowed {
            Next::Retry { due } => {
                self.state = State::Queued;
                self.due = due;
                self.evidence_until = None;
            }
            Next::GiveUp if self.unresolved.is_empty() => self.finish(State::Failed, now),
            Next::GiveUp => {
                // C4: an earlier attempt may have arrived, so this is not `failed`.
                self.state = State::Unknown;
                self.evidence_until = None;
                self.listed = true;
            }
        }
    }

    fn finish(&mut self, state: State, now: Time) {
        self.state = state;
        self.updated_at = now;
        self.evidence_until = None;
        // No doubt is left, and a retry of it must be watched again.
        self.listed = false;
    }

    fn note_result(&mut self, number: u16, settlement: &Settlement, written_at: Option<Time>) {
        let Some(attempt) = self.attempt_mut(number) else { return };
        attempt.written_at = written_at.or(attempt.written_at);
        attempt.result = match settlement {
            Settlement::Accepted(_) => AttemptResult::Accepted,
            Settlement::Refused { refusal, .. } => {
                AttemptResult::Refused { class: refusal.class, code: refusal.code.clone() }
            }
            Settlement::NeverBegun { .. } => AttemptResult::NeverBegun,
        };
    }

    fn attempt_mut(&mut self, number: u16) -> Option<&mut Attempt> {
        self.attempts.iter_mut().find(|attempt| attempt.number == number)
    }
}

#[cfg(test)]
mod tests;
