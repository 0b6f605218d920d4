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

/// How many calls are under way at a time: while one is made, the next is on its way already, and one is put together.
/// Measured (benches/README.md).
const CALLS: usize = 3;

/// A step that is asked for, and who waits for its answer.
pub(super) struct Asked<S, A> {
    pub(super) step: S,
    reply: oneshot::Sender<Result<A, StoreError>>,
}

impl<S, A> Asked<S, A> {
    /// A step, and where its answer comes.
    pub(super) fn new(step: S) -> (Self, oneshot::Receiver<Result<A, StoreError>>) {
        let (reply, answer) = oneshot::channel();
        (Self { step, reply }, answer)
    }

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
    inner: Arc<Inner<S, A>>,
}

struct Inner<S, A> {
    link: Link,
    make_call: MakeCall<S, A>,
    waiting: Mutex<Waiting<S, A>>,
}

struct Waiting<S, A> {
    steps: VecDeque<Asked<S, A>>,
    /// Calls that are under way.
    calls: usize,
}

impl<S, A> Clone for Gather<S, A> {
    fn clone(&self) -> Self {
        Self { inner: Arc::clone(&self.inner) }
    }
}

impl<S: Send + 'static, A: Send + 'static> Gather<S, A> {
    pub(super) fn new(link: Link, make_call: MakeCall<S, A>) -> Self {
        let waiting = Mutex::new(Waiting { steps: VecDeque::new(), calls: 0 });
        Self { inner: Arc::new(Inner { link, make_call, waiting }) }
    }

    /// Asks for a step, and waits for its answer. Given up, the step may be made all the same.
    pub(super) async fn ask(self, step: S) -> Result<A, StoreError> {
        let (asked, answer) = Asked::new(step);
        if self.inner.link.is_cluster() {
            (self.inner.make_call)(self.inner.link.clone(), vec![asked]).await;
            return answer.await.unwrap_or(Err(StoreError::Unanswered));
        }
        let caller = {
            let mut waiting = self.lock();
            waiting.steps.push_back(asked);
            (waiting.calls < CALLS).then(|| Caller::count(&self, &mut waiting))
        };
        if let Some(caller) = caller {
            tokio::spawn(caller.run());
        }
        answer.await.unwrap_or(Err(StoreError::Unanswered))
    }

    fn lock(&self) -> MutexGuard<'_, Waiting<S, A>> {
        self.inner.waiting.lock().unwrap_or_else(PoisonError::into_inner)
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
        // What is about to ask on this thread goes with the first call.
        tokio::task::yield_now().await;
        while let Some(steps) = self.next() {
            let Inner { make_call, link, .. } = self.gather.inner.as_ref();
            make_call(link.clone(), steps).await;
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

#[cfg(test)]
mod tests {
    use futures::FutureExt;
    use futures::future::join_all;

    use super::super::address::Address;
    use super::*;

    /// Its number, and where the sizes of calls are noted.
    type Step = (usize, Arc<Mutex<Vec<usize>>>);

    /// Answers each step with its number; those of ten are left without an answer.
    fn note(_link: Link, asked: Vec<Asked<Step, usize>>) -> BoxFuture<'static, ()> {
        let size = asked.len();
        let answer_each = move || {
            for one in asked {
                let ((number, sizes), answer) = one.into_parts();
                if number == 0 {
                    sizes.lock().unwrap().push(size);
                }
                if size != 10 {
                    answer.give(Ok(number));
                }
            }
        };
        async move {
            tokio::task::yield_now().await;
            answer_each();
        }
        .boxed()
    }

    fn gather() -> (Gather<Step, usize>, Arc<Mutex<Vec<usize>>>) {
        let nowhere = Address::parse("redis://127.0.0.1:1").unwrap();
        (Gather::new(Link::new(nowhere, 0, None).unwrap(), note), Arc::default())
    }

    async fn ask(gather: &Gather<Step, usize>, sizes: &Arc<Mutex<Vec<usize>>>, steps: usize) {
        let before = sizes.lock().unwrap().len();
        // The first of each call tells its size.
        let numbers = (0..steps).map(|number| number % AT_A_TIME);
        let answers = join_all(numbers.clone().map(|n| gather.clone().ask((n, Arc::clone(sizes))))).await;
        let expected: Vec<_> = numbers.map(Ok).collect();
        assert_eq!(answers, expected);
        // Those that are under way together are answered in any order.
        sizes.lock().unwrap()[before..].sort_unstable_by_key(|size| std::cmp::Reverse(*size));
    }

    #[tokio::test]
    async fn what_arrives_together_goes_together_up_to_so_many_and_what_arrives_alone_goes_alone() {
        let (gather, sizes) = gather();
        ask(&gather, &sizes, 1).await;
        ask(&gather, &sizes, 5).await;
        ask(&gather, &sizes, 2 * AT_A_TIME + 1).await;
        ask(&gather, &sizes, 1).await;
        assert_eq!(*sizes.lock().unwrap(), [1, 5, AT_A_TIME, AT_A_TIME, 1, 1]);
        assert_eq!(gather.lock().calls, 0);
    }

    #[tokio::test]
    async fn a_step_is_made_though_nobody_waits_for_it_any_more() {
        let (gather, sizes) = gather();
        let asked = gather.clone().ask((7, Arc::clone(&sizes)));
        assert_eq!(asked.now_or_never(), None);
        ask(&gather, &sizes, 1).await;
        assert_eq!(*sizes.lock().unwrap(), [2]);
    }

    #[tokio::test]
    async fn what_a_call_does_not_answer_is_in_doubt_and_the_next_goes_all_the_same() {
        let (gather, sizes) = gather();
        let answers = join_all((0..10).map(|n| gather.clone().ask((n, Arc::clone(&sizes))))).await;
        assert_eq!(answers, vec![Err(StoreError::Unanswered); 10]);
        ask(&gather, &sizes, 2).await;
    }
}
