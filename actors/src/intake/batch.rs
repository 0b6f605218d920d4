//! Many queued messages at once: a batch.
//!
//! Each keeps what a message is promised that comes alone. What is shared is the way to the store: up to [`TOGETHER`]
//! messages are one step, whoever sends them, and their idempotency keys another; on a Redis Cluster one for each
//! shard. Their senders are asked for the estimates before it and told of what is stored after it
//! (`sender/several.rs`). The parts go one after the other, so the messages of a sender are stored in the order in
//! which they are given.
//!
//! A ticket of the engine stands for each part, which bounds what is under way.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use futures::future::join_all;
use futures::{StreamExt, stream};
use tokio::sync::oneshot;
use tokio::time::timeout;
use tracing::Span;

use super::{ASK_AGAIN, Bound, COME_AGAIN_AFTER, Intake, STORE_WITHIN, Told, check, draft_of, not_before};
use crate::admission::Ticket;
use crate::directory::Plan;
use crate::domain::ids::MessageId;
use crate::domain::message::{Draft, Kind, Lane};
use crate::domain::phone::E164;
use crate::domain::routing::Route;
use crate::domain::time::Time;
use crate::engine::{NotSent, SendRequest, Sent};
use crate::ports::{Append, Appended, Provider, Reserve, Reserved, ScopedKey, StoreError};
use crate::sender::{Announce, Announced, Coming, Foreseen, Room, SenderMessage, Stored, SubmitAnswer};
use crate::telemetry;

/// How many messages are one step of the store at most: other steps wait for it, for a few milliseconds.
const TOGETHER: usize = 1024;

/// What concerns a message alone, an earlier answer to be looked up or a key to be given back, is done for so many
/// at a time.
const ALONE_AT_A_TIME: usize = 64;

/// A request that may be stored, as far as can be said without the store.
struct Checked<'a> {
    place: usize,
    request: SendRequest,
    route: &'a Route,
    way_out: &'a dyn Provider,
}

/// A message to be stored.
struct Fresh {
    draft: Draft,
    not_before: Time,
}

/// Whose answer is still to come.
struct Asked {
    place: usize,
    id: MessageId,
    bound: Bound,
}

/// What a sender tells of a message that is about to be stored.
#[derive(Clone, Copy)]
struct TellsOf {
    foreseen: Foreseen,
    room_after: Duration,
}

/// The messages of one sender among others, by their places, and what it tells of them.
struct OfSender {
    sender: E164,
    places: Vec<usize>,
    /// Another process sends from the number, or nobody for the moment.
    elsewhere: bool,
    foreseen: Result<Vec<TellsOf>, NotSent>,
}

impl Intake {
    /// See [`crate::engine::Engine::send_all`].
    pub(crate) async fn send_all(
        &self,
        requests: Vec<SendRequest>,
        begin_until: Time,
    ) -> Vec<Result<Sent, NotSent>> {
        let mut answers = Vec::with_capacity(requests.len());
        let mut rest = requests.into_iter();
        loop {
            let part: Vec<SendRequest> = rest.by_ref().take(TOGETHER).collect();
            if part.is_empty() {
                return answers;
            }
            answers.extend(self.send_part(part, begin_until).await);
        }
    }

    async fn send_part(&self, part: Vec<SendRequest>, begin_until: Time) -> Vec<Result<Sent, NotSent>> {
        let asked_at = self.journal.now();
        let span_of = |request: &SendRequest| (request.from, request.lane, telemetry::accept(request.kind));
        let spans: Vec<(E164, Lane, Span)> = part.iter().map(span_of).collect();
        let ticket = if asked_at < begin_until { self.tickets.take() } else { None };
        let answers = match ticket {
            Some(ticket) => self.take_part_in(part, ticket, asked_at).await,
            None => part.iter().map(|_| Err(NotSent::Busy(COME_AGAIN_AFTER))).collect(),
        };
        self.note_all(&answers, &spans, asked_at);
        answers
    }

