//! A run, from its first request to its last answer.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::time::Instant;

use super::client::{Client, Ended, Failure};
use super::kind::Kind;
use super::letters::{Letter, Letters};
use super::mix::Mix;
use super::plan::{Arrivals, Plan};
use super::report::Report;
use super::schedule::{Length, Schedule};
use super::stop::Stop;
use super::tally::Tally;
use super::{closed, open};

/// The most accepted keyed requests that are remembered, to repeat them.
const MOST_REPEATABLE: usize = 1_000;

/// A load on a server.
#[derive(Debug)]
pub struct Load {
    arrivals: Arrivals,
    length: Length,
    stop: Stop,
    work: Arc<Work>,
}

/// What all requests share.
#[derive(Debug)]
struct Work {
    client: Client,
    mix: Mix,
    letters: Letters,
    /// Requests that came to an end, and those that were not sent.
    over: AtomicU64,
    tally: Mutex<Tally>,
    repeatable: Mutex<VecDeque<Letter>>,
}

impl Load {
    /// Connects nothing yet.
    pub fn new(plan: Plan) -> Result<Self, Failure> {
        let Plan { target, senders, recipients, mix, text, arrivals, length, run } = plan;
        let work = Work {
            client: Client::new(target, arrivals.outstanding())?,
            mix,
            letters: Letters::new(senders, recipients, text, run),
            over: AtomicU64::new(0),
            tally: Mutex::new(Tally::new()?),
            repeatable: Mutex::default(),
        };
        Ok(Self { arrivals, length, stop: Stop::default(), work: Arc::new(work) })
    }

    /// Is there a server that knows the key? Sends no message.
    pub async fn check(&self) -> Result<(), Failure> {
        self.work.client.check().await
    }

    /// How many requests are over, so far.
    pub fn over(&self) -> u64 {
        self.work.over.load(Ordering::Relaxed)
    }

    /// Ends it early; what is outstanding is waited for.
    pub fn stop(&self) -> &Stop {
        &self.stop
    }

    /// Runs to the last answer. Once: a second run would count on.
    pub async fn run(&self) -> Report {
        let start = Instant::now();
        match self.arrivals {
            Arrivals::Closed { connections } => self.closed(connections).await,
            Arrivals::Open { rate, outstanding } => {
                self.open(Schedule { rate, length: self.length }, outstanding).await;
            }
        }
        let tally = self.work.tally();
        Report::of(self.arrivals, start.elapsed(), &tally)
    }

    async fn closed(&self, connections: usize) {
        let work = Arc::clone(&self.work);
        let send = move |n| {
            let work = Arc::clone(&work);
            async move { work.send(n, None).await }
        };
        closed::run(connections, self.length, &self.stop, send).await;
    }

    async fn open(&self, schedule: Schedule, outstanding: usize) {
        let send = |n, due| {
            let work = Arc::clone(&self.work);
            async move {
                work.send(n, Some(due)).await;
            }
        };
        let refuse = || {
            self.work.tally().not_sent += 1;
            self.work.over.fetch_add(1, Ordering::Relaxed);
        };
        open::run(schedule, outstanding, &self.stop, send, refuse).await;
    }
}

impl Work {
    /// Sends the n-th request and counts its end. Was it answered?
    ///
    /// Latency counts from `due` where there is one: who waits for a stalled server is late too.
    async fn send(&self, n: u64, due: Option<Instant>) -> bool {
        let letter = self.letter(n);
        let begun = Instant::now();
        let ended = self.client.send(&letter).await;
        let latency = due.unwrap_or(begun).elapsed();
        {
            let mut tally = self.tally();
            tally.count(&letter, &ended, latency);
            if let Some(due) = due {
                tally.lateness.record(begun - due);
            }
        }
        self.over.fetch_add(1, Ordering::Relaxed);
        let is_answered = matches!(ended, Ended::Answered(_));
        self.remember(letter, ended);
        is_answered
    }

