//! The way in: replay, route, store, and for an immediate message its outcome.
//!
//! The order of checks is API.md §2: an accepted request is answered again whatever else has changed,
//! then the number, its organization, the length, and the queue. A key is reserved before anything is
//! stored, and stored under the id it is bound to; both steps may be repeated, so a crash between them
//! is repaired by the client's own retry.

mod batch;
mod elsewhere;
mod immediate;
mod offers;

use std::sync::Arc;
use std::time::Duration;

use self::elsewhere::Asked;
use tokio::sync::oneshot;
use tokio::time::timeout;
use tracing::Span;
use uuid::Uuid;

use crate::admission::{Ticket, Tickets};
use crate::crowding::Crowding;
use crate::directory::{Directory, NoSender, Plan};
use crate::domain::ids::MessageId;
use crate::domain::message::{Draft, Fallback, Kind, Lane, Message};
use crate::domain::phone::E164;
use crate::domain::routing::Route;
use crate::domain::segments;
use crate::domain::time::Time;
use crate::engine::{NotSent, QueuedAt, SendRequest, Sent};
use crate::journal::Journal;
use crate::outcomes::Outcomes;
use crate::ports::{Appended, BoundKey, Provider, Reserved, ScopedKey, StoreError};
use crate::sender::{SenderMessage, Submit, SubmitAnswer};
use crate::telemetry::{self, IntakeMeters};

/// A request is answered within this; the documented client gives up at 30 s.
const ANSWER_WITHIN: Duration = Duration::from_secs(25);

/// After this a message of a request must not be stored any more.
const STORE_WITHIN: Duration = Duration::from_secs(10);

/// When a request that found no ticket or no place may come again.
const COME_AGAIN_AFTER: Duration = Duration::from_secs(1);

/// Between two looks at an immediate message that may be another process'.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// How often a sender that is just stopping is asked again.
const ASK_AGAIN: usize = 5;

/// Takes requests in. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Intake {
    pub(crate) directory: Directory,
    pub(crate) journal: Journal,
    pub(crate) outcomes: Outcomes,
    pub(crate) crowding: Crowding,
    pub(crate) tickets: Tickets,
    pub(crate) meters: Arc<IntakeMeters>,
}

/// What a request's idempotency key came to.
enum Bound {
    /// No key.
    None,
    /// The key is this request's.
    Ours { key: ScopedKey, token: Uuid },
    /// An earlier request has the key.
    Joined,
}

/// Who was told of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Told {
    /// Its sender.
    Sender,
    /// Nobody: another process sends from its number, or may.
    NotOurs,
}

impl Intake {
    pub(crate) async fn send(&self, request: SendRequest) -> Result<Sent, NotSent> {
        let asked_at = self.journal.now();
        let (kind, lane, from) = (request.kind, request.lane, request.from);
        let span = telemetry::accept(kind);
        let answer = match self.tickets.take() {
            // Held until the answer, and by the work itself if the client goes before it.
            Some(ticket) => self.take_in(request, &Arc::new(ticket), asked_at).await,
            None => Err(NotSent::Busy(COME_AGAIN_AFTER)),
        };
        self.note(&answer, &span, from, kind, lane, asked_at);
        answer
    }

    /// Counts an answer, and tells whoever traces the message.
    fn note(
        &self,
        answer: &Result<Sent, NotSent>,
        span: &Span,
        from: E164,
        kind: Kind,
        lane: Lane,
        asked_at: Time,
    ) {
        self.meters.answered(kind, self.journal.now().since(asked_at), 1);
        if self.note_one(answer, span) {
            self.count_accepted(from, kind, lane, 1);
        }
    }

    /// Tells whoever traces the message, and counts an answer that accepts none anew. Does it accept one?
    fn note_one(&self, answer: &Result<Sent, NotSent>, span: &Span) -> bool {
        telemetry::answered(span, answer);
        match answer {
            Ok(sent) if sent.replayed => self.meters.replayed(),
            Ok(_) => return true,
            Err(not_sent) => self.meters.refused(not_sent),
        }
        false
    }

