//! The stored form of a message's record on Redis.
//!
//! One msgpack list, written by the scripts (`encode` in `message.lua`; of a fresh record that waits, `append`
//! writes what only it knows, and the rest is made here): its version, then what
//! the steps change or need to know, and last the rest of the draft, which no script looks into:
//! postcard of [`Rest`], and behind it of [`Noted`] where there is anything. What the record says elsewhere, as the text
//! in a frozen body (`bodies.rs`), is not written again. Instants are microseconds since `accepted`, but for `expires_at`,
//! which the draft brings. What a script only keeps, such as the result of an attempt, is postcard too, and comes as an
//! argument.
//!
//! A record with neither an expiry nor a reference is written without a place for them: it costs no byte. The place of a
//! reference in the index stands there for the scripts alone, which remove it.
//!
//! An old record must be readable by a new binary, and by its scripts. When the form changes, the old
//! one stays readable here and in `load` of `message.lua` under its version; the golden test
//! (`contract/redis_golden.rs`) holds a record of every version.

use std::borrow::Cow;

use sendyard_actors::domain::fingerprint::Fingerprint;
use sendyard_actors::domain::ids::{
    AccountName, AssistantId, ClaimId, Incarnation, MessageId, OrganizationId, ProviderKind,
};
use sendyard_actors::domain::message::{
    Answer, Attempt, AttemptResult, Draft, Elsewhere, Fallback, Kind, Lane, Message, Moved, State,
};
use sendyard_actors::domain::phone::E164;
use sendyard_actors::domain::segments::Encoding;
use sendyard_actors::domain::time::Time;
use sendyard_actors::ports::StoreError;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::bodies::{self, Said};
use super::pack::{Reader, Writer};
use super::{keys, micros};
use crate::store::references;

/// One of the forms.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Version {
    number: u8,
    /// How many items its list has.
    fields: u16,
    /// How its draft is written.
    drafts: Drafts,
}

/// What is written of a draft that no script looks into.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Drafts {
    /// [`WholeRest`].
    Whole,
    /// [`Rest`]: without what the rest of the record says as well.
    Short,
}

/// The forms of a record that has a reference and its place in the index; one that has none but expires, and ends
/// before that place; and one that does not expire either, and ends before `expires_at`.
const VERSION: Version = Version { number: 8, fields: 37, drafts: Drafts::Short };
const WITHOUT_REFERENCE: Version = Version { number: 7, fields: 36, drafts: Drafts::Short };
const WITHOUT_EXPIRY: Version = Version { number: 6, fields: 35, drafts: Drafts::Short };

/// All that can be read. Versions 3 to 5 have whole drafts; version 2 did not tell media apart and ended before `mms`;
/// the first one knew no offers, and ended before `not_after`.
const KNOWN: [Version; 8] = [
    VERSION,
    WITHOUT_REFERENCE,
    WITHOUT_EXPIRY,
    Version { number: 5, fields: 37, drafts: Drafts::Whole },
    Version { number: 4, fields: 36, drafts: Drafts::Whole },
    Version { number: 3, fields: 35, drafts: Drafts::Whole },
    Version { number: 2, fields: 34, drafts: Drafts::Whole },
    WITHOUT_OFFERS,
];

const WITHOUT_OFFERS: Version = Version { number: 1, fields: 33, drafts: Drafts::Whole };

/// The code of [`State::Queued`].
const QUEUED: u8 = 0;

/// What of a draft no script needs, or needs in another form. It stays as it was accepted when the message
/// moves to its fallback account. The order of the fields is that of the bytes.
///
/// What can be told from the draft's other fields is not written: each byte is paid a million times.
#[derive(Serialize, Deserialize)]
struct Rest<'a> {
    assistant: AssistantId,
    account: AccountName,
    provider: ProviderKind,
    text: Cow<'a, str>,
    media: Cow<'a, [String]>,
    segments: u16,
    encoding: Encoding,
    /// `None`: it is [`own_fingerprint`].
    fingerprint: Option<Fingerprint>,
    /// As [`bodies::shorten`] has it.
    frozen: Option<Cow<'a, str>>,
    /// With a body of the same kind.
    fallback: Option<Fallback>,
}

