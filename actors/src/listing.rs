//! Lists of messages by a [`Filter`], and the cancellation of many.
//!
//! By a `client_reference` the store has an index of the messages that have one: their list goes by id. There
//! is no other index, so that no message pays for it: else a list goes through what each store keeps anyway,
//! in this order: what waits (by sender, lane and place), what waits for its time (by that), what is on its
//! way, what is of unknown outcome (both by id), and what is over (in the order in which it ended). Each
//! message is in one of these at any instant. One that goes on to another while a list is read by pages may
//! be met twice, or not at all.
//!
//! Bounded: a page looks at `RECORDS` records and `ROWS` rows at the most, and says where the next one
//! goes on. What is on its way is bounded by the places of the accounts, and is read whole.
//!
//! It owns nothing: where a list is, its [`Place`] says, which the client keeps.

use std::time::Duration;

use futures::{StreamExt, stream};

use crate::domain::filter::{Filter, Standing};
use crate::domain::ids::{MessageId, Shard};
use crate::domain::message::{Cancelled, Lane, Message, Shown, State};
use crate::domain::phone::E164;
use crate::domain::shard_set::ShardSet;
use crate::domain::time::Time;
use crate::journal::Journal;
use crate::ports::{Ended, Store, StoreError, Timer};

/// The most records that are looked at for one page.
const RECORDS: usize = 1000;

/// The most rows that are looked at for one page, of which no record is read.
const ROWS: usize = 10_000;

/// Rows that are asked for at a time.
const AT_A_TIME: usize = 250;

/// What asking costs at least, in rows: it is a round trip, also where there is nothing.
const OF_ASKING: usize = 25;

/// How long one call goes on cancelling. What is left then is for the next.
const CANCEL_WITHIN: Duration = Duration::from_secs(10);

/// Cancellations that are under way at a time.
const CANCEL_AT_A_TIME: usize = 64;

/// Behind every place of a queue.
const END_OF_QUEUE: u64 = u64::MAX;

const LANES: [Lane; 3] = [Lane::Urgent, Lane::Normal, Lane::Bulk];

/// Where a list is: the next page begins behind it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// Among what waits; `None` before its first.
    Waiting(Option<(E164, Lane, u64)>),
    /// Among what waits for its time.
    Scheduled(Option<Timer>),
    /// Among what is on its way.
    UnderWay(Option<MessageId>),
    /// Among what is of unknown outcome.
    Unknown(Option<MessageId>),
    /// Among what is over.
    Over(Option<Ended>),
    /// Among the messages of the reference that is asked for.
    Referenced(Option<MessageId>),
}

/// A part of a list.
#[derive(Debug)]
pub struct Page {
    /// The messages that are meant.
    pub messages: Vec<Message>,
    /// Where the next page begins; `None`: there is no more.
    pub next: Option<Place>,
}

/// What a cancellation of many came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CancelledMany {
    /// No provider has seen them, and none will.
    pub cancelled: u64,
    /// They were being handed over, or were in doubt.
    pub too_late: u64,
    /// Where the next call goes on; `None`: that was all.
    pub next: Option<Place>,
}

/// Reads lists. Made for one request.
pub(crate) struct Listing<'a> {
    store: &'a dyn Store,
    filter: &'a Filter,
    /// Not what is over.
    undecided_only: bool,
    /// See [`Listing::read_senders`]; read once.
    senders: Option<Vec<E164>>,
}

/// What a look at some rows found.
struct Found {
    /// Those that may be meant, each with its own place.
    ids: Vec<(Place, MessageId)>,
    /// How many rows were looked at.
    rows: usize,
    /// Where to look next; `None`: that was all.
    next: Option<Place>,
}

impl<'a> Listing<'a> {
    pub(crate) const fn new(store: &'a dyn Store, filter: &'a Filter) -> Self {
        Self { store, filter, undecided_only: false, senders: None }
    }

    /// The same without what is over.
    const fn of_undecided(store: &'a dyn Store, filter: &'a Filter) -> Self {
        Self { store, filter, undecided_only: true, senders: None }
    }

