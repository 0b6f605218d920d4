//! The examples of the README and of the two pages that it begins with, run as printed; only the demo's port is
//! another one.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;

use sendyard::config::{Config, Environment};
use tempfile::TempDir;

use crate::clients::demo::{Demo, finish, skip};

const README: &str = include_str!("../README.md");
const USING: &str = include_str!("../docs/USING.md");
const SETUP: &str = include_str!("../docs/SETUP.md");

/// A fenced block of code.
struct Block {
    language: &'static str,
    code: String,
}

fn blocks() -> Vec<Block> {
    let mut blocks = Vec::new();
    let mut open: Option<Block> = None;
    for line in [README, USING, SETUP].into_iter().flat_map(str::lines) {
        match (line.strip_prefix("```"), open.take()) {
            (Some(language), None) => open = Some(Block { language, code: String::new() }),
            (Some(_), Some(block)) => blocks.push(block),
            (None, Some(mut block)) => {
                block.code.push_str(line);
                block.code.push('\n');
                open = Some(block);
            }
            (None, None) => {}
        }
    }
    assert!(open.is_none(), "a block without its end");
    blocks
}

fn blocks_in(language: &str) -> impl Iterator<Item = String> {
    blocks().into_iter().filter(move |block| block.language == language).map(|block| block.code)
}

fn is_installed(program: &str) -> bool {
    Command::new(program).arg("--version").output().is_ok_and(|output| output.status.success())
}

/// Runs each block of a language that talks to the demo, in a file of its own.
fn run_examples(language: &str, needs: &str, interpreter: &str, file_name: &str) {
    let examples: Vec<String> = blocks_in(language).filter(|code| code.contains("127.0.0.1:8080")).collect();
    assert!(!examples.is_empty(), "no example in {language}");
    if !is_installed(needs) {
        skip(&format!("{} example(s) in {language}: there is no `{needs}` here", examples.len()));
        return;
    }
    let demo = Demo::start();
    let directory = TempDir::new().unwrap();
    for example in examples {
        let file = directory.path().join(file_name);
        fs::write(&file, example.replace("127.0.0.1:8080", demo.address())).unwrap();
        let printed = finish(Command::new(interpreter).arg(&file));
        let answer: serde_json::Value = serde_json::from_str(&printed).unwrap();
        // Of one message it says so; of many it counts them.
        assert!(answer.get("success").is_none_or(|success| *success == true), "{printed}");
        assert!(
            answer.get("code").is_none() && answer.get("refused").is_none_or(|refused| *refused == 0),
            "{printed}"
        );
    }
}

#[test]
fn the_curl_examples_work() {
    run_examples("sh", "curl", "sh", "example.sh");
}

#[test]
fn the_python_examples_work() {
    run_examples("python", "python3", "python3", "example.py");
}

#[test]
fn the_node_examples_work() {
    run_examples("js", "node", "node", "example.mjs");
}

#[test]
fn the_php_examples_work() {
    run_examples("php", "php", "php", "example.php");
}

/// The commands are the README's own; whoever runs this runs the second.
#[test]
fn the_two_commands_are_there() {
    let commands: Vec<String> = blocks_in("sh").filter(|code| code.starts_with("cargo ")).collect();
    assert_eq!(commands, ["cargo run -- demo\n", "cargo test --workspace\n"]);
}

#[test]
fn the_configuration_examples_are_good() {
    let directory = TempDir::new().unwrap();
    let mut checked = BTreeMap::new();
    for code in blocks_in("toml") {
        if code.contains("[[organizations]]") {
            let file = directory.path().join("directory.toml");
            fs::write(&file, code).unwrap();
            let mut check = Command::new(env!("CARGO_BIN_EXE_sendyard"));
            check.args(["directory", "check"]).arg(&file);
            let printed = finish(check.env("ACME_API_KEY", "a-key").env("TWILIO_AUTH_TOKEN", "a-token"));
            assert!(printed.contains("is good"), "{printed}");
            *checked.entry("directory").or_insert(0) += 1;
        } else {
            let file = (Path::new("sendyard.toml"), code.as_str());
            Config::from_layers(Some(file), &Environment::default()).unwrap();
            *checked.entry("settings").or_insert(0) += 1;
        }
    }
    assert_eq!(checked, BTreeMap::from([("directory", 1), ("settings", 1)]));
}

/// The printed answer is what the API answers: the same fields in the same order.
#[test]
fn the_printed_answer_has_the_fields_of_a_real_one() {
    let printed: Vec<String> = blocks_in("json").collect();
    let [printed] = printed.as_slice() else { panic!("{} answers are printed", printed.len()) };
    if !is_installed("curl") {
        skip("the README's printed answer: there is no `curl` here");
        return;
    }
    let demo = Demo::start();
    let example = blocks_in("sh").find(|code| code.starts_with("curl")).unwrap();
    let real = finish(Command::new("sh").args(["-c", &example.replace("127.0.0.1:8080", demo.address())]));
    assert_eq!(fields(printed), fields(&real));
}

fn fields(json: &str) -> Vec<String> {
    let body: serde_json::Map<String, serde_json::Value> = serde_json::from_str(json).unwrap();
    body.keys().cloned().collect()
}

#[test]
fn the_links_lead_somewhere() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let links: Vec<&str> = README.split("](").skip(1).filter_map(|rest| rest.split(')').next()).collect();
    assert!(!links.is_empty());
    for link in links {
        let (page, part) = link.split_once('#').unwrap_or((link, ""));
        let text = fs::read_to_string(root.join(page)).unwrap_or_else(|error| panic!("{link}: {error}"));
        let heading =
            |line: &str| line.starts_with('#') && line.to_lowercase().ends_with(&format!(" {part}"));
        assert!(part.is_empty() || text.lines().any(heading), "{link}");
    }
}
