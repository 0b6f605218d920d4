//! The sweeper: finds what a lost hint missed.
//!
//! Every wake-up in the engine may be lost; this is the net below. It decides nothing itself: it reads
//! what is past its time and calls the steps that any of the others would have called. On a store that
//! several processes share, each looks after its own shards.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use ractor::{Actor, ActorProcessingErr, ActorRef};

use crate::admission::Tickets;
use crate::backlog::Backlogs;
use crate::crowd::Crowd;
use crate::crowding::Crowding;
use crate::directory::Directory;
use crate::domain::ids::{AccountName, MessageId, Shard};
use crate::domain::message::UnknownPolicy;
use crate::domain::outcome::Doubt;
use crate::domain::phone::E164;
use crate::domain::time::Time;
use crate::journal::Journal;
use crate::ports::{Backlog, StoreError, Unsettled};
use crate::provider::ProviderMessage;
use crate::roster::Roster;
use crate::sender::SenderMessage;
use crate::survey::{Asked, Survey};
use crate::telemetry::{self, MailboxMeters};
use crate::timers::Timers;

/// Between two sweeps.
const EVERY: Duration = Duration::from_secs(1);

/// Every so many sweeps, also what is rarer: senders that should run, or should know of more than they do, and
/// what may be forgotten.
const RARELY: u64 = 10;

/// On a store that several processes share, the senders are looked at so often: it is how a lost note is found.
const SHARED: u64 = 3;

/// Every so many sweeps, a running sender with messages waiting reads the head of its queue again.
const VERY_RARELY: u64 = 60;

/// Every so many sweeps the actors are asked how they stand; the sweep after that tells the metrics.
const SURVEY: u64 = 5;

/// Pages pruned in one sweep, about a thousand records each.
const PRUNES: usize = 8;

/// What the sweeper is told.
pub(crate) enum SweeperMessage {
    /// Look now.
    Sweep,
}

/// The actor.
pub(crate) struct SweeperActor;

/// What it is started with.
#[derive(Clone)]
pub(crate) struct SweeperArguments {
    pub(crate) journal: Journal,
    pub(crate) directory: Directory,
    pub(crate) roster: Roster,
    pub(crate) tickets: Tickets,
    pub(crate) crowding: Crowding,
}

pub(crate) struct SweeperState {
    with: SweeperArguments,
    backlogs: Backlogs,
    timers: Timers,
    sweeps: u64,
    /// What was of unknown outcome at the last sweep: another process may settle it.
    unknown: HashMap<(MessageId, u16), E164>,
    /// The last one did not get through.
    fails: bool,
    mailboxes: Arc<MailboxMeters>,
    /// Asked for, not yet told.
    survey: Option<Arc<Survey>>,
    /// Messages at numbers that the directory does not have, as counted last.
    homeless: u64,
    /// How often senders of each shard had been tuned.
    tunings: HashMap<Shard, u64>,
}

impl Actor for SweeperActor {
    type Msg = SweeperMessage;
    type State = SweeperState;
    type Arguments = SweeperArguments;

    async fn pre_start(
        &self,
        myself: ActorRef<SweeperMessage>,
        with: SweeperArguments,
    ) -> Result<SweeperState, ActorProcessingErr> {
        // The first sweep wakes the senders that have work from before the start.
        myself.send_message(SweeperMessage::Sweep)?;
        let SweeperArguments { journal, directory, roster, .. } = with.clone();
        let timers = Timers::new(journal.clone(), directory.clone());
        let backlogs = Backlogs { journal, directory, roster };
        Ok(SweeperState {
            with,
            backlogs,
            timers,
            sweeps: 0,
            unknown: HashMap::new(),
            fails: false,
            mailboxes: Arc::new(MailboxMeters::new()),
            survey: None,
            homeless: 0,
            tunings: HashMap::new(),
        })
    }

    async fn handle(
        &self,
        myself: ActorRef<SweeperMessage>,
        message: SweeperMessage,
        state: &mut SweeperState,
    ) -> Result<(), ActorProcessingErr> {
        let SweeperMessage::Sweep = message;
        let swept = state.sweep().await;
        let failed_before = std::mem::replace(&mut state.fails, swept.is_err());
        if let Err(error) = swept
            && !failed_before
        {
            tracing::warn!(%error, "a sweep failed; the next one comes in a second");
        }
        state.sweeps += 1;
        myself.send_after(EVERY, || SweeperMessage::Sweep);
        Ok(())
    }
}

