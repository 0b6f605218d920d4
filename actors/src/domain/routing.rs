//! Who owns a number, and how it is to be sent from: the directory's data.

use std::collections::HashMap;

use super::ids::{AccountName, AssistantId, CampaignName, OrganizationId, ProviderKind};
use super::lanes::Weights;
use super::message::{Elsewhere, UnknownPolicy};
use super::pace::Limit;
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
    /// Every sending number.
    pub numbers: HashMap<E164, Route>,
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
