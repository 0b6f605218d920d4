//! The sharing: which shards this process takes, keeps and gives up, on a store that several share.
//!
//! A task and no actor: it must go on whatever becomes of mailboxes. A few times a second it says that this
//! process is there, and hears who else is; by that each knows its even share (`domain/share.rs`). Who has
//! more gives some up: it claims nothing more of them, waits a moment for what is under way, and releases
//! them. Who has fewer takes what nobody who is there has. Leases are renewed after a third of their time;
//! while the store does not answer they run out by our own clock, and nothing is claimed or begun under them.
//! One that is over and that nobody took is renewed all the same; one that is another's is dropped.
//!
//! State: the leases, of which everybody else reads the ends (`shards.rs`). It is lost with the process, and
//! then the leases end by themselves.

mod leaving;
mod standing;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use futures::future::join_all;
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::{sleep, timeout};

use self::leaving::Leaving;
pub(crate) use self::standing::Standing;
use crate::backlog::Backlogs;
use crate::domain::ids::{Incarnation, Shard};
use crate::domain::shard_set::ShardSet;
use crate::domain::share;
use crate::domain::time::Time;
use crate::ports::{Clock, Lease, Leased, Member, Peers, Store, StoreError};
use crate::roster::Roster;
use crate::settings::Settings;
use crate::shards::{Shards, end_of};
use crate::telemetry::{self, LeaseChange};

/// Between two rounds: a part of the second within which who leaves is to be followed.
const EVERY: Duration = Duration::from_millis(250);

/// Leases are renewed after this part of their time.
const RENEW_PART: u32 = 3;

/// And after this part of it, when the store did not answer.
const AGAIN_PART: u32 = 10;

/// No call of a round is waited for much longer than its lease can wait.
const SHORTEST_PATIENCE: Duration = Duration::from_secs(1);
const LONGEST_PATIENCE: Duration = Duration::from_secs(2);

/// What it works with.
#[derive(Clone)]
pub(crate) struct SharingArguments {
    pub(crate) me: Incarnation,
    pub(crate) store: Arc<dyn Store>,
    pub(crate) peers: Arc<dyn Peers>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) settings: Settings,
    pub(crate) shards: Shards,
    pub(crate) roster: Roster,
    pub(crate) backlogs: Backlogs,
    pub(crate) standing: Standing,
}

/// The running task. Dropped, it renews nothing more.
pub(crate) struct Sharing {
    stop: watch::Sender<bool>,
    task: JoinHandle<()>,
}

impl Sharing {
    /// Takes this process' share, and goes on with it.
    pub(crate) async fn start(with: SharingArguments) -> Self {
        let (stop, stopped) = watch::channel(false);
        let leaving = Leaving::new(&with);
        let mut share = Share {
            mine: BTreeMap::new(),
            attended: ShardSet::NONE,
            renew_at: Time::ZERO,
            renewals_fail: false,
            take_from: Time::ZERO,
            leaving,
            looks: JoinSet::new(),
            with,
        };
        share.round().await;
        Self { stop, task: tokio::spawn(share.keep(stopped)) }
    }

    /// Gives all shards up, and says that this process is there no more. What is under way is waited for only
    /// for a moment.
    pub(crate) async fn leave(mut self) {
        let _ = self.stop.send(true);
        if let Err(error) = (&mut self.task).await {
            tracing::error!(%error, "the sharing of the store did not end well");
        }
    }
}

impl Drop for Sharing {
    fn drop(&mut self) {
        self.task.abort();
    }
}

struct Share {
    with: SharingArguments,
    mine: BTreeMap<Shard, Lease>,
    /// Of which notes are heard.
    attended: ShardSet,
    renew_at: Time,
    renewals_fail: bool,
    /// Nothing is taken before: others may be there that could not say so yet.
    take_from: Time,
    leaving: Leaving,
    looks: JoinSet<()>,
}

