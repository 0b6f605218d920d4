//! The store of tests: the same steps over a map in memory. Nothing survives the process.
//!
//! A step is done when its method returns; the answer is ready at once, so tests on paused time never
//! wait for it. The mutex is what makes steps run alone; it is never held over an await.

mod peers;

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::future::ready;
use std::ops::ControlFlow;
use std::sync::{Arc, Mutex, PoisonError};

use sendyard_actors::domain::time::Time;
use sendyard_actors::ports::{Clock, StoreError, Stored};

pub use self::peers::MemoryPeers;
use super::keys::{KeyBytes, Span};
use super::rows::{Rows, RowsMut, Visit};
use super::step_store::{Owners, Runner, StepStore};

/// The store in memory.
pub type MemoryStore = StepStore<InMemory>;

impl MemoryStore {
    /// An empty store whose time is the clock's.
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self { runner: InMemory { clock, owners: Owners::One, rows: Mutex::default() } }
    }

    /// The same, with the leases of a store that several processes share.
    pub fn shared(clock: Arc<dyn Clock>) -> Self {
        Self { runner: InMemory { clock, owners: Owners::Many, rows: Mutex::default() } }
    }
}

/// Runs steps under a mutex.
pub struct InMemory {
    clock: Arc<dyn Clock>,
    owners: Owners,
    rows: Mutex<BTreeMap<Vec<u8>, Vec<u8>>>,
}

impl Runner for InMemory {
    fn owners(&self) -> Owners {
        self.owners
    }

    fn write<T: Send + 'static>(
        &self,
        step: impl Fn(&mut dyn RowsMut, Time) -> Result<T, StoreError> + Send + 'static,
    ) -> Stored<T> {
        let mut rows = self.rows.lock().unwrap_or_else(PoisonError::into_inner);
        Box::pin(ready(step(&mut *rows, self.clock.now())))
    }

    fn read<T: Send + 'static>(
        &self,
        query: impl FnOnce(&dyn Rows, Time) -> Result<T, StoreError> + Send + 'static,
    ) -> Stored<T> {
        let rows = self.rows.lock().unwrap_or_else(PoisonError::into_inner);
        Box::pin(ready(query(&*rows, self.clock.now())))
    }
}

impl Rows for BTreeMap<Vec<u8>, Vec<u8>> {
    fn get(&self, key: &[u8]) -> Result<Option<Cow<'_, [u8]>>, StoreError> {
        Ok(BTreeMap::get(self, key).map(Cow::from))
    }

    fn scan(&self, span: &Span, visit: &mut Visit<'_>) -> Result<(), StoreError> {
        if span.from >= span.below {
            return Ok(());
        }
        for (key, value) in self.range(span.from.to_vec()..span.below.to_vec()) {
            if visit(key, value)? == ControlFlow::Break(()) {
                break;
            }
        }
        Ok(())
    }
}

impl RowsMut for BTreeMap<Vec<u8>, Vec<u8>> {
    fn put(&mut self, key: KeyBytes, value: Vec<u8>) -> Result<(), StoreError> {
        self.insert(key.into_vec(), value);
        Ok(())
    }

    fn remove(&mut self, key: &[u8]) -> Result<(), StoreError> {
        BTreeMap::remove(self, key);
        Ok(())
    }
}
