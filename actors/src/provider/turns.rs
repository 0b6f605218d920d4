//! Whose turn it is at the account: places are granted in turn, as far as circuit, pauses, campaigns and limits allow.

use std::collections::HashMap;

use super::ProviderState;
use crate::domain::breaker::Answer;
use crate::domain::pace::{Allowed, Cost, CountedTraffic};
use crate::domain::phone::E164;
use crate::domain::time::Time;
use crate::places::{AccountCharge, Charges, FreeBelow, Place};
use crate::sender::SenderMessage;

/// How many places a sender gets in its turn, if it wants as many. Of what a limit counts it gets one: each has its
/// instant there.
const IN_A_TURN: usize = 8;

impl ProviderState {
    /// Places may be taken without asking while all that would be said is yes. What is said here may be late by
    /// what lies in the mailbox; what was taken by then and is not to go is found by `begin`.
    pub(super) fn let_take_freely(&self) {
        let in_flight = &self.with.in_flight;
        if !self.turns.is_empty() || in_flight.is_slowed() {
            return in_flight.free_below(FreeBelow::NOTHING);
        }
        let places = self.places_for_queues();
        let below = |cost| if self.counted.includes(cost) { 0 } else { places };
        in_flight.free_below(FreeBelow { sms: below(Cost::sms(1)), mms: below(Cost::mms(1)) });
    }

    /// Grants places in turn for as long as there are any and the account's pace allows, and tells
    /// each sender once.
    pub(super) fn grant(&mut self) {
        let now = self.with.journal.now();
        let mut granted: HashMap<E164, Vec<Place>> = HashMap::new();
        while let Some((sender, place)) = self.grant_one(now) {
            granted.entry(sender).or_default().push(place);
        }
        for (sender, places) in granted {
            // A sender that runs no more drops them, which gives them back.
            self.with.roster.hint(sender, SenderMessage::Granted(places));
        }
    }

    /// The next place, to whose turn it is; or sees to being woken when there is one.
    fn grant_one(&mut self, now: Time) -> Option<(E164, Place)> {
        let places = self.places_for_queues();
        let answer = self.with.in_flight.circuit().ask(now);
        self.pace.as_ref()?;
        if self.turns.is_empty() {
            self.since = None;
            self.alarm.disarm();
            return None;
        }
        let most = match answer {
            Answer::UpTo(allowed) => places.min(allowed),
            Answer::Probe => places,
            Answer::NotBefore(at) => {
                self.alarm.arm(at, now);
                return None;
            }
            Answer::Probing => {
                self.with.in_flight.awaited();
                return None;
            }
        };
        if !self.with.in_flight.is_below(most) {
            // A place that comes back wakes us.
            return None;
        }
        if let Err(at) = self.pass_over_slowed_campaigns(now) {
            self.alarm.arm(at, now);
            return None;
        }
        let pauses_until = self.slowing.account_pauses_until();
        if pauses_until > now {
            self.alarm.arm(pauses_until, now);
            return None;
        }
        let charges = self.charges_in_turn(now)?;
        let sender = *self.turns.front()?;
        let wanted = self.wants.get_mut(&sender)?;
        let cost = wanted.cost;
        self.slowing.sent(sender, cost.segments, now);
        wanted.places = wanted.places.saturating_sub(1);
        let wants_more = wanted.places > 0;
        self.end_turn(sender, cost, wants_more);
        let place = Place::take(&self.places_at, charges, Some(cost));
        Some((sender, if answer == Answer::Probe { place.for_probe() } else { place }))
    }

    /// What the first in turn needs of account and organization. Where that has to wait, the first goes in front that
    /// needs nothing of them.
    fn charges_in_turn(&mut self, now: Time) -> Option<Charges> {
        let first = self.turns.front().and_then(|first| self.wants.get(first))?;
        let cost = first.cost;
        if !self.counted.includes(cost) {
            return Some(Charges::UNCOUNTED);
        }
        let charges = self.counted_charges(cost, now);
        if charges.is_some() || !self.pass_over_counted(now) {
            return charges;
        }
        Some(Charges::UNCOUNTED)
    }

    fn counted_charges(&mut self, cost: Cost, now: Time) -> Option<Charges> {
        if self.organization.as_mut().is_some_and(|units| !units.are_enough(cost.into(), now)) {
            // A grant that comes wakes us. The account's pace is asked once there is one: asking costs it nothing.
            return None;
        }
        let account = if let Some(units) = &mut self.units {
            // The same.
            AccountCharge::Unit(units.take(cost.into(), now)?)
        } else {
            let since = *self.since.get_or_insert(now);
            let pace = self.pace.as_mut()?;
            let at = match pace.next_allowed(since, now, cost) {
                Allowed::At(at) if at <= now => at,
                Allowed::At(at) => {
                    self.alarm.arm(at, now);
                    return None;
                }
                Allowed::WhenStamped => return None,
            };
            AccountCharge::Permit(pace.take(at, now, cost))
        };
        let organization = self.organization.as_mut().and_then(|units| units.take(cost.into(), now));
        Some(Charges { account, organization })
    }

    /// Puts the first in front whose message no limit counts; false: there is none.
    fn pass_over_counted(&mut self, now: Time) -> bool {
        if self.counted == CountedTraffic::EVERYTHING {
            // As with most limits: thousands may wait, and none is to be looked for among them.
            return false;
        }
        let goes = |sender: &E164| {
            let wanted = self.wants.get(sender).filter(|wanted| !self.counted.includes(wanted.cost));
            wanted
                .is_some_and(|wanted| self.slowing.campaign_allows(*sender, now, wanted.cost.segments) <= now)
        };
        let Some(place) = self.turns.iter().position(goes) else { return false };
        self.put_in_front(place);
        true
    }

    /// Puts the first whose campaign lets it go in front of those whose campaign is paused or slower. `Err`: all
    /// are, and when the first of them may go.
    pub(super) fn pass_over_slowed_campaigns(&mut self, now: Time) -> Result<(), Time> {
        let mut earliest = Time::MAX;
        for place in 0..self.turns.len() {
            let Some(sender) = self.turns.get(place).copied() else { break };
            let segments = self.wants.get(&sender).map_or(1, |wanted| wanted.cost.segments);
            let at = self.slowing.campaign_allows(sender, now, segments);
            if at > now {
                earliest = earliest.min(at);
                continue;
            }
            self.put_in_front(place);
            return Ok(());
        }
        Err(self.slowing.changes_at().map_or(earliest, |change| earliest.min(change)))
    }

    fn put_in_front(&mut self, place: usize) {
        if place == 0 {
            return;
        }
        if let Some(sender) = self.turns.remove(place) {
            self.turns.push_front(sender);
            self.got = 0;
        }
    }

    /// A place was granted to the first in turn: is its turn over?
    fn end_turn(&mut self, sender: E164, cost: Cost, wants_more: bool) {
        self.got += 1;
        let in_a_turn = if self.counted.includes(cost) { 1 } else { IN_A_TURN };
        if wants_more && self.got < in_a_turn {
            return;
        }
        self.got = 0;
        self.turns.pop_front();
        if wants_more {
            self.turns.push_back(sender);
        } else {
            self.wants.remove(&sender);
        }
    }
}
