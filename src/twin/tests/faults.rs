//! Each fault, as the client sees it and as the ledger tells it.

use std::io::ErrorKind;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::time::Instant;

use super::{ACCOUNT, FROM, OTHER_ACCOUNT, TO, TestTwin, reply, rest_of};
use crate::twin::TwinOptions;

#[tokio::test]
async fn throttling_is_20429_with_a_time_or_without() {
    let twin = TestTwin::start().await;
    twin.set_rule(json!({ "throttle": { "share": 1, "retry_after": 7 } })).await;
    let timed = twin.send("hi").await;
    assert_eq!(timed.status, StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(timed.headers["retry-after"], "7");
    assert_eq!(timed.json()["code"], 20429);

    twin.set_rule(json!({ "throttle": { "share": 1 } })).await;
    let untimed = twin.send("hi").await;
    assert_eq!(untimed.status, StatusCode::TOO_MANY_REQUESTS);
    assert!(!untimed.headers.contains_key("retry-after"));
    for line in twin.lines().await {
        assert_eq!(line["accepted"], false);
        assert_eq!(line["code"], 20429);
    }
}

/// The twin counts by its own clock: three that come at once, of which a second takes two.
#[tokio::test]
async fn more_than_a_senders_limit_is_refused_in_each_providers_words() {
    let twin = TestTwin::start().await;
    for (retry_after, told) in [(json!(null), None), (json!(7), Some("7"))] {
        // A bucket that fills in 200 s, so that no second passes here.
        let limit = json!({ "per_second": 0.01, "counts": "token_bucket", "retry_after": retry_after });
        let from = if told.is_some() { "+15550007777" } else { FROM };
        twin.set_rule(json!({ "sender_limit": limit })).await;
        let telnyx = json!({ "from": from, "to": TO, "text": "hi" });
        let vonage = json!({
            "message_type": "text", "channel": "sms", "from": &from[1..], "to": &TO[1..], "text": "hi"
        });
        for round in 0..2 {
            let replies = [
                twin.post(ACCOUNT, &[("To", TO), ("From", from), ("Body", "hi")]).await,
                reply(twin.telnyx(&telnyx)).await,
                reply(twin.vonage(&vonage)).await,
            ];
            let waits = ["retry-after", "x-ratelimit-reset", "retry-after"];
            for (reply, wait) in replies.iter().zip(waits) {
                assert_eq!(reply.status.is_success(), round == 0, "{}", reply.text);
                if round == 1 {
                    assert_eq!(reply.status, StatusCode::TOO_MANY_REQUESTS);
                    assert_eq!(reply.headers.get(wait).map(|value| value.to_str().unwrap()), told);
                }
            }
        }
    }
    let codes: Vec<Value> = twin.lines().await.iter().map(|line| line["code"].clone()).collect();
    let round = [json!(null), json!(null), json!(null), json!(21611), json!(40011), json!(1000)];
    assert_eq!(codes, [round.clone(), round].concat());
}

#[tokio::test]
async fn a_senders_limit_is_turned_while_it_runs_and_forgets_nothing() {
    let twin = TestTwin::start().await;
    twin.set_rule(json!({ "from": FROM, "sender_limit": { "per_second": 0.01, "counts": "token_bucket" } }))
        .await;
    assert_eq!(twin.send("one").await.status, StatusCode::CREATED);
    assert_eq!(twin.send("two").await.status, StatusCode::TOO_MANY_REQUESTS);
    let other = twin.post(ACCOUNT, &[("To", TO), ("From", "+15550007777"), ("Body", "hi")]).await;
    assert_eq!(other.status, StatusCode::CREATED);
    twin.set_rule(json!({ "sender_limit": { "per_second": 0.02, "counts": "token_bucket" } })).await;
    assert_eq!(twin.send("still empty").await.status, StatusCode::TOO_MANY_REQUESTS);
    twin.set_faults(json!({})).await;
    assert_eq!(twin.send("free").await.status, StatusCode::CREATED);
}

#[tokio::test]
async fn a_server_error_may_hide_an_accepted_message() {
    let twin = TestTwin::start().await;
    for (accepted, status) in [(false, 500), (true, 500), (false, 503), (true, 502)] {
        twin.control(Method::DELETE, "/_twin/ledger", "").await;
        twin.set_rule(json!({ "server_error": { "share": 1, "status": status, "accepted": accepted } }))
            .await;
        let answer = twin.send("hi").await;
        assert_eq!(answer.status.as_u16(), status);
        assert_eq!(answer.text.contains("20500"), status == 500);
        let line = twin.only_line().await;
        assert_eq!(line["accepted"], accepted);
        assert_eq!(line["answered"], true);
        assert_eq!(line["status"], status);
        assert_eq!(line["provider_message_id"].is_string(), accepted);
    }
}

#[tokio::test]
async fn a_request_cut_after_its_body_is_accepted_and_unanswered() {
    let twin = TestTwin::start().await;
    twin.set_rule(json!({ "cut_after_body": { "share": 1 } })).await;
    let mut stream = twin.send_raw("hi").await;
    assert_eq!(rest_of(&mut stream).await, "");
    let line = twin.only_line().await;
    assert_eq!(line["accepted"], true);
    assert_eq!(line["answered"], false);
    assert_eq!(line["status"], 201);
    assert_eq!(line["text"], "hi");
    assert!(line["provider_message_id"].is_string());
}

#[tokio::test]
async fn a_request_cut_unaccepted_is_refused_and_unanswered() {
    let twin = TestTwin::start().await;
    twin.set_rule(json!({ "cut_unaccepted": { "share": 1 } })).await;
    let mut stream = twin.send_raw("hi").await;
    assert_eq!(rest_of(&mut stream).await, "");
    let line = twin.only_line().await;
    assert_eq!(line["accepted"], false);
    assert_eq!(line["answered"], false);
    assert_eq!(line["provider_message_id"], Value::Null);
}

#[tokio::test]
async fn a_cut_request_that_is_wrong_anyway_is_not_accepted() {
    let twin = TestTwin::start().await;
    twin.set_rule(json!({ "cut_after_body": { "share": 1 } })).await;
    twin.posting(ACCOUNT, &[("To", "bob"), ("From", FROM), ("Body", "hi")]).send().await.unwrap_err();
    let line = twin.only_line().await;
    assert_eq!(line["accepted"], false);
    assert_eq!(line["code"], 21211);
    assert_eq!(line["answered"], false);
}

#[tokio::test]
async fn only_the_struck_connection_is_cut() {
    let twin = TestTwin::start().await;
    twin.set_rule(json!({ "from": FROM, "cut_after_body": { "share": 1 } })).await;
    twin.posting(ACCOUNT, &[("To", TO), ("From", FROM), ("Body", "hi")]).send().await.unwrap_err();
    let other = twin.post(ACCOUNT, &[("To", TO), ("From", "+15550007777"), ("Body", "hi")]).await;
    assert_eq!(other.status, StatusCode::CREATED);
}

#[tokio::test]
async fn garbage_is_a_success_that_names_no_message() {
    let twin = TestTwin::start().await;
    twin.set_rule(json!({ "garbage": { "share": 1 } })).await;
    let mut kinds = std::collections::HashSet::new();
    for _ in 0..40 {
        let answer = twin.send("hi").await;
        assert!(answer.status.is_success());
        let sid = serde_json::from_str::<Value>(&answer.text).ok().and_then(|body| body.get("sid").cloned());
        assert_eq!(sid, None, "{}", answer.text);
        kinds.insert((answer.status, answer.text.chars().take(3).collect::<String>()));
    }
    assert_eq!(kinds.len(), 4, "{kinds:?}");
    for line in twin.lines().await {
        assert_eq!(line["accepted"], true);
        assert_eq!(line["answered"], true);
    }

    twin.set_rule(json!({ "garbage": { "share": 1, "accepted": false } })).await;
    twin.send("thrown away").await;
    assert_eq!(twin.lines().await.last().unwrap()["accepted"], false);
}

#[tokio::test]
async fn a_hanging_account_does_not_slow_another() {
    let twin = TestTwin::start().await;
    twin.set_rule(json!({ "account": ACCOUNT, "hang": { "share": 1, "ms": 3_600_000 } })).await;
    let _hanging = twin.send_raw("hi").await;
    twin.until_lines(1).await;
    let other = twin.post(OTHER_ACCOUNT, &[("To", TO), ("From", FROM), ("Body", "hi")]).await;
    assert_eq!(other.status, StatusCode::CREATED);
    let lines = twin.lines().await;
    assert_eq!(lines[0]["accepted"], true);
    assert_eq!(lines[0]["answered"], false);
    assert_eq!(lines[1]["account"], OTHER_ACCOUNT);
}

#[tokio::test]
async fn a_hang_ends_without_an_answer() {
    let twin = TestTwin::start().await;
    twin.set_rule(json!({ "hang": { "share": 1, "ms": 1 } })).await;
    let mut stream = twin.send_raw("hi").await;
    assert_eq!(rest_of(&mut stream).await, "");
    assert_eq!(twin.only_line().await["answered"], false);
}

#[tokio::test]
async fn latency_holds_the_answer_back() {
    let twin = TestTwin::start().await;
    twin.set_rule(json!({ "latency_ms": 50, "latency_jitter_ms": 10 })).await;
    let before = Instant::now();
    assert_eq!(twin.send("hi").await.status, StatusCode::CREATED);
    assert!(before.elapsed() >= Duration::from_millis(50));
    assert_eq!(twin.only_line().await["answered"], true);
}

#[tokio::test]
async fn a_client_that_hangs_up_while_the_answer_is_held_got_none() {
    let twin = TestTwin::start().await;
    twin.set_rule(json!({ "latency_ms": 3_600_000 })).await;
    let stream = twin.send_raw("hi").await;
    let line = twin.until_lines(1).await.remove(0);
    assert_eq!(line["accepted"], true);
    assert_eq!(line["answered"], false);
    drop(stream);
    twin.twin.stop().await;
}

#[tokio::test]
async fn refusing_closes_the_port_and_its_idle_connections_until_it_is_switched_off() {
    // An address of its own: nobody else may take the port while it is closed.
    let listen = SocketAddr::from((Ipv4Addr::new(127, 0, 0, 2), 0));
    let twin = TestTwin::on(listen, TwinOptions::default()).await;
    let addr = twin.twin.addr();
    let mut idle = TcpStream::connect(addr).await.unwrap();

    // Asked on the very port that closes: the answer still comes.
    let switch = twin.client.put(format!("http://{addr}/_twin/faults")).body(r#"{"refuse":true}"#);
    assert_eq!(reply(switch).await.status, StatusCode::OK);
    assert_eq!(TcpStream::connect(addr).await.unwrap_err().kind(), ErrorKind::ConnectionRefused);
    assert_eq!(rest_of(&mut idle).await, "");
    let health = twin.control(Method::GET, "/_twin/health", "").await;
    assert_eq!(health.json()["refusing"], true);

    twin.set_faults(json!({ "refuse": false })).await;
    assert_eq!(twin.twin.addr(), addr);
    assert_eq!(twin.send("back").await.status, StatusCode::CREATED);
}

#[tokio::test]
async fn a_request_being_held_is_still_answered_after_connections_are_refused() {
    let listen = SocketAddr::from((Ipv4Addr::new(127, 0, 0, 3), 0));
    let twin = TestTwin::on(listen, TwinOptions::default()).await;
    twin.set_rule(json!({ "latency_ms": 100 })).await;
    let mut held = twin.send_raw("hi").await;
    twin.until_lines(1).await;
    twin.set_faults(json!({ "refuse": true })).await;
    assert!(rest_of(&mut held).await.starts_with("HTTP/1.1 201"));
    assert_eq!(twin.only_line().await["answered"], true);
}
