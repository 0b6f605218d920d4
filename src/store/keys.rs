//! The layout: every kind of row, and its key. What it says is in `values.rs`, or a record.
//!
//! A key is a byte for its [`Space`], then fields of fixed width in big-endian order, so that rows
//! sort by their fields and what is read together lies together. What a step changes lies together as
//! far as it can, too: the rows of one sender are neighbours, because every page that a group of steps
//! touches is written anew. Part of the store's format: a change here is a new format version.

use sendyard_actors::domain::ids::{MessageId, OrganizationId, ProviderKind, Shard};
use sendyard_actors::domain::message::{Conversation, Lane};
use sendyard_actors::domain::phone::E164;
use sendyard_actors::domain::time::Time;
use sendyard_actors::ports::{Ended, QUARTER, ScopedKey, StoreError, Timer};
use smallvec::SmallVec;

use super::references::Place;

/// The first byte of a key: what kind of row it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Space {
    /// id → record. The truth; all other rows of a message follow from it.
    Messages = 1,
    /// sender, [`Part`], … → the rows that belong to one sender.
    OfSender = 2,
    /// shard, sender, id → `UnsettledRow`: what the sweeper must see.
    Unsettled = 3,
    /// organization, idempotency key → `KeyRow`.
    Keys = 4,
    /// expiry, organization, idempotency key → nothing: which keys to prune.
    KeyExpiry = 5,
    /// last change, id → nothing, or of a message with a reference its place there: which finished messages to prune.
    Finished = 6,
    /// sender → `SenderRow`. Never removed: its `next_seq` must not start again.
    Senders = 7,
    /// shard → `LeaseRow`. Never removed: its fence must grow.
    Leases = 8,
    /// organization, provider → `TallyRow`.
    Tallies = 9,
    /// organization, provider, minute → `MinuteRow`.
    Minutes = 10,
    /// organization, id → nothing: messages of unknown outcome.
    Doubtful = 12,
    /// shard → when its lease ends; on a store that several processes share.
    LeaseEnds = 13,
    /// instant, shard, seq, id → nothing: messages of which something is to be done by the clock.
    Timers = 15,
    /// sender → how many of its messages wait for their time.
    Scheduled = 16,
    /// [`Place`] of a reference, id → nothing: the messages that a client calls so. Of messages that were stored
    /// before there were such rows there is none.
    References = 17,
    /// shard → how often anything was set of its senders by hand.
    Tunings = 14,
    /// nothing → what was applied of the directory (`applied.rs`).
    Directory = 20,
    /// nothing → the number of the last group that is folded into the table (redb alone).
    Group = 11,
}

/// The kinds of rows that belong to one sender.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
enum Part {
    /// lane, seq → `QueueRow`: what waits.
    Queue = 1,
    /// recipient, lane, seq → id: what holds back what follows it.
    Conversations = 2,
    /// instant, seq, attempt → `ChargeRow`: hand-overs that count in the pace.
    Charges = 3,
    /// quarter of an hour → `SumRow`: those that need not be known one by one any more.
    Sums = 4,
    /// nothing → what was set of it by hand (`tuning.rs`).
    Tuning = 5,
}

/// A key, on the stack where it is of the usual length.
pub(super) type KeyBytes = SmallVec<[u8; 48]>;

/// The keys from one up to another, which is not part of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Span {
    /// The first key that may be in it.
    pub from: KeyBytes,
    /// The first key behind it.
    pub below: KeyBytes,
}

impl Span {
    /// Every key that starts with `prefix`, which begins with its space and so is never all `0xff`.
    fn of(prefix: Key) -> Self {
        let from = prefix.0;
        let mut below = from.clone();
        while let Some(last) = below.pop() {
            if let Some(next) = last.checked_add(1) {
                below.push(next);
                break;
            }
        }
        Self { from, below }
    }
}

/// A key being put together.
struct Key(KeyBytes);

impl Key {
    fn new(space: Space) -> Self {
        let mut bytes = KeyBytes::new();
        bytes.push(space as u8);
        Self(bytes)
    }

    fn of_sender(sender: E164, part: Part) -> Self {
        Self::new(Space::OfSender).sender(sender).with([part as u8])
    }

    #[inline]
    fn with(mut self, field: impl AsRef<[u8]>) -> Self {
        self.0.extend_from_slice(field.as_ref());
        self
    }

    fn sender(self, sender: E164) -> Self {
        self.with(sender.as_u64().to_be_bytes())
    }

    fn lane(self, lane: Lane) -> Self {
        self.with([match lane {
            Lane::Urgent => 0,
            Lane::Normal => 1,
            Lane::Bulk => 2,
        }])
    }

