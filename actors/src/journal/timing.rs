//! What the clock brings: its steps, and who is told of what they did.

use super::Journal;
use crate::domain::ids::MessageId;
use crate::domain::message::{Message, TimeUp};
use crate::domain::time::Time;
use crate::ports::{SettleAnswer, StoreError, TimedUp, Waiting};
use crate::sender::SenderMessage;
use crate::telemetry;

impl Journal {
    /// See [`Store::time_up`]; the sweeper comes back if it fails. Tells the senders that run. The answers in
    /// the order of the ids.
    ///
    /// [`Store::time_up`]: crate::ports::Store::time_up
    pub(crate) async fn time_up(&self, ids: Vec<MessageId>) -> Result<Vec<TimedUp>, StoreError> {
        let timed = self.once("time_up", self.store().time_up(ids)).await?;
        for (what, message) in timed.iter().flatten() {
            self.tell_time_up(*what, message);
        }
        Ok(timed)
    }

    fn tell_time_up(&self, what: TimeUp, message: &Message) {
        let (sender, waiting) = (message.draft.sender, Waiting::of(message));
        let roster = &self.inner.with.roster;
        match what {
            TimeUp::Due => roster.hint(sender, SenderMessage::StoredElsewhere(waiting)),
            TimeUp::Expired => {
                telemetry::expired();
                roster.hint(sender, SenderMessage::Cancelled(waiting));
            }
        }
    }

    /// See [`Store::postpone`]; the caller comes back if it fails. `false`: it is not what the caller thinks.
    ///
    /// [`Store::postpone`]: crate::ports::Store::postpone
    pub(crate) async fn postpone(&self, id: MessageId, expected: u16, due: Time) -> Result<bool, StoreError> {
        let answer = self.once("postpone", self.store().postpone(id, expected, due)).await?;
        Ok(matches!(answer, SettleAnswer::Done(_)))
    }
}
