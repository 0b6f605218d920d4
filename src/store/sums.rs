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

use super::rows::{Rows, RowsMut, save};
use super::values::{SenderRow, TallyRow};
use super::{indexes, keys, tallies};

/// The sums of a step so far. To be saved at its end.
#[derive(Debug, Default)]
#[must_use]
pub(super) struct Sums {
    senders: BTreeMap<E164, Sum>,
    tallies: BTreeMap<(OrganizationId, ProviderKind), TallyRow>,
}

/// A sender's row as it is to be.
#[derive(Debug)]
struct Sum {
    row: SenderRow,
    /// Else it was only looked at, by a message that is refused, or there: that writes nothing, and waits for no disk.
    is_changed: bool,
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
        *self.of_sender(rows, number)? = Sum { row, is_changed: true };
        Ok(())
    }

    /// Counts a message that is stored for the first time.
    pub(super) fn count_new(&mut self, rows: &dyn Rows, message: &Message) -> Result<(), StoreError> {
        let of = (message.draft.organization, message.draft.provider);
        let row = match self.tallies.entry(of) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(place) => place.insert(tallies::standing(rows, of.0, of.1)?),
        };
        tallies::apply(row, None, Some(message.shown()));
        Ok(())
    }

    /// Writes what has changed.
    pub(super) fn save(self, rows: &mut dyn RowsMut) -> Result<(), StoreError> {
        for (number, sum) in self.senders.into_iter().filter(|(_, sum)| sum.is_changed) {
            save(rows, keys::sender(number), &sum.row)?;
        }
        for ((organization, provider), row) in self.tallies {
            save(rows, keys::tally(organization, provider), &row)?;
        }
        Ok(())
    }

    fn of_sender(&mut self, rows: &dyn Rows, number: E164) -> Result<&mut Sum, StoreError> {
        Ok(match self.senders.entry(number) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(place) => {
                place.insert(Sum { row: indexes::sender(rows, number)?, is_changed: false })
            }
        })
    }
}