    fn provider(self, provider: ProviderKind) -> Self {
        self.with([match provider {
            ProviderKind::Twilio => 0,
            ProviderKind::Telnyx => 1,
            ProviderKind::Vonage => 2,
        }])
    }

    fn time(self, time: Time) -> Self {
        self.with(time.as_nanos().to_be_bytes())
    }

    fn organization(self, organization: OrganizationId) -> Self {
        self.with(organization.0.to_be_bytes())
    }

    fn of_conversation(conversation: Conversation) -> Self {
        let Conversation { sender, recipient, lane } = conversation;
        Self::of_sender(sender, Part::Conversations).with(recipient.as_u64().to_be_bytes()).lane(lane)
    }

    /// The keys with this prefix whose next field, a `u64`, is above `after`.
    fn above(self, after: Option<u64>) -> Span {
        let first = Key(self.0.clone()).with(after.map_or(0, |seq| seq.saturating_add(1)).to_be_bytes());
        Span { from: first.0, ..Span::of(self) }
    }
}

pub(super) fn message(id: MessageId) -> KeyBytes {
    Key::new(Space::Messages).with(id.as_bytes()).0
}

/// All keys of [`message`].
pub(super) fn messages() -> Span {
    Span::of(Key::new(Space::Messages))
}

/// Is it one of those?
pub(super) fn is_message(key: &[u8]) -> bool {
    key.first() == Some(&(Space::Messages as u8))
}

pub(super) fn queue(sender: E164, lane: Lane, seq: u64) -> KeyBytes {
    Key::of_sender(sender, Part::Queue).lane(lane).with(seq.to_be_bytes()).0
}

pub(super) fn queue_above(sender: E164, lane: Lane, after: Option<u64>) -> Span {
    Key::of_sender(sender, Part::Queue).lane(lane).above(after)
}

pub(super) fn conversation(of: Conversation, seq: u64) -> KeyBytes {
    Key::of_conversation(of).with(seq.to_be_bytes()).0
}

pub(super) fn conversation_above(of: Conversation, after: Option<u64>) -> Span {
    Key::of_conversation(of).above(after)
}

/// The place in a key of [`conversation`].
pub(super) fn seq_of_conversation(key: &[u8]) -> Result<u64, StoreError> {
    u64_at(key, 19)
}

pub(super) fn unsettled(sender: E164, id: MessageId) -> KeyBytes {
    unsettled_prefix(Shard::of(sender)).sender(sender).with(id.as_bytes()).0
}

pub(super) fn unsettled_of_sender(sender: E164) -> Span {
    Span::of(unsettled_prefix(Shard::of(sender)).sender(sender))
}

pub(super) fn unsettled_of_shard(shard: Shard) -> Span {
    Span::of(unsettled_prefix(shard))
}

pub(super) fn unsettled_all() -> Span {
    Span::of(Key::new(Space::Unsettled))
}

fn unsettled_prefix(shard: Shard) -> Key {
    Key::new(Space::Unsettled).with(shard.as_u16().to_be_bytes())
}

pub(super) fn charge(sender: E164, at: Time, seq: u64, attempt: u16) -> KeyBytes {
    Key::of_sender(sender, Part::Charges).time(at).with(seq.to_be_bytes()).with(attempt.to_be_bytes()).0
}

/// The instant in a key of [`charge`].
pub(super) fn instant_of_charge(key: &[u8]) -> Result<Time, StoreError> {
    u64_at(key, 10).map(Time::from_nanos)
}

pub(super) fn charges_from(sender: E164, from: Time) -> Span {
    let all = Span::of(Key::of_sender(sender, Part::Charges));
    Span { from: Key::of_sender(sender, Part::Charges).time(from).0, ..all }
}

pub(super) fn charges_before(sender: E164, before: Time) -> Span {
    let all = Span::of(Key::of_sender(sender, Part::Charges));
    Span { below: Key::of_sender(sender, Part::Charges).time(before).0, ..all }
}

/// The sums of the quarter of an hour that holds this instant.
pub(super) fn sum(sender: E164, at: Time) -> KeyBytes {
    Key::of_sender(sender, Part::Sums).with(quarter(at).to_be_bytes()).0
}

pub(super) fn sums_from(sender: E164, from: Time) -> Span {
    let all = Span::of(Key::of_sender(sender, Part::Sums));
    Span { from: sum(sender, from), ..all }
}

/// The sums of the quarters that are over before this instant.
pub(super) fn sums_before(sender: E164, before: Time) -> Span {
    let all = Span::of(Key::of_sender(sender, Part::Sums));
    Span { below: sum(sender, before), ..all }
}

fn quarter(at: Time) -> u64 {
    at.as_nanos() / u64::try_from(QUARTER.as_nanos()).unwrap_or(u64::MAX)
}

