use std::collections::HashSet;
use std::time::Duration;

use reqwest::Method;

use super::front::{Front, message};

/// Every metric of ours has a help text, also the histograms, and no label holds a phone number.
#[tokio::test]
async fn the_metrics_explain_themselves() {
    let front = Front::start().await;
    let sent = front.send(&message("hello")).await.expect(200);
    front.until(&sent.message_id(), "sent").await;

    let page = front.request(Method::GET, "/metrics").send().await.unwrap().text().await.unwrap();
    let named = |start: &str| -> HashSet<String> {
        let lines = page.lines().filter_map(|line| line.strip_prefix(start));
        lines.filter_map(|line| line.split_whitespace().next()).map(str::to_owned).collect()
    };
    let (explained, typed) = (named("# HELP "), named("# TYPE "));
    assert!(typed.contains("sendyard_messages_accepted_total"), "{page}");
    assert!(typed.contains("sendyard_store_step_seconds"), "{page}");
    let silent: Vec<&String> = typed.difference(&explained).collect();
    assert!(silent.is_empty(), "without a help text: {silent:?}");
    assert!(!page.contains("+1234567890") && !page.contains("=\"1234567890"), "a number in a label");
}

/// What is in flight is none again once nothing is.
#[tokio::test]
async fn the_attempts_in_flight_are_none_when_all_have_ended() {
    let front = Front::start().await;
    let sent = front.send(&message("hello")).await.expect(200);
    front.until(&sent.message_id(), "sent").await;
    let none_left = async {
        loop {
            let page = front.request(Method::GET, "/metrics").send().await.unwrap().text().await.unwrap();
            let line = page.lines().find(|line| line.starts_with("sendyard_attempts_in_flight{"));
            if line.is_some_and(|line| line.ends_with(" 0")) {
                return;
            }
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), none_left)
        .await
        .expect("a place that came back is told of");
}
