//! `sendyard import`: each line once, whatever happens.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::fs;
use std::path::PathBuf;

use serde_json::json;

use super::terminal::Terminal;
use super::{Ended, sendyard};
use crate::process::yard::{KEY, PATIENCE, Setup, Yard, eventually};

const CTRL_C: &[u8] = b"\x03";

struct Importing {
    yard: Yard,
    url: String,
}

impl Importing {
    async fn start(setup: &Setup) -> Self {
        let yard = Yard::start(setup).await;
        let url = format!("http://{}", yard.addr());
        Self { yard, url }
    }

    fn file(&self, name: &str) -> PathBuf {
        self.yard.home().join(name)
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.file(name), text).unwrap();
    }

    fn arguments<'a>(&'a self, more: &[&'a str]) -> Vec<&'a str> {
        [&["import", "--server", &self.url, "--key", KEY], more].concat()
    }

    fn import(&self, more: &[&str]) -> Ended {
        sendyard(&self.arguments(more)).current_dir(self.yard.home()).output().unwrap().into()
    }

    fn on_a_terminal(&self, more: &[&str]) -> Terminal {
        Terminal::start(self.yard.home(), &self.arguments(more), &[])
    }

    /// Waits until so many messages are with the provider: their texts, by conversation, in order.
    async fn handed_over(&self, count: u64) -> BTreeMap<(String, String), Vec<String>> {
        eventually("all are handed over", PATIENCE, async || {
            (self.yard.twin.count().await >= count).then_some(())
        })
        .await;
        let mut texts: BTreeMap<(String, String), Vec<String>> = BTreeMap::new();
        for line in self.yard.twin.ledger().await {
            texts.entry((line.from, line.to)).or_default().push(line.text);
        }
        texts
    }
}

const HEAD: &str = "from_phone_number,to_phone_number,message\n";

/// So many messages of one number to 20 recipients, each with its number as the text.
fn messages(count: usize) -> String {
    let mut text = HEAD.to_owned();
    for index in 0..count {
        writeln!(text, "+15550100000,+155502{:05},{index:06}", index % 20).unwrap();
    }
    text
}

