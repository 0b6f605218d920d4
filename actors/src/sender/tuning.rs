//! A sender is tuned while it runs: its limits, the weights of its lanes, a pause.
//!
//! New limits are applied to the same facts: the past is read again from the store, as at a start, and
//! what is on its way is held as it was; until that is read nothing goes. The spacing goes on where the
//! limits count in the same way, so a change makes neither burst nor gap.

use ractor::ActorRef;

use super::{SenderMessage, SenderState, load};
use crate::domain::pace::Limit;
use crate::domain::time::Time;
use crate::domain::tuning::Tuning;

impl SenderState {
    /// Goes by this record from now on, unless a later one is known.
    pub(super) fn tuned(&mut self, tuning: Tuning, myself: &ActorRef<SenderMessage>) {
        if tuning.generation <= self.tuning.generation {
            return;
        }
        // A read that is under way knows of less, and will not be taken.
        if self.adopt(tuning) || self.pace.is_none() {
            self.read_again(myself);
        }
    }

    /// Its past is read again, for the limits that hold now; nothing goes before.
    pub(super) fn read_again(&mut self, myself: &ActorRef<SenderMessage>) {
        if let Some(pace) = self.pace.take() {
            // What happens from here on may not be in what is read.
            self.early = None;
            self.replaced = Some(Box::new(pace));
        }
        load::start(&self.journal, self.number, self.usual_limits.clone(), myself.clone());
    }

    /// Takes the record over; whether the limits are others now.
    pub(super) fn adopt(&mut self, tuning: Tuning) -> bool {
        let now = self.journal.now();
        self.forget_forecasts();
        self.queue.weigh(tuning.weights.unwrap_or(self.route.weights));
        let limits = self.limits_of(&tuning);
        let was_paused = self.tuning.paused_until(now).is_some();
        let is_paused = tuning.paused_until(now).is_some();
        if was_paused && !is_paused {
            // From here on, and not from when its work came: no burst.
            self.since = Some(now);
        }
        self.tuning = tuning;
        let differ = limits != self.route.limits;
        self.route.limits = limits;
        self.configure_working_rate();
        differ
    }

    /// Until when nothing goes, if it is paused. Nothing is made up for afterwards.
    pub(super) fn paused_until(&mut self, now: Time) -> Option<Time> {
        let until = self.tuning.paused_until(now)?;
        self.since = Some(until).filter(|until| *until < Time::MAX);
        Some(until)
    }

    fn limits_of(&self, tuning: &Tuning) -> Vec<Limit> {
        match tuning.limits(&self.usual_limits) {
            Ok(limits) => limits,
            Err(error) => {
                // Of a later version: the present ones are safer than none.
                tracing::error!(sender = ?self.number, %error, "stored limits cannot be read; they are not applied");
                self.route.limits.clone()
            }
        }
    }
}
