//! Immediate messages: stored as sending, handed over at once, beside the queue.
//!
//! They wait for nothing: without a free place nothing is stored and the request is refused. Their
//! hand-over is charged to the pace when it is written; the queue yields.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::oneshot;

use super::submit::Stored;
use super::{SenderMessage, SenderState};
use crate::admission::Ticket;
use crate::attempt::ClaimedAttempt;
use crate::domain::ids::{AccountName, MessageId};
use crate::domain::message::{Draft, Message, Settlement};
use crate::domain::pace::{Cost, CountedTraffic, Keep};
use crate::domain::phone::E164;
use crate::domain::time::Time;
use crate::journal::Journal;
use crate::places::Place;
use crate::ports::{Appended, Claimed, StoreError};
use crate::provider::{Begin, NoPlace, ProviderMessage};
use crate::roster::Roster;

/// Before a message for which there was no place at its own account is looked at again.
const LATER: Duration = Duration::from_mins(1);

/// What is to be handed over at once.
pub enum Immediate {
    /// A new message.
    New(Box<Draft>),
    /// One that definitely failed, again under its id.
    Again {
        /// The message.
        id: MessageId,
        /// Its account.
        account: AccountName,
        /// The number of its last attempt.
        attempt: u16,
    },
}

/// An immediate message, and who waits to hear that it is on its way.
pub struct SubmitNow {
    /// The message.
    pub what: Immediate,
    /// After this instant it must not be stored any more.
    pub until: Time,
    /// Held for as long as the work is inside, also when the client has gone.
    pub ticket: Arc<Ticket>,
    /// Who waits. Dropped without an answer, the sender was stopping: ask again under the same id.
    pub reply: oneshot::Sender<NowAnswer>,
}

/// The answer to a [`SubmitNow`].
pub enum NowAnswer {
    /// It is on its way; its outcome follows.
    Started,
    /// A record of this id was there and is unchanged.
    Exists(Box<Message>),
    /// It is not what the caller thought: read it again.
    Changed,
    /// Every place is taken, or the account's circuit is open; nothing is stored.
    NoPlace(NoPlace),
    /// `until` has passed; nothing is stored.
    Late,
    /// The store failed.
    Store(StoreError),
}

impl SenderState {
    pub(super) fn submit_now(&mut self, submit: SubmitNow) {
        self.submits += 1;
        let SubmitNow { what, until, ticket, reply } = submit;
        let (journal, roster, sender) = (self.journal.clone(), self.roster.clone(), self.number);
        let (keep, counts) = (self.keep(journal.now()), self.counted());
        tokio::spawn(async move {
            let way = Way { journal, roster, sender, keep, counts, until };
            let hints = way.roster.clone();
            let answer = way.start(what).await;
            drop(ticket);
            hints.hint(sender, SenderMessage::SubmitEnded(Stored::Nothing, None));
            // A client that has gone finds the outcome under its id.
            let _ = reply.send(answer);
        });
    }
}

struct Way {
    journal: Journal,
    roster: Roster,
    sender: E164,
    keep: Keep,
    counts: CountedTraffic,
    until: Time,
}

impl Way {
    async fn start(self, what: Immediate) -> NowAnswer {
        let account = match &what {
            Immediate::New(draft) => draft.account.clone(),
            Immediate::Again { account, .. } => account.clone(),
        };
        let place = match place_now(&self.roster, &account, None).await {
            Ok(place) => place,
            Err(why) => return NowAnswer::NoPlace(why),
        };
        let claimed = match what {
            Immediate::New(draft) => match self.journal.append_sending(*draft, self.until).await {
                Ok(Appended::Stored(message)) => message,
                Ok(Appended::Exists(message)) => return NowAnswer::Exists(message),
                Ok(Appended::Full | Appended::TooLate(_)) => return NowAnswer::NoPlace(NoPlace::Taken),
                Ok(Appended::Late) => return NowAnswer::Late,
                Err(error) => return NowAnswer::Store(error),
            },
            Immediate::Again { id, attempt, .. } => {
                match self.journal.retry(id, self.sender, attempt, self.until).await {
                    Ok(Claimed::Yes(message) | Claimed::Already(message)) => message,
                    Ok(
                        Claimed::NotHead(_)
                        | Claimed::NotDue(_)
                        | Claimed::Expired
                        | Claimed::Changed
                        | Claimed::Stale,
                    ) => return NowAnswer::Changed,
                    Err(error) => return NowAnswer::Store(error),
                }
            }
        };
        let due = self.journal.now();
        let attempt = ClaimedAttempt::new(claimed, place, self.journal);
        let begin = Begin { attempt, due, quiet_from: None, keep: self.keep, counts: self.counts };
        // A provider actor that is just failing drops the attempt, which settles it as never begun.
        let _ = self.roster.pass(&account, ProviderMessage::Begin(vec![begin]));
        NowAnswer::Started
    }
}

/// A place for an immediate message, or for a queued one of this cost at an account that is not its
/// sender's, if there is one now.
pub(super) async fn place_now(
    roster: &Roster,
    account: &AccountName,
    queued: Option<Cost>,
) -> Result<Place, NoPlace> {
    let (reply, answer) = oneshot::channel();
    // A provider actor that is just starting again has none for the moment.
    roster.pass(account, ProviderMessage::WantNow { queued, reply }).map_err(|_| NoPlace::Taken)?;
    answer.await.unwrap_or(Err(NoPlace::Taken))
}

/// The place for a claimed message: the one it was claimed with, or one at its own account if that is
/// another, because the number has moved since it was accepted.
pub(super) async fn place_for(claimed: &Message, place: Place, roster: &Roster) -> Option<Place> {
    if claimed.draft.account == *place.account() {
        return Some(place);
    }
    drop(place);
    place_now(roster, &claimed.draft.account, Some(claimed.draft.cost())).await.ok()
}

/// Puts a claimed message back because its own account has no place, or is gone.
pub(super) async fn leave_for_later(journal: &Journal, claimed: &Message) {
    let due = journal.now() + LATER;
    tracing::warn!(message_id = %claimed.draft.id, account = %claimed.draft.account, "no place at its account");
    let attempt = claimed.attempt;
    let never_begun = Settlement::NeverBegun { due };
    let (sender, id) = (claimed.draft.sender, claimed.draft.id);
    journal.settle(sender, id, attempt, never_begun, None, Keep::EVERYTHING).await;
}
