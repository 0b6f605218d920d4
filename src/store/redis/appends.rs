//! The append step: those that meet are one call of its script.
//!
//! Of one sender they share what is read and written once for its queue; its counts, above all. Each is whole
//! all the same, and is answered alone.

use sendyard_actors::domain::message::{Answer as Told, Kind, Message};
use sendyard_actors::ports::{Append, Appended, StoreError};

use super::call::{Call, Reply};
use super::gather::{Answer, Asked, Gather};
use super::link::Link;
use super::{entries, keys, messages, micros, record, scripts};

/// Where appends meet.
pub(super) type Appends = Gather<Append, Appended>;

/// Of one kind are those that wait in the same queue, and count the same there.
fn part_of(append: &Append) -> impl Ord + use<> {
    let Append { draft, depth_limit, .. } = append;
    let counted = (draft.organization.0, record::provider_code(draft.provider));
    (draft.sender.as_u64(), keys::lane_number(draft.lane), counted, *depth_limit)
}

/// An append whose bytes are made.
struct Prepared {
    append: Append,
    entry: Vec<u8>,
    record: Vec<u8>,
    answer: Answer<Appended>,
}

/// Makes one call of all of them.
pub(super) async fn append_all(link: Link, asked: Vec<Asked<Append, Appended>>) {
    let mut prepared: Vec<Prepared> = asked.into_iter().filter_map(prepare).collect();
    // Those of one part in the order in which they came.
    prepared.sort_by_key(|one| part_of(&one.append));
    let Some(call) = call_of(&link, &prepared) else { return };
    let mut reply = match call.write().await {
        Ok(reply) => reply,
        Err(error) => {
            return prepared.into_iter().for_each(|one| one.answer.give(Err(error.clone())));
        }
    };
    let now = reply.next();
    for Prepared { append, answer, .. } in prepared {
        let appended = match &now {
            Ok(now) => reply.nested().and_then(|mut row| appended(append, *now, &mut row)),
            Err(error) => Err(error.clone()),
        };
        answer.give(appended);
    }
}

/// Answers what cannot be prepared.
fn prepare(asked: Asked<Append, Appended>) -> Option<Prepared> {
    let (append, answer) = asked.into_parts();
    let entry = entries::fresh_start(&append.draft);
    match record::fresh_end(&append.draft) {
        Ok(record) => Some(Prepared { append, entry, record, answer }),
        Err(error) => {
            answer.give(Err(error));
            None
        }
    }
}

fn call_of(link: &Link, all: &[Prepared]) -> Option<Call> {
    let (first, others) = all.split_first()?;
    let mut call = link.call(&scripts::APPEND, keys::message(first.append.draft.id));
    for other in others {
        call = call.key(keys::message(other.append.draft.id));
    }
    call = call.arg(record::fresh_start()).arg(record::fresh_middle()).arg(entries::fresh_end());
    for part in all.chunk_by(|one, next| part_of(&one.append) == part_of(&next.append)) {
        call = with_part(call, part);
    }
    Some(call)
}

fn with_part(call: Call, part: &[Prepared]) -> Call {
    let Some(Prepared { append: Append { draft, depth_limit, .. }, .. }) = part.first() else { return call };
    let shard = draft.id.shard();
    let call = call
        .arg(part.len())
        .arg(keys::queue(draft.sender, draft.lane))
        .arg(keys::counts(draft.sender))
        .arg(keys::waiting(shard))
        .arg(keys::number(draft.sender).as_slice())
        .arg(keys::standing(shard, draft.organization))
        .arg(keys::standing_queued(draft.provider))
        .arg(*depth_limit);
    part.iter().fold(call, with_message)
}

fn with_message(call: Call, one: &Prepared) -> Call {
    let Append { draft, estimate, request_until, .. } = &one.append;
    // Microseconds with their fraction: it counts when there are a million ahead.
    let per_unit = format!("{}.{:03}", estimate.per_unit.as_micros(), estimate.per_unit.as_nanos() % 1000);
    let conversation = (draft.kind == Kind::Queued).then(|| keys::conversation(draft.conversation()));
    call.arg(micros::down(*request_until))
        .time(estimate.from)
        .arg(per_unit)
        .arg(draft.cost())
        .optional(conversation)
        .arg(one.entry.as_slice())
        .arg(one.record.as_slice())
}

fn appended(append: Append, now: u64, row: &mut Reply) -> Result<Appended, StoreError> {
    let draft = append.draft;
    match row.bytes()?.as_slice() {
        b"stored" => {
            let (seq, position) = (row.next()?, row.next()?);
            let told = Told { position, estimate: micros::time(row.next()?) };
            Ok(Appended::Stored(Box::new(Message::queued(draft, seq, told, micros::time(now)))))
        }
        b"exists" => Ok(Appended::Exists(messages::message(draft.id, row)?)),
        b"full" => Ok(Appended::Full),
        b"late" => Ok(Appended::Late),
        b"failed" => {
            let failure: String = row.next()?;
            tracing::error!(failure, "an append on Redis ended in the middle");
            Err(StoreError::Unanswered)
        }
        _ => Err(row.unexpected("an unknown word")),
    }
}