    /// At most `limit` messages from `place` on. Fewer, also none, are not the end: only `next` says that.
    pub(crate) async fn page(&mut self, place: Option<Place>, limit: usize) -> Result<Page, StoreError> {
        let mut messages = Vec::new();
        let mut next = Some(place.unwrap_or_else(|| self.first()));
        let (mut rows, mut records) = (0, 0);
        while let Some(place) = next {
            if messages.len() >= limit || rows >= ROWS || records >= RECORDS {
                break;
            }
            let found = self.look(place, AT_A_TIME.min(RECORDS - records)).await?;
            rows += found.rows.max(OF_ASKING);
            records += found.ids.len();
            next = found.next;
            let ids = found.ids.iter().map(|(_, id)| *id).collect();
            let read = self.store.messages(ids).await?;
            for ((place, _), message) in found.ids.into_iter().zip(read) {
                let Some(message) = message.filter(|message| self.is_meant(place, message)) else { continue };
                messages.push(*message);
                if messages.len() >= limit {
                    // What is behind it was looked at in vain.
                    next = Some(place);
                    break;
                }
            }
        }
        Ok(Page { messages, next })
    }

    /// Is it meant, and of this part of the list still?
    fn is_meant(&self, place: Place, message: &Message) -> bool {
        let is_there = match place {
            Place::Waiting(_) => message.state == State::Queued,
            Place::Scheduled(_) => message.is_scheduled(),
            Place::UnderWay(_) => matches!(message.state, State::Sending | State::Offered),
            // What waits to be sent again is among what waits, unless it is asked for what is in doubt alone.
            Place::Unknown(_) => {
                message.state == State::Unknown || self.filter.standing == Some(Standing::Unknown)
            }
            // One that was tried again and has ended anew is met at its new end.
            Place::Over(ended) => message.is_final() && ended.is_some_and(|end| end.at == message.updated_at),
            Place::Referenced(_) => !(self.undecided_only && message.is_final()),
        };
        is_there && self.filter.matches(message)
    }

    /// Where a list begins.
    const fn first(&self) -> Place {
        if self.filter.client_reference.is_some() {
            return Place::Referenced(None);
        }
        match self.filter.standing {
            None | Some(Standing::Shown(Shown::Queued | Shown::Sending)) => Place::Waiting(None),
            Some(Standing::Unknown) => Place::Unknown(None),
            Some(Standing::Shown(Shown::Sent | Shown::Failed | Shown::Cancelled)) => Place::Over(None),
        }
    }

    /// The part of the list behind the one of `place`, if anything of it can be meant.
    const fn part_behind(&self, place: Place) -> Option<Place> {
        match (place, self.filter.standing) {
            (Place::Scheduled(_), Some(Standing::Shown(Shown::Queued)))
            | (Place::Over(_) | Place::Referenced(_), _) => None,
            // What waits for its time is shown as queued.
            (Place::Waiting(_), Some(Standing::Shown(Shown::Sending))) | (Place::Scheduled(_), _) => {
                Some(Place::UnderWay(None))
            }
            (Place::Waiting(_), _) => Some(Place::Scheduled(None)),
            (Place::UnderWay(_), _) => Some(Place::Unknown(None)),
            (Place::Unknown(_), _) if self.undecided_only => None,
            (Place::Unknown(_), Some(_)) => None,
            (Place::Unknown(_), None) => Some(Place::Over(None)),
        }
    }

    async fn look(&mut self, place: Place, many: usize) -> Result<Found, StoreError> {
        match place {
            Place::Waiting(after) => self.look_at_waiting(after, many).await,
            Place::Scheduled(after) => self.look_at_scheduled(after, many).await,
            Place::UnderWay(after) => self.look_at_under_way(after, many).await,
            Place::Unknown(after) => self.look_at_unknown(after, many).await,
            Place::Over(after) => self.look_at_over(after, many).await,
            Place::Referenced(after) => self.look_at_referenced(after, many).await,
        }
    }

