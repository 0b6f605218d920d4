//! Tickets: the bound on requests inside the engine.
//!
//! ractor's mailboxes are unbounded, so nothing on a request path is cast without a ticket. A ticket
//! is held from before the first cast until the caller has its answer; dropping it gives it back.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// The process's tickets. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Tickets {
    free: Arc<Semaphore>,
    all: usize,
}

/// The right to be one of the requests inside the engine.
#[derive(Debug)]
pub struct Ticket {
    _permit: OwnedSemaphorePermit,
}

impl Tickets {
    /// As many tickets as requests may be inside at one time.
    pub fn new(all: usize) -> Self {
        let all = all.clamp(1, Semaphore::MAX_PERMITS);
        Self { free: Arc::new(Semaphore::new(all)), all }
    }

    /// A ticket, if one is free now. Nobody waits for a ticket: past the bound a request is refused.
    pub fn take(&self) -> Option<Ticket> {
        let permit = Arc::clone(&self.free).try_acquire_owned().ok()?;
        Some(Ticket { _permit: permit })
    }

    /// How many are out.
    pub fn out(&self) -> usize {
        self.all.saturating_sub(self.free.available_permits())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn past_the_bound_there_is_none_and_a_dropped_one_comes_back() {
        let tickets = Tickets::new(1);
        let held = tickets.take();
        assert!(held.is_some());
        assert!(tickets.take().is_none());
        drop(held);
        assert!(tickets.take().is_some());
    }
}
