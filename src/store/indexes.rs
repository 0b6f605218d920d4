//! Keeps the rows of a message in step with its record: the only place that knows which follow.

use sendyard_actors::domain::ids::{MessageId, ProviderKind};
use sendyard_actors::domain::message::{Draft, Kind, Message, Shown};
use sendyard_actors::domain::phone::E164;
use sendyard_actors::domain::time::Time;
use sendyard_actors::ports::{StoreError, Waiting};

use super::keys::KeyBytes;
use super::rows::{Rows, RowsMut, encode, load, save};
use super::sums::Sums;
use super::values::{QueueRow, SenderRow, UnsettledRow};
use super::{keys, record, references, tallies};

/// Which rows a record has, as long as it stands as it does. Taken before a transition, so that
/// [`store`] knows what to undo.
#[derive(Debug, Clone, Copy, Default)]
#[expect(clippy::struct_excessive_bools, reason = "each stands for one kind of row")]
pub(super) struct Standing {
    waiting: bool,
    in_conversation: bool,
    unsettled: bool,
    doubtful: bool,
    scheduled: bool,
    /// With its place then: that of a scheduled message changes when its time comes.
    timer: Option<(Time, u64)>,
    finished_at: Option<Time>,
    shown: Option<(Shown, ProviderKind)>,
}

impl Standing {
    /// Of a record that is stored.
    pub(super) fn of(message: &Message) -> Self {
        Self {
            waiting: message.is_waiting(),
            in_conversation: message.is_in_conversation(),
            unsettled: message.is_unsettled(),
            doubtful: message.is_doubtful(),
            scheduled: message.is_scheduled(),
            timer: message.timer().map(|at| (at, message.seq)),
            finished_at: message.is_final().then_some(message.updated_at),
            shown: Some((message.shown(), message.draft.provider)),
        }
    }
}

impl Standing {
    /// Is nothing of it stored yet? Then none of its keys was ever written: its place is not used again.
    const fn is_new(self) -> bool {
        self.shown.is_none()
    }

    /// Writes a row under a key that is this message's alone.
    fn put(self, rows: &mut dyn RowsMut, key: KeyBytes, value: Vec<u8>) -> Result<(), StoreError> {
        if self.is_new() { rows.put_new(key, value) } else { rows.put(key, value) }
    }
}

/// The record of a message.
pub(super) fn message(rows: &dyn Rows, id: MessageId) -> Result<Option<Message>, StoreError> {
    rows.get(&keys::message(id))?.as_deref().map(record::decode).transpose()
}

/// What a sender's messages add up to.
pub(super) fn sender(rows: &dyn Rows, number: E164) -> Result<SenderRow, StoreError> {
    let row = rows.get(&keys::sender(number))?.as_deref().map(SenderRow::decode).transpose()?;
    Ok(row.unwrap_or_default())
}

/// How many messages of a sender wait for their time.
pub(super) fn scheduled(rows: &dyn Rows, number: E164) -> Result<u64, StoreError> {
    Ok(load(rows, &keys::scheduled(number))?.unwrap_or_default())
}

/// Stores the only new message of a step, with all its rows.
pub(super) fn store_one_new(rows: &mut dyn RowsMut, message: &Message) -> Result<(), StoreError> {
    let mut sums = Sums::default();
    store_new(rows, &mut sums, message)?;
    sums.save(rows)
}

/// Stores a message for the first time, with all its rows but those of the sums.
pub(super) fn store_new(
    rows: &mut dyn RowsMut,
    sums: &mut Sums,
    message: &Message,
) -> Result<(), StoreError> {
    let number = message.draft.sender;
    let mut row = after_seq(sums.sender(rows, number)?, message);
    let (before, after) = (Standing::default(), Standing::of(message));
    count_waiting(&mut row, before, after, message);
    sums.set_sender(rows, number, row)?;
    sums.count_new(rows, message)?;
    if let Some(place) = references::place_of_draft(&message.draft) {
        rows.put_new(keys::reference(place, message.draft.id), Vec::new())?;
    }
    store_rows(rows, before, after, message)
}

/// Its sender's next place is behind this message's.
pub(super) fn take_seq(rows: &mut dyn RowsMut, message: &Message) -> Result<(), StoreError> {
    let number = message.draft.sender;
    let row = after_seq(sender(rows, number)?, message);
    save(rows, keys::sender(number), &row)
}

fn after_seq(row: SenderRow, message: &Message) -> SenderRow {
    SenderRow { next_seq: message.seq.saturating_add(1), ..row }
}

/// Stores what a transition made of a record that stood as `before`, and moves its rows.
pub(super) fn store(
    rows: &mut dyn RowsMut,
    before: Standing,
    message: &Message,
    now: Time,
) -> Result<(), StoreError> {
    let after = Standing::of(message);
    if before.waiting != after.waiting {
        let number = message.draft.sender;
        let mut row = sender(rows, number)?;
        count_waiting(&mut row, before, after, message);
        save(rows, keys::sender(number), &row)?;
    }
    store_rows(rows, before, after, message)?;
    tallies::count(rows, before.shown, message, now)
}

