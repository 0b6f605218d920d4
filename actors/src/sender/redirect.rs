//! The directory says something else of a number while its sender runs: another account, other limits.
//!
//! What was accepted keeps the account that it was accepted for, and what is on its way ends where it began.
//! New limits are applied as those that are set by hand (`tuning.rs`), which win over the directory's.

use ractor::ActorRef;

use super::{SenderMessage, SenderState};
use crate::domain::pace::{CountedTraffic, Pace};
use crate::domain::routing::{Route, Sending};
use crate::domain::time::Time;

/// The pace of a fallback account without a past, if that has limits.
pub(super) fn fallback_pace(sending: &Sending) -> Option<Box<Pace>> {
    let limits = &sending.fallback_limits;
    (!limits.is_empty()).then(|| Box::new(Pace::new(limits, None, [], Time::ZERO)))
}

impl SenderState {
    /// Goes by this from now on.
    pub(super) fn redirected(&mut self, sending: &Sending, myself: &ActorRef<SenderMessage>) {
        let was_noted = self.noted();
        if sending.route.account != self.route.account {
            // Places in hand are the other account's.
            self.want_no_place();
            self.places_at = None;
        }
        // Said again, as its account may have another actor now.
        self.places_wanted = 0;
        self.at_fallback = fallback_pace(sending);
        self.shared = CountedTraffic::by(&sending.account_limits);
        self.usual_limits.clone_from(&sending.route.limits);
        // Those that hold, until the others are applied.
        let limits = std::mem::take(&mut self.route.limits);
        self.route = Route { limits, ..Route::clone(&sending.route) };
        let differ = self.adopt(self.tuning.clone());
        if !differ {
            return;
        }
        if !was_noted.covers(self.counted()) {
            self.unknown_until = Some(self.journal.now());
        }
        self.read_again(myself);
    }

    /// Which of its hand-overs are noted, whichever account they go through.
    fn noted(&self) -> CountedTraffic {
        let through_fallback = match (&self.route.fallback, &self.at_fallback) {
            (None, _) => CountedTraffic::EVERYTHING,
            (Some(_), None) => CountedTraffic::NOTHING,
            (Some(_), Some(pace)) => pace.counted(),
        };
        self.counted().or(self.shared.and(through_fallback))
    }
}
