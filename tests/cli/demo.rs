//! `sendyard demo` on a terminal: what it prints, its tour, and its end.

use sendyard::client::{Client, Server};
use serde_json::json;
use tempfile::TempDir;

use super::terminal::Terminal;

const CTRL_C: &[u8] = b"\x03";
const OVER: &str = "The tour is over";
const TABLE: &str = "HANDED OVER";

fn start(more: &[&str]) -> (TempDir, Terminal) {
    let home = TempDir::new().unwrap();
    let arguments = [&["demo", "--listen", "127.0.0.1:0"], more].concat();
    let terminal = Terminal::start(home.path(), &arguments, &[]);
    (home, terminal)
}

fn client_of(terminal: &Terminal) -> Client {
    let screen = terminal.screen();
    let (_, rest) = screen.split_once("Sendyard runs on ").unwrap();
    let (url, _) = rest.split_once(". ").unwrap();
    Client::new(&Server { url: url.parse().unwrap(), key: "sendyard-demo".into() }, 1).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn its_tour_tunes_and_pauses_while_it_serves_and_leaves_everything_as_it_was() {
    let (_home, mut terminal) = start(&[]);
    terminal.shows("Stop with Ctrl-C").await;
    let client = client_of(&terminal);
    let message = json!({
        "from_phone_number": "+1234567890", "to_phone_number": "+1555123456", "message": "Hello from curl",
    });
    let body = message.to_string().into_bytes();
    let sent = client.post("/sms/send", body, None).await.unwrap();
    assert_eq!((sent.status, &sent.body["success"]), (200, &json!(true)), "{sent:?}");

    terminal.shows(TABLE).await;
    terminal.shows("4/s (tuned)").await;
    terminal.shows("paused").await;
    terminal.shows("was resumed").await;
    terminal.shows(OVER).await;
    let screen = terminal.screen();
    assert_eq!(screen.matches(TABLE).count(), 1, "it is drawn in its place: {screen}");
    for number in ["+1234567890", "+15550100010", "+15550100006"] {
        let sender = client.get(&format!("/v1/senders/{number}")).await.unwrap().body;
        assert_eq!((&sender["limits_from"], &sender["paused"]), (&json!("directory"), &json!(false)));
    }
    terminal.press(CTRL_C);
    assert_eq!(terminal.ended().0, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_its_tour_and_with_data_that_are_kept_it_is_as_quiet_as_in_a_pipe() {
    for more in [&["--no-tour"][..], &["--data", "kept"]] {
        let (_home, mut terminal) = start(more);
        terminal.shows("Stop with Ctrl-C").await;
        let queued =
            client_of(&terminal).get("/v1/senders/+15550100010").await.unwrap().body["queued"].clone();
        assert_eq!(queued, json!(0), "{more:?}");
        terminal.press(CTRL_C);
        let (code, screen) = terminal.ended();
        assert_eq!(code, 0, "{screen}");
        assert!(!screen.contains(TABLE), "{more:?}: {screen}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn its_tour_may_be_cut_short() {
    let (_home, mut terminal) = start(&[]);
    terminal.shows(TABLE).await;
    terminal.press(CTRL_C);
    let (code, screen) = terminal.ended();
    assert!(code == 0 && !screen.contains(OVER), "{code}: {screen}");
}
