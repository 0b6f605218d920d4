//! The sender's places: those in hand, those that it asks its account for, and those of its own that are in flight.

use std::sync::Arc;

use super::SenderState;
use crate::domain::pace::Cost;
use crate::domain::time::Time;
use crate::places::Place;
use crate::provider::ProviderMessage;

/// The most places that a sender asks for at once.
const PLACES_AT_ONCE: usize = 32;

impl SenderState {
    /// May another message of its queue be in flight, as far as its own places are concerned?
    pub(super) fn may_fly(&mut self, now: Time) -> bool {
        let Some(places) = self.tuning.places else { return true };
        let places = usize::from(places);
        if self.in_flight_count() >= places {
            // Of what was told of by nobody: it has an outcome, or is in doubt, by then.
            let settings = self.journal.settings();
            let lasts = settings.attempt_deadline + settings.margin;
            self.in_flight.retain(|_, since| *since + lasts > now);
        }
        self.in_flight_count() < places
    }

    pub(super) fn in_flight_count(&self) -> usize {
        self.in_flight.len() + self.starting.len()
    }

    pub(super) fn granted(&mut self, places: Vec<Place>) {
        self.places_wanted = self.places_wanted.saturating_sub(places.len());
        self.wanted_at = None;
        self.had_turn_at = self.journal.now();
        if let Some(place) = places.first().filter(|place| *place.account() == self.route.account) {
            self.places_at = Some(Arc::clone(place.at()));
        }
        // Nothing more is claimed by one that stops: dropped, they go back.
        if !self.halted {
            self.places.extend(places);
        }
    }

    /// One in hand, or one that is free to take.
    pub(super) fn take_place(&mut self, cost: Cost, now: Time) -> Option<Place> {
        if let Some(place) = self.places.pop() {
            return Some(place);
        }
        if !self.goes_one_by_one() {
            return None;
        }
        self.places_at.as_ref()?.take_free(cost, now)
    }

    /// A sender with a pace takes its places one by one, as its instants come. Those without take turns.
    pub(super) const fn goes_one_by_one(&self) -> bool {
        self.has_limits() || self.working.is_cut()
    }

    pub(super) fn want_places(&mut self, cost: Cost) {
        if self.places_wanted > 0 {
            return;
        }
        let may_go = if self.goes_one_by_one() { 1 } else { self.queue.ready() };
        let own = self.tuning.places.map_or(PLACES_AT_ONCE, usize::from);
        let may_go = may_go.min(own.saturating_sub(self.in_flight_count()));
        let places = may_go.clamp(1, PLACES_AT_ONCE);
        let want = ProviderMessage::Want { sender: self.number, places, cost };
        // Without a provider actor the want is repeated at the next wake-up.
        if self.roster.pass(&self.route.account, want).is_ok() {
            self.places_wanted = places;
            self.wanted_at.get_or_insert_with(|| self.journal.now());
        }
    }

    pub(super) fn want_no_place(&mut self) {
        self.places.clear();
        self.wanted_at = None;
        if self.places_wanted > 0 {
            self.places_wanted = 0;
            let _ = self.roster.pass(&self.route.account, ProviderMessage::WantNot(self.number));
        }
    }
}
