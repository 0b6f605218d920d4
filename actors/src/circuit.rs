//! The circuit of one provider account, shared: attempts note what they met, the provider actor asks
//! before it grants a place, the front door looks.
//!
//! It outlives the provider actor, so that a failure of ours does not forget an outage of theirs.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::domain::breaker::{Answer, Breaker, Change, Circuit as Standing, Sign};
use crate::domain::ids::AccountName;
use crate::domain::time::Time;
use crate::telemetry::AccountMeters;

/// One account's circuit. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Circuit {
    account: AccountName,
    breaker: Arc<Mutex<Breaker>>,
    meters: Arc<AccountMeters>,
}

impl Circuit {
    /// A closed one for an account with so many places.
    pub(crate) fn new(account: AccountName, places: usize, meters: Arc<AccountMeters>) -> Self {
        meters.circuit(false);
        Self { account, breaker: Arc::new(Mutex::new(Breaker::new(places))), meters }
    }

    /// May another message go now?
    pub(crate) fn ask(&self, now: Time) -> Answer {
        self.breaker().ask(now)
    }

    /// A message goes as the probe.
    pub(crate) fn probe(&self) {
        self.breaker().probe();
    }

    /// The probe did not go.
    pub(crate) fn probe_unused(&self) {
        self.breaker().probe_unused();
    }

    /// Takes in what an attempt met.
    pub(crate) fn note(&self, sign: Sign, probe: bool, now: Time) {
        let change = self.breaker().note(sign, probe, now);
        self.tell(change);
    }

    /// Closes it by hand; false if it was closed.
    pub(crate) fn close(&self) -> bool {
        let change = self.breaker().close();
        self.tell(change);
        change == Change::Closed
    }

    /// Where it stands, and how many places it allows while closed.
    pub(crate) fn standing(&self) -> (Standing, usize) {
        let breaker = self.breaker();
        (breaker.circuit(), breaker.allowed())
    }

    fn tell(&self, change: Change) {
        let account = &self.account;
        match change {
            Change::None => {}
            Change::Opened(why) => {
                self.meters.circuit(true);
                tracing::error!(%account, why = why.as_str(), "the circuit of an account opened; its messages wait");
            }
            Change::Closed => {
                self.meters.circuit(false);
                tracing::warn!(%account, "the circuit of an account closed; its messages go on");
            }
        }
    }

    fn breaker(&self) -> MutexGuard<'_, Breaker> {
        self.breaker.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
