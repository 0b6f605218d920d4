//! Who waits to hear how a sender of another process stands.
//!
//! Its owner is asked by a note and answers by one (`ears.rs`). Whoever waits has a time of its own: what is lost is
//! shown as not known. Bounded by the requests that are inside.

use std::sync::Arc;
use std::time::Duration;

use dashmap::DashMap;
use tokio::sync::oneshot;

use crate::domain::ids::Shard;
use crate::domain::phone::E164;
use crate::journal::Journal;
use crate::ports::{Note, To};
use crate::roster::Roster;
use crate::sender::{SenderMessage, SenderStanding, ToldStanding};

/// A sender of this process that does not say how it stands within this is shown without it.
const PATIENCE: Duration = Duration::from_secs(1);

/// The same of another process'.
const PATIENCE_ELSEWHERE: Duration = Duration::from_millis(500);

/// Those who wait, by sender. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub(crate) struct Inquiries {
    waiting: Arc<DashMap<E164, Vec<oneshot::Sender<Option<ToldStanding>>>>>,
}

impl Inquiries {
    /// What its owner says of a sender; `None`: nothing within the time, or that it does not run.
    pub(crate) async fn ask(&self, sender: E164, journal: &Journal) -> Option<ToldStanding> {
        let (tell, told) = oneshot::channel();
        let asked_already = {
            let mut waiting = self.waiting.entry(sender).or_default();
            // Those who have gone wait no more.
            waiting.retain(|tell| !tell.is_closed());
            waiting.push(tell);
            waiting.len() > 1
        };
        if !asked_already {
            let by = journal.me();
            journal.tell_peers(To::Shard(Shard::of(sender)), Note::Describe { sender, by });
        }
        let standing = tokio::time::timeout(PATIENCE_ELSEWHERE, told).await;
        self.waiting.remove_if(&sender, |_, waiting| waiting.iter().all(oneshot::Sender::is_closed));
        standing.ok()?.ok()?
    }

    /// Tells all who wait for this sender.
    pub(crate) fn tell(&self, sender: E164, standing: Option<&ToldStanding>) {
        let Some((_, waiting)) = self.waiting.remove(&sender) else { return };
        for tell in waiting {
            // One who has gone needs no answer.
            let _ = tell.send(standing.cloned());
        }
    }
}

/// How a sender that runs here stands.
pub(crate) async fn of_running(roster: &Roster, sender: E164) -> Option<SenderStanding> {
    let (reply, answer) = oneshot::channel();
    roster.sender(sender)?.send_message(SenderMessage::Describe(reply)).ok()?;
    tokio::time::timeout(PATIENCE, answer).await.ok()?.ok()
}

/// Another process asks for a sender of this one: it is answered by a task, as the sender may be slow.
pub(crate) fn answer(roster: &Roster, journal: &Journal, sender: E164, by: crate::domain::ids::Incarnation) {
    if !journal.owns(sender) {
        return;
    }
    let (roster, journal) = (roster.clone(), journal.clone());
    tokio::spawn(async move {
        let standing = of_running(&roster, sender).await;
        journal.tell_peers(To::Process(by), Note::Stands(sender, standing.as_ref().map(ToldStanding::of)));
    });
}
