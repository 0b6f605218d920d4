//! The owner's side of the units of an account's or organization's limits: from the lease of its shard to a
//! [`Granter`] that knows what was handed over before, and its end with the lease.
//!
//! A new owner grants nothing until what the last one may have granted is over and what was handed over with it
//! is read. It begins with the first word that it hears, so an account that nobody uses costs nothing.

use std::collections::HashMap;

use ractor::ActorRef;

use super::{LOAD_AGAIN_AFTER, ProviderMessage, UnitsMessage, Whose, charges_of};
use crate::domain::grants::{Charged, Granted, Granter, LASTS, Party, WANT_LASTS, Word};
use crate::domain::ids::Incarnation;
use crate::domain::pace::{Costs, Keep, Limit, Pace};
use crate::domain::phone::E164;
use crate::domain::time::Time;
use crate::journal::Journal;
use crate::ports::Charge;

enum Standing {
    /// Not the owner, or nobody has said anything since it is.
    Idle,
    /// Under this fence.
    Loads(u64),
    Grants {
        fence: u64,
        granter: Box<Granter>,
        /// Who wants something of an organization, by its name, and when it said so: a want lasts no longer.
        parties: HashMap<Incarnation, (Party, Time)>,
    },
}

/// What this process is as the owner.
pub(super) struct Granting {
    whose: Whose,
    limits: Vec<Limit>,
    numbers: Vec<E164>,
    unknown_until: Option<Time>,
    /// The pace without a past.
    blank: Pace,
    standing: Standing,
}

impl Granting {
    /// What the numbers handed over until `unknown_until` is not known.
    pub(super) fn new(
        whose: Whose,
        limits: Vec<Limit>,
        numbers: Vec<E164>,
        unknown_until: Option<Time>,
    ) -> Self {
        let blank = Pace::new(&limits, None, [], Time::ZERO);
        Self { whose, limits, numbers, unknown_until, blank, standing: Standing::Idle }
    }

    /// See [`super::Units::count_of`].
    pub(super) fn count_of(&mut self, numbers: Vec<E164>) {
        self.numbers = numbers;
    }

    /// What past the limits need.
    pub(super) fn keep(&self, now: Time) -> Keep {
        self.blank.keep(now)
    }

    /// Is this more than one of the limits allows in a window of its own?
    pub(super) fn is_beyond_a_limit(&self, units: Costs) -> bool {
        self.blank.is_beyond_a_limit(units)
    }

    /// This process is the owner no more.
    pub(super) fn end(&mut self) {
        self.standing = Standing::Idle;
    }

    /// Does it know what it must, under this fence? If not, it is being read. What is said meanwhile is said
    /// again.
    pub(super) fn is_loaded(
        &mut self,
        fence: u64,
        journal: &Journal,
        myself: &ActorRef<ProviderMessage>,
    ) -> bool {
        match &self.standing {
            Standing::Grants { fence: known, .. } if *known == fence => return true,
            Standing::Loads(known) if *known == fence => return false,
            Standing::Idle | Standing::Loads(_) | Standing::Grants { .. } => {}
        }
        self.standing = Standing::Loads(fence);
        let (journal, numbers, blank) = (journal.clone(), self.numbers.clone(), self.blank.clone());
        let (whose, myself) = (self.whose, myself.clone());
        tokio::spawn(async move {
            // What the owner before granted is over by then, and what was used of it is in the store.
            tokio::time::sleep(LASTS).await;
            let charges = loop {
                match charges_of(&journal, &numbers, &blank).await {
                    Ok(charges) => break charges,
                    Err(error) => {
                        tracing::warn!(%error, ?whose, "earlier hand-overs could not be read; trying again");
                    }
                }
                tokio::time::sleep(LOAD_AGAIN_AFTER).await;
            };
            let loaded = UnitsMessage::Loaded { fence, charges };
            let _ = myself.send_message(ProviderMessage::Units(whose, loaded));
        });
        false
    }

    /// The earlier hand-overs are there.
    pub(super) fn loaded(&mut self, fence: u64, charges: &[Charge], me: Incarnation, now: Time) {
        if !matches!(self.standing, Standing::Loads(asked) if asked == fence) {
            return;
        }
        let stamps = charges.iter().map(|charge| (charge.at, charge.cost));
        let mut granter = Box::new(Granter::new(me, &self.limits, stamps, now));
        if let Some(at) = self.unknown_until {
            granter.fill(at, now);
        }
        self.standing = Standing::Grants { fence, granter, parties: HashMap::new() };
    }

    /// Takes in what a process says, of an organization `by` a part of it; what it is to be told as heard.
    pub(super) fn hear(&mut self, by: Option<&Party>, word: Word, now: Time) -> Option<Charged> {
        let Standing::Grants { granter, parties, .. } = &mut self.standing else { return None };
        match word {
            Word::Want(want) => {
                parties.retain(|_, (_, wanted_at)| *wanted_at + WANT_LASTS > now);
                if let Some(party) = by {
                    parties.insert(want.process, (party.clone(), now));
                }
                granter.wanted(want, now);
            }
            Word::Report(report) => granter.reported(report, now),
            Word::Charged(charged) => {
                granter.charged(charged, now);
                return Some(charged);
            }
            Word::Grant(_) | Word::Heard { .. } => {}
        }
        None
    }

    /// Who goes by this name among those that want something of an organization.
    pub(super) fn party(&self, name: Incarnation) -> Option<Party> {
        let Standing::Grants { parties, .. } = &self.standing else { return None };
        parties.get(&name).map(|(party, _)| party.clone())
    }

    /// What is due, under this fence.
    pub(super) fn grant(&mut self, fence: u64, now: Time) -> Granted {
        match &mut self.standing {
            Standing::Grants { fence: known, granter, .. } if *known == fence => granter.grant(now),
            Standing::Idle | Standing::Loads(_) | Standing::Grants { .. } => {
                Granted { grants: Vec::new(), again_at: None }
            }
        }
    }
}
