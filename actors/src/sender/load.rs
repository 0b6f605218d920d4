//! What a sender must know of the time before it was there: its hand-overs and its open attempts; and
//! what becomes of those, where the process that made them may still live.

use std::time::Duration;

use ractor::{ActorRef, ActorStatus};

use super::{SenderMessage, SenderState};
use crate::domain::pace::{Keep, Limit, Pace};
use crate::domain::phone::E164;
use crate::domain::time::Time;
use crate::domain::tuning::Tuning;
use crate::journal::Journal;
use crate::ports::{Charge, StoreError, Unsettled};

const AGAIN_AFTER: Duration = Duration::from_secs(1);

/// From a change on, every sender hears of it within a second, and what it had begun before is written within
/// a few.
const NOTED_WITHIN: Duration = Duration::from_secs(5);

/// The sender's past, as far as it matters.
#[derive(Debug)]
pub struct Earlier {
    /// The directory's limits that it was read for.
    usual: Vec<Limit>,
    /// What was set of it by hand.
    pub(super) tuning: Tuning,
    pub(super) charges: Vec<Charge>,
    pub(super) unsettled: Vec<Unsettled>,
}

impl SenderState {
    /// What happened before is known: from here on messages go.
    pub(super) fn loaded(&mut self, earlier: &Earlier) {
        // The first of two reads, or one that knew of less: the other tells.
        let knew_all =
            earlier.tuning.generation >= self.tuning.generation && earlier.usual == self.usual_limits;
        if self.pace.is_some() || !knew_all {
            return;
        }
        if earlier.tuning.generation > self.tuning.generation {
            self.adopt(earlier.tuning.clone());
        }
        let now = self.journal.now();
        let early = self.early.take().unwrap_or_default();
        let stamps = earlier.charges.iter().map(|charge| (charge.at, charge.cost));
        let mut pace = Pace::new(&self.route.limits, None, stamps.chain(early.written), now);
        let unsettled = earlier.unsettled.iter().filter(|attempt| !early.settled.contains(&attempt.id));
        self.open.clear();
        for attempt in unsettled {
            let is_starting = self.starting.iter().any(|starting| starting.message.id == attempt.id);
            if attempt.is_open() && !is_starting {
                self.in_flight.entry(attempt.id).or_insert(now);
                self.open.insert(attempt.id, pace.take(now, now, attempt.cost));
            }
            if attempt.in_conversation {
                self.queue.of(attempt.lane).hold(attempt.recipient);
            }
        }
        for starting in &mut self.starting {
            starting.permit = pace.take(starting.not_before, now, starting.message.cost);
        }
        let before = self.replaced.take();
        if let Some(noted_since) = self.tuning.noted_since {
            // Here it went by no limit until just now; at the latest, any sender did so.
            let just_now = before.as_ref().is_some_and(|before| before.is_unlimited());
            pace.fill(if just_now { now } else { noted_since + NOTED_WITHIN }, now);
        }
        if let Some(at) = self.unknown_until.take() {
            pace.fill(at, now);
        }
        if let Some(before) = before {
            pace.space_as(&before);
        }
        self.pace = Some(pace);
    }
}

/// Reads what a sender must know whose limits are `usual` unless others were set by hand, however often
/// that takes, and tells it.
pub(super) fn start(journal: &Journal, number: E164, usual: Vec<Limit>, sender: ActorRef<SenderMessage>) {
    let journal = journal.clone();
    tokio::spawn(async move {
        again(&journal, number, &usual, &sender).await;
    });
}

/// The same at the start of a sender; then watches what it found open.
pub(super) fn start_and_watch(
    journal: &Journal,
    number: E164,
    usual: Vec<Limit>,
    sender: ActorRef<SenderMessage>,
) {
    let journal = journal.clone();
    tokio::spawn(async move {
        let Some(open) = again(&journal, number, &usual, &sender).await else { return };
        if !journal.store().is_exclusive() {
            watch(&journal, number, open, &sender).await;
        }
    });
}