    /// What [`Intake::note`] does with each: those of one sender and lane are counted together.
    fn note_all(&self, answers: &[Result<Sent, NotSent>], spans: &[(E164, Lane, Span)], asked_at: Time) {
        self.meters.answered(Kind::Queued, self.journal.now().since(asked_at), answers.len());
        let mut accepted: HashMap<(E164, Lane), u64> = HashMap::new();
        for (answer, (from, lane, span)) in answers.iter().zip(spans) {
            if self.note_one(answer, span) {
                *accepted.entry((*from, *lane)).or_default() += 1;
            }
        }
        for ((from, lane), messages) in accepted {
            self.count_accepted(from, Kind::Queued, lane, messages);
        }
    }

    async fn take_part_in(
        &self,
        part: Vec<SendRequest>,
        ticket: Ticket,
        asked_at: Time,
    ) -> Vec<Result<Sent, NotSent>> {
        let until = asked_at + STORE_WITHIN;
        let mut answers = Answers::of(part.len());
        // The same until the drafts are made.
        let plan = self.directory.plan();
        let (checked, refused) = check_all(&plan, part, asked_at);
        let mut replays = stream::iter(refused)
            .map(|(place, request, refused)| async move {
                (place, self.replay_or_refuse(refused, request, until, asked_at).await)
            })
            .buffer_unordered(ALONE_AT_A_TIME);
        while let Some((place, answer)) = replays.next().await {
            answers.set(place, answer);
        }

        let bounds = self.bind_all(&checked, until).await;
        let (mut fresh, mut asked) = (Vec::new(), Vec::new());
        for (one, bound) in checked.into_iter().zip(bounds) {
            let Checked { place, request, route, way_out } = one;
            match bound {
                Err(refused) => answers.set(place, Err(refused)),
                Ok((id, bound)) => {
                    let not_before = not_before(&request, route, asked_at);
                    let draft = draft_of(&plan, request, route, way_out, id, asked_at);
                    fresh.push(Fresh { draft, not_before });
                    asked.push(Asked { place, id, bound });
                }
            }
        }
        drop(plan);
        for (place, answer) in self.store_and_answer(fresh, asked, ticket, until, asked_at).await {
            answers.set(place, answer);
        }
        answers.all()
    }

