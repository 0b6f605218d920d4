//! The ledger: its lines, pages, limit and file.

use std::path::PathBuf;

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use super::{ACCOUNT, FROM, TO, TestTwin};
use crate::twin::TwinOptions;
use crate::twin::ledger::{Answered, Line, Stamp};

fn numbers(lines: &[Value]) -> Vec<u64> {
    lines.iter().map(|line| line["seq"].as_u64().unwrap()).collect()
}

fn read(path: &PathBuf) -> Vec<Value> {
    let text = std::fs::read_to_string(path).unwrap();
    // The last line may be on its way.
    text.split_inclusive('\n')
        .filter(|line| line.ends_with('\n'))
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

async fn until_written(path: &PathBuf, lines: usize) {
    let written = async {
        while read(path).len() < lines {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(super::PATIENCE, written).await.expect("too little was written");
}

#[tokio::test]
async fn a_line_has_exactly_the_promised_fields() {
    let twin = TestTwin::start().await;
    let form = [
        ("To", TO),
        ("From", FROM),
        ("Body", "say \"hi\"\n"),
        ("StatusCallback", "https://a.example/cb?x=1&a=m%2F7#rc=2"),
    ];
    let sid = twin.post(ACCOUNT, &form).await.json()["sid"].clone();
    let mut line = twin.only_line().await;
    assert!(line["at_us"].take().as_u64().unwrap() > 1_700_000_000_000_000);
    let expected = json!({
        "seq": 1, "at_us": null, "provider": "twilio", "account": ACCOUNT, "accepted": true,
        "answered": true, "status": 201, "code": null, "provider_message_id": sid, "from": FROM,
        "to": TO, "text": "say \"hi\"\n", "media": [], "segments": 1, "token": "m/7",
    });
    assert_eq!(line, expected);
}

#[tokio::test]
async fn numbers_and_instants_grow_together() {
    let twin = TestTwin::start().await;
    futures::future::join_all((0..50).map(|_| twin.send("hi"))).await;
    let lines = twin.lines().await;
    assert_eq!(numbers(&lines), (1..=50).collect::<Vec<_>>());
    assert!(lines.is_sorted_by_key(|line| line["at_us"].as_u64()));
}

#[tokio::test]
async fn pages_follow_each_other() {
    let twin = TestTwin::start().await;
    for index in 0..5 {
        twin.send(&index.to_string()).await;
    }
    let page = async |query: &str| {
        let reply = twin.control(Method::GET, &format!("/_twin/ledger{query}"), "").await;
        assert_eq!(reply.headers["content-type"], "application/x-ndjson");
        let lines: Vec<Value> = reply.text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        numbers(&lines)
    };
    assert_eq!(page("?limit=2").await, [1, 2]);
    assert_eq!(page("?after=2&limit=2").await, [3, 4]);
    assert_eq!(page("?after=4&limit=2").await, [5]);
    assert_eq!(page("?after=5").await, [0_u64; 0]);
    assert_eq!(page("").await, [1, 2, 3, 4, 5]);
}

#[tokio::test]
async fn a_page_longer_than_what_is_rendered_at_a_time_is_whole() {
    let twin = TestTwin::start().await;
    let ledger = &twin.twin.twin.ledger;
    for _ in 0..700 {
        ledger.record(|stamp| (line(stamp), ())).unwrap();
    }
    assert_eq!(numbers(&twin.lines().await), (1..=700).collect::<Vec<_>>());
    let page = twin.control(Method::GET, "/_twin/ledger?after=100&limit=300", "").await;
    assert_eq!(page.text.lines().count(), 300);
}

fn line(stamp: Stamp) -> Line {
    Line {
        seq: stamp.seq,
        at_us: stamp.at_us,
        provider: "test",
        account: String::new(),
        accepted: false,
        answered: Answered::yes(),
        status: 400,
        code: None,
        provider_message_id: None,
        replay_of: None,
        from: None,
        to: String::new(),
        text: String::new(),
        media: Vec::new(),
        segments: 1,
        token: None,
        service: None,
    }
}

#[tokio::test]
async fn a_cleared_ledger_is_empty_and_counts_on() {
    let twin = TestTwin::start().await;
    twin.send("one").await;
    let reply = twin.control(Method::DELETE, "/_twin/ledger", "").await;
    assert_eq!(reply.status, StatusCode::NO_CONTENT);
    assert_eq!(twin.lines().await, [Value::Null; 0]);
    twin.send("two").await;
    assert_eq!(numbers(&twin.lines().await), [2]);
}

#[tokio::test]
async fn a_full_ledger_refuses_requests_until_it_is_cleared() {
    let twin = TestTwin::with(TwinOptions { ledger_limit: 2, ..TwinOptions::default() }).await;
    twin.send("one").await;
    twin.send("two").await;
    let refused = twin.send("three").await;
    assert_eq!(refused.status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(refused.text.contains("the twin's ledger is full (2 lines)"), "{}", refused.text);
    assert_eq!(twin.lines().await.len(), 2);
    twin.control(Method::DELETE, "/_twin/ledger", "").await;
    assert_eq!(twin.send("four").await.status, StatusCode::CREATED);
}

#[tokio::test]
async fn the_file_gets_each_line_and_is_complete_after_a_stop() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ledger.ndjson");
    let options = TwinOptions { ledger_file: Some(path.clone()), ..TwinOptions::default() };
    let twin = TestTwin::with(options).await;
    twin.send("one").await;
    twin.post(ACCOUNT, &[("To", "bob")]).await;
    twin.control(Method::DELETE, "/_twin/ledger", "").await;
    twin.twin.stop().await;
    let lines = read(&path);
    assert_eq!(numbers(&lines), [1, 2]);
    assert_eq!(lines[0]["text"], "one");
    assert_eq!(lines[1]["accepted"], false);
}

#[tokio::test]
async fn the_file_is_written_while_the_twin_runs() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ledger.ndjson");
    let options = TwinOptions { ledger_file: Some(path.clone()), ..TwinOptions::default() };
    let twin = TestTwin::with(options).await;
    twin.send("one").await;
    until_written(&path, 1).await;
}

#[tokio::test]
async fn the_file_hears_of_a_held_answer_only_when_it_is_settled() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ledger.ndjson");
    let options = TwinOptions { ledger_file: Some(path.clone()), ..TwinOptions::default() };
    let twin = TestTwin::with(options).await;
    twin.set_rule(json!({ "from": FROM, "latency_ms": 3_600_000 })).await;
    let mut left_waiting = twin.send_raw("waits").await;
    let hangs_up = twin.send_raw("hangs up").await;
    twin.until_lines(2).await;
    assert_eq!(read(&path), [Value::Null; 0]);
    drop(hangs_up);
    until_written(&path, 1).await;
    assert_eq!(read(&path)[0]["text"], "hangs up");
    twin.set_rule(json!({ "from": FROM, "latency_ms": 1 })).await;
    assert_eq!(twin.send("short").await.status, StatusCode::CREATED);
    twin.twin.stop().await;

    assert_eq!(super::rest_of(&mut left_waiting).await, "");
    let mut lines = read(&path);
    lines.sort_by_key(|line| line["seq"].as_u64());
    let answered: Vec<&Value> = lines.iter().map(|line| &line["answered"]).collect();
    assert_eq!(answered, [&json!(false), &json!(false), &json!(true)]);
}

#[tokio::test]
async fn a_file_that_cannot_be_opened_stops_the_start_and_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("missing").join("ledger.ndjson");
    let options = TwinOptions { ledger_file: Some(path.clone()), ..TwinOptions::default() };
    let error = crate::twin::start(([127, 0, 0, 1], 0).into(), options).await.unwrap_err();
    assert!(error.to_string().contains(&path.display().to_string()), "{error}");
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_file_that_takes_no_more_lines_stops_new_requests() {
    let options = TwinOptions { ledger_file: Some("/dev/full".into()), ..TwinOptions::default() };
    let twin = TestTwin::with(options).await;
    let refused = async {
        loop {
            let reply = twin.send("hi").await;
            if reply.status == StatusCode::SERVICE_UNAVAILABLE {
                return reply;
            }
        }
    };
    let reply = tokio::time::timeout(super::PATIENCE, refused).await.expect("it goes on unwritten");
    assert!(reply.text.contains("/dev/full"), "{}", reply.text);
}
