//! A run that cannot be, and one whose requests are refused, end with 1 and say what to do.

use super::{run, twin_url};
use crate::process::yard::{KEY, Setup, Yard};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn refusals_are_counted_by_code_and_come_with_advice() {
    let setup = Setup::of_numbers(1, &[]);
    let yard = Yard::start(&setup).await;
    let url = format!("http://{}", yard.addr());
    let wrong_sender = ["load", "--url", &url, "--key", KEY, "--senders", "+15559999999", "--messages", "5"];
    let ended = run(&yard, &wrong_sender);
    let rows = ended.stdout.lines().filter(|line| line.starts_with("404 no_assistant")).count();
    assert_eq!(rows, 1, "{}", ended.stdout);
    for part in ["as expected 0, otherwise 5", "+15559999999", "! 404 no_assistant: name numbers"] {
        assert!(ended.stdout.contains(part), "{part}: {}", ended.stdout);
    }
    assert_eq!(ended.code, Some(1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_that_cannot_be_sends_nothing() {
    let setup = Setup::of_numbers(1, &[]);
    let yard = Yard::start(&setup).await;
    let (url, twin) = (format!("http://{}", yard.addr()), twin_url(&yard));
    let nobody = "http://127.0.0.1:1";
    let common = ["load", "--senders", "1"];
    let table: [(&[&str], i32, &str); 13] = [
        (&["--url", &url, "--key", "another"], 1, "does not know the API key"),
        (&["--url", &url, "--key", "two\nlines"], 1, "characters that no header may have"),
        (&["--url", nobody, "--key", KEY], 1, "name the right one with --url"),
        (&["--url", &twin, "--key", KEY], 1, "is this a Sendyard server"),
        (&["--url", &url, "--key", KEY, "--twin", nobody], 1, "name the right one with --twin"),
        (&["--url", &url, "--key", KEY, "--twin", &url], 1, "is this a twin's address?"),
        (&["--url", &url, "--key", KEY, "--queued", "0"], 1, "one of them above 0"),
        (&["--url", &url, "--key", KEY, "--yardstick", "hand-over"], 1, "with --twin"),
        (
            &["--url", &url, "--key", KEY, "--yardstick", "hand-over", "--twin", &twin, "--duration", "1s"],
            1,
            "use --messages",
        ),
        (
            &["--url", &url, "--key", KEY, "--yardstick", "accept", "--messages", "2000000"],
            1,
            "1000000 messages at the most",
        ),
        (&["--url", "https://127.0.0.1:1", "--key", KEY, "--yardstick", "accept"], 1, "speaks http only"),
        (&["--url", "http://me:secret@127.0.0.1:1", "--key", KEY], 2, "without a user"),
        (&["--url", &url], 2, "--key"),
    ];
    for (arguments, code, part) in table {
        let ended = run(&yard, &[&common, arguments].concat());
        assert!(ended.stderr.contains(part), "{arguments:?}: {}", ended.stderr);
        assert_eq!((ended.code, ended.stdout.as_str()), (Some(code), ""), "{arguments:?}");
    }
    assert_eq!(yard.twin.count().await, 0);
}
