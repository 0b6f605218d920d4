//! A record as version 4 wrote it: no expiry, and nothing of the client's own.

use sendyard_actors::domain::fingerprint::Fingerprint;
use sendyard_actors::domain::ids::{AccountName, AssistantId, MessageId, OrganizationId, ProviderKind};
use sendyard_actors::domain::message::{Answer, Attempt, Draft, Fallback, Kind, Lane, Message, Moved, State};
use sendyard_actors::domain::outcome::Refusal;
use sendyard_actors::domain::phone::E164;
use sendyard_actors::domain::segments::Encoding;
use sendyard_actors::domain::time::Time;
use serde::Deserialize;

/// The order of the fields is that of the bytes.
#[derive(Deserialize)]
pub(super) struct MessageV4 {
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
    not_after: Option<Time>,
}

/// As versions 3 and 4 wrote it.
#[derive(Deserialize)]
pub(super) struct DraftV4 {
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
    frozen: Option<String>,
    fallback: Option<Fallback>,
}

impl From<MessageV4> for Message {
    fn from(old: MessageV4) -> Self {
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
            not_after: old.not_after,
        }
    }
}

impl From<DraftV4> for Draft {
    fn from(old: DraftV4) -> Self {
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
            frozen: old.frozen,
            fallback: old.fallback,
            expires_at: None,
            client_reference: None,
            metadata: None,
        }
    }
}
