//! What the new messages of one step add up to: their senders' rows, and the counts of their organizations.
//!
//! Each is read once and written once, at the end, however many messages the step has. Until then the rows are behind:
//! whoever stores new messages asks here.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use sendyard_actors::domain::ids::{OrganizationId, ProviderKind};
use sendyard_actors::domain::message::Message;
use sendyard_actors::domain::phone::E164;
use sendyard_actors::ports::StoreError;

use super::keys::{SenderRow, TallyRow};
use super::rows::{Rows, RowsMut, save};
use super::{indexes, keys, tallies};

/// The sums of a step so far. To be saved at its end.
#[derive(Debug, Default)]
#[must_use]
pub(super) struct Sums {
    senders: BTreeMap<E164, Sum<SenderRow>>,
    tallies: BTreeMap<(OrganizationId, ProviderKind), Sum<TallyRow>>,
}

/// A row as it is to be.
#[derive(Debug)]
struct Sum<T> {
    row: T,
    is_changed: bool,
}

impl<T> Sum<T> {
    const fn as_stored(row: T) -> Self {
        Self { row, is_changed: false }
    }

    const fn change(&mut self) -> &mut T {
        self.is_changed = true;
        &mut self.row
    }
}

impl Sums {
    /// What a sender's messages add up to.
    pub(super) fn sender(&mut self, rows: &dyn Rows, number: E164) -> Result<SenderRow, StoreError> {
        Ok(self.of_sender(rows, number)?.row)
    }

    /// The same from now on.
    pub(super) fn set_sender(
        &mut self,
        rows: &dyn Rows,
        number: E164,
        row: SenderRow,
    ) -> Result<(), StoreError> {
        *self.of_sender(rows, number)?.change() = row;
        Ok(())
    }

    /// Counts a message that is stored for the first time.
    pub(super) fn count_new(&mut self, rows: &dyn Rows, message: &Message) -> Result<(), StoreError> {
        let of = (message.draft.organization, message.draft.provider);
        let sum = match self.tallies.entry(of) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(place) => place.insert(Sum::as_stored(tallies::standing(rows, of.0, of.1)?)),
        };
        tallies::apply(sum.change(), None, Some(message.shown()));
        Ok(())
    }

    /// Writes what has changed.
    pub(super) fn save(self, rows: &mut dyn RowsMut) -> Result<(), StoreError> {
        for (number, sum) in self.senders.into_iter().filter(|(_, sum)| sum.is_changed) {
            save(rows, keys::sender(number), &sum.row)?;
        }
        for ((organization, provider), sum) in self.tallies.into_iter().filter(|(_, sum)| sum.is_changed) {
            save(rows, keys::tally(organization, provider), &sum.row)?;
        }
        Ok(())
    }

    fn of_sender(&mut self, rows: &dyn Rows, number: E164) -> Result<&mut Sum<SenderRow>, StoreError> {
        Ok(match self.senders.entry(number) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(place) => place.insert(Sum::as_stored(indexes::sender(rows, number)?)),
        })
    }
}
