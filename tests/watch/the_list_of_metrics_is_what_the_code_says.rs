use std::collections::BTreeSet;
use std::io::Write;
use std::process::{Command, Stdio};

use sendyard_actors::telemetry::{self, METRICS};
use serde_json::json;

use super::files;
use crate::process::yard::{Setup, Yard};

/// `sendyard metrics > docs/METRICS.md` was run after the last change.
#[test]
fn the_list_of_metrics_is_what_the_code_says() {
    assert!(
        files::read("docs/METRICS.md") == telemetry::document(),
        "docs/METRICS.md is old: cargo run -- metrics > docs/METRICS.md"
    );
}

/// A real scrape has what the list says, with those labels and values and no others.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_scrape_has_what_the_list_says_and_promtool_likes_it() {
    let yard = Yard::start(&Setup::of_numbers(2, &[])).await;
    yard.twin.set_faults(&json!({ "rules": [{ "cut_after_body": { "share": 0.5 } }] })).await;
    for (index, queued) in [true, false, true, false].into_iter().enumerate() {
        let (from, to) = (format!("+1555010{:04}", index % 2), format!("+1555020{index:04}"));
        yard.api.send(&from, &to, "hello", queued, None).await.unwrap();
    }
    let page = yard.api.text("/metrics").await;
    for line in page.lines().filter(|line| line.starts_with("sendyard_")) {
        let (series, _) = line.rsplit_once(' ').unwrap();
        let (name, labels) = series.split_once('{').unwrap_or((series, ""));
        let metric = METRICS.iter().find(|metric| {
            ["", "_bucket", "_sum", "_count"].iter().any(|end| name == format!("{}{end}", metric.name))
        });
        let metric = metric.unwrap_or_else(|| panic!("not in the list: {line}"));
        let pairs = labels.trim_end_matches('}').split(',').filter(|pair| !pair.is_empty());
        let mut names = BTreeSet::new();
        for pair in pairs {
            let (label, value) = pair.split_once('=').unwrap();
            let value = value.trim_matches('"');
            if label == "le" {
                continue;
            }
            names.insert(label);
            let known = metric.labels.iter().find(|known| known.name == label).expect(line);
            assert!(known.values.is_empty() || known.values.contains(&value), "a new value: {line}");
        }
        let expected: BTreeSet<_> = metric.labels.iter().map(|label| label.name).collect();
        assert_eq!(names, expected, "{line}");
    }
    for metric in METRICS {
        assert!(
            page.contains(&format!("# HELP {} ", metric.name)) || is_rare(metric.name),
            "{}",
            metric.name
        );
    }
    promtool_likes(&page);
}

/// There only once it has happened, or only with an embedded store after a while.
fn is_rare(name: &str) -> bool {
    ["sendyard_api_errors_total", "sendyard_mailbox_wait_seconds", "sendyard_store_disk_free_bytes"]
        .contains(&name)
}

fn promtool_likes(page: &str) {
    if !files::is_here("promtool", "promtool check metrics", "prometheus") {
        return;
    }
    let mut promtool = Command::new("promtool");
    promtool.args(["check", "metrics"]).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = promtool.spawn().unwrap();
    child.stdin.take().unwrap().write_all(page.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    assert!(output.status.success() && said.is_empty(), "{said}");
}
