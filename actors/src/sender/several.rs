//! Messages of a batch: when each goes is told here; stored they are by whoever asks, in one step with those of other
//! senders (`intake/batch.rs`).

use std::time::Duration;

use tokio::sync::oneshot;

use super::SenderState;
use super::share::tell_of_more;
use crate::domain::message::{Draft, Lane};
use crate::domain::pace::Cost;
use crate::domain::phone::E164;
use crate::domain::time::Time;
use crate::ports::EstimateRule;

/// What a sender must know of a message to tell when it goes.
#[derive(Debug, Clone, Copy)]
pub struct Coming {
    /// Its lane.
    pub lane: Lane,
    /// What it costs of the pace.
    pub cost: Cost,
    /// Who it goes to.
    pub recipient: E164,
    /// It may not go before this.
    pub not_before: Time,
    /// It expires.
    pub expires: bool,
}

/// When a message goes that is about to be stored.
#[derive(Debug, Clone, Copy)]
pub struct Foreseen {
    /// As the store's step computes it.
    pub estimate: EstimateRule,
    /// That counts on what comes in higher lanes to go on coming.
    pub is_expectation: bool,
    /// Its number among those that are being stored, if it is counted among them.
    pub number: Option<u64>,
}

impl Coming {
    pub(crate) fn of(draft: &Draft, not_before: Time) -> Self {
        let expires = draft.expires_at.is_some();
        Self { lane: draft.lane, cost: draft.cost(), recipient: draft.recipient, not_before, expires }
    }
}

/// Messages that are about to be stored, in this order, and who waits for the answer. Once that is given, what each
/// came to must be told ([`super::SenderMessage::SubmitsEnded`]): until then the sender counts with them.
pub struct Announce {
    /// The messages.
    pub coming: Vec<Coming>,
    /// Dropped without an answer, the sender was stopping: nothing was counted.
    pub reply: oneshot::Sender<Announced>,
}

/// The answer to an [`Announce`].
pub struct Announced {
    /// When there will be room, if the queue is full.
    pub room_after: Duration,
    /// Of each message when it goes.
    pub each: Vec<Foreseen>,
}

impl SenderState {
    pub(super) fn announce(&mut self, announce: Announce) {
        let Announce { coming, reply } = announce;
        let now = self.journal.now();
        let room_after = self.next_leaves_after(now);
        let shares = self.shared_now();
        let each: Vec<_> = coming.iter().map(|one| self.foresee(one, &shares, now)).collect();
        tell_of_more(&shares, each.iter().filter(|one| one.number.is_some()).count());
        self.submits += each.len();
        self.has_begun = true;
        if let Err(nobody) = reply.send(Announced { room_after, each }) {
            for Foreseen { number, .. } in nobody.each {
                self.submit_ended(super::Stored::Nothing, number);
            }
        }
    }
}