    fn count_accepted(&self, from: E164, kind: Kind, lane: Lane, messages: u64) {
        let plan = self.directory.plan();
        let Some(route) = plan.book.numbers.get(&from) else { return };
        if kind == Kind::Queued {
            self.crowding.accepted(route.organization, messages);
        }
        if let Some(account) = plan.in_flight.get(&route.account) {
            account.meters().accepted(kind, lane, messages);
        }
    }

    async fn take_in(
        &self,
        request: SendRequest,
        ticket: &Arc<Ticket>,
        asked_at: Time,
    ) -> Result<Sent, NotSent> {
        let until = asked_at + STORE_WITHIN;
        // The same until the draft is made.
        let plan = self.directory.plan();
        let (route, way_out) = match check(&plan, &request, asked_at) {
            Ok(found) => found,
            Err(refused) => {
                let replay = self.replay_or(refused, request, until, asked_at);
                return timeout(ANSWER_WITHIN, replay).await.unwrap_or(Err(NotSent::StoreUnavailable));
            }
        };
        let fresh = self.journal.fresh_id(request.from);
        let bind = timeout(STORE_WITHIN, self.bind(&request, fresh, until)).await;
        let (id, bound) = bind.unwrap_or(Err(NotSent::StoreUnavailable))?;
        let not_before = not_before(&request, route, asked_at);
        let draft = draft_of(&plan, request, route, way_out, id, asked_at);
        drop(plan);
        // The client's time is over before the store's: it can ask under the id.
        let answer = async {
            match draft.kind {
                Kind::Queued => self.queue(draft, not_before, &bound, ticket, until).await,
                Kind::Immediate => self.send_now(draft, &bound, ticket, until, asked_at).await,
            }
        };
        timeout(self.patience(asked_at), answer).await.unwrap_or(Err(NotSent::OutcomeUnknown(id)))
    }

    /// An accepted request is answered again; another gets its refusal.
    async fn replay_or(
        &self,
        refused: NotSent,
        request: SendRequest,
        until: Time,
        asked_at: Time,
    ) -> Result<Sent, NotSent> {
        let Some(key) = request.key else { return Err(refused) };
        let key = ScopedKey { organization: request.organization, key };
        let bound = self.journal.lookup_key(key, until).await.map_err(|_| NotSent::StoreUnavailable)?;
        let Some(BoundKey { id, fingerprint }) = bound else { return Err(refused) };
        if fingerprint != request.fingerprint {
            return Err(NotSent::OtherRequest);
        }
        match self.read(id).await? {
            Some(message) if message.draft.kind == Kind::Queued => Ok(replay(&message)),
            Some(message) => self.report(&message, asked_at).await,
            // Reserved, and never stored: nothing was accepted.
            None => Err(refused),
        }
    }

    async fn bind(
        &self,
        request: &SendRequest,
        fresh: MessageId,
        until: Time,
    ) -> Result<(MessageId, Bound), NotSent> {
        let Some(key) = request.key.clone() else { return Ok((fresh, Bound::None)) };
        let key = ScopedKey { organization: request.organization, key };
        let token = self.journal.ids().token();
        let reserved = self.journal.reserve_key(key.clone(), fresh, request.fingerprint, token, until).await;
        match reserved {
            Ok(Reserved::Yours(id)) => Ok((id, Bound::Ours { key, token })),
            Ok(Reserved::Joined(id)) => Ok((id, Bound::Joined)),
            Ok(Reserved::OtherRequest) => Err(NotSent::OtherRequest),
            Err(_) => Err(NotSent::StoreUnavailable),
        }
    }

