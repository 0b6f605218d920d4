//! How fast an account and its campaigns go after refusals for their pace (`domain/adaptive.rs`).
//!
//! A campaign pauses and gets a working rate. An account only pauses: its refusals are as often about how much it
//! has in flight, or about a server that is busy, and the account's places answer that (`places.rs`). A working
//! rate takes each of them for a limit: where three in a hundred are refused whatever the rate, it falls and falls.
//!
//! Each pauses and slows only its own numbers. A number without a campaign in the directory is its own: what
//! its campaign's pace refuses then pauses nobody else.

use std::collections::HashMap;

use crate::domain::adaptive::WorkingRate;
use crate::domain::ids::CampaignName;
use crate::domain::outcome::Slows;
use crate::domain::phone::E164;
use crate::domain::time::Time;
use crate::slowing::TooFast;

/// Who goes slower: of campaigns, and of numbers without one, only those that do.
#[derive(Debug)]
pub(super) struct Slowing {
    /// Its pause, and what it sent, from which a campaign's rate begins; it is never cut.
    account: WorkingRate,
    campaigns: HashMap<E164, CampaignName>,
    slowed: HashMap<Whose, WorkingRate>,
}

/// Whose pace of a campaign it is.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Whose {
    Campaign(CampaignName),
    Number(E164),
}

impl Slowing {
    pub(super) fn new(campaigns: HashMap<E164, CampaignName>) -> Self {
        Self { account: WorkingRate::new(None), campaigns, slowed: HashMap::new() }
    }

    /// Numbers belong to these campaigns from now on.
    pub(super) fn belong(&mut self, campaigns: HashMap<E164, CampaignName>) {
        self.campaigns = campaigns;
    }

    /// A message was refused for the pace of its campaign or account.
    pub(super) fn too_fast(&mut self, slows: Slows, refused: &TooFast, now: Time) {
        if slows != Slows::Campaign {
            self.account.paused(refused.sent, refused.named, now);
            return;
        }
        let whose = self.whose(refused.sender);
        let working = self.slowed.entry(whose).or_insert_with(|| self.account.of_a_part());
        working.refused(refused.segments, refused.sent, refused.named, now);
    }

    /// A message of this number was taken.
    pub(super) fn taken(&mut self, sender: E164, sent: Time) {
        self.account.accepted(sent);
        let whose = self.whose(sender);
        if let Some(working) = self.slowed.get_mut(&whose) {
            working.accepted(sent);
        }
    }

    /// A message goes at `at` whose number goes through another account.
    pub(super) fn sent_from_elsewhere(&mut self, segments: u32, at: Time) {
        self.account.sent(segments, at);
    }

    /// A message of this number goes at `at`.
    pub(super) fn sent(&mut self, sender: E164, segments: u32, at: Time) {
        self.account.sent(segments, at);
        if self.slowed.is_empty() {
            return;
        }
        let whose = self.whose(sender);
        if let Some(working) = self.slowed.get_mut(&whose) {
            working.sent(segments, at);
        }
    }

    /// Nothing of the account goes before this.
    pub(super) const fn account_pauses_until(&self) -> Time {
        self.account.pauses_until()
    }

    /// The same of this number's campaign.
    pub(super) fn campaign_allows(&mut self, sender: E164, now: Time, segments: u32) -> Time {
        if self.slowed.is_empty() {
            return Time::ZERO;
        }
        let whose = self.whose(sender);
        self.slowed.get_mut(&whose).map_or(Time::ZERO, |working| working.next_allowed(now, segments))
    }

    /// When it is worth while to ask again before an instant that was told.
    pub(super) fn changes_at(&self) -> Option<Time> {
        self.slowed.values().filter_map(WorkingRate::changes_at).min()
    }

    /// Does anything go slower? What does so no more is forgotten.
    pub(super) fn slows(&mut self, now: Time) -> bool {
        self.slowed.retain(|_, working| working.holds_back(now));
        self.account.holds_back(now) || !self.slowed.is_empty()
    }

    fn whose(&self, sender: E164) -> Whose {
        self.campaigns.get(&sender).map_or(Whose::Number(sender), |name| Whose::Campaign(name.clone()))
    }
}
