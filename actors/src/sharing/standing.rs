//! Whether this process is one of those that work on the store, as the store last said.

use std::sync::{Arc, Mutex, PoisonError};

use crate::domain::time::Time;
use crate::ports::StoreError;

/// Cheap to clone; every clone is the same.
#[derive(Debug, Clone, Default)]
pub(crate) struct Standing {
    inner: Arc<Mutex<Inner>>,
}

#[derive(Debug, Default)]
struct Inner {
    /// Until then the others know of us.
    until: Time,
    /// What the store said last, if it was a failure.
    failure: Option<String>,
}

impl Standing {
    /// The store has noted it.
    pub(crate) fn is_there_until(&self, until: Time) {
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        inner.until = until;
        if inner.failure.take().is_some() {
            tracing::info!("the store is there again");
        }
    }

    /// The store has not.
    pub(crate) fn fails(&self, error: &StoreError) {
        let why = error.to_string();
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        if inner.failure.as_ref() != Some(&why) {
            tracing::warn!(why, "the store cannot be worked with now; trying again");
            inner.failure = Some(why);
        }
    }

    /// Did the store do as it was asked the last time?
    pub(crate) fn is_fine(&self) -> bool {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner).failure.is_none()
    }

    /// Why it is none of those now: one sentence.
    pub(crate) fn away_because(&self, now: Time) -> Option<String> {
        let inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        if now < inner.until {
            return None;
        }
        let why = inner.failure.as_deref().unwrap_or("the store has not answered yet");
        Some(format!("its leases ran out, as the store does not renew them: {why}"))
    }
}
