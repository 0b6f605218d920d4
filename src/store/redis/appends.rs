//! The append step: those that meet are one call of its script, and those that are asked for together.
//!
//! Of one sender they share what is read and written once for its queue; its counts, above all. Each is whole
//! all the same, and is answered alone.

use std::collections::BTreeMap;
use std::sync::Arc;

use futures::FutureExt;
use futures::future::join_all;
use sendyard_actors::domain::ids::Shard;
use sendyard_actors::domain::message::{Answer as Told, Draft, Kind, Message};
use sendyard_actors::domain::time::Time;
use sendyard_actors::ports::{Append, Appended, StoreError, as_one_answer};

use super::call::{Call, Reply};
use super::gather::{Answer, Asked, Gather};
use super::link::Link;
use super::pack::Reader;
use super::{entries, failure, keys, micros, record, scripts, timing};

/// How many that are asked for together go in one call at most: the server does nothing else meanwhile, for some
/// four milliseconds.
const TOGETHER: usize = 256;

/// How many arguments of the call belong to each message.
const WORDS_OF_MESSAGE: usize = 4;

/// How many bytes they have beside its record, about.
const BESIDE_RECORD: usize = 120;

/// Where appends meet.
pub(super) type Appends = Gather<Append, Appended>;

/// Of one part are those that wait in the same queue and are counted in the same place, with records of one form.
fn part_of(append: &Append) -> impl Ord + use<> {
    let draft = &append.draft;
    let counted = (draft.organization.0, record::provider_code(draft.provider));
    (draft.sender.as_u64(), keys::lane_number(draft.lane), counted, draft.client_reference.is_some())
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
    make_call(&link, prepared).await;
}

/// The call of those that are prepared, part by part as they stand.
async fn make_call(link: &Link, prepared: Vec<Prepared>) {
    let Some(call) = call_of(link, &prepared) else { return };
    match answered(call).await {
        Ok((reply, bytes)) => give_answers(prepared, &reply, &bytes),
        Err(error) => prepared.into_iter().for_each(|one| one.answer.give(Err(error.clone()))),
    }
}

/// `append_all`. On a Cluster, where one call must not touch two tags, the shards go side by side.
pub(super) async fn append_together(link: Link, appends: Arc<[Append]>) -> Result<Vec<Appended>, StoreError> {
    if !link.is_cluster() {
        return append_rows(&link, &appends).await;
    }
    let mut shards: BTreeMap<Shard, (Vec<usize>, Vec<Append>)> = BTreeMap::new();
    for (place, append) in appends.iter().enumerate() {
        let (places, of_shard) = shards.entry(append.draft.id.shard()).or_default();
        places.push(place);
        of_shard.push(append.clone());
    }
    let each = shards.into_values().map(async |(places, of_shard)| {
        let answers = match append_rows(&link, &of_shard).await {
            Ok(answers) => answers.into_iter().map(Ok).collect(),
            Err(error) => vec![Err(error); places.len()],
        };
        places.into_iter().zip(answers).collect::<Vec<_>>()
    });
    let mut answers: Vec<_> = join_all(each).await.into_iter().flatten().collect();
    answers.sort_unstable_by_key(|(place, _)| *place);
    as_one_answer(answers.into_iter().map(|(_, answer)| answer).collect())
}

/// One call for those that may go at once, whoever sends them, and one for each row of others among them.
async fn append_rows(link: &Link, appends: &[Append]) -> Result<Vec<Appended>, StoreError> {
    let mut answers = Vec::with_capacity(appends.len());
    let alike = |one: &Append, next: &Append| {
        let timed = timing::is_timed(one);
        timed == timing::is_timed(next) && (!timed || one.draft.id.shard() == next.draft.id.shard())
    };
    for row in appends.chunk_by(alike).flat_map(|row| row.chunks(TOGETHER)) {
        let of_row = match row.first() {
            Some(first) if timing::is_timed(first) => timing::append_some(link, row).await,
            Some(_) | None => append_row(link, row).await,
        };
        let is_broken = of_row.iter().any(|answer| matches!(answer, Err(StoreError::Unanswered)));
        answers.extend(of_row);
        // Those behind it must not overtake what may not have been stored.
        if is_broken {
            return Err(StoreError::Unanswered);
        }
    }
    as_one_answer(answers)
}

async fn append_row(link: &Link, row: &[Append]) -> Vec<Result<Appended, StoreError>> {
    let (asked, answers): (Vec<_>, Vec<_>) = row.iter().cloned().map(Asked::new).unzip();
    let mut prepared: Vec<Prepared> = asked.into_iter().filter_map(prepare).collect();
    // Those of one sender in the order in which they stand: in it they get their places, whatever their lanes.
    prepared.sort_by_key(|one| one.append.draft.sender);
    make_call(link, prepared).await;
    let answers =
        answers.into_iter().map(|answer| answer.map(|answer| answer.unwrap_or(Err(StoreError::Unanswered))));
    join_all(answers).await
}

