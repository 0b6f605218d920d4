//! The legal changes of a record, each a pure function. PROTOCOL.md §3 names them; `C3` to `C5` are its
//! remarks, and *after refusal* is its rule.

use super::{
    ATTEMPTS_KEPT, Answer, Attempt, AttemptResult, ByHand, Cancelled, Changed, ClaimRefused, ClaimTimes,
    Draft, Elsewhere, Fallback, Kind, KnownAlready, Message, Moved, NotByHand, Settled, Settlement, Shown,
    State, UnknownPolicy, repeat,
};
use crate::domain::ids::{AccountName, ClaimId, ProviderKind};
use crate::domain::outcome::{Acceptance, Doubt, Next};
use crate::domain::pace::Cost;
use crate::domain::time::Time;

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
            moved: None,
            overtaken: false,
            evidence_until: None,
            attempts: Vec::new(),
            sent_at: None,
            provider_id: None,
            provider_status: None,
            provider_segments: None,
            refusal: None,
            not_after: None,
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
            State::Scheduled => Shown::Queued,
            State::Queued | State::Sending | State::Unknown | State::Offered => Shown::Sending,
            State::Sent => Shown::Sent,
            State::Failed => Shown::Failed,
            State::Cancelled => Shown::Cancelled,
        }
    }

    /// What it costs of the pace, as far as that is known: the segments that the provider counted, else
    /// our own count. At least 1.
    pub fn cost(&self) -> Cost {
        let ours = self.draft.cost();
        self.provider_segments.map_or(ours, |counted| ours.with_segments(u32::from(counted.max(1))))
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

    /// With an attempt, or an offer, that the sweeper must keep an eye on?
    pub fn is_unsettled(&self) -> bool {
        matches!(self.state, State::Sending | State::Unknown | State::Offered) && !self.listed
    }

    /// In a state that nothing but a person, or late word from the carrier, leaves?
    pub fn is_final(&self) -> bool {
        matches!(self.state, State::Sent | State::Failed | State::Cancelled)
    }

    /// The attempt of the last claim.
    pub fn last_attempt(&self) -> Option<&Attempt> {
        self.attempts.last()
    }

    /// The account that attempt `number` went through, or will; `None` where that was not kept.
    pub fn account_of(&self, number: u16) -> Option<&AccountName> {
        match &self.moved {
            Some(Moved { from, last_there }) if number <= *last_there => {
                from.as_ref().map(|from| &from.account)
            }
            Some(_) | None => Some(&self.draft.account),
        }
    }

    /// The provider that the first `200` named.
    pub fn provider_at_first(&self) -> ProviderKind {
        let from = self.moved.as_ref().and_then(|moved| moved.from.as_ref());
        from.map_or(self.draft.provider, |from| from.provider)
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
        // Never late, however long the claim waited.
        if self.is_expired(times.now) {
            return Err(ClaimRefused::Expired);
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
                let elsewhere = refusal.class.may_pass_elsewhere(next);
                self.refusal = Some(refusal);
                self.refused(was_open, next, now);
                if elsewhere {
                    self.move_elsewhere(now);
                }
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

    /// `settle_unknown`: no evidence came for attempt `number`. What its provider knows as a repeat is
    /// repeated whatever the policy. Immediate messages are only held.
    pub fn settle_unknown(&mut self, number: u16, policy: UnknownPolicy, now: Time) -> Result<(), Changed> {
        let waited = self.evidence_until.is_some_and(|until| until <= now);
        if self.state != State::Unknown || self.attempt != number || self.listed || !waited {
            return Err(Changed);
        }
        if self.is_repeatable(now) {
            let due = now + repeat::wait(self.unresolved.len());
            self.send_again(due, now);
            return Ok(());
        }
        match (policy, self.draft.kind) {
            (UnknownPolicy::Resend, Kind::Queued) => self.send_again(now, now),
            (UnknownPolicy::Hold, _) | (UnknownPolicy::Resend, Kind::Immediate) => {
                self.updated_at = now;
                self.list();
            }
        }
        Ok(())
    }

    /// Would its provider take the same request again for a repeat of the first, so that repeating it
    /// settles what is unknown? Only for so long after the first of the open questions.
    pub fn is_repeatable(&self, now: Time) -> bool {
        let first = self.attempts.iter().find(|attempt| self.unresolved.contains(&attempt.number));
        let asked_at = first.map_or(now, |attempt| attempt.claimed_at);
        let in_time = now.since(asked_at) < repeat::WITHIN;
        self.draft.kind == Kind::Queued && self.draft.frozen.is_some() && in_time
    }

    /// `settle_by_hand`: a person says what became of a message of unknown outcome, or has it sent again.
    /// What is said is believed. A message that waits to be sent again by itself can be said to be sent,
    /// nothing else; an immediate one is not sent again under its id.
    pub fn settle_by_hand(&mut self, verdict: ByHand, now: Time) -> Result<(), NotByHand> {
        if !self.is_doubtful() {
            let is_under_way = matches!(self.state, State::Sending | State::Offered);
            return Err(if is_under_way { NotByHand::UnderWay } else { NotByHand::Known });
        }
        match verdict {
            ByHand::Sent => {
                self.unresolved.clear();
                self.sent_at = self.last_attempt().and_then(|last| last.written_at).or(Some(now));
                self.finish(State::Sent, now);
                Ok(())
            }
            ByHand::Failed if self.state == State::Unknown => {
                self.unresolved.clear();
                self.finish(State::Failed, now);
                Ok(())
            }
            ByHand::Retry if self.draft.kind == Kind::Immediate => Err(NotByHand::Immediate),
            ByHand::Retry if self.state == State::Unknown => {
                self.send_again(now, now);
                Ok(())
            }
            ByHand::Failed | ByHand::Retry => Err(NotByHand::UnderWay),
        }
    }

    /// Does nobody know whether the provider has it, with no attempt open that may tell?
    pub fn is_doubtful(&self) -> bool {
        match self.state {
            State::Unknown => true,
            State::Queued => !self.unresolved.is_empty(),
            State::Scheduled
            | State::Sending
            | State::Sent
            | State::Failed
            | State::Cancelled
            | State::Offered => false,
        }
    }

    /// To its fallback account, if no attempt is in doubt: what may have reached one provider is never
    /// given to another.
    fn move_elsewhere(&mut self, now: Time) {
        let refused = matches!(self.state, State::Queued | State::Failed);
        if !refused || !self.unresolved.is_empty() || self.draft.kind != Kind::Queued {
            return;
        }
        let Some(Fallback { to, frozen }) = self.draft.fallback.take() else { return };
        let account = std::mem::replace(&mut self.draft.account, to.account);
        let provider = std::mem::replace(&mut self.draft.provider, to.provider);
        self.draft.frozen = frozen;
        self.moved = Some(Moved { from: Some(Elsewhere { account, provider }), last_there: self.attempt });
        self.state = State::Queued;
        self.due = now;
    }

    pub(super) fn list(&mut self) {
        self.evidence_until = None;
        self.listed = true;
        self.overtaken = true;
    }

    fn send_again(&mut self, due: Time, now: Time) {
        self.updated_at = now;
        self.evidence_until = None;
        self.listed = false;
        self.state = State::Queued;
        self.due = due;
    }

    /// `cancel`: only what no provider can have seen (`C3`).
    pub fn cancel(&mut self, now: Time) -> Cancelled {
        match self.state {
            State::Cancelled => Cancelled::Before,
            State::Queued | State::Scheduled if self.unresolved.is_empty() => {
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

    pub(super) fn begin(&mut self, claim_id: ClaimId, times: ClaimTimes) {
        self.attempt = self.attempt.saturating_add(1);
        self.state = State::Sending;
        self.updated_at = times.now;
        if self.attempts.len() >= ATTEMPTS_KEPT {
            let unresolved = &self.unresolved;
            let oldest_settled = self.attempts.iter().position(|old| !unresolved.contains(&old.number));
            // Of open questions the first is kept: it says how long they have been open.
            self.attempts.remove(oldest_settled.unwrap_or(1));
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
                self.list();
            }
        }
    }

    pub(super) fn finish(&mut self, state: State, now: Time) {
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
