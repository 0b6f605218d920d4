//! Clients who know two processes and ask again once, at the other one: never twice.
//!
//! Each has conversations of its own, so order of acceptance is known from outside; every request has a key.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use tokio::task::{JoinHandle, JoinSet};
use tokio::time::sleep;

use super::eventually;
use crate::process::yard::{Api, Reply, now_us};
use crate::proof::RUN_LIMIT;
use crate::proof::client::{due_us, until_due};
use crate::proof::evidence::Answer;
use crate::proof::plan::{Cancel, Item};

/// What all clients have met.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Tally {
    pub(super) accepted: usize,
    /// Cancellations that were answered.
    pub(super) cancels: usize,
    /// Nothing listens there.
    pub(super) not_connected: usize,
    /// The connection ended without an answer.
    pub(super) cut: usize,
    /// 503: the process is stopping, or does not work yet.
    pub(super) refused: usize,
    /// An immediate message that definitely failed.
    pub(super) failed: usize,
}

impl Tally {
    pub(super) const fn retried(&self) -> usize {
        self.not_connected + self.cut + self.refused + self.failed
    }

    pub(super) const fn since(&self, before: Self) -> Self {
        Self {
            accepted: self.accepted - before.accepted,
            cancels: self.cancels - before.cancels,
            not_connected: self.not_connected - before.not_connected,
            cut: self.cut - before.cut,
            refused: self.refused - before.refused,
            failed: self.failed - before.failed,
        }
    }
}

#[derive(Default)]
struct Counts {
    accepted: AtomicUsize,
    cancels: AtomicUsize,
    not_connected: AtomicUsize,
    cut: AtomicUsize,
    refused: AtomicUsize,
    failed: AtomicUsize,
}

/// Why a request is asked again.
#[derive(Debug, Clone, Copy)]
enum Again {
    NotConnected,
    Cut,
    Refused,
    Failed,
}

impl Counts {
    fn of(&self, again: Again) -> &AtomicUsize {
        match again {
            Again::NotConnected => &self.not_connected,
            Again::Cut => &self.cut,
            Again::Refused => &self.refused,
            Again::Failed => &self.failed,
        }
    }
}

/// All clients of a run, sending until they are told to stop.
pub(super) struct Clients {
    shared: Shared,
    tasks: Vec<JoinHandle<Vec<Answer>>>,
}

#[derive(Clone)]
struct Shared {
    doors: [Api; 2],
    counts: Arc<Counts>,
    stop: Arc<AtomicBool>,
}

impl Clients {
    /// One task for each list.
    pub(super) fn start(doors: &[Api; 2], lists: Vec<Vec<Item>>) -> Self {
        let shared = Shared { doors: doors.clone(), counts: Arc::default(), stop: Arc::default() };
        let start = |(place, items)| tokio::spawn(shared.clone().run(place, items));
        let tasks = lists.into_iter().enumerate().map(start).collect();
        Self { shared, tasks }
    }

    pub(super) fn tally(&self) -> Tally {
        let counts = &self.shared.counts;
        let of = |count: &AtomicUsize| count.load(Ordering::Relaxed);
        Tally {
            accepted: of(&counts.accepted),
            cancels: of(&counts.cancels),
            not_connected: of(&counts.not_connected),
            cut: of(&counts.cut),
            refused: of(&counts.refused),
            failed: of(&counts.failed),
        }
    }

    /// Waits until so many more messages are accepted.
    pub(super) async fn accepted_more(&self, messages: usize) {
        let before = self.tally().accepted;
        eventually("more messages are accepted", RUN_LIMIT, async || {
            assert!(self.tasks.iter().all(|task| !task.is_finished()), "a client ended by itself");
            (self.tally().accepted >= before + messages).then_some(())
        })
        .await;
    }

    /// Lets them stop; everything that they were told.
    pub(super) async fn finished(self) -> (Vec<Answer>, Tally) {
        self.shared.stop.store(true, Ordering::Relaxed);
        let tally = self.tally();
        let mut answers = Vec::new();
        for task in self.tasks {
            answers.extend(task.await.unwrap());
        }
        (answers, tally)
    }
}

