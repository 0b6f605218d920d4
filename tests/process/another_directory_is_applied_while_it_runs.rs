//! `sendyard directory apply`, `export` and `reset` on a running service, over restarts.

use std::fs;
use std::process::Output;

use super::yard::{Api, KEY, Setup, Yard};

pub(super) const TOKEN: &str = "the-admin-token";

pub(super) const NEW_KEY: &str = "another-key";

pub(super) const NEW_NUMBER: &str = "+15550109999";

/// With secrets where they may be, another key, and one number more.
pub(super) fn another(directory: &str) -> String {
    let text = directory.replace("auth_token = \"secret\"", "auth_token = \"file:token\"");
    let text = text.replace(KEY, NEW_KEY);
    format!("{text}\n[[numbers]]\nnumber = \"{NEW_NUMBER}\"\nassistant = 1\nlimits = [\"5/s\"]\n")
}

fn run(yard: &Yard, arguments: &[&str]) -> Output {
    let server = format!("http://{}", yard.addr());
    let target = ["--server", &server, "--admin-token", TOKEN];
    yard.run(&[&["directory"], arguments, &target].concat())
}

fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// Who gets in: with the key of the file, with the new one.
pub(super) async fn let_in(api: &Api) -> [bool; 2] {
    let is_let_in = async |key: &str| api.with_key(key).get("/v1/senders").await.unwrap().status == 200;
    [is_let_in(KEY).await, is_let_in(NEW_KEY).await]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_directory_is_applied_while_it_runs() {
    let mut setup = Setup::of_numbers(1, &["5/s"]);
    setup.http = vec![("admin_token", "\"the-admin-token\"")];
    let mut yard = Yard::start(&setup).await;
    fs::write(yard.home().join("token"), "secret\n").unwrap();
    let file = fs::read_to_string(yard.home().join("directory.toml")).unwrap();

    let refused = run(&yard, &["apply", "directory.toml"]);
    assert_eq!(refused.status.code(), Some(2), "{refused:?}");
    assert!(said(&refused).contains("accounts[0].credentials.auth_token: "), "{refused:?}");
    let queued = yard.api.send(NEW_NUMBER, "+15550200001", "too early", true, None).await.unwrap();
    assert_eq!(queued.status, 404);

    fs::write(yard.home().join("new.toml"), another(&file)).unwrap();
    let applied = run(&yard, &["apply", "new.toml"]);
    assert!(applied.status.success() && said(&applied).contains("generation 1, numbers 2"), "{applied:?}");
    assert_eq!(let_in(&yard.api).await, [false, true]);
    let api = yard.api.with_key(NEW_KEY);
    let sent = api.send(NEW_NUMBER, "+15550200001", "from a new number", false, None).await.unwrap();
    assert_eq!(sent.status, 200, "{:?}", sent.body);

    let exported = run(&yard, &["export"]);
    let text = String::from_utf8(exported.stdout).unwrap();
    assert!(text.contains("auth_token = \"file:token\"") && text.contains("sha256:"), "{text}");
    assert!(!text.contains(NEW_KEY) && !text.contains("\"secret\""), "{text}");
    fs::write(yard.home().join("exported.toml"), &text).unwrap();
    let again = run(&yard, &["apply", "exported.toml"]);
    assert!(again.status.success() && said(&again).contains("generation 2, numbers 2"), "{again:?}");
    assert_eq!(
        String::from_utf8(run(&yard, &["export"]).stdout).unwrap(),
        text,
        "a round trip changes nothing"
    );

    yard.terminate();
    assert_eq!(yard.ended().await.code(), Some(0));
    yard.start_engine().await;
    assert_eq!(let_in(&yard.api).await, [false, true], "it wins over the file");
    let sent = api.send(NEW_NUMBER, "+15550200001", "after a restart", false, None).await.unwrap();
    assert_eq!(sent.status, 200, "{:?}", sent.body);

    let reset = run(&yard, &["reset", "--json"]);
    assert!(said(&reset).contains("\"source\":\"file\""), "{reset:?}");
    assert_eq!(let_in(&yard.api).await, [true, false]);
    yard.kill();
    yard.start_engine().await;
    assert_eq!(let_in(&yard.api).await, [true, false], "the file is gone by again");
    assert_eq!(run(&yard, &["export", "--json"]).status.code(), Some(0));
    yard.kill();
    assert_eq!(run(&yard, &["export"]).status.code(), Some(1), "nobody answers");
}

/// What was applied names a secret that is gone: the start says so, and how to start all the same.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_start_that_cannot_go_by_what_was_applied_says_so_and_the_file_is_a_way_out() {
    let mut setup = Setup::of_numbers(1, &["5/s"]);
    setup.http = vec![("admin_token", "\"the-admin-token\"")];
    let mut yard = Yard::start(&setup).await;
    fs::write(yard.home().join("token"), "secret\n").unwrap();
    let file = fs::read_to_string(yard.home().join("directory.toml")).unwrap();
    fs::write(yard.home().join("new.toml"), another(&file)).unwrap();
    assert!(run(&yard, &["apply", "new.toml"]).status.success());
    yard.kill();
    fs::remove_file(yard.home().join("token")).unwrap();

    let refused = yard.serve().output().unwrap();
    assert!(!refused.status.success());
    assert!(said(&refused).contains("accounts[0].credentials.auth_token: cannot read token"), "{refused:?}");

    let mut by_file = yard.serve();
    by_file.env("SENDYARD__DIRECTORY__APPLIED", "false");
    yard.start_engine_as(by_file).await;
    assert_eq!(let_in(&yard.api).await, [true, false]);
    let refused = run(&yard, &["apply", "new.toml"]);
    assert!(said(&refused).contains("directory.applied: is false here"), "{refused:?}");
    yard.kill();
}