/// All but its sender's row and the counts.
fn store_rows(
    rows: &mut dyn RowsMut,
    before: Standing,
    after: Standing,
    message: &Message,
) -> Result<(), StoreError> {
    before.put(rows, keys::message(message.draft.id), record::encode(message)?)?;
    move_queue(rows, before, after, message)?;
    move_conversation(rows, before, after, message)?;
    move_unsettled(rows, before, after, message)?;
    move_doubtful(rows, before, after, message)?;
    move_timer(rows, before, after, message)?;
    move_finished(rows, before, after, message)
}

fn move_queue(
    rows: &mut dyn RowsMut,
    before: Standing,
    after: Standing,
    message: &Message,
) -> Result<(), StoreError> {
    let key = keys::queue(message.draft.sender, message.draft.lane, message.seq);
    if after.waiting {
        let row = encode(&QueueRow::from(Waiting::of(message)))?;
        before.put(rows, key, row)
    } else if before.waiting {
        rows.remove(&key)
    } else {
        Ok(())
    }
}

/// Its sender's counts of what waits.
fn count_waiting(row: &mut SenderRow, before: Standing, after: Standing, message: &Message) {
    if before.waiting == after.waiting {
        return;
    }
    let cost = u64::from(message.draft.cost().segments);
    let in_lane = row.waiting_in(message.draft.lane);
    if after.waiting {
        *in_lane = in_lane.saturating_add(1);
        row.depth = row.depth.saturating_add(1);
        row.units = row.units.saturating_add(cost);
    } else {
        *in_lane = in_lane.saturating_sub(1);
        row.depth = row.depth.saturating_sub(1);
        row.units = row.units.saturating_sub(cost);
    }
}

fn move_conversation(
    rows: &mut dyn RowsMut,
    before: Standing,
    after: Standing,
    message: &Message,
) -> Result<(), StoreError> {
    if before.in_conversation == after.in_conversation {
        return Ok(());
    }
    let key = keys::conversation(message.draft.conversation(), message.seq);
    if after.in_conversation { before.put(rows, key, encode(&message.draft.id)?) } else { rows.remove(&key) }
}

fn move_unsettled(
    rows: &mut dyn RowsMut,
    before: Standing,
    after: Standing,
    message: &Message,
) -> Result<(), StoreError> {
    let key = keys::unsettled(message.draft.sender, message.draft.id);
    // The first attempt of a queued message is the first time that it has this row. An immediate one may
    // have been offered before it.
    let is_first = message.draft.kind == Kind::Queued && message.attempt == 1;
    let is_new = before.is_new() || (is_first && !before.unsettled);
    if after.unsettled && is_new {
        rows.put_new(key, encode(&UnsettledRow::of(message))?)
    } else if after.unsettled {
        save(rows, key, &UnsettledRow::of(message))
    } else if before.unsettled {
        rows.remove(&key)
    } else {
        Ok(())
    }
}

fn move_doubtful(
    rows: &mut dyn RowsMut,
    before: Standing,
    after: Standing,
    message: &Message,
) -> Result<(), StoreError> {
    if before.doubtful == after.doubtful {
        return Ok(());
    }
    let key = keys::doubtful(message.draft.organization, message.draft.id);
    if after.doubtful { rows.put(key, Vec::new()) } else { rows.remove(&key) }
}

fn move_timer(
    rows: &mut dyn RowsMut,
    before: Standing,
    after: Standing,
    message: &Message,
) -> Result<(), StoreError> {
    let Draft { id, sender, .. } = message.draft;
    if before.timer != after.timer {
        if let Some((at, seq)) = before.timer {
            rows.remove(&keys::timer(at, seq, id))?;
        }
        if let Some((at, seq)) = after.timer {
            before.put(rows, keys::timer(at, seq, id), Vec::new())?;
        }
    }
    if before.scheduled == after.scheduled {
        return Ok(());
    }
    let count = scheduled(rows, sender)?;
    let count = if after.scheduled { count.saturating_add(1) } else { count.saturating_sub(1) };
    save(rows, keys::scheduled(sender), &count)
}

fn move_finished(
    rows: &mut dyn RowsMut,
    before: Standing,
    after: Standing,
    message: &Message,
) -> Result<(), StoreError> {
    if before.finished_at == after.finished_at {
        return Ok(());
    }
    if let Some(old) = before.finished_at {
        rows.remove(&keys::finished(old, message.draft.id))?;
    }
    match after.finished_at {
        Some(new) => {
            // What a prune must remove beside it, so that it need not read the record.
            let place = references::place_of_draft(&message.draft);
            rows.put(keys::finished(new, message.draft.id), place.map(Vec::from).unwrap_or_default())
        }
        None => Ok(()),
    }
}
