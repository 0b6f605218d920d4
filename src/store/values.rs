//! What the rows say that are not records.
//!
//! Part of the store's format, as `keys.rs` is. A form that was written once is read for ever.

use sendyard_actors::domain::fingerprint::Fingerprint;
use sendyard_actors::domain::ids::{Incarnation, MessageId};
use sendyard_actors::domain::message::{Lane, Message};
use sendyard_actors::domain::pace::Cost;
use sendyard_actors::domain::phone::E164;
use sendyard_actors::domain::time::Time;
use sendyard_actors::ports::{Charge, StoreError, Unsettled, Waiting};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::rows::decode;

/// A row of the queue.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(super) struct QueueRow {
    id: MessageId,
    seq: u64,
    recipient: E164,
    segments: u32,
    due: Time,
    attempt: u16,
    elsewhere: bool,
    mms: bool,
}

/// As it was before media were told apart.
#[derive(Deserialize)]
struct QueueRowV2 {
    id: MessageId,
    seq: u64,
    recipient: E164,
    segments: u32,
    due: Time,
    attempt: u16,
    elsewhere: bool,
}

/// As it was in format 1.
#[derive(Deserialize)]
struct QueueRowV1 {
    id: MessageId,
    seq: u64,
    recipient: E164,
    segments: u32,
    due: Time,
    attempt: u16,
}

impl QueueRow {
    /// From its bytes, of this format or one before: each has one field more.
    pub(super) fn decode(bytes: &[u8]) -> Result<Self, StoreError> {
        decode(bytes).or_else(|_| decode::<QueueRowV2>(bytes).map(Self::from)).or_else(|_| {
            let QueueRowV1 { id, seq, recipient, segments, due, attempt } = decode(bytes)?;
            Ok(Self { id, seq, recipient, segments, due, attempt, elsewhere: false, mms: false })
        })
    }
}

impl From<QueueRowV2> for QueueRow {
    fn from(row: QueueRowV2) -> Self {
        let QueueRowV2 { id, seq, recipient, segments, due, attempt, elsewhere } = row;
        Self { id, seq, recipient, segments, due, attempt, elsewhere, mms: false }
    }
}

impl From<Waiting> for QueueRow {
    fn from(waiting: Waiting) -> Self {
        let Waiting { id, seq, recipient, cost, due, attempt, elsewhere, .. } = waiting;
        Self { id, seq, recipient, segments: cost.segments, due, attempt, elsewhere, mms: cost.mms }
    }
}

impl QueueRow {
    /// What it says of a message of this lane.
    pub(super) fn waiting(self, lane: Lane) -> Waiting {
        let Self { id, seq, recipient, segments, due, attempt, elsewhere, mms } = self;
        let cost = Cost { mms, ..Cost::sms(segments) };
        Waiting { id, seq, recipient, lane, cost, due, attempt, elsewhere }
    }
}

/// A row of what is not settled.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(super) struct UnsettledRow {
    id: MessageId,
    sender: E164,
    recipient: E164,
    lane: Lane,
    attempt: u16,
    segments: u32,
    in_conversation: bool,
    begin_by: Time,
    deadline: Time,
    evidence_until: Option<Time>,
    not_after: Option<Time>,
    mms: bool,
}

/// As it was before media were told apart.
#[derive(Deserialize)]
struct UnsettledRowV2 {
    id: MessageId,
    sender: E164,
    recipient: E164,
    lane: Lane,
    attempt: u16,
    segments: u32,
    in_conversation: bool,
    begin_by: Time,
    deadline: Time,
    evidence_until: Option<Time>,
    not_after: Option<Time>,
}

/// As it was before there were offers.
#[derive(Deserialize)]
struct UnsettledRowV1 {
    id: MessageId,
    sender: E164,
    recipient: E164,
    lane: Lane,
    attempt: u16,
    segments: u32,
    in_conversation: bool,
    begin_by: Time,
    deadline: Time,
    evidence_until: Option<Time>,
}

impl From<UnsettledRowV2> for UnsettledRow {
    fn from(old: UnsettledRowV2) -> Self {
        Self {
            id: old.id,
            sender: old.sender,
            recipient: old.recipient,
            lane: old.lane,
            attempt: old.attempt,
            segments: old.segments,
            in_conversation: old.in_conversation,
            begin_by: old.begin_by,
            deadline: old.deadline,
            evidence_until: old.evidence_until,
            not_after: old.not_after,
            mms: false,
        }
    }
}

impl From<UnsettledRowV1> for UnsettledRowV2 {
    fn from(old: UnsettledRowV1) -> Self {
        Self {
            id: old.id,
            sender: old.sender,
            recipient: old.recipient,
            lane: old.lane,
            attempt: old.attempt,
            segments: old.segments,
            in_conversation: old.in_conversation,
            begin_by: old.begin_by,
            deadline: old.deadline,
            evidence_until: old.evidence_until,
            not_after: None,
        }
    }
}

impl UnsettledRow {
    /// From its bytes, of this form or one before: each has one field more.
    pub(super) fn decode(bytes: &[u8]) -> Result<Self, StoreError> {
        let before = |_| decode::<UnsettledRowV2>(bytes);
        let first = |_| decode::<UnsettledRowV1>(bytes).map(UnsettledRowV2::from);
        decode(bytes).or_else(|error| before(error).or_else(first).map(Self::from))
    }