    /// A replay where one is wanted and something has been accepted, else a fresh request.
    fn letter(&self, n: u64) -> Letter {
        match self.mix.kind(n) {
            Kind::Replay => {
                let accepted = self.repeatable().pop_front();
                accepted.unwrap_or_else(|| self.letters.fresh(n, Kind::Keyed))
            }
            kind => self.letters.fresh(n, kind),
        }
    }

    /// Keeps an accepted keyed request, to be repeated.
    fn remember(&self, letter: Letter, ended: Ended) {
        let Ended::Answered(answer) = ended else { return };
        if letter.kind != Kind::Keyed || answer.status != 200 {
            return;
        }
        let mut repeatable = self.repeatable();
        if repeatable.len() < MOST_REPEATABLE {
            let expected_id = answer.body.message_id;
            repeatable.push_back(Letter { kind: Kind::Replay, expected_id, ..letter });
        }
    }

    fn tally(&self) -> MutexGuard<'_, Tally> {
        self.tally.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn repeatable(&self) -> MutexGuard<'_, VecDeque<Letter>> {
        self.repeatable.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::load::client::{Answer, Body, Target};
    use crate::load::numbers::Numbers;

    /// Nobody listens at its server.
    fn load() -> Load {
        let target = Target {
            url: "http://127.0.0.1:1".parse().unwrap(),
            key: "key".into(),
            timeout: Duration::from_secs(10),
        };
        let plan = Plan {
            target,
            senders: Numbers::first_senders(1),
            recipients: Numbers::recipients("1").unwrap(),
            mix: Mix::new(0, 0, 1).unwrap(),
            text: "hello".to_owned(),
            arrivals: Arrivals::Closed { connections: 1 },
            length: Length::Requests(1),
            run: "run".to_owned(),
        };
        Load::new(plan).unwrap()
    }

    #[tokio::test(start_paused = true)]
    async fn a_scheduled_request_is_measured_from_its_instant_and_another_from_its_start() {
        let hour_us = 3_600_000_000;
        let load = load();
        assert!(!load.work.send(0, None).await, "nobody answers");
        let of_closed = load.work.tally().otherwise.summary().unwrap().max;
        assert!(of_closed < hour_us / 2, "{of_closed}");
        assert_eq!(load.work.tally().lateness.summary(), None);

        let due = Instant::now();
        tokio::time::advance(Duration::from_mins(55)).await;
        load.work.send(1, Some(due)).await;
        let tally = load.work.tally();
        for late in [tally.otherwise.summary(), tally.lateness.summary()] {
            assert!(late.is_some_and(|late| late.max > hour_us / 2), "{late:?}");
        }
        assert_eq!(load.over(), 2);
    }

    #[tokio::test]
    async fn only_what_was_accepted_is_repeated_and_only_once() {
        let load = load();
        let work = &load.work;
        let answer = |status, id: Option<&str>| {
            let body = Body { message_id: id.map(str::to_owned), ..Body::default() };
            Ended::Answered(Answer { status, is_replay: false, body })
        };
        let fresh = work.letter(0);
        work.remember(fresh.clone(), answer(429, None));
        assert_eq!((work.mix.kind(3), work.letter(3).kind), (Kind::Replay, Kind::Keyed));

        work.remember(fresh.clone(), answer(200, Some("id")));
        let replay = work.letter(3);
        assert_eq!((replay.kind, &replay.key, &replay.body), (Kind::Replay, &fresh.key, &fresh.body));
        assert_eq!(replay.expected_id.as_deref(), Some("id"));
        work.remember(replay, answer(200, Some("id")));
        assert_eq!(work.letter(3).kind, Kind::Keyed);

        for _ in 0..=MOST_REPEATABLE {
            work.remember(fresh.clone(), answer(200, Some("id")));
        }
        assert_eq!(work.repeatable().len(), MOST_REPEATABLE);
    }
}
