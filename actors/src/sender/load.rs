//! What a sender must know of the time before it was there: its hand-overs and its open attempts; and
//! what becomes of those, where the process that made them may still live.

use std::time::Duration;

use ractor::{ActorRef, ActorStatus};

use super::SenderMessage;
use crate::domain::pace::Pace;
use crate::domain::phone::E164;
use crate::journal::Journal;
use crate::ports::{Charge, StoreError, Unsettled};

const AGAIN_AFTER: Duration = Duration::from_secs(1);

/// The sender's past, as far as it matters.
#[derive(Debug)]
pub struct Earlier {
    pub(super) charges: Vec<Charge>,
    pub(super) unsettled: Vec<Unsettled>,
}

/// Reads what a pace like the `blank` one needs, however often that takes, and tells the sender; then
/// watches what it found open.
pub(super) fn start(journal: &Journal, number: E164, blank: Pace, sender: ActorRef<SenderMessage>) {
    let journal = journal.clone();
    tokio::spawn(async move {
        let mut said = false;
        let earlier = loop {
            match read(&journal, number, &blank).await {
                Ok(earlier) => break earlier,
                Err(error) if !said => {
                    tracing::error!(sender = ?number, %error, "a sender could not be loaded yet");
                    said = true;
                }
                Err(_) => {}
            }
            tokio::time::sleep(AGAIN_AFTER).await;
            if is_gone(&sender) {
                return;
            }
        };
        let open = earlier.unsettled.clone();
        // If it failed meanwhile, its successor loads for itself.
        if sender.send_message(SenderMessage::Loaded(earlier)).is_ok() && !journal.store().is_exclusive() {
            watch(&journal, number, open, &sender).await;
        }
    });
}

/// Open attempts before hand-overs: one that is settled in between is then counted twice rather than
/// not at all.
async fn read(journal: &Journal, number: E164, blank: &Pace) -> Result<Earlier, StoreError> {
    let unsettled = journal.store().unsettled(Some(number)).await?;
    let from = blank.keep(journal.now()).sums_from;
    let mut charges = journal.store().charges(number, from).await?;
    charges.extend(journal.store().charge_sums(number, from).await?);
    Ok(Earlier { charges, unsettled })
}

/// Whoever settles an attempt tells the sender of his own process. Of those that another process may
/// settle, this one hears by looking, until none is left or the sender is gone. Their pace waits only
/// until they cannot be written any more (C6).
async fn watch(journal: &Journal, number: E164, mut open: Vec<Unsettled>, sender: &ActorRef<SenderMessage>) {
    let mut unwritten = open.clone();
    unwritten.retain(|attempt| attempt.evidence_until.is_none());
    while !open.is_empty() {
        tokio::time::sleep(AGAIN_AFTER).await;
        if is_gone(sender) {
            return;
        }
        let Ok(still) = journal.store().unsettled(Some(number)).await else { continue };
        let is_still =
            |one: &Unsettled| still.iter().any(|now| now.id == one.id && now.attempt == one.attempt);
        let (now, margin) = (journal.now(), journal.settings().margin);
        unwritten.retain(is_still);
        for Unsettled { id, begin_by, .. } in unwritten.extract_if(.., |one| one.begin_by + margin <= now) {
            let _ = sender.send_message(SenderMessage::NotWrittenAfter { id, at: begin_by + margin });
        }
        let (left, settled): (Vec<_>, Vec<_>) = open.into_iter().partition(is_still);
        open = left;
        for attempt in settled {
            let changed = match journal.store().message(attempt.id).await {
                // Under way again: then the sender knows, who alone can claim it.
                Ok(Some(message)) if message.is_unsettled() => continue,
                Ok(Some(message)) => SenderMessage::changed(&message),
                Ok(None) => continue,
                Err(_) => {
                    open.push(attempt);
                    continue;
                }
            };
            let _ = sender.send_message(changed);
        }
    }
}

fn is_gone(sender: &ActorRef<SenderMessage>) -> bool {
    sender.get_status() >= ActorStatus::Stopping
}
