//! Provider accounts as their organization sees them: circuit and places.

use crate::directory::Directory;
use crate::domain::breaker::Circuit;
use crate::domain::ids::{AccountName, OrganizationId, ProviderKind};
use crate::domain::message::UnknownPolicy;
use crate::provider::ProviderMessage;
use crate::roster::Roster;

/// How one account stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountStanding {
    /// Its name.
    pub name: AccountName,
    /// Its provider.
    pub provider: ProviderKind,
    /// What follows an unknown outcome.
    pub unknown_outcome: UnknownPolicy,
    /// Its circuit.
    pub circuit: Circuit,
    /// Attempts in flight.
    pub in_flight: usize,
    /// How many may be in flight now, while the circuit is closed.
    pub allowed: usize,
    /// How many may be in flight at the most.
    pub places: usize,
}

/// The look at all of them. Cheap to clone.
#[derive(Clone)]
pub(super) struct Accounts {
    pub(super) directory: Directory,
    pub(super) roster: Roster,
    pub(super) places: usize,
}

impl Accounts {
    pub(super) fn of(&self, organization: OrganizationId) -> Vec<AccountStanding> {
        let plan = self.directory.plan();
        let ours = plan.book.accounts.values().filter(|account| account.organization == organization);
        let standings = ours.filter_map(|account| {
            let in_flight = plan.in_flight.get(&account.name)?;
            let (circuit, allowed) = in_flight.circuit().standing();
            Some(AccountStanding {
                name: account.name.clone(),
                provider: account.provider,
                unknown_outcome: account.unknown_outcome,
                circuit,
                in_flight: in_flight.count(),
                allowed,
                places: self.places,
            })
        });
        let mut standings: Vec<_> = standings.collect();
        standings.sort_by(|one, other| one.name.as_str().cmp(other.name.as_str()));
        standings
    }

    pub(super) fn close_circuit(&self, organization: OrganizationId, name: &AccountName) -> Option<bool> {
        let plan = self.directory.plan();
        plan.book.accounts.get(name).filter(|account| account.organization == organization)?;
        let was_open = plan.in_flight.get(name)?.circuit().close();
        // Without a provider actor there is nobody to be woken.
        let _ = self.roster.pass(name, ProviderMessage::Wake);
        Some(was_open)
    }
}
