//! Writes changes, in the order of their keys, into a table.
//!
//! Rows that all come between two neighbours of the table go through one cursor: redb then fills whole pages instead
//! of opening one page for each row, in about half the time and half the file. Rows that stand alone are dearer that
//! way, so no run is looked for again at once where none was found.

use std::ops::Bound;

use ::redb::Table;
use sendyard_actors::ports::StoreError;

use super::file::failed;
use super::sort_key::SortKey;

/// The fewest rows that go through a cursor.
const RUN: usize = 7;

/// After runs were looked for in vain, at the most so many rows are written one by one before the next look.
const LONGEST_PAUSE: usize = 64;

type Rows<'transaction> = Table<'transaction, &'static [u8], &'static [u8]>;

/// A row and its newest value; `None`: it is removed.
pub(super) type Change<'a> = (&'a SortKey, Option<&'a [u8]>);

/// Writes `changes`, which are in the order of their keys.
pub(super) fn merge<'a>(
    table: &mut Rows<'_>,
    changes: impl Iterator<Item = Change<'a>>,
) -> Result<(), StoreError> {
    let changes: Vec<Change<'a>> = changes.collect();
    let mut rest = changes.as_slice();
    let mut looks = Looks::default();
    while let Some((change, behind)) = rest.split_first() {
        let run = if looks.is_due(rest) { insert_run(table, rest)? } else { 0 };
        rest = if run > 0 {
            looks = Looks::default();
            rest.get(run..).unwrap_or_default()
        } else {
            write(table, *change)?;
            behind
        };
    }
    Ok(())
}

/// When a run is looked for.
#[derive(Default)]
struct Looks {
    /// Rows until then.
    pause: usize,
    /// The pause before this one.
    before: usize,
}

impl Looks {
    /// Is one to be looked for at the beginning of `rest`? If so the next look is later than this one was.
    fn is_due(&mut self, rest: &[Change<'_>]) -> bool {
        if let Some(pause) = self.pause.checked_sub(1) {
            self.pause = pause;
            return false;
        }
        let first = rest.get(..RUN).unwrap_or_default();
        if first.is_empty() || first.iter().any(|(_, value)| value.is_none()) {
            return false;
        }
        self.before = (2 * self.before + 1).min(LONGEST_PAUSE);
        self.pause = self.before;
        true
    }
}

/// Writes the rows at the beginning of `changes` that come between two neighbours of the table, if they are at least
/// [`RUN`]. How many those were, or 0.
fn insert_run(table: &mut Rows<'_>, changes: &[Change<'_>]) -> Result<usize, StoreError> {
    let (Some((first, _)), Some((last, _))) = (changes.first(), changes.get(RUN - 1)) else { return Ok(0) };
    let first = first.bytes();
    let mut cursor = table.lower_bound_mut(Bound::Included(first.as_slice())).map_err(failed)?;
    let next = cursor.peek_next().map_err(failed)?.map(|(key, _)| SortKey::new(key.value()));
    let is_before_next = |key: &SortKey| next.as_ref().is_none_or(|next| key < next);
    if !is_before_next(last) {
        return Ok(0);
    }
    let mut written = 0;
    for (key, value) in changes {
        let Some(value) = value.filter(|_| is_before_next(key)) else { break };
        cursor.insert_before(key.bytes().as_slice(), value).map_err(failed)?;
        written += 1;
    }
    cursor.close().map_err(failed)?;
    Ok(written)
}

fn write(table: &mut Rows<'_>, (key, value): Change<'_>) -> Result<(), StoreError> {
    let key = key.bytes();
    let key = key.as_slice();
    match value {
        Some(value) => table.insert(key, value).map(drop).map_err(failed),
        None => table.remove(key).map(drop).map_err(failed),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use ::redb::backends::InMemoryBackend;
    use ::redb::{Database, ReadableDatabase};
    use proptest::prelude::*;

    use super::*;
    use crate::store::redb::changes::Changes;
    use crate::store::redb::file::ROWS;

    type Model = BTreeMap<Vec<u8>, Vec<u8>>;

    /// Few keys, in clusters, so that rows meet rows, and runs end at neighbours and at removals.
    fn changes() -> impl Strategy<Value = Vec<(Vec<u8>, Option<Vec<u8>>)>> {
        let key = (0..4_u8, 0..60_u8).prop_map(|(cluster, place)| vec![cluster, place]);
        let value =
            prop_oneof![4 => (0..400_usize).prop_map(|length| Some(vec![7; length])), 1 => Just(None)];
        prop::collection::vec((key, value), 0..120)
    }

    fn apply(database: &Database, changes: &Changes) {
        let transaction = database.begin_write().unwrap();
        merge(&mut transaction.open_table(ROWS).unwrap(), changes.iter()).unwrap();
        transaction.commit().unwrap();
    }

    fn rows_of(database: &Database) -> Model {
        let table = database.begin_read().unwrap().open_table(ROWS).unwrap();
        let rows = table.range::<&[u8]>(..).unwrap().map(Result::unwrap);
        rows.map(|(key, value)| (key.value().to_vec(), value.value().to_vec())).collect()
    }

    proptest! {
        #[test]
        fn the_table_holds_what_was_changed_last(folds in prop::collection::vec(changes(), 1..6)) {
            let database = Database::builder().create_with_backend(InMemoryBackend::new()).unwrap();
            let mut model = Model::new();
            for fold in folds {
                let mut changes = Changes::default();
                for (key, value) in fold {
                    changes.put(&key, value.clone());
                    match value {
                        Some(value) => model.insert(key, value),
                        None => model.remove(&key),
                    };
                }
                apply(&database, &changes);
                prop_assert_eq!(&rows_of(&database), &model);
            }
        }
    }

    #[test]
    fn rows_behind_all_others_are_one_run() {
        let database = Database::builder().create_with_backend(InMemoryBackend::new()).unwrap();
        let mut changes = Changes::default();
        for place in 0..100 {
            changes.put(&[1, place], Some(vec![place; 10]));
        }
        changes.put(&[2], None);
        let transaction = database.begin_write().unwrap();
        let mut table = transaction.open_table(ROWS).unwrap();
        table.insert([0].as_slice(), [].as_slice()).unwrap();
        let all: Vec<Change<'_>> = changes.iter().collect();
        assert_eq!(insert_run(&mut table, &all).unwrap(), 100);
        assert_eq!(insert_run(&mut table, &all).unwrap(), 0, "each is there already");
    }
}
