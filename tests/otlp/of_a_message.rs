//! One message, one trace.

use std::collections::HashSet;

use serde_json::{Value, json};
use tokio::net::TcpSocket;

use crate::process::on_redis::server::Redis;
use crate::process::yard::{Api, Child, KEY, PATIENCE, Setup, Yard, eventually, kept_port};
use crate::receiver::{Receiver, Span};

const TEXT: &str = "MARKEDTEXT";
const TO: &str = "+15559870001";

/// The client's own trace, in the W3C's header.
const CLIENTS_TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
const TRACEPARENT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

struct Process {
    api: Api,
    base: String,
    child: Child,
    _port: TcpSocket,
}

/// Sends its traces at its end, and not before.
fn start(yard: &Yard, redis: &Redis, receiver: &Receiver, name: &str) -> Process {
    let (addr, port) = kept_port();
    let mut command = yard.serve();
    command
        .env("SENDYARD__STORE__URL", redis.url())
        .env("SENDYARD__HTTP__LISTEN", addr.to_string())
        .env("OTEL_EXPORTER_OTLP_ENDPOINT", receiver.url())
        .env("OTEL_BSP_SCHEDULE_DELAY", "600000");
    let child = Child::start("a process of the service", &mut command, yard.home().join(name));
    Process { api: Api::at(addr), base: format!("http://{addr}"), child, _port: port }
}

async fn start_both(yard: &Yard, redis: &Redis, receiver: &Receiver, names: [&str; 2]) -> [Process; 2] {
    let both = names.map(|name| start(yard, redis, receiver, name));
    eventually("each has half of the shards", PATIENCE, async || {
        for process in &both {
            let metrics = process.api.metrics().await.ok()?;
            metrics.lines().find(|line| *line == r#"sendyard_shards{state="owned"} 128"#)?;
        }
        Some(())
    })
    .await;
    both
}

async fn end(processes: [Process; 2]) {
    for process in processes {
        process.child.terminate();
        assert_eq!(process.child.ended(PATIENCE).await.code(), Some(0));
    }
}

async fn send(process: &Process, from: &str, queue: bool, request: &str) -> String {
    let body = json!({ "from_phone_number": from, "to_phone_number": TO, "message": TEXT, "queue": queue });
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let answer = http
        .post(format!("{}/sms/send", process.base))
        .bearer_auth(KEY)
        .header("X-Request-Id", request)
        .header("traceparent", TRACEPARENT)
        .body(body.to_string());
    let answer = answer.send().await.unwrap().bytes().await.unwrap();
    let answer: Value = serde_json::from_slice(&answer).unwrap();
    answer["message_id"].as_str().unwrap_or_else(|| panic!("{answer}")).to_owned()
}

async fn is_sent(process: &Process, id: &str) {
    eventually("it is sent", PATIENCE, async || {
        (process.api.status(id).await.body["status"] == "sent").then_some(())
    })
    .await;
}

/// All spans of a message: its acceptance, and its hand-overs in their order.
fn trace_of(spans: &[Span], id: &str) -> (Span, Vec<Span>) {
    let trace = id.replace('-', "");
    let (accepts, mut hand_overs): (Vec<Span>, Vec<Span>) =
        spans.iter().filter(|span| span.trace == trace).cloned().partition(|span| span.name == "accept");
    let [accept] = &accepts[..] else { panic!("{id}: {accepts:?}") };
    assert_eq!(accept.parent, "", "{accept:?}");
    assert_eq!(accept.links, [CLIENTS_TRACE], "{accept:?}");
    assert!(accept.ends >= accept.begins);
    hand_overs.sort_by_key(|span| span.begins);
    for hand_over in &hand_overs {
        assert_eq!((hand_over.name.as_str(), &hand_over.parent), ("hand over", &accept.id), "{hand_over:?}");
        assert!(hand_over.ends >= hand_over.begins, "{hand_over:?}");
    }
    assert!(!hand_overs.is_empty(), "{id} was handed over");
    (accept.clone(), hand_overs)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_is_one_trace_whoever_has_to_do_with_it() {
    let Some(redis) = Redis::start(&[]).await else { return };
    let receiver = Receiver::start().await;
    let setup = Setup::of_numbers(1, &[]);
    let from = setup.numbers[0].number.clone();
    let yard = Yard::build(&setup).await;

    // One of the two is not the number's: what it takes in the other hands over.
    let both = start_both(&yard, &redis, &receiver, ["0.log", "1.log"]).await;
    let mut forwarded = Vec::new();
    for (process, queue, request) in [(0, true, "q0"), (1, true, "q1"), (0, false, "i0"), (1, false, "i1")] {
        let id = send(&both[process], &from, queue, request).await;
        is_sent(&both[process], &id).await;
        forwarded.push((id, request));
    }
    // One that is refused for the moment, and still waits when both end.
    yard.twin.set_faults(&json!({ "rules": [{ "throttle": { "share": 1.0, "retry_after": 1 } }] })).await;
    let waits = send(&both[0], &from, true, "waits").await;
    eventually("it was tried", PATIENCE, async || (yard.twin.count().await >= 5).then_some(())).await;
    end(both).await;
    yard.twin.set_faults(&json!({})).await;
    let both = start_both(&yard, &redis, &receiver, ["2.log", "3.log"]).await;
    is_sent(&both[0], &waits).await;
    end(both).await;

    let spans = receiver.spans();
    let mut taken_in_by = HashSet::new();
    let mut handed_over_by = HashSet::new();
    for (id, request) in &forwarded {
        let (accept, hand_overs) = trace_of(&spans, id);
        assert_eq!(accept.texts["request_id"], *request);
        assert_eq!(hand_overs.len(), 1, "{hand_overs:?}");
        assert_eq!(hand_overs[0].texts["outcome"], "accepted");
        assert_eq!(hand_overs[0].texts["account"], "account-1");
        taken_in_by.insert(accept.instance);
        handed_over_by.insert(hand_overs[0].instance.clone());
    }
    assert_eq!(taken_in_by.len(), 2, "both took some in");
    assert_eq!(handed_over_by.len(), 1, "one handed all over");
    let (accept, hand_overs) = trace_of(&spans, &waits);
    assert!(hand_overs.len() >= 2, "{hand_overs:?}");
    let (first, last) = (&hand_overs[0], hand_overs.last().unwrap());
    assert_eq!((first.texts["outcome"].as_str(), last.texts["outcome"].as_str()), ("retry", "accepted"));
    assert_ne!(accept.instance, last.instance, "after a restart");
    assert!(spans.iter().all(|span| span.service == "sendyard"), "{spans:?}");

    let bytes = receiver.bytes();
    for secret in [TEXT, &TO[1..], &from[1..], KEY] {
        let told = bytes.windows(secret.len()).any(|window| window == secret.as_bytes());
        assert!(!told, "{secret} is in a trace");
    }
}
