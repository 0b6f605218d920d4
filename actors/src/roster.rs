//! Who is running now: the addresses of senders and providers, by name.
//!
//! Results and hints are addressed by number or account, never by actor, so that a restarted one
//! gets them. An entry proves nothing about ownership; the store's lease does. The engine and the
//! directory write here, everybody reads.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use dashmap::DashMap;
use dashmap::mapref::multiple::RefMulti;
use ractor::{ActorId, ActorRef};

use crate::directory::DirectoryMessage;
use crate::domain::ids::{AccountName, Shard};
use crate::domain::phone::E164;
use crate::domain::shard_set::ShardSet;
use crate::handled::Handled;
use crate::provider::ProviderMessage;
use crate::sender::SenderMessage;
use crate::shares::Shares;

/// The address book of running actors. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Roster {
    senders: Arc<DashMap<E164, Entry<SenderMessage>>>,
    providers: Arc<DashMap<AccountName, Entry<ProviderMessage>>>,
    directory: Arc<Mutex<Option<ActorRef<DirectoryMessage>>>>,
    shares: Shares,
}

/// A running actor.
struct Entry<M> {
    address: ActorRef<M>,
    handled: Handled,
}

// Derived, it would ask that of the messages too.
impl<M> fmt::Debug for Entry<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.address.fmt(f)
    }
}

/// The message did not reach an actor, and was dropped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotRunning;

impl Roster {
    /// The sender of a number, if it runs.
    pub fn sender(&self, number: E164) -> Option<ActorRef<SenderMessage>> {
        self.senders.get(&number).map(|entry| entry.address.clone())
    }

    /// The provider actor of an account, if it runs.
    pub fn provider(&self, account: &AccountName) -> Option<ActorRef<ProviderMessage>> {
        self.providers.get(account).map(|entry| entry.address.clone())
    }

    /// Does the provider actor of an account run?
    pub(crate) fn has_provider(&self, account: &AccountName) -> bool {
        self.providers.contains_key(account)
    }

    /// The directory, if it runs.
    pub fn directory(&self) -> Option<ActorRef<DirectoryMessage>> {
        self.directory.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Tells a sender, if it runs; if not, it will read the store when it does.
    pub fn hint(&self, number: E164, message: SenderMessage) {
        if let Some(sender) = self.sender(number) {
            // A stopping sender's mailbox is lost, and with it only a hint.
            let _ = sender.send_message(message);
        }
    }

    /// Passes a message to a provider actor.
    pub fn pass(&self, account: &AccountName, message: ProviderMessage) -> Result<(), NotRunning> {
        let provider = self.provider(account).ok_or(NotRunning)?;
        provider.send_message(message).map_err(|_| NotRunning)
    }

    /// The limits that senders share.
    pub(crate) const fn shares(&self) -> &Shares {
        &self.shares
    }

    /// How many senders run.
    pub fn senders_running(&self) -> usize {
        self.senders.len()
    }

    /// Every running sender of a shard.
    pub fn senders_of(&self, shard: Shard) -> Vec<ActorRef<SenderMessage>> {
        let of_shard = self.senders.iter().filter(|entry| Shard::of(*entry.key()) == shard);
        of_shard.map(|entry| entry.address.clone()).collect()
    }

    /// Every number whose sender runs, with that.
    pub(crate) fn numbers(&self) -> Vec<(E164, ActorRef<SenderMessage>)> {
        self.senders.iter().map(|entry| (*entry.key(), entry.address.clone())).collect()
    }

    /// Every running sender.
    pub fn senders(&self) -> Vec<ActorRef<SenderMessage>> {
        self.senders.iter().map(|entry| entry.address.clone()).collect()
    }

    /// Every running sender, and its count of what it has handled.
    pub(crate) fn senders_and_handled(&self) -> Vec<(ActorRef<SenderMessage>, Handled)> {
        self.senders.iter().map(|entry| (entry.address.clone(), entry.handled.clone())).collect()
    }

    /// The provider actor of an account, if it runs, and how many messages it has handled.
    pub(crate) fn provider_and_handled(
        &self,
        account: &AccountName,
    ) -> Option<(ActorRef<ProviderMessage>, u64)> {
        self.providers.get(account).map(|entry| (entry.address.clone(), entry.handled.so_far()))
    }

    /// Every running sender of these shards.
    pub fn senders_in(&self, shards: ShardSet) -> Vec<ActorRef<SenderMessage>> {
        let is_there =
            |entry: &RefMulti<'_, E164, Entry<SenderMessage>>| shards.contains(Shard::of(*entry.key()));
        self.senders.iter().filter(is_there).map(|entry| entry.address.clone()).collect()
    }

    /// The shards of which senders run.
    pub fn shards_with_senders(&self) -> ShardSet {
        self.senders.iter().map(|entry| Shard::of(*entry.key())).collect()
    }

    pub(crate) fn enter_sender(&self, number: E164, address: ActorRef<SenderMessage>, handled: Handled) {
        self.senders.insert(number, Entry { address, handled });
    }

    pub(crate) fn enter_provider(
        &self,
        account: AccountName,
        address: ActorRef<ProviderMessage>,
        handled: Handled,
    ) {
        self.providers.insert(account, Entry { address, handled });
    }

    pub(crate) fn enter_directory(&self, address: Option<ActorRef<DirectoryMessage>>) {
        *self.directory.lock().unwrap_or_else(PoisonError::into_inner) = address;
    }

    /// Takes a sender out, unless a newer one has its place.
    pub(crate) fn leave_sender(&self, number: E164, who: ActorId) {
        self.senders.remove_if(&number, |_, entry| entry.address.get_id() == who);
    }

    /// Takes a provider actor out, unless a newer one has its place.
    pub(crate) fn leave_provider(&self, account: &AccountName, who: ActorId) {
        self.providers.remove_if(account, |_, entry| entry.address.get_id() == who);
    }
}
