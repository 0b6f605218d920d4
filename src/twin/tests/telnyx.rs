//! Answers as Telnyx's documents say.

use std::collections::HashSet;
use std::time::Duration;

use reqwest::{Method, RequestBuilder, StatusCode};
use serde_json::{Value, json};

use super::{FROM, Reply, TELNYX_ACCOUNT, TO, TestTwin, reply};
use crate::twin::{TelnyxAccount, TelnyxLimits, TwinOptions};

const PROFILE: &str = "83d2343b-553f-4c5f-b8c8-fd27004f94bf";

fn text() -> Value {
    json!({ "from": FROM, "to": TO, "text": "hi" })
}

/// The good text with this field instead.
fn with(field: &str, value: impl Into<Value>) -> Value {
    let mut body = text();
    body[field] = value.into();
    body
}

fn limits(telnyx: TelnyxLimits) -> TwinOptions {
    TwinOptions { telnyx, ..TwinOptions::default() }
}

async fn check_refusal(twin: &TestTwin, reply: &Reply, status: u16, code: u32) {
    let body = reply.json();
    assert_eq!(reply.status.as_u16(), status, "{body}");
    let error = &body["errors"][0];
    assert_eq!(error["code"], code.to_string(), "{body}");
    assert!(error["title"].as_str().is_some_and(|title| !title.is_empty()));
    assert!(error["detail"].as_str().is_some_and(|detail| !detail.is_empty()));
    let lines = twin.lines().await;
    let line = lines.last().unwrap();
    assert_eq!(line["accepted"], false);
    assert_eq!(line["answered"], true);
    assert_eq!(line["status"], status);
    assert_eq!(line["code"], code);
    assert_eq!(line["provider_message_id"], Value::Null);
}

#[tokio::test]
async fn a_text_gets_a_message() {
    let twin = TestTwin::start().await;
    let mut body = text();
    body["webhook_url"] = json!("https://a.example/hook?a=m7");
    body["messaging_profile_id"] = json!(PROFILE);
    let answer = reply(twin.telnyx(&body)).await;
    assert_eq!(answer.status, StatusCode::OK);
    let mut data = answer.json()["data"].take();
    let id = data["id"].as_str().unwrap().to_owned();
    assert_eq!(uuid::Uuid::parse_str(&id).unwrap().get_version_num(), 4);
    let received: jiff::Timestamp = data["received_at"].take().as_str().unwrap().parse().unwrap();
    let expected = json!({
        "record_type": "message", "direction": "outbound", "id": id, "type": "SMS",
        "messaging_profile_id": PROFILE, "from": { "phone_number": FROM, "carrier": "", "line_type": "" },
        "to": [{ "phone_number": TO, "status": "queued", "carrier": "", "line_type": "" }], "text": "hi",
        "media": [], "webhook_url": "https://a.example/hook?a=m7", "webhook_failover_url": null,
        "encoding": "GSM-7", "parts": 1, "tags": [], "cost": null, "tcr_campaign_id": null,
        "received_at": null, "sent_at": null, "completed_at": null, "valid_until": null,
        "wait_seconds": null, "errors": [],
    });
    assert_eq!(data, expected);

    let mut line = twin.only_line().await;
    let at_us = line["at_us"].take().as_i64().unwrap();
    assert_eq!(at_us / 1_000, received.as_millisecond());
    let expected = json!({
        "seq": 1, "at_us": null, "provider": "telnyx", "account": TELNYX_ACCOUNT, "accepted": true,
        "answered": true, "status": 200, "code": null, "provider_message_id": id, "from": FROM,
        "to": TO, "text": "hi", "media": [], "segments": 1, "token": "m7",
    });
    assert_eq!(line, expected);
}

#[tokio::test]
async fn media_make_an_mms_of_one_part() {
    let twin = TestTwin::start().await;
    let answer = reply(twin.telnyx(&with("media_urls", vec!["https://a/1.png"]))).await;
    assert_eq!(answer.json()["data"]["type"], "MMS");
    assert_eq!(answer.json()["data"]["media"][0]["url"], "https://a/1.png");
    let line = twin.only_line().await;
    assert_eq!(line["media"], json!(["https://a/1.png"]));
    assert_eq!(line["segments"], 1);
}

