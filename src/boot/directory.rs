//! The directory that the service works with: the file's, or what was applied since.
//!
//! What was applied is in the store and wins over the file until it is reset, for every process of that store.
//! The store says it by a generation, which each process looks at four times a second where several share it.
//! One change at a time: it is checked whole, kept, and only then gone by.
//!
//! State: what is in force, and why what the store has cannot be, if it cannot.

use std::sync::{Arc, Mutex, OnceLock, PoisonError, RwLock};
use std::time::Duration;

use sendyard_actors::domain::applied::Applied;
use sendyard_actors::domain::routing::Book;
use sendyard_actors::engine::{Engine, WaysOut};
use sendyard_actors::ports::{Later, Store, StoreError};
use tokio::task::JoinHandle;
use url::Url;

use super::ways_out;
use crate::api::auth::Keyring;
use crate::api::directory::{Desk, InForce, NotApplied, Source};
use crate::config::directory::Origin;
use crate::config::{Directory, Refusal};
use crate::providers::HttpClientError;

/// How often the store is asked whether another process has applied one.
const LOOK_EVERY: Duration = Duration::from_millis(250);

/// The same while what it has cannot be gone by here.
const LOOK_AGAIN_AFTER: Duration = Duration::from_secs(5);

/// How often a change is made anew on top of another one's, or asked for again where nobody answered.
const AGAIN: usize = 16;

/// Between two of those.
const AGAIN_AFTER: Duration = Duration::from_millis(100);

