//! What is nobody's business is in no log, metric or error body, whatever happens to it on the way.
//!
//! Each secret is a word that occurs nowhere else. It is sent along every path, at the most talkative level of
//! our own logs, and then looked for in all that the service said.

use std::fs;
use std::process::Command;

use serde_json::{Value, json};

use crate::process::yard::{KEY, PATIENCE, Reply, Setup, Yard, eventually};

const TEXT: &str = "MARKEDTEXT";
const MEDIA: &str = "http://127.0.0.1:9/MARKEDMEDIA.png";
const IDEMPOTENCY_KEY: &str = "MARKEDIDEMPOTENCY";
const WRONG_KEY: &str = "MARKEDWRONGKEY";
const ADMIN_TOKEN: &str = "MARKEDADMINTOKEN";
/// Digits of the recipients, without what logs may show of a number.
const RECIPIENT: &str = "+1555987";
const SENDERS: [&str; 2] = ["+15550100000", "+15550100001"];

/// Whatever is in one of these may be in no log and no metric.
fn secrets() -> Vec<&'static str> {
    let mut secrets = vec![
        "MARKEDTEXT",
        "MARKEDMEDIA",
        "MARKEDIDEMPOTENCY",
        "MARKEDWRONGKEY",
        "MARKEDADMINTOKEN",
        // The provider's: "secret" of the directory of process tests, as Basic authorization would show it.
        "OnNlY3JldA",
        KEY,
        "1555987",
    ];
    secrets.extend(SENDERS.map(|number| &number[1..]));
    secrets
}

struct Talk {
    yard: Yard,
    http: reqwest::Client,
    errors: Vec<String>,
}

impl Talk {
    async fn post(&mut self, key: &str, body: &Value) -> u16 {
        let request = self.http.post(format!("http://{}/sms/send", self.yard.addr())).bearer_auth(key);
        let request = request.header("Idempotency-Key", IDEMPOTENCY_KEY).body(body.to_string());
        let answer = request.send().await.unwrap();
        let status = answer.status().as_u16();
        let text = answer.text().await.unwrap();
        if status != 200 {
            self.errors.push(text);
        }
        status
    }

    async fn close_circuits(&self) {
        for account in ["account-1", "account-2"] {
            let url = format!("http://{}/v1/accounts/{account}/close", self.yard.addr());
            let answer = self.http.post(url).bearer_auth(KEY).send().await.unwrap();
            assert_eq!(answer.status().as_u16(), 200, "{account}");
        }
    }

    async fn until_handed_over(&self, to: u32) {
        let ends = format!("{to:04}");
        eventually(&format!("{to} is handed over"), PATIENCE, async || {
            self.yard.twin.ledger().await.iter().any(|line| line.to.ends_with(&ends)).then_some(())
        })
        .await;
    }

