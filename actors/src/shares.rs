//! What is known in this process of the limits that several senders share, an account's or an organization's: what
//! went through them, and who waits. For estimates alone: nothing of it decides when anything goes.
//!
//! State: written by the senders that wait and by the provider actors that hand over, read by whoever tells when a
//! message will go. Bounded by the senders that have something waiting. It may be out of date by what is said just
//! now, and is lost with the process.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use dashmap::DashMap;

use crate::domain::ids::{AccountName, OrganizationId};
use crate::domain::pace::{Cost, Costs, Limit, Pace};
use crate::domain::phone::E164;
use crate::domain::routing::Book;
use crate::domain::time::Time;

/// Whose limits they are.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Sharing {
    Account(AccountName),
    Organization(OrganizationId),
}

/// So many of what waits at a sender are known one by one.
const MOST_COSTS: usize = 256;

/// The cost of a message in a byte: it has at most 100 segments.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct SmallCost(u8);

/// What one sender has waiting.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Backlog {
    /// Messages that could go, one after the other.
    pub(crate) messages: u64,
    /// What the first of them cost.
    pub(crate) costs: Arc<[SmallCost]>,
    /// So many of these have gone since.
    pub(crate) first: u64,
    /// The sender's own limits, with what went through them when it was looked what its messages cost.
    pub(crate) own: OwnPace,
    /// Since when, or from when on, the first of them wants its turn.
    pub(crate) wants_at: Time,
    /// When the sender had its last turn.
    pub(crate) had_turn_at: Time,
}

/// A copy of a sender's pace. It is equal to itself alone.
#[derive(Debug, Clone)]
pub(crate) struct OwnPace(Arc<Pace>);

impl OwnPace {
    pub(crate) fn copy_of(pace: Pace) -> Self {
        Self(Arc::new(pace))
    }

    /// A message of it goes at `at`, which wanted to at `wanted_at`.
    pub(crate) fn goes(&mut self, cost: Costs, wanted_at: Time, at: Time) {
        let pace = Arc::make_mut(&mut self.0);
        let permit = pace.take(wanted_at, at, cost);
        pace.stamp(permit, at);
    }

    /// When the next one wants to go.
    pub(crate) fn next(&mut self, cost: Costs, now: Time) -> Time {
        // Nothing is open in a copy.
        Arc::make_mut(&mut self.0).look_ahead(Time::ZERO, now, cost).at().unwrap_or(now).max(now)
    }
}

impl PartialEq for OwnPace {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for OwnPace {}

/// How the senders stand that share limits, at one instant.
#[derive(Debug)]
pub(crate) struct Standing {
    /// What the limits allow, if nothing else is charged.
    pub(crate) pace: Pace,
    /// The backlogs of the others of its account.
    pub(crate) others: Vec<Backlog>,
    /// Those of each of the organization's other accounts: it has its turns like this account.
    pub(crate) accounts: Vec<Vec<Backlog>>,
    /// To how many the limits are passed on in turns: processes, and of an organization the accounts of each.
    pub(crate) sharers: u32,
    /// So many of these are of this process.
    pub(crate) of_these_here: u32,
    /// Messages that ever came, see [`Share::came_since`].
    pub(crate) came: u64,
}

/// The limits of one account or organization.
#[derive(Debug)]
pub(crate) struct Share {
    limits: Vec<Limit>,
    known: Mutex<Known>,
}

#[derive(Debug)]
struct Known {
    pace: Pace,
    waiting: HashMap<E164, (AccountName, Backlog)>,
    sharers: u32,
    came: u64,
}

impl Share {
    fn new(limits: &[Limit], now: Time) -> Self {
        let pace = Pace::new(limits, None, [], now);
        let known = Known { pace, waiting: HashMap::new(), sharers: 1, came: 0 };
        Self { limits: limits.to_vec(), known: Mutex::new(known) }
    }

    /// What was handed over before is known now.
    pub(crate) fn loaded(&self, stamps: impl IntoIterator<Item = (Time, Cost)>, now: Time) {
        self.known().pace = Pace::new(&self.limits, None, stamps, now);
    }

    /// A message was handed over.
    pub(crate) fn handed_over(&self, at: Time, cost: Cost) {
        self.known().pace.charge(at, cost);
    }

    /// The limits are passed on in turns, to so many.
    pub(crate) fn passed_on_to(&self, sharers: u32) {
        self.known().sharers = sharers.max(1);
    }

