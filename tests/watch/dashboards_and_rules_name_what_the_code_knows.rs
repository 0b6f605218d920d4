//! Dashboards and rules are held to the code, and to what Grafana and Prometheus want of them.

use std::collections::BTreeSet;
use std::process::Command;

use sendyard_actors::telemetry::{Kind, METRICS};
use serde_json::Value;

use super::files::{self, dashboards, expressions, metrics_in, panels, read};

/// The data source's uid, in its provisioning file and in every dashboard.
const SOURCE: &str = "sendyard-prometheus";

/// Of the crate `metrics-process`.
const OF_THE_PROCESS: [&str; 8] = [
    "process_cpu_seconds_total",
    "process_open_fds",
    "process_max_fds",
    "process_virtual_memory_bytes",
    "process_virtual_memory_max_bytes",
    "process_resident_memory_bytes",
    "process_start_time_seconds",
    "process_threads",
];

/// The names that a scrape can have.
fn known() -> BTreeSet<String> {
    let mut known: BTreeSet<String> = OF_THE_PROCESS.into_iter().map(str::to_owned).collect();
    for metric in METRICS {
        match metric.kind {
            Kind::Counter | Kind::Gauge => {
                known.insert(metric.name.to_owned());
            }
            Kind::Histogram(_) => {
                known.extend(["_bucket", "_sum", "_count"].map(|end| format!("{}{end}", metric.name)));
            }
        }
    }
    known
}

#[test]
fn every_metric_that_is_named_exists_and_every_one_that_exists_is_shown() {
    let known = known();
    let mut shown = BTreeSet::new();
    for (name, board) in dashboards() {
        for panel in panels(&board) {
            for expression in expressions(&panel) {
                let named = metrics_in(&expression);
                let strange: Vec<_> = named.difference(&known).collect();
                assert!(strange.is_empty(), "{name}, {}: {strange:?}", panel["title"]);
                shown.extend(named);
            }
        }
        let variables = metrics_in(&board["templating"].to_string());
        assert!(variables.is_subset(&known), "{name}: {variables:?}");
    }
    for file in ["rules.yml", "rules_test.yml"] {
        let strange: Vec<_> =
            metrics_in(&read(&format!("grafana/prometheus/{file}"))).difference(&known).cloned().collect();
        assert!(strange.is_empty(), "{file}: {strange:?}");
    }
    let unseen: Vec<_> = METRICS
        .iter()
        .map(|metric| metric.name)
        .filter(|name| !shown.iter().any(|shown| shown.starts_with(name)))
        .collect();
    assert!(unseen.is_empty(), "on no dashboard: {unseen:?}");
}

#[test]
fn every_panel_says_what_to_do_and_has_thresholds_and_a_source() {
    let boards = dashboards();
    assert_eq!(boards.len(), 3);
    let uids: BTreeSet<_> = boards.iter().map(|(_, board)| board["uid"].to_string()).collect();
    assert_eq!(uids.len(), boards.len(), "{uids:?}");
    for (name, board) in boards {
        let variables = board["templating"]["list"].as_array().unwrap();
        let names: Vec<_> = variables.iter().map(|variable| variable["name"].as_str().unwrap()).collect();
        assert_eq!(names, ["provider", "account"], "{name}");
        let mut ids = BTreeSet::new();
        for panel in board["panels"].as_array().unwrap() {
            assert!(ids.insert(panel["id"].as_u64().unwrap()), "{name}: an id twice");
            let place = &panel["gridPos"];
            assert!(place["x"].as_u64().unwrap() + place["w"].as_u64().unwrap() <= 24, "{name}: {panel}");
        }
        for panel in panels(&board) {
            let title = panel["title"].as_str().unwrap();
            let description = panel["description"].as_str().unwrap_or_default();
            assert!(description.len() > 40, "{name}, {title}: what is to be done when it looks bad?");
            assert!(["stat", "timeseries"].contains(&panel["type"].as_str().unwrap()), "{name}, {title}");
            let steps = panel["fieldConfig"]["defaults"]["thresholds"]["steps"].as_array().unwrap();
            // The first has no bound, as Grafana wants it.
            assert!(!steps.is_empty() && steps[0]["value"].is_null(), "{name}, {title}: {steps:?}");
            assert_eq!(panel["datasource"]["uid"], SOURCE, "{name}, {title}");
            for target in panel["targets"].as_array().unwrap() {
                assert_eq!(target["datasource"]["uid"], SOURCE, "{name}, {title}");
                assert!(target["refId"].is_string(), "{name}, {title}");
            }
        }
    }
    assert!(read("grafana/provisioning/datasources/sendyard.yml").contains(&format!("uid: {SOURCE}\n")));
}

#[test]
fn every_alert_has_its_runbook_and_both_of_its_tests() {
    let (rules, tests) = (read("grafana/prometheus/rules.yml"), read("grafana/prometheus/rules_test.yml"));
    let operations = read("docs/OPERATIONS.md");
    let alerts = files::alerts();
    assert!(alerts.len() >= 8);
    for alert in alerts {
        let link = format!("docs/OPERATIONS.md#{}", alert.to_lowercase());
        assert!(rules.contains(&format!("runbook_url: {link}\n")), "{alert} names no runbook");
        assert!(operations.lines().any(|line| line == format!("### {alert}")), "{alert} has no runbook");
        let expected: Vec<_> = tests
            .split(&format!("alertname: {alert}\n"))
            .skip(1)
            .map(|rest| rest.trim_start().lines().next().unwrap())
            .collect();
        assert_eq!(
            expected,
            ["exp_alerts:", "exp_alerts: []"],
            "{alert}: one test that it fires, one that not"
        );
    }
}

#[test]
fn promtool_has_nothing_against_rules_and_configuration_and_their_tests_pass() {
    if !files::is_here("promtool", "checks of the alerts", "prometheus") {
        return;
    }
    let here = files::root().join("grafana/prometheus");
    for words in [
        ["check", "rules", "rules.yml"],
        ["check", "config", "prometheus.yml"],
        ["test", "rules", "rules_test.yml"],
    ] {
        let output = Command::new("promtool").args(words).current_dir(&here).output().unwrap();
        let said = [output.stdout, output.stderr].concat();
        assert!(output.status.success(), "{words:?}: {}", String::from_utf8_lossy(&said));
    }
}

/// What Grafana's file provisioning reads: a list of providers with a path that docker-compose.yml mounts.
#[test]
fn the_provisioning_names_what_compose_mounts() {
    let compose = read("docker-compose.yml");
    let dashboards = read("grafana/provisioning/dashboards/sendyard.yml");
    let path = dashboards.lines().find_map(|line| line.trim().strip_prefix("path: ")).unwrap();
    assert!(compose.contains(&format!("./grafana/dashboards:{path}:ro")), "{path}");
    assert!(compose.contains("./grafana/provisioning:/etc/grafana/provisioning:ro"));
    let _: Value = serde_json::from_str(&read("grafana/dashboards/traffic.json")).unwrap();
}
