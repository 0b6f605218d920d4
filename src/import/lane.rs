//! One lane: sends the lines that it is given, one after the other, each until it is settled.
//!
//! All lines of a conversation are in one lane, so they go in the order of the file. Every line has its
//! idempotency key, so a repeat after a lost answer is safe.

use std::future::Future;
use std::sync::atomic::Ordering;
use std::time::Duration;

use serde_json::Value;
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep};

use super::notes::Settled;
use super::report::Reason;
use super::run::Shared;
use super::source::Record;
use super::{Failure, Notice};
use crate::client::{Answer, NoAnswer};

/// The first wait where nobody says how long; twice as long each time, up to [`LONGEST_WAIT`].
const FIRST_WAIT: Duration = Duration::from_millis(500);

/// The longest such wait.
const LONGEST_WAIT: Duration = Duration::from_secs(30);

/// How often a line is tried that the server has a fault of its own with.
const FAULTS: u32 = 5;

/// What follows an answer, or the lack of one.
enum Next {
    Accepted { is_replay: bool },
    Refused(Reason),
    Again { why: String, wait: Option<Duration> },
    Over(Failure),
}

/// Sends until there are no more lines, or the import is stopped; a failure ends all lanes.
pub(super) async fn run(shared: &Shared<'_>, mut lines: mpsc::Receiver<Record>) -> Result<(), Failure> {
    let mut stopped = shared.stop.subscribe();
    while let Some(record) = unless_stopped(&mut stopped, lines.recv()).await.flatten() {
        send(shared, &mut stopped, record).await?;
    }
    Ok(())
}

/// Sends one line until it is settled. When the import is stopped, what is on its way is waited for.
async fn send(
    shared: &Shared<'_>,
    stopped: &mut watch::Receiver<bool>,
    record: Record,
) -> Result<(), Failure> {
    let body = match &record.fields {
        Ok(fields) => serde_json::to_vec(fields).unwrap_or_default(),
        Err(detail) => {
            let reason = Reason { status: 0, code: "unreadable".to_owned(), detail: detail.clone() };
            return refused(shared, &record, reason);
        }
    };
    let key = format!("import-{}-{}", shared.identity, record.line);
    let mut tries = 0;
    loop {
        let answer = shared.client.post("/sms/send", body.clone(), Some(&key)).await;
        tries += 1;
        let (why, wait) = match next(answer, tries) {
            Next::Accepted { is_replay } => return accepted(shared, &record, is_replay),
            Next::Refused(reason) => return refused(shared, &record, reason),
            Next::Over(failure) => return Err(failure),
            Next::Again { why, wait } => (why, wait.unwrap_or_else(|| back_off(tries))),
        };
        if shared.idle_for() + wait > shared.patience {
            return Err(Failure::OutOfPatience(shared.patience, why));
        }
        // Whoever listens may be slow; then this one is not shown.
        let _ = shared.notices.try_send(Notice::Waiting { why, wait });
        if unless_stopped(stopped, sleep(wait)).await.is_none() {
            return Ok(());
        }
    }
}

fn accepted(shared: &Shared<'_>, record: &Record, is_replay: bool) -> Result<(), Failure> {
    shared.notes.note(record.place, Settled::Accepted)?;
    shared.counts.accepted.fetch_add(1, Ordering::Relaxed);
    if is_replay {
        shared.counts.replayed.fetch_add(1, Ordering::Relaxed);
    }
    shared.went_on();
    Ok(())
}

/// First the report: a kill between the two lists a line twice, and loses no reason.
fn refused(shared: &Shared<'_>, record: &Record, reason: Reason) -> Result<(), Failure> {
    shared.report.add(record, &reason)?;
    shared.notes.note(record.place, Settled::Refused)?;
    shared.counts.refused.fetch_add(1, Ordering::Relaxed);
    shared.went_on();
    let Reason { code, detail, .. } = reason;
    let _ = shared.notices.try_send(Notice::Refused { line: record.line, code, detail });
    Ok(())
}

/// What an answer asks for. The key makes every repeat safe.
fn next(answer: Result<Answer, NoAnswer>, tries: u32) -> Next {
    let answer = match answer {
        Ok(answer) => answer,
        Err(lost) => return Next::Again { why: lost.to_string(), wait: None },
    };
    if answer.status == 200 && answer.body.get("success").and_then(Value::as_bool) == Some(true) {
        return Next::Accepted { is_replay: answer.is_replay };
    }
    let Some(code) = answer.code().map(str::to_owned) else {
        // A proxy in between, and the server behind it is away.
        if matches!(answer.status, 429 | 502..=504) {
            return Next::Again { why: answer.detail(), wait: answer.retry_after };
        }
        return Next::Over(Failure::NotSendyard(answer.status));
    };
    let is_of_an_immediate_message = answer.status == 504;
    match code.as_str() {
        "unauthorized" => Next::Over(Failure::UnknownKey),
        "missing_scope" => Next::Over(Failure::MissingScope(answer.detail())),
        "not_found" | "method_not_allowed" => Next::Over(Failure::NotSendyard(answer.status)),
        "internal" if tries < FAULTS => Next::Again { why: answer.detail(), wait: None },
        "outcome_unknown" if !is_of_an_immediate_message => {
            Next::Again { why: answer.detail(), wait: answer.retry_after }
        }
        _ if answer.is_retryable() => Next::Again { why: answer.detail(), wait: answer.retry_after },
        _ => Next::Refused(Reason { status: answer.status, code, detail: answer.detail() }),
    }
}

fn back_off(tries: u32) -> Duration {
    FIRST_WAIT.saturating_mul(1 << tries.saturating_sub(1).min(10)).min(LONGEST_WAIT)
}

/// What it comes to, or none where the import is stopped first.
pub(super) async fn unless_stopped<T>(
    stopped: &mut watch::Receiver<bool>,
    work: impl Future<Output = T>,
) -> Option<T> {
    tokio::select! {
        biased;
        // An error says that the import itself is gone.
        _ = stopped.wait_for(|stopped| *stopped) => None,
        done = work => Some(done),
    }
}

/// When something was last settled, for all lanes together.
pub(super) fn since(instant: Instant) -> Duration {
    Instant::now().duration_since(instant)
}

#[cfg(test)]
mod tests;