    /// What a sender has waiting now; `None`: nothing any more.
    pub(crate) fn waits(&self, sender: E164, account: &AccountName, backlog: Option<Backlog>) {
        let mut known = self.known();
        match backlog {
            Some(backlog) => known.waiting.insert(sender, (account.clone(), backlog)),
            None => known.waiting.remove(&sender),
        };
        if known.waiting.is_empty() {
            known.waiting = HashMap::new();
        }
    }

    /// So many messages more wait, at any of the senders.
    pub(crate) fn came(&self, messages: u64) {
        let mut known = self.known();
        known.came = known.came.wrapping_add(messages);
    }

    /// Messages that came since [`Standing::came`] was told.
    pub(crate) fn came_since(&self, before: u64) -> u64 {
        self.known().came.wrapping_sub(before)
    }

    /// When the limits allow this, if nothing else is charged before.
    pub(crate) fn allows(&self, cost: Cost, now: Time) -> Time {
        self.known().pace.look_ahead(Time::ZERO, now, cost).at().unwrap_or(now).max(now)
    }

    /// How it stands for one of the senders of an account.
    pub(crate) fn standing(&self, sender: E164, account: &AccountName, now: Time) -> Standing {
        let known = self.known();
        let mut others = Vec::new();
        let mut accounts: HashMap<&AccountName, Vec<Backlog>> = HashMap::new();
        for (_, (of, backlog)) in known.waiting.iter().filter(|(other, _)| **other != sender) {
            let of_account = if of == account { &mut others } else { accounts.entry(of).or_default() };
            of_account.push(backlog.clone());
        }
        let of_these_here = u32::try_from(accounts.len()).unwrap_or(u32::MAX).saturating_add(1);
        Standing {
            pace: known.pace.ahead(now),
            others,
            accounts: accounts.into_values().collect(),
            sharers: known.sharers.max(of_these_here),
            of_these_here,
            came: known.came,
        }
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// All that are shared in this process. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub(crate) struct Shares(Arc<DashMap<Sharing, Arc<Share>>>);

impl Shares {
    /// These limits of an account, or of an organization, from now on; `None` without any.
    pub(crate) fn begin(&self, sharing: Sharing, limits: &[Limit], now: Time) -> Option<Arc<Share>> {
        if limits.is_empty() {
            self.0.remove(&sharing);
            return None;
        }
        let mut share = self.0.entry(sharing).or_insert_with(|| Arc::new(Share::new(limits, now)));
        if share.limits != limits {
            *share = Arc::new(Share::new(limits, now));
        }
        Some(Arc::clone(&share))
    }

    /// Forgets those that the directory does not have any more.
    pub(crate) fn keep_those_of(&self, book: &Book) {
        self.0.retain(|sharing, _| match sharing {
            Sharing::Account(name) => book.accounts.contains_key(name),
            Sharing::Organization(organization) => !book.limits_of(*organization).is_empty(),
        });
    }

    /// Those of an account, or of an organization, if it has limits.
    pub(crate) fn of(&self, sharing: &Sharing) -> Option<Arc<Share>> {
        self.0.get(sharing).map(|share| Arc::clone(&share))
    }
}

impl Backlog {
    /// What each of these messages costs, in about their order.
    pub(crate) fn costs(messages: impl Iterator<Item = Cost>) -> Arc<[SmallCost]> {
        messages.take(MOST_COSTS).map(SmallCost::of).collect()
    }

    /// What the message costs that is behind so many others of it. Beyond what is known it goes on in the same way:
    /// how messages of different sizes fit beside each other in a window depends on each, and not on their mean.
    pub(crate) fn cost_of(&self, gone: u64) -> Costs {
        let known = self.costs.len().max(1);
        let place = usize::try_from(self.first.saturating_add(gone)).unwrap_or_default() % known;
        self.costs.get(place).map_or(Costs::NOTHING, |cost| cost.whole().into())
    }
}

impl SmallCost {
    const WITH_MEDIA: u8 = 0x80;

    fn of(cost: Cost) -> Self {
        let segments = u8::try_from(cost.segments).unwrap_or(u8::MAX).min(Self::WITH_MEDIA - 1);
        Self(if cost.mms { segments | Self::WITH_MEDIA } else { segments })
    }

    const fn whole(self) -> Cost {
        let segments = (self.0 & !Self::WITH_MEDIA) as u32;
        if self.0 & Self::WITH_MEDIA == 0 { Cost::sms(segments) } else { Cost::mms(segments) }
    }
}
