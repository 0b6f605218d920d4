//! Steps that arrive while a call is under way are gathered, and go together with the next one.
//!
//! A call costs the server and us much that does not depend on how many steps it makes. Nothing waits for a
//! timer: what arrives alone goes alone at once, and the busier the server is, the more goes together.
//! What waits is bounded by whoever asks: a request holds a ticket of the engine.
//!
//! On a Cluster each goes alone: one call there must not touch two shards, and a node that hangs must not
//! hold back what is for the others.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures::future::BoxFuture;
use sendyard_actors::ports::StoreError;
use tokio::sync::oneshot;

use super::link::Link;

/// How many steps go together at most: the server does nothing else meanwhile.
const AT_A_TIME: usize = 64;

/// How many calls are under way at a time: while one is made, the next is on its way already.
const CALLS: usize = 2;

/// A step that is asked for, and who waits for its answer.
pub(super) struct Asked<S, A> {
    pub(super) step: S,
    reply: oneshot::Sender<Result<A, StoreError>>,
}

impl<S, A> Asked<S, A> {
    /// The step, and the place for its answer.
    pub(super) fn into_parts(self) -> (S, Answer<A>) {
        (self.step, Answer { reply: self.reply })
    }
}

/// The place for one step's answer. Dropped without one, nobody knows whether the step is done.
pub(super) struct Answer<A> {
    reply: oneshot::Sender<Result<A, StoreError>>,
}

impl<A> Answer<A> {
    pub(super) fn give(self, answer: Result<A, StoreError>) {
        // Who asked may have gone.
        let _ = self.reply.send(answer);
    }
}

/// Makes one call of several steps, and gives each its answer.
type MakeCall<S, A> = fn(Link, Vec<Asked<S, A>>) -> BoxFuture<'static, ()>;

/// Where steps of one kind meet. Cheap to clone.
pub(super) struct Gather<S, A> {
    link: Link,
    make_call: MakeCall<S, A>,
    waiting: Arc<Mutex<Waiting<S, A>>>,
}

struct Waiting<S, A> {
    steps: VecDeque<Asked<S, A>>,
    /// Calls that are under way.
    calls: usize,
}

impl<S, A> Clone for Gather<S, A> {
    fn clone(&self) -> Self {
        Self { link: self.link.clone(), make_call: self.make_call, waiting: Arc::clone(&self.waiting) }
    }
}

impl<S: Send + 'static, A: Send + 'static> Gather<S, A> {
    pub(super) fn new(link: Link, make_call: MakeCall<S, A>) -> Self {
        let waiting = Waiting { steps: VecDeque::new(), calls: 0 };
        Self { link, make_call, waiting: Arc::new(Mutex::new(waiting)) }
    }

    /// Asks for a step, and waits for its answer. Given up, the step may be made all the same.
    pub(super) async fn ask(self, step: S) -> Result<A, StoreError> {
        let (reply, answer) = oneshot::channel();
        if self.link.is_cluster() {
            (self.make_call)(self.link.clone(), vec![Asked { step, reply }]).await;
            return answer.await.unwrap_or(Err(StoreError::Unanswered));
        }
        let caller = {
            let mut waiting = self.lock();
            waiting.steps.push_back(Asked { step, reply });
            (waiting.calls < CALLS).then(|| Caller::count(&self, &mut waiting))
        };
        if let Some(caller) = caller {
            tokio::spawn(caller.run());
        }
        answer.await.unwrap_or(Err(StoreError::Unanswered))
    }

    fn lock(&self) -> MutexGuard<'_, Waiting<S, A>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Makes calls for as long as there are steps that wait.
struct Caller<S: Send + 'static, A: Send + 'static> {
    gather: Gather<S, A>,
    is_counted: bool,
}

impl<S: Send + 'static, A: Send + 'static> Caller<S, A> {
    fn count(gather: &Gather<S, A>, waiting: &mut Waiting<S, A>) -> Self {
        waiting.calls += 1;
        Self { gather: gather.clone(), is_counted: true }
    }

    async fn run(mut self) {
        while let Some(steps) = self.next() {
            (self.gather.make_call)(self.gather.link.clone(), steps).await;
        }
    }

    /// What waits. If that is nothing, it counts no more from the same moment on: whoever asks next sees it.
    fn next(&mut self) -> Option<Vec<Asked<S, A>>> {
        let mut waiting = self.gather.lock();
        if waiting.steps.is_empty() {
            waiting.calls -= 1;
            self.is_counted = false;
            return None;
        }
        let many = waiting.steps.len().min(AT_A_TIME);
        Some(waiting.steps.drain(..many).collect())
    }
}

impl<S: Send + 'static, A: Send + 'static> Drop for Caller<S, A> {
    fn drop(&mut self) {
        if self.is_counted {
            self.gather.lock().calls -= 1;
        }
    }
}
