//! Places in flight at a provider account: the bound on requests that may be on their way at once.
//!
//! The provider actor grants them; a [`Place`] comes back when it is dropped, whoever drops it. While nobody
//! waits for one and nothing but their number bounds them, the actor says so, and they are taken without
//! asking it. The count and the account's circuit outlive the actor, so that a restarted one knows what is
//! still on its way, and how that stands.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use crate::circuit::Circuit;
use crate::domain::breaker::{Answer, Sign};
use crate::domain::grants::Unit;
use crate::domain::ids::{AccountName, ProviderKind};
use crate::domain::pace::{Cost, Permit};
use crate::domain::phone::E164;
use crate::domain::time::Time;
use crate::provider::ProviderMessage;
use crate::roster::Roster;
use crate::telemetry::AccountMeters;

/// How many places of one account are taken, and its circuit. Cheap to clone.
#[derive(Debug, Clone)]
pub struct InFlight {
    counts: Arc<Counts>,
    circuit: Circuit,
    meters: Arc<AccountMeters>,
}

#[derive(Debug, Default)]
struct Counts {
    taken: AtomicUsize,
    /// The provider actor found no place free and waits for one that comes back.
    awaited: AtomicBool,
    /// The provider actor wants to hear of what is taken: it goes slower, or a campaign of it does.
    slowed: AtomicBool,
    /// While fewer are taken, one may be taken without asking the provider actor, for a message without media.
    free_below_for_sms: AtomicUsize,
    /// The same for one with media: an account may count only these.
    free_below_for_mms: AtomicUsize,
}

impl InFlight {
    /// Nothing in flight, of an account with so many places.
    pub(crate) fn new(provider: ProviderKind, account: AccountName, places: usize) -> Self {
        let meters = Arc::new(AccountMeters::new(provider, &account));
        let circuit = Circuit::new(account, places, Arc::clone(&meters));
        Self { counts: Arc::default(), circuit, meters }
    }

    /// The account's metrics.
    pub(crate) fn meters(&self) -> &AccountMeters {
        &self.meters
    }

    /// The account's circuit.
    pub(crate) const fn circuit(&self) -> &Circuit {
        &self.circuit
    }

    /// Nobody goes by this any more: the process may work again later, with a new count and circuit.
    /// (Attempts that are on their way still count as such, until they end.)
    pub(crate) fn leave(&self) {
        self.meters.rest();
    }

    /// How many are taken.
    pub fn count(&self) -> usize {
        self.counts.taken.load(Ordering::Acquire)
    }

    /// Are fewer taken than this? If not, the next one that comes back is told to the provider actor.
    pub(crate) fn is_below(&self, places: usize) -> bool {
        if self.count() < places {
            return true;
        }
        self.awaited();
        // One may have come back before it could see that it is awaited.
        self.counts.taken.load(Ordering::SeqCst) < places
    }

    /// Is the provider actor to hear of what is taken from now on?
    pub(crate) fn set_slowed(&self, slowed: bool) {
        self.counts.slowed.store(slowed, Ordering::Relaxed);
    }

    /// Does the account or a campaign of it go slower, as far as was said?
    pub(crate) fn is_slowed(&self) -> bool {
        self.counts.slowed.load(Ordering::Relaxed)
    }

    /// From now on places are taken without asking the provider actor while fewer than these are.
    pub(crate) fn free_below(&self, places: FreeBelow) {
        self.counts.free_below_for_sms.store(places.sms, Ordering::Release);
        self.counts.free_below_for_mms.store(places.mms, Ordering::Release);
    }

    /// The next place that comes back is told to the provider actor.
    pub(crate) fn awaited(&self) {
        self.counts.awaited.store(true, Ordering::SeqCst);
    }
}

/// While fewer places are taken than this, the next one may be taken without asking the provider actor; zero: it is
/// to be asked.
#[derive(Debug, Clone, Copy)]
pub(crate) struct FreeBelow {
    /// For a message without media.
    pub(crate) sms: usize,
    /// For one with media.
    pub(crate) mms: usize,
}

impl FreeBelow {
    /// It is to be asked.
    pub(crate) const NOTHING: Self = Self { sms: 0, mms: 0 };
}

/// The places of one account, and where to tell its provider actor of one that comes back. One allocation
/// for all of them: a place is made for every attempt.
#[derive(Debug)]
pub(crate) struct PlacesAt {
    account: AccountName,
    in_flight: InFlight,
    roster: Roster,
}

impl PlacesAt {
    pub(crate) fn new(account: AccountName, in_flight: InFlight, roster: Roster) -> Self {
        Self { account, in_flight, roster }
    }

    /// May half of them be had without asking, for messages without media? Then nobody misses one that is taken
    /// a little before it is needed.
    pub(crate) fn are_plenty(&self) -> bool {
        let counts = &self.in_flight.counts;
        2 * counts.taken.load(Ordering::Relaxed) < counts.free_below_for_sms.load(Ordering::Relaxed)
    }

