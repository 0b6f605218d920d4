//! Rows of the store as a reader sees them, and as a group of steps changes them: the table, and over
//! it the changes that it does not hold yet.

use std::borrow::Cow;
use std::iter::Peekable;
use std::ops::{Bound, ControlFlow};

use sendyard_actors::ports::StoreError;

use super::changes::{Change, Changes};
use super::file::failed;
use super::sort_key::SortKey;
use super::table::Table;
use crate::store::keys::{KeyBytes, Span};
use crate::store::rows::{Rows, RowsMut, Visit};

/// The rows at one durable state.
pub(super) struct ReadRows<'a> {
    pub(super) table: &'a Table,
    /// What lies over the table.
    pub(super) newest_first: [&'a Changes; 2],
}

impl Rows for ReadRows<'_> {
    fn get(&self, key: &[u8]) -> Result<Option<Cow<'_, [u8]>>, StoreError> {
        get(self.table, self.newest_first, key)
    }

    fn scan(&self, span: &Span, visit: &mut Visit<'_>) -> Result<(), StoreError> {
        scan(self.table, self.newest_first, span, visit)
    }
}

/// The rows as the steps of one group leave them, one after the other.
pub(super) struct GroupRows<'a> {
    beneath: ReadRows<'a>,
    own: Changes,
}

impl<'a> GroupRows<'a> {
    pub(super) fn over(beneath: ReadRows<'a>) -> Self {
        Self { beneath, own: Changes::default() }
    }

    fn newest_first(&self) -> [&Changes; 3] {
        let [pending, folding] = self.beneath.newest_first;
        [&self.own, pending, folding]
    }

    /// What the group changed.
    pub(super) fn into_changes(self) -> Changes {
        self.own
    }
}

impl Rows for GroupRows<'_> {
    fn get(&self, key: &[u8]) -> Result<Option<Cow<'_, [u8]>>, StoreError> {
        get(self.beneath.table, self.newest_first(), key)
    }

    fn scan(&self, span: &Span, visit: &mut Visit<'_>) -> Result<(), StoreError> {
        scan(self.beneath.table, self.newest_first(), span, visit)
    }
}

impl RowsMut for GroupRows<'_> {
    fn put(&mut self, key: KeyBytes, value: Vec<u8>) -> Result<(), StoreError> {
        self.own.put(&key, Some(value));
        Ok(())
    }

    fn put_new(&mut self, key: KeyBytes, value: Vec<u8>) -> Result<(), StoreError> {
        self.own.put_new(&key, value);
        Ok(())
    }

    fn remove(&mut self, key: &[u8]) -> Result<(), StoreError> {
        self.own.put(key, None);
        Ok(())
    }
}

/// The value under a key, by the newest of the layers that knows of it, or by the table.
fn get<'a, const LAYERS: usize>(
    table: &Table,
    newest_first: [&'a Changes; LAYERS],
    key: &[u8],
) -> Result<Option<Cow<'a, [u8]>>, StoreError> {
    let sort_key = SortKey::new(key);
    if let Some(change) = newest_first.iter().find_map(|layer| layer.get(&sort_key)) {
        return Ok(change.value().map(Cow::from));
    }
    let value = table.get(key, &sort_key).map_err(failed)?;
    Ok(value.map(|value| Cow::from(value.value().to_vec())))
}

/// The rows of a span, each once and by the newest that knows of it, in the order of their keys.
fn scan<const LAYERS: usize>(
    table: &Table,
    newest_first: [&Changes; LAYERS],
    span: &Span,
    visit: &mut Visit<'_>,
) -> Result<(), StoreError> {
    if span.from >= span.below {
        return Ok(());
    }
    let (from, below) = (SortKey::new(&span.from), SortKey::new(&span.below));
    let mut layers = newest_first.map(|layer| layer.range(&from, &below).peekable());
    let bounds = (Bound::Included(span.from.as_slice()), Bound::Excluded(span.below.as_slice()));
    for row in table.range(bounds).map_err(failed)? {
        let (key, value) = row.map_err(failed)?;
        let sort_key = SortKey::new(key.value());
        // What was changed before this row in order, then the row, unless it was changed itself.
        let mut is_changed = false;
        while let Some((changed, now)) = next_up_to(&mut layers, Some(&sort_key)) {
            is_changed = *changed == sort_key;
            if let Some(now) = now
                && visit(&changed.bytes(), now)? == ControlFlow::Break(())
            {
                return Ok(());
            }
        }
        if !is_changed && visit(key.value(), value.value())? == ControlFlow::Break(()) {
            return Ok(());
        }
    }
    while let Some((changed, now)) = next_up_to(&mut layers, None) {
        if let Some(now) = now
            && visit(&changed.bytes(), now)? == ControlFlow::Break(())
        {
            return Ok(());
        }
    }
    Ok(())
}

/// The first change that is left, by the newest layer that has it, if it is not behind `limit`.
fn next_up_to<'a, I>(
    layers: &mut [Peekable<I>],
    limit: Option<&SortKey>,
) -> Option<(&'a SortKey, Option<&'a [u8]>)>
where
    I: Iterator<Item = (&'a SortKey, &'a Change)>,
{
    let first = layers.iter_mut().filter_map(|layer| layer.peek().map(|(key, _)| *key)).min()?;
    if limit.is_some_and(|limit| first > limit) {
        return None;
    }
    // Of several layers the first is the newest; the older ones have had their say.
    let mut newest = None;
    for layer in layers {
        if let Some((_, change)) = layer.next_if(|(key, _)| *key == first) {
            newest = newest.or(Some(change));
        }
    }
    newest.map(|change| (first, change.value()))
}
