//! Truth: what is called failed or cancelled was never accepted.
//!
//! Two things look alike and are none: `failed` with a time of hand-over was sent, and the carrier
//! refused it later; and an immediate message that was told to have failed may be sent by the same
//! key again, which gives it another answer.

use crate::verify::inputs::Shown;
use crate::verify::report::{Finding, Promise};
use crate::verify::run::{Message, Run};

/// Judges every message that some side calls failed or cancelled.
pub(in crate::verify) fn check(run: &Run) -> Finding {
    let mut finding = Finding::new(Promise::Truth);
    for message in &run.messages {
        let Some(called) = called(message) else { continue };
        finding.checked += 1;
        if let Some(line) = message.accepted().next() {
            finding.violated(format!(
                "{}: {called}, and accepted at {} (line {})",
                message.id, line.at_us, line.seq
            ));
        }
    }
    finding
}

fn called(message: &Message) -> Option<&'static str> {
    match message.shown() {
        Some(Shown::Cancelled) => return Some("is cancelled"),
        Some(Shown::Failed) => {
            let was_sent = message.status.is_some_and(|status| status.sent_at_us.is_some());
            return (!was_sent).then_some("has failed");
        }
        Some(Shown::Queued | Shown::Sending | Shown::Sent) | None => {}
    }
    let told_failed = |status| status == 500;
    let only_told_failed =
        !message.answers.is_empty() && message.answers.iter().all(|answer| told_failed(answer.http_status));
    only_told_failed.then_some("was told to have failed")
}
