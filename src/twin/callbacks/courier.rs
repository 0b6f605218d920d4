//! The task that sends callbacks when they are due.

use std::collections::VecDeque;
use std::error::Error;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use reqwest::redirect::Policy;
use reqwest::{Client, StatusCode};
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::journal::Entry;
use super::{Call, Callbacks, Waiting};

/// Calls under way at a time.
const MOST_AT_ONCE: usize = 64;

/// Sends until the twin is to stop; then what is under way is cut.
pub(in crate::twin) async fn carry(callbacks: Arc<Callbacks>, mut stopping: watch::Receiver<bool>) {
    let client = Arc::new(OnceLock::new());
    let mut calls = JoinSet::new();
    loop {
        tokio::select! {
            _ = stopping.wait_for(|stop| *stop) => return,
            Some(_) = calls.join_next() => {}
            waiting = callbacks.next_due(), if calls.len() < MOST_AT_ONCE => {
                calls.spawn(make(Arc::clone(&callbacks), Arc::clone(&client), waiting));
            }
        }
    }
}

impl Callbacks {
    /// Waits until one is due, and takes it. Nothing is lost if nobody waits to the end.
    async fn next_due(&self) -> Waiting {
        loop {
            let new = self.new.notified();
            let due_in = {
                let mut board = self.board();
                let now_us = self.clock.now_us();
                match board.waiting.peek().map(|next| next.due_us) {
                    Some(due_us) if due_us <= now_us => match board.waiting.pop() {
                        Some(waiting) => return waiting,
                        None => None,
                    },
                    Some(due_us) => Some(Duration::from_micros(due_us - now_us)),
                    None => None,
                }
            };
            match due_in {
                Some(due_in) => tokio::select! {
                    () = new => {}
                    () = tokio::time::sleep(due_in) => {}
                },
                None => new.await,
            }
        }
    }

    /// Writes down what came of a call, and lets follow what follows.
    fn made(&self, waiting: Waiting, entry: Entry, taken: bool) {
        let mut board = self.board();
        board.journal.add(entry);
        if !taken && let Some(again) = self.again(&waiting) {
            self.wait(&mut board, again);
        }
        let Waiting { about, rest, waited_for, .. } = waiting;
        drop(waited_for);
        self.follow(&mut board, about, rest, None);
    }

    /// The next try: at the same address, or at the next one. None: that was the last.
    fn again(&self, waiting: &Waiting) -> Option<Waiting> {
        let habits = waiting.about.form.habits();
        let (place, attempt, wait) = if waiting.attempt < habits.tries {
            let doubled = self.first_wait.saturating_mul(1 << (waiting.attempt - 1).min(16));
            (waiting.place, waiting.attempt + 1, doubled.min(habits.longest_wait))
        } else {
            waiting.about.urls.get(waiting.place + 1)?;
            (waiting.place + 1, 1, Duration::ZERO)
        };
        let wait_us = u64::try_from(wait.as_micros()).unwrap_or(u64::MAX);
        Some(Waiting {
            due_us: self.clock.now_us().saturating_add(wait_us),
            order: 0,
            about: Arc::clone(&waiting.about),
            event: waiting.event.clone(),
            place,
            attempt,
            rest: VecDeque::new(),
            waited_for: None,
        })
    }
}

async fn make(callbacks: Arc<Callbacks>, client: Arc<OnceLock<Client>>, waiting: Waiting) {
    let about = Arc::clone(&waiting.about);
    let Some(url) = about.urls.get(waiting.place) else { return };
    let at_us = callbacks.clock.now_us();
    let call = Call { event: &waiting.event, url: url.as_str(), attempt: waiting.attempt, now_us: at_us };
    let letter = about.form.letter(&call, &callbacks.keys);

    let mut request = client.get_or_init(new_client).post(url.clone()).timeout(about.form.habits().patience);
    for (name, value) in letter.headers {
        request = request.header(name, value);
    }
    let answer = request.body(letter.body).send().await.map(|response| response.status());

    let entry = Entry {
        at_us,
        took_us: callbacks.clock.now_us() - at_us,
        provider: about.provider,
        seq: about.seq,
        provider_message_id: about.message_id.clone(),
        state: waiting.event.state.name,
        url: url.to_string(),
        attempt: waiting.attempt,
        status: answer.as_ref().ok().map(StatusCode::as_u16),
        error: answer.as_ref().err().map(innermost),
    };
    let taken = answer.is_ok_and(|status| status.is_success());
    callbacks.made(waiting, entry, taken);
}

/// Made for the first callback, so that a twin that sends none needs no cryptography.
fn new_client() -> Client {
    // An error says that there is one already.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let built = Client::builder().no_proxy().redirect(Policy::none()).build();
    built.unwrap_or_else(|error| {
        tracing::error!(%error, "callbacks are sent as a plain client sends");
        Client::new()
    })
}

/// The outer errors say only that there was one.
fn innermost(error: &reqwest::Error) -> String {
    if error.is_timeout() {
        return "no answer in time".to_owned();
    }
    let mut inner: &dyn Error = error;
    while let Some(source) = inner.source() {
        inner = source;
    }
    inner.to_string()
}
