//! Whose turn it is at the account: places are granted in turn, as far as circuit, pauses, campaigns and limits allow.

use std::collections::HashMap;

use super::ProviderState;
use super::lines::{Line, Wanted};
use crate::domain::breaker::Answer;
use crate::domain::pace::{Allowed, Cost};
use crate::domain::phone::E164;
use crate::domain::time::Time;
use crate::places::{AccountCharge, Charges, FreeBelow, Place};
use crate::sender::SenderMessage;

/// What comes of a turn.
enum Turn {
    /// This sender's message goes, with these.
    Comes(E164, Cost, Charges),
    NotBefore(Time),
    /// What it waits for wakes us.
    IsAwaited,
}

/// How many places a sender gets in its turn, if it wants as many. Of what a limit counts it gets one: each has its
/// instant there.
const IN_A_TURN: usize = 8;

impl ProviderState {
    /// Places may be taken without asking while all that would be said is yes. What is said here may be late by
    /// what lies in the mailbox; what was taken by then and is not to go is found by `begin`.
    pub(super) fn let_take_freely(&self) {
        let in_flight = &self.with.in_flight;
        if !self.lines.is_empty() || in_flight.is_slowed() {
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
        if self.lines.is_empty() {
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
        let pauses_until = self.slowing.account_pauses_until();
        if pauses_until > now {
            self.alarm.arm(pauses_until, now);
            return None;
        }
        let mut again_at = None;
        for line in self.lines.in_order() {
            match self.turn_of(line, now) {
                Turn::Comes(sender, cost, charges) => {
                    let place = self.place(sender, cost, charges, now);
                    return Some((sender, if answer == Answer::Probe { place.for_probe() } else { place }));
                }
                Turn::NotBefore(at) => again_at = Some(again_at.map_or(at, |earlier: Time| earlier.min(at))),
                Turn::IsAwaited => {}
            }
        }
        if let Some(at) = again_at {
            self.alarm.arm(at, now);
        }
        None
    }

    fn place(&mut self, sender: E164, cost: Cost, charges: Charges, now: Time) -> Place {
        self.slowing.sent(sender, cost.segments, now);
        self.lines.got_one(sender, if self.counted.includes(cost) { 1 } else { IN_A_TURN });
        Place::take(&self.places_at, charges, Some(cost))
    }

    /// Does the first of a line get its turn now?
    fn turn_of(&mut self, line: Line, now: Time) -> Turn {
        let (sender, cost) = match self.first_of(line, now) {
            Ok(first) => first,
            Err(at) => return Turn::NotBefore(at),
        };
        if !self.counted.includes(cost) {
            return Turn::Comes(sender, cost, Charges::UNCOUNTED);
        }
        if self.organization.as_mut().is_some_and(|units| !units.are_enough(cost.into(), now)) {
            // A grant that comes wakes us. The account's pace is asked once there is one: asking costs it nothing.
            return Turn::IsAwaited;
        }
        let account = if let Some(units) = &mut self.units {
            // The same.
            let Some(unit) = units.take(cost.into(), now) else { return Turn::IsAwaited };
            AccountCharge::Unit(unit)
        } else {
            let since = self.lines.since(line, now);
            let Some(pace) = self.pace.as_mut() else { return Turn::IsAwaited };
            match pace.next_allowed(since, now, cost) {
                Allowed::At(at) if at <= now => AccountCharge::Permit(pace.take(at, now, cost)),
                Allowed::At(at) => return Turn::NotBefore(at),
                Allowed::WhenStamped => return Turn::IsAwaited,
            }
        };
        let organization = self.organization.as_mut().and_then(|units| units.take(cost.into(), now));
        Turn::Comes(sender, cost, Charges { account, organization })
    }

    /// What the first of a line costs, if the account's own pace and pauses let it go.
    pub(super) fn account_allows(&mut self, line: Line, now: Time) -> Option<Cost> {
        if self.slowing.account_pauses_until() > now {
            return None;
        }
        let (_, cost) = self.first_of(line, now).ok()?;
        let since = self.lines.since(line, now);
        let at = self.pace.as_mut()?.look_ahead(since, now, cost).at();
        at.filter(|at| *at <= now).map(|_| cost)
    }

    /// The first of a line whose campaign lets it go. `Err`: all are paused or slower, and when the first of them may
    /// go.
    pub(super) fn first_of(&mut self, line: Line, now: Time) -> Result<(E164, Cost), Time> {
        let mut earliest = Time::MAX;
        for (sender, Wanted { cost, .. }) in self.lines.of(line) {
            let at = self.slowing.campaign_allows(sender, now, cost.segments);
            if at <= now {
                return Ok((sender, cost));
            }
            earliest = earliest.min(at);
        }
        Err(self.slowing.changes_at().map_or(earliest, |change| earliest.min(change)))
    }
}
