//! `sendyard directory check`: every mistake at once.

use std::fs;

use serde_json::json;
use tempfile::TempDir;

use super::{Ended, run};

fn check(text: &str, more: &[&str]) -> Ended {
    let home = TempDir::new().unwrap();
    let file = home.path().join("directory.toml");
    fs::write(&file, text).unwrap();
    run(&[&["directory", "check", file.to_str().unwrap()], more].concat())
}

const GOOD: &str = r#"
[[organizations]]
id = 1
name = "Acme"
api_keys = [{ name = "default", key = "acme-key", scopes = ["sms:send"] }]

[[accounts]]
name = "acme"
organization = 1
provider = "telnyx"
credentials = { api_key = "KEYx" }

[[assistants]]
id = 1
organization = 1
name = "Bot"
account = "acme"

[[numbers]]
number = "+1234567890"
assistant = 1
"#;

#[test]
fn a_good_one_is_called_good() {
    let ended = check(GOOD, &[]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(ended.stdout.contains("is good: numbers 1, accounts 1, API keys 1"), "{ended:?}");
    assert_eq!(check(GOOD, &["--json"]).json()["mistakes"], json!([]));
}

#[test]
fn every_mistake_is_said_where_it_is_and_none_twice() {
    let text = format!(
        r#"{GOOD}
[[organizations]]
id = 2
name = "Globex"
api_keys = [
  {{ name = "a", key = "env:NOT_SET", scopes = ["sms:send"] }},
  {{ name = "b", key = "acme-key", scopes = ["sms:send"] }},
  {{ name = "c", key = "c", scopes = ["sms:everything"] }},
  {{ name = "d", key = "d", scopes = ["admin"] }},
]

[[accounts]]
name = "broken"
organization = 2
provider = "pigeon"
credentials = {{}}

[[accounts]]
name = "strange"
organization = 9
provider = "telnyx"
credentials = {{ api_key = "KEYy" }}

[[assistants]]
id = 2
organization = 2
name = "Of the broken one"
account = "broken"

[[assistants]]
id = 3
organization = 2
name = "Of another"
account = "acme"

[[numbers]]
number = "+15550100001"
assistant = 2

[[numbers]]
number = "12"
assistant = 1

[[numbers]]
number = "+15550100002"
assistant = 1
limits = ["fast"]

[[numbers]]
number = "+15550100003"
assistant = 1
colour = "red"
"#
    );
    let ended = check(&text, &["--json"]);
    assert_eq!(ended.code, Some(2), "{ended:?}");
    let mistakes: Vec<String> = serde_json::from_value(ended.json()["mistakes"].take()).unwrap();
    let mut places: Vec<&str> =
        mistakes.iter().map(|sentence| sentence.split_once(": ").unwrap().0).collect();
    places.sort_unstable();
    let expected = [
        "accounts[1].provider",
        "accounts[2].organization",
        "assistants[2].account",
        "numbers[2].number",
        "numbers[3].limits[0]",
        "numbers[4].colour",
        "organizations[1].api_keys[0].key",
        "organizations[1].api_keys[1].key",
        "organizations[1].api_keys[2].scopes[0]",
    ];
    assert_eq!(places, expected, "{mistakes:#?}");

    let ended = check(&text, &[]);
    assert_eq!(ended.stderr.lines().filter(|line| line.starts_with("sendyard: ")).count(), 9, "{ended:?}");
}

#[test]
fn what_is_no_directory_is_said_in_one_sentence() {
    let ended = check("[[numbers]\n", &[]);
    assert_eq!(ended.code, Some(2));
    assert!(ended.stderr.contains("directory.toml, line 1: not TOML"), "{ended:?}");
    let ended = check("nonsense = 1\n[more]\n", &[]);
    assert_eq!((ended.code, ended.stderr.lines().count()), (Some(2), 2), "{ended:?}");
    assert_eq!(run(&["directory", "check", "/nowhere/directory.toml"]).code, Some(2));
}