impl SweeperState {
    async fn sweep(&mut self) -> Result<(), StoreError> {
        self.timers.look(EVERY);
        self.tell_metrics();
        if self.sweeps.is_multiple_of(SURVEY) {
            self.ask_actors().await;
        }
        let owned = self.with.journal.owned();
        let is_shared = !self.with.journal.store().is_exclusive();
        let backlogs = if self.sweeps.is_multiple_of(VERY_RARELY) {
            self.backlogs.look_anew_at(owned).await
        } else if self.sweeps.is_multiple_of(if is_shared { SHARED } else { RARELY }) {
            self.backlogs.look_at(owned).await
        } else {
            None
        };
        if let Some(backlogs) = backlogs {
            self.tell_depths(&backlogs);
        }
        // One process is enough for it: the one with the first shard.
        let prunes = Shard::all().next().is_some_and(|first| owned.contains(first));
        if prunes
            && self.sweeps.is_multiple_of(RARELY)
            && let Err(error) = self.prune().await
        {
            tracing::warn!(%error, "what is past its retention could not be removed");
        }
        self.hear_of_tunings().await?;
        let now = self.with.journal.now();
        let margin = self.with.journal.settings().margin;
        let unsettled = self.with.journal.store().unsettled_in(owned).await?;
        let waiting = unsettled.iter().filter(|attempt| attempt.evidence_until.is_some()).count();
        telemetry::unknown_waiting(waiting as u64);
        self.hear_what_was_settled(&unsettled).await;
        for attempt in unsettled {
            let done = self.settle_if_over(&attempt, now, margin).await;
            if done.is_ok() && attempt.evidence_until.is_some_and(|until| until <= now) {
                // What became of it was told by that.
                self.unknown.remove(&(attempt.id, attempt.attempt));
            }
            // One record in trouble keeps nobody from the others.
            if let Err(error) = done {
                tracing::warn!(message_id = %attempt.id, %error, "an open attempt could not be settled yet");
            }
        }
        Ok(())
    }

    /// Asks every sender and provider actor how it stands, a few at a time.
    async fn ask_actors(&mut self) {
        let plan = self.with.directory.plan();
        let accounts = plan.book.accounts.keys();
        let mailboxes = Arc::clone(&self.mailboxes);
        let survey = Arc::new(Survey::begin(accounts.clone(), mailboxes));
        let mut crowd = Crowd::default();
        for (sender, handled) in self.with.roster.senders_and_handled() {
            let (at, handled) = (self.with.journal.now(), handled.so_far());
            let asked = Asked { survey: Arc::clone(&survey), at, handled };
            // One that is stopping has nothing to say.
            let _ = sender.send_message(SenderMessage::Report(asked));
            crowd.told_one().await;
        }
        let running = accounts.filter_map(|account| self.with.roster.provider_and_handled(account));
        for (provider, handled) in running {
            let asked = Asked { survey: Arc::clone(&survey), at: self.with.journal.now(), handled };
            let _ = provider.send_message(ProviderMessage::Report(asked));
        }
        self.survey = Some(survey);
    }

    fn tell_metrics(&mut self) {
        let SweeperArguments { journal, directory, roster, tickets, crowding } = &self.with;
        let plan = directory.plan();
        let live = roster.senders_running();
        let numbers = plan.book.numbers.keys();
        let owned = journal.owned();
        let ours = numbers.filter(|number| owned.contains(Shard::of(**number))).count();
        let dormant = ours.saturating_sub(live);
        telemetry::senders(live, dormant, self.homeless);
        telemetry::requests_in_flight(tickets.out());
        for account in plan.in_flight.values() {
            let (_, allowed) = account.circuit().standing();
            account.meters().places(allowed);
        }
        let Some(survey) = self.survey.take() else { return };
        let now = journal.now();
        for (name, account) in &plan.in_flight {
            account.meters().queues(survey.figures(name, now));
        }
        for (organization, accounts) in plan.book.accounts_of_each() {
            crowding.expect(organization, survey.outlook(accounts.into_iter()));
        }
    }

