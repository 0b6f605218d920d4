//! Changes of rows: as a group of steps makes them, as the log holds them, and as they lie over the
//! table until they are folded into it.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use sendyard_actors::ports::StoreError;

use super::sort_key::SortKey;

/// Stands in the log in place of the length of a value: the row is removed.
const REMOVED: u32 = u32::MAX;

/// Kinds of rows that have a tree of their own. All kinds behind them share the last one.
const KINDS: usize = 16;

/// What became of each row that was changed.
#[derive(Debug, Default)]
pub(super) struct Changes {
    /// By the kind of row, in the order of the keys: a search meets rows of its own kind alone, and there
    /// are few of the kinds that change most often.
    kinds: [BTreeMap<SortKey, Change>; KINDS],
    /// What they hold, about; rows that were changed again count each time.
    bytes: usize,
}

/// What became of a row.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Change {
    /// Its newest value; `None`: it is removed.
    value: Option<Vec<u8>>,
    /// Nothing that these changes lie over knows its key: removed, it leaves no trace.
    fresh: bool,
}

impl Change {
    pub(super) fn value(&self) -> Option<&[u8]> {
        self.value.as_deref()
    }
}

impl Changes {
    /// What became of a row, if it was changed.
    pub(super) fn get(&self, key: &SortKey) -> Option<&Change> {
        self.kinds.get(kind(key))?.get(key)
    }

    /// The changes from one key up to another, which is not part of it, in the order of the keys. The
    /// second key is behind the first.
    pub(super) fn range(&self, from: &SortKey, below: &SortKey) -> impl Iterator<Item = (&SortKey, &Change)> {
        let kinds = self.kinds.get(kind(from)..=kind(below)).unwrap_or_default();
        kinds.iter().flat_map(move |rows| rows.range(from..below))
    }

    pub(super) fn put(&mut self, key: &[u8], value: Option<Vec<u8>>) {
        self.lay(SortKey::new(key), Change { value, fresh: false });
    }

    /// A row whose key nothing beneath has ever had.
    pub(super) fn put_new(&mut self, key: &[u8], value: Vec<u8>) {
        self.lay(SortKey::new(key), Change { value: Some(value), fresh: true });
    }

    fn lay(&mut self, key: SortKey, newer: Change) {
        self.bytes += key.len() + newer.value.as_ref().map_or(0, Vec::len);
        let Some(rows) = self.kinds.get_mut(kind(&key)) else { return };
        match rows.entry(key) {
            Entry::Vacant(place) => {
                place.insert(newer);
            }
            Entry::Occupied(known) if known.get().fresh && newer.value.is_none() => {
                known.remove();
            }
            Entry::Occupied(mut known) => known.get_mut().value = newer.value,
        }
    }

    /// Lays newer changes over these.
    pub(super) fn extend(&mut self, newer: Self) {
        for (key, change) in newer.kinds.into_iter().flatten() {
            self.lay(key, change);
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.kinds.iter().all(BTreeMap::is_empty)
    }

    pub(super) const fn bytes(&self) -> usize {
        self.bytes
    }

    /// Each change, in the order of the keys.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&SortKey, Option<&[u8]>)> {
        self.kinds.iter().flatten().map(|(key, change)| (key, change.value()))
    }

    /// For the log: each key and value behind its length, four bytes, the highest first.
    pub(super) fn encode(&self) -> Result<Vec<u8>, StoreError> {
        let rows: usize = self.kinds.iter().map(BTreeMap::len).sum();
        let mut bytes = Vec::with_capacity(self.bytes + 8 * rows);
        for (key, value) in self.iter() {
            push(&mut bytes, &key.bytes())?;
            match value {
                Some(value) => push(&mut bytes, value)?,
                None => bytes.extend_from_slice(&REMOVED.to_be_bytes()),
            }
        }
        Ok(bytes)
    }

    /// Back from [`Changes::encode`].
    pub(super) fn decode(mut bytes: &[u8]) -> Result<Self, StoreError> {
        let mut changes = Self::default();
        while !bytes.is_empty() {
            let key = field(&mut bytes)?.ok_or_else(cut_short)?;
            let value = field(&mut bytes)?;
            changes.put(key, value.map(<[u8]>::to_vec));
        }
        Ok(changes)
    }
}

/// The place of a key's rows among the kinds.
fn kind(key: &SortKey) -> usize {
    key.kind().min(KINDS - 1)
}

fn push(bytes: &mut Vec<u8>, field: &[u8]) -> Result<(), StoreError> {
    let length = u32::try_from(field.len()).ok().filter(|length| *length != REMOVED);
    let length = length.ok_or_else(|| StoreError::Corrupt("a row is too large to be stored".to_owned()))?;
    bytes.extend_from_slice(&length.to_be_bytes());
    bytes.extend_from_slice(field);
    Ok(())
}

