//! Whether this process works on a store that several can open, or waits until it may.
//!
//! One process works, the others wait: they answer `503`, their `/readyz` says what for, and the first to
//! ask takes over when the one at work leaves, dies or cannot renew its leases. A server that is away, or
//! whose data is not for this version, is waited for in the same way, so a start never fails for it.

use std::sync::Arc;
use std::time::Duration;

use sendyard_actors::engine::{Engine, EngineError, Parts, RunningEngine};
use sendyard_actors::ports::Clock;
use sendyard_actors::shards::NotOurs;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::clock::StoreClock;
use crate::store::redis::{Promise, RedisStore};

/// How often a waiting process asks whether it may work: a part of the second in which a process that
/// leaves well is to be replaced.
const ASK_EVERY: Duration = Duration::from_millis(250);

/// How often a server that cannot be used is looked at again.
const LOOK_AGAIN_AFTER: Duration = Duration::from_secs(1);

/// What a process waits for that is not the first on its store.
const ANOTHER_WORKS: &str = "another process works on this store; this one takes over when that ends";

/// The running steward.
pub(super) struct Steward {
    stop: watch::Sender<bool>,
    task: JoinHandle<()>,
}

impl Steward {
    /// Lets `engine` work on the store as soon as it may. `grace`: how long what is on its way may take
    /// at the end.
    pub(super) fn start(
        engine: Engine,
        store: Arc<RedisStore>,
        clock: Arc<StoreClock>,
        parts: Parts,
        grace: Duration,
    ) -> Self {
        let (stop, stopped) = watch::channel(false);
        let watch = Watch { engine, store, clock, parts, grace, promise: None, stopped };
        Self { stop, task: tokio::spawn(watch.keep()) }
    }

    /// Ends what works, as [`RunningEngine::stop`] does, and waits for its end.
    pub(super) async fn stop(self) {
        let _ = self.stop.send(true);
        if let Err(error) = self.task.await {
            tracing::error!(%error, "the store's steward did not end well");
        }
    }
}

struct Watch {
    engine: Engine,
    store: Arc<RedisStore>,
    clock: Arc<StoreClock>,
    parts: Parts,
    grace: Duration,
    /// What the server promised when it was asked last.
    promise: Option<Promise>,
    stopped: watch::Receiver<bool>,
}

impl Watch {
    async fn keep(mut self) {
        loop {
            let wait = if self.is_usable().await { self.work().await } else { Some(LOOK_AGAIN_AFTER) };
            let Some(wait) = wait else { return };
            if self.stopped_within(wait).await {
                return;
            }
        }
    }

    /// Works until the store is lost, or says that it may not; then when to look again. `None`: it was
    /// stopped, and has ended.
    async fn work(&mut self) -> Option<Duration> {
        match self.engine.work(self.parts.clone()).await {
            Ok(running) => {
                tracing::info!("this process works on the store");
                if self.until_lost_or_stopped(running).await {
                    return None;
                }
            }
            Err(EngineError::Shards(NotOurs::Held(_))) => self.wait_for(ANOTHER_WORKS),
            Err(error) => self.wait_for(&sentence(&error)),
        }
        Some(ASK_EVERY)
    }

    /// Is the server there, and are its data for us? Learns its time.
    ///
    /// Asked before each try to work, as another server, or other data, may have taken their place.
    async fn is_usable(&mut self) -> bool {
        let promise = match self.store.check().await {
            Ok(promise) => promise,
            Err(error) => {
                self.wait_for(&sentence(&error));
                return false;
            }
        };
        let asked_at = self.clock.now();
        match self.store.time().await {
            Ok(theirs) => self.clock.learn(asked_at, theirs),
            Err(error) => {
                self.wait_for(&sentence(&error));
                return false;
            }
        }
        if self.promise.as_ref() != Some(&promise) {
            tracing::info!(store = promise.queued_means.as_str(), "the store is there");
            for warning in &promise.warnings {
                tracing::warn!("{warning}");
            }
            self.promise = Some(promise);
        }
        true
    }

    /// True if it was stopped, and has ended.
    async fn until_lost_or_stopped(&mut self, running: RunningEngine) -> bool {
        let stopped = tokio::select! {
            _ = self.stopped.wait_for(|stop| *stop) => true,
            () = running.lost() => false,
        };
        if stopped {
            running.stop(self.grace).await;
        } else {
            tracing::error!(
                "another process has taken the store over: this one was too slow to renew its leases"
            );
            running.leave(ANOTHER_WORKS).await;
        }
        stopped
    }

    /// Says so, and logs it where it is news.
    fn wait_for(&self, why: &str) {
        if self.engine.wait_for(why) {
            tracing::warn!(why, "waiting");
        }
    }

    async fn stopped_within(&mut self, time: Duration) -> bool {
        tokio::time::timeout(time, self.stopped.wait_for(|stop| *stop)).await.is_ok()
    }
}

/// An error with its causes, in one line.
fn sentence(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(deeper) = cause {
        text = format!("{text}: {deeper}");
        cause = deeper.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use sendyard_actors::domain::routing::Book;
    use sendyard_actors::domain::time::Time;
    use sendyard_actors::settings::Settings;

    use super::*;
    use crate::clock::SystemIds;
    use crate::store::contract::redis_server;

    /// A server's clock that stands still, in 2001.
    #[derive(Debug)]
    struct Still;

    const THEN: Time = Time::from_nanos(1_000_000_000_000_000_000);

    impl Clock for Still {
        fn now(&self) -> Time {
            THEN
        }
    }

    #[tokio::test]
    async fn the_engine_goes_by_the_time_of_a_store_that_is_usable() {
        let Some(server) = redis_server::shared() else { return };
        let (store, clock) = (Arc::new(server.store(Arc::new(Still))), Arc::new(StoreClock::start()));
        let engine = Engine::waiting(clock.clone(), "it is starting".to_owned());
        let parts = Parts {
            settings: Settings::default(),
            book: Book::default(),
            store: store.clone(),
            providers: HashMap::new(),
            clock: clock.clone(),
            ids: Arc::new(SystemIds),
        };
        let (_stop, stopped) = watch::channel(false);
        let grace = Duration::ZERO;
        let mut steward =
            Watch { engine: engine.clone(), store, clock, parts, grace, promise: None, stopped };
        assert!(steward.is_usable().await);
        assert!(engine.now().since(THEN) < Duration::from_hours(1), "{:?}", engine.now());
    }
}
