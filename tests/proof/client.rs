//! Clients as they should be: what has a key is repeated until it is answered, what has none is not.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::task::{JoinHandle, JoinSet};
use tokio::time::sleep;

use super::evidence::Answer;
use super::plan::{Again, Cancel, Item};
use crate::process::yard::{Api, Reply, now_us};

/// Before a client knocks again.
const KNOCK_AGAIN: Duration = Duration::from_millis(50);

/// The processes of a service, asked in turn by each client.
#[derive(Clone)]
pub(super) struct Doors {
    apis: Vec<Api>,
    asked: Arc<AtomicUsize>,
}

impl Doors {
    pub(super) fn of(apis: Vec<Api>) -> Self {
        Self { apis, asked: Arc::default() }
    }

    fn next(&self) -> &Api {
        &self.apis[self.asked.fetch_add(1, Ordering::Relaxed) % self.apis.len()]
    }
}

/// All clients of a run.
pub(super) struct Clients(Vec<JoinHandle<Vec<Answer>>>);

impl Clients {
    /// One task for each list.
    pub(super) fn start(doors: &Doors, lists: Vec<Vec<Item>>) -> Self {
        let start = |items| tokio::spawn(Client::new(doors.clone()).run(items));
        Self(lists.into_iter().map(start).collect())
    }

    /// Everything that they were told.
    pub(super) async fn finished(self) -> Vec<Answer> {
        let mut answers = Vec::new();
        for client in self.0 {
            answers.extend(client.await.unwrap());
        }
        answers
    }
}

struct Client {
    doors: Doors,
    answers: Vec<Answer>,
    cancels: JoinSet<Cancelled>,
}

/// What a cancellation came to.
struct Cancelled {
    message_id: String,
    success: bool,
    at_us: u64,
}

impl Client {
    fn new(doors: Doors) -> Self {
        Self { doors, answers: Vec::new(), cancels: JoinSet::new() }
    }

    async fn run(mut self, items: Vec<Item>) -> Vec<Answer> {
        for item in items {
            sleep(item.pause).await;
            self.send(&item).await;
        }
        while let Some(cancelled) = self.cancels.join_next().await {
            self.note(cancelled.unwrap());
        }
        self.answers
    }

    async fn send(&mut self, item: &Item) {
        let accepted = if item.again == Again::AtOnce {
            let (one, other) = tokio::join!(Exchange::until_told(&self.doors, item), async {
                Exchange::until_told(&self.doors, item).await
            });
            self.answers.extend(other.answers);
            self.answers.extend(one.answers);
            one.accepted
        } else {
            let told = Exchange::until_told(&self.doors, item).await;
            self.answers.extend(told.answers);
            told.accepted
        };
        let Some(accepted) = accepted else { return };
        match item.again {
            Again::No | Again::AtOnce => {}
            Again::After => self.answers.extend(Exchange::until_told(&self.doors, item).await.answers),
            Again::OtherText => self.send_other_text(item).await,
        }
        if let Some(cancel) = item.cancel {
            self.cancels.spawn(call_back(self.doors.clone(), cancel, accepted));
        }
    }

    /// A key stands for the whole request.
    async fn send_other_text(&self, item: &Item) {
        let other = Item { text: format!("{} and more", item.text), ..item.clone() };
        loop {
            match send(&self.doors, &other).await {
                Ok(reply) if reply.status == 503 => {}
                Ok(reply) => {
                    assert_eq!(reply.status, 422, "another text under a used key: {reply:?}");
                    return;
                }
                Err(_) => {}
            }
            sleep(KNOCK_AGAIN).await;
        }
    }

    fn note(&mut self, cancelled: Cancelled) {
        let Cancelled { message_id, success, at_us } = cancelled;
        let told = |answer: &&mut Answer| {
            answer.http_status == 200 && answer.message_id.as_deref() == Some(&message_id)
        };
        let answer = self.answers.iter_mut().find(told).expect("only what was accepted is called back");
        answer.cancelled = Some(success);
        answer.cancel_answered_at_us = Some(at_us);
    }
}

/// One message's requests, until a client is told what became of it.
struct Exchange {
    answers: Vec<Answer>,
    accepted: Option<Reply>,
}

impl Exchange {
    async fn until_told(doors: &Doors, item: &Item) -> Self {
        let mut answers = Vec::new();
        loop {
            let asked_at_us = now_us();
            let outcome = send(doors, item).await;
            let mut answer = Answer::unanswered(item, asked_at_us, now_us());
            let reply = match outcome {
                Ok(reply) => reply,
                // The service is down: nothing was sent.
                Err(error) if error.is_connect() => {
                    sleep(KNOCK_AGAIN).await;
                    continue;
                }
                Err(_) => {
                    answers.push(answer);
                    if item.key.is_none() {
                        return Self { answers, accepted: None };
                    }
                    sleep(KNOCK_AGAIN).await;
                    continue;
                }
            };
            answer.message_id = reply.message_id();
            answer.due_us = due_us(&reply);
            answer.http_status = reply.status;
            answers.push(answer);
            match (reply.status, reply.code()) {
                (200, _) => return Self { answers, accepted: Some(reply) },
                // Told without doubt, or told that there is doubt about a message that is never resent.
                (500, "send_failed") | (504, "outcome_unknown") => return Self { answers, accepted: None },
                (503, "outcome_unknown") if item.key.is_none() => return Self { answers, accepted: None },
                (503 | 409, _) => sleep(KNOCK_AGAIN).await,
                _ => panic!("{item:?} was answered {reply:?}"),
            }
        }
    }
}

async fn send(doors: &Doors, item: &Item) -> Result<Reply, reqwest::Error> {
    doors.next().send(&item.from, &item.to, &item.text, item.queue, item.key.as_deref()).await
}

/// Cancels, again and again until that is answered.
async fn call_back(doors: Doors, cancel: Cancel, accepted: Reply) -> Cancelled {
    let message_id = accepted.message_id().unwrap();
    sleep(match cancel {
        Cancel::After(delay) => delay,
        Cancel::WhenDue(later) => until_due(&accepted) + later,
    })
    .await;
    loop {
        match doors.next().cancel(&message_id).await {
            Ok(reply) if reply.status == 200 => {
                let success = reply.body["success"].as_bool().unwrap();
                return Cancelled { message_id, success, at_us: now_us() };
            }
            Ok(reply) => assert_eq!(reply.status, 503, "a message that was accepted: {reply:?}"),
            Err(_) => {}
        }
        sleep(KNOCK_AGAIN).await;
    }
}

/// From now to the instant that the answer estimated; none for an immediate message.
pub(super) fn until_due(accepted: &Reply) -> Duration {
    due_us(accepted).map_or(Duration::ZERO, |at| Duration::from_micros(at.saturating_sub(now_us())))
}

pub(super) fn due_us(reply: &Reply) -> Option<u64> {
    let at: jiff::Timestamp = reply.body["estimated_send_time"].as_str()?.parse().unwrap();
    u64::try_from(at.as_microsecond()).ok()
}