#[tokio::test]
async fn parts_are_counted_as_telnyx_encodes() {
    let twin = TestTwin::start().await;
    let long = "a".repeat(100);
    for (text, encoding, expected, parts) in [
        (long.clone(), "auto", "GSM-7", 1),
        (format!("{long}€"), "auto", "UCS-2", 2),
        (long.clone(), "ucs2", "UCS-2", 2),
    ] {
        let mut body = with("text", text);
        body["encoding"] = json!(encoding);
        let data = reply(twin.telnyx(&body)).await.json()["data"].take();
        assert_eq!((&data["encoding"], &data["parts"]), (&json!(expected), &json!(parts)));
        assert_eq!(twin.lines().await.last().unwrap()["segments"], parts);
    }
}

#[tokio::test]
async fn a_message_can_be_read_back_by_its_account_only() {
    let twin = TestTwin::start().await;
    let sent = reply(twin.telnyx(&text())).await.json();
    let id = sent["data"]["id"].as_str().unwrap();
    let fetch = |id: &str, key: &str| {
        let url = format!("http://{}/v2/messages/{id}", twin.twin.addr());
        reply(twin.client.get(url).bearer_auth(key))
    };
    let found = fetch(id, super::TELNYX_KEY).await;
    assert_eq!(found.status, StatusCode::OK);
    assert_eq!(found.json(), sent);
    for (id, key) in [(id, "other"), ("x", super::TELNYX_KEY), (PROFILE, super::TELNYX_KEY)] {
        let missing = fetch(id, key).await;
        assert_eq!(missing.status, StatusCode::NOT_FOUND);
        assert_eq!(missing.json()["errors"][0]["code"], "10005");
    }
}

#[tokio::test]
async fn no_key_is_10009_and_the_ledger_never_holds_one() {
    let twin = TestTwin::start().await;
    let url = format!("http://{}/v2/messages", twin.twin.addr());
    let post = || twin.client.post(&url).json(&text());
    for request in [post(), post().bearer_auth(""), post().basic_auth("user", Some("KEY"))] {
        check_refusal(&twin, &reply(request).await, 401, 10009).await;
        assert_eq!(twin.lines().await.last().unwrap()["account"], "");
    }
    reply(twin.telnyx(&text())).await;
    let ledger = twin.control(Method::GET, "/_twin/ledger", "").await.text;
    assert!(!ledger.contains(super::TELNYX_KEY), "{ledger}");
}

#[tokio::test]
async fn named_accounts_let_nobody_else_in() {
    let account = TelnyxAccount { name: "acme".into(), key: "KEY-acme".into() };
    let twin =
        TestTwin::with(limits(TelnyxLimits { accounts: vec![account], ..TelnyxLimits::default() })).await;
    let answer = reply(twin.telnyx(&text()).header("authorization", "Bearer KEY-acme")).await;
    // Two headers are one too many to choose from: the first one counts, which is the other key.
    check_refusal(&twin, &answer, 401, 10009).await;
    let url = format!("http://{}/v2/messages", twin.twin.addr());
    let answer = reply(twin.client.post(url).bearer_auth("KEY-acme").json(&text())).await;
    assert_eq!(answer.status, StatusCode::OK);
    assert_eq!(twin.lines().await.last().unwrap()["account"], "acme");
}

#[tokio::test]
async fn what_is_wrong_is_refused_with_telnyxs_number() {
    let twin = TestTwin::start().await;
    let many = |count: usize| vec!["https://a/b.png"; count];
    let both = |type_: &str| {
        let mut body = with("media_urls", many(1));
        body["type"] = json!(type_);
        body
    };
    let long = |length: usize| with("text", "a".repeat(length));
    let table = [
        (json!([1]), 400, 10015, None),
        (with("to", Value::Null), 400, 10004, Some("/to")),
        (with("to", "5550002222"), 400, 40310, Some("/to")),
        (with("to", 5), 400, 10015, Some("/to")),
        (with("from", Value::Null), 400, 10004, Some("/from")),
        (with("from", "+15"), 400, 40305, Some("/from")),
        (with("from", "ACME"), 400, 40306, Some("/from")),
        (with("text", ""), 400, 40316, None),
        (long(1_531), 400, 40302, Some("/text")),
        (with("type", "sms"), 400, 10015, Some("/type")),
        (both("SMS"), 400, 40304, Some("/type")),
        (with("media_urls", many(11)), 400, 40317, Some("/media_urls")),
        (with("media_urls", vec!["a.png"]), 400, 40317, Some("/media_urls")),
        (with("media_urls", "https://a/b.png"), 400, 40317, Some("/media_urls")),
        (with("encoding", "utf8"), 400, 10015, Some("/encoding")),
        (with("webhook_url", "ftp://a"), 400, 10003, Some("/webhook_url")),
    ];
    for (body, status, code, pointer) in table {
        let answer = reply(twin.telnyx(&body)).await;
        check_refusal(&twin, &answer, status, code).await;
        let told = answer.json()["errors"][0]["source"]["pointer"].take();
        assert_eq!(told, pointer.map_or(Value::Null, Value::from), "{body}");
    }
    let mut gsm = with("text", "ж");
    gsm["encoding"] = json!("gsm7");
    check_refusal(&twin, &reply(twin.telnyx(&gsm)).await, 400, 10015).await;
    for good in [long(1_530), both("MMS"), with("media_urls", many(10)), with("from", "12345")] {
        assert_eq!(reply(twin.telnyx(&good)).await.status, StatusCode::OK, "{good}");
    }
}

