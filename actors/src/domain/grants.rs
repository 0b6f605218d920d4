//! Grants: units of an account's pace, passed by the one process that owns the account to all that send
//! through it (PACE.md §6). Of an organization's pace the same, where each account of each process asks for
//! itself: what is said of an account and its processes here goes for an organization and those.
//!
//! Purpose: the account's limit holds over all processes together, and what one does not use another gets.
//! The owner runs the account's [`Pace`]; a grant is a permit of it that another process may use, for
//! [`LASTS`]. Who wants units says how many; the owner grants them in turns, a small portion at a time; who
//! used them, or will not, says so.
//!
//! Units are costs ([`Costs`]): of messages with media and without, in segments and in messages, so that each limit
//! counts what it says, whoever uses them. Of what no limit counts as much is granted as is wanted. Those with media and
//! those without are granted apart: what limits hold back of the one goes on with the other.
//!
//! Invariants: a unit is used at most once, and only before its end by the user's own clock, which is never
//! later than the owner's; the owner counts it never earlier than it was used, and as open until it knows.
//! What is granted beyond a limit is for one message that is larger than it, as the pace counts it as one.
//! So the proof of [`Pace`] holds over all processes. It needs no clock in common, and no message to arrive:
//! whatever is lost, late, doubled or overtaken costs use, never a window. What is said is said in totals, so
//! that a word that comes twice, or behind a later one, says nothing new.
//!
//! State: [`Granter`] belongs to the account's owner, [`Purse`] to each process. Neither survives its
//! process. A new owner begins [`LASTS`] after the last one can have granted anything, with what was handed
//! over until then.
//!
//! [`Pace`]: super::pace::Pace

mod granter;
mod purse;
mod tab;

use std::time::Duration;

pub use granter::{Granted, Granter};
pub use purse::{Purse, Unit};
use serde::{Deserialize, Serialize};
pub use tab::Tab;

use super::ids::{AccountName, Incarnation};
use super::pace::Costs;
use super::time::Time;

/// After so long an unused grant is worth nothing. What is granted must be claimed and begun within it, so it is
/// much longer than a store should take for a claim; all that it costs is what a process that ends without a
/// word held back, and the wait of a new owner.
pub const LASTS: Duration = Duration::from_millis(500);

/// A grant is of as many units as the limit allows in so long, or of what one message costs.
const PORTION: Duration = Duration::from_millis(20);

/// A want that is not repeated for so long is no want any more: its process may be gone.
pub(crate) const WANT_LASTS: Duration = Duration::from_millis(500);

/// A want that stands is repeated after so long.
const REPEAT_WANT_AFTER: Duration = Duration::from_millis(200);

/// A want that changes is told anew after so long at the earliest.
const NEW_WANT_AFTER: Duration = Duration::from_millis(5);

/// Units that were used without a grant are told again after so long, until the owner has heard.
const REPEAT_CHARGED_AFTER: Duration = Duration::from_millis(100);

/// Of the time for which a grant lasts so much is not counted on: two clocks do not run alike.
const DRIFT: Duration = Duration::from_millis(1);

/// What waits for something else that its message needs goes back so long before its end, and is asked for again:
/// what is over without a word counts as used.
const BACK_BEFORE_END: Duration = Duration::from_millis(250);

/// Who is granted units of an organization's limits: the part of a process that sends through one account. It
/// stands for itself among those that want some, under the name that [`Incarnation::at_account`] gives it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Party {
    /// The process.
    pub process: Incarnation,
    /// The account.
    pub account: AccountName,
}

/// What a process wants of an account, to its owner. A later one replaces it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Want {
    /// Who wants.
    pub process: Incarnation,
    /// Grows with each want of the process.
    pub number: u64,
    /// What it could use at once, beyond what it has; nothing: it wants none any more.
    pub units: Costs,
    /// What its next message needs beyond what it has: a smaller grant is of no use.
    pub next: Costs,
    /// The latest grant that it has received; 0 before the first.
    pub seen: u64,
    /// Its own clock, echoed in the grant.
    pub sent_at: Time,
}

/// Units for a process, from the account's owner.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Grant {
    /// Who grants.
    pub owner: Incarnation,
    /// Who may use it.
    pub process: Incarnation,
    /// Grows with each grant of the owner.
    pub number: u64,
    /// How many units.
    pub units: Costs,
    /// [`Want::sent_at`] of the want that it answers.
    pub asked_at: Time,
    /// How long the owner had that want before it granted this.
    pub held: Duration,
    /// How many want some now, this one among them: for estimates.
    pub sharers: u32,
}

/// What became of a grant so far, to its owner. One that says less than another is the older one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Report {
    /// Who granted it.
    pub owner: Incarnation,
    /// Which grant.
    pub number: u64,
    /// Units used in all.
    pub used: Costs,
    /// Units that will not be used, in all.
    pub unused: Costs,
    /// How long ago the last of the used ones was.
    pub age: Duration,
}

/// Units that a process used without a grant: those of immediate messages, and what a provider counted beyond
/// a message's own. Told until it is heard.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Charged {
    /// Who used them.
    pub process: Incarnation,
    /// Grows with each of the process.
    pub number: u64,
    /// How many units.
    pub units: Costs,
    /// How long ago the last of them was.
    pub age: Duration,
}

/// What processes tell each other of the units of one account. Its form goes over the wire: new ones come last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Word {
    /// To the owner.
    Want(Want),
    /// To the process that wants.
    Grant(Grant),
    /// To the owner that granted.
    Report(Report),
    /// To the owner.
    Charged(Charged),
    /// The owner has heard a [`Charged`], to its process.
    Heard {
        /// Of which number.
        number: u64,
    },
}

impl Word {
    /// Is it told to whoever passes units on?
    pub const fn is_for_its_owner(&self) -> bool {
        match self {
            Self::Want(_) | Self::Report(_) | Self::Charged(_) => true,
            Self::Grant(_) | Self::Heard { .. } => false,
        }
    }
}

#[cfg(test)]
mod tests;