    async fn send(&mut self, to: u32, queue: bool) -> Reply {
        let (from, to) = (SENDERS[(to % 2) as usize], format!("{RECIPIENT}{to:04}"));
        let text = format!("{TEXT} {to}");
        let key = format!("{IDEMPOTENCY_KEY}-{to}");
        let reply = self.yard.api.send(from, &to, &text, queue, Some(&key)).await.unwrap();
        if reply.status != 200 {
            self.errors.push(reply.body.to_string());
        }
        reply
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn secrets_stay_inside() {
    let mut setup = Setup::of_numbers(2, &[]);
    setup.http = vec![("admin_token", "\"MARKEDADMINTOKEN\"")];
    setup.engine = vec![
        ("begin_by", "\"500ms\""),
        ("attempt_deadline", "\"1s\""),
        ("margin", "\"100ms\""),
        ("evidence_deadline", "\"500ms\""),
    ];
    let mut yard = Yard::build(&setup).await;
    let command = talkative(&yard);
    yard.start_engine_as(command).await;
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let mut talk = Talk { yard, http, errors: Vec::new() };

    good_and_bad_requests(&mut talk).await;
    whatever_a_provider_can_do(&mut talk).await;
    let metrics = talk.yard.api.text("/metrics").await;
    drained(&talk, ADMIN_TOKEN).await;
    assert_eq!(talk.yard.ended().await.code(), Some(0));
    a_number_that_is_gone_is_told_of(&mut talk.yard).await;
    let log = fs::read_to_string(talk.yard.home().join("engine.log")).unwrap();
    one_message_can_be_followed(&log);
    assert_told_nowhere(&log, &metrics, &talk.errors);
}

/// At the most talkative level of our own logs.
fn talkative(yard: &Yard) -> Command {
    let mut command = yard.serve();
    command.env("RUST_LOG", "debug,sendyard=trace,sendyard_actors=trace").env("SENDYARD_LOG_FORMAT", "json");
    command
}

/// One of the few lines that name a sending number, masked: messages wait at it, and the directory lost it.
async fn a_number_that_is_gone_is_told_of(yard: &mut Yard) {
    let file = yard.home().join("directory.toml");
    let directory = fs::read_to_string(&file).unwrap();
    fs::write(&file, directory.replace(SENDERS[1], "+15550109999")).unwrap();
    let command = talkative(yard);
    yard.start_engine_as(command).await;
    let log = yard.home().join("engine.log");
    eventually("it is told of", PATIENCE, async || {
        fs::read_to_string(&log).unwrap().contains("messages wait at a number").then_some(())
    })
    .await;
    yard.kill();
}

async fn good_and_bad_requests(talk: &mut Talk) {
    // Good ones, both ways, with media, and the same again.
    for (to, queue) in [(1, true), (2, false), (1, true)] {
        assert_eq!(talk.send(to, queue).await.status, 200);
    }
    let media = json!({ "from_phone_number": SENDERS[0], "to_phone_number": "+15559870003", "message": TEXT, "media_urls": [MEDIA] });
    assert_eq!(talk.post(KEY, &media).await, 200);
    // Bad ones.
    for (key, body) in [
        (WRONG_KEY, media.clone()),
        (
            KEY,
            json!({ "from_phone_number": SENDERS[0], "to_phone_number": "+15559870003", "message": format!("{TEXT} other") }),
        ),
        (
            KEY,
            json!({ "from_phone_number": "+15559870009", "to_phone_number": "+15559870003", "message": TEXT }),
        ),
        (
            KEY,
            json!({ "from_phone_number": SENDERS[0], "to_phone_number": 15_559_870_003_u64, "message": TEXT }),
        ),
        (
            KEY,
            json!({ "from_phone_number": SENDERS[0], "to_phone_number": "+15559870003", "message": TEXT.repeat(2_000) }),
        ),
        (KEY, json!([TEXT])),
    ] {
        assert_ne!(talk.post(key, &body).await, 200, "{body}");
    }
    drained(talk, WRONG_KEY).await;
}

async fn whatever_a_provider_can_do(talk: &mut Talk) {
    for (to, faults) in [
        (10, json!({ "throttle": { "share": 1.0, "retry_after": 1 } })),
        (20, json!({ "server_error": { "share": 1.0, "status": 500 } })),
        (30, json!({ "garbage": { "share": 1.0, "accepted": true } })),
        (40, json!({ "cut_after_body": { "share": 1.0 } })),
        (50, json!({ "hang": { "share": 1.0, "ms": 10_000 } })),
    ] {
        talk.yard.twin.set_faults(&json!({ "rules": [faults] })).await;
        for (to, queue) in [(to, true), (to + 1, false), (to + 2, false), (to + 3, true)] {
            talk.send(to, queue).await;
        }
        // Else the next fault would meet nobody: a refusal may pause the account, and open its circuit.
        talk.until_handed_over(to).await;
        talk.close_circuits().await;
    }
    talk.yard.twin.set_faults(&json!({ "opted_out": ["+15559870060"] })).await;
    talk.send(60, true).await;
    // Asked for before nobody can connect any more.
    let ledger = talk.yard.twin.ledger().await;
    talk.yard.twin.set_faults(&json!({ "refuse": true })).await;
    talk.send(61, true).await;
    assert!(talk.errors.len() > 8, "{:?}", talk.errors);
    for first in [10, 20, 30, 40, 50] {
        let ends = format!("98700{first}");
        assert!(ledger.iter().any(|line| line.to.ends_with(&ends)), "the fault of {first} met nobody");
    }
}

fn assert_told_nowhere(log: &str, metrics: &str, errors: &[String]) {
    for secret in secrets() {
        let line = log.lines().find(|line| line.contains(secret));
        assert!(line.is_none(), "{secret} in the log: {line:?}");
        let line = metrics.lines().find(|line| line.contains(secret));
        assert!(line.is_none(), "{secret} in the metrics: {line:?}");
        // Whoever asked knows the numbers of the request; the sentence may name them.
        let number = secret.starts_with("1555");
        let body = errors.iter().find(|body| !number && body.contains(secret));
        assert!(body.is_none(), "{secret} in an error body: {body:?}");
    }
}

async fn drained(talk: &Talk, token: &str) {
    let request = talk.http.post(format!("http://{}/v1/admin/drain", talk.yard.addr()));
    request.bearer_auth(token).send().await.unwrap();
}

/// From a request's id to its message, and from there to the provider's call and its answer.
fn one_message_can_be_followed(log: &str) {
    let lines: Vec<Value> = log.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    let said = |word: &str| {
        let lines = lines.iter().filter(move |line| line["fields"]["message"] == word);
        lines.cloned().collect::<Vec<_>>()
    };
    let accepted = said("accepted");
    let first = accepted.first().expect("a line for each message that is accepted");
    assert!(first["span"]["id"].is_string(), "no request id: {first}");
    let id = &first["fields"]["message_id"];
    assert!(id.is_string(), "{first}");
    for word in ["handed over", "answered"] {
        assert!(
            said(word).iter().any(|line| line["fields"]["message_id"] == *id),
            "{word} is not told of {id}"
        );
    }
}