impl Shared {
    async fn run(self, place: usize, items: Vec<Item>) -> Vec<Answer> {
        let mut answers = Vec::new();
        let mut cancels = JoinSet::new();
        for (number, item) in items.into_iter().enumerate() {
            if self.stop.load(Ordering::Relaxed) {
                break;
            }
            sleep(item.pause).await;
            // Both processes are asked alike.
            let reply = self.send(place + number, &item, &mut answers).await;
            if let Some(cancel) = item.cancel {
                cancels.spawn(self.clone().cancel(place + number, cancel, reply));
            }
        }
        while let Some(cancelled) = cancels.join_next().await {
            let (id, success, at_us) = cancelled.unwrap();
            let told =
                |answer: &&mut Answer| answer.http_status == 200 && answer.message_id.as_deref() == Some(&id);
            let answer = answers.iter_mut().find(told).expect("only what was accepted is called back");
            answer.cancelled = Some(success);
            answer.cancel_answered_at_us = Some(at_us);
        }
        answers
    }

    /// The second request, if there is one, must be answered 200.
    async fn send(&self, first: usize, item: &Item, answers: &mut Vec<Answer>) -> Reply {
        let mut met = Vec::new();
        for door in [&self.doors[first % 2], &self.doors[(first + 1) % 2]] {
            let asked_at_us = now_us();
            let outcome = door.send(&item.from, &item.to, &item.text, item.queue, item.key.as_deref()).await;
            let mut answer = Answer::unanswered(item, asked_at_us, now_us());
            let again = match outcome {
                Ok(reply) => {
                    answer.message_id = reply.message_id();
                    answer.due_us = due_us(&reply);
                    answer.http_status = reply.status;
                    answers.push(answer);
                    if reply.status == 200 {
                        self.counts.accepted.fetch_add(1, Ordering::Relaxed);
                        return reply;
                    }
                    met.push(format!("{reply:?}"));
                    if_refused(&reply)
                }
                Err(error) => {
                    let again = if error.is_connect() { Again::NotConnected } else { Again::Cut };
                    if matches!(again, Again::Cut) {
                        answers.push(answer);
                    }
                    met.push(format!("{error:?}"));
                    Some(again)
                }
            };
            let Some(again) = again else { break };
            self.counts.of(again).fetch_add(1, Ordering::Relaxed);
        }
        panic!("one retry did not cure it: {item:?}: {met:#?}");
    }

    async fn cancel(self, first: usize, cancel: Cancel, accepted: Reply) -> (String, bool, u64) {
        let id = accepted.message_id().expect("it was accepted");
        sleep(match cancel {
            Cancel::After(delay) => delay,
            Cancel::WhenDue(later) => until_due(&accepted) + later,
        })
        .await;
        let mut met = Vec::new();
        for door in [&self.doors[first % 2], &self.doors[(first + 1) % 2]] {
            let again = match door.cancel(&id).await {
                Ok(reply) if reply.status == 200 => {
                    self.counts.cancels.fetch_add(1, Ordering::Relaxed);
                    return (id, reply.body["success"].as_bool().unwrap(), now_us());
                }
                Ok(reply) => {
                    met.push(format!("{reply:?}"));
                    if_refused(&reply)
                }
                Err(error) => {
                    met.push(format!("{error:?}"));
                    Some(if error.is_connect() { Again::NotConnected } else { Again::Cut })
                }
            };
            let Some(again) = again else { break };
            self.counts.of(again).fetch_add(1, Ordering::Relaxed);
        }
        panic!("one retry did not cure a cancellation: {met:#?}");
    }
}

/// Answers that say themselves that the same request may come again.
fn if_refused(reply: &Reply) -> Option<Again> {
    let seconds = reply.retry_after.as_deref().and_then(|text| text.parse::<u64>().ok());
    match (reply.status, reply.code()) {
        (503, "stopping" | "store_unavailable") if seconds.is_some() => Some(Again::Refused),
        (500, "send_failed") if reply.body["retryable"] == true => Some(Again::Failed),
        _ => None,
    }
}
