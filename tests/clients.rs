//! Programs of others against the real program: the official SDK here, the README's in `readme`.

use std::process::Command;

pub(crate) mod demo;
mod openapi;

use self::demo::{Demo, finish, skip};

/// At six segments a minute its second message waits, so that there is something to cancel.
const SENDER: &str = "+15550100006";

#[test]
fn the_official_python_sdk_works_unchanged() {
    let importing = Command::new("python3").args(["-c", "import burki"]).output();
    if !importing.is_ok_and(|importing| importing.status.success()) {
        skip("the official Python SDK: python3 has no package `burki` (pip install burki==0.1.2)");
        return;
    }
    let demo = Demo::start();
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/clients/burki_sdk.py");
    let mut python = Command::new("python3");
    python.args([script, &demo.url(), "sendyard-demo", SENDER, "+1555123456"]);
    assert_eq!(finish(&mut python), "every call worked\n");
}