    /// The row of a message that is `sending`, unknown or offered, by its last attempt.
    pub(super) fn of(message: &Message) -> Self {
        let last = message.last_attempt();
        Self {
            id: message.draft.id,
            sender: message.draft.sender,
            recipient: message.draft.recipient,
            lane: message.draft.lane,
            attempt: message.attempt,
            segments: message.draft.cost().segments,
            in_conversation: message.is_in_conversation(),
            begin_by: last.map_or(Time::ZERO, |attempt| attempt.begin_by),
            deadline: last.map_or(Time::ZERO, |attempt| attempt.deadline),
            evidence_until: message.evidence_until,
            not_after: message.not_after,
            mms: message.draft.cost().mms,
        }
    }
}

impl From<UnsettledRow> for Unsettled {
    fn from(row: UnsettledRow) -> Self {
        Self {
            id: row.id,
            sender: row.sender,
            recipient: row.recipient,
            lane: row.lane,
            attempt: row.attempt,
            cost: Cost { mms: row.mms, ..Cost::sms(row.segments) },
            in_conversation: row.in_conversation,
            begin_by: row.begin_by,
            deadline: row.deadline,
            evidence_until: row.evidence_until,
            not_after: row.not_after,
        }
    }
}

/// A hand-over that counts in the pace.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(super) struct ChargeRow {
    segments: u32,
    messages: u32,
    mms: bool,
}

impl ChargeRow {
    /// From its bytes; before limits counted anything else a charge was its segments alone.
    pub(super) fn decode(bytes: &[u8]) -> Result<Self, StoreError> {
        decode(bytes).or_else(|_| decode(bytes).map(|segments: u32| Self::from(Cost::sms(segments))))
    }
}

impl From<Cost> for ChargeRow {
    fn from(cost: Cost) -> Self {
        let Cost { segments, messages, mms } = cost;
        Self { segments, messages, mms }
    }
}

impl From<ChargeRow> for Cost {
    fn from(row: ChargeRow) -> Self {
        let ChargeRow { segments, messages, mms } = row;
        Self { segments, messages, mms }
    }
}

/// The hand-overs of a quarter of an hour that are not known one by one any more.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
pub(super) struct SumRow {
    /// Without media.
    sms: Option<SumOf>,
    /// With media.
    mms: Option<SumOf>,
}

/// Those of one kind.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
struct SumOf {
    latest: Time,
    segments: u32,
    messages: u32,
}

impl SumRow {
    pub(super) fn add(&mut self, charge: Charge) {
        let Charge { at, cost } = charge;
        let kind = if cost.mms { &mut self.mms } else { &mut self.sms };
        let sum = kind.get_or_insert(SumOf { latest: at, segments: 0, messages: 0 });
        sum.latest = sum.latest.max(at);
        sum.segments = sum.segments.saturating_add(cost.segments);
        sum.messages = sum.messages.saturating_add(cost.messages);
    }

    /// Those whose last one is at or after `from`.
    pub(super) fn from(self, from: Time) -> impl Iterator<Item = Charge> {
        let kinds = [(self.sms, false), (self.mms, true)];
        let sum = move |(kind, mms): (Option<SumOf>, bool)| {
            let SumOf { latest, segments, messages } = kind.filter(|sum| sum.latest >= from)?;
            Some(Charge { at: latest, cost: Cost { segments, messages, mms } })
        };
        kinds.into_iter().filter_map(sum)
    }
}

/// What a sender's messages add up to.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
pub(super) struct SenderRow {
    /// The place of the next message.
    pub(super) next_seq: u64,
    /// Messages waiting.
    pub(super) depth: u64,
    /// Units of the pace that those will cost.
    pub(super) units: u64,
    /// How many of them wait in each lane, the most urgent first.
    pub(super) lanes: [u64; 3],
}

/// As it was when there was one lane.
#[derive(Deserialize)]
struct SenderRowV1 {
    next_seq: u64,
    depth: u64,
    units: u64,
}

impl SenderRow {
    /// From its bytes, of this form or the one before.
    pub(super) fn decode(bytes: &[u8]) -> Result<Self, StoreError> {
        decode(bytes).or_else(|_| {
            let SenderRowV1 { next_seq, depth, units } = decode(bytes)?;
            Ok(Self { next_seq, depth, units, lanes: [0, depth, 0] })
        })
    }

    /// How many messages wait in this lane.
    pub(super) const fn waiting_in(&mut self, lane: Lane) -> &mut u64 {
        let [urgent, normal, bulk] = &mut self.lanes;
        match lane {
            Lane::Urgent => urgent,
            Lane::Normal => normal,
            Lane::Bulk => bulk,
        }
    }
}

/// An idempotency key.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(super) struct KeyRow {
    /// The message that it stands for.
    pub(super) id: MessageId,
    /// The fingerprint of its request.
    pub(super) fingerprint: Fingerprint,
    /// The request that bound it.
    pub(super) token: Uuid,
    /// Has another request met it? Then nobody may free it.
    pub(super) joined: bool,
    /// From here on the key is free.
    pub(super) expires: Time,
}

/// Who owns a shard.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct LeaseRow {
    /// See `Lease::fence`.
    pub(super) fence: u64,
    /// See `Lease::holder`.
    pub(super) holder: Incarnation,
}

/// How many of an organization's messages wait at a provider, and how many are on their way.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
pub(super) struct TallyRow {
    /// Shown as `queued`.
    pub(super) waiting: u64,
    /// Shown as `sending`.
    pub(super) active: u64,
}

/// What became of an organization's messages at a provider within one minute.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
pub(super) struct MinuteRow {
    /// Became `sent`.
    pub(super) sent: u64,
    /// Became `failed`.
    pub(super) failed: u64,
    /// From acceptance to `sent`, added up.
    pub(super) sent_millis: u64,
}