    async fn look_at_waiting(
        &mut self,
        after: Option<(E164, Lane, u64)>,
        many: usize,
    ) -> Result<Found, StoreError> {
        let Some((sender, lane, after)) = self.queue_behind(after).await? else {
            return Ok(Found { ids: Vec::new(), rows: 0, next: self.part_behind(Place::Waiting(None)) });
        };
        let page = self.store.queue_page(sender, lane, after, many).await?;
        let rows = page.len();
        let place = |seq| Place::Waiting(Some((sender, lane, seq)));
        // A short page is the end of its queue.
        let last = page.last().filter(|_| rows >= many).map_or(END_OF_QUEUE, |last| last.seq);
        let is_asked = |recipient| self.filter.recipient.is_none_or(|asked| asked == recipient);
        let meant = page.into_iter().filter(|waiting| is_asked(waiting.recipient));
        let ids = meant.map(|waiting| (place(waiting.seq), waiting.id)).collect();
        Ok(Found { ids, rows, next: Some(place(last)) })
    }

    /// The queue to go on with, and the place in it.
    async fn queue_behind(
        &mut self,
        after: Option<(E164, Lane, u64)>,
    ) -> Result<Option<(E164, Lane, Option<u64>)>, StoreError> {
        if let Some((sender, lane, seq)) = after
            && seq != END_OF_QUEUE
        {
            return Ok(Some((sender, lane, Some(seq))));
        }
        if self.senders.is_none() {
            self.senders = Some(self.read_senders().await?);
        }
        let senders = self.senders.iter().flatten().copied();
        let mut queues = senders.flat_map(|sender| LANES.map(|lane| (sender, lane)));
        let is_behind = |queue: &(E164, Lane)| after.is_none_or(|(sender, lane, _)| *queue > (sender, lane));
        let is_asked = |queue: &(E164, Lane)| self.filter.lane.is_none_or(|lane| lane == queue.1);
        let next = queues.find(|queue| is_behind(queue) && is_asked(queue));
        Ok(next.map(|(sender, lane)| (sender, lane, None)))
    }

    /// Those that can have something waiting, by number.
    async fn read_senders(&self) -> Result<Vec<E164>, StoreError> {
        if let Some(sender) = self.filter.sender {
            return Ok(vec![sender]);
        }
        let backlogs = self.store.backlogs(ShardSet::ALL).await?;
        let mut senders: Vec<E164> = backlogs.into_iter().map(|backlog| backlog.sender).collect();
        senders.sort_unstable();
        Ok(senders)
    }

    async fn look_at_scheduled(&self, after: Option<Timer>, many: usize) -> Result<Found, StoreError> {
        let shards =
            self.filter.sender.map_or(ShardSet::ALL, |sender| std::iter::once(Shard::of(sender)).collect());
        // Beside those that are scheduled, timers are of those that expire.
        let timers = self.store.timers(shards, after, Time::MAX, many).await?;
        let ids: Vec<(Place, MessageId)> =
            timers.into_iter().map(|timer| (Place::Scheduled(Some(timer)), timer.id)).collect();
        let is_last = ids.len() < many;
        let next =
            if is_last { self.part_behind(Place::Scheduled(None)) } else { ids.last().map(|last| last.0) };
        Ok(Found { rows: ids.len(), ids, next })
    }

    async fn look_at_under_way(&self, after: Option<MessageId>, many: usize) -> Result<Found, StoreError> {
        let mut all = self.store.unsettled(self.filter.sender).await?;
        all.retain(|one| {
            (one.is_open() || one.is_offer())
                && after.is_none_or(|after| one.id > after)
                && self.filter.recipient.is_none_or(|recipient| recipient == one.recipient)
                && self.filter.lane.is_none_or(|lane| lane == one.lane)
        });
        all.sort_unstable_by_key(|one| one.id);
        let is_last = all.len() <= many;
        all.truncate(many);
        let ids: Vec<(Place, MessageId)> =
            all.iter().map(|one| (Place::UnderWay(Some(one.id)), one.id)).collect();
        let next =
            if is_last { self.part_behind(Place::UnderWay(None)) } else { ids.last().map(|last| last.0) };
        Ok(Found { rows: ids.len(), ids, next })
    }

