//! What a sender says of its queue when it is asked (`survey.rs`).

use super::SenderState;
use crate::survey::{Asked, SenderFigures};

impl SenderState {
    /// Looks at what is in memory only: the window's first messages are the oldest there are.
    pub(super) fn report(&mut self, asked: &Asked) {
        let now = self.journal.now();
        let has_work = self.since.is_some();
        let used = self.pace.as_mut().and_then(|pace| pace.used(now));
        let figures = SenderFigures {
            oldest: self.queue.oldest().map(|message| message.since()),
            held_up_since: self.held_up_since,
            pace_used: used.filter(|_| has_work),
        };
        asked.survey.sender(&self.account, figures, now);
        asked.survey.sender_lay(now, self.handled.lay_before(asked.handled));
    }
}