/// Why a directory is not gone by.
#[derive(Debug, thiserror::Error)]
pub enum NotTaken {
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A mistake in it.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// No client for a provider.
    #[error("cannot set up the connections to the providers")]
    Client(#[from] HttpClientError),
    /// It was being read.
    #[error("it could not be read to its end")]
    Read(#[from] tokio::task::JoinError),
}

/// Who keeps it. Cheap to clone.
#[derive(Clone)]
pub(super) struct Keeper(Arc<Kept>);

struct Kept {
    origin: Origin,
    store: Arc<dyn Store>,
    keys: Arc<Keyring>,
    public_url: Option<Url>,
    places: usize,
    /// Does this process go by what is applied?
    applied: bool,
    force: RwLock<Force>,
    /// Held by who changes it.
    changing: tokio::sync::Mutex<()>,
    engine: OnceLock<Engine>,
    trouble: Mutex<Option<String>>,
}

struct Force {
    generation: u64,
    source: Source,
    directory: Directory,
    ways_out: WaysOut,
}

impl Keeper {
    /// By the file, until the store is asked.
    pub(super) fn new(
        file: Directory,
        store: Arc<dyn Store>,
        public_url: Option<Url>,
        places: usize,
        applied: bool,
    ) -> Result<Self, HttpClientError> {
        let ways_out = ways_out::of(&file, None, public_url.as_ref(), places)?;
        let origin = file.origin.clone();
        let keys = Arc::new(Keyring::new(file.keys.clone()));
        let force = Force { generation: 0, source: Source::File, directory: file, ways_out };
        Ok(Self(Arc::new(Kept {
            origin,
            store,
            keys,
            public_url,
            places,
            applied,
            force: RwLock::new(force),
            changing: tokio::sync::Mutex::default(),
            engine: OnceLock::new(),
            trouble: Mutex::default(),
        })))
    }

    /// The keys of the directory in force.
    pub(super) fn keys(&self) -> Arc<Keyring> {
        Arc::clone(&self.0.keys)
    }

    /// What an engine is to start with.
    pub(super) fn start_with(&self) -> (Arc<Book>, WaysOut) {
        self.0.with(|force| (Arc::clone(&force.directory.book), force.ways_out.clone()))
    }

    /// From now on this engine is told of each change, as soon as it works.
    pub(super) fn tell(&self, engine: Engine) {
        // Told once.
        let _ = self.0.engine.set(engine);
    }

    /// Nobody changes it until this is dropped: so an engine may start with it.
    pub(super) async fn hold(&self) -> tokio::sync::MutexGuard<'_, ()> {
        self.0.changing.lock().await
    }

    /// Goes by what the store has, if that is another. To be called by who holds it.
    pub(super) async fn catch_up(&self) -> Result<(), NotTaken> {
        self.0.catch_up().await
    }

    /// Looks at the store for as long as the answer is kept.
    pub(super) fn look(&self) -> Look {
        let keeper = self.clone();
        Look(tokio::spawn(async move {
            loop {
                let held = keeper.hold().await;
                let caught_up = keeper.catch_up().await;
                drop(held);
                tokio::time::sleep(keeper.0.heard(caught_up)).await;
            }
        }))
    }
}

/// Ends with its value.
pub(super) struct Look(JoinHandle<()>);

impl Drop for Look {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Kept {
    fn with<T>(&self, look: impl FnOnce(&Force) -> T) -> T {
        look(&self.force.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn in_force(&self) -> InForce {
        self.with(|force| InForce {
            source: force.source,
            generation: force.generation,
            numbers: force.directory.book.numbers.len(),
            accounts: force.directory.book.accounts.len(),
            api_keys: force.directory.keys.len(),
            text: Arc::clone(&force.directory.text),
        })
    }

    async fn catch_up(&self) -> Result<(), NotTaken> {
        let known = self.with(|force| force.generation);
        let Some(applied) = self.store.directory(known).await? else { return Ok(()) };
        let Some(text) = applied.text else {
            let directory = self.read_file().await?;
            return self.go_by(applied.generation, Source::File, directory).await;
        };
        // Whoever applied it compared it with the one before.
        let directory = self.read(text, Arc::default()).await?;
        self.go_by(applied.generation, Source::Applied, directory).await
    }

    /// What a look came to: when to look again.
    fn heard(&self, caught_up: Result<(), NotTaken>) -> Duration {
        let trouble = match caught_up {
            // The store says for itself that it is away.
            Ok(()) | Err(NotTaken::Store(StoreError::Unavailable(_) | StoreError::Unanswered)) => None,
            Err(error) => Some(super::store_server::sentence(&error)),
        };
        let wait = if trouble.is_some() { LOOK_AGAIN_AFTER } else { LOOK_EVERY };
        let mut last = self.trouble.lock().unwrap_or_else(PoisonError::into_inner);
        if *last != trouble {
            if let Some(why) = &trouble {
                tracing::error!(why, "the directory that was applied cannot be gone by here");
            }
            *last = trouble;
        }
        wait
    }

    /// Reading many numbers takes its time.
    async fn read(&self, text: String, before: Arc<Book>) -> Result<Directory, NotTaken> {
        let origin = self.origin.clone();
        Ok(tokio::task::spawn_blocking(move || origin.read_applied(&text, &before)).await??)
    }

    async fn read_file(&self) -> Result<Directory, NotTaken> {
        let origin = self.origin.clone();
        Ok(tokio::task::spawn_blocking(move || origin.read()).await??)
    }

    /// Checks it, has the store keep it, and goes by it. Without a text: the file's.
    async fn change(&self, text: Option<String>) -> Result<InForce, NotTaken> {
        if !self.applied {
            let problem = "is false here, so this process takes nothing that is applied";
            return Err(Refusal::new("directory.applied", problem).into());
        }
        let _one_at_a_time = self.changing.lock().await;
        for _ in 0..AGAIN {
            let (known, before) = self.with(|force| (force.generation, Arc::clone(&force.directory.book)));
            let (source, directory) = match &text {
                Some(text) => (Source::Applied, self.read(text.clone(), before).await?),
                None => (Source::File, self.read_file().await?),
            };
            let generation = known.saturating_add(1);
            let kept = text.is_some().then(|| directory.text.to_string());
            match self.store.apply_directory(Applied { generation, text: kept }).await {
                Ok(true) => {
                    self.go_by(generation, source, directory).await?;
                    return Ok(self.in_force());
                }
                // Another process was first.
                Ok(false) => self.catch_up().await?,
                Err(StoreError::Unanswered) => tokio::time::sleep(AGAIN_AFTER).await,
                Err(error) => return Err(error.into()),
            }
        }
        Err(StoreError::Unanswered.into())
    }

    /// To be called by who changes it.
    async fn go_by(&self, generation: u64, source: Source, directory: Directory) -> Result<(), NotTaken> {
        let ways_out = self.with(|force| {
            let before = Some((&force.directory.ways_in, &force.ways_out));
            ways_out::of(&directory, before, self.public_url.as_ref(), self.places)
        })?;
        let book = Arc::clone(&directory.book);
        self.keys.replace(directory.keys.clone());
        let (numbers, accounts) = (book.numbers.len(), book.accounts.len());
        let force = Force { generation, source, directory, ways_out: ways_out.clone() };
        *self.force.write().unwrap_or_else(PoisonError::into_inner) = force;
        if let Some(engine) = self.engine.get()
            && let Err(error) = engine.redirect(book, ways_out).await
        {
            tracing::error!(%error, "the directory was not told to the engine");
        }
        tracing::info!(generation, source = source.as_str(), numbers, accounts, "the directory is another");
        Ok(())
    }
}

impl Desk for Keeper {
    fn in_force(&self) -> InForce {
        self.0.in_force()
    }

    fn apply(&self, text: String) -> Later<Result<InForce, NotApplied>> {
        self.change(Some(text))
    }

    fn reset(&self) -> Later<Result<InForce, NotApplied>> {
        self.change(None)
    }

    fn trouble(&self) -> Option<String> {
        self.0.trouble.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Keeper {
    /// A task of its own: a client that goes stops nothing halfway.
    fn change(&self, text: Option<String>) -> Later<Result<InForce, NotApplied>> {
        let kept = Arc::clone(&self.0);
        let change = tokio::spawn(async move { kept.change(text).await });
        Box::pin(async move {
            change.await.map_err(NotTaken::Read).flatten().map_err(|error| match error {
                NotTaken::Refused(refusal) => NotApplied::Refused(refusal.to_string()),
                NotTaken::Store(error) => NotApplied::Store(error),
                NotTaken::Client(_) | NotTaken::Read(_) => {
                    tracing::error!(%error, "a directory could not be gone by");
                    NotApplied::Failed
                }
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::clock::SystemClock;
    use crate::config::Environment;
    use crate::store::memory::MemoryStore;

    fn text(key: &str) -> String {
        format!(
            "[[organizations]]\nid = 1\nname = \"One\"\n\
             api_keys = [{{ name = \"one\", key = \"{key}\", scopes = [\"sms:send\"] }}]\n"
        )
    }

    /// Other processes look for it themselves: nobody tells them.
    #[tokio::test(start_paused = true)]
    async fn what_is_applied_on_one_process_is_gone_by_on_the_others_within_a_second() {
        let store: Arc<dyn Store> = Arc::new(MemoryStore::shared(Arc::new(SystemClock::start())));
        let process = || {
            let environment = Environment::default();
            let file = Directory::parse(Path::new("directory.toml"), &text("first"), &environment).unwrap();
            Keeper::new(file, Arc::clone(&store), None, 8, true).unwrap()
        };
        let (one, other) = (process(), process());
        let _looks = other.look();
        // At any moment between two of its looks.
        for (generation, pause) in [(1, 0), (2, 1), (3, 120), (4, 240), (5, 260), (6, 990)] {
            tokio::time::sleep(Duration::from_millis(pause)).await;
            let applied = one.apply(text(&format!("key-{generation}"))).await.unwrap();
            assert_eq!(applied.generation, generation);
            tokio::time::sleep(Duration::from_millis(999)).await;
            let seen = other.in_force();
            assert_eq!((seen.generation, &seen.text), (generation, &applied.text), "after {pause} ms");
        }
    }
}
