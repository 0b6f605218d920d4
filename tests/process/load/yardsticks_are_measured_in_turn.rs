//! A yardstick gives a ratio for each round and their median; of refusals there is none.

use serde_json::{Value, json};

use super::{load, names, twin_url};
use crate::process::yard::{Setup, Yard};

const FIELDS: [&str; 7] =
    ["connections", "p99_ratio", "per_second", "ratio", "rounds", "senders", "yardstick"];
const ROUND: [&str; 6] =
    ["p99_ratio", "p99_us", "per_second", "ratio", "yardstick_p99_us", "yardstick_per_second"];

fn assert_shape(report: &Value, rounds: usize) {
    assert_eq!(names(report), FIELDS);
    assert_eq!(report["rounds"].as_array().unwrap().len(), rounds);
    for round in report["rounds"].as_array().unwrap() {
        assert_eq!(names(round), ROUND);
        let figures =
            ["yardstick_per_second", "per_second", "ratio"].map(|name| round[name].as_f64().unwrap());
        assert!(figures.iter().all(|figure| *figure > 0.0), "{round}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn acceptance_beside_a_bare_endpoint() {
    let setup = Setup::of_numbers(2, &[]);
    let yard = Yard::start(&setup).await;
    let round = ["--connections", "2", "--messages", "40", "--rounds", "3"];
    let ended = load(&yard, &setup, &[&["--yardstick", "accept"], &round[..], &["--json"]].concat());
    let report = ended.json();
    assert_shape(&report, 3);
    let said = [&report["yardstick"], &report["connections"], &report["senders"]];
    assert_eq!(said, [&json!("accept"), &json!(2), &json!(2)]);
    assert!(report["p99_ratio"].as_f64().unwrap() > 0.0, "{report}");
    assert_eq!(ended.code, Some(0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hand_over_beside_a_bare_loop() {
    let setup = Setup::of_numbers(2, &[]);
    let yard = Yard::start(&setup).await;
    let twin = twin_url(&yard);
    let round = ["--messages", "40", "--rounds", "2", "--twin", &twin];
    let ended = load(&yard, &setup, &[&["--yardstick", "hand-over"], &round[..], &["--json"]].concat());
    let report = ended.json();
    assert_shape(&report, 2);
    assert_eq!((&report["yardstick"], &report["p99_ratio"]), (&json!("hand-over"), &Value::Null));
    // Each round through both.
    assert_eq!(yard.twin.count().await, 160);
    assert_eq!(ended.code, Some(0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_refuses_has_no_ratio() {
    let setup = Setup { engine: vec![("queue_limit", "5")], ..Setup::of_numbers(1, &["1/10min"]) };
    let yard = Yard::start(&setup).await;
    let round = ["--yardstick", "accept", "--messages", "40"];
    let ended = load(&yard, &setup, &round);
    assert!(ended.stderr.contains("queue_full"), "{}", ended.stderr);
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(1), ""));
}
