//! The keeper: renews the leases of this process on a store that several can open.
//!
//! A task and no actor: it must go on whatever becomes of mailboxes, and its only state is the leases'
//! end, which everybody reads (`shards.rs`). While the store does not answer the leases run out, and
//! nothing is claimed or begun; a lease that is over and that nobody took is renewed all the same. Once
//! one is another's, this process has lost them all.

use std::sync::Arc;

use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::ports::{Clock, Store};
use crate::settings::Settings;
use crate::shards::Shards;
use crate::telemetry::{self, LeaseChange};

/// Leases are renewed after this part of their time.
const RENEW_PART: u32 = 3;

/// And after this part of it, when the store did not answer.
const AGAIN_PART: u32 = 10;

/// The running keeper. Dropped, it renews nothing more.
pub(crate) struct Keeper {
    task: JoinHandle<()>,
    lost: watch::Receiver<bool>,
}

impl Keeper {
    pub(crate) fn start(
        store: Arc<dyn Store>,
        clock: Arc<dyn Clock>,
        shards: Shards,
        settings: Settings,
    ) -> Self {
        let (tell, lost) = watch::channel(false);
        let task = tokio::spawn(async move {
            let mut wait = settings.lease / RENEW_PART;
            let mut fails = false;
            loop {
                tokio::time::sleep(wait).await;
                let renewed = shards.renew(store.as_ref(), clock.as_ref(), &settings).await;
                let failed_before = std::mem::replace(&mut fails, renewed.is_err());
                wait = match renewed {
                    Ok(true) => {
                        if failed_before {
                            tracing::info!("the leases are renewed again");
                        }
                        settings.lease / RENEW_PART
                    }
                    Ok(false) => {
                        telemetry::leases(LeaseChange::Lost, shards.all());
                        break;
                    }
                    Err(error) => {
                        telemetry::renewal_failed();
                        if !failed_before {
                            tracing::warn!(%error, "the leases could not be renewed; trying again");
                        }
                        settings.lease / AGAIN_PART
                    }
                };
            }
            let _ = tell.send(true);
        });
        Self { task, lost }
    }

    /// Ends once the leases are another's.
    pub(crate) async fn lost(&self) {
        // A keeper that is gone tells nothing.
        if self.lost.clone().wait_for(|lost| *lost).await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        self.task.abort();
    }
}
