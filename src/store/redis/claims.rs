//! The steps that claim: several messages of a sender in one call of their script.

use sendyard_actors::ports::{Claim, Claimed, StoreError};

use super::call::{Call, Reply};
use super::link::Link;
use super::{entries, keys, messages, micros, record, scripts};

/// How many claims one script takes at most: the server does nothing else meanwhile.
const AT_A_TIME: usize = 64;

/// `claim`.
pub(super) async fn claim(link: Link, claim: Claim) -> Result<Claimed, StoreError> {
    let mut reply = with_claim(link.call(&scripts::CLAIM, &keys::message(claim.id)), &claim).write().await?;
    claimed(&claim, &mut reply.nested()?)
}

/// `claim_all`. Those of one sender share its hash tag, so they are one call; should others be among them,
/// those are further calls.
pub(super) async fn claim_all(link: Link, claims: Vec<Claim>) -> Result<Vec<Claimed>, StoreError> {
    let mut answers = Vec::with_capacity(claims.len());
    let of_one_shard = claims.chunk_by(|one, next| one.id.shard() == next.id.shard());
    for some in of_one_shard.flat_map(|claims| claims.chunks(AT_A_TIME)) {
        match claim_some(&link, some).await {
            Ok(of_some) => answers.extend(of_some),
            Err(error) => {
                answers.push(Err(error));
                break;
            }
        }
    }
    let may_be_claimed = |answer| matches!(answer, &Ok(Claimed::Yes(_)) | &Err(StoreError::Unanswered));
    let some_claimed = answers.iter().any(may_be_claimed);
    let all: Result<Vec<Claimed>, StoreError> = answers.into_iter().collect();
    if some_claimed { all.map_err(|_| StoreError::Unanswered) } else { all }
}

/// One call: its answers, each of which may be one that cannot be read.
async fn claim_some(link: &Link, claims: &[Claim]) -> Result<Vec<Result<Claimed, StoreError>>, StoreError> {
    let Some((first, others)) = claims.split_first() else { return Ok(Vec::new()) };
    let mut call = link.call(&scripts::CLAIM, &keys::message(first.id));
    for other in others {
        call = call.key(&keys::message(other.id));
    }
    let mut reply = claims.iter().fold(call, with_claim).write().await?;
    Ok(claims.iter().map(|claim| claimed(claim, &mut reply.nested()?)).collect())
}

/// `retry`.
pub(super) async fn retry(link: Link, claim: Claim) -> Result<Claimed, StoreError> {
    let mut reply = with_claim(link.call(&scripts::RETRY, &keys::message(claim.id)), &claim).write().await?;
    claimed(&claim, &mut reply)
}

/// `take_immediate`.
pub(super) async fn take_immediate(link: Link, claim: Claim) -> Result<Claimed, StoreError> {
    let call = link.call(&scripts::TAKE_IMMEDIATE, &keys::message(claim.id));
    claimed(&claim, &mut with_claim(call, &claim).write().await?)
}

fn with_claim(call: Call, claim: &Claim) -> Call {
    messages::with_lease(call, &claim.lease, claim.id)
        .arg(claim.expected)
        .arg(record::claim_bytes(claim.claim_id))
        .span(claim.begin_within)
        .span(claim.answer_within)
}

fn claimed(claim: &Claim, reply: &mut Reply) -> Result<Claimed, StoreError> {
    match reply.bytes()?.as_slice() {
        b"yes" => Ok(Claimed::Yes(messages::changed(claim.id, reply)?)),
        b"already" => Ok(Claimed::Already(messages::message(claim.id, reply)?)),
        b"not_head" => {
            let seq = reply.next()?;
            let lane = record::lane(reply.next()?)?;
            Ok(Claimed::NotHead(entries::waiting(lane, seq, &reply.bytes()?)?))
        }
        b"not_due" => Ok(Claimed::NotDue(micros::time(reply.next()?))),
        b"expired" => Ok(Claimed::Expired),
        b"changed" => Ok(Claimed::Changed),
        b"stale" => Ok(Claimed::Stale),
        _ => Err(reply.unexpected("an unknown word")),
    }
}