#[tokio::test]
async fn a_sender_that_is_not_owned_is_40305() {
    let numbers = HashSet::from([FROM.to_owned()]);
    let twin = TestTwin::with(limits(TelnyxLimits { numbers, ..TelnyxLimits::default() })).await;
    assert_eq!(reply(twin.telnyx(&text())).await.status, StatusCode::OK);
    check_refusal(&twin, &reply(twin.telnyx(&with("from", "+15550009999"))).await, 400, 40305).await;
}

#[tokio::test]
async fn a_recipient_listed_as_opted_out_is_40300() {
    let twin = TestTwin::start().await;
    twin.set_faults(json!({ "opted_out": [TO] })).await;
    check_refusal(&twin, &reply(twin.telnyx(&text())).await, 403, 40300).await;
}

#[tokio::test]
async fn messages_over_the_rate_wait_and_are_refused_once_the_queue_is_full() {
    // A number that sends abroad: ten seconds a message, room for three.
    let slow = TelnyxLimits { queue: Duration::from_secs(30), ..TelnyxLimits::default() };
    let twin = TestTwin::with(limits(slow)).await;
    let abroad = with("to", "+447700900000");
    let mut waits = Vec::new();
    for _ in 0..3 {
        let answer = reply(twin.telnyx(&abroad)).await;
        waits.push(answer.json()["data"]["wait_seconds"].as_f64());
    }
    assert_eq!(waits[0], None);
    assert!(waits[1].is_some_and(|wait| (9.0..=10.0).contains(&wait)), "{waits:?}");
    assert!(waits[2].is_some_and(|wait| (19.0..=20.0).contains(&wait)), "{waits:?}");
    check_refusal(&twin, &reply(twin.telnyx(&abroad)).await, 429, 40318).await;
    // Neither another sender nor the same one to the US waits for it.
    let mut other = abroad.clone();
    other["from"] = json!("+15550007777");
    for free in [other, text()] {
        assert_eq!(reply(twin.telnyx(&free)).await.status, StatusCode::OK);
    }
}

#[tokio::test]
async fn the_queue_of_an_account_is_one_for_sms_and_one_for_mms() {
    let slow = TelnyxLimits { queue: Duration::from_secs(10), sms_rate: 0.1, ..TelnyxLimits::default() };
    let twin = TestTwin::with(limits(slow)).await;
    assert_eq!(reply(twin.telnyx(&text())).await.status, StatusCode::OK);
    let other = with("from", "+15550007777");
    check_refusal(&twin, &reply(twin.telnyx(&other)).await, 429, 40318).await;
    let mms = with("media_urls", vec!["https://a/b.png"]);
    assert_eq!(reply(twin.telnyx(&mms)).await.status, StatusCode::OK);
}

#[tokio::test]
async fn every_answer_tells_the_rate_of_requests() {
    let twin = TestTwin::start().await;
    for body in [text(), json!({})] {
        let answer = reply(twin.telnyx(&body)).await;
        assert_eq!(answer.headers["x-ratelimit-limit"], "1000");
        let remaining: u32 = answer.headers["x-ratelimit-remaining"].to_str().unwrap().parse().unwrap();
        assert!((990..1_000).contains(&remaining));
        assert_eq!(answer.headers["x-ratelimit-reset"], "1");
    }
}

#[tokio::test]
async fn requests_over_the_allowance_get_10011() {
    let none = TelnyxLimits { requests_per_second: 0, ..TelnyxLimits::default() };
    let twin = TestTwin::with(limits(none)).await;
    let answer = reply(twin.telnyx(&text())).await;
    assert_eq!(answer.headers["x-ratelimit-remaining"], "0");
    check_refusal(&twin, &answer, 429, 10011).await;
}

fn keyed(twin: &TestTwin, key: &str, body: &Value) -> RequestBuilder {
    twin.telnyx(body).header("idempotency-key", key)
}

