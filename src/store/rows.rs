//! What every store is underneath: one ordered map from byte keys to byte values.
//!
//! Steps and queries are written against these two traits alone. Who implements them sees to it that
//! a step is run alone and that it lands whole or not at all.

use std::borrow::Cow;
use std::ops::ControlFlow;

use sendyard_actors::ports::StoreError;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::keys::{KeyBytes, Span};

/// What a scan calls with each key and value, in the order of the keys, until told to stop.
pub(super) type Visit<'a> = dyn FnMut(&[u8], &[u8]) -> Result<ControlFlow<()>, StoreError> + 'a;

/// Rows that can be read.
pub trait Rows {
    /// The value under a key; not copied where it lies in memory.
    fn get(&self, key: &[u8]) -> Result<Option<Cow<'_, [u8]>>, StoreError>;

    /// Visits the rows of a span in the order of their keys.
    fn scan(&self, span: &Span, visit: &mut Visit<'_>) -> Result<(), StoreError>;
}

/// Rows that can be changed.
pub trait RowsMut: Rows {
    /// Writes a value, over what is there.
    fn put(&mut self, key: KeyBytes, value: Vec<u8>) -> Result<(), StoreError>;

    /// Writes a row whose key was never written before: what comes and goes soon need not leave a trace.
    fn put_new(&mut self, key: KeyBytes, value: Vec<u8>) -> Result<(), StoreError> {
        self.put(key, value)
    }

    /// Removes a row; nothing if there is none.
    fn remove(&mut self, key: &[u8]) -> Result<(), StoreError>;
}

/// The decoded value under a key.
pub(super) fn load<T: DeserializeOwned>(rows: &dyn Rows, key: &[u8]) -> Result<Option<T>, StoreError> {
    rows.get(key)?.as_deref().map(decode).transpose()
}

/// Encodes a value and writes it.
pub(super) fn save<T: Serialize>(rows: &mut dyn RowsMut, key: KeyBytes, value: &T) -> Result<(), StoreError> {
    rows.put(key, encode(value)?)
}

/// The bytes of an index row's value.
pub(super) fn encode<T: Serialize>(value: &T) -> Result<Vec<u8>, StoreError> {
    postcard::to_stdvec(value)
        .map_err(|error| StoreError::Corrupt(format!("a row cannot be encoded: {error}")))
}

/// Back from [`encode`].
pub(super) fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, StoreError> {
    postcard::from_bytes(bytes)
        .map_err(|error| StoreError::Corrupt(format!("an index row cannot be decoded: {error}")))
}
