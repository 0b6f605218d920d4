//! What the twin accepted since the start is put beside what the service said it took.

use serde_json::{Value, json};

use super::{load, twin_url};
use crate::process::yard::{PATIENCE, Setup, Yard, eventually};

fn without_time(report: &Value) -> Value {
    let mut twin = report["twin"].clone();
    twin.as_object_mut().unwrap().remove("waited_us").unwrap();
    twin
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hand_overs_agree_with_the_answers_whatever_was_in_the_ledger() {
    let setup = Setup::of_numbers(2, &[]);
    let yard = Yard::start(&setup).await;
    let twin = twin_url(&yard);
    // The last after the ledger was emptied, whose numbers go on.
    for (messages, before) in [("30", 0), ("1200", 30), ("40", 0)] {
        if messages == "40" {
            let emptied = reqwest::Client::new().delete(format!("{twin}/_twin/ledger")).send().await.unwrap();
            assert!(emptied.status().is_success());
        }
        assert_eq!(yard.twin.count().await, before);
        let ended = load(&yard, &setup, &["--messages", messages, "--twin", &twin, "--json"]);
        let count: u64 = messages.parse().unwrap();
        let expected =
            json!({ "accepted": count, "doubtful": 0, "hand_overs": count, "refused": 0, "agree": true });
        assert_eq!(without_time(&ended.json()), expected);
        assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn messages_that_wait_longer_than_allowed_are_said() {
    let setup = Setup::of_numbers(1, &["1/10min"]);
    let yard = Yard::start(&setup).await;
    let twin = twin_url(&yard);
    let first = yard.api.send(&setup.numbers[0].number, "+15550200000", "first", true, None).await.unwrap();
    assert_eq!(first.status, 200);
    eventually("the window is used up", PATIENCE, async || (yard.twin.count().await == 1).then_some(()))
        .await;
    let ended = load(&yard, &setup, &["--messages", "3", "--twin", &twin, "--settle", "50ms"]);
    assert!(ended.stdout.contains("accepted 3, handed over 0: they do not agree"), "{}", ended.stdout);
    assert!(ended.stdout.contains("wait longer with --settle"), "{}", ended.stdout);
    assert_eq!(ended.code, Some(1));
}

/// An answer that the twin did not let out: it may be sent, and nobody knows. One alone: after a first trouble an account
/// has one place, and another message might find it taken.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_of_unknown_outcome_is_no_disagreement() {
    let setup = Setup::of_numbers(1, &[]);
    let yard = Yard::start(&setup).await;
    yard.twin.set_faults(&json!({ "rules": [{ "cut_after_body": { "share": 1 } }] })).await;
    let twin = twin_url(&yard);
    let ended = load(&yard, &setup, &["--messages", "1", "--immediate", "1", "--twin", &twin, "--json"]);
    let report = ended.json();
    let expected = json!({ "accepted": 0, "doubtful": 1, "hand_overs": 1, "refused": 0, "agree": true });
    assert_eq!(without_time(&report), expected, "{report}");
    assert_eq!(report["answers"][0]["code"], "outcome_unknown");
    assert_eq!(ended.code, Some(1), "they are not what was expected");
}
