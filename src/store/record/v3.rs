//! A record as version 3 wrote it: no offers.

use sendyard_actors::domain::message::{Answer, Attempt, Message, Moved, State};
use sendyard_actors::domain::outcome::Refusal;
use sendyard_actors::domain::time::Time;
use serde::Deserialize;

use super::v4::DraftV4;

/// The order of the fields is that of the bytes.
#[derive(Deserialize)]
pub(super) struct MessageV3 {
    draft: DraftV4,
    seq: u64,
    answer: Answer,
    accepted_at: Time,
    updated_at: Time,
    state: State,
    due: Time,
    attempt: u16,
    tries: u16,
    unresolved: Vec<u16>,
    accepted_earlier: bool,
    listed: bool,
    moved: Option<Moved>,
    overtaken: bool,
    evidence_until: Option<Time>,
    attempts: Vec<Attempt>,
    sent_at: Option<Time>,
    provider_id: Option<String>,
    provider_status: Option<String>,
    provider_segments: Option<u16>,
    refusal: Option<Refusal>,
}

impl From<MessageV3> for Message {
    fn from(old: MessageV3) -> Self {
        Self {
            draft: old.draft.into(),
            seq: old.seq,
            answer: old.answer,
            accepted_at: old.accepted_at,
            updated_at: old.updated_at,
            state: old.state,
            due: old.due,
            attempt: old.attempt,
            tries: old.tries,
            unresolved: old.unresolved,
            accepted_earlier: old.accepted_earlier,
            listed: old.listed,
            moved: old.moved,
            overtaken: old.overtaken,
            evidence_until: old.evidence_until,
            attempts: old.attempts,
            sent_at: old.sent_at,
            provider_id: old.provider_id,
            provider_status: old.provider_status,
            provider_segments: old.provider_segments,
            refusal: old.refusal,
            not_after: None,
        }
    }
}
