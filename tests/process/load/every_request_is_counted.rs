//! The counts are those of the mix, the JSON has the promised names, and the exit code says whether
//! all was as expected.

use serde_json::{Value, json};

use super::{load, names};
use crate::process::yard::{Setup, Yard};

const FIELDS: [&str; 17] = [
    "accepted",
    "answers",
    "answers_per_second",
    "connections",
    "doubtful",
    "elapsed_us",
    "errors",
    "latency_from",
    "latency_otherwise_us",
    "latency_us",
    "lateness_us",
    "loop",
    "ok",
    "outstanding_limit",
    "rate_per_second",
    "requests",
    "twin",
];

fn assert_rising(latency: &Value, count: u64) {
    assert_eq!(names(latency), ["count", "max", "p50", "p90", "p99", "p99_9"]);
    assert_eq!(latency["count"], count);
    let values = ["p50", "p90", "p99", "p99_9", "max"].map(|name| latency[name].as_u64().unwrap());
    assert!(values.is_sorted() && values[0] > 0, "{values:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_closed_loop_sends_the_mix_that_was_asked_for() {
    let setup = Setup::of_numbers(4, &[]);
    let yard = Yard::start(&setup).await;
    let mix = ["--queued", "8", "--immediate", "1", "--keyed", "1"];
    // One connection: what is to be repeated was answered before.
    let ended =
        load(&yard, &setup, &[&mix[..], &["--connections", "1", "--messages", "200", "--json"]].concat());
    let report = ended.json();
    assert_eq!(names(&report), FIELDS);
    let requests = json!({ "sent": 200, "as_expected": 200, "unexpected": 0, "wrong": 0, "not_sent": 0 });
    assert_eq!(report["requests"], requests);
    assert_eq!((&report["accepted"], &report["doubtful"]), (&json!(195), &json!(0)));
    assert_eq!(report["answers"], json!([{ "status": 200, "code": null, "count": 200, "detail": null }]));
    assert_eq!(report["errors"], json!({ "connect": 0, "timeout": 0, "cut": 0, "too_long": 0 }));
    assert_eq!(names(&report["latency_us"]), ["immediate", "keyed", "queued", "replay"]);
    for (kind, count) in [("queued", 160), ("immediate", 20), ("keyed", 15), ("replay", 5)] {
        assert_rising(&report["latency_us"][kind], count);
    }
    let nothing = ["latency_otherwise_us", "lateness_us", "rate_per_second", "outstanding_limit", "twin"];
    assert!(nothing.iter().all(|name| report[name].is_null()), "{report}");
    let said = [&report["loop"], &report["connections"], &report["latency_from"], &report["ok"]];
    assert_eq!(said, [&json!("closed"), &json!(1), &json!("sent"), &json!(true)]);
    assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_open_loop_measures_from_the_scheduled_instants() {
    let setup = Setup::of_numbers(2, &[]);
    let yard = Yard::start(&setup).await;
    let ended = load(&yard, &setup, &["--rate", "500/s", "--messages", "100", "--json"]);
    let report = ended.json();
    assert_eq!(names(&report), FIELDS);
    assert_eq!((&report["requests"]["sent"], &report["requests"]["as_expected"]), (&json!(100), &json!(100)));
    let said =
        [&report["loop"], &report["rate_per_second"], &report["outstanding_limit"], &report["latency_from"]];
    assert_eq!(said, [&json!("open"), &json!(500.0), &json!(1000), &json!("scheduled")]);
    assert_eq!(report["lateness_us"]["count"], 100);
    assert_rising(&report["latency_us"]["queued"], 100);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_bound_of_an_open_loop_refuses_is_not_sent_and_counted() {
    let setup = Setup::of_numbers(1, &[]);
    let yard = Yard::start(&setup).await;
    yard.twin.set_faults(&json!({ "rules": [{ "latency_ms": 2000 }] })).await;
    let schedule = ["--rate", "1000/s", "--messages", "20", "--outstanding", "2", "--immediate", "1"];
    let ended = load(&yard, &setup, &[&schedule[..], &["--json"]].concat());
    let requests = &ended.json()["requests"];
    let count = |name: &str| requests[name].as_u64().unwrap();
    assert!(count("sent") >= 2 && count("not_sent") > 0, "{requests}");
    assert_eq!(count("sent") + count("not_sent"), 20);
    assert_eq!(yard.twin.count().await, count("sent"));
    assert_eq!((ended.json()["ok"].as_bool(), ended.code), (Some(false), Some(1)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn people_get_a_table() {
    let setup = Setup::of_numbers(1, &[]);
    let yard = Yard::start(&setup).await;
    let ended = load(&yard, &setup, &["--messages", "20", "--connections", "2", "--text-length", "300"]);
    for part in ["20 requests in", "closed loop, 2 connections", "as expected 20", "p99.9", "queued"] {
        assert!(ended.stdout.contains(part), "{part}: {}", ended.stdout);
    }
    assert_eq!(ended.code, Some(0));
}
