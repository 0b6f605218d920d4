//! How long an actor's mailbox is, which ractor does not say.
//!
//! An actor counts what it takes out of it. Whoever asks it something reads the count before; the actor reads it
//! again when the question's turn has come: mailboxes are first in, first out, so the difference is what lay
//! before the question. Nothing is counted when a message is sent, so messages that die with an actor leave
//! nothing behind. The roster and the actor share the count.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// The count of one actor. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub(crate) struct Handled(Arc<AtomicU64>);

impl Handled {
    /// A message is taken out of the mailbox.
    pub(crate) fn one(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn so_far(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }

    /// How many lay before a question that is being handled, asked when the count was `before`.
    pub(crate) fn lay_before(&self, before: u64) -> u64 {
        // The question itself is counted by now.
        self.so_far().saturating_sub(before + 1)
    }
}

#[cfg(test)]
mod tests {
    use ractor::{Actor, ActorProcessingErr, ActorRef};
    use tokio::sync::{Semaphore, mpsc};

    use super::*;

    struct Slow;

    enum Told {
        Work,
        Asked(u64),
    }

    struct SlowState {
        handled: Handled,
        may_go_on: Arc<Semaphore>,
        lay: mpsc::Sender<u64>,
    }

    impl Actor for Slow {
        type Msg = Told;
        type State = SlowState;
        type Arguments = SlowState;

        async fn pre_start(
            &self,
            _: ActorRef<Told>,
            with: SlowState,
        ) -> Result<SlowState, ActorProcessingErr> {
            Ok(with)
        }

        async fn handle(
            &self,
            _: ActorRef<Told>,
            message: Told,
            state: &mut SlowState,
        ) -> Result<(), ActorProcessingErr> {
            state.handled.one();
            match message {
                Told::Work => state.may_go_on.acquire().await?.forget(),
                Told::Asked(before) => state.lay.send(state.handled.lay_before(before)).await?,
            }
            Ok(())
        }
    }

    #[tokio::test]
    async fn what_lies_before_the_question_is_counted_and_not_what_is_being_handled() {
        let (handled, may_go_on) = (Handled::default(), Arc::new(Semaphore::new(0)));
        let (lay, mut answers) = mpsc::channel(2);
        let state = SlowState { handled: handled.clone(), may_go_on: Arc::clone(&may_go_on), lay };
        let (actor, _) = Actor::spawn(None, Slow, state).await.unwrap();
        for _ in 0..5 {
            actor.send_message(Told::Work).unwrap();
        }
        while handled.so_far() == 0 {
            tokio::task::yield_now().await;
        }
        actor.send_message(Told::Asked(handled.so_far())).unwrap();
        actor.send_message(Told::Work).unwrap();
        may_go_on.add_permits(6);
        assert_eq!(answers.recv().await, Some(4));
        while handled.so_far() < 7 {
            tokio::task::yield_now().await;
        }
        actor.send_message(Told::Asked(handled.so_far())).unwrap();
        assert_eq!(answers.recv().await, Some(0));
        actor.stop(None);
    }
}