/// A number that sends next to nothing, whose queue is full soon.
fn slow_and_small() -> Setup {
    Setup { engine: vec![("queue_limit", "200")], ..Setup::of_numbers(1, &["1/10min"]) }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_that_is_killed_goes_on_and_sends_each_line_once() {
    let mut importing = Importing::start(&slow_and_small()).await;
    importing.write("m.csv", &messages(600));
    let terminal = importing.on_a_terminal(&["m.csv", "--at-a-time", "4"]);
    terminal.shows("The queue of +15550100000 is full").await;
    terminal.shows("/600").await;
    assert!(terminal.screen().contains("left"), "{}", terminal.screen());
    terminal.kill();

    // What was accepted in the last moment before a kill is not noted.
    let notes = fs::read_to_string(importing.file("m.csv.progress")).unwrap();
    let lines: Vec<&str> = notes.lines().collect();
    assert!((101..=210).contains(&lines.len()), "about as many as the queue takes: {}", lines.len());
    importing.write("m.csv.progress", &(lines[..lines.len() - 50].join("\n") + "\n"));

    importing.yard.kill();
    let home = importing.yard.home().to_owned();
    let change = |file: &str, from: &str, to: &str| {
        let text = fs::read_to_string(home.join(file)).unwrap();
        assert!(text.contains(from), "{text}");
        fs::write(home.join(file), text.replace(from, to)).unwrap();
    };
    change("sendyard.toml", "queue_limit = 200", "queue_limit = 200000");
    change("directory.toml", r#"limits = ["1/10min"]"#, "limits = []");
    importing.yard.start_engine().await;

    let ended = importing.import(&["m.csv", "--json"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let result = ended.json();
    let counts = ["lines", "accepted", "refused", "remaining"].map(|name| result[name].as_u64().unwrap());
    assert_eq!(counts, [600, 600, 0, 0], "{result}");
    assert!(result["replayed"].as_u64().unwrap() >= 50, "{result}");

    let texts = importing.handed_over(600).await;
    assert_eq!(texts.values().map(Vec::len).sum::<usize>(), 600);
    for (conversation, texts) in texts {
        assert!(texts.is_sorted_by(|one, next| one < next), "{conversation:?}: {texts:?}");
    }
    // A third run has nothing to do.
    let ended = importing.import(&["m.csv"]);
    assert_eq!((ended.code, importing.yard.twin.count().await), (Some(0), 600));
    assert_eq!(ended.stdout, "lines 600: accepted 600, refused 0, not sent yet 0\n");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ctrl_c_stops_it_kindly() {
    let importing = Importing::start(&slow_and_small()).await;
    importing.write("m.csv", &messages(600));
    let mut terminal = importing.on_a_terminal(&["m.csv"]);
    terminal.shows("The queue of +15550100000 is full").await;
    terminal.press(CTRL_C);
    let (code, screen) = terminal.ended();
    assert_eq!(code, 130, "{screen}");
    assert!(screen.contains("Stopping: what is on its way is waited for."), "{screen}");
    assert!(screen.contains("The same command goes on where it ended."), "{screen}");
    let notes = fs::read_to_string(importing.file("m.csv.progress")).unwrap();
    let accepted = notes.lines().count() - 1;
    assert!(
        screen.contains(&format!("accepted {accepted}, refused 0, not sent yet {}", 600 - accepted)),
        "{screen}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_refused_is_in_a_report_that_can_be_mended_and_imported() {
    let importing = Importing::start(&Setup::of_numbers(1, &[])).await;
    let bad =
        "+15550100000,5550200001,\"no, plus\"\n+15550100000,+15550200002\n+15550109999,+15550200003,x\n";
    importing.write("m.csv", &format!("{HEAD}+15550100000,+15550200000,good\n{bad}"));
    let terminal = importing.on_a_terminal(&["m.csv"]);
    terminal.shows("line 3: Invalid to_phone_number format").await;
    let (code, screen) = terminal.ended();
    assert_eq!(code, 3, "{screen}");
    assert!(screen.contains("lines 4: accepted 1, refused 3, not sent yet 0"), "{screen}");
    assert!(
        screen.contains("line 4: this line has 2 columns, the first line names 3 (unreadable)"),
        "{screen}"
    );
    assert!(
        screen.contains("line 5: No assistant found for phone number +15550109999 (no_assistant)"),
        "{screen}"
    );

    let report = fs::read_to_string(importing.file("m.csv.refused.csv")).unwrap();
    assert!(
        report.starts_with("from_phone_number,to_phone_number,message,_line,_status,_code,_detail\n"),
        "{report}"
    );
    assert!(report.contains("5550200001,\"no, plus\",3,400,invalid_phone_number,"), "{report}");
    let mended: String = report
        .replace(",5550200001", ",+15550200001")
        .replace("+15550100000,+15550200002,,", "+15550100000,+15550200002,two,")
        .replace("+15550109999", "+15550100000");
    importing.write("mended.csv", &mended);
    let ended = importing.import(&["mended.csv"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let texts: Vec<String> = importing.handed_over(4).await.into_values().flatten().collect();
    assert_eq!(texts, ["good", "no, plus", "two", "x"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ndjson_is_imported_alike_and_its_report_too() {
    let importing = Importing::start(&Setup::of_numbers(1, &[])).await;
    let good = json!({ "to_phone_number": "+15550200000", "message": "good", "queue": false });
    let bad = json!({ "to_phone_number": "+15550200001", "message": "" });
    importing.write("m.ndjson", &format!("{good}\n\n{bad}\nnothing\n"));
    let ended = importing.import(&["m.ndjson", "--from", "+15550100000", "--json"]);
    assert_eq!(ended.code, Some(3), "{ended:?}");
    assert_eq!(ended.json()["refused"], 2, "{ended:?}");
    let report = fs::read_to_string(importing.file("m.ndjson.refused.ndjson")).unwrap();
    let mut lines: Vec<serde_json::Value> =
        report.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    lines.sort_by_key(|line| line["_line"].as_u64());
    assert_eq!((&lines[0]["_line"], &lines[0]["_code"]), (&json!(3), &json!("invalid_request")));
    assert_eq!((&lines[1]["_text"], &lines[1]["_code"]), (&json!("nothing"), &json!("unreadable")));
    assert_eq!(importing.handed_over(1).await.len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_that_was_changed_is_not_sent_again() {
    let importing = Importing::start(&Setup::of_numbers(1, &[])).await;
    importing.write("m.csv", &messages(3));
    assert_eq!(importing.import(&["m.csv"]).code, Some(0));
    importing.write("m.csv", &messages(4));
    let ended = importing.import(&["m.csv"]);
    assert_eq!(ended.code, Some(2), "{ended:?}");
    assert!(ended.stderr.contains("m.csv.progress is of another import: the file was changed"), "{ended:?}");
    assert_eq!(importing.handed_over(3).await.values().map(Vec::len).sum::<usize>(), 3);
    // Under other notes it is another import, on purpose.
    let ended = importing.import(&["m.csv", "--notes", "other.progress", "--name", "again"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert_eq!(importing.handed_over(7).await.values().map(Vec::len).sum::<usize>(), 7);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_go_on_ends_with_a_sentence() {
    let mut importing = Importing::start(&Setup::of_numbers(1, &[])).await;
    importing.write("m.csv", &messages(3));
    let said = |more: &[&str], code: i32| {
        let ended = importing.import(more);
        assert_eq!(ended.code, Some(code), "{ended:?}");
        ended.stderr
    };
    assert!(said(&["m.txt"], 2).contains("--format csv"));
    assert!(said(&["gone.csv"], 2).contains("cannot read gone.csv"));
    importing.write("other.csv", "a,b\n1,2\n");
    assert!(said(&["other.csv"], 2).contains("unknown column \"a\""));
    // Without its second quote the second message would go out as a part of the first.
    importing.write(
        "quote.csv",
        &format!("{HEAD}+15550100000,+15550200001,\"one\n+15550100000,+15550200002,two\n"),
    );
    assert!(said(&["quote.csv"], 2).contains("quote.csv, line 2: the quote that opens a column here"));

    let stranger = sendyard(&["import", "--server", &importing.url, "--key", "no", "m.csv"])
        .current_dir(importing.yard.home())
        .output()
        .unwrap();
    let stranger = Ended::from(stranger);
    assert_eq!(stranger.code, Some(1), "{stranger:?}");
    assert!(stranger.stderr.contains("does not know the API key"), "{stranger:?}");

    importing.yard.kill();
    let ended = importing.import(&["m.csv", "--patience", "1ms"]);
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(ended.stderr.contains("no connection; run the same command again"), "{ended:?}");
    assert!(ended.stdout.contains("not sent yet 3"), "{ended:?}");
    importing.yard.start_engine().await;
    assert_eq!(importing.import(&["m.csv"]).code, Some(0));
    assert_eq!(importing.handed_over(3).await.values().map(Vec::len).sum::<usize>(), 3);
}
