//! `sendyard top`: what its screen shows, and its keys.

use serde_json::json;

use super::run;
use super::terminal::Terminal;
use crate::process::yard::{KEY, PATIENCE, Setup, Yard, eventually};

async fn sender(yard: &Yard, number: &str) -> serde_json::Value {
    yard.api.get(&format!("/v1/senders/{number}")).await.unwrap().body
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_person_watches_pauses_resumes_and_tunes_senders() {
    let setup = Setup::of_numbers(2, &["1/10min"]);
    let yard = Yard::start(&setup).await;
    let url = format!("http://{}", yard.addr());
    let number = setup.numbers[1].number.clone();
    for index in 0..3 {
        yard.api.send(&number, "+15550200000", &index.to_string(), true, None).await.unwrap();
    }
    let arguments = ["top", "--server", &url, "--key", KEY, "--every", "50ms"];
    let mut terminal = Terminal::start(yard.home(), &arguments, &[]);
    terminal.shows(&number).await;
    terminal.shows("pace 1/10min").await;
    terminal.shows("1 of 1/10min").await;
    terminal.shows("closed").await;

    terminal.press(b"\x1b[B");
    terminal.press(b"p");
    terminal.shows("paused").await;
    assert_eq!(sender(&yard, &number).await["paused"], true);
    terminal.press(b"r");
    eventually("it is resumed", PATIENCE, async || {
        (sender(&yard, &number).await["paused"] == false).then_some(())
    })
    .await;
    terminal.press(b"t");
    terminal.shows("limits, with commas").await;
    terminal.press(b"20/s, 5/min\r");
    terminal.shows("of 20/s").await;
    let limits = sender(&yard, &number).await["limits"].clone();
    assert_eq!(json!([limits[0]["limit"], limits[1]["limit"]]), json!(["20/s", "5/min"]));

    terminal.press(b"t");
    terminal.shows("limits, with commas").await;
    terminal.press(b"fast\r");
    terminal.shows("limits").await;
    terminal.press(b"q");
    let (code, screen) = terminal.ended();
    assert_eq!(code, 0, "{screen}");
    assert!(!screen.contains("NUMBER"), "it leaves the screen as it was: {screen}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_signal_leaves_the_terminal_as_it_was() {
    let setup = Setup::of_numbers(1, &["1/10min"]);
    let yard = Yard::start(&setup).await;
    let url = format!("http://{}", yard.addr());
    let arguments = ["top", "--server", &url, "--key", KEY, "--every", "50ms"];
    for (signal, expected) in [("TERM", 143), ("HUP", 129), ("INT", 130)] {
        let terminal = Terminal::start(yard.home(), &arguments, &[]);
        // The program changes them only once it reads keys.
        let before = terminal.modes();
        terminal.shows("NUMBER").await;
        eventually("a key is waited for", PATIENCE, async || (terminal.modes() != before).then_some(()))
            .await;
        terminal.signal(signal);
        eventually("its modes are as before", PATIENCE, async || (terminal.modes() == before).then_some(()))
            .await;
        let (code, screen) = terminal.ended();
        assert_eq!(code, expected, "{signal}: {screen}");
        assert!(!screen.contains("NUMBER"), "it leaves the screen as it was: {screen}");
    }
}

/// A server that hangs keeps nobody waiting for the half minute after which it is given up.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_ends_by_its_key_while_the_server_hangs() {
    let setup = Setup::of_numbers(1, &["1/10min"]);
    let yard = Yard::start(&setup).await;
    let url = format!("http://{}", yard.addr());
    let arguments = ["top", "--server", &url, "--key", KEY, "--every", "50ms"];
    let mut terminal = Terminal::start(yard.home(), &arguments, &[]);
    terminal.shows("NUMBER").await;
    yard.signal("STOP");
    // Each of these would be half a minute.
    terminal.press(b"ppp");
    terminal.press(b"t");
    terminal.shows("limits, with commas").await;
    terminal.press(b"\x03");
    terminal.press(b"q");
    let (code, screen) = terminal.ended();
    yard.signal("CONT");
    assert_eq!(code, 0, "{screen}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_says_that_no_server_is_there_and_no_more_once_it_is_back() {
    let setup = Setup::of_numbers(1, &["1/10min"]);
    let mut yard = Yard::start(&setup).await;
    let url = format!("http://{}", yard.addr());
    let arguments = ["top", "--server", &url, "--key", KEY, "--every", "50ms"];
    let terminal = Terminal::start(yard.home(), &arguments, &[]);
    terminal.shows("up, down: choose").await;
    yard.kill();
    terminal.shows("is a server there?").await;
    yard.start_engine().await;
    terminal.shows("up, down: choose").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_program_reads_one_object_or_plain_lines() {
    let setup = Setup::of_numbers(2, &["1/10min"]);
    let yard = Yard::start(&setup).await;
    let url = format!("http://{}", yard.addr());
    let top = |more: &[&str]| run(&[&["top", "--server", &url, "--key", KEY], more].concat());
    let printed = top(&["--json"]).json();
    assert_eq!(printed["senders"][1]["number"], setup.numbers[1].number.as_str());
    assert_eq!(printed["more"], false);
    let plain = top(&[]);
    assert_eq!(plain.code, Some(0), "{plain:?}");
    assert!(plain.stdout.contains(&setup.numbers[0].number) && !plain.stdout.contains('\x1b'), "{plain:?}");
    let refused = run(&["top", "--server", &url, "--key", "another"]);
    assert_eq!(refused.code, Some(1), "{refused:?}");
}
