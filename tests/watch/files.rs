//! The committed dashboards and rules, as a test reads them.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::clients::demo::skip;

/// The root of the repository.
pub(super) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).to_owned()
}

pub(super) fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// Every dashboard with its file's name.
pub(super) fn dashboards() -> Vec<(String, Value)> {
    let mut files: Vec<PathBuf> =
        fs::read_dir(root().join("grafana/dashboards")).unwrap().map(|file| file.unwrap().path()).collect();
    files.sort();
    let boards = files.into_iter().map(|file| {
        let text = fs::read_to_string(&file).unwrap();
        let name = file.file_stem().unwrap().to_str().unwrap().to_owned();
        (name.clone(), serde_json::from_str(&text).unwrap_or_else(|error| panic!("{name}: {error}")))
    });
    boards.collect()
}

/// The panels of a dashboard that show something.
pub(super) fn panels(board: &Value) -> Vec<Value> {
    let panels = board["panels"].as_array().unwrap();
    panels.iter().filter(|panel| panel["type"] != "row").cloned().collect()
}

/// The expressions of a panel.
pub(super) fn expressions(panel: &Value) -> Vec<String> {
    let targets = panel["targets"].as_array().unwrap();
    targets.iter().map(|target| target["expr"].as_str().unwrap().to_owned()).collect()
}

/// The names of all alerts.
pub(super) fn alerts() -> Vec<String> {
    let rules = read("grafana/prometheus/rules.yml");
    let names = rules.lines().filter_map(|line| line.trim().strip_prefix("- alert: "));
    names.map(str::to_owned).collect()
}

/// Every word of an expression or of rules that is, or looks like, a metric of ours or of the process.
pub(super) fn metrics_in(text: &str) -> BTreeSet<String> {
    let words = text.split(|letter: char| !(letter.is_ascii_alphanumeric() || letter == '_'));
    let ours = words.filter(|word| word.starts_with("sendyard_") || word.starts_with("process_"));
    ours.map(str::to_owned).collect()
}

/// Is this program here? Says that the test is skipped if not.
pub(super) fn is_here(program: &str, what: &str, package: &str) -> bool {
    let found = Command::new(program).arg("--version").output().is_ok();
    if !found {
        skip(&format!("{what}: there is no `{program}` here (apt-get install {package})"));
    }
    found
}