    /// The id that each is to be stored under, and what its key came to.
    async fn bind_all(
        &self,
        checked: &[Checked<'_>],
        until: Time,
    ) -> Vec<Result<(MessageId, Bound), NotSent>> {
        let fresh: Vec<MessageId> =
            checked.iter().map(|one| self.journal.fresh_id(one.request.from)).collect();
        let mut keys = Vec::new();
        for (Checked { request, .. }, id) in checked.iter().zip(&fresh) {
            let Some(key) = request.key.clone() else { continue };
            let key = ScopedKey { organization: request.organization, key };
            let token = self.journal.ids().token();
            keys.push(Reserve { key, id: *id, fingerprint: request.fingerprint, token });
        }
        let reserve = self.journal.reserve_keys(keys.clone().into(), until);
        let answers = timeout(STORE_WITHIN, reserve).await.unwrap_or_default();
        let mut reserved = keys.into_iter().zip(answers);
        let bound_of = |(one, fresh): (&Checked<'_>, MessageId)| {
            if one.request.key.is_none() {
                return Ok((fresh, Bound::None));
            }
            match reserved.next() {
                Some((Reserve { key, token, .. }, Ok(Reserved::Yours(id)))) => {
                    Ok((id, Bound::Ours { key, token }))
                }
                Some((_, Ok(Reserved::Joined(id)))) => Ok((id, Bound::Joined)),
                Some((_, Ok(Reserved::OtherRequest))) => Err(NotSent::OtherRequest),
                Some((_, Err(_))) | None => Err(NotSent::StoreUnavailable),
            }
        };
        checked.iter().zip(fresh).map(bound_of).collect()
    }

    async fn store_and_answer(
        &self,
        fresh: Vec<Fresh>,
        asked: Vec<Asked>,
        ticket: Ticket,
        until: Time,
        asked_at: Time,
    ) -> Vec<(usize, Result<Sent, NotSent>)> {
        // A task of its own: if the client goes, the senders are told all the same.
        let storing = tokio::spawn(self.clone().store_part(fresh, ticket, until));
        // The client's time is over before the store's: it can ask under the id.
        let stored = timeout(self.patience(asked_at), storing).await;
        let Ok(Ok(stored)) = stored else {
            return asked.iter().map(|one| (one.place, Err(NotSent::OutcomeUnknown(one.id)))).collect();
        };
        let (mut answers, mut others) = (Vec::with_capacity(asked.len()), Vec::new());
        for (Asked { place, id, bound }, one) in asked.into_iter().zip(stored) {
            match one {
                Ok(SubmitAnswer { appended: Ok(Appended::Stored(message)), is_expectation, .. }) => {
                    answers.push((place, Ok(super::stored(&message, is_expectation))));
                }
                Ok(other) => others.push((place, id, bound, other)),
                Err(not_sent) => answers.push((place, Err(not_sent))),
            }
        }
        // A key may have to be given back, which takes a step of the store for each.
        let others =
            stream::iter(others)
                .map(|(place, id, bound, other)| async move {
                    (place, self.answer_of(other, &bound, id, true).await)
                })
                .buffer_unordered(ALONE_AT_A_TIME);
        answers.extend(others.collect::<Vec<_>>().await);
        answers
    }

    /// Stores them in one step, and tells their senders. The ticket is held until then.
    async fn store_part(
        self,
        fresh: Vec<Fresh>,
        ticket: Ticket,
        until: Time,
    ) -> Vec<Result<SubmitAnswer, NotSent>> {
        let senders = self.announce_all(&fresh).await;
        // All are of one organization: they came with one key.
        let crowded = match fresh.first() {
            Some(first) => self.crowding.of(first.draft.organization, &self.journal).await,
            None => None,
        };
        let mut foreseen: Vec<Result<TellsOf, NotSent>> =
            fresh.iter().map(|_| Err(NotSent::Busy(COME_AGAIN_AFTER))).collect();
        for of_sender in &senders {
            for (nth, place) in of_sender.places.iter().enumerate() {
                let Some(one) = foreseen.get_mut(*place) else { continue };
                match &of_sender.foreseen {
                    Ok(each) => each.get(nth).into_iter().for_each(|told| *one = Ok(*told)),
                    Err(why) => *one = Err(why.clone()),
                }
            }
        }
        let depth_limit = if crowded.is_some() { 0 } else { self.journal.settings().queue_limit };
        let append_of = |(Fresh { draft, not_before }, foreseen): (Fresh, &Result<TellsOf, NotSent>)| {
            let estimate = foreseen.as_ref().ok()?.foreseen.estimate;
            Some(Append { draft, estimate, depth_limit, request_until: until, not_before })
        };
        let appends: Arc<[Append]> = fresh.into_iter().zip(&foreseen).filter_map(append_of).collect();
        let mut appended = self.journal.append_all(appends).await.into_iter();
        let answers: Vec<Result<SubmitAnswer, NotSent>> = foreseen
            .iter()
            .map(|foreseen| match foreseen {
                Ok(TellsOf { foreseen, room_after }) => {
                    let appended = appended.next().unwrap_or(Err(StoreError::Unanswered));
                    let room = Room::of(crowded, *room_after);
                    Ok(SubmitAnswer { appended, room, is_expectation: foreseen.is_expectation })
                }
                Err(why) => Err(why.clone()),
            })
            .collect();
        for of_sender in senders {
            self.tell_ended(of_sender, &answers).await;
        }
        drop(ticket);
        answers
    }

    /// Asks each sender when its messages go.
    async fn announce_all(&self, fresh: &[Fresh]) -> Vec<OfSender> {
        let mut senders: BTreeMap<E164, (Vec<usize>, Vec<Coming>)> = BTreeMap::new();
        for (place, Fresh { draft, not_before }) in fresh.iter().enumerate() {
            let (places, coming) = senders.entry(draft.sender).or_default();
            places.push(place);
            coming.push(Coming::of(draft, *not_before));
        }
        let each = senders.into_iter().map(|(sender, (places, coming))| async move {
            let mut elsewhere = false;
            let foreseen = self.announce(sender, coming, &mut elsewhere).await;
            OfSender { sender, places, elsewhere, foreseen }
        });
        join_all(each).await
    }

    async fn announce(
        &self,
        sender: E164,
        coming: Vec<Coming>,
        elsewhere: &mut bool,
    ) -> Result<Vec<TellsOf>, NotSent> {
        for _ in 0..ASK_AGAIN {
            if !self.journal.owns(sender) {
                *elsewhere = true;
                let (estimate, room_after) = self.estimate_elsewhere(sender);
                let is_expectation = self.shares_limits(sender);
                let foreseen = Foreseen { estimate, is_expectation, number: None };
                return Ok(vec![TellsOf { foreseen, room_after }; coming.len()]);
            }
            let (reply, answer) = oneshot::channel();
            let announce = SenderMessage::Announce(Announce { coming: coming.clone(), reply });
            if self.tell_sender(sender, announce).await? == Told::NotOurs {
                continue;
            }
            // Without an answer it was stopping, or failed; nothing is stored yet.
            let Ok(Announced { room_after, each }) = answer.await else { continue };
            return Ok(each.into_iter().map(|foreseen| TellsOf { foreseen, room_after }).collect());
        }
        Err(NotSent::Busy(COME_AGAIN_AFTER))
    }

    /// The sender hears of them before the client does.
    async fn tell_ended(&self, of_sender: OfSender, answers: &[Result<SubmitAnswer, NotSent>]) {
        let OfSender { sender, places, elsewhere, foreseen } = of_sender;
        let Ok(foreseen) = foreseen else { return };
        if elsewhere {
            return self.look_again_if_ours(sender).await;
        }
        let ended = places.iter().zip(foreseen).map(|(place, TellsOf { foreseen, .. })| {
            let stored = match answers.get(*place) {
                Some(Ok(answer)) => Stored::by(&answer.appended),
                Some(Err(_)) | None => Stored::Nothing,
            };
            (stored, foreseen.number)
        });
        self.journal.tell_submits_ended(sender, ended.collect());
    }

    async fn replay_or_refuse(
        &self,
        refused: NotSent,
        request: SendRequest,
        until: Time,
        asked_at: Time,
    ) -> Result<Sent, NotSent> {
        if request.key.is_none() {
            return Err(refused);
        }
        let replay = self.replay_or(refused, request, until, asked_at);
        timeout(self.patience(asked_at), replay).await.unwrap_or(Err(NotSent::StoreUnavailable))
    }
}

/// An answer for each request, in their order.
struct Answers(Vec<Option<Result<Sent, NotSent>>>);

impl Answers {
    fn of(many: usize) -> Self {
        Self((0..many).map(|_| None).collect())
    }

    fn set(&mut self, place: usize, answer: Result<Sent, NotSent>) {
        if let Some(at) = self.0.get_mut(place) {
            *at = Some(answer);
        }
    }

    /// Each has been set.
    fn all(self) -> Vec<Result<Sent, NotSent>> {
        let unset = || Err(NotSent::Busy(COME_AGAIN_AFTER));
        self.0.into_iter().map(|answer| answer.unwrap_or_else(unset)).collect()
    }
}

/// Those that may be stored, and those that may not, each with the reason.
fn check_all(
    plan: &Plan,
    part: Vec<SendRequest>,
    now: Time,
) -> (Vec<Checked<'_>>, Vec<(usize, SendRequest, NotSent)>) {
    let (mut checked, mut refused) = (Vec::with_capacity(part.len()), Vec::new());
    for (place, request) in part.into_iter().enumerate() {
        match check(plan, &request, now) {
            Ok((route, way_out)) => checked.push(Checked { place, request, route, way_out }),
            Err(why) => refused.push((place, request, why)),
        }
    }
    (checked, refused)
}
