//! One attempt: from its claim to its record.
//!
//! An attempt that was claimed is either begun or given back; [`ClaimedAttempt`] sees to it whatever
//! happens to the mailboxes in between. Once it is begun it belongs to a task of its own, which
//! records its outcome itself and then tells the sender by number: a sender or provider actor that
//! fails meanwhile costs neither the outcome nor the message.

use std::time::Duration;

use tracing::Span;

use crate::domain::breaker::Sign;
use crate::domain::ids::{AccountName, MessageId};
use crate::domain::message::{Kind, Message, Settlement, State, UnknownPolicy};
use crate::domain::outcome::{Doubt, Next, Outcome, Refusal};
use crate::domain::pace::{Cost, Keep};
use crate::domain::phone::E164;
use crate::domain::retry;
use crate::domain::time::Time;
use crate::journal::{Journal, SettledAs};
use crate::places::{Charges, Place};
use crate::ports::{HandOver, Later};
use crate::shards::UnderWay;
use crate::slowing::{self, TooFast};
use crate::telemetry;

/// A message that was claimed in this process and is not begun. Dropped unbegun, it goes back to its
/// queue without costing a try.
pub struct ClaimedAttempt {
    claimed: Option<Claimed>,
    journal: Journal,
}

struct Claimed {
    message: Box<Message>,
    place: Place,
    under_way: UnderWay,
}

impl ClaimedAttempt {
    /// Takes charge of a claim that was answered just now.
    pub(crate) fn new(message: Box<Message>, place: Place, journal: Journal) -> Self {
        let under_way = journal.under_way(message.draft.sender);
        Self { claimed: Some(Claimed { message, place, under_way }), journal }
    }

    /// The claimed record, until it is begun.
    pub(crate) fn message(&self) -> Option<&Message> {
        self.claimed.as_ref().map(|claimed| claimed.message.as_ref())
    }

    /// Is it the probe of an open circuit?
    pub(crate) fn is_probe(&self) -> bool {
        self.claimed.as_ref().is_some_and(|claimed| claimed.place.is_for_probe())
    }

    /// What its place is to the paces of account and organization; for the instant of the write.
    pub(crate) fn use_charges(&mut self) -> Option<Charges> {
        self.claimed.as_mut().and_then(|claimed| claimed.place.use_charges())
    }

    /// The last moment to begin it.
    pub(crate) fn begin_by(&self) -> Time {
        let attempt = self.message().and_then(Message::last_attempt);
        attempt.map_or(Time::ZERO, |attempt| attempt.begin_by)
    }

    /// Has it expired?
    pub(crate) fn is_over(&self, now: Time) -> bool {
        self.message().is_some_and(|message| message.is_expired(now))
    }

    /// To be called right before the request is written: from here on it is never given back.
    pub(crate) fn begin(mut self, written_at: Time, keep: Keep) -> Option<(HandOver, Begun)> {
        let Claimed { message, place, under_way } = self.claimed.take()?;
        let attempt = message.last_attempt()?;
        let (number, deadline) = (attempt.number, attempt.deadline);
        let draft = &message.draft;
        let span = telemetry::hand_over(draft.id, number, draft.provider, &draft.account);
        let begun = Begun {
            journal: self.journal.clone(),
            of: Facts::of(&message),
            place,
            under_way,
            number,
            deadline,
            written_at,
            keep,
            span,
        };
        Some((HandOver { message, attempt: number, deadline }, begun))
    }
}

impl Drop for ClaimedAttempt {
    fn drop(&mut self) {
        let Some(Claimed { message, place, under_way }) = self.claimed.take() else { return };
        // Without a runtime the process is ending; its claim is found open at the next start.
        let Ok(runtime) = tokio::runtime::Handle::try_current() else { return };
        let journal = self.journal.clone();
        runtime.spawn(async move {
            give_back(&journal, &message).await;
            // Held until here, so that a stopping process waits for it.
            drop((place, under_way));
        });
    }
}

async fn give_back(journal: &Journal, message: &Message) {
    let Some(attempt) = message.last_attempt() else { return };
    let settlement = Settlement::NeverBegun { due: journal.now() };
    let (sender, id) = (message.draft.sender, message.draft.id);
    journal.settle(sender, id, attempt.number, settlement, None, Keep::EVERYTHING).await;
}

/// An attempt whose request is being written. Its place's charge is already taken.
pub(crate) struct Begun {
    journal: Journal,
    of: Facts,
    place: Place,
    under_way: UnderWay,
    number: u16,
    deadline: Time,
    written_at: Time,
    keep: Keep,
    span: Span,
}

