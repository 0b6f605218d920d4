//! The ears: hears what other processes tell this one, and passes it to whom it concerns.
//!
//! A task that reads one bounded queue; whoever wants to tell more than it can take is told to look instead.

use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use crate::backlog::Backlogs;
use crate::domain::phone::E164;
use crate::inquiries::{self, Inquiries};
use crate::ports::{Heard, Note};
use crate::provider::{ProviderMessage, UnitsMessage, Whose};
use crate::sender::SenderMessage;
use crate::slowing;

/// The running task. Dropped, it hears nothing more.
pub(crate) struct Ears(JoinHandle<()>);

impl Ears {
    pub(crate) fn open(mut heard: mpsc::Receiver<Heard>, backlogs: Backlogs, inquiries: Inquiries) -> Self {
        Self(tokio::spawn(async move {
            while let Some(heard) = heard.recv().await {
                match heard {
                    Heard::Note(note) => take(note, &backlogs, &inquiries).await,
                    Heard::Gap => drop(backlogs.look_at(backlogs.journal.owned()).await),
                }
            }
        }))
    }
}

impl Drop for Ears {
    fn drop(&mut self) {
        self.0.abort();
    }
}

async fn take(note: Note, backlogs: &Backlogs, inquiries: &Inquiries) {
    match note {
        Note::Stored(sender, waiting) => {
            pass(sender, SenderMessage::StoredElsewhere(waiting), backlogs).await;
        }
        Note::Waiting(sender) => pass(sender, SenderMessage::LookAgain, backlogs).await,
        Note::Offered { sender, id, by } => backlogs.offer(sender, id, Some(by)).await,
        // One that does not run reads it when it starts.
        Note::Tuned(sender) => backlogs.roster.hint(sender, SenderMessage::TuningMayDiffer),
        Note::Ended { id, attempt } => backlogs.journal.hear_end(id, attempt).await,
        Note::TooFast(slows, too_fast) => {
            if backlogs.journal.owns(too_fast.sender) {
                slowing::pass(&backlogs.roster, slows, too_fast);
            }
        }
        Note::Describe { sender, by } => inquiries::answer(&backlogs.roster, &backlogs.journal, sender, by),
        Note::Stands(sender, standing) => inquiries.tell(sender, standing.as_ref()),
        Note::Account(account, word) => {
            // Without a provider actor nothing is granted and nothing used; the next one asks anew.
            let heard = UnitsMessage::Heard { by: None, word };
            let _ = backlogs.roster.pass(&account, ProviderMessage::Units(Whose::Account, heard));
        }
        Note::Organization(organization, party, word) => {
            let plan = backlogs.directory.plan();
            let granting = plan.book.granting_account(organization);
            let Some(to) = (if word.is_for_its_owner() { granting } else { Some(&party.account) }) else {
                return;
            };
            let heard = UnitsMessage::Heard { by: Some(party.clone()), word };
            let _ = backlogs.roster.pass(to, ProviderMessage::Units(Whose::Organization, heard));
        }
    }
}

/// A sender that does not run is started, and reads its queue.
async fn pass(sender: E164, message: SenderMessage, backlogs: &Backlogs) {
    // Whoever has taken its shard since finds the message there.
    if !backlogs.journal.owns(sender) {
        return;
    }
    match backlogs.roster.sender(sender) {
        Some(running) => {
            // One that is just stopping is found by the sweeper.
            let _ = running.send_message(message);
        }
        None => {
            let _ = backlogs.directory.sender(sender).await;
        }
    }
}
