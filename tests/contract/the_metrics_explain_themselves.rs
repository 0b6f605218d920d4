use std::collections::HashSet;

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