    /// Takes one for a message of this cost without asking, if anybody may. `None`: the provider actor is to
    /// be asked.
    pub(crate) fn take_free(self: &Arc<Self>, cost: Cost, now: Time) -> Option<Place> {
        if !self.roster.has_provider(&self.account) {
            // Nobody would hand over what goes with it.
            return None;
        }
        let Answer::UpTo(allowed) = self.in_flight.circuit().ask(now) else { return None };
        let counts = &self.in_flight.counts;
        let below = if cost.mms { &counts.free_below_for_mms } else { &counts.free_below_for_sms };
        let below = below.load(Ordering::Acquire).min(allowed);
        let one_more = |taken: usize| (taken < below).then_some(taken + 1);
        counts.taken.fetch_update(Ordering::SeqCst, Ordering::SeqCst, one_more).ok()?;
        Some(Place::counted(self, Charges::DIRECT, Some(cost)))
    }
}

/// One place, taken. Dropping it gives it back.
#[derive(Debug)]
pub struct Place {
    at: Arc<PlacesAt>,
    charges: Option<Charges>,
    /// What a message may cost that goes with it: what the account's pace was asked for. `None`: anything.
    covers: Option<Cost>,
    /// It was granted for the probe of an open circuit, which has not ended.
    probe: bool,
}

/// What a place is to the account's own pace.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum AccountCharge {
    /// A permit of the account's pace, to be stamped or abandoned.
    Permit(Permit),
    /// Units that the account's owner granted, to be spent or put back.
    Unit(Unit),
    /// Charged when it is written, without having asked: an immediate message, or a queued one while there are
    /// no limits.
    Direct,
    /// Granted in its turn, of a message that no limit counts.
    Uncounted,
}

/// What a place is to the limits beyond its sender's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Charges {
    /// To those of its account.
    pub(crate) account: AccountCharge,
    /// Units of those of its organization, if that has any and was asked.
    pub(crate) organization: Option<Unit>,
}

impl Charges {
    /// Who takes it asks nobody.
    pub(crate) const DIRECT: Self = Self { account: AccountCharge::Direct, organization: None };

    /// Of what no limit counts.
    pub(crate) const UNCOUNTED: Self = Self { account: AccountCharge::Uncounted, organization: None };

    /// Was no limit asked? Then there is nothing to put back.
    pub(crate) fn are_nothing(self) -> bool {
        self == Self::DIRECT || self == Self::UNCOUNTED
    }
}

/// Charges that came back unused.
#[derive(Debug, Clone, Copy)]
pub struct UnusedCharges(pub(crate) Charges);

impl Place {
    /// Takes one; whether there is one to take is the provider actor's to know.
    pub(crate) fn take(at: &Arc<PlacesAt>, charges: Charges, covers: Option<Cost>) -> Self {
        at.in_flight.counts.taken.fetch_add(1, Ordering::SeqCst);
        Self::counted(at, charges, covers)
    }

    /// One that counts as taken already.
    fn counted(at: &Arc<PlacesAt>, charges: Charges, covers: Option<Cost>) -> Self {
        at.in_flight.meters.place_taken();
        Self { at: Arc::clone(at), charges: Some(charges), covers, probe: false }
    }

    /// Makes it the place of the probe.
    pub(crate) fn for_probe(mut self) -> Self {
        self.at.in_flight.circuit.probe();
        self.probe = true;
        self
    }

    /// Is it the probe's?
    pub(crate) const fn is_for_probe(&self) -> bool {
        self.probe
    }

    /// What the attempt that it was taken for met.
    pub(crate) fn note(&mut self, sign: Sign, now: Time) {
        let probe = std::mem::take(&mut self.probe);
        self.at.in_flight.circuit.note(sign, probe, now);
    }

    /// Is it enough for a message of this cost?
    pub(crate) fn covers(&self, cost: Cost) -> bool {
        self.covers.is_none_or(|covers| covers.covers(cost))
    }

    /// The metrics of the account it is at.
    pub(crate) fn meters(&self) -> &AccountMeters {
        self.at.in_flight.meters()
    }

    /// Who is running.
    pub(crate) fn roster(&self) -> &Roster {
        &self.at.roster
    }

    /// The message was taken by the provider; it was written then.
    pub(crate) fn tell_taken(&self, sender: E164, sent: Time) {
        if self.at.in_flight.counts.slowed.load(Ordering::Relaxed) {
            let _ = self.at.roster.pass(&self.at.account, ProviderMessage::Taken { sender, sent });
        }
    }

    /// Where there are more.
    pub(crate) const fn at(&self) -> &Arc<PlacesAt> {
        &self.at
    }

    /// The account it is at.
    pub(crate) fn account(&self) -> &AccountName {
        &self.at.account
    }

    /// The charges, for the instant of the write; afterwards the place only counts.
    pub(crate) const fn use_charges(&mut self) -> Option<Charges> {
        self.charges.take()
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if self.probe {
            self.at.in_flight.circuit.probe_unused();
        }
        let counts = &self.at.in_flight.counts;
        counts.taken.fetch_sub(1, Ordering::SeqCst);
        self.at.in_flight.meters.place_back();
        let unused = self.charges.take().filter(|charges| !charges.are_nothing());
        let is_awaited = counts.awaited.swap(false, Ordering::SeqCst);
        if !is_awaited && unused.is_none() {
            return;
        }
        if let Some(provider) = self.at.roster.provider(&self.at.account) {
            // A provider actor that is just failing counts anew when it is back.
            let unused = unused.map(UnusedCharges);
            let _ = provider.send_message(ProviderMessage::PlaceBack { unused });
        }
    }
}