/// The same of the versions up to 5: it said all that a draft has.
#[derive(Deserialize)]
struct WholeRest {
    assistant: AssistantId,
    account: AccountName,
    provider: ProviderKind,
    text: String,
    media: Vec<String>,
    segments: u16,
    encoding: Encoding,
    fingerprint: Fingerprint,
    frozen: Option<String>,
    fallback: Option<Fallback>,
}

/// What the client keeps with a message. Behind [`Rest`], and only where there is any, as versions 1 and 2
/// had nothing there.
#[derive(Default, PartialEq, Eq, Serialize, Deserialize)]
struct Noted {
    client_reference: Option<String>,
    metadata: Option<String>,
}

/// The bytes of what no script needs of a draft.
pub(super) fn rest_of(draft: &Draft) -> Result<Vec<u8>, StoreError> {
    let said = Said::by(draft);
    let shorten = |body: &String| bodies::shorten(body, &said);
    let own_fingerprint = own_fingerprint(&said, &draft.media, (draft.kind, draft.lane));
    let rest = Rest {
        assistant: draft.assistant,
        account: draft.account.clone(),
        provider: draft.provider,
        text: Cow::Borrowed(&draft.text),
        media: Cow::Borrowed(&draft.media),
        segments: draft.segments,
        encoding: draft.encoding,
        fingerprint: Some(draft.fingerprint).filter(|given| *given != own_fingerprint),
        frozen: draft.frozen.as_ref().map(|body| Cow::Owned(shorten(body))),
        fallback: draft.fallback.as_ref().map(|fallback| Fallback {
            to: fallback.to.clone(),
            frozen: fallback.frozen.as_ref().map(shorten),
        }),
    };
    // Room for all but an account's fallback and bodies of media: those grow it.
    let bytes =
        postcard::to_extend(&rest, Vec::with_capacity(draft.text.len() + 128)).map_err(unencodable)?;
    let noted = Noted { client_reference: draft.client_reference.clone(), metadata: draft.metadata.clone() };
    if noted == Noted::default() {
        return Ok(bytes);
    }
    postcard::to_extend(&noted, bytes).map_err(unencodable)
}

/// What the fingerprint is of a request that said nothing but what stands in the record anyway.
fn own_fingerprint(said: &Said<'_>, media: &[String], (kind, lane): (Kind, Lane)) -> Fingerprint {
    Fingerprint::of_lane(said.sender, said.recipient, said.text, media, kind == Kind::Queued, lane)
}

/// What stands in a fresh record that waits before `seq` and `accepted`.
pub(super) fn fresh_start(draft: &Draft) -> Vec<u8> {
    let version = match (&draft.client_reference, draft.expires_at) {
        (Some(_), _) => VERSION,
        (None, Some(_)) => WITHOUT_REFERENCE,
        (None, None) => WITHOUT_EXPIRY,
    };
    Writer::default().list(version.fields).number(version.number).number(QUEUED).into_bytes()
}

/// What stands there between `accepted` and the answer's position and estimate.
pub(super) fn fresh_middle() -> Vec<u8> {
    // updated, due, attempt, tries.
    let counts = (0..4).fold(Writer::default(), |bytes, _| bytes.number(0_u8));
    // unresolved; accepted_earlier, listed, last_there, overtaken, evidence_until.
    let doubts = (0..5).fold(counts.list(0), |bytes, _| bytes.boolean(false));
    // attempts; sent_at, provider_id, provider_status, provider_segments, refusal.
    let outcome = (0..5).fold(doubts.list(0), |bytes, _| bytes.boolean(false));
    outcome.into_bytes()
}