    fn tell_depths(&mut self, backlogs: &[Backlog]) {
        let plan = self.with.directory.plan();
        let mut depths: HashMap<&AccountName, u64> = HashMap::new();
        let mut homeless = 0;
        for backlog in backlogs {
            match plan.book.numbers.get(&backlog.sender) {
                Some(route) => *depths.entry(&route.account).or_default() += backlog.waiting,
                None => homeless += backlog.waiting,
            }
        }
        for (name, account) in &plan.in_flight {
            account.meters().depth(depths.get(name).copied().unwrap_or(0));
        }
        self.homeless = homeless;
    }

    /// Another process may have tuned a sender that runs here; its own process told it.
    async fn hear_of_tunings(&mut self) -> Result<(), StoreError> {
        let journal = &self.with.journal;
        if journal.store().is_exclusive() {
            return Ok(());
        }
        for (shard, times) in journal.store().tunings(journal.owned()).await? {
            if self.tunings.insert(shard, times) == Some(times) {
                continue;
            }
            for sender in self.with.roster.senders_of(shard) {
                // One that stops reads it when it starts.
                let _ = sender.send_message(SenderMessage::TuningMayDiffer);
            }
        }
        Ok(())
    }

    async fn settle_if_over(
        &self,
        attempt: &Unsettled,
        now: Time,
        margin: Duration,
    ) -> Result<(), StoreError> {
        match (attempt.not_after, attempt.evidence_until) {
            (Some(not_after), _) if not_after < now => {
                self.with.journal.withdraw(attempt.id, now).await.map(drop)
            }
            // Its note was lost, or its sender was stopping.
            (Some(_), _) => {
                self.backlogs.offer(attempt.sender, attempt.id, None).await;
                Ok(())
            }
            (None, None) if attempt.deadline + margin < now => self.mark_unknown(attempt).await,
            (None, Some(until)) if until <= now => self.settle_unknown(attempt).await,
            (None, None | Some(_)) => Ok(()),
        }
    }

    /// Whoever settles an unknown outcome tells the sender of his own process. Of what another process was
    /// told, by a provider or a person, this one hears here, and its conversation goes on.
    async fn hear_what_was_settled(&mut self, unsettled: &[Unsettled]) {
        let journal = &self.with.journal;
        if journal.store().is_exclusive() {
            return;
        }
        let unknown = unsettled.iter().filter(|attempt| attempt.evidence_until.is_some());
        let unknown = unknown.map(|attempt| ((attempt.id, attempt.attempt), attempt.sender)).collect();
        for ((id, attempt), sender) in std::mem::replace(&mut self.unknown, unknown) {
            if !self.unknown.contains_key(&(id, attempt)) && journal.owns(sender) {
                journal.tell_as_read(sender, id).await;
            }
        }
    }

    async fn mark_unknown(&self, attempt: &Unsettled) -> Result<(), StoreError> {
        let journal = &self.with.journal;
        journal
            .mark_unknown(attempt.sender, attempt.id, attempt.attempt, Doubt::NoAnswer, None)
            .await
            .map(drop)
    }

    /// Applies the policy of the account that the message went through.
    async fn settle_unknown(&self, attempt: &Unsettled) -> Result<(), StoreError> {
        let journal = &self.with.journal;
        let Some(message) = journal.store().message(attempt.id).await? else { return Ok(()) };
        let plan = self.with.directory.plan();
        let account = plan.book.accounts.get(&message.draft.account);
        let policy = account.map_or(UnknownPolicy::Hold, |account| account.unknown_outcome);
        journal.settle_unknown(attempt.sender, attempt.id, attempt.attempt, policy).await.map(drop)
    }

    async fn prune(&self) -> Result<(), StoreError> {
        let journal = &self.with.journal;
        let before: Time = journal.now() - journal.settings().message_retention;
        for _ in 0..PRUNES {
            if !journal.store().prune(before).await?.more {
                break;
            }
        }
        Ok(())
    }
}
