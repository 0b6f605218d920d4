//! The wish to end a run early.

use tokio::sync::watch;

/// Set once; whoever waits for it goes on. Clones are the same one.
#[derive(Debug, Clone)]
pub struct Stop(watch::Sender<bool>);

impl Default for Stop {
    fn default() -> Self {
        Self(watch::Sender::new(false))
    }
}

impl Stop {
    /// From now on no request is begun.
    pub fn set(&self) {
        self.0.send_replace(true);
    }

    pub(super) fn is_set(&self) -> bool {
        *self.0.borrow()
    }

    /// Returns when it is set.
    pub(super) async fn wait(&self) {
        // It cannot close while `self` holds the sender.
        let _ = self.0.subscribe().wait_for(|is_set| *is_set).await;
    }
}