#[tokio::test]
async fn a_repeated_request_gets_the_same_answer_and_is_not_accepted_twice() {
    let twin = TestTwin::start().await;
    let first = reply(keyed(&twin, "k1", &text())).await;
    let second = reply(keyed(&twin, "k1", &text())).await;
    assert_eq!((second.status, &second.text), (StatusCode::OK, &first.text));
    let lines = twin.lines().await;
    assert_eq!(lines[0]["accepted"], true);
    assert!(lines[0].get("replay_of").is_none());
    assert_eq!(lines[1]["accepted"], false);
    assert_eq!(lines[1]["replay_of"], 1);
    assert_eq!(lines[1]["status"], 200);
    assert_eq!(lines[1]["provider_message_id"], Value::Null);

    let other = reply(keyed(&twin, "k2", &text())).await;
    assert_ne!(other.text, first.text);
    assert_eq!(twin.lines().await[2]["accepted"], true);
}

#[tokio::test]
async fn a_key_met_with_other_bytes_is_422_and_an_unlikely_key_is_400() {
    let twin = TestTwin::start().await;
    reply(keyed(&twin, "k1", &text())).await;
    check_refusal(&twin, &reply(keyed(&twin, "k1", &with("text", "ho"))).await, 422, 10015).await;
    check_refusal(&twin, &reply(keyed(&twin, "k.1", &text())).await, 400, 10015).await;
}

#[tokio::test]
async fn a_refused_request_leaves_its_key_free() {
    let twin = TestTwin::start().await;
    check_refusal(&twin, &reply(keyed(&twin, "k1", &with("to", "bob"))).await, 400, 40310).await;
    twin.set_rule(json!({ "cut_unaccepted": { "share": 1 } })).await;
    keyed(&twin, "k1", &text()).send().await.unwrap_err();
    twin.set_faults(json!({})).await;
    assert_eq!(reply(keyed(&twin, "k1", &text())).await.status, StatusCode::OK);
    assert_eq!(twin.lines().await.last().unwrap()["accepted"], true);
}

#[tokio::test]
async fn what_was_accepted_unheard_is_told_to_who_asks_again() {
    for fault in [
        json!({ "cut_after_body": { "share": 1 } }),
        json!({ "server_error": { "share": 1, "accepted": true } }),
        json!({ "garbage": { "share": 1 } }),
    ] {
        let twin = TestTwin::start().await;
        twin.set_rule(fault).await;
        // The answer is lost one way or another.
        let _ = keyed(&twin, "k1", &text()).send().await;
        twin.set_faults(json!({})).await;
        let again = reply(keyed(&twin, "k1", &text())).await.json();
        let lines = twin.lines().await;
        assert_eq!(again["data"]["id"], lines[0]["provider_message_id"]);
        assert_eq!((&lines[0]["accepted"], &lines[1]["accepted"]), (&json!(true), &json!(false)));
    }
}

#[tokio::test]
async fn keys_of_different_accounts_are_different() {
    let twin = TestTwin::start().await;
    let url = format!("http://{}/v2/messages", twin.twin.addr());
    for account in ["KEY1", "KEY2"] {
        let request =
            twin.client.post(&url).bearer_auth(account).header("idempotency-key", "k").json(&text());
        assert_eq!(reply(request).await.status, StatusCode::OK);
    }
    assert!(twin.lines().await.iter().all(|line| line["accepted"] == true));
}

#[tokio::test]
async fn faults_speak_as_telnyx_does() {
    let twin = TestTwin::start().await;
    twin.set_rule(json!({ "account": TELNYX_ACCOUNT, "throttle": { "share": 1, "retry_after": 7 } })).await;
    let timed = reply(twin.telnyx(&text())).await;
    assert_eq!(timed.headers["x-ratelimit-reset"], "7");
    assert!(!timed.headers.contains_key("retry-after"));
    check_refusal(&twin, &timed, 429, 10011).await;

    twin.set_rule(json!({ "from": FROM, "throttle": { "share": 1 } })).await;
    let untimed = reply(twin.telnyx(&text())).await;
    assert!(!untimed.headers.contains_key("x-ratelimit-reset"));
    check_refusal(&twin, &untimed, 429, 10011).await;

    twin.set_rule(json!({ "server_error": { "share": 1 } })).await;
    check_refusal(&twin, &reply(twin.telnyx(&text())).await, 500, 10007).await;

    twin.set_rule(json!({ "garbage": { "share": 1 } })).await;
    for _ in 0..20 {
        let answer = reply(twin.telnyx(&text())).await;
        assert_eq!(answer.status, StatusCode::OK);
        let body: Value = serde_json::from_str(&answer.text).unwrap_or_default();
        assert_eq!(body["data"]["id"], Value::Null, "{body}");
    }
}
