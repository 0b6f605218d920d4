//! The control endpoints, and starting and stopping.

use std::io::ErrorKind;

use reqwest::{Method, StatusCode};
use serde_json::json;
use tokio::net::TcpStream;

use super::{TestTwin, reply};
use crate::twin::{TwinOptions, start};

#[tokio::test]
async fn health_tells_where_and_how_full() {
    let twin = TestTwin::with(TwinOptions { ledger_limit: 10, ..TwinOptions::default() }).await;
    twin.send("hi").await;
    let health = twin.control(Method::GET, "/_twin/health", "").await.json();
    let expected = json!({
        "status": "ok", "address": twin.twin.addr().to_string(),
        "control_address": twin.twin.control_addr().to_string(), "refusing": false,
        "ledger_lines": 1, "ledger_limit": 10,
    });
    assert_eq!(health, expected);
}

#[tokio::test]
async fn faults_read_back_can_be_set_again() {
    let twin = TestTwin::start().await;
    let faults = json!({
        "seed": 7, "opted_out": ["+15550002222"],
        "rules": [{ "account": "AC1", "from": "+1", "latency_ms": 1, "latency_jitter_ms": 2,
            "throttle": { "share": 0.1, "retry_after": 3 }, "server_error": { "share": 0.1, "status": 503 },
            "cut_after_body": { "share": 0.1 }, "cut_unaccepted": { "share": 0.1 },
            "garbage": { "share": 0.1 }, "hang": { "share": 0.1, "ms": 5 } }],
    });
    twin.set_faults(faults).await;
    let read = twin.control(Method::GET, "/_twin/faults", "").await.json();
    assert_eq!(read["rules"][0]["garbage"]["accepted"], true);
    twin.set_faults(read.clone()).await;
    assert_eq!(twin.control(Method::GET, "/_twin/faults", "").await.json(), read);

    twin.set_faults(json!({})).await;
    assert_eq!(twin.control(Method::GET, "/_twin/faults", "").await.json()["rules"], json!([]));
}

#[tokio::test]
async fn faults_that_make_no_sense_change_nothing_and_are_explained() {
    let twin = TestTwin::start().await;
    twin.set_faults(json!({ "seed": 5 })).await;
    for bad in ["", "[1]", r#"{"refuze":true}"#, r#"{"rules":[{"throttle":{"share":-1}}]}"#] {
        let refused = twin.control(Method::PUT, "/_twin/faults", bad).await;
        assert_eq!(refused.status, StatusCode::BAD_REQUEST, "{bad}");
        let sentence = refused.json()["error"].as_str().unwrap().to_owned();
        assert!(sentence.starts_with("the faults are unchanged: "), "{sentence}");
    }
    assert_eq!(twin.control(Method::GET, "/_twin/faults", "").await.json()["seed"], 5);
}

#[tokio::test]
async fn a_ledger_page_that_makes_no_sense_is_explained() {
    let twin = TestTwin::start().await;
    for bad in ["after=x", "limit=0", "limit=100001", "before=1"] {
        let refused = twin.control(Method::GET, &format!("/_twin/ledger?{bad}"), "").await;
        assert_eq!(refused.status, StatusCode::BAD_REQUEST, "{bad}");
        assert!(refused.json()["error"].is_string());
    }
}

#[tokio::test]
async fn other_paths_say_what_there_is() {
    let twin = TestTwin::start().await;
    for addr in [twin.twin.addr(), twin.twin.control_addr()] {
        let answer = reply(twin.client.get(format!("http://{addr}/v3/messages"))).await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND);
        assert!(answer.json()["error"].as_str().unwrap().contains("/_twin/health"));
    }
}

#[tokio::test]
async fn a_stopped_twin_listens_no_more_and_is_let_go() {
    let twin = TestTwin::start().await;
    twin.send("hi").await;
    let (addr, control) = (twin.twin.addr(), twin.twin.control_addr());
    let ledger = std::sync::Arc::downgrade(&twin.twin.twin);
    twin.twin.stop().await;
    for closed in [addr, control] {
        assert_eq!(TcpStream::connect(closed).await.unwrap_err().kind(), ErrorKind::ConnectionRefused);
    }
    let gone = async {
        while ledger.strong_count() > 0 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(super::PATIENCE, gone).await.expect("something still holds the stopped twin");
}

#[tokio::test]
async fn an_address_in_use_stops_the_start() {
    let twin = TestTwin::start().await;
    let error = start(twin.twin.addr(), TwinOptions::default()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::AddrInUse);
}

#[test]
fn the_control_port_is_the_next_one_unless_any_will_do() {
    let beside = |text: &str| crate::twin::control_beside(text.parse().unwrap()).to_string();
    assert_eq!(beside("0.0.0.0:4010"), "0.0.0.0:4011");
    assert_eq!(beside("127.0.0.1:0"), "127.0.0.1:0");
    assert_eq!(beside("127.0.0.1:65535"), "127.0.0.1:0");
}