async fn answered(call: Call) -> Result<(Reply, Vec<u8>), StoreError> {
    let mut reply = call.write().await?;
    let bytes = reply.bytes()?;
    Ok((reply, bytes))
}

fn give_answers(prepared: Vec<Prepared>, reply: &Reply, bytes: &[u8]) {
    let mut from = Reader::new(bytes);
    let now = from.number().map(micros::time);
    for Prepared { append, answer, .. } in prepared {
        let row = now.clone().and_then(|now| Ok((now, row(&mut from, now)?)));
        let appended = match row {
            Ok((now, row)) => appended(append.draft, now, &row),
            Err(_) => Err(reply.unexpected("an answer that cannot be read")),
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
    let bytes: usize = all.iter().map(|one| BESIDE_RECORD + one.record.len()).sum();
    let mut call = link.call(&scripts::APPEND, &keys::message(first.append.draft.id));
    call = call.room(all.len(), WORDS_OF_MESSAGE * all.len(), bytes);
    for other in others {
        call = call.key(&keys::message(other.append.draft.id));
    }
    call = call.arg(record::fresh_middle()).arg(entries::fresh_end());
    for part in all.chunk_by(|one, next| part_of(&one.append) == part_of(&next.append)) {
        call = with_part(call, part);
    }
    Some(call)
}

fn with_part(call: Call, part: &[Prepared]) -> Call {
    let Some(Prepared { append: Append { draft, .. }, .. }) = part.first() else { return call };
    let shard = draft.id.shard();
    let call = call
        .arg(part.len())
        .arg(keys::queue(draft.sender, draft.lane))
        .arg(keys::counts(draft.sender))
        .arg(keys::waiting(shard))
        .arg(keys::number(draft.sender).as_slice())
        .arg(keys::standing(shard, draft.organization))
        .arg(keys::standing_queued(draft.provider))
        .arg(record::fresh_start(draft))
        .optional(draft.client_reference.as_ref().map(|_| keys::references(shard)));
    part.iter().fold(call, with_message)
}

fn with_message(call: Call, one: &Prepared) -> Call {
    let draft = &one.append.draft;
    let conversation = (draft.kind == Kind::Queued).then(|| keys::conversation(draft.conversation()));
    call.arg(numbers_of(&one.append).as_slice())
        .optional(conversation)
        .arg(one.entry.as_slice())
        .arg(one.record.as_slice())
}

/// As the script computes with them: doubles, big-endian. Instants are whole microseconds and so exact; a unit's
/// time has a fraction, which counts when there are a million ahead. Then a byte: does it have media?
#[expect(clippy::cast_precision_loss, reason = "instants are less than 2^53, queues shorter")]
fn numbers_of(append: &Append) -> [u8; 41] {
    let Append { draft, estimate, depth_limit, request_until, .. } = append;
    let numbers = [
        micros::down(*request_until) as f64,
        *depth_limit as f64,
        micros::up(estimate.from) as f64,
        estimate.per_unit.as_nanos() as f64 / 1000.0,
        f64::from(draft.cost().segments),
    ];
    let mut bytes = [0; 41];
    let (doubles, has_media) = bytes.split_at_mut(40);
    for (place, number) in doubles.chunks_exact_mut(8).zip(numbers) {
        place.copy_from_slice(&number.to_be_bytes());
    }
    has_media.fill(u8::from(draft.cost().mms));
    bytes
}

/// What the script says of one message.
enum Row<'a> {
    Stored {
        seq: u64,
        told: Told,
    },
    /// The record's bytes.
    Exists(&'a [u8]),
    Full,
    Late,
    /// Why it ended in the middle.
    Failed(&'a [u8]),
}

fn row<'a>(from: &mut Reader<'a>, now: Time) -> Result<Row<'a>, StoreError> {
    match from.number()? {
        0_u8 => {
            let (seq, position) = (from.number()?, from.number()?);
            Ok(Row::Stored { seq, told: Told { position, estimate: record::since(now, from.number()?) } })
        }
        1 => Ok(Row::Exists(from.bytes()?)),
        2 => Ok(Row::Full),
        3 => Ok(Row::Late),
        4 => Ok(Row::Failed(from.bytes()?)),
        _ => Err(failure::unexpected("an unknown word")),
    }
}

fn appended(draft: Draft, now: Time, row: &Row<'_>) -> Result<Appended, StoreError> {
    match *row {
        Row::Stored { seq, told } => Ok(Appended::Stored(Box::new(Message::queued(draft, seq, told, now)))),
        Row::Exists(record) => Ok(Appended::Exists(Box::new(record::decode(draft.id, record)?))),
        Row::Full => Ok(Appended::Full),
        Row::Late => Ok(Appended::Late),
        Row::Failed(why) => {
            let why = String::from_utf8_lossy(why);
            tracing::error!(%why, "an append on Redis ended in the middle");
            Err(StoreError::Unanswered)
        }
    }
}