    async fn queue(
        &self,
        draft: Draft,
        not_before: Time,
        bound: &Bound,
        ticket: &Arc<Ticket>,
        until: Time,
    ) -> Result<Sent, NotSent> {
        let id = draft.id;
        let crowded = self.crowding.of(draft.organization, &self.journal).await;
        let mut all_answered = true;
        for _ in 0..ASK_AGAIN {
            if !self.journal.owns(draft.sender) {
                let asked = Asked { not_before, until, crowded, all_answered };
                return self.queue_elsewhere(draft, asked, bound, ticket).await;
            }
            let (reply, answer) = oneshot::channel();
            let (draft_again, ticket) = (draft.clone(), Arc::clone(ticket));
            let submit = Submit { draft: draft_again, until, not_before, crowded, ticket, reply };
            let submit = SenderMessage::Submit(Box::new(submit));
            if self.tell_sender(draft.sender, submit).await? == Told::NotOurs {
                continue;
            }
            let Ok(answer) = answer.await else {
                // The sender was stopping, or failed: whether it stored anything is not known.
                all_answered = false;
                continue;
            };
            return self.answer_of(answer, bound, id, all_answered).await;
        }
        Err(NotSent::OutcomeUnknown(id))
    }

    async fn answer_of(
        &self,
        answer: SubmitAnswer,
        bound: &Bound,
        id: MessageId,
        all_answered: bool,
    ) -> Result<Sent, NotSent> {
        let SubmitAnswer { appended, room, is_expectation } = answer;
        match appended {
            Ok(Appended::Stored(message)) => Ok(stored(&message, is_expectation)),
            // Whoever bound the key, another request under it was the first to store the message;
            // unless that was this one, by a sender that was stopping.
            Ok(Appended::Exists(message)) => Ok(accepted(&message, all_answered)),
            Ok(Appended::Full) if all_answered => {
                self.give_key_back(bound, id).await;
                let full = if room.of_organization { NotSent::OrganizationFull } else { NotSent::QueueFull };
                Err(full(room.after))
            }
            Ok(Appended::TooLate(earliest)) if all_answered => {
                self.give_key_back(bound, id).await;
                Err(NotSent::ExpiresBefore(earliest))
            }
            Ok(Appended::Full | Appended::TooLate(_) | Appended::Late) | Err(StoreError::Unanswered) => {
                Err(NotSent::OutcomeUnknown(id))
            }
            Err(_) if all_answered => {
                self.give_key_back(bound, id).await;
                Err(NotSent::StoreUnavailable)
            }
            Err(_) => Err(NotSent::OutcomeUnknown(id)),
        }
    }

    async fn tell_sender(&self, number: E164, message: SenderMessage) -> Result<Told, NotSent> {
        let mut message = message;
        let mut last = COME_AGAIN_AFTER;
        for _ in 0..ASK_AGAIN {
            let sender = match self.directory.sender(number).await {
                Ok(sender) => sender,
                Err(NoSender::NoAssistant) => return Err(NotSent::NoAssistant),
                Err(NoSender::NotOurs) => return Ok(Told::NotOurs),
                Err(NoSender::Stopping) => return Err(NotSent::Stopping),
                Err(NoSender::Restarting(after)) => {
                    last = after;
                    tokio::time::sleep(after.min(COME_AGAIN_AFTER)).await;
                    continue;
                }
            };
            match sender.send_message(message) {
                Ok(()) => return Ok(Told::Sender),
                Err(ractor::MessagingErr::SendErr(back)) => message = back,
                Err(ractor::MessagingErr::ChannelClosed | ractor::MessagingErr::InvalidActorType) => {
                    return Err(NotSent::Busy(COME_AGAIN_AFTER));
                }
            }
            // It has just stopped: out of the roster in a moment.
            tokio::task::yield_now().await;
        }
        Err(NotSent::Busy(last.max(COME_AGAIN_AFTER)))
    }

    async fn give_key_back(&self, bound: &Bound, id: MessageId) {
        if let Bound::Ours { key, token } = bound
            && let Err(error) = self.journal.release_key(key.clone(), id, *token).await
        {
            tracing::warn!(message_id = %id, %error, "an idempotency key stays bound to a refused request");
        }
    }

    async fn read(&self, id: MessageId) -> Result<Option<Box<Message>>, NotSent> {
        self.journal.store().message(id).await.map_err(|_| NotSent::StoreUnavailable)
    }

