//! Who is told of a change: its sender, its account, whoever waits for the outcome, and the process that owns its shard.
//!
//! All of it are hints: what is not heard is found in the store.

use super::Journal;
use crate::domain::ids::{AccountName, MessageId, Shard};
use crate::domain::message::Message;
use crate::domain::pace::Cost;
use crate::domain::phone::E164;
use crate::domain::time::Time;
use crate::outcomes::Verdict;
use crate::ports::{Note, SettleAnswer, To};
use crate::provider::ProviderMessage;
use crate::sender::SenderMessage;

impl Journal {
    pub(super) fn tell(&self, sender: E164, message: &Message) {
        self.inner.with.roster.hint(sender, SenderMessage::changed(message));
        if let Some(verdict) = Verdict::of(message) {
            self.inner.with.outcomes.tell(message.draft.id, message.attempt, &verdict);
        }
    }

    pub(super) async fn tell_if_done(&self, sender: E164, id: MessageId, answer: SettleAnswer) -> bool {
        match answer {
            SettleAnswer::Done(message) => {
                self.tell(sender, &message);
                true
            }
            SettleAnswer::Known | SettleAnswer::Stale => {
                self.tell_as_read(sender, id).await;
                false
            }
        }
    }

    /// Somebody else made the change, or an unanswered call of ours did: whoever must hear of it may
    /// not have.
    pub(crate) async fn tell_as_read(&self, sender: E164, id: MessageId) {
        match self.store().message(id).await {
            Ok(Some(message)) => self.tell(sender, &message),
            Ok(None) => {}
            Err(error) => tracing::warn!(message_id = %id, %error, "a settled record could not be read"),
        }
    }

    /// Tells those who wait that the outcome will stay unknown; the record says so later.
    pub(crate) fn tell_unknown(&self, id: MessageId, attempt: u16) {
        self.inner.with.outcomes.tell(id, attempt, &Verdict::Unknown);
    }

    /// The provider counted more units of a hand-over than it was charged with: both paces hear of it.
    pub(crate) fn tell_counted(&self, sender: E164, account: &AccountName, at: Time, more: Cost) {
        let roster = &self.inner.with.roster;
        roster.hint(sender, SenderMessage::Counted { at, more });
        // Without a provider actor there is no pace; the next one reads what was charged.
        let _ = roster.pass(account, ProviderMessage::Counted { at, more });
    }

    #[cfg(feature = "chaos")]
    pub(crate) fn hint(&self, sender: E164, message: SenderMessage) {
        self.inner.with.roster.hint(sender, message);
    }

    #[cfg(feature = "chaos")]
    pub(crate) fn hint_provider(&self, account: &AccountName, message: ProviderMessage) {
        let _ = self.inner.with.roster.pass(account, message);
    }

    /// Tells the process that works with the sender's shard, where that is another. Asked after the change:
    /// whoever takes the shard later finds it.
    pub(super) fn tell_owner(&self, sender: E164, note: Note) {
        if let Some(peers) = &self.inner.with.peers
            && !self.owns(sender)
        {
            peers.tell(To::Shard(Shard::of(sender)), note);
        }
    }

    pub(super) fn tell_offered(&self, sender: E164, id: MessageId) {
        let by = self.inner.with.incarnation;
        self.tell_owner(sender, Note::Offered { sender, id, by });
    }

    /// Tells other processes, if there are any.
    pub(crate) fn tell_peers(&self, to: To, note: Note) {
        if let Some(peers) = &self.inner.with.peers {
            peers.tell(to, note);
        }
    }
}
