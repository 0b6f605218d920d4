//! One wake-up per actor: armed for an instant, armed anew only when that instant changes.

use std::time::Duration;

use ractor::{ActorRef, Message};
use tokio::task::JoinHandle;

use crate::domain::time::Time;

/// The wake-up of one actor. Dropping it disarms it.
#[derive(Debug, Default)]
pub(crate) struct Alarm {
    armed: Option<Armed>,
}

#[derive(Debug)]
struct Armed {
    at: Time,
    timer: JoinHandle<()>,
}

impl Alarm {
    /// Sends `message` to the actor at the instant `at`, and nothing at the one it was armed for.
    pub(crate) fn arm<M: Message>(
        &mut self,
        actor: &ActorRef<M>,
        at: Time,
        now: Time,
        message: impl FnOnce() -> M + Send + 'static,
    ) {
        if self.armed.as_ref().is_some_and(|armed| armed.at == at) {
            return;
        }
        self.disarm();
        let actor = actor.clone();
        let wait: Duration = at.since(now);
        let timer = tokio::spawn(async move {
            tokio::time::sleep(wait).await;
            // An actor that has stopped needs no waking.
            let _ = actor.send_message(message());
        });
        self.armed = Some(Armed { at, timer });
    }

    /// As `arm`, but a wake-up that is armed for an earlier instant will do.
    pub(crate) fn arm_at_latest<M: Message>(
        &mut self,
        actor: &ActorRef<M>,
        at: Time,
        now: Time,
        message: impl FnOnce() -> M + Send + 'static,
    ) {
        if self.armed.as_ref().is_none_or(|armed| armed.at > at) {
            self.arm(actor, at, now, message);
        }
    }

    /// The message has arrived. If another was armed meanwhile it is dropped, not forgotten: a timer
    /// that nobody holds would ring beside the next one for ever.
    pub(crate) fn rang(&mut self) {
        self.disarm();
    }

    /// Forgets the wake-up.
    pub(crate) fn disarm(&mut self) {
        if let Some(armed) = self.armed.take() {
            armed.timer.abort();
        }
    }
}

impl Drop for Alarm {
    fn drop(&mut self) {
        self.disarm();
    }
}
