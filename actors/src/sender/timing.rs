//! Messages that may not go because of the time: expired ones, and ones for whom it is quiet.
//!
//! The store is told by a task. Until it has answered, the conversation waits.

use ractor::ActorRef;

use super::{STORE_AGAIN_AFTER, SenderMessage, SenderState};
use crate::domain::message::Lane;
use crate::domain::quiet_hours::QuietHours;
use crate::domain::time::Time;
use crate::ports::Waiting;

impl SenderState {
    /// Until when the head may not go because it is quiet where it goes to.
    pub(super) fn quiet_until(&self, head: &Waiting, now: Time) -> Option<Time> {
        let quiet_hours = self.quiet_hours_of(head)?;
        Some(quiet_hours.first_allowed(head.recipient, now)).filter(|allowed| *allowed > now)
    }

    /// When it is quiet next where a message goes to: it is not begun from then on.
    pub(super) fn quiet_from(&self, message: &Waiting, now: Time) -> Option<Time> {
        Some(self.quiet_hours_of(message)?.next_quiet(message.recipient, now))
    }

    fn quiet_hours_of(&self, message: &Waiting) -> Option<&QuietHours> {
        self.route.quiet_hours.as_ref().filter(|_| message.lane != Lane::Urgent)
    }

    /// It waits for its time, outside of the queue. What may have arrived already stays where it is, and
    /// holds its conversation as a retry does.
    pub(super) fn postpone(&mut self, head: Waiting, until: Time, myself: &ActorRef<SenderMessage>) {
        // Without its lane's turn, which it does not use.
        self.queue.of(head.lane).start(&head);
        let (journal, myself) = (self.journal.clone(), myself.clone());
        tokio::spawn(async move {
            let again_at = match journal.postpone(head.id, head.attempt, until).await {
                Ok(true) => None,
                Ok(false) => Some(until),
                Err(_) => Some(journal.now() + STORE_AGAIN_AFTER),
            };
            let _ = myself.send_message(SenderMessage::NotInTime { message: head, again_at });
        });
    }

    /// Of a claim that came too late.
    pub(super) fn record_expiry(&self, message: Waiting, myself: &ActorRef<SenderMessage>) {
        let (journal, myself) = (self.journal.clone(), myself.clone());
        tokio::spawn(async move {
            let recorded = journal.time_up(vec![message.id]).await;
            let again_at = recorded.is_err().then(|| journal.now() + STORE_AGAIN_AFTER);
            let _ = myself.send_message(SenderMessage::NotInTime { message, again_at });
        });
    }

    pub(super) fn not_in_time(&mut self, message: Waiting, again_at: Option<Time>) {
        self.forget_forecasts();
        let window = self.queue.of(message.lane);
        if let Some(due) = again_at {
            window.requeue(Waiting { due, ..message });
            return;
        }
        window.gone(&message);
        window.release(message.recipient);
    }
}