pub(super) fn tuning(sender: E164) -> KeyBytes {
    Key::of_sender(sender, Part::Tuning).0
}

pub(super) fn tunings(shard: Shard) -> KeyBytes {
    Key::new(Space::Tunings).with(shard.as_u16().to_be_bytes()).0
}

pub(super) fn idempotency(key: &ScopedKey) -> KeyBytes {
    Key::new(Space::Keys).organization(key.organization).with(&key.key).0
}

/// What is behind the space in a key of [`idempotency`], and behind the instant in its expiry row.
fn scoped(key: &ScopedKey) -> Key {
    Key(KeyBytes::new()).organization(key.organization).with(&key.key)
}

pub(super) fn key_expiry(expires: Time, key: &ScopedKey) -> KeyBytes {
    Key::new(Space::KeyExpiry).time(expires).with(scoped(key).0).0
}

/// The idempotency key's own row, from its expiry row.
pub(super) fn idempotency_of_expiry(key: &[u8]) -> KeyBytes {
    Key::new(Space::Keys).with(key.get(9..).unwrap_or_default()).0
}

/// Expiry rows of keys that are free at `now`.
pub(super) fn expired_at(now: Time) -> Span {
    let all = Span::of(Key::new(Space::KeyExpiry));
    Span { below: Key::new(Space::KeyExpiry).time(now).with([0xff; 8]).0, ..all }
}

pub(super) fn doubtful(organization: OrganizationId, id: MessageId) -> KeyBytes {
    Key::new(Space::Doubtful).organization(organization).with(id.as_bytes()).0
}

/// Those behind `after`.
pub(super) fn doubtful_above(organization: OrganizationId, after: Option<MessageId>) -> Span {
    let all = Span::of(Key::new(Space::Doubtful).organization(organization));
    match after {
        // The first key behind one is that key and a zero.
        Some(after) => {
            let from = Key(doubtful(organization, after)).with([0]).0;
            Span { from, ..all }
        }
        None => all,
    }
}

/// The message's own row, from a key of [`doubtful`].
pub(super) fn message_of_doubtful(key: &[u8]) -> KeyBytes {
    Key::new(Space::Messages).with(key.get(5..).unwrap_or_default()).0
}

pub(super) fn finished(updated_at: Time, id: MessageId) -> KeyBytes {
    Key::new(Space::Finished).time(updated_at).with(id.as_bytes()).0
}

/// The message's own row, from a key of [`finished`].
pub(super) fn message_of_finished(key: &[u8]) -> KeyBytes {
    Key::new(Space::Messages).with(key.get(9..).unwrap_or_default()).0
}

pub(super) fn reference(place: Place, id: MessageId) -> KeyBytes {
    Key::new(Space::References).with(place).with(id.as_bytes()).0
}

/// The reference's row of a finished message, from its row of [`finished`]; `None` if it has no reference.
pub(super) fn reference_of_finished(key: &[u8], value: &[u8]) -> Option<KeyBytes> {
    let place: Place = value.try_into().ok()?;
    Some(Key::new(Space::References).with(place).with(key.get(9..).unwrap_or_default()).0)
}

/// Those of one reference behind `after`.
pub(super) fn references_above(place: Place, after: Option<MessageId>) -> Span {
    let all = Span::of(Key::new(Space::References).with(place));
    match after {
        // The first key behind one is that key and a zero.
        Some(after) => Span { from: Key(reference(place, after)).with([0]).0, ..all },
        None => all,
    }
}

/// The message in a key of [`reference()`].
pub(super) fn id_of_reference(key: &[u8]) -> Result<MessageId, StoreError> {
    let id = key.get(21..).and_then(|id| id.try_into().ok()).and_then(MessageId::from_bytes);
    id.ok_or_else(|| StoreError::Corrupt("a reference's row has no id".to_owned()))
}

/// Those behind `after`.
pub(super) fn finished_above(after: Option<Ended>) -> Span {
    let all = Span::of(Key::new(Space::Finished));
    match after {
        // The first key behind one is that key and a zero.
        Some(Ended { at, id }) => Span { from: Key(finished(at, id)).with([0]).0, ..all },
        None => all,
    }
}

/// What a key of [`finished`] says.
pub(super) fn ended_of_finished(key: &[u8]) -> Result<Ended, StoreError> {
    let id = key.get(9..).and_then(|id| id.try_into().ok()).and_then(MessageId::from_bytes);
    let id = id.ok_or_else(|| StoreError::Corrupt("a finished message's row has no id".to_owned()))?;
    Ok(Ended { at: Time::from_nanos(u64_at(key, 1)?), id })
}