impl Share {
    async fn keep(mut self, mut stopped: watch::Receiver<bool>) {
        loop {
            tokio::select! {
                _ = stopped.wait_for(|stop| *stop) => break,
                () = sleep(EVERY) => {}
                // Said at once, for those who wait for them.
                () = self.leaving.some_left() => {}
            }
            self.round().await;
        }
        let all = std::mem::take(&mut self.mine);
        self.leaving.leave_the_store(all.into_values().collect()).await;
        self.say_how_many();
    }

    async fn round(&mut self) {
        let asked_at = self.with.clock.now();
        // A store that could not be worked with is looked at before anything is done with it.
        let was_there = self.with.standing.is_fine();
        let announced = if was_there {
            let announced = self.announce();
            // Neither waits for the other.
            let (announced, renewed) = tokio::join!(announced, self.renewals(asked_at));
            self.renewed(asked_at, renewed);
            announced
        } else {
            self.announce().await
        };
        let members = match announced {
            Ok(members) => members,
            Err(error) => {
                // Then they were not asked for: it is as if they had not been renewed.
                if !was_there && !self.mine.is_empty() {
                    telemetry::renewal_failed();
                }
                return self.with.standing.fails(&error);
            }
        };
        let lease = self.with.settings.lease;
        self.with.standing.is_there_until(end_of(asked_at, lease));
        if !was_there {
            self.take_from = asked_at + lease / RENEW_PART;
            self.renew_at = asked_at;
            let renewed = self.renewals(asked_at).await;
            self.renewed(asked_at, renewed);
        }
        self.share_out(&members).await;
        self.say_how_many();
    }

    fn announce(&self) -> impl Future<Output = Result<Vec<Member>, StoreError>> + use<> {
        let SharingArguments { me, peers, settings, .. } = &self.with;
        let announced = peers.announce(*me, self.mine.keys().copied().collect(), settings.lease);
        let patience = self.patience();
        async move { timeout(patience, announced).await.unwrap_or(Err(StoreError::Unanswered)) }
    }

    /// Asks for the leases to be renewed, if it is time; the answers. What is not answered in time may be
    /// renewed or not.
    fn renewals(&self, now: Time) -> impl Future<Output = Vec<(Lease, Result<bool, StoreError>)>> + use<> {
        let due = if now < self.renew_at { Vec::new() } else { self.mine.values().copied().collect() };
        let SharingArguments { store, settings, .. } = &self.with;
        let patience = self.patience();
        let renewed =
            due.iter().map(|lease: &Lease| timeout(patience, store.renew_lease(*lease, settings.lease)));
        let renewed = join_all(renewed.collect::<Vec<_>>());
        async move {
            let answers =
                renewed.await.into_iter().map(|answer| answer.unwrap_or(Err(StoreError::Unanswered)));
            due.into_iter().zip(answers).collect()
        }
    }

    fn renewed(&mut self, asked_at: Time, answers: Vec<(Lease, Result<bool, StoreError>)>) {
        if answers.is_empty() {
            return;
        }
        let lease_for = self.with.settings.lease;
        let (mut lost, mut failed) = (ShardSet::NONE, None);
        for (lease, answer) in answers {
            match answer {
                Ok(true) => self.with.shards.set(lease, end_of(asked_at, lease_for)),
                Ok(false) => {
                    lost.insert(lease.shard);
                    self.mine.remove(&lease.shard);
                }
                Err(error) => failed = Some(error),
            }
        }
        if !lost.is_empty() {
            self.leaving.drop_lost(lost);
            telemetry::leases(LeaseChange::Lost, lost.len());
            tracing::error!(
                shards = lost.len(),
                "another process has taken shards over: this one was too slow to renew them"
            );
        }
        if failed.is_some() {
            telemetry::renewal_failed();
        }
        let failed_before = std::mem::replace(&mut self.renewals_fail, failed.is_some());
        match failed {
            Some(error) if !failed_before => {
                tracing::warn!(%error, "leases could not be renewed; trying again");
            }
            None if failed_before => tracing::info!("the leases are renewed again"),
            Some(_) | None => {}
        }
        self.renew_at = asked_at + lease_for / if self.renewals_fail { AGAIN_PART } else { RENEW_PART };
    }

