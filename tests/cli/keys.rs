//! `sendyard keys`: made, written into a directory, and recognized.

use std::fs;

use serde_json::json;
use tempfile::TempDir;

use super::{Ended, run, run_with, sendyard};

#[test]
fn a_fresh_key_is_let_in_by_the_line_that_is_printed_with_it() {
    let printed = run(&["keys", "new", "--name", "reports", "--scope", "sms:read"]);
    let value = |name: &str| {
        let line = printed.stdout.lines().find_map(|line| line.strip_prefix(name)).unwrap();
        line.trim().to_owned()
    };
    let (key, line) = (value("key:"), value("directory:"));
    let home = TempDir::new().unwrap();
    let file = home.path().join("directory.toml");
    fs::write(&file, format!("[[organizations]]\nid = 7\nname = \"Acme\"\napi_keys = [{line}]\n")).unwrap();
    let file = file.to_str().unwrap();

    let known = run_with(&format!("{key}\n"), &["keys", "check", file]);
    assert_eq!(
        (known.code, known.stdout.as_str()),
        (Some(0), "\"reports\" of organization 7, scopes sms:read\n")
    );
    let known: Ended =
        sendyard(&["keys", "check", file, "--json"]).env("SENDYARD_API_KEY", &key).output().unwrap().into();
    let expected = json!({ "known": true, "name": "reports", "organization": 7, "scopes": ["sms:read"] });
    assert_eq!(known.json(), expected);
    let unknown = run_with("sy_0", &["keys", "check", file]);
    assert_eq!(unknown.code, Some(3), "{unknown:?}");
    assert!(!format!("{unknown:?}").contains("sy_0"), "a key is not repeated");
}

#[test]
fn the_digest_of_a_key_is_what_the_directory_takes() {
    let new = run(&["keys", "new", "--json"]).json();
    assert_eq!(new["scopes"], json!(["sms:send", "sms:read"]));
    let digest = run_with(new["key"].as_str().unwrap(), &["keys", "digest"]);
    assert_eq!(digest.stdout.trim(), new["directory"]);
    assert_eq!(run_with("\n", &["keys", "digest"]).code, Some(1));
    assert_eq!(run(&["keys", "new", "--scope", "everything"]).code, Some(2));
}