/// What is still to be known of a message whose record is the adapter's.
struct Facts {
    id: MessageId,
    sender: E164,
    account: AccountName,
    kind: Kind,
    cost: Cost,
    tries: u16,
    /// When it was its turn, as far as that was known when it was accepted.
    turn_at: Time,
    repeats: bool,
}

impl Facts {
    fn of(message: &Message) -> Self {
        let draft = &message.draft;
        Self {
            id: draft.id,
            sender: draft.sender,
            account: draft.account.clone(),
            kind: draft.kind,
            cost: draft.cost(),
            tries: message.tries,
            turn_at: message.accepted_at.max(message.answer.estimate),
            repeats: draft.kind == Kind::Queued && draft.frozen.is_some(),
        }
    }
}

impl Begun {
    /// Waits for the outcome, records it, and tells those who wait.
    pub(crate) async fn finish(mut self, call: Later<Outcome>) {
        let outcome = call.await;
        let now = self.journal.now();
        self.place.note(Sign::of(&outcome), now);
        let of = &self.of;
        let took = now.since(self.written_at);
        self.place.meters().attempt_ended(&outcome, took);
        tracing::debug!(message_id = %of.id, attempt = self.number, outcome = outcome.label(), ?took, "answered");
        telemetry::ended(std::mem::replace(&mut self.span, Span::none()), &outcome);
        match outcome {
            Outcome::Accepted(acceptance) => {
                let segments = acceptance.segments.map_or(of.cost.segments, u32::from);
                self.place.meters().segments(segments);
                self.place.tell_taken(of.sender, self.written_at);
                let more = segments.saturating_sub(of.cost.segments);
                if more > 0 {
                    let more = of.cost.more(more);
                    self.journal.tell_counted(of.sender, &of.account, self.written_at, more);
                }
                self.settle(Settlement::Accepted(acceptance)).await;
            }
            Outcome::Refused(refusal) => {
                slowing::tell(self.place.roster(), &refusal, || self.too_fast(&refusal));
                let next = self.after(&refusal);
                self.settle(Settlement::Refused { refusal, next }).await;
            }
            Outcome::NeverBegun => {
                let due = self.journal.now();
                self.settle(Settlement::NeverBegun { due }).await;
            }
            Outcome::Unknown(doubt) => self.leave_unknown(doubt).await,
        }
    }

    fn too_fast(&self, refusal: &Refusal) -> TooFast {
        TooFast {
            account: self.place.account().clone(),
            sender: self.of.sender,
            segments: self.of.cost.segments,
            sent: self.written_at,
            named: refusal.retry_after,
        }
    }

    fn after(&self, refusal: &Refusal) -> Next {
        let Facts { kind, tries, turn_at, .. } = self.of;
        match kind {
            Kind::Immediate => Next::GiveUp,
            Kind::Queued => {
                retry::after(refusal, tries, turn_at, self.journal.now(), self.journal.ids().jitter())
            }
        }
    }

    async fn settle(self, settlement: Settlement) {
        let of = &self.of;
        let begun = !matches!(settlement, Settlement::NeverBegun { .. });
        let written_at = begun.then_some(self.written_at);
        let settled =
            self.journal.settle(of.sender, of.id, self.number, settlement, written_at, self.keep).await;
        let SettledAs::Now(now) = settled else { return };
        if now.state == State::Queued {
            self.place.meters().retry();
        }
    }

    /// The place is free: nothing more happens on the wire. The record says `unknown` only once the
    /// attempt's time is over, so that nothing of its conversation is written beside it.
    async fn leave_unknown(self, doubt: Doubt) {
        let Self { journal, of, place, under_way, number, deadline, written_at, .. } = self;
        place.meters().unknown(doubt);
        drop((place, under_way));
        journal.tell_unknown(of.id, number);
        let over_at = deadline + journal.settings().margin;
        let rest = over_at.since(journal.now()) + Duration::from_millis(1);
        tokio::time::sleep(rest).await;
        let marked = journal.mark_unknown(of.sender, of.id, number, doubt, Some(written_at)).await;
        match marked {
            // What can be repeated is repeated at once; policies wait for evidence.
            Ok(true) if of.repeats => {
                let policy = UnknownPolicy::Hold;
                if let Err(error) = journal.settle_unknown(of.sender, of.id, number, policy).await {
                    tracing::warn!(message_id = %of.id, %error, "not repeated yet; the sweeper will");
                }
            }
            Ok(_) => {}
            Err(error) => {
                tracing::warn!(message_id = %of.id, %error, "not marked unknown yet; the sweeper will");
            }
        }
    }
}
