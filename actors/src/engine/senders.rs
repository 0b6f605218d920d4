//! Senders as their organization sees and tunes them.

use std::sync::Arc;

use crate::directory::Directory;
use crate::domain::ids::{AccountName, OrganizationId, ProviderKind};
use crate::domain::lanes::{LANES, Weights};
use crate::domain::message::Lane;
use crate::domain::pace::{BadLimit, CountedTraffic, Limit};
use crate::domain::phone::E164;
use crate::domain::routing::Route;
use crate::domain::time::Time;
use crate::domain::tuning::{Pause, Retune, Tuning};
use crate::inquiries::{self, Inquiries};
use crate::journal::Journal;
use crate::ports::{StoreError, Waiting};
use crate::roster::Roster;
use crate::sender::SenderStanding;

/// How often a change is made anew on top of another one's.
const AGAIN: usize = 16;

/// How one sender stands.
#[derive(Debug, Clone)]
pub struct SenderView {
    /// Its number.
    pub number: E164,
    /// The account it goes through.
    pub account: AccountName,
    /// That account's provider.
    pub provider: ProviderKind,
    /// The limits that hold.
    pub limits: Vec<Limit>,
    /// The weights of its lanes that hold.
    pub weights: Weights,
    /// Its pause, if it is paused now.
    pub pause: Option<Pause>,
    /// What was set of it beside the directory.
    pub tuning: Tuning,
    /// Messages waiting.
    pub depth: u64,
    /// The same of each lane, the most urgent first.
    pub depths: [u64; 3],
    /// When the last of them goes, about: by its present limits, if nothing comes or goes elsewhere meanwhile.
    /// `None` where nothing waits, or nobody can say.
    pub empty_at: Option<Time>,
    /// Of each lane, the most urgent first, when the first of those was accepted, to the millisecond.
    pub oldest: [Option<Time>; 3],
    /// How it stands; `None` where it does not run, because it has nothing to do, or where the process that sends from
    /// it has not said so in time.
    pub standing: Option<SenderStanding>,
}

/// Why a sender was not tuned.
#[derive(Debug, thiserror::Error)]
pub enum NotTuned {
    /// A limit cannot be read.
    #[error(transparent)]
    BadLimit(#[from] BadLimit),
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The look at all of them. Cheap to clone.
#[derive(Clone)]
pub(super) struct Senders {
    directory: Directory,
    journal: Journal,
    pub(super) roster: Roster,
    inquiries: Inquiries,
}

impl Senders {
    pub(super) fn new(
        directory: &Directory,
        journal: &Journal,
        roster: &Roster,
        inquiries: &Inquiries,
    ) -> Self {
        let (journal, roster, inquiries) = (journal.clone(), roster.clone(), inquiries.clone());
        Self { directory: directory.clone(), journal, roster, inquiries }
    }

    /// Numbers of an organization, in order; those behind `after`, at most `limit`.
    pub(super) fn numbers(&self, of: OrganizationId, after: Option<E164>, limit: usize) -> Vec<E164> {
        let plan = self.directory.plan();
        let ours = plan.book.numbers.iter().filter(|(_, route)| route.organization == of);
        let behind = ours.map(|(number, _)| *number).filter(|number| Some(*number) > after);
        let mut numbers: Vec<E164> = behind.collect();
        numbers.sort_unstable();
        numbers.truncate(limit);
        numbers
    }

    /// One of them, if it is this organization's.
    pub(super) async fn view(
        &self,
        organization: OrganizationId,
        number: E164,
    ) -> Result<Option<SenderView>, StoreError> {
        let Some(route) = self.route(organization, number) else { return Ok(None) };
        let store = self.journal.store();
        let tuning = store.tuning(number).await?.unwrap_or_default();
        let mut oldest = [None; 3];
        for (oldest, lane) in oldest.iter_mut().zip(LANES) {
            *oldest = self.oldest(number, lane).await?;
        }
        let now = self.journal.now();
        let depths = store.depths(number).await?;
        let limits = tuning.limits(&route.limits).unwrap_or_default();
        let standing = self.standing(number, &limits).await;
        let empty_at = standing.as_ref().and_then(|standing| standing.empty_at(depths.segments, now));
        Ok(Some(SenderView {
            number,
            account: route.account.clone(),
            provider: route.provider,
            limits,
            weights: tuning.weights.unwrap_or(route.weights),
            pause: tuning.pause.filter(|_| tuning.paused_until(now).is_some()),
            depth: depths.lanes.iter().sum(),
            depths: depths.lanes,
            empty_at,
            tuning,
            oldest,
            standing,
        }))
    }

    /// Changes one of them, if it is this organization's. It goes by that at once, on whichever process
    /// it runs: within a second if the note to that one is lost.
    pub(super) async fn tune(
        &self,
        organization: OrganizationId,
        number: E164,
        change: &Retune,
    ) -> Result<Option<()>, NotTuned> {
        let Some(route) = self.route(organization, number) else { return Ok(None) };
        let store = self.journal.store();
        for _ in 0..AGAIN {
            let before = store.tuning(number).await?.unwrap_or_default();
            let tuning = before.changed(change, &route.limits, self.noted(&route), self.journal.now())?;
            if self.journal.tune(number, tuning).await? {
                return Ok(Some(()));
            }
        }
        Err(StoreError::Unavailable("others change this sender all the time".to_owned()).into())
    }

    fn route(&self, organization: OrganizationId, number: E164) -> Option<Arc<Route>> {
        self.directory.route(number).filter(|route| route.organization == organization)
    }

    /// Which of its hand-overs are noted for its organization or its account, whichever that is that they go
    /// through: their limits look back at them.
    fn noted(&self, route: &Route) -> CountedTraffic {
        let plan = self.directory.plan();
        let fallback = route.fallback.as_ref().map(|fallback| &fallback.account);
        let accounts = [Some(&route.account), fallback].into_iter().flatten();
        accounts
            .map(|account| plan.book.counted_by(account))
            .reduce(CountedTraffic::and)
            .unwrap_or(CountedTraffic::NOTHING)
    }

    async fn oldest(&self, number: E164, lane: Lane) -> Result<Option<Time>, StoreError> {
        let first = self.journal.store().queue_page(number, lane, None, 1).await?;
        Ok(first.first().map(Waiting::since))
    }

    /// Whoever sends from it is asked.
    async fn standing(&self, number: E164, limits: &[Limit]) -> Option<SenderStanding> {
        if self.journal.owns(number) {
            return inquiries::of_running(&self.roster, number).await;
        }
        self.inquiries.ask(number, &self.journal).await?.with(limits)
    }
}
