//! Truthful cancel: after `success:true` the message is cancelled, was never accepted, and is not
//! even tried any more.
//!
//! A refused try before the cancellation is legal: the message was waiting for its retry.

use crate::verify::inputs::Shown;
use crate::verify::report::{Finding, Promise};
use crate::verify::run::{Message, Run};

/// Judges every message whose cancellation said `success:true`.
pub(in crate::verify) fn check(run: &Run) -> Finding {
    let mut finding = Finding::new(Promise::TruthfulCancel);
    for message in &run.messages {
        let succeeded = message.answers.iter().filter(|answer| answer.cancelled == Some(true));
        let Some(cancelled_us) = succeeded.map(|answer| answer.cancel_answered_at_us).min() else { continue };
        finding.checked += 1;
        let answered_us = cancelled_us.unwrap_or(u64::MAX);
        if let Some(what) = wrong(message, answered_us, run.jitter_us()) {
            let at = cancelled_us.map_or_else(String::new, |at| format!(" at {at}"));
            finding.violated(format!("{} cancelled{at}: {what}", message.id));
        }
    }
    finding
}

fn wrong(message: &Message, answered_us: u64, jitter_us: u64) -> Option<String> {
    if let Some(line) = message.accepted().next() {
        return Some(format!("accepted at {} (line {})", line.at_us, line.seq));
    }
    let last_moment = answered_us.saturating_add(jitter_us);
    if let Some(line) = message.lines.iter().find(|line| line.at_us > last_moment) {
        return Some(format!("handed over at {} (line {})", line.at_us, line.seq));
    }
    match message.shown() {
        None | Some(Shown::Cancelled) => None,
        Some(shown) => Some(format!("its status is {shown:?}")),
    }
}