/// What stands there behind the answer: the draft.
pub(super) fn fresh_end(draft: &Draft) -> Result<Vec<u8>, StoreError> {
    let fallback = draft.fallback.as_ref();
    let rest = rest_of(draft)?;
    let bytes = Writer::with_capacity(rest.len() + 64)
        .bytes(&keys::number(draft.sender))
        .bytes(&keys::number(draft.recipient))
        .number(keys::lane_number(draft.lane))
        .number(kind_code(draft.kind))
        .number(draft.organization.0)
        .number(provider_code(draft.provider))
        .number(draft.cost().segments)
        .boolean(draft.frozen.is_some())
        .optional(fallback.map(|fallback| provider_code(fallback.to.provider)))
        .boolean(fallback.is_some_and(|fallback| fallback.frozen.is_some()))
        .bytes(&rest)
        // not_after.
        .boolean(false)
        .boolean(draft.cost().mms);
    let expires_at = draft.expires_at.map(micros::down);
    let bytes = match (references::place_of_draft(draft), expires_at) {
        (Some(place), _) => bytes.optional(expires_at).bytes(&place),
        (None, Some(at)) => bytes.number(at),
        (None, None) => bytes,
    };
    Ok(bytes.into_bytes())
}

/// The bytes of something that scripts only keep.
pub(super) fn opaque<T: Serialize>(value: &T) -> Result<Vec<u8>, StoreError> {
    postcard::to_stdvec(value).map_err(unencodable)
}

#[expect(clippy::needless_pass_by_value, reason = "as `map_err` gives it")]
fn unencodable(error: postcard::Error) -> StoreError {
    StoreError::Corrupt(format!("a value cannot be encoded: {error}"))
}

fn from_opaque<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, StoreError> {
    postcard::from_bytes(bytes).map_err(undecodable)
}

#[expect(clippy::needless_pass_by_value, reason = "as `map_err` gives it")]
fn undecodable(error: postcard::Error) -> StoreError {
    StoreError::Corrupt(format!("a message's record cannot be decoded: {error}"))
}

/// A claim's name as the scripts compare it.
pub(super) fn claim_bytes(claim_id: ClaimId) -> Vec<u8> {
    [claim_id.incarnation.0.to_be_bytes().as_slice(), &claim_id.counter.to_be_bytes()].concat()
}

fn claim_of(bytes: &[u8]) -> Result<ClaimId, StoreError> {
    let (Some(incarnation), Some(counter)) = (bytes.first_chunk(), bytes.last_chunk()) else {
        return Err(unknown("claim"));
    };
    let incarnation = Incarnation(u128::from_be_bytes(*incarnation));
    Ok(ClaimId { incarnation, counter: u64::from_be_bytes(*counter) })
}

