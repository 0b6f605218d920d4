//! What a sender must know of the time before it was there: its hand-overs and its open attempts.

use std::time::Duration;

use ractor::ActorRef;

use super::SenderMessage;
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

/// Reads it, however often that takes, and tells the sender.
pub(super) fn start(journal: &Journal, number: E164, memory: Duration, sender: ActorRef<SenderMessage>) {
    let journal = journal.clone();
    tokio::spawn(async move {
        let earlier = loop {
            match read(&journal, number, memory).await {
                Ok(earlier) => break earlier,
                Err(error) => tracing::error!(sender = ?number, %error, "a sender could not be loaded yet"),
            }
            tokio::time::sleep(AGAIN_AFTER).await;
        };
        // If it failed meanwhile, its successor loads for itself.
        let _ = sender.send_message(SenderMessage::Loaded(earlier));
    });
}

/// Open attempts before hand-overs: one that is settled in between is then counted twice rather than
/// not at all.
async fn read(journal: &Journal, number: E164, memory: Duration) -> Result<Earlier, StoreError> {
    let unsettled = journal.store().unsettled(Some(number)).await?;
    let charges = journal.store().charges(number, journal.now() - memory).await?;
    Ok(Earlier { charges, unsettled })
}