    fn patience(&self, asked_at: Time) -> Duration {
        (asked_at + ANSWER_WITHIN).since(self.journal.now())
    }
}

fn draft_of(
    plan: &Plan,
    request: SendRequest,
    route: &Route,
    way_out: &dyn Provider,
    id: MessageId,
    now: Time,
) -> Draft {
    let counted = segments::count_for(route.provider, &request.text);
    let mut draft = Draft {
        id,
        sender: request.from,
        recipient: request.to,
        lane: request.lane,
        kind: request.kind,
        organization: request.organization,
        assistant: route.assistant,
        account: route.account.clone(),
        provider: route.provider,
        text: request.text,
        media: request.media,
        segments: counted.segments,
        encoding: counted.encoding,
        fingerprint: request.fingerprint,
        frozen: None,
        fallback: None,
        expires_at: request.validity.expires_at(now),
        client_reference: request.client_reference,
        metadata: request.metadata,
    };
    draft.frozen = way_out.freeze(&draft);
    draft.fallback = fallback_of(plan, &draft, route);
    draft
}

/// Everything that can be said against a request without the store.
fn check<'plan>(
    plan: &'plan Plan,
    request: &SendRequest,
    now: Time,
) -> Result<(&'plan Route, &'plan dyn Provider), NotSent> {
    let route = plan.book.numbers.get(&request.from).ok_or(NotSent::NoAssistant)?;
    if route.organization != request.organization {
        return Err(NotSent::OtherOrganization);
    }
    let way_out = plan.ways_out.get(&route.account).ok_or(NotSent::NoAssistant)?;
    let fits = way_out.check_length(&request.text, &request.media);
    fits.map_err(|too_long| NotSent::TooLong(too_long.sentence))?;
    let earliest = not_before(request, route, now).max(now);
    if request.validity.expires_at(now).is_some_and(|end| end <= earliest) {
        return Err(NotSent::ExpiresBefore(earliest));
    }
    Ok((route, way_out.as_ref()))
}

/// The fallback account, if it would take a message of this size: one that would refuse it for good
/// would make `failed` of what its own account may yet take.
fn fallback_of(plan: &Plan, draft: &Draft, route: &Route) -> Option<Fallback> {
    let to = route.fallback.clone().filter(|_| draft.kind == Kind::Queued)?;
    let way_out = plan.ways_out.get(&to.account)?;
    way_out.check_length(&draft.text, &draft.media).ok()?;
    Some(Fallback { to, frozen: way_out.freeze(draft) })
}

/// The earliest instant at which a request's message may go; zero: at once.
fn not_before(request: &SendRequest, route: &Route, now: Time) -> Time {
    if request.kind == Kind::Immediate {
        return Time::ZERO;
    }
    let earliest = request.validity.not_before(now);
    let quiet_hours = route.quiet_hours.as_ref().filter(|_| request.lane != Lane::Urgent);
    let allowed = quiet_hours.map(|quiet| quiet.first_allowed(request.to, earliest));
    Some(allowed.unwrap_or(earliest)).filter(|at| *at > now).unwrap_or(Time::ZERO)
}

/// What is told of a message that this very request has stored.
fn stored(message: &Message, is_expectation: bool) -> Sent {
    let mut sent = accepted(message, false);
    if let Some(queued) = &mut sent.queued {
        queued.is_expectation = is_expectation;
    }
    sent
}

fn accepted(message: &Message, replayed: bool) -> Sent {
    let answer = message.answer;
    let (position, estimate) = (answer.position, answer.estimate);
    let queued = Some(QueuedAt { position, estimate, is_expectation: false });
    Sent { queued, provider: message.provider_at_first(), ..sent(&message.draft, replayed) }
}

fn replay(message: &Message) -> Sent {
    accepted(message, true)
}

fn sent(draft: &Draft, replayed: bool) -> Sent {
    Sent {
        id: draft.id,
        provider: draft.provider,
        segments: draft.segments,
        encoding: draft.encoding,
        queued: None,
        replayed,
    }
}
