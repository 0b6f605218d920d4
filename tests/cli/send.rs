//! `sendyard send`: one message, and what is said of it.

use serde_json::json;
use vt100::Color;

use super::terminal::Terminal;
use super::{Ended, run, run_with};
use crate::process::yard::{KEY, Setup, Yard};

const GREEN: Color = Color::Idx(2);
const RED: Color = Color::Idx(1);

const TO: &str = "+15550200000";

struct Sending {
    yard: Yard,
    url: String,
    from: String,
}

impl Sending {
    async fn start() -> Self {
        let setup = Setup::of_numbers(1, &[]);
        let yard = Yard::start(&setup).await;
        let url = format!("http://{}", yard.addr());
        Self { yard, url, from: setup.numbers[0].number.clone() }
    }

    fn arguments<'a>(&'a self, more: &[&'a str]) -> Vec<&'a str> {
        let common = ["send", "--server", &self.url, "--key", KEY, "--from", &self.from, "--to", TO];
        [&common, more].concat()
    }

    fn send(&self, more: &[&str]) -> Ended {
        run(&self.arguments(more))
    }

    fn on_a_terminal(&self, more: &[&str], environment: &[(&str, &str)]) -> Terminal {
        Terminal::start(self.yard.home(), &self.arguments(more), environment)
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_person_sees_where_the_message_stands_in_colour() {
    let sending = Sending::start().await;
    let terminal = sending.on_a_terminal(&["hello", "--wait"], &[]);
    terminal.shows("queued").await;
    terminal.shows("the provider's id is SM").await;
    assert_eq!((terminal.colour_of("queued"), terminal.colour_of("sent ")), (GREEN, GREEN));
    assert_eq!(terminal.ended().0, 0);

    let terminal = sending.on_a_terminal(&["--media", "ftp://x", "hello"], &[]);
    terminal.shows("(invalid_request)").await;
    assert_eq!(terminal.colour_of("refused"), RED);
    let (code, screen) = terminal.ended();
    assert_eq!(code, 3);
    assert!(screen.contains(&format!("help: {}/docs/errors#invalid_request", sending.url)), "{screen}");

    let terminal = sending.on_a_terminal(&["hello"], &[("NO_COLOR", "1")]);
    terminal.shows("queued").await;
    assert_eq!(terminal.colour_of("queued"), Color::Default);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_program_reads_plain_text_or_one_json_object() {
    let sending = Sending::start().await;
    let plain = sending.send(&["hello"]);
    assert_eq!(plain.code, Some(0), "{plain:?}");
    assert!(plain.stdout.starts_with("queued ") && !plain.stdout.contains('\x1b'), "{plain:?}");
    assert_eq!(plain.stderr, "");

    let answer = sending.send(&["hello", "--json"]).json();
    assert_eq!((&answer["success"], &answer["status"]), (&json!(true), &json!("queued")));
    let answer = sending.send(&["hello", "--wait", "--json"]).json();
    assert_eq!(answer["status"], "sent");
    let noted =
        ["hello", "--client-reference", "order 7", "--metadata", "shop=a=b", "--lane", "bulk", "--json"];
    let id = sending.send(&noted).json()["message_id"].as_str().unwrap().to_owned();
    let message = sending.yard.api.get(&format!("/v1/messages/{id}")).await.unwrap().body;
    assert_eq!(message["client_reference"], "order 7");
    assert_eq!(message["metadata"], json!({ "shop": "a=b" }));
    let sent = sending.send(&["hello", "--now", "--json"]);
    assert_eq!((sent.code, &sent.json()["status"]), (Some(0), &json!("sent")));
    let refused = sending.send(&["", "--json"]);
    assert_eq!((refused.code, &refused.json()["code"]), (Some(3), &json!("invalid_request")));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_text_may_come_from_a_pipe_and_a_key_makes_a_repeat_safe() {
    let sending = Sending::start().await;
    let arguments = sending.arguments(&["-", "--idempotency-key", "once", "--wait", "--json"]);
    let first = run_with("from a pipe\n", &arguments);
    let second = run_with("from a pipe\n", &arguments);
    assert_eq!(first.json()["message_id"], second.json()["message_id"], "{second:?}");
    let ledger = sending.yard.twin.ledger().await;
    assert_eq!(ledger.iter().map(|line| line.text.as_str()).collect::<Vec<_>>(), ["from a pipe"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_nobody_knows_has_a_code_of_its_own() {
    let sending = Sending::start().await;
    sending.yard.twin.set_faults(&json!({ "rules": [{ "cut_after_body": { "share": 1 } }] })).await;
    let ended = sending.send(&["hello", "--now"]);
    assert_eq!(ended.code, Some(4), "{ended:?}");
    assert!(ended.stdout.starts_with("unknown "), "{ended:?}");
    assert!(ended.stdout.contains("--idempotency-key send-"), "{ended:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_or_a_server_that_is_none_is_said_with_what_to_do() {
    let sending = Sending::start().await;
    let ended = sending.send(&["hello", "--key", "another"]);
    assert!(ended.code == Some(2), "an option given twice: {ended:?}");
    let at = |url: &str, key: &str| {
        run(&["send", "--server", url, "--key", key, "--from", &sending.from, "--to", TO, "hello"])
    };
    let ended = at(&sending.url, "another");
    assert_eq!(ended.code, Some(1));
    assert!(ended.stderr.contains("--key or SENDYARD_API_KEY"), "{ended:?}");
    let ended = at("http://127.0.0.1:1", KEY);
    assert_eq!(ended.code, Some(1));
    assert!(ended.stderr.contains("no connection; repeat the command with this key"), "{ended:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_program_reads_also_why_there_is_no_answer() {
    let sending = Sending::start().await;
    let at = |url: &str, key: &str| {
        run(&["send", "--json", "--server", url, "--key", key, "--from", &sending.from, "--to", TO, "hello"])
    };
    let ended = at(&sending.url, "another");
    assert_eq!((ended.code, &ended.json()["code"]), (Some(1), &json!("unauthorized")), "{ended:?}");
    let ended = at("http://127.0.0.1:1", KEY);
    assert_eq!((ended.code, &ended.json()["detail"]), (Some(1), &json!("no connection")), "{ended:?}");
    // One that takes the request, and then hangs up, may have done it.
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let server = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let read = std::io::Read::read(&mut stream, &mut [0; 4096]).unwrap();
        assert!(read > 0);
    });
    let ended = at(&url, KEY);
    server.join().unwrap();
    assert_eq!(ended.code, Some(4), "{ended:?}");
    assert!(ended.json()["idempotency_key"].as_str().unwrap().starts_with("send-"), "{ended:?}");
}
