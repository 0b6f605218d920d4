//! Order: queued messages of one conversation are handed over in order of acceptance, and never
//! while an earlier one is undecided.
//!
//! Two conclusions are sound without knowing the engine's own order:
//! 1. If the answer for A was there before B was asked for, A was accepted before B: so no request
//!    for B may be read before A is decided.
//! 2. Whoever came first: once a request for A was read, no request for another message may be read
//!    before A is decided.
//!
//! A is decided by its first accepted request, else by its last one. A message without a final status
//! is not judged as A: one that is listed as unknown holds nothing back. Order in the ledger is order of `seq`: an
//! engine that keeps the promise writes B only after it has A's answer. The files name no lanes, so
//! the run must use one.

use std::collections::HashMap;

use crate::verify::inputs::{LedgerLine, Shown};
use crate::verify::report::{Finding, Promise};
use crate::verify::run::{Message, Run};

/// Judges every queued message that the provider has seen.
pub(in crate::verify) fn check(run: &Run) -> Finding {
    let mut finding = Finding::new(Promise::Order);
    let mut conversations: HashMap<(&str, &str), Vec<Handed>> = HashMap::new();
    for message in &run.messages {
        let Some(handed) = Handed::of(message) else { continue };
        let Some(conversation) = message.conversation() else { continue };
        conversations.entry(conversation).or_default().push(handed);
    }
    let mut ordered: Vec<Vec<Handed>> = conversations.into_values().collect();
    ordered.sort_by_key(|handed| handed.first().map(|first| first.first.seq));
    for mut handed in ordered {
        finding.checked += handed.len() as u64;
        order_of_acceptance(&mut handed, &mut finding);
        one_at_a_time(&handed, &mut finding);
    }
    finding
}

/// A queued message that the provider has seen.
struct Handed<'a> {
    message: &'a Message<'a>,
    first: &'a LedgerLine,
    /// None: it holds nothing back.
    decided: Option<&'a LedgerLine>,
}

impl<'a> Handed<'a> {
    fn of(message: &'a Message<'a>) -> Option<Self> {
        let first = *message.lines.first()?;
        let last = *message.lines.last()?;
        let is_final = match message.shown() {
            Some(Shown::Sent | Shown::Failed | Shown::Cancelled) => true,
            Some(Shown::Queued | Shown::Sending) | None => false,
        };
        let decided = is_final.then(|| message.accepted().next().unwrap_or(last));
        message.is_queued().then_some(Self { message, first, decided })
    }
}

/// Conclusion 1, by one sweep over the instants of asking.
fn order_of_acceptance(handed: &mut [Handed], finding: &mut Finding) {
    let mut earlier: Vec<(u64, &str, &LedgerLine)> =
        handed.iter().filter_map(|a| Some((a.message.answered_us()?, a.message.id, a.decided?))).collect();
    earlier.sort_by_key(|(answered_us, ..)| *answered_us);
    handed.sort_by_key(|b| b.message.asked_us);

    let mut waiting = earlier.into_iter().peekable();
    let mut last_decided: Option<(&str, &LedgerLine)> = None;
    for b in handed.iter() {
        while let Some((_, id, decided)) =
            waiting.next_if(|(answered_us, ..)| *answered_us < b.message.asked_us)
        {
            if last_decided.is_none_or(|(_, last)| decided.seq > last.seq) {
                last_decided = Some((id, decided));
            }
        }
        let Some((id, decided)) = last_decided else { continue };
        if b.first.seq < decided.seq {
            finding.violated(format!(
                "{}: handed over at {} (line {}) before {id}, which was accepted earlier and decided at {} (line {})",
                b.message.id, b.first.at_us, b.first.seq, decided.at_us, decided.seq
            ));
        }
    }
}

/// Conclusion 2, by one walk through the conversation's lines.
fn one_at_a_time(handed: &[Handed], finding: &mut Finding) {
    let mut lines: Vec<(&LedgerLine, &Handed)> =
        handed.iter().flat_map(|one| one.message.lines.iter().map(move |line| (*line, one))).collect();
    lines.sort_by_key(|(line, _)| line.seq);

    let mut open: Option<&Handed> = None;
    for (line, one) in lines {
        let other = open.filter(|other| other.message.id != one.message.id);
        if let Some(other) = other {
            finding.violated(format!(
                "{}: handed over at {} (line {}) while {} was undecided since {} (line {})",
                one.message.id, line.at_us, line.seq, other.message.id, other.first.at_us, other.first.seq
            ));
            continue;
        }
        let stays_open = one.decided.is_some_and(|decided| decided.seq > line.seq);
        open = stays_open.then_some(one);
    }
}
