//! The spans of a message's trace: its acceptance, and each of its hand-overs.
//!
//! They have no parent in common, and need none: each names the message by its id, and whoever exports them
//! makes one trace of those that name the same (`src/traces.rs`). So what another process does, or this one
//! after the message has waited in its queue, is part of it, and no record has a field for it. As a rule nobody
//! listens; then a span is a look at a flag.

use tracing::Span;
use tracing::field::{Empty, display};

use crate::domain::ids::{AccountName, MessageId, ProviderKind};
use crate::domain::message::Kind;
use crate::domain::outcome::Outcome;
use crate::engine::{NotSent, Sent};

/// The target of every span that belongs to a trace.
pub const TRACE: &str = "sendyard::trace";

/// From a send request's arrival at the engine to its answer. Within the span of the request, if there is one.
pub(crate) fn accept(kind: Kind) -> Span {
    let kind = match kind {
        Kind::Queued => "queued",
        Kind::Immediate => "immediate",
    };
    tracing::debug_span!(
        target: TRACE, "accept", kind, message_id = Empty, replayed = Empty, outcome = Empty
    )
}

/// What a request came to. One that is about no message is in no trace.
pub(crate) fn answered(accept: &Span, answer: &Result<Sent, NotSent>) {
    let (id, outcome, replayed) = match answer {
        Ok(sent) => (Some(sent.id), "accepted", sent.replayed),
        Err(not_sent) => (not_sent.message_id(), not_sent.reason(), false),
    };
    if let Some(id) = id {
        accept.record("message_id", display(id)).record("outcome", outcome).record("replayed", replayed);
    }
}

/// From a hand-over's write to its outcome.
pub(crate) fn hand_over(id: MessageId, attempt: u16, provider: ProviderKind, account: &AccountName) -> Span {
    tracing::debug_span!(
        target: TRACE, parent: None, "hand over",
        message_id = %id, attempt, provider = provider.as_str(), account = account.as_str(), outcome = Empty
    )
}

/// The outcome of a hand-over, whose span ends.
pub(crate) fn ended(hand_over: Span, outcome: &Outcome) {
    hand_over.record("outcome", outcome.label());
    drop(hand_over);
}