    async fn share_out(&mut self, members: &[Member]) {
        let there: Vec<Incarnation> = members.iter().map(|member| member.incarnation).collect();
        let quota = share::share_of(self.with.me, &there);
        let mut asked = Vec::new();
        if self.mine.len() > quota {
            self.give_up(self.mine.len() - quota);
        } else if self.mine.len() < quota && self.with.clock.now() >= self.take_from {
            let held = members.iter().fold(ShardSet::NONE, |held, member| held.with(member.holds));
            let free = ShardSet::ALL.without(held).without(self.leaving.shards());
            asked = share::to_ask_for(self.with.me, &there, free, quota - self.mine.len());
        }
        let mine: ShardSet = self.mine.keys().copied().collect();
        // Before anything is taken: what is stored from then on is heard, what was stored before is found.
        self.attend(mine.with(asked.iter().copied().collect())).await;
        self.take(asked).await;
    }

    fn give_up(&mut self, count: usize) {
        let busy = self.with.roster.shards_with_senders();
        let given = share::to_give_up(self.mine.keys().copied().collect(), busy, count);
        let given: Vec<Lease> = given.iter().filter_map(|shard| self.mine.remove(shard)).collect();
        tracing::info!(shards = given.len(), "giving shards up to other processes");
        self.leaving.give_up(given);
    }

    async fn attend(&mut self, shards: ShardSet) {
        if shards == self.attended {
            return;
        }
        let SharingArguments { me, peers, .. } = &self.with;
        match timeout(self.patience(), peers.attend(*me, shards)).await {
            Ok(Ok(())) => {}
            // What is not heard is found by looking.
            Ok(Err(error)) => tracing::warn!(%error, "what other processes say may not be heard for a while"),
            Err(_) => tracing::warn!("what other processes say may not be heard for a while"),
        }
        self.attended = shards;
    }

    async fn take(&mut self, asked: Vec<Shard>) {
        if asked.is_empty() {
            return;
        }
        let SharingArguments { me, store, clock, settings, shards, backlogs, .. } = &self.with;
        let Settings { lease: lasts, margin, evidence_deadline, .. } = *settings;
        let asked_at = clock.now();
        let patience = self.patience();
        let answers = asked.into_iter().map(|shard| {
            timeout(patience, store.acquire_lease(shard, *me, lasts, margin, evidence_deadline))
        });
        let mut taken = ShardSet::NONE;
        for answer in join_all(answers).await {
            match answer {
                Ok(Ok(Leased::Yours { lease, .. })) => {
                    shards.set(lease, end_of(asked_at, lasts));
                    self.mine.insert(lease.shard, lease);
                    taken.insert(lease.shard);
                }
                // The next round asks again.
                Ok(Ok(Leased::TakenUntil(_)) | Err(_)) | Err(_) => {}
            }
        }
        if taken.is_empty() {
            return;
        }
        telemetry::leases(LeaseChange::Taken, taken.len());
        tracing::info!(shards = taken.len(), all = self.mine.len(), "taken over");
        self.renew_at = self.renew_at.min(asked_at + lasts / RENEW_PART);
        let backlogs = backlogs.clone();
        while self.looks.try_join_next().is_some() {}
        self.looks.spawn(async move { drop(backlogs.look_at(taken).await) });
    }

    fn say_how_many(&self) {
        telemetry::shards(self.mine.len(), self.leaving.shards().len());
    }

    /// How long a call may take.
    fn patience(&self) -> Duration {
        (self.with.settings.lease / 2).clamp(SHORTEST_PATIENCE, LONGEST_PATIENCE)
    }
}
