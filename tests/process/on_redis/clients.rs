//! Clients of several processes: each has conversations of its own and sends their messages one after
//! the other, to whichever process takes them.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use tokio::task::JoinHandle;
use tokio::time::sleep;

use super::{Fleet, is_unavailable};
use crate::process::yard::{Api, Line, eventually};

/// Before a client knocks at the next process.
const KNOCK_AGAIN: Duration = Duration::from_millis(20);

/// Between two messages of a client.
const PAUSE: Duration = Duration::from_millis(15);

/// Until everything that was accepted is decided.
const ALL_DECIDED: Duration = Duration::from_mins(1);

/// All clients of a run, sending until they are told to stop.
pub(super) struct Clients {
    stop: Arc<AtomicBool>,
    refused: Arc<AtomicUsize>,
    accepted: Arc<AtomicUsize>,
    tasks: Vec<JoinHandle<Vec<String>>>,
}

impl Clients {
    /// One for each number that sends.
    pub(super) fn start<R>(fleet: &Fleet<R>, numbers: &[String]) -> Self {
        let (stop, refused, accepted) = <(Arc<AtomicBool>, Arc<AtomicUsize>, Arc<AtomicUsize>)>::default();
        let clients = numbers.iter().enumerate().map(|(place, from)| Client {
            apis: fleet.apis(),
            from: from.clone(),
            place,
            stop: Arc::clone(&stop),
            refused: Arc::clone(&refused),
            accepted: Arc::clone(&accepted),
        });
        let tasks = clients.map(|client| tokio::spawn(client.run())).collect();
        Self { stop, refused, accepted, tasks }
    }

    /// How many messages were accepted so far.
    pub(super) fn accepted(&self) -> usize {
        self.accepted.load(Ordering::Relaxed)
    }

    /// How many requests were refused for the moment.
    pub(super) fn refused(&self) -> usize {
        self.refused.load(Ordering::Relaxed)
    }

    /// Lets them stop. The messages that were answered 200.
    pub(super) async fn finished(self) -> Vec<String> {
        self.stop.store(true, Ordering::Relaxed);
        let mut ids = Vec::new();
        for task in self.tasks {
            ids.extend(task.await.unwrap());
        }
        ids
    }
}

struct Client {
    apis: Vec<Api>,
    from: String,
    place: usize,
    stop: Arc<AtomicBool>,
    refused: Arc<AtomicUsize>,
    accepted: Arc<AtomicUsize>,
}

impl Client {
    async fn run(self) -> Vec<String> {
        let mut ids = Vec::new();
        for number in 0_usize.. {
            if self.stop.load(Ordering::Relaxed) {
                break;
            }
            ids.extend(self.send(number).await);
            sleep(PAUSE).await;
        }
        ids
    }

    /// One message, of which every fourth is immediate and every other has a key. A request without a
    /// key is not repeated once it may have been taken.
    async fn send(&self, number: usize) -> Option<String> {
        let queue = number % 4 != 3;
        let place = self.place;
        let to =
            if queue { format!("+1556{place:03}000{}", number % 3) } else { format!("+1557{place:03}0000") };
        let key = (number.is_multiple_of(2) || number % 8 == 3).then(|| format!("{place}-{number}"));
        for api in self.apis.iter().cycle() {
            match api.send(&self.from, &to, &number.to_string(), queue, key.as_deref()).await {
                Ok(reply) => match (reply.status, reply.code()) {
                    (200, _) => {
                        self.accepted.fetch_add(1, Ordering::Relaxed);
                        return reply.message_id();
                    }
                    // Its time was over before it was begun: nothing went, and only its key says which it was.
                    (500, "send_failed") if !queue => {
                        assert_eq!(reply.body["retryable"], true, "{reply:?}");
                        self.refused.fetch_add(1, Ordering::Relaxed);
                        key.as_ref()?;
                    }
                    // Nobody knows, and it stays so.
                    (504, "outcome_unknown") => return None,
                    (503 | 409, _) => {
                        assert!(reply.status == 409 || is_unavailable(&reply), "{reply:?}");
                        self.refused.fetch_add(1, Ordering::Relaxed);
                        if reply.code() == "outcome_unknown" && key.is_none() {
                            return None;
                        }
                    }
                    _ => panic!("number {number} was answered {reply:?}"),
                },
                Err(error) if error.is_connect() => {}
                Err(_) if key.is_none() => return None,
                Err(_) => {}
            }
            sleep(KNOCK_AGAIN).await;
        }
        None
    }
}

/// Waits until every one of these messages is sent or listed as unknown; those that are unknown.
pub(super) async fn all_sent_or_unknown(api: &Api, ids: &[String]) -> HashSet<String> {
    let mut open: Vec<String> = ids.to_vec();
    let mut unknown = HashSet::new();
    eventually(
        "every message that was answered 200 is sent, or listed as unknown",
        ALL_DECIDED,
        async || {
            let mut still = Vec::new();
            for id in std::mem::take(&mut open) {
                let status = api.status(&id).await;
                if status.body["provider_status"] == "unknown" {
                    unknown.insert(id);
                    continue;
                }
                match (status.status, status.body["status"].as_str()) {
                    (200, Some("sent")) => {}
                    (200, Some("queued" | "sending")) => still.push(id),
                    _ => panic!("{id} was answered 200 and is {status:?}"),
                }
            }
            open = still;
            open.is_empty().then_some(())
        },
    )
    .await;
    unknown
}

/// The provider took nothing twice, and each conversation in its order.
pub(super) fn check_once_and_in_order(ledger: &[Line]) {
    let mut taken = HashSet::new();
    let mut last: HashMap<(&str, &str), usize> = HashMap::new();
    for line in ledger.iter().filter(|line| line.accepted) {
        assert!(taken.insert(line.message_id().unwrap()), "twice: {line:?}");
        let number: usize = line.text.parse().unwrap();
        let before = last.insert((&line.from, &line.to), number);
        assert!(before.is_none_or(|before| before < number), "after {before:?}: {line:?}");
    }
}
