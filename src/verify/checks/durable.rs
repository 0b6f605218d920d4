//! Durable: what was answered `200` is decided in the end, and what is called sent was accepted.

use crate::verify::inputs::Shown;
use crate::verify::report::{Finding, Promise};
use crate::verify::run::{Message, Run};

/// Judges every message whose acceptance a client holds.
pub(in crate::verify) fn check(run: &Run) -> Finding {
    let mut finding = Finding::new(Promise::Durable);
    for message in &run.messages {
        let Some(answered_us) = message.answered_us() else { continue };
        finding.checked += 1;
        if let Some(what) = wrong(message) {
            finding.violated(format!("{} answered at {answered_us}: {what}", message.id));
        }
    }
    for answer in run.inputs.answers.iter().filter(|answer| answer.http_status == 200) {
        if answer.message_id.is_none() {
            finding.checked += 1;
            finding.violated(format!("a 200 at {} names no message", answer.answered_at_us));
        }
    }
    finding
}

fn wrong(message: &Message) -> Option<&'static str> {
    let Some(shown) = message.shown() else { return Some("has no status") };
    let accepted = message.accepted().next().is_some();
    match shown {
        Shown::Sent if !accepted => Some("is sent, and no provider accepted it"),
        Shown::Queued => Some("is still queued"),
        Shown::Sending if !message.is_unknown() => Some("is still sending"),
        Shown::Sent | Shown::Sending | Shown::Failed | Shown::Cancelled => None,
    }
}