/// Takes the first field off. `None`: it stands for a removed value.
fn field<'a>(bytes: &mut &'a [u8]) -> Result<Option<&'a [u8]>, StoreError> {
    let (length, rest) = bytes.split_first_chunk().ok_or_else(cut_short)?;
    let length = u32::from_be_bytes(*length);
    *bytes = rest;
    if length == REMOVED {
        return Ok(None);
    }
    let length = usize::try_from(length).map_err(|_| cut_short())?;
    let (field, rest) = rest.split_at_checked(length).ok_or_else(cut_short)?;
    *bytes = rest;
    Ok(Some(field))
}

fn cut_short() -> StoreError {
    StoreError::Corrupt("an entry of the store's log cannot be read".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn changes() -> Changes {
        let mut changes = Changes::default();
        changes.put(&[1, 2], Some(vec![7; 300]));
        changes.put(&[1], None);
        changes.put(&[2], Some(Vec::new()));
        changes
    }

    #[test]
    fn changes_survive_the_log() {
        let read = Changes::decode(&changes().encode().unwrap()).unwrap();
        assert_eq!(read.kinds, changes().kinds);
    }

    #[test]
    fn an_entry_that_is_cut_anywhere_but_between_changes_is_refused() {
        let whole = changes().encode().unwrap();
        let ends: Vec<usize> =
            (0..whole.len()).filter(|end| Changes::decode(&whole[..*end]).is_ok()).collect();
        // Nothing, the first change, the first two.
        assert_eq!(ends, [0, 9, 9 + 4 + 2 + 4 + 300]);
    }

    #[test]
    fn the_newest_change_of_a_row_is_what_holds() {
        let mut changes = changes();
        let mut newer = Changes::default();
        newer.put(&[1, 2], None);
        newer.put(&[1], Some(vec![9]));
        changes.extend(newer);
        assert_eq!(known(&changes, &[1, 2]), Known::Removed);
        assert_eq!(known(&changes, &[1]), Known::Value(&[9]));
        assert_eq!(known(&changes, &[3]), Known::Nothing);
    }

    #[test]
    fn what_is_new_and_removed_again_leaves_no_trace() {
        let mut changes = Changes::default();
        changes.put_new(&[1], vec![7]);
        changes.put(&[1], Some(vec![8]));
        changes.put(&[1], None);
        assert!(changes.is_empty());

        changes.put_new(&[2], vec![7]);
        let mut newer = Changes::default();
        newer.put(&[2], None);
        newer.put_new(&[3], vec![9]);
        assert_eq!(known(&newer, &[2]), Known::Removed, "what lies beneath must not show");
        changes.extend(newer);
        assert_eq!(known(&changes, &[2]), Known::Nothing);
        changes.put(&[3], None);
        assert!(changes.is_empty());
    }

    #[test]
    fn what_may_be_beneath_stays_removed() {
        let mut changes = Changes::default();
        changes.put(&[1], Some(vec![7]));
        changes.put(&[1], None);
        assert_eq!(known(&changes, &[1]), Known::Removed);
        changes.put_new(&[1], vec![8]);
        changes.put(&[1], None);
        assert_eq!(known(&changes, &[1]), Known::Removed, "it was there before, whoever says that it is new");
        let read = Changes::decode(&changes.encode().unwrap()).unwrap();
        assert_eq!(known(&read, &[1]), Known::Removed);
    }

    #[test]
    fn a_range_goes_through_all_kinds_between_its_ends() {
        let mut changes = Changes::default();
        for key in [[200, 1], [3, 2], [17, 5], [3, 1], [4, 0], [1, 9], [16, 9]] {
            changes.put(&key, None);
        }
        let range = |from: &[u8], below: &[u8]| -> Vec<Vec<u8>> {
            let (from, below) = (SortKey::new(from), SortKey::new(below));
            changes.range(&from, &below).map(|(key, _)| key.bytes().to_vec()).collect()
        };
        assert_eq!(range(&[3], &[4]), [[3, 1], [3, 2]]);
        assert_eq!(range(&[3, 2], &[17]), [[3, 2], [4, 0], [16, 9]]);
        assert_eq!(range(&[16, 9], &[200]), [[16, 9], [17, 5]]);
        let all: Vec<Vec<u8>> = changes.iter().map(|(key, _)| key.bytes().to_vec()).collect();
        assert!(all.is_sorted() && all.len() == 7);
    }

    /// What is known of a row, or nothing.
    fn known<'a>(changes: &'a Changes, key: &[u8]) -> Known<'a> {
        changes
            .get(&SortKey::new(key))
            .map_or(Known::Nothing, |change| change.value().map_or(Known::Removed, Known::Value))
    }

    #[derive(Debug, PartialEq, Eq)]
    enum Known<'a> {
        Nothing,
        Removed,
        Value(&'a [u8]),
    }
}