/// The record of message `id`, from its bytes.
pub(in crate::store) fn decode(id: MessageId, bytes: &[u8]) -> Result<Message, StoreError> {
    let mut from = Reader::new(bytes);
    let fields = from.list()?;
    let number: u8 = from.number()?;
    let version = KNOWN.into_iter().find(|of| of.number == number && usize::from(of.fields) == fields);
    let Some(version) = version else {
        return Err(StoreError::Corrupt(format!("a message's record has the unknown version {number}")));
    };
    let state = state(from.number()?)?;
    let seq = from.number()?;
    let accepted: u64 = from.number()?;
    let accepted = micros::time(accepted);
    let instant = |from: &mut Reader<'_>| -> Result<Time, StoreError> { Ok(since(accepted, from.number()?)) };
    // As written, field by field.
    let (updated_at, due) = (instant(&mut from)?, instant(&mut from)?);
    let (attempt, tries) = (from.number()?, from.number()?);
    let unresolved = list(&mut from, Reader::number)?;
    let (accepted_earlier, listed) = (from.boolean()?, from.boolean()?);
    let last_there = from.optional(Reader::number)?;
    let overtaken = from.boolean()?;
    let evidence_until = from.optional(instant)?;
    let attempts = list(&mut from, |from| attempt_of(from, instant))?;
    let sent_at = from.optional(instant)?;
    let (provider_id, provider_status) = (from.optional(Reader::text)?, from.optional(Reader::text)?);
    let provider_segments = from.optional(Reader::number)?;
    let refusal = from.optional(|from| from_opaque(from.bytes()?))?;
    let answer = Answer { position: from.number()?, estimate: instant(&mut from)? };
    let (mut draft, moved) = draft(&mut from, id, version.drafts, last_there)?;
    let not_after = if version == WITHOUT_OFFERS { None } else { from.optional(instant)? };
    if version.fields >= WITHOUT_REFERENCE.fields {
        // Whether it has media stands before it, for the scripts alone.
        let _mms = from.boolean()?;
        draft.expires_at = from.optional(|from| Ok(micros::time(from.number()?)))?;
    }
    Ok(Message {
        draft,
        seq,
        answer,
        accepted_at: accepted,
        updated_at,
        state,
        due,
        attempt,
        tries,
        unresolved,
        accepted_earlier,
        listed,
        moved,
        overtaken,
        evidence_until,
        attempts,
        sent_at,
        provider_id,
        provider_status,
        provider_segments,
        refusal,
        not_after,
    })
}

/// So many microseconds after an instant of whole ones, or before it.
pub(super) fn since(accepted: Time, micros: i64) -> Time {
    micros::time(micros::down(accepted).saturating_add_signed(micros))
}

/// The draft, and that it moved, if it did: the last attempt through its first account was `last_there`.
fn draft(
    from: &mut Reader<'_>,
    id: MessageId,
    drafts: Drafts,
    last_there: Option<u16>,
) -> Result<(Draft, Option<Moved>), StoreError> {
    let (sender, recipient) = (number(from)?, number(from)?);
    let (lane, kind) = (lane(from.number()?)?, kind(from.number()?)?);
    let organization = OrganizationId(from.number()?);
    // What follows is for the scripts alone.
    let (_provider, _cost): (u8, u32) = (from.number()?, from.number()?);
    let _frozen = from.boolean()?;
    let _fallback: Option<u8> = from.optional(Reader::number)?;
    let _frozen_there = from.boolean()?;
    let bytes = from.bytes()?;
    let known = Said { id, sender, recipient, text: "" };
    let (rest, noted) = match drafts {
        Drafts::Whole => rest_and_noted(bytes)?,
        Drafts::Short => whole(rest_and_noted(bytes)?, known, (kind, lane)),
    };
    let mut draft = Draft {
        id,
        sender,
        recipient,
        lane,
        kind,
        organization,
        assistant: rest.assistant,
        account: rest.account,
        provider: rest.provider,
        text: rest.text,
        media: rest.media,
        segments: rest.segments,
        encoding: rest.encoding,
        fingerprint: rest.fingerprint,
        frozen: rest.frozen,
        fallback: rest.fallback,
        // Its version says whether it has one.
        expires_at: None,
        client_reference: noted.client_reference,
        metadata: noted.metadata,
    };
    let Some(last_there) = last_there else { return Ok((draft, None)) };
    let Fallback { to, frozen } = draft.fallback.take().ok_or_else(|| unknown("fallback account"))?;
    let from = Elsewhere { account: draft.account, provider: draft.provider };
    let draft = Draft { account: to.account, provider: to.provider, frozen, ..draft };
    Ok((draft, Some(Moved { from: Some(from), last_there })))
}

