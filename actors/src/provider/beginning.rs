//! The last check of an attempt, its stamp in every pace that counts it, and the start of its request.

use std::task::{Context, Poll, Waker};

use super::{Begin, ProviderState};
use crate::domain::breaker::Circuit;
use crate::domain::ids::MessageId;
use crate::domain::message::{Kind, Message};
use crate::domain::pace::{Cost, Keep};
use crate::domain::phone::E164;
use crate::domain::time::Time;
use crate::places::{AccountCharge, Charges, UnusedCharges};
use crate::sender::SenderMessage;

impl ProviderState {
    /// The last check, the stamp and the start of the request: one poll, nothing awaited between.
    pub(super) fn begin(&mut self, begin: Begin) {
        let Begin { mut attempt, due, quiet_from, keep, counts } = begin;
        let Some(facts) = attempt.message().map(Facts::of) else { return };
        let now = self.with.journal.now();
        let closed = matches!(self.with.in_flight.circuit().standing(), (Circuit::Closed, _));
        let ours = self.with.journal.may_begin(facts.sender);
        let in_time =
            now < attempt.begin_by() && !attempt.is_over(now) && quiet_from.is_none_or(|from| now < from);
        if !ours || !in_time || !(closed || attempt.is_probe()) {
            // Dropped, it goes back to its queue.
            return;
        }
        let charges = attempt.use_charges();
        let asked_nobody = charges == Some(Charges::DIRECT);
        let is_counted = self.counted.includes(facts.cost);
        if is_counted && facts.kind == Kind::Queued && charges.is_some_and(Charges::are_nothing) {
            // Taken while no limit counted it.
            return;
        }
        if !self.stamp(charges, facts.cost, now) {
            // Its units are over: so is this one's turn.
            return;
        }
        if asked_nobody {
            self.slowing.sent(facts.sender, facts.cost.segments, now);
        }
        self.shares.iter().flatten().for_each(|share| share.handed_over(now, facts.cost));
        let is_counted_there = counts.includes(facts.cost);
        let keep = if is_counted || is_counted_there { keep.and(self.keep(now)) } else { Keep::NOTHING };
        let Some((hand_over, begun)) = attempt.begin(now, keep) else { return };
        let patience = hand_over.deadline.since(now);
        tracing::debug!(
            message_id = %facts.id, attempt = hand_over.attempt, account = %self.with.account.name, "handed over"
        );
        let mut call = self.with.way_out.send(hand_over, patience);
        let started = call.as_mut().poll(&mut Context::from_waker(Waker::noop()));
        if is_counted_there {
            let written = SenderMessage::Written { id: facts.id, at: now, cost: facts.cost };
            self.with.roster.hint(facts.sender, written);
        }
        if facts.kind == Kind::Queued {
            self.with.in_flight.meters().lateness(now.since(due));
        }
        match started {
            Poll::Ready(outcome) => {
                tokio::spawn(begun.finish(Box::pin(std::future::ready(outcome))));
            }
            Poll::Pending => {
                tokio::spawn(begun.finish(call));
            }
        }
    }

    /// The store's charges serve all paces: the sender's, the account's and the organization's.
    fn keep(&self, now: Time) -> Keep {
        let account = match (&self.units, &self.pace) {
            (Some(units), _) => units.keep(now),
            (None, Some(pace)) => pace.keep(now),
            (None, None) => Keep::EVERYTHING,
        };
        account.and(self.organization.as_ref().map_or(Keep::NOTHING, |units| units.keep(now)))
    }

    /// False: what it was granted with is over, and it must not be written.
    pub(super) fn stamp(&mut self, charges: Option<Charges>, cost: Cost, now: Time) -> bool {
        let Some(Charges { account, organization }) = charges else { return true };
        let Some(units) = self.organization.as_mut() else { return self.stamp_account(account, cost, now) };
        let Some(unit) = organization else {
            // Nobody was asked.
            units.charge(now, cost.into());
            return self.stamp_account(account, cost, now);
        };
        if !units.lasts(unit, now) {
            units.spend(unit, now);
            self.take_back(Some(UnusedCharges(Charges { account, organization: None })));
            return false;
        }
        let in_time = self.stamp_account(account, cost, now);
        match self.organization.as_mut() {
            Some(units) if in_time => units.spend(unit, now),
            Some(units) => {
                units.put_back(unit);
                false
            }
            None => in_time,
        }
    }

    fn stamp_account(&mut self, charge: AccountCharge, cost: Cost, now: Time) -> bool {
        if let Some(units) = self.units.as_mut() {
            match charge {
                AccountCharge::Unit(unit) => return units.spend(unit, now),
                AccountCharge::Direct => units.charge(now, cost.into()),
                AccountCharge::Permit(_) | AccountCharge::Uncounted => {}
            }
            return true;
        }
        match (self.pace.as_mut(), charge) {
            (_, AccountCharge::Uncounted) => {}
            (Some(pace), AccountCharge::Permit(permit)) => pace.stamp(permit, now),
            (Some(pace), _) => pace.charge(now, cost),
            (None, _) => self.written_early.push((now, cost)),
        }
        true
    }
}

/// What is still needed of a message once it is on its way.
struct Facts {
    id: MessageId,
    sender: E164,
    kind: Kind,
    cost: Cost,
}

impl Facts {
    fn of(message: &Message) -> Self {
        let draft = &message.draft;
        Self { id: draft.id, sender: draft.sender, kind: draft.kind, cost: draft.cost() }
    }
}
