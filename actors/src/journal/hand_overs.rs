//! What a pace is rebuilt from: the hand-overs that the store knows, by today's clock.

use super::Journal;
use crate::domain::phone::E164;
use crate::domain::time::Time;
use crate::ports::{Charge, StoreError};

impl Journal {
    /// The hand-overs of a sender at or after `from`, one by one and added up. Where the clock jumped forward while
    /// nothing ran, those of before are as old as they really are, not as old as they look: a window that was full
    /// then is full still.
    pub(crate) async fn hand_overs(&self, sender: E164, from: Time) -> Result<Vec<Charge>, StoreError> {
        let clock = &self.inner.with.clock;
        let noted_from = clock.noted_from(from);
        let mut charges = self.store().charges(sender, noted_from).await?;
        // Read after them: see its contract.
        charges.extend(self.store().charge_sums(sender, noted_from).await?);
        for charge in &mut charges {
            charge.at = clock.of_before(charge.at);
        }
        Ok(charges)
    }
}