/// What is open, once it is read; `None` if the sender has gone. It was there when this is answered, and
/// has been told.
async fn again(
    journal: &Journal,
    number: E164,
    usual: &[Limit],
    sender: &ActorRef<SenderMessage>,
) -> Option<Vec<Unsettled>> {
    let mut said = false;
    let earlier = loop {
        match read(journal, number, usual).await {
            Ok(earlier) => break earlier,
            Err(error) if !said => {
                tracing::error!(sender = ?number, %error, "a sender could not be loaded yet");
                said = true;
            }
            Err(_) => {}
        }
        tokio::time::sleep(AGAIN_AFTER).await;
        if is_gone(sender) {
            return None;
        }
    };
    let open = earlier.unsettled.clone();
    // If it failed meanwhile, its successor loads for itself.
    sender.send_message(SenderMessage::Loaded(Box::new(earlier))).ok()?;
    Some(open)
}

/// Reads the record of a sender's tuning and tells it; a failure leaves it to the next look.
pub(super) fn look_at_tuning(journal: &Journal, number: E164, sender: ActorRef<SenderMessage>) {
    let tuning = journal.store().tuning(number);
    tokio::spawn(async move {
        if let Ok(Some(tuning)) = tuning.await {
            // A stopping one reads it when it starts.
            let _ = sender.send_message(SenderMessage::Tuned(Box::new(tuning)));
        }
    });
}

/// Open attempts before hand-overs: one that is settled in between is then counted twice rather than
/// not at all.
async fn read(journal: &Journal, number: E164, usual: &[Limit]) -> Result<Earlier, StoreError> {
    let tuning = journal.store().tuning(number).await?.unwrap_or_default();
    // Limits that cannot be read are not applied, and said so where they would be.
    let limits = tuning.limits(usual).unwrap_or_else(|_| usual.to_vec());
    let unsettled = attempts(journal, number).await?;
    let keep = Pace::new(&limits, None, [], Time::ZERO).keep(journal.now());
    if keep == Keep::NOTHING {
        return Ok(Earlier { usual: usual.to_vec(), tuning, charges: Vec::new(), unsettled });
    }
    let charges = journal.hand_overs(number, keep.sums_from).await?;
    Ok(Earlier { usual: usual.to_vec(), tuning, charges, unsettled })
}

/// What is open or unknown. An offer costs nothing until it is taken.
async fn attempts(journal: &Journal, number: E164) -> Result<Vec<Unsettled>, StoreError> {
    let mut unsettled = journal.store().unsettled(Some(number)).await?;
    unsettled.retain(|one| !one.is_offer());
    Ok(unsettled)
}

/// Whoever settles an attempt tells the sender of his own process. Of those that another process may
/// settle, this one hears by looking, until none is left or the sender is gone. Their pace waits only
/// until they cannot be written any more (C6).
async fn watch(journal: &Journal, number: E164, mut open: Vec<Unsettled>, sender: &ActorRef<SenderMessage>) {
    let mut unwritten = open.clone();
    unwritten.retain(Unsettled::is_open);
    while !open.is_empty() {
        tokio::time::sleep(AGAIN_AFTER).await;
        if is_gone(sender) {
            return;
        }
        let Ok(still) = attempts(journal, number).await else { continue };
        let is_still =
            |one: &Unsettled| still.iter().any(|now| now.id == one.id && now.attempt == one.attempt);
        let (now, margin) = (journal.now(), journal.settings().margin);
        unwritten.retain(is_still);
        for Unsettled { id, begin_by, .. } in unwritten.extract_if(.., |one| one.begin_by + margin <= now) {
            let _ = sender.send_message(SenderMessage::NotWrittenAfter { id, at: begin_by + margin });
        }
        let (left, settled): (Vec<_>, Vec<_>) = open.into_iter().partition(is_still);
        open = left;
        for attempt in settled {
            let changed = match journal.store().message(attempt.id).await {
                // Under way again: then the sender knows, who alone can claim it.
                Ok(Some(message)) if message.is_unsettled() && message.not_after.is_none() => continue,
                Ok(Some(message)) => SenderMessage::changed(&message),
                Ok(None) => continue,
                Err(_) => {
                    open.push(attempt);
                    continue;
                }
            };
            let _ = sender.send_message(changed);
        }
    }
}

fn is_gone(sender: &ActorRef<SenderMessage>) -> bool {
    sender.get_status() >= ActorStatus::Stopping
}
