//! What a provider actor is told, and what it answers to who wants a place now.

use std::sync::Arc;

use tokio::sync::oneshot;

use super::units::{UnitsMessage, Whose};
use crate::attempt::ClaimedAttempt;
use crate::domain::outcome::Slows;
use crate::domain::pace::{Cost, CountedTraffic, Keep};
use crate::domain::phone::E164;
use crate::domain::routing::Reach;
use crate::domain::time::Time;
use crate::places::{Place, UnusedCharges};
use crate::ports::{Charge, Provider};
use crate::slowing::TooFast;
use crate::survey::Asked;

/// What a provider actor is told.
pub enum ProviderMessage {
    /// A sender's next messages may go now: places, please. Asked again, this is what it wants.
    Want {
        /// Whose messages.
        sender: E164,
        /// How many places at the most.
        places: usize,
        /// What each message may cost of the account's pace.
        cost: Cost,
    },
    /// The sender wants none any more.
    WantNot(E164),
    /// A message wants a place now, or none.
    WantNow {
        /// What it costs, of a queued message that is away from its sender's account: it goes by the
        /// account's pace. `None`: an immediate one, which goes by none.
        queued: Option<Cost>,
        /// Who waits.
        reply: oneshot::Sender<Result<Place, NoPlace>>,
    },
    /// Claimed messages may be written, in this order.
    Begin(Vec<Begin>),
    /// A place came back, with its permit and units if those were not used.
    PlaceBack {
        /// The permit to abandon, and the units to put back.
        unused: Option<UnusedCharges>,
    },
    /// The provider counted so many units more of a hand-over than it was charged with.
    Counted {
        /// When it was written.
        at: Time,
        /// What they cost.
        more: Cost,
    },
    /// A message was refused for the pace of its campaign or of the account.
    TooFast(Slows, TooFast),
    /// A message was taken, where that matters: something goes slower.
    Taken {
        /// Its number.
        sender: E164,
        /// When it was written.
        sent: Time,
    },
    /// The account's earlier hand-overs, for its pace.
    Loaded(Vec<Charge>),
    /// Of the units of its organization, or of the account where several processes send through it.
    Units(Whose, UnitsMessage),
    /// The account's pace allows something again.
    Wake,
    /// The directory changed: other numbers go through it, or it is signed in to in another way.
    Redirected(Reach, Arc<dyn Provider>),
    /// How does it stand?
    Report(Asked),
    /// Makes the actor fail, for tests.
    #[cfg(feature = "chaos")]
    Panic,
}

/// Why there is no place now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoPlace {
    /// All are taken.
    Taken,
    /// The account's circuit is open.
    Out,
    /// Its pace allows a queued message of this cost none before this.
    NotBefore(Time),
}

/// A claimed message to be written.
pub struct Begin {
    pub(crate) attempt: ClaimedAttempt,
    /// When it was due, to tell how late it is.
    pub(crate) due: Time,
    /// From when on it is quiet where a queued message goes to.
    pub(crate) quiet_from: Option<Time>,
    /// What the sender's pace needs to know of the past.
    pub(crate) keep: Keep,
    /// What the sender counts.
    pub(crate) counts: CountedTraffic,
}
