//! What `verify` is given: the clients' answers, the provider's ledger, the last statuses, the limits.

use std::collections::{BTreeMap, HashSet};
use std::fmt::Write;
use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use futures::stream::{self, StreamExt};
use sendyard::verify::Paths;
use serde::Serialize;
use serde_json::{Value, json};

use super::plan::Item;
use crate::process::yard::{Api, Line, Setup, Yard, eventually};

/// Statuses asked for at one time.
const AT_ONE_TIME: usize = 16;

/// One request of a client, as `docs/VERIFY.md` describes it.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Answer {
    pub(super) message_id: Option<String>,
    from: String,
    to: String,
    text: String,
    pub(super) kind: &'static str,
    pub(super) key: Option<String>,
    asked_at_us: u64,
    answered_at_us: u64,
    pub(super) http_status: u16,
    pub(super) cancelled: Option<bool>,
    pub(super) cancel_answered_at_us: Option<u64>,
    /// When it was to be handed over, by the answer.
    pub(super) due_us: Option<u64>,
}

impl Answer {
    /// Of a request that was sent, until an answer is there.
    pub(super) fn unanswered(item: &Item, asked_at_us: u64, answered_at_us: u64) -> Self {
        Self {
            message_id: None,
            from: item.from.clone(),
            to: item.to.clone(),
            text: item.text.clone(),
            kind: if item.queue { "queued" } else { "immediate" },
            key: item.key.clone(),
            asked_at_us,
            answered_at_us,
            http_status: 0,
            cancelled: None,
            cancel_answered_at_us: None,
            due_us: None,
        }
    }
}

/// The files of a run.
pub(super) struct Files {
    home: PathBuf,
    statuses: Vec<Value>,
}

impl Files {
    /// Waits until every message that anybody knows of is decided or listed, then writes everything.
    pub(super) async fn collect(
        yard: &Yard,
        api: &Api,
        setup: &Setup,
        answers: &[Answer],
        limit: Duration,
    ) -> Self {
        let statuses = last_words(yard, api, answers, limit).await;
        let files = Self { home: yard.home().to_owned(), statuses };
        let answers: Vec<Value> =
            answers.iter().map(|answer| serde_json::to_value(answer).unwrap()).collect();
        files.write_lines("answers.ndjson", &answers);
        files.write_lines("statuses.ndjson", &files.statuses);
        fs::write(files.path("ledger.ndjson"), yard.twin.ledger_text().await).unwrap();
        let limits: BTreeMap<&str, Value> = setup
            .numbers
            .iter()
            .map(|number| (number.number.as_str(), json!([{ "from_us": 0, "limit": number.limits }])))
            .collect();
        fs::write(files.path("limits.json"), serde_json::to_vec(&limits).unwrap()).unwrap();
        files
    }

    /// What the provider took and could not answer is known to nobody else, and must be said to be;
    /// except at a provider that knows repeats: there no queued message stays unknown.
    pub(super) fn check_that_cut_attempts_are_listed(&self, ledger: &[Line], answers: &[Answer]) {
        let unknown = self.statuses.iter().filter(|status| status["provider_status"] == "unknown");
        let unknown: HashSet<&str> = unknown.filter_map(|status| status["message_id"].as_str()).collect();
        let queued = answers.iter().filter(|answer| answer.kind == "queued");
        let queued: HashSet<&str> = queued.filter_map(|answer| answer.message_id.as_deref()).collect();
        // Of a message that no client was told of, nobody here knows whether it was queued.
        let answered: HashSet<&str> =
            answers.iter().filter_map(|answer| answer.message_id.as_deref()).collect();
        for line in ledger.iter().filter(|line| line.accepted) {
            let id = line.message_id().expect("a token of ours");
            let is_repeated = knows_repeats(&line.provider) && queued.contains(id);
            assert!(!is_repeated || !unknown.contains(id), "a repeat would have settled it: {line:?}");
            let settled = is_repeated || (knows_repeats(&line.provider) && !answered.contains(id));
            assert!(line.answered || settled || unknown.contains(id), "not listed as unknown: {line:?}");
        }
    }

    pub(super) fn paths(&self) -> Paths {
        Paths {
            ledger: self.path("ledger.ndjson"),
            answers: self.path("answers.ndjson"),
            statuses: self.path("statuses.ndjson"),
            limits: Some(self.path("limits.json")),
        }
    }

    /// The command line that judges them.
    pub(super) fn arguments(jitter: &str) -> Vec<&str> {
        vec![
            "verify",
            "--ledger",
            "ledger.ndjson",
            "--answers",
            "answers.ndjson",
            "--statuses",
            "statuses.ndjson",
            "--limits",
            "limits.json",
            "--jitter",
            jitter,
        ]
    }

    fn path(&self, name: &str) -> PathBuf {
        self.home.join(name)
    }

    fn write_lines(&self, name: &str, rows: &[Value]) {
        let mut lines = String::new();
        for row in rows {
            writeln!(lines, "{row}").unwrap();
        }
        fs::write(self.path(name), lines).unwrap();
    }
}

/// The status of every message, asked again until it will not change.
async fn last_words(yard: &Yard, api: &Api, answers: &[Answer], limit: Duration) -> Vec<Value> {
    let queued = answers.iter().filter(|answer| answer.kind == "queued");
    let queued: HashSet<&str> = queued.filter_map(|answer| answer.message_id.as_deref()).collect();
    let mut words: BTreeMap<String, Option<Value>> =
        answers.iter().filter_map(|answer| Some((answer.message_id.clone()?, None))).collect();
    eventually("everything is decided", limit, async || {
        let ledger = yard.twin.ledger().await;
        for id in ledger.iter().filter_map(Line::message_id) {
            words.entry(id.to_owned()).or_default();
        }
        let open: Vec<String> =
            words.iter().filter(|(_, word)| word.is_none()).map(|(id, _)| id.clone()).collect();
        for (id, word) in ask(api, open).await {
            let is_queued = queued.contains(id.as_str());
            words.insert(id, word.filter(|word| is_last(word, is_queued)));
        }
        words.values().all(Option::is_some).then_some(())
    })
    .await;
    words.into_values().flatten().collect()
}

async fn ask(api: &Api, ids: Vec<String>) -> Vec<(String, Option<Value>)> {
    let asked = ids.into_iter().map(async |id| {
        let reply = api.status(&id).await;
        // Refused for the moment, nothing is said.
        let word = matches!(reply.status, 200 | 404).then_some(reply.body);
        (id, word)
    });
    stream::iter(asked).buffer_unordered(AT_ONE_TIME).collect().await
}

/// Final, or listed as one of which nobody knows and which stays so. A message that is not there stays so
/// too: no request is under way any more.
fn is_last(status: &Value, is_queued: bool) -> bool {
    match status["status"].as_str() {
        Some("sent" | "failed" | "cancelled") | None => true,
        // It waits for its turn to be repeated.
        Some("queued") => false,
        Some(_) => {
            let is_repeated = is_queued && status["provider"].as_str().is_some_and(knows_repeats);
            status["provider_status"] == "unknown" && !is_repeated
        }
    }
}

/// There a queued message whose attempt was cut is handed over again, and so none stays unknown.
fn knows_repeats(provider: &str) -> bool {
    provider == "telnyx"
}
