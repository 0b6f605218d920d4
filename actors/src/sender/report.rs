//! What a sender says of its queue when it is asked (`survey.rs`).

use super::SenderState;
use crate::domain::pace::Pace;
use crate::survey::{Asked, SenderFigures};

impl SenderState {
    /// Looks at what is in memory only: the window's first messages are the oldest there are.
    pub(super) fn report(&mut self, asked: &Asked) {
        let now = self.journal.now();
        let has_work = self.since.is_some();
        let used = self.pace.as_mut().and_then(|pace| pace.used(now));
        let oldest = self.queue.oldest().map(|message| message.since());
        let each = self.pace.as_ref().map(Pace::per_unit).unwrap_or_default().max(self.working.per_unit());
        let leaves = oldest.is_some().then(|| now + self.next_leaves_after(now));
        let figures = SenderFigures {
            oldest,
            leaves: leaves.map(|at| (at, each)),
            held_up_since: self.held_up_since,
            pace_used: used.filter(|_| has_work),
        };
        asked.survey.sender(&self.route.account, figures, now);
        asked.survey.sender_lay(now.since(asked.at), self.handled.lay_before(asked.handled));
    }
}