    async fn look_at_unknown(&self, after: Option<MessageId>, many: usize) -> Result<Found, StoreError> {
        let doubtful = self.store.doubtful(self.filter.organization, after, many).await?;
        let ids = doubtful.into_iter().map(|message| message.draft.id);
        let ids: Vec<(Place, MessageId)> = ids.map(|id| (Place::Unknown(Some(id)), id)).collect();
        let is_last = ids.len() < many;
        let next =
            if is_last { self.part_behind(Place::Unknown(None)) } else { ids.last().map(|last| last.0) };
        Ok(Found { rows: ids.len(), ids, next })
    }

    async fn look_at_referenced(&self, after: Option<MessageId>, many: usize) -> Result<Found, StoreError> {
        let Some(reference) = self.filter.client_reference.clone() else {
            // The place is of another filter: nothing is meant.
            return Ok(Found { ids: Vec::new(), rows: 0, next: None });
        };
        let (organization, shard) = (self.filter.organization, self.filter.sender.map(Shard::of));
        let ids = self.store.referenced(organization, reference, shard, after, many).await?;
        let place = |id| Place::Referenced(Some(id));
        let next = ids.last().filter(|_| ids.len() >= many).map(|last| place(*last));
        Ok(Found { rows: ids.len(), ids: ids.into_iter().map(|id| (place(id), id)).collect(), next })
    }

    async fn look_at_over(&self, after: Option<Ended>, many: usize) -> Result<Found, StoreError> {
        // What was accepted from an instant on has ended behind it.
        let earliest = self.filter.accepted_from.map(Ended::before);
        let shard = self.filter.sender.map(Shard::of);
        let page = self.store.ended(shard, after.max(earliest), many).await?;
        let next = page.last().map(|last| Place::Over(Some(*last)));
        let is_of_it = |ended: &Ended| shard.is_none_or(|shard| shard == ended.id.shard());
        let rows = page.len();
        let ids = page.into_iter().filter(is_of_it).map(|ended| (Place::Over(Some(ended)), ended.id));
        Ok(Found { ids: ids.collect(), rows, next })
    }
}

/// Cancels what waits and is meant, from `place` on, for ten seconds at the most; and counts what is meant
/// and is being handed over, or is in doubt. What is over is not counted.
pub(crate) async fn cancel_many(
    journal: &Journal,
    filter: &Filter,
    place: Option<Place>,
    step_within: Duration,
) -> Result<CancelledMany, StoreError> {
    if matches!(place, Some(Place::Over(_))) {
        return Ok(CancelledMany { cancelled: 0, too_late: 0, next: None });
    }
    let until = journal.now() + CANCEL_WITHIN;
    let mut listing = Listing::of_undecided(journal.store(), filter);
    let first = place.unwrap_or_else(|| listing.first());
    let mut done = CancelledMany { cancelled: 0, too_late: 0, next: Some(first) };
    while let Some(place) = done.next.filter(|_| journal.now() < until) {
        let page = listing.page(Some(place), RECORDS).await?;
        let ids: Vec<MessageId> = page.messages.iter().map(|message| message.draft.id).collect();
        let mut cancellations = stream::iter(ids)
            .map(|id| journal.cancel(id, filter.organization, journal.now() + step_within))
            .buffer_unordered(CANCEL_AT_A_TIME);
        while let Some(cancelled) = cancellations.next().await {
            match cancelled? {
                Some((Cancelled::Done, _)) => done.cancelled += 1,
                Some((Cancelled::TooLate(_), _)) => done.too_late += 1,
                // Somebody else cancelled it just now, or it is gone.
                Some((Cancelled::Before, _)) | None => {}
            }
        }
        done.next = page.next;
    }
    Ok(done)
}
