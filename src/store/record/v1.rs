//! A record as version 1 wrote it: no frozen bodies.

use sendyard_actors::domain::fingerprint::Fingerprint;
use sendyard_actors::domain::ids::{AccountName, AssistantId, MessageId, OrganizationId, ProviderKind};
use sendyard_actors::domain::message::{Answer, Attempt, Draft, Kind, Lane, Message, State};
use sendyard_actors::domain::outcome::Refusal;
use sendyard_actors::domain::phone::E164;
use sendyard_actors::domain::segments::Encoding;
use sendyard_actors::domain::time::Time;
use serde::Deserialize;

/// The order of the fields is that of the bytes.
#[derive(Deserialize)]
pub(super) struct MessageV1 {
    draft: DraftV1,
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
    evidence_until: Option<Time>,
    attempts: Vec<Attempt>,
    sent_at: Option<Time>,
    provider_id: Option<String>,
    provider_status: Option<String>,
    provider_segments: Option<u16>,
    refusal: Option<Refusal>,
}

#[derive(Deserialize)]
struct DraftV1 {
    id: MessageId,
    sender: E164,
    recipient: E164,
    lane: Lane,
    kind: Kind,
    organization: OrganizationId,
    assistant: AssistantId,
    account: AccountName,
    provider: ProviderKind,
    text: String,
    media: Vec<String>,
    segments: u16,
    encoding: Encoding,
    fingerprint: Fingerprint,
}

impl From<MessageV1> for Message {
    fn from(old: MessageV1) -> Self {
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
            moved: None,
            overtaken: old.listed,
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

impl From<DraftV1> for Draft {
    fn from(old: DraftV1) -> Self {
        Self {
            id: old.id,
            sender: old.sender,
            recipient: old.recipient,
            lane: old.lane,
            kind: old.kind,
            organization: old.organization,
            assistant: old.assistant,
            account: old.account,
            provider: old.provider,
            text: old.text,
            media: old.media,
            segments: old.segments,
            encoding: old.encoding,
            fingerprint: old.fingerprint,
            frozen: None,
            fallback: None,
            expires_at: None,
            client_reference: None,
            metadata: None,
        }
    }
}
