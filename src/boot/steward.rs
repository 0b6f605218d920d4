//! Waits until a store that several processes share can be used, and then works on it.
//!
//! A server that is away, or whose data are not for this version, is waited for: a start never fails for it.
//! Meanwhile the process answers `503`, and its `/readyz` says what for. Once at work it stays so, whatever
//! the server does: what it may do then is the engine's (`actors/src/sharing.rs`).

use std::time::Duration;

use sendyard_actors::engine::{Engine, Parts, RunningEngine};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::directory::Keeper;
use super::store_server::{StoreServer, sentence};

/// How often a server that cannot be used is looked at again.
const LOOK_AGAIN_AFTER: Duration = Duration::from_secs(1);

/// The running steward.
pub(super) struct Steward {
    stop: watch::Sender<bool>,
    task: JoinHandle<()>,
}

impl Steward {
    /// Lets `engine` work on the store as soon as it may. `grace`: how long what is on its way may take
    /// at the end. With a keeper, it begins with the directory that the store has.
    pub(super) fn start(
        engine: Engine,
        server: StoreServer,
        keeper: Option<Keeper>,
        parts: Parts,
        grace: Duration,
    ) -> Self {
        let (stop, stopped) = watch::channel(false);
        let watch = Watch { engine, server, keeper, parts, grace, stopped };
        Self { stop, task: tokio::spawn(watch.keep()) }
    }

    /// Ends what works, as [`sendyard_actors::engine::RunningEngine::stop`] does, and waits for its end.
    pub(super) async fn stop(self) {
        let _ = self.stop.send(true);
        if let Err(error) = self.task.await {
            tracing::error!(%error, "the store's steward did not end well");
        }
    }
}

struct Watch {
    engine: Engine,
    server: StoreServer,
    keeper: Option<Keeper>,
    parts: Parts,
    grace: Duration,
    stopped: watch::Receiver<bool>,
}

impl Watch {
    async fn keep(mut self) {
        loop {
            let why = match self.server.check().await {
                Ok(()) => match self.work().await {
                    Ok(running) => {
                        tracing::info!("this process works on the store");
                        // An error says that nobody can stop it any more.
                        let _ = self.stopped.wait_for(|stop| *stop).await;
                        return running.stop(self.grace).await;
                    }
                    Err(why) => why,
                },
                Err(why) => why,
            };
            if self.engine.wait_for(&why) {
                tracing::warn!(why, "waiting");
            }
            if self.stopped_within(LOOK_AGAIN_AFTER).await {
                return;
            }
        }
    }

    /// By the directory that the store has: no other one comes in between.
    async fn work(&self) -> Result<RunningEngine, String> {
        let mut parts = self.parts.clone();
        let Some(keeper) = &self.keeper else {
            return self.engine.work(parts).await.map_err(|error| sentence(&error));
        };
        let _held = keeper.hold().await;
        keeper.catch_up().await.map_err(|error| sentence(&error))?;
        (parts.book, parts.providers) = keeper.start_with();
        self.engine.work(parts).await.map_err(|error| sentence(&error))
    }

    async fn stopped_within(&mut self, time: Duration) -> bool {
        tokio::time::timeout(time, self.stopped.wait_for(|stop| *stop)).await.is_ok()
    }
}
