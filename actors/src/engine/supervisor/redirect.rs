//! The directory changes while the engine runs.
//!
//! Everybody goes by the new plan at once. Then those are told who keep something of the old one: an account's
//! actor, and the sender of a number. An account that is new gets its actor, one that is gone loses it: what was
//! accepted for it waits until there is one of its name again. An account with other limits, or of an organization
//! with others, gets another actor, which reads the past that those need, as at a start.

use std::sync::Arc;

use ractor::ActorRef;

use super::{Child, LONGEST_BACK_OFF, SupervisorMessage, SupervisorState};
use crate::backlog::Backlogs;
use crate::directory::Plan;
use crate::domain::ids::AccountName;
use crate::domain::pace::CountedTraffic;
use crate::domain::routing::Book;
use crate::engine::WaysOut;
use crate::provider::{OrganizationLimits, ProviderMessage};
use crate::sender::SenderMessage;

impl SupervisorState {
    pub(super) async fn redirect(
        &mut self,
        book: Arc<Book>,
        ways_out: WaysOut,
        myself: &ActorRef<SupervisorMessage>,
    ) {
        let before = self.tree.directory.plan();
        let places = self.tree.journal.settings().places_in_flight;
        let after = Arc::new(before.changed(book, ways_out, places));
        self.tree.directory.replace(Arc::clone(&after));
        for name in before.book.accounts.keys().filter(|name| !after.book.accounts.contains_key(*name)) {
            self.end_account(name, &before);
        }
        for name in after.book.accounts.keys() {
            self.redirect_account(name, &before, &after, myself).await;
        }
        self.tree.roster.shares().keep_those_of(&after.book);
        self.redirect_senders(&before, &after);
        self.look_for_work();
    }

    /// What is on its way records itself.
    fn end_account(&mut self, name: &AccountName, before: &Plan) {
        if let Some(actor) = self.tree.roster.provider(name) {
            self.tree.roster.leave_provider(name, actor.get_id());
            actor.stop(None);
        }
        if let Some(in_flight) = before.in_flight.get(name) {
            in_flight.leave();
        }
        self.unknown_until.remove(name);
    }

    async fn redirect_account(
        &mut self,
        name: &AccountName,
        before: &Plan,
        after: &Plan,
        myself: &ActorRef<SupervisorMessage>,
    ) {
        let (Some(way_out), Some(in_flight)) = (after.ways_out.get(name), after.in_flight.get(name)) else {
            return;
        };
        let is_same_way = before.ways_out.get(name).is_some_and(|before| Arc::ptr_eq(before, way_out));
        if !is_same_way {
            // What was wrong with the way before says nothing of this one.
            in_flight.circuit().close();
        }
        let is_new = !before.book.accounts.contains_key(name);
        let old = self.tree.roster.provider(name);
        if old.is_none() && !is_new {
            // It failed, and is started again by the new plan.
            return;
        }
        if !is_new && !limits_differ(name, before, after) {
            let redirected = ProviderMessage::Redirected(after.book.reach(name), Arc::clone(way_out));
            let _ = self.tree.roster.pass(name, redirected);
            return;
        }
        if notes(name, before).covers(after.book.counted_by(name)) {
            self.unknown_until.remove(name);
        } else {
            self.unknown_until.insert(name.clone(), self.tree.journal.now());
        }
        let child = Child::Provider(name.clone());
        if let Err(error) = self.spawn(&child, myself).await {
            tracing::error!(account = %name, %error, "an account's actor did not start; trying again");
            myself.send_after(LONGEST_BACK_OFF, move || SupervisorMessage::Restart(child));
        }
        if let Some(old) = old {
            // What it was told and has not done goes back to its queue.
            old.stop(None);
        }
    }

    /// Those that run. The others are made of the new plan when they start.
    fn redirect_senders(&self, before: &Plan, after: &Plan) {
        for (number, sender) in self.tree.roster.numbers() {
            let (was, is) = (before.book.sending(number), after.book.sending(number));
            let told = match is {
                None => SenderMessage::Leave,
                Some(is) if was.as_ref() != Some(&is) => SenderMessage::Redirected(Box::new(is)),
                Some(_) => continue,
            };
            // One that is stopping is started anew, by the new plan.
            let _ = sender.send_message(told);
        }
    }

    /// Messages may have waited for their number to be there again. A task of its own: it asks the supervisor
    /// for senders.
    fn look_for_work(&self) {
        let (journal, directory) = (self.tree.journal.clone(), self.tree.directory.clone());
        let backlogs = Backlogs { journal, directory, roster: self.tree.roster.clone() };
        tokio::spawn(async move { backlogs.look_at(backlogs.journal.owned()).await });
    }
}

fn limits_differ(name: &AccountName, before: &Plan, after: &Plan) -> bool {
    let limits = |plan: &Plan| {
        let account = plan.book.accounts.get(name)?;
        Some((account.limits.clone(), OrganizationLimits::of(&plan.book, account)))
    };
    limits(before) != limits(after)
}

/// Which hand-overs of an account's numbers are noted. One that is not there handed over nothing.
fn notes(name: &AccountName, plan: &Plan) -> CountedTraffic {
    if !plan.book.accounts.contains_key(name) {
        return CountedTraffic::EVERYTHING;
    }
    plan.book.counted_by(name).or(plan.book.noted_by(&plan.book.reach(name).numbers))
}
