//! The description before strangers: a validator, a generator of requests, a generator of clients.

use std::fs;
use std::path::Path;
use std::process::Command;

use tempfile::TempDir;

use super::demo::{Demo, finish, skip};

/// The same requests each time, unless another number is given.
const SEED: &str = "SENDYARD_SEED";

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

/// Says so and is false where Python or the package is missing.
fn can_import(package: &str, wanted_for: &str) -> bool {
    let importing = Command::new("python3").args(["-c", &format!("import {package}")]).output();
    let can = importing.is_ok_and(|importing| importing.status.success());
    if !can {
        skip(&format!("{wanted_for}: python3 has no package `{package}`"));
    }
    can
}

#[test]
fn an_independent_validator_accepts_it_and_its_examples() {
    if !can_import("openapi_spec_validator", "the validation of docs/openapi.json") {
        return;
    }
    let script = format!("{ROOT}/tests/clients/openapi_check.py");
    let description = format!("{ROOT}/docs/openapi.json");
    let printed = finish(Command::new("python3").args([script, description]));
    assert!(printed.starts_with("valid, with "), "{printed}");
}

#[test]
fn the_running_engine_holds_to_it_under_generated_requests() {
    if !can_import("schemathesis", "generated requests against docs/openapi.json") {
        return;
    }
    let demo = Demo::start();
    let seed = std::env::var(SEED).unwrap_or_else(|_| "1".to_owned());
    // Named before the run, so that it is known also if the run does not end.
    eprintln!("generated requests: {SEED}={seed}");
    let home = TempDir::new().unwrap();
    let mut schemathesis = Command::new("python3");
    schemathesis
        .args(["-m", "schemathesis.cli", "run", &format!("{}/openapi.json", demo.url())])
        .args(["--header", "Authorization: Bearer sendyard-demo"])
        .args(["--phases", "examples,coverage,fuzzing", "--max-examples", "20", "--seed", &seed])
        .args(["--checks", "all", "--exclude-checks", EXCLUDED, "--warnings", "off"])
        .args(["--max-failures", "20", "--no-color"])
        // How many of its examples the generator throws away is its own matter, and one of the seed.
        .args(["--suppress-health-check", "filter_too_much"])
        .env("SCHEMATHESIS_HOOKS", "openapi_hooks")
        .env("PYTHONPATH", format!("{ROOT}/tests/clients"))
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .current_dir(home.path());
    finish(&mut schemathesis);
}

/// Checks that the contract contradicts, each for a reason:
/// * unknown fields and parameters are ignored (API.md §1), and some rules are no schema's (blank text);
/// * statuses of a method or a key that is not there are held by tests of our own.
const EXCLUDED: &str = "negative_data_rejection,positive_data_acceptance";

/// The commands and the program of docs/CLIENTS.md.
#[test]
fn a_generated_client_sends_a_message() {
    if !can_import("openapi_python_client", "the generated client of docs/CLIENTS.md") {
        return;
    }
    let page = fs::read_to_string(Path::new(ROOT).join("docs/CLIENTS.md")).unwrap();
    let block = |language: &str| {
        let (_, rest) = page.split_once(&format!("```{language}\n")).unwrap();
        rest.split_once("```").unwrap().0.to_owned()
    };
    let home = TempDir::new().unwrap();
    fs::create_dir(home.path().join("docs")).unwrap();
    fs::copy(Path::new(ROOT).join("docs/openapi.json"), home.path().join("docs/openapi.json")).unwrap();
    let commands = block("sh");
    // What is installed is there already, or the test would not run.
    let generate = commands.lines().find(|line| line.starts_with("openapi-python-client generate")).unwrap();
    let generate = generate.replace("openapi-python-client", "python3 -m openapi_python_client");
    let printed = finish(Command::new("sh").args(["-c", &generate]).current_dir(home.path()));
    assert!(!printed.to_lowercase().contains("warning"), "{printed}");

    let demo = Demo::start();
    let program = block("python").replace("127.0.0.1:8080", demo.address());
    let client = home.path().join("sendyard-client");
    let printed = finish(Command::new("python3").args(["-c", &program]).env("PYTHONPATH", client));
    assert!(["queued", "sending", "sent"].contains(&printed.trim()), "{printed}");
}