pub(super) fn finished_before(before: Time) -> Span {
    let all = Span::of(Key::new(Space::Finished));
    Span { below: Key::new(Space::Finished).time(before).0, ..all }
}

pub(super) fn sender(sender: E164) -> KeyBytes {
    Key::new(Space::Senders).sender(sender).0
}

pub(super) fn senders() -> Span {
    Span::of(Key::new(Space::Senders))
}

/// The number in a key of [`sender`].
pub(super) fn number_of_sender(key: &[u8]) -> Result<E164, StoreError> {
    let digits = u64_at(key, 1)?;
    E164::from_u64(digits).ok_or_else(|| StoreError::Corrupt("a sender's row has no number".to_owned()))
}

pub(super) fn lease(shard: Shard) -> KeyBytes {
    Key::new(Space::Leases).with(shard.as_u16().to_be_bytes()).0
}

pub(super) fn lease_end(shard: Shard) -> KeyBytes {
    Key::new(Space::LeaseEnds).with(shard.as_u16().to_be_bytes()).0
}

pub(super) fn tally(organization: OrganizationId, provider: ProviderKind) -> KeyBytes {
    Key::new(Space::Tallies).organization(organization).provider(provider).0
}

pub(super) fn minute(organization: OrganizationId, provider: ProviderKind, minute: u64) -> KeyBytes {
    Key::new(Space::Minutes).organization(organization).provider(provider).with(minute.to_be_bytes()).0
}

/// The minutes from `from` on, of one organization at one provider.
pub(super) fn minutes_from(organization: OrganizationId, provider: ProviderKind, from: u64) -> Span {
    let all = Span::of(Key::new(Space::Minutes).organization(organization).provider(provider));
    Span { from: minute(organization, provider, from), ..all }
}

/// The minutes before `before`, of one organization at one provider.
pub(super) fn minutes_before(organization: OrganizationId, provider: ProviderKind, before: u64) -> Span {
    let all = Span::of(Key::new(Space::Minutes).organization(organization).provider(provider));
    Span { below: minute(organization, provider, before), ..all }
}

pub(super) fn timer(at: Time, seq: u64, id: MessageId) -> KeyBytes {
    let shard = id.shard().as_u16().to_be_bytes();
    Key::new(Space::Timers).time(at).with(shard).with(seq.to_be_bytes()).with(id.as_bytes()).0
}

/// The timers behind `after` and up to `until`.
pub(super) fn timers(after: Option<Timer>, until: Time) -> Span {
    let from = match after {
        // The first key behind one is that key and a zero.
        Some(Timer { at, seq, id }) => Key(timer(at, seq, id)).with([0]),
        None => Key::new(Space::Timers),
    };
    Span { from: from.0, below: Key::new(Space::Timers).time(until).with([0xff; 2]).0 }
}

/// What a key of [`timer`] says.
pub(super) fn timer_of(key: &[u8]) -> Result<Timer, StoreError> {
    let id = key.get(19..).and_then(|id| id.try_into().ok()).and_then(MessageId::from_bytes);
    let id = id.ok_or_else(|| StoreError::Corrupt("a timer has no message id".to_owned()))?;
    Ok(Timer { at: Time::from_nanos(u64_at(key, 1)?), seq: u64_at(key, 11)?, id })
}

pub(super) fn scheduled(sender: E164) -> KeyBytes {
    Key::new(Space::Scheduled).sender(sender).0
}

pub(super) fn directory() -> KeyBytes {
    Key::new(Space::Directory).0
}

pub(super) fn group() -> KeyBytes {
    Key::new(Space::Group).0
}

fn u64_at(key: &[u8], offset: usize) -> Result<u64, StoreError> {
    let bytes = key.get(offset..).and_then(<[u8]>::first_chunk::<8>);
    bytes.copied().map(u64::from_be_bytes).ok_or_else(|| StoreError::Corrupt("a key is too short".to_owned()))
}

#[cfg(test)]
mod tests {
    use smallvec::smallvec;

    use super::*;

    #[test]
    fn a_span_ends_before_the_next_prefix_even_behind_full_bytes() {
        let span = Span::of(Key(smallvec![3, 0xff, 0xff]));
        assert_eq!(span, Span { from: smallvec![3, 0xff, 0xff], below: smallvec![4] });
    }

    #[test]
    fn a_key_that_expires_now_is_among_the_expired_and_a_later_one_is_not() {
        let now = Time::from_nanos(7);
        let key = ScopedKey { organization: OrganizationId(u32::MAX), key: "\u{10ffff}".to_owned() };
        let span = expired_at(now);
        let is_in = |row: KeyBytes| span.from <= row && row < span.below;
        assert!(is_in(key_expiry(now, &key)));
        assert!(!is_in(key_expiry(Time::from_nanos(8), &key)));
    }
}
