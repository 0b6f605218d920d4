//! Who owns a number, and how it is to be sent from: the directory's data.

use std::collections::HashMap;
use std::sync::Arc;

use super::ids::{AccountName, AssistantId, CampaignName, OrganizationId, ProviderKind};
use super::lanes::Weights;
use super::message::{Elsewhere, UnknownPolicy};
use super::pace::{CountedTraffic, Limit};
use super::phone::E164;
use super::quiet_hours::QuietHours;

/// What the directory knows of one sending number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Route {
    /// The organization of its assistant.
    pub organization: OrganizationId,
    /// The assistant that owns it.
    pub assistant: AssistantId,
    /// The provider account it goes through.
    pub account: AccountName,
    /// That account's provider.
    pub provider: ProviderKind,
    /// Its campaign at that provider, if it is told: what is refused for the campaign's pace slows all its numbers.
    pub campaign: Option<CampaignName>,
    /// The account that a message goes through once this one has definitely refused it.
    pub fallback: Option<Elsewhere>,
    /// Its limits; all must allow a message.
    pub limits: Vec<Limit>,
    /// Its organization's quiet hours.
    pub quiet_hours: Option<QuietHours>,
    /// What its lanes get of them while all have work.
    pub weights: Weights,
}

impl Route {
    /// Is this its account, or its fallback?
    pub fn may_go_through(&self, account: &AccountName) -> bool {
        let fallback = self.fallback.as_ref().map(|fallback| &fallback.account);
        self.account == *account || fallback == Some(account)
    }
}

/// What the engine knows of one provider account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// Its name.
    pub name: AccountName,
    /// Whose it is.
    pub organization: OrganizationId,
    /// Its provider.
    pub provider: ProviderKind,
    /// Its account-wide limits.
    pub limits: Vec<Limit>,
    /// What follows an unknown outcome.
    pub unknown_outcome: UnknownPolicy,
}

/// The whole directory, as one consistent set. Checked where it is read from configuration.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Book {
    /// Every sending number. Those that are sent from alike share their route ([`Alike`]).
    pub numbers: HashMap<E164, Arc<Route>>,
    /// Every provider account.
    pub accounts: HashMap<AccountName, Account>,
    /// The limits of organizations that have some: of all that goes through any of their accounts.
    pub organization_limits: HashMap<OrganizationId, Vec<Limit>>,
}

impl Book {
    /// The limits of an organization; none where it has none.
    pub fn limits_of(&self, organization: OrganizationId) -> &[Limit] {
        self.organization_limits.get(&organization).map_or(&[], Vec::as_slice)
    }

    /// The accounts of each organization that has some.
    pub fn accounts_of_each(&self) -> HashMap<OrganizationId, Vec<&AccountName>> {
        let mut of_each: HashMap<OrganizationId, Vec<&AccountName>> = HashMap::new();
        for account in self.accounts.values() {
            of_each.entry(account.organization).or_default().push(&account.name);
        }
        of_each
    }

    /// The account of an organization whose provider actor passes on what the organization's limits allow, where
    /// this process is who does: the first one by its name.
    pub fn granting_account(&self, organization: OrganizationId) -> Option<&AccountName> {
        let ours = self.accounts.values().filter(|account| account.organization == organization);
        ours.map(|account| &account.name).min()
    }
}

/// How a number is sent from: all that its sender goes by. Cheap to compare where nothing differs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sending {
    /// What the directory says of it.
    pub route: Arc<Route>,
    /// The limits of its account and of its organization.
    pub account_limits: Vec<Limit>,
    /// Those of its fallback account.
    pub fallback_limits: Vec<Limit>,
}

/// The numbers that an account is for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Reach {
    /// Those whose messages may go through it, also as their fallback.
    pub numbers: Vec<E164>,
    /// The campaigns of those whose account it is, where they are told.
    pub campaigns: HashMap<E164, CampaignName>,
}

impl Book {
    /// How this number is sent from; `None` where it is nobody's.
    pub fn sending(&self, number: E164) -> Option<Sending> {
        let route = Arc::clone(self.numbers.get(&number)?);
        let account_limits =
            [self.limits_of_account(&route.account), self.limits_of(route.organization)].concat();
        let fallback_limits = route.fallback.as_ref().map(|to| self.limits_of_account(&to.account).to_vec());
        Some(Sending { account_limits, fallback_limits: fallback_limits.unwrap_or_default(), route })
    }

    /// The numbers that this account is for, in order.
    pub fn reach(&self, account: &AccountName) -> Reach {
        let mut reach = Reach::default();
        for (number, route) in &self.numbers {
            if !route.may_go_through(account) {
                continue;
            }
            reach.numbers.push(*number);
            if let Some(campaign) = route.campaign.as_ref().filter(|_| route.account == *account) {
                reach.campaigns.insert(*number, campaign.clone());
            }
        }
        reach.numbers.sort_unstable();
        reach
    }

    /// Which hand-overs of these numbers are noted whatever their accounts' limits are: those that each of them
    /// has limits of its own for.
    pub fn noted_by(&self, numbers: &[E164]) -> CountedTraffic {
        let by_own = |number: &E164| {
            self.numbers.get(number).map_or(CountedTraffic::NOTHING, |to| CountedTraffic::by(&to.limits))
        };
        numbers.iter().map(by_own).reduce(CountedTraffic::and).unwrap_or(CountedTraffic::EVERYTHING)
    }

    /// Which traffic the limits of an account and of its organization count; nothing where there is no such account.
    pub fn counted_by(&self, account: &AccountName) -> CountedTraffic {
        let Some(account) = self.accounts.get(account) else { return CountedTraffic::NOTHING };
        CountedTraffic::by(account.limits.iter().chain(self.limits_of(account.organization)))
    }

    fn limits_of_account(&self, account: &AccountName) -> &[Limit] {
        self.accounts.get(account).map_or(&[], |account| &account.limits)
    }
}

/// Routes that are equal are kept once, so that a number costs its entry in the book and no more. Of one
/// assistant's numbers a few routes at the most are told apart; further ones are each kept.
#[derive(Debug, Default)]
pub struct Alike(HashMap<AssistantId, Vec<Arc<Route>>>);

/// So many routes of one assistant are compared with a new one.
const COMPARED: usize = 16;

impl Alike {
    /// The route, as it is known already if it is.
    pub fn share(&mut self, route: Route) -> Arc<Route> {
        let known = self.0.entry(route.assistant).or_default();
        if let Some(same) = known.iter().find(|known| ***known == route) {
            return Arc::clone(same);
        }
        let route = Arc::new(route);
        if known.len() < COMPARED {
            known.push(Arc::clone(&route));
        }
        route
    }
}