/// With what was left out.
fn whole((rest, noted): (Rest<'_>, Noted), known: Said<'_>, way: (Kind, Lane)) -> (WholeRest, Noted) {
    let said = Said { text: &rest.text, ..known };
    let restore = |body: &str| bodies::restore(body, &said);
    let frozen = rest.frozen.as_deref().map(restore);
    let fallback = rest
        .fallback
        .map(|fallback| Fallback { frozen: fallback.frozen.as_deref().map(restore), ..fallback });
    let fingerprint = rest.fingerprint.unwrap_or_else(|| own_fingerprint(&said, &rest.media, way));
    let rest = WholeRest {
        assistant: rest.assistant,
        account: rest.account,
        provider: rest.provider,
        text: rest.text.into_owned(),
        media: rest.media.into_owned(),
        segments: rest.segments,
        encoding: rest.encoding,
        fingerprint,
        frozen,
        fallback,
    };
    (rest, noted)
}

fn rest_and_noted<'a, R: Deserialize<'a>>(bytes: &'a [u8]) -> Result<(R, Noted), StoreError> {
    let (rest, behind) = postcard::take_from_bytes(bytes).map_err(undecodable)?;
    let noted = if behind.is_empty() { Noted::default() } else { from_opaque(behind)? };
    Ok((rest, noted))
}

fn attempt_of(
    from: &mut Reader<'_>,
    instant: impl Fn(&mut Reader<'_>) -> Result<Time, StoreError>,
) -> Result<Attempt, StoreError> {
    from.list()?;
    Ok(Attempt {
        number: from.number()?,
        claim_id: claim_of(from.bytes()?)?,
        claimed_at: instant(from)?,
        begin_by: instant(from)?,
        deadline: instant(from)?,
        written_at: from.optional(&instant)?,
        result: from.optional(|from| from_opaque(from.bytes()?))?.unwrap_or(AttemptResult::Open),
    })
}

fn list<'a, T>(
    from: &mut Reader<'a>,
    item: impl Fn(&mut Reader<'a>) -> Result<T, StoreError>,
) -> Result<Vec<T>, StoreError> {
    let length = from.list()?;
    (0..length).map(|_| item(from)).collect()
}

/// A phone number.
pub(super) fn number(from: &mut Reader<'_>) -> Result<E164, StoreError> {
    keys::number_of(from.bytes()?).ok_or_else(|| unknown("phone number"))
}

/// A lane.
pub(super) fn lane(code: u8) -> Result<Lane, StoreError> {
    match code {
        0 => Ok(Lane::Urgent),
        1 => Ok(Lane::Normal),
        2 => Ok(Lane::Bulk),
        _ => Err(unknown("lane")),
    }
}

/// A provider.
pub(super) fn provider(code: u8) -> Result<ProviderKind, StoreError> {
    match code {
        0 => Ok(ProviderKind::Twilio),
        1 => Ok(ProviderKind::Telnyx),
        2 => Ok(ProviderKind::Vonage),
        _ => Err(unknown("provider")),
    }
}

/// Back from [`provider`].
pub(super) const fn provider_code(provider: ProviderKind) -> u8 {
    match provider {
        ProviderKind::Twilio => 0,
        ProviderKind::Telnyx => 1,
        ProviderKind::Vonage => 2,
    }
}

/// Back from [`kind`].
pub(super) const fn kind_code(kind: Kind) -> u8 {
    match kind {
        Kind::Queued => 0,
        Kind::Immediate => 1,
    }
}

fn kind(code: u8) -> Result<Kind, StoreError> {
    match code {
        0 => Ok(Kind::Queued),
        1 => Ok(Kind::Immediate),
        _ => Err(unknown("kind")),
    }
}

fn state(code: u8) -> Result<State, StoreError> {
    match code {
        QUEUED => Ok(State::Queued),
        1 => Ok(State::Sending),
        2 => Ok(State::Unknown),
        3 => Ok(State::Sent),
        4 => Ok(State::Failed),
        5 => Ok(State::Cancelled),
        6 => Ok(State::Offered),
        7 => Ok(State::Scheduled),
        _ => Err(unknown("state")),
    }
}

fn unknown(what: &str) -> StoreError {
    StoreError::Corrupt(format!("a value in Redis names an unknown {what}"))
}
