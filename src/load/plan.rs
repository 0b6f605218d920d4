//! What a run is to do.

use super::client::Target;
use super::mix::Mix;
use super::numbers::Numbers;
use super::schedule::{Length, Rate};

/// When requests are sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Arrivals {
    /// By so many connections, each of which waits for its answers.
    Closed {
        /// At least 1.
        connections: usize,
    },
    /// At scheduled instants.
    Open {
        /// How often.
        rate: Rate,
        /// The most requests without an answer; what would be more is not sent.
        outstanding: usize,
    },
}

impl Arrivals {
    /// The most requests at a time.
    pub(super) const fn outstanding(self) -> usize {
        match self {
            Self::Closed { connections } => connections,
            Self::Open { outstanding, .. } => outstanding,
        }
    }
}

/// What a run is to do.
#[derive(Debug, Clone)]
pub struct Plan {
    /// To whom.
    pub target: Target,
    /// From whom; they take turns.
    pub senders: Numbers,
    /// To whom the messages go.
    pub recipients: Numbers,
    /// Of what kinds.
    pub mix: Mix,
    /// What the messages say.
    pub text: String,
    /// When.
    pub arrivals: Arrivals,
    /// For how long.
    pub length: Length,
    /// Part of every idempotency key: no other run on the same server may have had it.
    pub run: String,
}
